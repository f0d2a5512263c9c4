"""The circle fit, on walls whose centre is known."""

import numpy as np
import pytest

from engine.shapes import CENTRE, SHAPE, SPACING, blob, disc, horseshoe, picture, polar_grid, ring, turned
from rncarefine.anatomy.circle import Circle, fit_circle, near_wall, wall_centre
from rncarefine.anatomy.topology import betti_2d
from rncarefine.tasks.ring.interpolation import polar_interpolation

MIDDLE = np.hypot(26, 18) / np.sqrt(2)
"""Radius of the circle through a ring from 18 to 26 mm for an algebraic fit: the root mean square."""


def off(circle, centre=CENTRE):
    """Distance of a circle's centre from where it should be, in mm."""
    return np.hypot((circle.centre_j - centre[0]) * SPACING[0], (circle.centre_i - centre[1]) * SPACING[1])


@pytest.mark.parametrize("gap", [0, 40, 90, 150, 200])
def test_circle_of_a_wall_with_a_gap(gap):
    circle = fit_circle(horseshoe(gap, 30), SPACING)
    assert off(circle) < 0.7
    assert circle.radius_mm == pytest.approx(MIDDLE, abs=0.7)


def test_circle_ignores_blobs_and_a_second_wall():
    wall = horseshoe(80, 120) | blob((8, 70), 7.0) | blob((64, 8), 6.0)
    assert off(fit_circle(wall, SPACING)) < 1.0
    thin = ring(10.0, 11.5, centre=(14.0, 66.0))
    assert off(fit_circle(horseshoe(60) | thin, SPACING)) < 1.5


def test_a_blob_that_has_grown_onto_the_wall_does_not_pull_the_circle():
    wall = horseshoe(60, 180) | blob((36, 66), 11.0)
    assert betti_2d(wall)[0] == 1
    assert off(fit_circle(wall, SPACING)) < 1.0


@pytest.mark.parametrize(
    "mask", [np.zeros((6, 6)), picture("#"), picture("##"), picture("#####"), picture("#...", ".#..", "..#.", "...#")]
)
def test_no_circle_goes_through_nothing_or_a_line(mask):
    assert fit_circle(mask, (1.0, 1.0)) is None


def test_the_circle_of_four_pixels_is_the_one_through_their_middles():
    circle = fit_circle(picture(".#.", "#.#", ".#."), (2.0, 2.0))
    assert (circle.centre_j, circle.centre_i, circle.radius_mm) == pytest.approx((1, 1, 2))
    assert isinstance(circle, Circle)


def test_centre_of_a_thick_horseshoe():
    wall = ring(4.0, 14.0)
    wall[35, 41:] = 0
    centre = wall_centre(wall, SPACING)
    assert np.hypot((centre[0] - CENTRE[0]) * SPACING[0], (centre[1] - CENTRE[1]) * SPACING[1]) < 4.5
    assert betti_2d(polar_interpolation(wall, SPACING)) == (1, 1)
    assert wall_centre(disc(), SPACING) is None
    assert wall_centre(np.zeros(SHAPE), SPACING) is None


def test_pieces_belong_to_the_wall_by_their_distance_from_the_centre():
    arc = ring() * (turned(polar_grid()[1], 0) < 12)
    far, near = blob((35, 74), 3.0), horseshoe(60)
    assert np.array_equal(near_wall(near | arc | far, SPACING, CENTRE), (near | arc) > 0)
    assert np.array_equal(near_wall(far, SPACING, CENTRE), far > 0)
