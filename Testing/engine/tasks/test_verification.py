"""Why a proposed wall is rejected: every reason by a case made for it."""

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


WIDE = {"shape": (160, 160), "spacing": (1.0, 1.0)}
FINE = {"spacing": (1.0, 1.0), "axis": (60, 60)}
KIDNEY = blob((12, 12), 14)
WHOLE, CUT = ring(), horseshoe(120)
PORED = CUT - (blob((35.3, 40.6 - 22 / 1.25), 2.2) & CUT)
SMALL = ring(10, 18, centre=(60, 60), shape=(120, 120), spacing=(1.0, 1.0))
INSIDE, OUTSIDE = (
    disc(radius, centre=(60, i), shape=(120, 120), spacing=(1.0, 1.0)) for radius, i in ((14, 60), (30, 92))
)
# A bar of 20 pixels, 12 of them left of the outline of a 7 x 7 ring, which reaches a pixel beyond it.
SQUARE, BAR = np.zeros((2, 12, 30), np.uint8)
SQUARE[2:9, 20:27] = BAR[5, 7:27] = 1
SQUARE[4:7, 22:25] = 0
SOLID = {"expectation": Expectation.DISC}

CASES = {
    "a ring that closes the gap": (WHOLE, None, {}, None),
    "a ring about the pool": (WHOLE, None, {"pool": disc(18)}, None),
    "a ring that takes what it needs from the pool": (WHOLE, None, {"pool": disc(18) | (ring() - horseshoe())}, None),
    "an empty pool asks for nothing": (WHOLE, None, {"pool": np.zeros_like(WHOLE)}, None),
    "an open wall": (horseshoe(), None, {}, "no_ring"),
    "nothing": (np.zeros_like(WHOLE), None, {}, "no_ring"),
    "a solid wall": (disc(), None, {}, "no_ring"),
    "a ring and a loose piece": (WHOLE | blob((6, 6), 4), None, {}, "no_ring"),
    "a porous ring": (ring(18, 26) - blob((35.3, 58), 1.5), None, {}, "no_ring"),
    "a horseshoe that closes around a pore": (PORED, CUT, {}, "ring_around_pore"),
    # Half of the pool lies under the wall and half beyond.
    "a cavity without pool": (WHOLE, None, {"pool": blob((35.3, 40.6 + 26 / 1.25), 6)}, "ring_around_pore"),
    "a cavity with a little pool": (WHOLE, None, {"pool": disc(10)}, None),
    "a wall beside the one that was there": (
        ring(centre=(110, 110), **WIDE),
        horseshoe(centre=(40, 40), **WIDE),
        {"spacing": (1.0, 1.0), "axis": (110, 110)},
        "away_from_wall",
    ),
    # The overlap is that of the main piece with the outline; a stray piece does not count.
    "a main piece in the cavity": (WHOLE, blob((35.3, 40.6), 8) | blob((6, 6), 4), {"min_overlap": 1.0}, None),
    "a main piece beyond the outline": (WHOLE, horseshoe() | disc(40), {"min_overlap": 0.6}, "away_from_wall"),
    "another organ": (WHOLE, horseshoe(300) | KIDNEY, {"min_overlap": 0.6}, "away_from_wall"),
    "another organ that lies away from the heart": (
        WHOLE, horseshoe(300) | KIDNEY, {"near": horseshoe(300), "min_overlap": 0.6}, None,
    ),
    "just enough of a bar": (SQUARE, BAR, {"axis": (5, 23), "min_overlap": 8 / 20}, None),
    "too little of a bar": (SQUARE, BAR, {"axis": (5, 23), "min_overlap": 8.01 / 20}, "away_from_wall"),
    "most of the pool inside": (SMALL, SMALL, {"pool": INSIDE, **FINE}, None),
    "most of the pool outside": (SMALL, SMALL, {"pool": OUTSIDE, **FINE}, "pool_left_outside"),
    "as little of the pool as is asked for": (SMALL, SMALL, {"pool": OUTSIDE, "min_pool": 0.05, **FINE}, None),
    # The outline of the ring has a radius of 26 mm.
    "larger than any left ventricle": (WHOLE, None, {"max_radius_mm": 25}, "too_large"),
    "as large as the largest": (WHOLE, None, {"max_radius_mm": 27}, None),
    "half as large in mm on a grid twice as fine": (
        WHOLE, None, {"max_radius_mm": 14, "spacing": (SPACING[0] / 2, SPACING[1] / 2)}, None,
    ),
    "a disc where one is expected": (disc(10), disc(10), SOLID, None),
    "a ring for a disc": (ring(4, 10), disc(10), SOLID, "no_disc"),
    "two pieces for a disc": (disc(10) | blob((6, 6), 3), disc(10), SOLID, "no_disc"),
    "nothing for a disc": (np.zeros_like(WHOLE), disc(10), SOLID, "no_disc"),
    "a horseshoe for a disc": (horseshoe(), disc(10), SOLID, "no_disc"),
}  # fmt: skip


@pytest.mark.parametrize(("wall", "before", "options", "expected"), CASES.values(), ids=CASES)
def test_what_speaks_against_a_wall(wall, before, options, expected):
    assert code(wall, before, **options) == expected


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
    assert against(ring(), max_change_mm2=change + 0.1) is None
    found = against(ring(), max_change_mm2=change - 0.1)
    assert found.code is ReasonCode.CHANGE_TOO_LARGE
    assert found.values == pytest.approx({"change_mm2": change, "most_mm2": change - 0.1}, abs=1e-3)


def test_added_and_removed_pixels_both_count_as_change():
    before = horseshoe() | blob((6, 6), 4)
    change = float((ring() != before).sum()) * AREA
    assert change > float((ring() > before).sum()) * AREA
    assert code(ring(), before, max_change_mm2=change - 1) == "change_too_large"
