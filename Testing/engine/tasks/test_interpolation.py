"""The interpolation, which must close whatever can be closed."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage

from engine.shapes import CENTRE, SHAPE, SPACING, blob, disc, horseshoe, picture, polar_grid, random_masks, ring, turned
from rncarefine.anatomy.circle import fit_circle, wall_centre
from rncarefine.anatomy.topology import betti_2d
from rncarefine.refine.metrics import dice
from rncarefine.tasks.ring.interpolation import between_slices, polar_interpolation, propose_by_interpolation
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import Expectation


@pytest.mark.parametrize("towards", [0.0, 90.0, 179.0, -135.0])
@pytest.mark.parametrize("gap", [5.0, 30.0, 90.0, 150.0])
def test_interpolation_closes_a_gap_with_the_wall_that_was_there(gap, towards):
    broken = horseshoe(gap, towards)
    assert betti_2d(broken) == (1, 0)
    closed = polar_interpolation(broken, SPACING)
    assert betti_2d(closed) == (1, 1)
    assert np.all(closed >= broken)
    assert dice(closed, ring()) > (0.98 if gap <= 90 else 0.93)


def test_interpolation_joins_pieces_and_drops_others():
    _, angle = polar_grid()
    pieces = horseshoe(50, 80) * (turned(angle, -90) >= 12)
    speck, far = blob((36, 42), 2.0), blob((66, 72), 3.0)
    closed = polar_interpolation(pieces | speck | far, SPACING)
    assert betti_2d(closed) == (1, 1)
    assert not (closed & (speck | far)).any()
    assert dice(closed, ring()) > 0.97


def test_interpolation_of_thickness_is_linear():
    radius, angle = polar_grid()
    thick, thin = (radius >= 16) & (radius < 26), (radius >= 22) & (radius < 26)
    wall = np.where(angle > 0, thick, thin) & (turned(angle, 0) >= 30)
    closed = polar_interpolation(wall, SPACING) > 0
    middle = closed & (turned(angle, 0) < 3)
    assert radius[middle].min() == pytest.approx(19, abs=1.5)
    assert radius[middle].max() == pytest.approx(26, abs=1.5)


@pytest.mark.parametrize("spacing", [(3.0, 0.8), (0.8, 3.0), (2.0, 2.0)])
def test_a_wall_thinner_than_a_pixel_closes_on_a_coarse_grid(spacing):
    shape = (round(90 / spacing[0]), round(90 / spacing[1]))
    grid = {"shape": shape, "spacing": spacing, "centre": (shape[0] / 2 + 0.2, shape[1] / 2 + 0.3)}
    outline = disc(30.0, **grid) - ndimage.binary_erosion(disc(30.0, **grid))
    _, angle = polar_grid(**grid)
    broken = (outline * (turned(angle, 20) > 35)).astype(np.uint8)
    closed = polar_interpolation(broken, spacing)
    assert betti_2d(closed) == (1, 1)
    assert dice(closed, outline) > 0.8


def test_interpolation_fills_pores_and_keeps_the_cavity():
    wall = ring()
    wall[35, 23] = wall[12, 40] = wall[50, 52] = 0
    assert betti_2d(wall)[1] > 1
    assert np.array_equal(polar_interpolation(wall, SPACING), ring())


def test_interpolation_closes_a_slanting_crack_whose_ends_overlap():
    radius, angle = polar_grid()
    spiral = (radius >= 20 + angle / 30) & (radius < 24 + angle / 30) & (turned(angle, 180) > 2)
    overlap = spiral | ((radius >= 14) & (radius < 17) & (turned(angle, 180) < 20))
    assert betti_2d(overlap)[1] == 0
    closed = polar_interpolation(overlap, SPACING)
    assert betti_2d(closed) == (1, 1)
    assert np.all(closed >= spiral)


def test_interpolation_keeps_closed_and_solid_masks():
    for mask in (
        ring(),
        ring(3.0, 12.0),
        disc(),
        disc(6.0),
        np.zeros(SHAPE, np.uint8),
        picture("##"),
        picture("#####"),
    ):
        result = polar_interpolation(mask, SPACING)
        assert np.array_equal(result, mask)
        assert result is not mask
        assert result.dtype == np.uint8


def test_a_centre_that_is_known_takes_the_place_of_the_fitted_one():
    _, angle = polar_grid()
    quarter = ring() * (turned(angle, 45) < 35)
    closed = polar_interpolation(quarter, SPACING, centre=CENTRE)
    assert betti_2d(closed) == (1, 1)
    assert dice(closed, ring()) > 0.93


@given(
    random_masks(16, 16),
    st.tuples(st.floats(0.4, 3.0), st.floats(0.4, 3.0)),
    st.none() | st.tuples(st.floats(-90, 90), st.floats(-90, 90)),
)
def test_any_mask_becomes_a_closed_ring_or_stays_as_it_is(mask, spacing, centre):
    before = mask.copy()
    result = polar_interpolation(mask, spacing, centre)
    assert np.array_equal(mask, before)
    assert betti_2d(result) == (1, 1) or np.array_equal(result, mask)


@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(4, 70)), min_size=1, max_size=3),
    st.tuples(st.floats(0.8, 2.0), st.floats(0.8, 2.0)),
    st.floats(8, 20),
    st.floats(5, 10),
)
def test_any_wall_with_up_to_three_gaps_closes(gaps, spacing, inner, thickness):
    shape = tuple(int(np.ceil(80 / each)) for each in spacing)
    grid = {"shape": shape, "spacing": spacing, "centre": (shape[0] / 2 + 0.3, shape[1] / 2 - 0.4)}
    wall = ring(inner, inner + thickness, **grid)
    _, angle = polar_grid(**grid)
    for towards, width in gaps:
        wall = wall * (turned(angle, towards) >= width / 2)
    wall = wall.astype(np.uint8)
    assume(np.unique(np.floor(angle[wall > 0] / 10)).size >= 18)  # half of the wall is left to fit a circle to
    assert betti_2d(polar_interpolation(wall, spacing)) == (1, 1)


def test_a_volume_is_an_error():
    for function in (fit_circle, polar_interpolation, wall_centre):
        with pytest.raises(ValueError, match=r"\b2\b"):
            function(np.ones((3, 3, 3)), SPACING)


# A proposal for one slice


def test_a_pools_main_piece_is_the_centre():
    wall = horseshoe(200)
    pool = disc(18) | blob((66, 4), 3)
    found = propose_by_interpolation(wall, pool, Expectation.RING, SPACING)
    np.testing.assert_array_equal(found, polar_interpolation(wall, SPACING, CENTRE_OF_POOL))
    assert (found != polar_interpolation(wall, SPACING)).any()
    # Half the ring is missing, and yet the closed one lies where it was.
    assert dice(found, ring()) > 0.9


CENTRE_OF_POOL = tuple(float(np.mean(axis)) for axis in np.nonzero(disc(18)))


ASTRAY = (CENTRE[0], CENTRE[1] - 22 / 1.25)
"""A place in the wall, about which it does not close."""


@pytest.mark.parametrize("pool", [None, np.zeros(SHAPE, np.uint8), blob(ASTRAY, 3)], ids=["none", "empty", "astray"])
def test_fitted_centre_without_a_usable_pool(pool):
    wall = horseshoe(70, towards=40)
    assert not is_ring(polar_interpolation(horseshoe(70), SPACING, ASTRAY))
    found = propose_by_interpolation(wall, pool, Expectation.RING, SPACING)
    np.testing.assert_array_equal(found, polar_interpolation(wall, SPACING))


def test_a_disc_is_the_largest_piece_with_its_holes_filled():
    radius, _ = polar_grid()
    wall = (disc(10) & (radius > 2)) | blob((8, 8), 3)
    np.testing.assert_array_equal(propose_by_interpolation(wall, None, Expectation.DISC, SPACING), disc(10))


def test_half_way_between_two_rings_lies_the_ring_of_the_mean_radii():
    between = between_slices(ring(8, 14), ring(14, 22), SPACING)
    assert dice(between, ring(11, 18)) > 0.93
    np.testing.assert_array_equal(between_slices(ring(8, 14), ring(8, 14), SPACING), ring(8, 14))


@pytest.mark.parametrize(("share", "radii"), [(0.0, (8, 14)), (0.25, (9.5, 16)), (0.75, (12.5, 20)), (1.0, (14, 22))])
def test_between_two_rings_the_radii_follow_the_position(share, radii):
    assert dice(between_slices(ring(8, 14), ring(14, 22), SPACING, share), ring(*radii)) > 0.93


def test_distances_between_slices_are_in_mm():
    """Pixels are five times as long as wide."""
    grid = {"shape": (36, 180), "spacing": (2.5, 0.5), "centre": (17.7, 90.2)}
    one, other = ((17.7 + side * 4 / 2.5, 90.2 + side * 4 / 0.5) for side in (-1, 1))
    below, above = ring(12, 20, **{**grid, "centre": one}), ring(12, 20, **{**grid, "centre": other})
    assert dice(between_slices(below, above, grid["spacing"]), ring(12, 20, **grid)) > 0.9
    assert dice(between_slices(below, above, (1.0, 1.0)), ring(12, 20, **grid)) < 0.9
