"""The main job: diagnose every slice, repair what is broken, verify it, and report."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from ..anatomy.heart import Heart, locate_heart, near_heart
from ..anatomy.topology import gap
from ..nca.model import Model
from ..progress import Progress, report_progress, subrange
from ..stack import Mask, Stack, binary_mask
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis, diagnose
from ..tasks.ring.verification import objection
from ..words import Expectation, Verdict
from .build_report import Outcome, account
from .confidence import confidence, evidence
from .metrics import dice
from .options import RepairOptions
from .proposals import AutomatonProposals, ask_automaton, ask_geometry, prune
from .records import Report

__all__ = ["RepairOptions", "RepairResult", "check", "repair"]

AGREEMENT = 0.95
"""Dice between the automaton's wall and what remains of the old one without loose pieces and pores, from which on the
latter is kept: nothing is drawn anew that only had to be cleaned."""
_CONFIRMED = "The automaton agrees with what remains without loose pieces and pores: that was kept."
LEAST_CONFIDENCE = 0.5
"""A repair that is less likely than this to be good is flagged."""


@dataclass(frozen=True, eq=False)
class RepairResult:
    """What a repair ended with.

    Attributes:
        mask: The repaired myocardium, shape ``(k, j, i)``.
        report: What was found and done.
        evidence: What spoke for and against each slice that was repaired with the automaton's help, by slice; see
            :func:`rncarefine.refine.confidence.evidence`.
    """

    mask: Mask
    report: Report
    evidence: dict[int, dict[str, float]]


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
    heart, focused = _focus(stack)
    diagnosis = _diagnose(stack, focused.pool, heart, options)
    outcomes = []
    for entry in diagnosis.slices:
        astray = _astray(stack, focused, entry)
        verdict = Verdict.INTACT if entry.right and not astray else Verdict.TO_REPAIR
        outcomes.append(Outcome(verdict, stack.mask[entry.k], astray or entry.reason))
    return account(stack, diagnosis, diagnosis, outcomes, None, None, None, options, time.perf_counter() - started)


def repair(
    stack: Stack,
    model: Model,
    options: RepairOptions | None = None,
    progress: Progress | None = None,
    others: Mask | None = None,
    only: Collection[int] | None = None,
) -> RepairResult:
    """Repair the broken slices of a stack; intact ones are returned bit for bit.

    Args:
        stack: The stack.
        model: Weights and card.
        options: What a person may choose.
        progress: Told how far the work is; may cancel.
        others: Every other label of an exclusive label map, as one mask; only to count what the wall takes from them.
        only: Slices to repair; others that are broken are left as they are, to be repaired. All of them by default.

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
    heart, focused = _focus(stack)
    before = _diagnose(stack, focused.pool, heart, options)
    wanted = [entry.k for entry in before.slices if _asks(entry, only)]
    proposals = None
    # Where neither wall nor pool lies near the heart, there is nothing to lay a frame around.
    if wanted and (focused.mask.any() or (focused.pool is not None and focused.pool.any())):
        proposals = ask_automaton(
            focused,
            wanted,
            model,
            device=options.device,
            seed=options.seed,
            samples=options.samples,
            steps=options.steps,
            progress=subrange(progress, 0.05, 0.9),
        )
    report_progress(progress, 0.9, "Verifying every slice")
    evident: dict[int, dict[str, float]] = {}
    outcomes = []
    for entry in before.slices:
        if only is not None and entry.k not in only and not entry.right:
            outcomes.append(Outcome(Verdict.TO_REPAIR, stack.mask[entry.k], entry.reason))
            continue
        outcome = _decide(stack, focused, heart, entry, proposals, options)
        changed = outcome.verdict in (Verdict.AUTOMATON, Verdict.GEOMETRY)
        if changed and proposals is not None and entry.k in proposals.likelihood:
            found = evidence(focused.mask[entry.k], outcome.wall, proposals.likelihood[entry.k])
            evident[entry.k] = found
            sure = confidence(found, model.card.confidence)
            outcome = replace(outcome, confidence=sure)
            if sure < LEAST_CONFIDENCE:
                reason = f"{outcome.reason} Low confidence: the repaired wall may lie wrong."
                outcome = replace(outcome, reason=reason, doubtful=True)
        outcomes.append(outcome)
    mask = np.stack([outcome.wall for outcome in outcomes]).astype(np.uint8)
    after = _diagnose(replace(stack, mask=mask), _remaining(focused.pool, mask), heart, options)
    report_progress(progress, 1.0, "Done")
    elapsed = time.perf_counter() - started
    report = account(stack, before, after, outcomes, others, model, proposals, options, elapsed)
    return RepairResult(mask, report, evident)


def _asks(entry: SliceDiagnosis, only: Collection[int] | None) -> bool:
    """Whether the automaton is asked for a wall: a ring is expected, and nobody could take the slice for one."""
    chosen = only is None or entry.k in only
    return chosen and entry.expectation is Expectation.RING and not entry.right and not _counts_as_ring(entry)


def _focus(stack: Stack) -> tuple[Heart, Stack]:
    """Return the heart, and the stack without the wall and pool that lie away from it.

    They must neither mislead the repair nor be repaired; nothing is removed from a slice that is not repaired.
    """
    if not stack.mask.any():
        raise ValueError(
            f"{stack.name}: the myocardium mask is empty, there is nothing to repair. Choose the segment or label "
            "that holds the wall."
        )
    heart = locate_heart(stack.mask, stack.pool, stack.in_plane)
    pool = None if stack.pool is None else near_heart(stack.pool, heart, stack.in_plane)
    return heart, replace(stack, mask=near_heart(stack.mask, heart, stack.in_plane), pool=pool)


def _diagnose(stack: Stack, pool: Mask | None, heart: Heart, options: RepairOptions) -> Diagnosis:
    """Diagnose a stack; the gap is that of the wall about the heart's axis, whatever lies elsewhere."""
    found = diagnose(replace(stack, pool=pool), close_base=options.close_base, apex=options.apex)
    near = near_heart(stack.mask, heart, stack.in_plane)
    slices = [
        entry if np.array_equal(wall, whole) else replace(entry, gap=gap(wall, stack.in_plane))
        for entry, wall, whole in zip(found.slices, near, stack.mask, strict=True)
    ]
    return replace(found, slices=slices)


def _decide(
    stack: Stack,
    focused: Stack,
    heart: Heart,
    entry: SliceDiagnosis,
    proposals: AutomatonProposals | None,
    options: RepairOptions,
) -> Outcome:
    """Take the first proposal that passes verification, else leave the slice as it was.

    ``focused`` is the stack without what lies away from the heart.
    """
    before, near = stack.mask[entry.k], focused.mask[entry.k]
    astray = _astray(stack, focused, entry)
    reason = astray or entry.reason
    if entry.right:
        return Outcome(Verdict.REFUSED if astray else Verdict.INTACT, before, reason)
    if entry.expectation is Expectation.OPEN:
        return Outcome(Verdict.REFUSED, before, reason)
    if _counts_as_ring(entry):
        return Outcome(Verdict.REFUSED, before, astray or f"{reason} Its only hole is a pore, not the cavity.")
    pool = None if focused.pool is None else focused.pool[entry.k]
    axis = float(heart.centres[entry.k, 0]), float(heart.centres[entry.k, 1])

    def passes(wall: Mask) -> str:
        return objection(wall, before, near, pool, entry.expectation, axis, stack.in_plane, options.bounds)

    disc = entry.expectation is Expectation.DISC
    against = "The automaton closes rings and leaves discs to geometry." if disc else "The automaton found no wall."
    if proposals is not None and entry.k in proposals.walls:
        wall = _kept(proposals.walls[entry.k], before, options)
        against = passes(wall)
        if not against:
            reason = _before(reason)
            if not near.any():
                return Outcome(Verdict.AUTOMATON, wall, f"{reason} All of the wall is invented.", doubtful=True)
            pruned = None if options.add_only else prune(near, pool, stack.in_plane)
            if pruned is not None and dice(pruned, wall) >= AGREEMENT and not passes(pruned):
                return Outcome(Verdict.AUTOMATON, pruned, f"{reason} {_CONFIRMED}")
            return Outcome(Verdict.AUTOMATON, wall, reason)
    if options.geometry and near.any():
        wall = _kept(ask_geometry(near, pool, entry.expectation, stack.in_plane), before, options)
        objected = passes(wall)
        if not objected:
            return Outcome(Verdict.GEOMETRY, wall, _before(reason))
        against = f"{against} Geometry: {objected}"
    return Outcome(Verdict.REFUSED, before, f"{reason} {against}")


def _before(reason: str) -> str:
    """Say that what was wrong is so no longer."""
    return f"Before: {reason[:1].lower()}{reason[1:]}"


def _astray(stack: Stack, focused: Stack, entry: SliceDiagnosis) -> str:
    """Say that none of a slice's wall lies where the heart is, however right it looks; empty if some does."""
    if not stack.mask[entry.k].any() or focused.mask[entry.k].any():
        return ""
    return f"{entry.reason or 'There is a closed wall.'} None of it lies where the heart is."


def _counts_as_ring(entry: SliceDiagnosis) -> bool:
    """Whether a slice has the Betti numbers of a ring.

    Nobody who counts components and holes would call it broken, so it is never changed: where its hole is a mere pore
    in an open wall, a person is told.
    """
    return (entry.b0, entry.b1) == (1, 1)


def _kept(wall: Mask, before: Mask, options: RepairOptions) -> Mask:
    """Put back what may not be removed."""
    return np.asarray(wall | before, np.uint8) if options.add_only else wall


def _remaining(pool: Mask | None, wall: Mask) -> Mask | None:
    """Return the pool without what the wall has taken."""
    return None if pool is None else np.asarray(pool & (1 - wall), np.uint8)
