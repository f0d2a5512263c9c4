"""The shape of a piece: its hull and its deepest notch."""

import pytest

from engine.shapes import CENTRE, SPACING, disc, picture, ring
from rncarefine.anatomy.shape import deepest_notch


def test_notch_depth_of_horseshoe_and_disc():
    notch = deepest_notch(ring(), SPACING)
    assert notch.place == pytest.approx(CENTRE, abs=1.0)
    assert notch.depth_mm == pytest.approx(26, abs=2)
    assert notch.relative == pytest.approx(1, abs=0.05)
    assert deepest_notch(disc(), SPACING).relative < 0.1
    assert deepest_notch(picture("#"), SPACING).depth_mm == 0
