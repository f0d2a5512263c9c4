"""The AHA's segments, held against a heart whose walls are known."""

import numpy as np
import pytest

from rncarefine.anatomy.aha import SEGMENTS, handedness, levels, mean_direction, segment_means, segment_of, septal_rays
from rncarefine.anatomy.thickness import DIRECTIONS, WallProfile

CENTRE = (50, 60)
ROWS, COLUMNS = np.indices((100, 120))
WALL = (np.hypot(ROWS - CENTRE[0], COLUMNS - CENTRE[1]) >= 14) & (np.hypot(ROWS - CENTRE[0], COLUMNS - CENTRE[1]) < 21)


def crescent(middle_deg, half_deg=60, away=21, thick=12):
    """Return a right ventricle beside the wall, about a direction."""
    angle = np.rad2deg(np.arctan2(ROWS - CENTRE[0], COLUMNS - CENTRE[1])) - middle_deg
    distance = np.hypot(ROWS - CENTRE[0], COLUMNS - CENTRE[1])
    return (np.abs((angle + 180) % 360 - 180) <= half_deg) & (distance >= away) & (distance < away + thick)


@pytest.mark.parametrize("middle", [0, 45, 180, 200, 350])
def test_the_middle_of_the_septum_is_that_of_the_right_ventricle(middle):
    rays = septal_rays(WallProfile.of(WALL, CENTRE, (1, 1)), crescent(middle), (1, 1))
    assert len(rays) == pytest.approx(120, abs=6)
    assert abs((mean_direction(rays) - middle + 180) % 360 - 180) < 3


def test_a_ventricle_that_lies_farther_away_has_no_septum():
    rays = septal_rays(WallProfile.of(WALL, CENTRE, (1, 1)), crescent(180, away=28), (1, 1))
    assert len(rays) == 0
    assert mean_direction(rays) is None


def test_directions_that_point_everywhere_have_no_middle():
    assert mean_direction(np.arange(360)) is None
    assert mean_direction([355, 5]) == pytest.approx(0, abs=0.1)


def test_the_slices_are_parted_in_thirds_from_the_base():
    assert levels(9) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert levels(1) == [0]
    assert levels(0) == []


def test_means_leave_gaps_out_and_what_was_not_measured_is_none():
    thickness = [8.0] * DIRECTIONS
    thickness[18] = 0.0
    thickness[19] = 10.0
    means = segment_means([(0, thickness), (0, [])], 180.0, -1)
    assert means[SEGMENTS.index("basal anteroseptal")] == pytest.approx((4 * 8 + 10) / 5)
    assert means[SEGMENTS.index("basal inferior")] == 8
    assert means[6:] == [None] * 10


# A heart in a patient: the axis from base to apex points to the left, anterior and inferior (LPS axes).
TO_APEX = np.array([0.6, -0.6, -0.5]) / np.linalg.norm([0.6, -0.6, -0.5])
UP = np.cross(TO_APEX, np.cross([0.0, -0.6, 0.8], TO_APEX))  # towards the anterior wall
LATERAL = np.cross(-TO_APEX, UP)  # to the right of who looks from the apex to the base


@pytest.mark.parametrize("turned", [0, 40, 90, 200])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("apex_last", [False, True])
def test_segments_in_patient_coordinates(turned, mirrored, apex_last):
    angle = np.deg2rad(turned)
    columns = np.cos(angle) * LATERAL + np.sin(angle) * UP
    rows = np.cross(TO_APEX, columns) * (-1 if mirrored else 1)
    slices = TO_APEX if apex_last else -TO_APEX
    right_handed = handedness(np.stack([columns, rows, slices], axis=1))
    turn = (1 if apex_last else -1) * (1 if right_handed else -1)
    septum = np.rad2deg(np.arctan2(-LATERAL @ rows, -LATERAL @ columns)) % 360
    middles = {name: np.zeros(3) for name in SEGMENTS}
    for level in range(3):
        for direction in range(DIRECTIONS):
            place = np.deg2rad(10 * direction + 5)
            name = SEGMENTS[segment_of(level, direction, septum, turn)]
            middles[name] += np.cos(place) * columns + np.sin(place) * rows
    for level in ("basal", "mid", "apical"):
        assert middles[f"{level} anterior"] @ UP > 0 > middles[f"{level} inferior"] @ UP
    for level in ("basal", "mid"):
        for name, above, beside in (
            ("anteroseptal", 1, -1),
            ("inferoseptal", -1, -1),
            ("inferolateral", -1, 1),
            ("anterolateral", 1, 1),
        ):
            middle = middles[f"{level} {name}"]
            assert (np.sign(middle @ UP), np.sign(middle @ LATERAL)) == (above, beside), name


def test_axial_stacks_have_no_handedness():
    assert handedness(np.eye(4)) is None
    assert handedness(np.diag([-1.5, 1.5, 8.0])[:, [2, 0, 1]]) is None
    tilted = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]])
    assert handedness(tilted) is True
    assert handedness(tilted * [1, -1, 1]) is False
