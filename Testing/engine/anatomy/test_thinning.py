"""The skeleton is that of another library, and keeps what the mask has."""

import numpy as np
import pytest
from hypothesis import given, settings
from skimage.morphology import thin

from engine.shapes import random_masks
from rncarefine.anatomy.thinning import thinned
from rncarefine.anatomy.topology import betti_2d


@settings(max_examples=300)
@given(random_masks(16, 16))
def test_the_skeleton_is_that_of_scikit_image(mask):
    np.testing.assert_array_equal(thinned(mask), thin(mask))


@settings(max_examples=100)
@given(random_masks(16, 16))
def test_the_topology_stays_and_nothing_is_added(mask):
    skeleton = thinned(mask)
    assert betti_2d(skeleton) == betti_2d(mask)
    assert not (skeleton & (mask == 0)).any()
    np.testing.assert_array_equal(thinned(skeleton), skeleton)


def test_a_mask_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="dimensions"):
        thinned(np.ones((2, 2, 2)))
