"""The shape of a piece: its hull and its deepest notch; the field of view of a padded image."""

import numpy as np
import pytest

from engine.shapes import CENTRE, SPACING, disc, picture, ring
from rncarefine.anatomy.shape import deepest_notch, field_of_view


def test_notch_depth_of_horseshoe_and_disc():
    notch = deepest_notch(ring(), SPACING)
    assert notch.place == pytest.approx(CENTRE, abs=1.0)
    assert notch.depth_mm == pytest.approx(26, abs=2)
    assert notch.relative == pytest.approx(1, abs=0.05)
    assert deepest_notch(disc(), SPACING).relative < 0.1
    assert deepest_notch(picture("#"), SPACING).depth_mm == 0


@pytest.mark.parametrize("value", [0, -7])
@pytest.mark.parametrize("around", [((0, 0), (0, 0)), ((3, 5), (20, 30)), ((0, 4), (0, 0)), ((0, 0), (6, 0))])
def test_constant_padding_is_outside_the_field_of_view(around, value):
    image = np.random.default_rng(0).integers(0, 9, (3, 12, 10))
    padded = np.pad(image, ((0, 0), *around), constant_values=value)
    (top, _), (left, _) = around
    assert field_of_view(padded) == (slice(top, top + 12), slice(left, left + 10))


def test_an_empty_background_is_no_padding():
    image = np.stack([3 * disc(), 2 * disc(20)])
    assert field_of_view(image) == (slice(0, image.shape[1]), slice(0, image.shape[2]))
