"""Keeping account: from what was found and done to the typed records of the report."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .. import __version__
from ..anatomy.topology import betti_3d, fill_holes
from ..nca.model import Model
from ..stack import Mask, Stack
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis
from ..words import Expectation, Finding, Verdict
from .metrics import lv_mass_g
from .options import RepairOptions
from .proposals import AutomatonProposals
from .records import Report, RunRecord, SliceRecord, StackRecord


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one slice; ``doubtful`` asks a person to look at a repair."""

    verdict: Verdict
    wall: Mask
    reason: str = ""
    confidence: float | None = None
    doubtful: bool = False


def account(
    stack: Stack,
    before: Diagnosis,
    after: Diagnosis,
    outcomes: list[Outcome],
    others: Mask | None,
    model: Model | None,
    proposals: AutomatonProposals | None,
    options: RepairOptions,
    seconds: float,
) -> Report:
    """Write the report of a check or a repair.

    Args:
        stack: The stack as it was.
        before: What its slices were.
        after: What they are now.
        outcomes: What became of each slice.
        others: Every other label of an exclusive label map, or ``None``.
        model: The weights, ``None`` for a check.
        proposals: What the automaton suggested, ``None`` if it was not asked.
        options: What the person chose.
        seconds: How long it took.
    """
    records = [
        _slice_record(stack, entry, after.slices[entry.k], outcome, others)
        for entry, outcome in zip(before.slices, outcomes, strict=True)
    ]
    mask = np.stack([outcome.wall for outcome in outcomes])
    run = RunRecord(
        version=__version__,
        backend=proposals.backend if proposals else "none",
        device=proposals.device if proposals else "none",
        seed=options.seed,
        samples=options.samples,
        steps=proposals.steps if proposals else 0,
        close_base=options.close_base,
        add_only=options.add_only,
        geometry=options.geometry,
        apex=str(before.apex),
        seconds=round(seconds, 3),
    )
    return Report(
        stack_record(stack, mask, records),
        records,
        model.record() if model else None,
        run,
        _warnings(stack, proposals),
    )


def _slice_record(
    stack: Stack, before: SliceDiagnosis, after: SliceDiagnosis, outcome: Outcome, others: Mask | None
) -> SliceRecord:
    old, new = stack.mask[before.k] > 0, outcome.wall > 0
    area = stack.pixel_area
    added = new & ~old
    pool = np.zeros_like(old) if stack.pool is None else stack.pool[before.k] > 0
    elsewhere = np.zeros_like(old) if others is None else others[before.k] > 0
    outside = pool & ~(fill_holes(new) > 0) if after.finding is Finding.RING else np.zeros_like(pool)
    return SliceRecord(
        k=before.k,
        finding_before=before.finding,
        finding_after=after.finding,
        expectation=before.expectation,
        verdict=outcome.verdict,
        flagged=outcome.doubtful or outcome.verdict in (Verdict.REFUSED, Verdict.TO_REPAIR),
        b0_before=before.b0,
        b1_before=before.b1,
        b0_after=after.b0,
        b1_after=after.b1,
        gap_deg_before=round(before.gap.angle_deg, 1),
        gap_deg_after=round(after.gap.angle_deg, 1),
        gap_mm_before=round(before.gap.width_mm, 1),
        added_mm2=round(float(added.sum()) * area, 2),
        removed_mm2=round(float((old & ~new).sum()) * area, 2),
        taken_from_pool_mm2=round(float((added & pool).sum()) * area, 2),
        taken_from_others_mm2=round(float((added & elsewhere).sum()) * area, 2),
        pool_outside_mm2=round(float(outside.sum()) * area, 2),
        confidence=None if outcome.confidence is None else round(outcome.confidence, 4),
        reason=outcome.reason,
    )


def stack_record(stack: Stack, mask: Mask, records: list[SliceRecord]) -> StackRecord:
    """Add up a stack.

    Args:
        stack: The stack as it was.
        mask: The myocardium as it is now, shape ``(k, j, i)``.
        records: Its slices, with what a person has decided about them.
    """
    rings = [record for record in records if record.expectation is Expectation.RING]
    mass_before, mass_after = lv_mass_g(stack.mask, stack.spacing), lv_mass_g(mask, stack.spacing)
    b0_before, b1_before, b2_before = betti_3d(stack.mask)
    b0_after, b1_after, b2_after = betti_3d(mask)
    return StackRecord(
        name=stack.name,
        slices=len(records),
        spacing_mm=stack.spacing,
        expected_rings=len(rings),
        closed_before=sum(record.finding_before is Finding.RING for record in rings),
        closed_after=sum(record.finding_after is Finding.RING for record in rings),
        right_before=sum(record.verdict is Verdict.INTACT for record in records),
        right_after=sum(not record.flagged if record.accepted is None else record.accepted for record in records),
        flagged=sum(record.flagged and record.accepted is None for record in records),
        changed=sum(record.added_mm2 > 0 or record.removed_mm2 > 0 for record in records),
        lv_mass_before_g=round(mass_before, 2),
        lv_mass_after_g=round(mass_after, 2),
        lv_mass_change_percent=round(100 * (mass_after - mass_before) / mass_before, 2) if mass_before else math.nan,
        b0_3d_before=b0_before,
        b1_3d_before=b1_before,
        b2_3d_before=b2_before,
        b0_3d_after=b0_after,
        b1_3d_after=b1_after,
        b2_3d_after=b2_after,
    )


def _warnings(stack: Stack, proposals: AutomatonProposals | None) -> list[str]:
    notes = list(proposals.notes) if proposals else []
    if stack.spacing[0] < 1.5 * max(stack.in_plane):
        notes.append(
            f"The slice distance ({stack.spacing[0]:.2f} mm) is close to the pixel spacing: this may not be a "
            "short-axis stack. Check that its slices are stacked along the third image axis."
        )
    if len(stack.mask) == 1:
        notes.append(
            "The stack has one slice: base and apex cannot be told apart, and no neighbour helps. A ring is expected; "
            "if the slice is the apex or the outflow tract, mind that."
        )
    return notes
