"""Masks of a repair as the text of a tag."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from engine.report_samples import broken_stack
from rncarefine.refine.repair_masks import RepairMasks

NAMES = ("wall_before", "wall_after", "pool_before", "pool_after")


@st.composite
def masks(draw):
    mask = arrays(np.uint8, draw(array_shapes(min_dims=3, max_dims=3, max_side=7)), elements=st.integers(0, 1))
    shape = draw(mask).shape
    one = arrays(np.uint8, shape, elements=st.integers(0, 1))
    pools = draw(st.tuples(one, one) | st.just((None, None)))
    return RepairMasks(draw(one), draw(one), *pools)


@given(masks())
def test_masks_come_back_from_their_text(masks):
    again = RepairMasks.from_text(masks.to_text())
    for name in NAMES:
        wanted = getattr(masks, name)
        found = getattr(again, name)
        assert (found is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype == np.uint8


@given(masks())
def test_the_text_fits_into_a_tag(masks):
    text = masks.to_text()
    assert text.isascii()
    assert text.isprintable()
    assert "|" not in text


def test_the_text_of_a_whole_stack_is_short():
    j, i = np.indices((256, 256))
    distance = np.hypot(j - 120, i - 130)
    wall = np.stack([(distance > 20 - k) & (distance < 32 - k) for k in range(12)]).astype(np.uint8)
    pool = np.stack([distance <= 20 - k for k in range(12)]).astype(np.uint8)
    text = RepairMasks(wall, wall, pool, pool).to_text()
    assert len(text) < 12 * 4 * 500


def test_a_slice_is_changed_if_its_wall_or_its_pool_is():
    zeros = np.zeros((4, 2, 2), np.uint8)
    wall, pool = zeros.copy(), zeros.copy()
    wall[1, 0, 0] = 1
    pool[2, 0, 0] = 1
    assert [RepairMasks(zeros, wall).changed(k) for k in range(4)] == [False, True, False, False]
    assert [RepairMasks(zeros, wall, zeros, pool).changed(k) for k in range(4)] == [False, True, True, False]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"shape":[1,1,1]}', '{"shape":[1],"wall_before":"?"}'])
def test_a_text_from_elsewhere_is_refused(text):
    with pytest.raises(ValueError, match="Not the masks of a repair"):
        RepairMasks.from_text(text)


def test_a_text_that_was_cut_or_spoilt_is_refused():
    wall = broken_stack()[1]
    content = json.loads(RepairMasks(wall, wall).to_text())
    for spoilt in (content["wall_after"][:-8], content["wall_after"][8:], "AAAA"):
        with pytest.raises(ValueError, match="Not the masks of a repair"):
            RepairMasks.from_text(json.dumps({**content, "wall_after": spoilt}))
    with pytest.raises(ValueError, match="Not the masks of a repair"):
        RepairMasks.from_text(json.dumps({**content, "shape": [99, *wall.shape[1:]]}))
