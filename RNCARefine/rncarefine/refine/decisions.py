"""Apply the decisions of a review to the report of a repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from ..anatomy.features import SliceFeatures
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..words import Apex, Finding
from .build_report import stack_record
from .records import Report, SliceRecord
from .wall import measure_slice, with_segments

Decisions = Mapping[int, bool]
"""Number of a slice to accepted (``True``) or rejected (``False``); a slice that is not in it is undecided."""

Status = Literal["flagged", "in progress", "completed"]


def needs_decision(record: SliceRecord) -> bool:
    """Return whether a slice needs review: it was changed or flagged, whether or not there is a decision."""
    rejected = record.accepted is False  # only what was changed can be, though nothing is changed any more
    return record.flagged or rejected or record.changed


def decided(report: Report, decisions: Decisions, stack: Stack, wall_now: Mask) -> Report:
    """Return the report with the decisions of a review applied.

    A rejected slice is as it was before the repair and has no changed area; its verdict stays. A slice that was edited
    by hand since is described as it is now, and a warning names it. The totals are those of the wall as it is now.

    Args:
        report: The report of the repair.
        decisions: Accepted and rejected slices.
        stack: The stack with its masks as they were before the repair.
        wall_now: The myocardium as it is now, shape of the stack.

    Returns:
        The same for the same input: time and chance have no part in it.

    Raises:
        ValueError: The wall or the report has another number of slices than the stack, or a decision is about a slice
            that the stack does not have.
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
        seen = _as_it_is(by_decision, stack, wall_now[record.k], not report.run.remove_islands)
        if seen != by_decision:
            by_hand.append(record.k)
        if record.k in thickness and seen != replace(record, accepted=seen.accepted):
            seen, thickness[record.k] = measure_slice(stack, wall_now[record.k], seen)
        records.append(seen)
    wall = report.wall and replace(report.wall, slices=list(thickness.values()))
    return replace(
        report,
        slices=records,
        wall=wall and with_segments(wall, records, Apex(report.run.apex)),
        stack=replace(stack_record(stack, wall_now, records), name=report.stack.name),
        doubts=[*report.doubts, *(Reason(ReasonCode.SLICE_EDITED, k=k) for k in by_hand)],
    )


def review_status(report: Report) -> Status:
    """Return how far the review of a repair is.

    Args:
        report: The report with the decisions applied (see :func:`decided`).

    Returns:
        ``"flagged"`` while a flagged slice has no decision; ``"completed"`` when every slice that needs a
        decision has one; else ``"in progress"``, also as long as there is no decision at all.
    """
    undecided = [record for record in report.slices if record.accepted is None]
    if any(record.flagged for record in undecided):
        return "flagged"
    if len(undecided) == len(report.slices) or any(needs_decision(record) for record in undecided):
        return "in progress"
    return "completed"


def _as_decided(record: SliceRecord, accepted: bool | None) -> SliceRecord:
    if accepted is not False:
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
        accepted=False,
    )


def _as_it_is(record: SliceRecord, stack: Stack, wall: Mask, keep_islands: bool) -> SliceRecord:
    """Return the record if it describes the wall, else what the wall is now."""
    old, new, area = stack.mask[record.k] > 0, wall > 0, stack.pixel_area
    pool = None if stack.pool is None else (stack.pool[record.k] > 0) & ~new
    now = SliceFeatures.of(wall, pool, stack.in_plane)
    added, removed = float((new & ~old).sum()) * area, float((old & ~new).sum()) * area
    # Half a pixel: the areas of the report are rounded.
    same_area = max(abs(added - record.added_mm2), abs(removed - record.removed_mm2)) < area / 2
    if same_area and (now.b0, now.b1) == (record.b0_after, record.b1_after):
        return record
    return replace(
        record,
        finding_after=Finding.RING if now.islands and keep_islands else now.finding,
        b0_after=now.b0,
        b1_after=now.b1,
        gap_deg_after=round(now.gap.angle_deg, 1),
        added_mm2=round(added, 2),
        removed_mm2=round(removed, 2),
        reasons=[*record.reasons, Reason(ReasonCode.EDITED)],
    )
