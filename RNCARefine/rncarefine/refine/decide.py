"""Decide what becomes of a slice: the smallest edit that makes it right and that the image supports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..anatomy.topology import fill_holes, largest_component
from ..nca.model import Model
from ..reasons import Reason, ReasonCode
from ..stack import Mask
from ..tasks.ring.diagnosis import SliceDiagnosis, cavity
from ..tasks.ring.interpolation import between_slices, propose_by_interpolation
from ..tasks.ring.other_labels import mostly_others, taken_from_others
from ..tasks.ring.readout import is_ring, islands_in
from ..tasks.ring.verification import cut_by_border, rejection
from ..tasks.ring.wall_shape import thin_closure
from ..words import REPAIRED, Expectation, Finding, Verdict
from .build_report import SliceDecision
from .confidence import closed_features, confidence, expected_dice, repaired_features
from .examine import Examined
from .options import RepairOptions
from .proposals import Proposals, Sight

Field = NDArray[np.float32]

KEEP_MARGIN = 0.015
"""What only had to be cleaned is kept where the image supports it as well as the automaton's wall, less this expected
Dice. On ACDC's validation set (727 slices, 571 of which can be cleaned) 111 are kept, and the mean Dice falls by .002;
at .04, 430 would be kept, at a loss of .017."""
SUPPORTED = 0.6
"""A wall with at least this expected Dice by the image alone may lie away from mask and blood pool."""
LEAST_CONFIDENCE = 0.55
"""A repair that is less likely than this to be good is flagged: on ACDC's validation set 3 % of the broken slices by
the model that learnt from ACDC, 11 % by the free one."""
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


def from_neighbours(
    seen: Examined,
    entry: SliceDiagnosis,
    decided: Sequence[Decided],
    sight: Sight,
    model: Model,
    options: RepairOptions,
) -> Decided:
    """Interpolate a wall from the slices on both sides, where mask and image of a slice show none.

    Args:
        seen: The stack.
        entry: The diagnosis of the slice.
        decided: What was decided about every slice.
        sight: What the encoder sees in the images alone.
        model: Its card has the weights of the confidence.
        options: How to repair.

    Returns:
        The interpolated wall, always for review; what was decided before where there is a wall, or none on both sides.
    """
    k, own = entry.k, decided[entry.k]
    invented = any(reason.code is ReasonCode.INVENTED for reason in own.decision.reasons)
    unsure = invented and (own.decision.confidence or 0.0) < LEAST_CONFIDENCE
    lacking = own.decision.verdict is Verdict.REFUSED or unsure
    if not lacking or entry.expectation is not Expectation.RING or entry.right or counts_as_ring(entry):
        return own
    beside = [decided[n].decision for n in (k - 1, k + 1) if 0 <= n < len(decided)]
    left = (Verdict.REFUSED, Verdict.TO_REPAIR)
    if len(beside) < 2 or any(each.doubtful or each.verdict in left or not is_ring(each.wall) for each in beside):
        return own
    before = seen.stack.mask[k]
    wall = between_slices(beside[0].wall, beside[1].wall)
    wall = np.asarray(wall | before, np.uint8) if options.add_only else wall
    bounds = replace(options.bounds, least_overlap=0.0)
    axis = float(seen.heart.centres[k, 0]), float(seen.heart.centres[k, 1])
    against = rejection(wall, before, seen.near[k], None, entry.expectation, axis, seen.stack.in_plane, bounds)
    if against is not None or mostly_others(wall, before, seen.others_of(k)) is not None:
        return own
    found = repaired_features(seen.focused.mask[k], wall, sight.seen[k], sight.seen[k])
    reasons = (*seen.reasons(entry), Reason(ReasonCode.BETWEEN_NEIGHBOURS))
    sure = confidence(found, model.card.confidence, "likelihood")
    return Decided(SliceDecision(Verdict.GEOMETRY, wall, reasons, sure, doubtful=True), found)


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
        verdict = Verdict.REFUSED if seen.off_axis(k) else Verdict.INTACT
        return SliceDecision(verdict, before, reasons, doubtful=entry.doubtful)
    if entry.expectation is Expectation.OPEN:
        return SliceDecision(Verdict.REFUSED, before, reasons)
    if counts_as_ring(entry):
        pore = () if seen.off_axis(k) else (Reason(ReasonCode.COUNTS_AS_RING),)
        return SliceDecision(Verdict.REFUSED, before, (*reasons, *pore))
    cut = cut_by_border(seen.near[k])
    if cut is not None:
        return SliceDecision(Verdict.REFUSED, before, (*reasons, cut))
    against: list[Reason] = []
    for verdict, wall in _candidates(seen, entry, sight, proposals, options):
        # Of a wall that was open, components elsewhere are loose; inside a closed one they are a convention.
        closed = entry.expectation is Expectation.RING and is_ring(np.asarray(seen.near[k].main, np.uint8))
        stays = (closed or options.add_only) and not options.remove_islands
        islands = islands_in(wall, seen.near[k]) if stays else np.zeros_like(wall)
        kept = np.asarray(wall | (before & (1 - islands)), np.uint8) if options.add_only else wall
        objection = _rejected(seen, entry, kept, sight.seen[k], options)
        if objection is None:
            done, doubtful = _remarks(verdict, k, bool(seen.focused.mask[k].any()), proposals)
            noted = _to_review(seen, entry, kept)
            told, whole = (*reasons, *done, *noted), np.asarray(kept | islands, np.uint8)
            return SliceDecision(verdict, whole, told, doubtful=doubtful or bool(noted))
        if verdict is Verdict.GEOMETRY:
            before_it = against or [Reason(ReasonCode.NO_PROPOSAL)]
            against = [*before_it, Reason(ReasonCode.INTERPOLATION_REJECTED), objection]
        elif objection.code not in [reason.code for reason in against]:
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


def _to_review(seen: Examined, entry: SliceDiagnosis, wall: Mask) -> tuple[Reason, ...]:
    """Return why a wall that passes verification needs review."""
    before, in_plane = seen.stack.mask[entry.k], seen.stack.in_plane
    thin = thin_closure(wall, before, in_plane) if entry.expectation is Expectation.RING else ()
    return (*thin, *taken_from_others(wall, before, seen.others_of(entry.k), in_plane))


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
