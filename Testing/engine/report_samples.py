"""A small stack with broken rings, its repaired mask and a report about them, made by hand for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from rncarefine.nca.card import ModelRecord
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.records import Report, RunRecord, SliceRecord, StackRecord
from rncarefine.stack import Mask, Stack
from rncarefine.words import Expectation, Finding, Verdict

SHAPE = (4, 40, 44)
SPACING = (8.0, 1.5, 1.25)


def ring(shape: tuple[int, int], centre: tuple[float, float], inner: float, outer: float) -> Mask:
    """Return an annulus in pixels: inner <= distance to the centre < outer."""
    j, i = np.indices(shape)
    distance = np.hypot(j - centre[0], i - centre[1])
    return ((distance >= inner) & (distance < outer)).astype(np.uint8)


def broken_stack() -> tuple[Stack, Mask]:
    """Return a stack of four slices and its mask after a repair.

    Slice 0 is an intact ring; slices 1 and 2 have a gap of four rows, of which only that of slice 1 is closed by the
    repair; slice 3 has a loose piece of 2 x 3 pixels that the repair removes.
    """
    wall = ring(SHAPE[1:], (20, 22), 6, 10)
    mask = np.repeat(wall[None], 4, axis=0)
    after = mask.copy()
    for k in (1, 2):
        mask[k, 18:22, 28:] = 0
    after[2] = mask[2]
    mask[3, 2:4, 3:6] = 1
    pool = np.repeat(ring(SHAPE[1:], (20, 22), 0, 6)[None], 4, axis=0)
    image = np.random.default_rng(0).normal(40, 6, SHAPE) + 80.0 * wall + 160.0 * pool
    return Stack.create(image, mask, SPACING, pool=pool, name="case 7"), after


def slice_record(k: int, **changes: Any) -> SliceRecord:
    """Return the record of an intact ring, with changes."""
    values: dict[str, Any] = {
        "k": k,
        "finding_before": Finding.RING,
        "finding_after": Finding.RING,
        "expectation": Expectation.RING,
        "verdict": Verdict.INTACT,
        "flagged": False,
        "b0_before": 1,
        "b1_before": 1,
        "b0_after": 1,
        "b1_after": 1,
        "gap_deg_before": 0.0,
        "gap_deg_after": 0.0,
        "gap_mm_before": 0.0,
        "added_mm2": 0.0,
        "removed_mm2": 0.0,
        "taken_from_pool_mm2": 0.0,
        "taken_from_others_mm2": 0.0,
        "pool_outside_mm2": 0.0,
        "confidence": None,
    }
    return SliceRecord(**{**values, **changes})


def broken_report(**changes: Any) -> Report:
    """Return the report about :func:`broken_stack`: one slice repaired, one refused, one cleaned."""
    stack, after = broken_stack()
    area = stack.pixel_area
    added = float((after[1] > stack.mask[1]).sum() * area)
    values: dict[str, Any] = {
        "stack": StackRecord(
            name="case 7",
            slices=4,
            spacing_mm=SPACING,
            expected_rings=4,
            closed_before=1,
            closed_after=3,
            right_before=1,
            right_after=3,
            flagged=1,
            changed=2,
            lv_mass_before_g=14.2,
            lv_mass_after_g=14.5,
            lv_mass_change_percent=2.11,
            b0_3d_before=2,
            b1_3d_before=1,
            b2_3d_before=0,
            b0_3d_after=1,
            b1_3d_after=1,
            b2_3d_after=0,
        ),
        "slices": [
            slice_record(0),
            slice_record(
                1,
                finding_before=Finding.OPEN,
                verdict=Verdict.AUTOMATON,
                b1_before=0,
                gap_deg_before=29.5,
                gap_mm_before=5.2,
                added_mm2=added,
                taken_from_pool_mm2=3.75,
                confidence=0.93,
                reasons=[Reason(ReasonCode.GAP, angle_deg=29.5, width_mm=5.2)],
            ),
            slice_record(
                2,
                finding_before=Finding.OPEN,
                finding_after=Finding.OPEN,
                verdict=Verdict.REFUSED,
                flagged=True,
                b1_before=0,
                b1_after=0,
                gap_deg_before=29.5,
                gap_deg_after=29.5,
                gap_mm_before=5.2,
                reasons=[
                    Reason(ReasonCode.GAP, angle_deg=29.5, width_mm=5.2),
                    Reason(ReasonCode.CHANGE_TOO_LARGE, change_mm2=90, most_mm2=80),
                ],
            ),
            slice_record(
                3,
                finding_before=Finding.FRAGMENTED,
                verdict=Verdict.CLEANED,
                b0_before=2,
                removed_mm2=6 * area,
                reasons=[Reason(ReasonCode.FRAGMENTED, components=2), Reason(ReasonCode.CLEANED)],
            ),
        ],
        "model": ModelRecord("sax-test", "ab" * 32, "CC-BY-NC-SA-4.0", "ACDC, patients 1-80", "5e771465"),
        "run": RunRecord("0.1.0", "numpy", "cpu", 0, 4, 40, False, False, True, "last", 1.25),
    }
    return Report(**{**values, **changes})
