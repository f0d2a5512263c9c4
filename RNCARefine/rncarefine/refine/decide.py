"""Decide what becomes of a slice: the smallest edit that makes it right and that the image supports."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..anatomy.topology import fill_holes, largest_component
from ..nca.model import Model
from ..reasons import Reason, ReasonCode
from ..stack import Mask
from ..tasks.ring.diagnosis import SliceDiagnosis, cavity
from ..tasks.ring.interpolation import propose_by_interpolation
from ..tasks.ring.other_labels import mostly_others, taken_from_others
from ..tasks.ring.readout import is_ring
from ..tasks.ring.verification import rejection
from ..words import REPAIRED, Expectation, Finding, Verdict
from .build_report import SliceDecision
from .confidence import closed_features, confidence, expected_dice, repaired_features
from .examine import Examined
from .options import RepairOptions
from .proposals import Proposals, Sight

Field = NDArray[np.float32]

KEEP_MARGIN = 0.04
"""What only had to be cleaned is kept where the image supports it as well as the automaton's wall, less this expected
Dice. On the validation set of ACDC nine in ten such walls are kept, and their mean Dice is the same (-.002)."""
SUPPORTED = 0.6
"""A wall with at least this expected Dice by the image alone may lie away from mask and blood pool."""
LEAST_CONFIDENCE = 0.5
"""A repair that is less likely than this to be good is flagged."""
LEAST_CLOSED_CONFIDENCE = 0.5
"""A closed wall that is less likely than this to be good is flagged, and not changed."""


@dataclass(frozen=True, eq=False)
class Decided:
    """A decision, and what its confidence was computed from."""

    decision: SliceDecision
    features: dict[str, float]


def decide(
    seen: Examined, entry: SliceDiagnosis, sight: Sight, proposals: Proposals, model: Model, options: RepairOptions
) -> Decided:
    """Decide about one slice.

    Args:
        seen: The stack.
        entry: The diagnosis of the slice.
        sight: What the encoder sees in the images alone.
        proposals: What the automaton suggests.
        model: Its card has the weights of the confidence.
        options: How to repair.
    """
    k = entry.k
    decision = _choose(seen, entry, sight, proposals, options)
    if decision.verdict in REPAIRED:
        likelihood = proposals.likelihood.get(k, sight.seen[k])
        found = repaired_features(seen.focused.mask[k], decision.wall, likelihood, sight.seen[k])
        sure = confidence(found, model.card.confidence, "likelihood")
        least, code = LEAST_CONFIDENCE, ReasonCode.LOW_CONFIDENCE
    elif decision.verdict is Verdict.INTACT and entry.finding is Finding.RING:
        beside = [sight.seen[n] for n in (k - 1, k + 1) if 0 <= n < len(sight.seen)]
        found = closed_features(decision.wall, sight.seen[k], beside)
        sure = confidence(found, model.card.closed_confidence, "seen")
        least, code = LEAST_CLOSED_CONFIDENCE, ReasonCode.IMAGE_DISAGREES
    else:
        return Decided(decision, {})
    decision = replace(decision, confidence=sure)
    if sure < least:
        decision = replace(decision, reasons=(*decision.reasons, Reason(code, confidence=sure)), doubtful=True)
    return Decided(decision, found)


def counts_as_ring(entry: SliceDiagnosis) -> bool:
    """Whether a slice has the Betti numbers of a ring.

    By components and holes it is not broken, so it is never changed: where its hole is a mere pore in an open wall, it
    is flagged for review.
    """
    return (entry.b0, entry.b1) == (1, 1)


def _choose(
    seen: Examined, entry: SliceDiagnosis, sight: Sight, proposals: Proposals, options: RepairOptions
) -> SliceDecision:
    """Take the first wall that passes verification, else leave the slice as it was."""
    k = entry.k
    before, reasons = seen.stack.mask[k], seen.reasons(entry)
    if entry.right:
        return SliceDecision(Verdict.REFUSED if seen.off_axis(k) else Verdict.INTACT, before, reasons)
    if entry.expectation is Expectation.OPEN:
        return SliceDecision(Verdict.REFUSED, before, reasons)
    if counts_as_ring(entry):
        pore = () if seen.off_axis(k) else (Reason(ReasonCode.COUNTS_AS_RING),)
        return SliceDecision(Verdict.REFUSED, before, (*reasons, *pore))
    against: list[Reason] = []
    for verdict, wall in _candidates(seen, entry, sight, proposals, options):
        kept = np.asarray(wall | before, np.uint8) if options.add_only else wall
        objection = _rejected(seen, entry, kept, sight.seen[k], options)
        if objection is None:
            done, doubtful = _remarks(verdict, k, bool(seen.focused.mask[k].any()), proposals)
            taken = taken_from_others(kept, before, seen.others_of(k), seen.stack.in_plane)
            return SliceDecision(verdict, kept, (*reasons, *done, *taken), doubtful=doubtful or bool(taken))
        if verdict is Verdict.GEOMETRY:
            before_it = against or [Reason(ReasonCode.NO_PROPOSAL)]
            against = [*before_it, Reason(ReasonCode.INTERPOLATION_REJECTED), objection]
        elif objection not in against:
            against.append(objection)
    return SliceDecision(Verdict.REFUSED, before, (*reasons, *(against or [Reason(ReasonCode.NO_PROPOSAL)])))


def _candidates(
    seen: Examined, entry: SliceDiagnosis, sight: Sight, proposals: Proposals, options: RepairOptions
) -> list[tuple[Verdict, Mask]]:
    """Return the walls to try, the smallest edit first where the image supports it as well."""
    k, near = entry.k, seen.focused.mask[entry.k]
    pool = None if seen.focused.pool is None else seen.focused.pool[k]
    if entry.expectation is Expectation.DISC:
        return [(Verdict.CLEANED, fill_holes(largest_component(near)))]
    cleaned = None if options.add_only or not near.any() else clean(near, pool, seen.stack.in_plane)
    drawn = [walls[k] for walls in (proposals.walls, sight.walls) if k in walls]
    found = [(Verdict.AUTOMATON, wall) for wall in drawn]
    if cleaned is not None:
        likelihood = proposals.likelihood.get(k, sight.seen[k])
        best = max((expected_dice(wall, likelihood) for wall in drawn), default=0.0)
        first = expected_dice(cleaned, likelihood) >= best - KEEP_MARGIN
        found.insert(0 if first else len(found), (Verdict.CLEANED, cleaned))
    if options.geometry and near.any():
        found.append((Verdict.GEOMETRY, propose_by_interpolation(near, pool, entry.expectation, seen.stack.in_plane)))
    return found


def _rejected(
    seen: Examined, entry: SliceDiagnosis, wall: Mask, likelihood: Field, options: RepairOptions
) -> Reason | None:
    """Verify a wall; where the image supports it, mask and blood pool are evidence and not law."""
    k, bounds = entry.k, options.bounds
    pool = None if seen.focused.pool is None else seen.focused.pool[k]
    if expected_dice(wall, likelihood) >= SUPPORTED:
        bounds, pool = replace(bounds, least_overlap=0.0), None
    axis = float(seen.heart.centres[k, 0]), float(seen.heart.centres[k, 1])
    before, near = seen.stack.mask[k], seen.near[k]
    against = rejection(wall, before, near, pool, entry.expectation, axis, seen.stack.in_plane, bounds)
    return against or mostly_others(wall, before, seen.others_of(k))


def _remarks(verdict: Verdict, k: int, shown: bool, proposals: Proposals) -> tuple[list[Reason], bool]:
    """Return what to say about a repair, and whether it needs review whatever its confidence."""
    if verdict is Verdict.CLEANED:
        return [Reason(ReasonCode.CLEANED)], False
    if not shown:
        return [Reason(ReasonCode.INVENTED)], True
    if verdict is Verdict.AUTOMATON and k in proposals.disregarded:
        return [Reason(ReasonCode.MASK_DISREGARDED)], False
    return [], False


def clean(near: Mask, pool: Mask | None, in_plane: tuple[float, float]) -> Mask | None:
    """Remove loose components and fill pores, where that alone makes a closed ring.

    Args:
        near: The wall that was there about the heart, shape ``(j, i)``.
        pool: The blood pool, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.

    Returns:
        The wall, or ``None`` where it is not closed.
    """
    main = largest_component(near)
    hole = cavity(main, pool, in_plane)
    if hole is None:
        return None
    wall = np.asarray(fill_holes(main) & ~hole, np.uint8)
    return wall if is_ring(wall) else None
