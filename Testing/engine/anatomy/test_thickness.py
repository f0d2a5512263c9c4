"""Wall thickness against the analytic shapes that were drawn, and against the medial axis of scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from skimage.morphology import medial_axis

from rncarefine.anatomy.thickness import DIRECTIONS, WallProfile, cavity_centre

SHAPE = (110, 110)
ANGLES = np.deg2rad((np.arange(DIRECTIONS) + 0.5) * 360 / DIRECTIONS)


def elliptic_radius(j, i, centre, axes, turn):
    """Return 1 on an ellipse, less within it."""
    y, x = j - centre[0], i - centre[1]
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    return np.hypot(u / axes[0], v / axes[1])


def elliptic_wall(centre, inner, thick, turn=0.0, spacing=(1.0, 1.0)):
    """Return the wall between two ellipses; lengths in mm, the centre in pixels."""
    j, i = np.indices(SHAPE)
    place = (j * spacing[0], i * spacing[1])
    middle = (centre[0] * spacing[0], centre[1] * spacing[1])
    outer = (inner[0] + thick, inner[1] + thick)
    return (elliptic_radius(*place, middle, inner, turn) >= 1) & (elliptic_radius(*place, middle, outer, turn) < 1)


def shortest_through_wall(inner, thick, turn):
    """Return, in every direction, the shortest ways from mid-wall to both drawn ellipses, added: no pixel is asked."""
    along = np.linspace(0, 2 * np.pi, 20_000)

    def border(axes):
        u, v = axes[0] * np.cos(along), axes[1] * np.sin(along)
        return np.stack([u * np.sin(turn) + v * np.cos(turn), u * np.cos(turn) - v * np.sin(turn)], axis=1)

    def on_ray(axes):
        return 1 / elliptic_radius(np.sin(ANGLES), np.cos(ANGLES), (0, 0), axes, turn)

    outer = (inner[0] + thick, inner[1] + thick)
    middle = (on_ray(inner) + on_ray(outer)) / 2
    points = np.stack([middle * np.sin(ANGLES), middle * np.cos(ANGLES)], axis=1)
    return sum(cKDTree(border(axes)).query(points)[0] for axes in (inner, outer))


def test_thickness_of_rings_within_half_a_pixel():
    rng = np.random.default_rng(0)
    for _ in range(200):
        radius, thick, away, towards = rng.uniform((3, 1.5, 0, 0), (28, 12, 0.15, 2 * np.pi))
        centre = 54 + rng.uniform(-0.5, 0.5, 2)
        wall = elliptic_wall(centre, (radius, radius), thick)
        seen_from = centre + away * radius * np.array([np.sin(towards), np.cos(towards)])
        thickness = WallProfile.of(wall, tuple(seen_from), (1.4, 1.4)).thickness_mm() / 1.4
        assert np.abs(thickness - thick).max() < 0.5, (radius, thick, away)
        assert abs(thickness.mean() - thick) < 0.2, (radius, thick, away)


def test_thickness_of_ellipses_within_half_a_pixel():
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(100):
        short, ratio, thick, turn = rng.uniform((8, 1, 3, 0), (22, 1.3, 9, np.pi))
        centre = 54 + rng.uniform(-0.5, 0.5, 2)
        wall = elliptic_wall(centre, (short * ratio, short), thick, turn)
        thickness = WallProfile.of(wall, tuple(centre), (1.4, 1.4)).thickness_mm() / 1.4
        errors.append(thickness - shortest_through_wall((short * ratio, short), thick, turn))
    assert abs(np.mean(errors)) < 0.05
    assert np.quantile(np.abs(errors), 0.999) < 0.5


@settings(max_examples=60)
@given(
    short=st.floats(4, 22),
    ratio=st.floats(1, 1.3),
    thick=st.floats(1.5, 9),
    turn=st.floats(0, np.pi),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_borders_that_lie_exactly_on_pixels_cost_little_more(short, ratio, thick, turn, shift):
    centre = (54 + shift[0], 54 + shift[1])
    wall = elliptic_wall(centre, (short * ratio, short), thick, turn)
    thickness = WallProfile.of(wall, centre, (1.4, 1.4)).thickness_mm() / 1.4
    assert np.abs(thickness - shortest_through_wall((short * ratio, short), thick, turn)).max() < 0.75


def test_anisotropic_pixels_are_measured_in_mm():
    spacing = (1.0, 2.0)
    wall = elliptic_wall((54.2, 40.3), (18.0, 18.0), 8.0, spacing=spacing)
    thickness = WallProfile.of(wall, (54.2, 40.3), spacing).thickness_mm()
    assert np.abs(thickness - 8).max() < 1  # half of the larger pixel


def test_thickness_agrees_with_scikit_image():
    def wall(fine):
        j, i = (np.indices((fine * SHAPE[0], fine * SHAPE[1])) + 0.5) / fine - 0.5
        return (np.hypot(j - 54, i - 54) < 28) & (np.hypot(j - 54, i - 51) >= 18)  # from 7 to 13 pixels

    axis, distance = medial_axis(wall(8), return_distance=True)
    # Not the branches of the axis that run to the steps of the border.
    axis &= distance > 3 * 8
    angle = np.arctan2(*((np.argwhere(axis) + 0.5) / 8 - 54.5).T) % (2 * np.pi)
    thickness = WallProfile.of(wall(1), (54, 54), (1, 1)).thickness_mm()
    at_axis = np.interp(angle, ANGLES, thickness, period=2 * np.pi)
    assert np.abs(at_axis - (2 * distance[axis] - 1) / 8).max() < 0.5


def test_thickness_is_0_in_a_gap():
    wall = elliptic_wall((54, 54), (15, 15), 6)
    j, i = np.indices(SHAPE)
    broken = wall & (np.rad2deg(np.arctan2(j - 54, i - 54)) % 360 >= 60)
    thickness = WallProfile.of(broken, (54, 54), (1, 1)).thickness_mm()
    assert (thickness[:6] == 0).all()
    assert np.abs(thickness[7:-1] - 6).max() < 0.5


def test_loose_components_do_not_add_thickness():
    wall = elliptic_wall((54, 54), (15, 15), 6)
    alone = WallProfile.of(wall, (54, 54), (1, 1)).thickness_mm()
    wall[54:57, 60:63] = True
    wall[40:70, 90:102] = True
    assert np.array_equal(WallProfile.of(wall, (54, 54), (1, 1), reach_mm=30).thickness_mm(), alone)


def test_nothing_is_measured_where_there_is_nothing():
    profile = WallProfile.of(np.zeros(SHAPE, bool), (54, 54), (1, 1))
    assert (profile.thickness_mm() == 0).all()
    directions, length = profile.invented(np.ones(SHAPE, bool), (1, 1))
    assert not directions.any()
    assert length == 0


def test_a_wall_that_is_cut_by_the_border_of_the_image_ends_there():
    wall = elliptic_wall((54, 8), (15, 15), 6)
    thickness = WallProfile.of(wall, (54, 8), (1, 1)).thickness_mm()
    assert (thickness[16:20] == 0).all()
    assert np.abs(thickness[:9] - 6).max() < 0.5


@pytest.mark.parametrize("first", [0, 100, 330])
def test_invented_wall_is_measured_along_its_middle(first):
    wall = elliptic_wall((54, 54), (15, 15), 6)
    j, i = np.indices(SHAPE)
    gap = (np.rad2deg(np.arctan2(j - 54, i - 54)) - first) % 360 < 60
    directions, length = WallProfile.of(wall, (54, 54), (1.5, 1.5)).invented(wall & ~gap, (1.5, 1.5))
    assert length == pytest.approx(np.deg2rad(60) * 18 * 1.5, abs=2 * 1.5)
    assert np.flatnonzero(directions).tolist() == sorted((np.arange(6) + first // 10) % 36)


def test_a_wall_that_only_grew_is_not_invented():
    thin, thick = elliptic_wall((54, 54), (17, 17), 1.5), elliptic_wall((54, 54), (15, 15), 6)
    directions, length = WallProfile.of(thick, (54, 54), (1, 1)).invented(thin, (1, 1))
    assert not directions.any()
    assert length == 0


def test_the_centre_is_that_of_the_cavity_of_the_circle_or_none():
    wall = elliptic_wall((54, 50), (15, 15), 6)
    assert cavity_centre(wall, None, (1, 1)) == pytest.approx((54, 50), abs=0.1)
    j, i = np.indices(SHAPE)
    broken = wall & (np.rad2deg(np.arctan2(j - 54, i - 50)) % 360 >= 60)
    assert cavity_centre(broken, None, (1, 1)) == pytest.approx((54, 50), abs=0.5)
    assert cavity_centre(np.hypot(j - 54, i - 54) < 9, None, (1, 1)) is None
    assert cavity_centre(np.zeros(SHAPE), None, (1, 1)) is None
