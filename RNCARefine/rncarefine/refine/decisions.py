"""Apply the decisions of a review to the report of a repair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from ..anatomy.features import SliceFeatures
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..words import Apex, Finding
from .build_report import stack_record
from .records import Report, SliceRecord
from .result import outside_of
from .wall import measure_slice, with_segments

Decisions = Mapping[int, bool]
"""Slice number to accepted (``True``) or rejected (``False``); slices not listed are undecided."""

Status = Literal["flagged", "in progress", "completed"]

_WRONG_POOL = {ReasonCode.POOL_OUTSIDE.value, ReasonCode.AGAINST_POOL.value}
"""A wall with one of these codes is judged without the blood pool, as in the repair."""


def needs_decision(record: SliceRecord) -> bool:
    """Return whether a slice needs review, decided or not: it was changed or flagged."""
    rejected = record.accepted is False  # a rejected slice was changed, but its record is restored
    return record.flagged or rejected or record.changed


def decided(report: Report, decisions: Decisions, stack: Stack, wall_now: Mask) -> Report:
    """Apply the decisions of a review to a report.

    A rejected slice is recorded as before the repair, without changed area and confidence; its verdict is kept. A slice
    edited by hand since the repair is recorded in its current state, without confidence, and named in a warning. The
    totals are those of the current wall.

    Args:
        report: Report of the repair.
        decisions: Accepted and rejected slices.
        stack: The stack with its masks before the repair.
        wall_now: Current myocardium, same shape as the stack.

    Returns:
        The new report; a deterministic function of the input.

    Raises:
        ValueError: The numbers of slices differ, or a decision refers to a slice that does not exist.
    """
    if wall_now.shape != stack.shape or len(report.slices) != stack.shape[0]:
        raise ValueError(
            f"{report.stack.name}: the report is about {len(report.slices)} slices, the wall has shape "
            f"{wall_now.shape} and the stack {stack.shape}. Choose the volume that was repaired."
        )
    unknown = sorted(set(decisions) - {record.k for record in report.slices})
    if unknown:
        raise ValueError(f"{report.stack.name}: there is no slice {unknown[0]} to decide about.")
    records, by_hand = [], []
    thickness = {} if report.wall is None else {one.k: one for one in report.wall.slices}
    for record in report.slices:
        by_decision = _as_decided(record, decisions.get(record.k))
        current = _as_edited(by_decision, stack, wall_now[record.k], not report.run.remove_islands)
        if current != by_decision:
            by_hand.append(record.k)
        if record.k in thickness and current != replace(record, accepted=current.accepted):
            current, thickness[record.k] = measure_slice(stack, wall_now[record.k], current)
        records.append(current)
    wall = report.wall and replace(report.wall, slices=list(thickness.values()))
    return replace(
        report,
        slices=records,
        wall=wall and with_segments(wall, records, Apex(report.run.apex)),
        stack=replace(stack_record(stack, wall_now, records), name=report.stack.name),
        doubts=[*report.doubts, *(Reason(ReasonCode.SLICE_EDITED, k=k) for k in by_hand)],
    )


def review_status(report: Report) -> Status:
    """Return the status of the review of a repair.

    Args:
        report: Report with the decisions applied (see :func:`decided`).

    Returns:
        ``"flagged"`` while a flagged slice is undecided; ``"completed"`` once every slice that needs a decision has
        one; otherwise, and without any decision, ``"in progress"``.
    """
    undecided = [record for record in report.slices if record.accepted is None]
    if any(record.flagged for record in undecided):
        return "flagged"
    if len(undecided) == len(report.slices) or any(needs_decision(record) for record in undecided):
        return "in progress"
    return "completed"


def _as_decided(record: SliceRecord, accepted: bool | None) -> SliceRecord:
    if accepted is not False or not record.changed:
        return replace(record, accepted=accepted)
    return replace(
        record,
        finding_after=record.finding_before,
        b0_after=record.b0_before,
        b1_after=record.b1_before,
        gap_deg_after=record.gap_deg_before,
        added_mm2=0.0,
        removed_mm2=0.0,
        taken_from_pool_mm2=0.0,
        taken_from_others_mm2=0.0,
        pool_outside_mm2=0.0,
        confidence=None,
        accepted=False,
    )


def _as_edited(record: SliceRecord, stack: Stack, wall: Mask, keep_islands: bool) -> SliceRecord:
    """Return the record if it matches the current wall, else a record of the current wall, without confidence."""
    old, new, area = stack.mask[record.k] > 0, wall > 0, stack.pixel_area
    blood = np.zeros_like(new) if stack.pool is None else stack.pool[record.k] > 0
    now = SliceFeatures.of(wall, None if _WRONG_POOL & {*record.codes} else blood & ~new, stack.in_plane)
    added, removed = float((new & ~old).sum()) * area, float((old & ~new).sum()) * area
    # Tolerance of half a pixel: the areas of the report are rounded.
    same_area = max(abs(added - record.added_mm2), abs(removed - record.removed_mm2)) < area / 2
    if same_area and (now.b0, now.b1) == (record.b0_after, record.b1_after):
        return record
    finding = Finding.RING if now.islands and keep_islands else now.finding
    outside = blood & ~new & outside_of(wall) & (finding is Finding.RING)
    return replace(
        record,
        finding_after=finding,
        b0_after=now.b0,
        b1_after=now.b1,
        gap_deg_after=round(now.gap.angle_deg, 1),
        added_mm2=round(added, 2),
        removed_mm2=round(removed, 2),
        taken_from_pool_mm2=round(float((new & ~old & blood).sum()) * area, 2),
        # The masks of the other labels are not kept.
        taken_from_others_mm2=math.nan if added else 0.0,
        pool_outside_mm2=round(float(outside.sum()) * area, 2),
        confidence=None,
        reasons=[*record.reasons, Reason(ReasonCode.EDITED)],
    )
