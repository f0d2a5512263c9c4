"""The baselines: what each does to a wall that one can check by hand."""

import numpy as np
import pytest
from hypothesis import given

from engine.shapes import SPACING, blob, horseshoe, random_masks, ring
from rncarefine.anatomy.topology import betti_2d
from rncarefine_training.evaluate.baselines import BASELINES, CLOSING_MM, close


def test_the_largest_component_drops_loose_pieces_and_closes_nothing():
    wall, keep_largest = horseshoe(), BASELINES["largest component"]
    np.testing.assert_array_equal(keep_largest(wall | blob((6, 6), 4), SPACING), wall)
    np.testing.assert_array_equal(keep_largest(wall, SPACING), wall)


@pytest.mark.parametrize(("width", "closed"), [(10, True), (20, True), (60, False), (150, False)])
def test_closing_closes_narrow_gaps_and_not_wide_ones(width, closed):
    # At 22 mm from the centre, 20 degrees are 8 mm, and 60 degrees 22 mm: the disc of 16 mm fits in.
    assert (betti_2d(close(horseshoe(width), SPACING)) == (1, 1)) == closed


def test_closing_never_removes_wall_of_the_largest_piece():
    wall = horseshoe(40)
    assert not (wall & (1 - close(wall | blob((6, 6), 4), SPACING))).any()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("distance_mm", "filled"), [(1.6 * CLOSING_MM, True), (2.4 * CLOSING_MM, False)])
def test_the_disc_of_the_closing_is_round_in_mm(axis, distance_mm, filled):
    # Two bars on a common foot: what lies between them is filled if the disc does not fit in.
    apart = round(distance_mm / SPACING[axis])
    mask = np.zeros((60, 60), np.uint8)
    turned = np.moveaxis(mask, axis, 0)
    turned[20, 15:45] = turned[20 + apart, 15:45] = 1
    turned[20 : 21 + apart, 15] = 1
    between = np.moveaxis(close(mask, SPACING), axis, 0)[20 + apart // 2, 35]
    assert bool(between) == filled


def test_closing_at_the_border_of_the_slice_does_not_fill_it():
    wall = np.zeros((40, 40), np.uint8)
    wall[:3] = 1
    np.testing.assert_array_equal(close(wall, SPACING), wall)


@pytest.mark.parametrize("name", BASELINES)
@given(mask=random_masks(24, 24))
def test_baselines_keep_shape_and_input(name, mask):
    kept = mask.copy()
    result = BASELINES[name](mask, SPACING)
    assert result.shape == mask.shape
    assert result.dtype == np.uint8
    assert set(np.unique(result)) <= {0, 1}
    np.testing.assert_array_equal(mask, kept)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_leaves_a_ring_in_its_place(name):
    done = BASELINES[name](ring(), SPACING)
    assert 2 * (done & ring()).sum() / (done.sum() + ring().sum()) > 0.97
