"""Build the report of a check or a repair."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..anatomy.topology import betti_3d
from ..nca.model import Model
from ..nca.rollout import Runner
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis
from ..words import Expectation, Finding, Verdict
from .metrics import lv_mass_g
from .options import RepairOptions
from .records import Report, RunRecord, SliceRecord, StackRecord
from .result import Changes, outside_of
from .wall import measure

_OF_RUN = {entry.name for entry in fields(RunRecord)}


@dataclass(frozen=True, eq=False)
class Run:
    """Context of a repair: runner, model, largest number of steps taken, and the doubt about the heart, if any."""

    runner: Runner
    model: Model
    steps: int
    doubt: Reason | None


@dataclass(frozen=True, eq=False)
class SliceDecision:
    """Decision about one slice; a ``doubtful`` one needs review."""

    verdict: Verdict
    wall: Mask
    reasons: tuple[Reason, ...] = ()
    confidence: float | None = None
    doubtful: bool = False

    @property
    def codes(self) -> set[ReasonCode]:
        """Codes of the reasons."""
        return {reason.code for reason in self.reasons}

    def doubted(self, *doubts: Reason) -> SliceDecision:
        """Return the decision with reasons to review it."""
        new = (doubt for doubt in doubts if doubt.code not in self.codes)
        return replace(self, reasons=(*self.reasons, *new), doubtful=True)


def build_report(
    changes: Changes,
    before: Diagnosis,
    after: Diagnosis,
    decisions: list[SliceDecision],
    options: RepairOptions,
    seconds: float,
    run: Run | None = None,
    stack_doubts: Sequence[Reason] = (),
) -> Report:
    """Build the report of a check or a repair.

    Args:
        changes: The stack before and after.
        before: Diagnosis before the repair.
        after: Diagnosis after the repair.
        decisions: Decision about each slice.
        options: Options of the run.
        seconds: Run time.
        run: Context of the repair; ``None`` for a check.
        stack_doubts: Doubts that this is a short-axis stack; listed first.
    """
    stack = changes.stack
    records = [
        _slice_record(changes, entry, after.slices[entry.k], decision)
        for entry, decision in zip(before.slices, decisions, strict=True)
    ]
    records, wall = measure(stack, changes.wall, records, before.apex)
    kept: dict[str, Any] = {name: value for name, value in vars(options).items() if name in _OF_RUN}
    kept |= {"device": run.runner.device if run else "none", "steps": run.steps if run else 0}
    kept |= {"backend": run.runner.backend if run else "none", "apex": str(before.apex)}
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record = RunRecord(version=__version__, seconds=round(seconds, 3), date=date, **kept)
    return Report(
        stack_record(stack, changes.wall, records),
        records,
        run.model.record() if run else None,
        record,
        [*stack_doubts, *_warnings(stack, run, stack_doubts)],
        wall,
    )


def _slice_record(
    changes: Changes, before: SliceDiagnosis, after: SliceDiagnosis, decision: SliceDecision
) -> SliceRecord:
    def area(mask: NDArray[np.generic]) -> float:
        return round(float(np.count_nonzero(mask)) * changes.stack.pixel_area, 2)

    k = before.k
    outside = changes.trimmed[k]
    if changes.pool is not None and after.finding is Finding.RING:
        outside = (changes.pool[k] | outside) * outside_of(changes.wall[k])
    return SliceRecord(
        k=before.k,
        finding_before=before.finding,
        finding_after=after.finding,
        expectation=before.expectation,
        verdict=decision.verdict,
        flagged=decision.doubtful or decision.verdict in (Verdict.REFUSED, Verdict.TO_REPAIR),
        b0_before=before.b0,
        b1_before=before.b1,
        b0_after=after.b0,
        b1_after=after.b1,
        gap_deg_before=round(before.gap.angle_deg, 1),
        gap_deg_after=round(after.gap.angle_deg, 1),
        gap_mm_before=round(before.gap.width_mm, 1),
        added_mm2=area(changes.added[k]),
        removed_mm2=area(changes.removed[k]),
        taken_from_pool_mm2=area(changes.taken_from_pool[k]),
        taken_from_others_mm2=area(changes.taken_from_others[k]),
        pool_outside_mm2=area(outside),
        confidence=None if decision.confidence is None else round(decision.confidence, 4),
        reasons=list(decision.reasons),
    )


def stack_record(stack: Stack, mask: Mask, records: list[SliceRecord]) -> StackRecord:
    """Compute the totals of a stack.

    Args:
        stack: The stack before the repair.
        mask: Current myocardium, shape ``(k, j, i)``.
        records: Slice records, with the decisions of the review.
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
        right_before=sum(_right_before(record) for record in records),
        right_after=sum(not record.flagged if record.accepted is None else record.accepted for record in records),
        flagged=sum(record.still_flagged for record in records),
        changed=sum(record.changed for record in records),
        lv_mass_before_g=round(mass_before, 2),
        lv_mass_after_g=round(mass_after, 2),
        lv_mass_change_percent=round(100 * (mass_after - mass_before) / mass_before, 2) if mass_before else math.nan,
        b0_3d_before=b0_before,
        b1_3d_before=b1_before,
        b2_3d_before=b2_before,
        b0_3d_after=b0_after,
        b1_3d_after=b1_after,
        b2_3d_after=b2_after,
        thinnest_before_mm=_thinnest(rec.thinnest_before_mm for rec in records if rec.finding_before is Finding.RING),
        thinnest_after_mm=_thinnest(rec.thinnest_after_mm for rec in records if rec.finding_after is Finding.RING),
        invented_mm=round(sum(record.invented_mm for record in records), 1),
    )


def _right_before(record: SliceRecord) -> bool:
    """Return whether a slice was as expected: intact, and not flagged or accepted as it is."""
    doubted = record.flagged and (record.changed or not record.accepted)
    return record.verdict is Verdict.INTACT and not doubted


def _thinnest(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _warnings(stack: Stack, run: Run | None, stack_doubts: Sequence[Reason]) -> list[Reason]:
    doubts, said = list(stack.notes), {doubt.code for doubt in stack_doubts}
    if run is not None and run.runner.out_of_memory:
        doubts.append(Reason(ReasonCode.GPU_OUT_OF_MEMORY))
    explained = {ReasonCode.NOT_THICKEST_AXIS, ReasonCode.NO_SPACING} & said
    if stack.spacing[0] < 1.5 * max(stack.in_plane) and not explained:
        doubts.append(Reason(ReasonCode.THIN_SLICES, slice_spacing_mm=stack.spacing[0]))
    if len(stack.mask) == 1:
        doubts.append(Reason(ReasonCode.ONE_SLICE))
    if run is not None and run.doubt is not None:
        doubts.append(run.doubt)
    return doubts
