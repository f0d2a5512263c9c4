"""What a wall may look like: threads, lobes, pores for cavities and walls along the border are rejected."""

import numpy as np
import pytest

from engine.shapes import CENTRE, SPACING, blob, disc, horseshoe, polar_grid, ring, turned
from engine.toy_stacks import dice
from rncarefine.anatomy.features import WallFeatures
from rncarefine.reasons import ReasonCode
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.tasks.ring.verification import BORDER_MM, cut_by_border
from rncarefine.tasks.ring.wall_shape import (
    MAX_CAVITY,
    MAX_NOTCH,
    MIN_CAVITY,
    MIN_CLOSURE,
    THIN_CLOSURE,
    closure_thickness,
    length_on_border,
    reshape_ring,
    shape_rejection,
    thin_closure,
)

FINE = {"shape": (200, 200), "spacing": (0.4, 0.4), "centre": (100.0, 100.0)}


def closed_by(thickness_mm, inner=16.0, outer=28.0, gap=60.0):
    """Return a ring of 12 mm whose gap is closed by a thinner arc at its cavity's edge, and the horseshoe before."""
    before = horseshoe(gap, inner=inner, outer=outer, **FINE)
    _, angle = polar_grid(**FINE)
    arc = ring(inner, inner + thickness_mm, **FINE) * (turned(angle, 0) < gap / 2 + 2)
    return (before | arc).astype(np.uint8), before


@pytest.mark.parametrize("thickness_mm", [2.0, 4.0, 8.0, 12.0])
def test_the_thickness_of_a_closure_is_relative_to_the_wall_s_own(thickness_mm):
    wall, before = closed_by(thickness_mm)
    assert closure_thickness(wall, before, FINE["spacing"]) == pytest.approx(thickness_mm / 12, abs=0.05)


def test_where_nothing_is_added_no_closure_is_thin():
    thin, _ = closed_by(1.2)
    assert closure_thickness(thin, thin, FINE["spacing"]) == float("inf")
    assert shape_rejection(thin, thin, FINE["spacing"]) is None or (
        shape_rejection(thin, thin, FINE["spacing"]).code is not ReasonCode.THREAD
    )
    assert thin_closure(thin, thin, FINE["spacing"]) == ()


@pytest.mark.parametrize(("share", "code"), [(0.12, "thread"), (0.28, "thin_closure"), (0.6, None)])
def test_threads_are_rejected_and_thin_closures_flagged(share, code):
    # The wall is thin, so that the outline has no deep notch where the closure is thinner.
    wall, before = closed_by(5 * share, inner=23.0, gap=14)
    rejected, flagged = shape_rejection(wall, before, FINE["spacing"]), thin_closure(wall, before, FINE["spacing"])
    assert (None if rejected is None else str(rejected.code)) == ("thread" if code == "thread" else None)
    assert [str(reason.code) for reason in flagged] == ([] if code is None else ["thin_closure"])
    for reason, least in ((rejected, MIN_CLOSURE), *((each, THIN_CLOSURE) for each in flagged)):
        if reason is not None:
            assert reason.values["relative"] == pytest.approx(share, abs=0.05)
            assert reason.values["least"] == least


def lobed(**grid):
    """Return a ring of 14 to 22 mm with a lobe of wall beside it."""
    radius, angle = polar_grid(**grid)
    lobe = blob((grid["centre"][0], grid["centre"][1] + 34 / grid["spacing"][1]), 12, **grid) & (1 - disc(14, **grid))
    return ring(14, 22, **grid) | lobe | ((angle**2 < 9) & (radius > 18) & (radius < 30)).astype(np.uint8)


def test_a_lobe_is_rejected_with_the_depth_of_its_notch():
    found = shape_rejection(lobed(**FINE), ring(14, 22, **FINE), FINE["spacing"])
    assert found.code is ReasonCode.LOBED
    assert found.values["notch"] > found.values["most"] == MAX_NOTCH
    assert shape_rejection(ring(14, 22, **FINE), ring(14, 22, **FINE), FINE["spacing"]) is None


@pytest.mark.parametrize("stretch", [1, 2])
def test_a_lobe_is_cut_off_and_nothing_else(stretch):
    grid = {"shape": (200, 200 // stretch), "spacing": (0.4, 0.4 * stretch), "centre": (100.0, 100.0 / stretch)}
    wall, right = lobed(**grid), ring(14, 22, **grid)
    found = reshape_ring(wall, grid["spacing"])
    assert is_ring(found)
    assert shape_rejection(found, right, grid["spacing"]) is None
    assert dice(found, right) > 0.95 > dice(wall, right)


def test_a_thread_is_thickened_to_what_needs_no_review():
    wall, before = closed_by(0.8, inner=23.0, gap=14)
    assert shape_rejection(wall, before, FINE["spacing"]).code is ReasonCode.THREAD
    found = reshape_ring(wall, FINE["spacing"])
    assert is_ring(found)
    assert closure_thickness(found, before, FINE["spacing"]) == pytest.approx(THIN_CLOSURE, abs=0.1)


@pytest.mark.parametrize("wall", [ring(14, 22, **FINE), ring(4, 26, **FINE), np.zeros((200, 200), np.uint8)])
def test_a_wall_of_good_shape_keeps_it(wall):
    assert int((reshape_ring(wall, FINE["spacing"]) != wall).sum()) <= 0.01 * wall.sum()


@pytest.mark.parametrize(("inner", "plausible"), [(3.0, False), (6.0, True), (22.0, True), (24.5, False)])
def test_implausible_cavity_share_is_rejected(inner, plausible):
    share = (inner / 26) ** 2
    assert (MIN_CAVITY < share < MAX_CAVITY) == plausible
    wall = ring(inner, 26, **FINE)
    found = shape_rejection(wall, wall, FINE["spacing"])
    assert (found is None) == plausible
    if found is not None:
        assert found.code is ReasonCode.CAVITY_SHARE
        assert found.values["share"] == pytest.approx(share, abs=0.01)


def test_the_length_on_the_border_is_in_mm():
    mask = np.zeros((10, 12), np.uint8)
    assert length_on_border(mask, SPACING) == 0
    mask[0, 3:7] = mask[4:6, -1] = 1
    assert length_on_border(mask, SPACING) == pytest.approx(4 * SPACING[1] + 2 * SPACING[0])


@pytest.mark.parametrize(("rows_lost", "is_cut"), [(0, False), (14, False), (22, True)])
def test_a_wall_is_cut_where_it_lies_on_the_border_and_runs_along_it(rows_lost, is_cut):
    found = cut_by_border(WallFeatures(ring()[rows_lost:], SPACING))
    assert (found is not None) == is_cut
    if found is not None:
        assert found.code is ReasonCode.CUT_BY_BORDER
        assert found.values["length_mm"] > BORDER_MM


def test_a_piece_on_the_border_does_not_cut_the_wall():
    assert cut_by_border(WallFeatures(horseshoe(60) | blob((0, CENTRE[1]), 4), SPACING)) is None
    assert cut_by_border(WallFeatures(np.zeros_like(ring()), SPACING)) is None
