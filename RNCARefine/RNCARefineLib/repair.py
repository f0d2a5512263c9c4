"""The main job: diagnose every slice, repair what is broken, verify it, and report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import __version__
from .diagnosis import Diagnosis, SliceDiagnosis, diagnose
from .metrics import lv_mass_g
from .model import Model
from .progress import Progress, report_progress, subrange
from .proposals import AutomatonProposals, ask_automaton, ask_geometry
from .records import Report, RunRecord, SliceRecord, StackRecord
from .stack import Mask, Stack, binary_mask
from .topology import betti_3d, fill_holes
from .verify import Bounds, objection
from .words import Apex, Expectation, Finding, Verdict


@dataclass(frozen=True)
class RepairOptions:
    """What a person may choose.

    Attributes:
        device: "auto", "numpy", "cpu", "cuda" or "mps".
        seed: Decides which cells fire; the same seed gives the same result everywhere.
        samples: Rollouts with different seeds that are averaged; more cost time and make the confidence mean more.
        steps: Most steps of a rollout; ``None`` takes the model's.
        close_base: Expect closed rings at the base too.
        add_only: Never remove wall; only add to it.
        geometry: Let geometry try where the automaton found no wall that passes.
        apex: Which end of the stack the apex lies at.
        bounds: How far a repair may go.
    """

    device: str = "auto"
    seed: int = 0
    samples: int = 1
    steps: int | None = None
    close_base: bool = False
    add_only: bool = False
    geometry: bool = True
    apex: Apex = Apex.AUTO
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"The number of samples is {self.samples}; it must be 1 or more.")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"The number of steps is {self.steps}; it must be 1 or more.")


@dataclass(frozen=True, eq=False)
class RepairResult:
    """The repaired myocardium, shape ``(k, j, i)``, and the report."""

    mask: Mask
    report: Report


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What became of one slice."""

    verdict: Verdict
    wall: Mask
    reason: str = ""
    confidence: float | None = None


def check(stack: Stack, options: RepairOptions | None = None) -> Report:
    """Diagnose a stack and change nothing.

    Args:
        stack: The stack.
        options: Only ``close_base`` and ``apex`` matter.

    Returns:
        A report whose slices are intact or to be repaired.

    Raises:
        ValueError: The mask is empty.
    """
    options = options or RepairOptions()
    started = time.perf_counter()
    diagnosis = _diagnose(stack, options)
    outcomes = [
        _Outcome(Verdict.INTACT if entry.right else Verdict.TO_REPAIR, stack.mask[entry.k], entry.reason)
        for entry in diagnosis.slices
    ]
    return _report(stack, diagnosis, diagnosis, outcomes, None, None, None, options, time.perf_counter() - started)


def repair(
    stack: Stack,
    model: Model,
    options: RepairOptions | None = None,
    progress: Progress | None = None,
    others: Mask | None = None,
) -> RepairResult:
    """Repair the broken slices of a stack; intact ones are returned bit for bit.

    Args:
        stack: The stack.
        model: Weights and card.
        options: What a person may choose.
        progress: Told how far the work is; may cancel.
        others: Every other label of an exclusive label map, as one mask; only to count what the wall takes from them.

    Raises:
        ValueError: The mask is empty, ``others`` is not one mask of the stack's shape, the device is not there, or the
            weights do not fit.
        Cancelled: ``progress`` asked to stop; nothing has been changed.
    """
    options = options or RepairOptions()
    if others is not None:
        others = binary_mask(others, stack.shape, f"{stack.name}: the mask of the other labels")
    started = time.perf_counter()
    report_progress(progress, 0.0, "Looking at every slice")
    before = _diagnose(stack, options)
    wanted = [
        entry.k for entry in before.slices if entry.expectation is Expectation.RING and not entry.right
        and entry.finding is not Finding.EMPTY
    ]  # fmt: skip
    proposals = None
    if wanted:
        proposals = ask_automaton(
            stack,
            wanted,
            model,
            device=options.device,
            seed=options.seed,
            samples=options.samples,
            steps=options.steps,
            progress=subrange(progress, 0.05, 0.9),
        )
    report_progress(progress, 0.9, "Verifying every slice")
    largest = float(np.max(stack.mask.sum(axis=(1, 2)))) * stack.pixel_area
    outcomes = [_decide(stack, entry, proposals, largest, options) for entry in before.slices]
    mask = np.stack([outcome.wall for outcome in outcomes]).astype(np.uint8)
    repaired = Stack(stack.image, mask, _remaining(stack.pool, mask), stack.spacing, stack.name)
    after = _diagnose(repaired, options)
    report_progress(progress, 1.0, "Done")
    elapsed = time.perf_counter() - started
    return RepairResult(mask, _report(stack, before, after, outcomes, others, model, proposals, options, elapsed))


def _diagnose(stack: Stack, options: RepairOptions) -> Diagnosis:
    if not stack.mask.any():
        raise ValueError(
            f"{stack.name}: the myocardium mask is empty, there is nothing to repair. Choose the segment or label "
            "that holds the wall."
        )
    return diagnose(stack, close_base=options.close_base, apex=options.apex)


def _decide(
    stack: Stack, entry: SliceDiagnosis, proposals: AutomatonProposals | None, largest: float, options: RepairOptions
) -> _Outcome:
    """Take the first proposal that passes verification, else leave the slice as it was."""
    before = stack.mask[entry.k]
    if entry.right:
        return _Outcome(Verdict.INTACT, before)
    if entry.finding is Finding.EMPTY or entry.expectation is Expectation.OPEN:
        return _Outcome(Verdict.REFUSED, before, entry.reason)
    pool = None if stack.pool is None else stack.pool[entry.k]

    def passes(wall: Mask) -> str:
        return objection(wall, before, pool, entry.expectation, largest, stack.in_plane, options.bounds)

    against = "The automaton found no wall."
    if proposals is not None and entry.k in proposals.walls:
        wall = _kept(proposals.walls[entry.k], before, options)
        against = passes(wall)
        if not against:
            confidence = _agreement(wall, proposals.likelihood[entry.k])
            return _Outcome(Verdict.AUTOMATON, wall, entry.reason, confidence)
    if options.geometry:
        wall = _kept(ask_geometry(before, pool, entry.expectation, stack.in_plane), before, options)
        objected = passes(wall)
        if not objected:
            return _Outcome(Verdict.GEOMETRY, wall, entry.reason)
        against = f"{against} Geometry: {objected}"
    return _Outcome(Verdict.REFUSED, before, f"{entry.reason} {against}")


def _kept(wall: Mask, before: Mask, options: RepairOptions) -> Mask:
    """Put back what may not be removed."""
    return np.asarray(wall | before, np.uint8) if options.add_only else wall


def _agreement(wall: Mask, likelihood: NDArray[np.float32]) -> float:
    """Return the Dice that the wall is expected to have if the automaton's samples are right about each pixel."""
    total = float(likelihood.sum()) + float(wall.sum())
    return 2.0 * float(likelihood[wall > 0].sum()) / total


def _remaining(pool: Mask | None, wall: Mask) -> Mask | None:
    """Return the pool without what the wall has taken."""
    return None if pool is None else np.asarray(pool & (1 - wall), np.uint8)


def _report(
    stack: Stack,
    before: Diagnosis,
    after: Diagnosis,
    outcomes: list[_Outcome],
    others: Mask | None,
    model: Model | None,
    proposals: AutomatonProposals | None,
    options: RepairOptions,
    seconds: float,
) -> Report:
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
        _stack_record(stack, mask, records),
        records,
        model.record() if model else None,
        run,
        _warnings(stack, proposals),
    )


def _slice_record(
    stack: Stack, before: SliceDiagnosis, after: SliceDiagnosis, outcome: _Outcome, others: Mask | None
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
        flagged=outcome.verdict in (Verdict.REFUSED, Verdict.TO_REPAIR),
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


def _stack_record(stack: Stack, mask: Mask, records: list[SliceRecord]) -> StackRecord:
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
        right_after=sum(not record.flagged for record in records),
        flagged=sum(record.flagged for record in records),
        changed=sum(record.added_mm2 > 0 or record.removed_mm2 > 0 for record in records),
        lv_mass_before_g=round(mass_before, 2),
        lv_mass_after_g=round(mass_after, 2),
        lv_mass_change_percent=round(100 * (mass_after - mass_before) / mass_before, 2),
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
            "short-axis stack. Check that slices run along the first array axis."
        )
    return notes
