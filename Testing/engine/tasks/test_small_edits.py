"""Small edits of a wall: what is given stays, but for gaps, pores and loose components."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from engine.shapes import CENTRE, SHAPE, SPACING, blob, disc, horseshoe, ring
from engine.toy_stacks import gap
from rncarefine.anatomy.topology import betti_2d, fill_holes
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.tasks.ring.small_edits import MAX_MISSING, clean, close_gaps

WALL = ring(16.8, 24.8)


def test_cleaning_fills_pores_and_drops_components():
    pore = blob((CENTRE[0], CENTRE[1] + 22 / 1.25), 1.6)
    assert (pore & ring()).any()
    strewn = (ring() & (1 - pore)) | blob((66, 4), 3)
    np.testing.assert_array_equal(clean(strewn, None, SPACING), ring())
    np.testing.assert_array_equal(clean(strewn, disc(18), SPACING), ring())
    np.testing.assert_array_equal(clean(ring(), disc(18), SPACING), ring())


@pytest.mark.parametrize("wall", [horseshoe(60), disc(20), np.zeros(SHAPE, np.uint8)], ids=["gap", "solid", "empty"])
def test_what_cleaning_does_not_close_is_not_cleaned(wall):
    assert clean(wall, None, SPACING) is None


def test_a_hole_without_the_blood_pool_is_not_kept_as_the_cavity():
    assert clean(ring() | blob((66, 4), 3), blob((66, 70), 4), SPACING) is None


@given(start=st.integers(0, 359), width=st.integers(10, 80), shift=st.floats(-1.2, 1.2))
@settings(max_examples=40, deadline=None)
def test_gap_is_closed_without_other_changes(start, width, shift):
    cut = WALL & gap(width, start)
    proposed = ring(16.8 + shift, 24.8 + shift)
    closed = close_gaps(cut, proposed, SPACING)
    assert closed is not None
    assert is_ring(closed)
    assert not (cut & (1 - closed)).any()
    beyond = closed & (1 - cut)
    assert not (beyond & (1 - (proposed | WALL))).any()
    # Outside the gap and its seams the wall is as it was.
    assert not (beyond & gap(width + 40, start)).any()


def test_loose_components_go_and_pores_are_filled():
    pore = blob((CENTRE[0], CENTRE[1] + 21 / 1.25), 1.6)
    strewn = (WALL & (1 - pore) & gap(30, 90)) | blob((66, 4), 3)
    closed = close_gaps(strewn, WALL, SPACING)
    np.testing.assert_array_equal(closed, WALL)


@pytest.mark.parametrize(("inner", "away"), [(7, 36), (9, 34)])
def test_the_cavity_of_another_wall_is_not_filled(inner, away):
    both = WALL | ring(inner, inner + 5, centre=(CENTRE[0], CENTRE[1] + away / 1.25))
    assert betti_2d(both) == (1, 2)
    assert clean(both, None, SPACING) is None
    assert close_gaps(both, WALL, SPACING) is None


@pytest.mark.parametrize("inside", [False, True])
def test_a_speck_at_a_corner_of_the_wall_goes(inside):
    closed = ndimage.binary_dilation(WALL)  # with everything that shares an edge with the wall
    corners = ndimage.binary_dilation(WALL, np.ones((3, 3))) & ~closed & ((fill_holes(WALL) > 0) == inside)
    speck = np.zeros(SHAPE, np.uint8)
    speck[tuple(np.argwhere(corners)[0])] = 1
    assert not is_ring(WALL | speck)
    np.testing.assert_array_equal(clean(WALL | speck, None, SPACING), WALL)
    np.testing.assert_array_equal(close_gaps(WALL | speck, WALL, SPACING), WALL)


@pytest.mark.parametrize(
    ("near", "proposed"),
    [
        (WALL & gap(360 * MAX_MISSING + 10, 0), WALL),
        (WALL & gap(40, 0), ring(21, 32)),
        (np.zeros(SHAPE, np.uint8), WALL),
        (WALL & gap(40, 0), WALL & gap(20, 100)),
    ],
    ids=["too much missing", "another wall", "nothing", "no ring proposed"],
)
def test_a_wall_that_is_not_worth_keeping_is_not_kept(near, proposed):
    assert close_gaps(near, proposed, SPACING) is None


@pytest.mark.parametrize(("shift", "kept"), [(3.0, True), (4.8, False)])
def test_a_wall_is_kept_at_an_agreement_of_one_half(shift, kept):
    proposed = ring(16.8 + shift, 24.8 + shift)
    overlap = 2 * (WALL & proposed).sum() / (WALL.sum() + proposed.sum())
    assert 0.52 < overlap < 0.68 if kept else 0.3 < overlap < 0.48
    closed = close_gaps(WALL & gap(40, 0), proposed, SPACING)
    assert (closed is not None and is_ring(closed)) == kept
