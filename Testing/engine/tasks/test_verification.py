"""Why a proposed wall is rejected: every reason by a case made for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.shapes import CENTRE, SPACING, blob, disc, horseshoe, ring
from rncarefine.anatomy.features import WallFeatures
from rncarefine.reasons import ReasonCode
from rncarefine.tasks.ring.verification import Bounds, rejection
from rncarefine.words import Expectation

AREA = SPACING[0] * SPACING[1]


def against(
    wall, before=None, *, near=None, pool=None, expectation=Expectation.RING, axis=CENTRE, spacing=SPACING, **bounds
):
    before = horseshoe() if before is None else before
    seen = WallFeatures(before if near is None else near, spacing)
    return rejection(wall, before, seen, pool, expectation, axis, spacing, replace(Bounds(), **bounds))


def code(*arguments, **options):
    found = against(*arguments, **options)
    return None if found is None else str(found.code)


def test_nothing_speaks_against_the_ring_that_closes_a_gap():
    assert against(ring()) is None
    assert against(ring(), pool=disc(18)) is None


def test_nothing_speaks_against_a_ring_that_takes_what_it_needs_from_the_pool():
    pool = disc(18) | (ring() - horseshoe())
    assert against(ring(), pool=pool) is None


@pytest.mark.parametrize(
    "wall",
    [horseshoe(), np.zeros_like(ring()), disc(), ring() | blob((6, 6), 4), ring(18, 26) - blob((35.3, 58), 1.5)],
    ids=["open", "empty", "solid", "loose piece", "porous"],
)
def test_what_is_not_a_ring_is_not_closed(wall):
    assert code(wall) == "no_ring"


def test_a_horseshoe_that_closes_around_a_pore_is_no_ring_around_the_cavity():
    wall = horseshoe(120)
    pored = wall - (blob((35.3, 40.6 - 22 / 1.25), 2.2) & wall)
    assert code(pored, wall) == "ring_around_pore"


def test_a_ring_whose_cavity_holds_none_of_the_pool_is_no_ring_around_the_cavity():
    # Half of it lies under the wall and half beyond.
    pool = blob((35.3, 40.6 + 26 / 1.25), 6)
    assert code(ring(), pool=pool) == "ring_around_pore"
    assert against(ring(), pool=disc(10)) is None


def test_a_wall_beside_the_one_that_was_there_lies_away_from_it():
    grid = {"shape": (160, 160), "spacing": (1.0, 1.0)}
    before = horseshoe(centre=(40, 40), **grid)
    assert code(ring(centre=(110, 110), **grid), before, spacing=(1.0, 1.0), axis=(110, 110)) == "away_from_wall"


def test_the_overlap_is_that_of_the_main_piece_with_the_outline():
    main = blob((35.3, 40.6), 8)
    stray = blob((6, 6), 4)
    # The main piece lies in the cavity, within the outline; the stray piece does not count.
    assert against(ring(), main | stray, least_overlap=1.0) is None
    assert code(ring(), horseshoe() | disc(40), least_overlap=0.6) == "away_from_wall"


def test_what_lies_away_from_the_heart_neither_speaks_for_a_wall_nor_against_it():
    kidney = blob((12, 12), 14)
    assert code(ring(), horseshoe(300) | kidney, least_overlap=0.6) == "away_from_wall"
    assert against(ring(), horseshoe(300) | kidney, near=horseshoe(300), least_overlap=0.6) is None


def test_the_least_overlap_is_a_share_of_the_wall_that_was_there():
    # A bar of 20 pixels, 12 of them left of the outline of a 7 x 7 ring, which reaches a pixel beyond it.
    wall, before = np.zeros((2, 12, 30), np.uint8)
    wall[2:9, 20:27] = 1
    wall[4:7, 22:25] = 0
    before[5, 7:27] = 1
    assert against(wall, before, axis=(5, 23), least_overlap=8 / 20) is None
    assert code(wall, before, axis=(5, 23), least_overlap=8.01 / 20) == "away_from_wall"


def test_a_ring_that_leaves_most_of_the_pool_outside_is_refused():
    grid = {"shape": (120, 120), "spacing": (1.0, 1.0)}
    wall = ring(10, 18, centre=(60, 60), **grid)
    near, far = disc(14, centre=(60, 60), **grid), disc(30, centre=(60, 92), **grid)
    options = {"spacing": (1.0, 1.0), "axis": (60, 60)}
    assert against(wall, wall, pool=near, **options) is None
    assert code(wall, wall, pool=far, **options) == "pool_left_outside"
    assert against(wall, wall, pool=far, least_pool=0.05, **options) is None


def test_an_empty_pool_asks_for_nothing():
    assert against(ring(), pool=np.zeros_like(ring())) is None


def test_a_wall_larger_than_any_left_ventricle_is_refused():
    # The outline of the ring has a radius of 26 mm.
    assert code(ring(), most_radius_mm=25) == "too_large"
    assert against(ring(), most_radius_mm=27) is None


def test_the_radius_is_in_mm():
    # The same pixels on a grid twice as fine are half as large.
    fine = (SPACING[0] / 2, SPACING[1] / 2)
    assert against(ring(), most_radius_mm=14, spacing=fine) is None


@pytest.mark.parametrize(("away_mm", "right"), [(29, True), (31, False)])
def test_a_wall_away_from_the_axis_of_the_heart_is_refused(away_mm, right):
    found = against(ring(), axis=(CENTRE[0] - away_mm / SPACING[0], CENTRE[1]))
    if right:
        assert found is None
    else:
        assert found.code is ReasonCode.RING_OFF_AXIS
        assert found.values == {"distance_mm": pytest.approx(away_mm, abs=0.2), "most_mm": 30}


def test_a_change_beyond_the_limit_is_refused_with_its_size():
    change = float((ring() != horseshoe()).sum()) * AREA
    assert against(ring(), most_change_mm2=change + 0.1) is None
    found = against(ring(), most_change_mm2=change - 0.1)
    assert found.code is ReasonCode.CHANGE_TOO_LARGE
    assert found.values == pytest.approx({"change_mm2": change, "most_mm2": change - 0.1}, abs=1e-3)


def test_added_and_removed_pixels_both_count_as_change():
    before = horseshoe() | blob((6, 6), 4)
    change = float((ring() != before).sum()) * AREA
    assert change > float((ring() > before).sum()) * AREA
    assert code(ring(), before, most_change_mm2=change - 1) == "change_too_large"


@pytest.mark.parametrize(
    ("wall", "right"),
    [
        (disc(10), True),
        (ring(4, 10), False),
        (disc(10) | blob((6, 6), 3), False),
        (np.zeros_like(disc()), False),
        (horseshoe(), False),
    ],
    ids=["disc", "ring", "two pieces", "empty", "horseshoe"],
)
def test_where_a_disc_is_expected_only_a_solid_one_passes(wall, right):
    assert code(wall, disc(10), expectation=Expectation.DISC) == (None if right else "no_disc")


def test_the_masks_are_left_as_they_were():
    masks = ring(), horseshoe(), disc(20)
    kept = [mask.copy() for mask in masks]
    against(masks[0], masks[1], pool=masks[2])
    for mask, copy in zip(masks, kept, strict=True):
        np.testing.assert_array_equal(mask, copy)
