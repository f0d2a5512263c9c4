"""The main job: diagnose every slice, repair what is broken, verify it, and report."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from ..anatomy.features import SliceFeatures, WallFeatures
from ..anatomy.heart import Heart, locate_heart, near_heart
from ..nca.model import Model
from ..progress import Progress, report_progress, subrange
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack, binary_mask
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis, diagnose_features
from ..tasks.ring.interpolation import propose_by_interpolation
from ..tasks.ring.verification import rejection
from ..words import Expectation, Finding, Verdict
from .build_report import SliceDecision, build_report
from .confidence import confidence, evidence
from .metrics import dice
from .options import RepairOptions
from .proposals import AutomatonProposals, ask_automaton, prune
from .records import Report
from .result import Changes, Repaired

__all__ = ["RepairOptions", "check", "repair"]

AGREEMENT = 0.95
"""Dice between the automaton's wall and what remains of the old one without loose components and pores, from which on
the latter is kept: nothing is redrawn that only had to be cleaned."""
LEAST_CONFIDENCE = 0.5
"""A repair that is less likely than this to be good is flagged."""


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
    seen = _Examined.of(stack, options)
    decisions = []
    for entry in seen.diagnosis.slices:
        reasons = seen.reasons(entry)
        verdict = Verdict.INTACT if entry.right and not seen.off_axis(entry.k) else Verdict.TO_REPAIR
        decisions.append(SliceDecision(verdict, stack.mask[entry.k], reasons))
    unchanged = Changes.compose(stack, stack.mask)
    elapsed = time.perf_counter() - started
    return build_report(unchanged, seen.diagnosis, seen.diagnosis, decisions, None, None, options, elapsed)


def repair(
    stack: Stack,
    model: Model,
    options: RepairOptions | None = None,
    progress: Progress | None = None,
    others: Mask | None = None,
    only: Collection[int] | None = None,
) -> Repaired:
    """Repair the broken slices of a stack; correct ones are returned unchanged (bit-identical).

    Args:
        stack: The stack.
        model: Weights and card.
        options: What a person may choose.
        progress: Told how far the work is; may cancel.
        others: Every other label of an exclusive label map, as one mask; only to count what the wall takes from them.
        only: Slices to repair; others that are broken are left as they are, to be repaired. All of them by default.

    Returns:
        The repaired stack: wall, blood pool, what was added, removed, taken and trimmed, and the report.

    Raises:
        ValueError: The mask is empty, ``others`` is not one mask of the stack's shape, there is no blood pool to trim,
            the device is not there, or the weights do not fit.
        Cancelled: ``progress`` asked to stop; nothing has been changed.
    """
    options = options or RepairOptions()
    if others is not None:
        others = binary_mask(others, stack.shape, f"{stack.name}: the mask of the other labels")
    if options.trim_pool and stack.pool is None:
        raise ValueError(f"{stack.name}: there is no blood pool to trim. Give one, or leave trim_pool out.")
    started = time.perf_counter()
    report_progress(progress, 0.0, "Looking at every slice")
    seen = _Examined.of(stack, options)
    before, focused = seen.diagnosis, seen.focused
    wanted = [entry.k for entry in before.slices if _needs_proposal(entry, only)]
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
    decisions = []
    for entry in before.slices:
        if only is not None and entry.k not in only and not entry.right:
            decisions.append(SliceDecision(Verdict.TO_REPAIR, stack.mask[entry.k], entry.reasons))
            continue
        decision = _decide(seen, entry, proposals, options)
        changed = decision.verdict in (Verdict.AUTOMATON, Verdict.GEOMETRY)
        if changed and proposals is not None and entry.k in proposals.likelihood:
            found = evidence(focused.mask[entry.k], decision.wall, proposals.likelihood[entry.k])
            evident[entry.k] = found
            sure = confidence(found, model.card.confidence)
            decision = replace(decision, confidence=sure)
            if sure < LEAST_CONFIDENCE:
                reasons = (*decision.reasons, Reason(ReasonCode.LOW_CONFIDENCE, confidence=sure))
                decision = replace(decision, reasons=reasons, doubtful=True)
        decisions.append(decision)
    wall = np.stack([decision.wall for decision in decisions]).astype(np.uint8)
    after = seen.diagnosis_of(wall, _remaining(focused.pool, wall), options)
    trim_slices = _closed(after, decisions, only) if options.trim_pool else []
    changes = Changes.compose(stack, wall, others=others, trim_slices=trim_slices)
    report_progress(progress, 1.0, "Done")
    elapsed = time.perf_counter() - started
    report = build_report(changes, before, after, decisions, model, proposals, options, elapsed)
    return Repaired.of(changes, report, evident)


def _closed(after: Diagnosis, decisions: list[SliceDecision], only: Collection[int] | None) -> list[int]:
    """Return the slices whose wall is a closed ring about the cavity now, and that were not left as they were."""
    left = (Verdict.REFUSED, Verdict.TO_REPAIR)
    return [
        entry.k
        for entry, decision in zip(after.slices, decisions, strict=True)
        if entry.finding is Finding.RING and decision.verdict not in left and (only is None or entry.k in only)
    ]


def _needs_proposal(entry: SliceDiagnosis, only: Collection[int] | None) -> bool:
    """Whether the automaton is asked for a wall: a ring is expected, and by its Betti numbers the slice is none."""
    chosen = only is None or entry.k in only
    return chosen and entry.expectation is Expectation.RING and not entry.right and not _counts_as_ring(entry)


@dataclass(frozen=True, eq=False)
class _Examined:
    """A stack, and what was seen in it before anything was done.

    Attributes:
        stack: The stack.
        heart: The axis of the left ventricle.
        focused: The stack without the wall and pool that lie away from the heart. They must neither mislead the repair
            nor be repaired; nothing is removed from a slice that is not repaired.
        features: What each slice shows: all of the wall, and the pool near the heart.
        near: What the wall near the heart shows.
        diagnosis: The diagnosis of the stack.
    """

    stack: Stack
    heart: Heart
    focused: Stack
    features: list[SliceFeatures]
    near: list[WallFeatures]
    diagnosis: Diagnosis

    @classmethod
    def of(cls, stack: Stack, options: RepairOptions) -> _Examined:
        """Examine a stack.

        Raises:
            ValueError: The mask is empty.
        """
        if not stack.mask.any():
            raise ValueError(
                f"{stack.name}: the myocardium mask is empty, there is nothing to repair. Choose the segment or label "
                "that holds the wall."
            )
        walls = [WallFeatures(wall, stack.in_plane) for wall in stack.mask]
        heart = locate_heart(stack.mask, stack.pool, stack.in_plane, walls)
        pool = None if stack.pool is None else near_heart(stack.pool, heart, stack.in_plane)
        focused = replace(stack, mask=near_heart(stack.mask, heart, stack.in_plane), pool=pool)
        features = [SliceFeatures(wall, None if pool is None else pool[k]) for k, wall in enumerate(walls)]
        near = [each.with_masks(focused.mask[k], each.pool).of_wall for k, each in enumerate(features)]
        return cls(stack, heart, focused, features, near, _diagnose(features, near, options))

    def diagnosis_of(self, wall: Mask, pool: Mask | None, options: RepairOptions) -> Diagnosis:
        """Diagnose the same stack with another wall and pool."""
        walls = near_heart(wall, self.heart, self.stack.in_plane)
        features, near = [], []
        for k, each in enumerate(self.features):
            features.append(each.with_masks(wall[k], None if pool is None else pool[k]))
            same = np.array_equal(walls[k], self.near[k].wall)
            near.append(self.near[k] if same else features[k].with_masks(walls[k], None).of_wall)
        return _diagnose(features, near, options)

    def off_axis(self, k: int) -> bool:
        """Whether there is wall in a slice and none of it lies where the heart is, however right it looks."""
        return bool(self.stack.mask[k].any() and not self.focused.mask[k].any())

    def reasons(self, entry: SliceDiagnosis) -> tuple[Reason, ...]:
        """Return the reasons of the diagnosis, and that none of the wall lies where the heart is."""
        if not self.off_axis(entry.k):
            return entry.reasons
        return (*(entry.reasons or (Reason(ReasonCode.CLOSED),)), Reason(ReasonCode.OFF_AXIS))


def _diagnose(features: list[SliceFeatures], near: list[WallFeatures], options: RepairOptions) -> Diagnosis:
    """Diagnose a stack; the gap is that of the wall about the heart's axis, whatever lies elsewhere."""
    found = diagnose_features(features, close_base=options.close_base, apex=options.apex)
    return replace(found, slices=[replace(entry, gap=near[entry.k].gap) for entry in found.slices])


def _decide(
    seen: _Examined, entry: SliceDiagnosis, proposals: AutomatonProposals | None, options: RepairOptions
) -> SliceDecision:
    """Take the first proposal that passes verification, else leave the slice as it was."""
    k, in_plane = entry.k, seen.stack.in_plane
    before, near = seen.stack.mask[k], seen.focused.mask[k]
    reasons = seen.reasons(entry)
    if entry.right:
        return SliceDecision(Verdict.REFUSED if seen.off_axis(k) else Verdict.INTACT, before, reasons)
    if entry.expectation is Expectation.OPEN:
        return SliceDecision(Verdict.REFUSED, before, reasons)
    if _counts_as_ring(entry):
        pore = () if seen.off_axis(k) else (Reason(ReasonCode.COUNTS_AS_RING),)
        return SliceDecision(Verdict.REFUSED, before, (*reasons, *pore))
    pool = None if seen.focused.pool is None else seen.focused.pool[k]
    axis = float(seen.heart.centres[k, 0]), float(seen.heart.centres[k, 1])

    def rejected(wall: Mask) -> Reason | None:
        return rejection(wall, before, seen.near[k], pool, entry.expectation, axis, in_plane, options.bounds)

    disc = entry.expectation is Expectation.DISC
    against: tuple[Reason, ...] = (Reason(ReasonCode.DISC_BY_INTERPOLATION if disc else ReasonCode.NO_PROPOSAL),)
    if proposals is not None and k in proposals.walls:
        wall = _kept(proposals.walls[k], before, options)
        objected = rejected(wall)
        if objected is None:
            if not near.any():
                invented = Reason(ReasonCode.INVENTED)
                return SliceDecision(Verdict.AUTOMATON, wall, (*reasons, invented), doubtful=True)
            pruned = None if options.add_only else prune(near, pool, in_plane)
            if pruned is not None and dice(pruned, wall) >= AGREEMENT and rejected(pruned) is None:
                return SliceDecision(Verdict.AUTOMATON, pruned, (*reasons, Reason(ReasonCode.CLEANED)))
            return SliceDecision(Verdict.AUTOMATON, wall, reasons)
        against = (objected,)
    if options.geometry and near.any():
        wall = _kept(propose_by_interpolation(near, pool, entry.expectation, in_plane), before, options)
        objected = rejected(wall)
        if objected is None:
            return SliceDecision(Verdict.GEOMETRY, wall, reasons)
        against = (*against, Reason(ReasonCode.INTERPOLATION_REJECTED), objected)
    return SliceDecision(Verdict.REFUSED, before, (*reasons, *against))


def _counts_as_ring(entry: SliceDiagnosis) -> bool:
    """Whether a slice has the Betti numbers of a ring.

    By components and holes it is not broken, so it is never changed: where its hole is a mere pore in an open wall, it
    is flagged for review.
    """
    return (entry.b0, entry.b1) == (1, 1)


def _kept(wall: Mask, before: Mask, options: RepairOptions) -> Mask:
    """Put back what may not be removed."""
    return np.asarray(wall | before, np.uint8) if options.add_only else wall


def _remaining(pool: Mask | None, wall: Mask) -> Mask | None:
    """Return the pool without what the wall has taken."""
    return None if pool is None else np.asarray(pool & (1 - wall), np.uint8)
