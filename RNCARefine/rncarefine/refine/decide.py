"""Decide about each slice: the smallest edit that makes it as expected and is supported by the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..anatomy.topology import fill_holes, largest_component
from ..nca.model import Model
from ..reasons import Reason, ReasonCode
from ..stack import Mask
from ..tasks.ring.diagnosis import MIN_CAVITY_PIXELS, SliceDiagnosis
from ..tasks.ring.interpolation import propose_by_interpolation
from ..tasks.ring.other_labels import other_label_rejection, taken_from_others
from ..tasks.ring.readout import is_ring, islands_in
from ..tasks.ring.small_edits import clean, close_gaps
from ..tasks.ring.verification import cut_by_border, displaced, rejection
from ..tasks.ring.wall_shape import OPENINGS, reshape_ring, thin_closure
from ..words import REPAIRED, Expectation, Finding, Verdict
from .build_report import SliceDecision
from .confidence import closed_features, expected_dice, repaired_features, wall_confidence
from .examine import Examined
from .locate import ImageEvidence
from .options import RepairOptions
from .proposals import Proposals

Field = NDArray[np.float32]

KEEP_MARGIN = 0.015
"""The cleaned wall is preferred unless the automaton's wall exceeds its expected Dice by more than this."""
UNCLEAR_WALL = 0.85
KEEP_MARGIN_UNCLEAR = 0.035
"""The margin if the best proposed wall has at most :data:`UNCLEAR_WALL`: less is redrawn in an unclear image."""
MAX_LOOSE = 0.015
"""A good wall is kept in stacks with at most this share of the myocardium away from the heart. Networks that draw other
organs draw poor walls, too: the least share in the 100 stacks of the validation set is 0.016."""
SUPPORTED = 0.6
"""A wall with at least this expected Dice by the image alone need not overlap the mask and the blood pool."""
MIN_CONFIDENCE = 0.5
"""A wall with a lower confidence is flagged: it is more likely wrong than good. Closed walls are not changed."""
BY_SHAPE = frozenset({ReasonCode.LOBED, ReasonCode.THREAD})
"""A wall rejected for one of these reasons is tried again after
:func:`rncarefine.tasks.ring.wall_shape.reshape_ring`."""
BY_POOL = frozenset({ReasonCode.POOL_LEFT_OUTSIDE, ReasonCode.THROUGH_POOL, ReasonCode.RING_AROUND_PORE})
"""If nothing else passes, a wall rejected for the given blood pool alone is drawn and flagged: that of a broken network
is broken, too."""
RING_MARGIN = 0.1
"""If a disc is expected, a ring is used if its expected Dice is higher by more than this."""
MIN_SHOWN = 0.75
"""The image shows a wall in an empty slice at an end of the stack if the expected Dice of its wall is at least this in
two adjacent empty slices: in none of 32 references of the validation set, and in 32 of them without two basal walls, 22
without two apical ones (``python -m experiments stack-rules``). One slice is left to the labelling protocol."""


@dataclass(frozen=True, eq=False)
class Decided:
    """A decision and the features of its confidence."""

    decision: SliceDecision
    features: dict[str, float]


class WallCandidate(NamedTuple):
    """A wall to verify.

    Attributes:
        verdict: Outcome if it is accepted.
        wall: Shape ``(j, i)``.
        edit: What a small edit does; ``None`` for a wall that is drawn as a whole.
        islands: Components of the given wall that stay in its cavity; verification leaves them out.
    """

    verdict: Verdict
    wall: Mask
    edit: ReasonCode | None = None
    islands: Mask | None = None

    @property
    def whole(self) -> Mask:
        """The wall with its islands."""
        return self.wall if self.islands is None else np.asarray(self.wall | self.islands, np.uint8)


def decide(
    examined: Examined,
    entry: SliceDiagnosis,
    evidence: ImageEvidence,
    proposals: Proposals,
    model: Model,
    options: RepairOptions,
) -> Decided:
    """Decide about one slice.

    Args:
        examined: The examined stack.
        entry: Diagnosis of the slice.
        evidence: Evidence of the encoder from the images alone.
        proposals: Proposals of the automaton.
        model: Model; its card holds the weights of the confidence.
        options: Options of the repair.
    """
    k = entry.k
    decision = _choose(examined, entry, evidence, proposals, options)
    if entry.expectation is Expectation.EMPTY and wall_is_shown(examined, evidence, k):
        decision = decision.doubted(Reason(ReasonCode.WALL_SHOWN))
    likelihood = proposals.likelihood.get(k, evidence.image_likelihood[k])
    return with_confidence(examined, entry, decision, evidence, model, likelihood)


def with_confidence(
    examined: Examined,
    entry: SliceDiagnosis,
    decision: SliceDecision,
    evidence: ImageEvidence,
    model: Model,
    likelihood: Field,
) -> Decided:
    """Compute the confidence of a repaired or closed wall, and flag it if it is low or the image is blank.

    Args:
        examined: The examined stack.
        entry: Diagnosis of the slice.
        decision: Decision about the slice.
        evidence: Evidence of the encoder from the images alone.
        model: Model; its card holds the weights of the confidence.
        likelihood: Wall probability that a repaired wall was drawn from, shape ``(j, i)``.
    """
    k, in_plane, image_likelihood = entry.k, examined.stack.in_plane, evidence.image_likelihood
    if decision.wall.any() and examined.blank[k]:
        return Decided(decision.doubted(Reason(ReasonCode.BLANK_IMAGE)), {})
    if decision.verdict in REPAIRED:
        before = examined.focused.mask[k]
        found = repaired_features(before, decision.wall, likelihood, image_likelihood[k], evidence.largest, in_plane)
        probability = wall_confidence(found, model.card.confidence, "likelihood")
        code = ReasonCode.LOW_CONFIDENCE
    elif decision.verdict is Verdict.INTACT and entry.finding is Finding.RING:
        found = closed_features(k, examined.stack.mask, examined.right, image_likelihood)
        probability = wall_confidence(found, model.card.closed_confidence, "seen")
        code = ReasonCode.IMAGE_DISAGREES
    else:
        return Decided(decision, {})
    decision = replace(decision, confidence=probability)
    doubt = Reason(code, confidence=probability)
    return Decided(decision.doubted(doubt) if probability < MIN_CONFIDENCE else decision, found)


def wall_is_shown(examined: Examined, evidence: ImageEvidence, k: int) -> bool:
    """Return whether the image shows a wall in slice k and in an adjacent slice, both without myocardium."""

    def shown(n: int) -> bool:
        wall, mask = evidence.walls.get(n), examined.stack.mask
        if wall is None or not 0 <= n < len(mask) or mask[n].any():
            return False
        return expected_dice(wall, evidence.image_likelihood[n]) >= MIN_SHOWN

    return shown(k) and (shown(k - 1) or shown(k + 1))


def counts_as_ring(entry: SliceDiagnosis) -> bool:
    """Return whether a slice has the Betti numbers of a ring.

    Such a slice is topologically intact and is never changed; if its hole is only a pore in an open wall, it is
    flagged.
    """
    return (entry.b0, entry.b1) == (1, 1)


def _choose(
    examined: Examined, entry: SliceDiagnosis, evidence: ImageEvidence, proposals: Proposals, options: RepairOptions
) -> SliceDecision:
    """Return the first wall that passes verification, or refuse the slice."""
    before, reasons = examined.stack.mask[entry.k], examined.reasons(entry)
    if entry.right:
        verdict = Verdict.REFUSED if examined.off_axis(entry.k) else Verdict.INTACT
        return SliceDecision(verdict, before, reasons, doubtful=entry.doubtful)
    if entry.expectation is Expectation.OPEN:
        return SliceDecision(Verdict.REFUSED, before, reasons)
    if counts_as_ring(entry):
        pore = () if examined.off_axis(entry.k) else (Reason(ReasonCode.COUNTS_AS_RING),)
        return SliceDecision(Verdict.REFUSED, before, (*reasons, *pore))
    cut = cut_by_border(examined.near[entry.k])
    if cut is not None:
        return SliceDecision(Verdict.REFUSED, before, (*reasons, cut))
    decision = _draw(examined, entry, evidence, proposals, options)
    if entry.expectation is Expectation.DISC:
        # The mask has no cavity here, but the image may show one.
        ring = _draw(examined, replace(entry, expectation=Expectation.RING), evidence, proposals, options)
        likelihood = proposals.likelihood.get(entry.k, evidence.image_likelihood[entry.k])
        gain = expected_dice(ring.wall, likelihood) - expected_dice(decision.wall, likelihood)
        if ring.verdict in REPAIRED and (decision.verdict is Verdict.REFUSED or gain > RING_MARGIN):
            return ring.doubted(Reason(ReasonCode.RING_SHOWN))
    return decision


def _draw(
    examined: Examined, entry: SliceDiagnosis, evidence: ImageEvidence, proposals: Proposals, options: RepairOptions
) -> SliceDecision:
    """Return the first candidate that passes verification; failing that, without the pool, or after reshaping."""
    likelihood = evidence.image_likelihood[entry.k]

    def accepted(candidate: WallCandidate, *despite: Reason) -> SliceDecision:
        return _accepted(examined, entry, candidate, proposals, options, despite)

    rejected: list[tuple[WallCandidate, Reason]] = []
    for found in _candidates(examined, entry, evidence, proposals, options):
        candidate = with_given(examined, entry, found, options)
        reason = rejection_of(examined, entry, candidate.wall, likelihood, options)
        if reason is None:
            return accepted(candidate)
        if reason.code is ReasonCode.LOBED and candidate.edit is ReasonCode.GAP_CLOSED:
            return accepted(candidate, reason)
        rejected.append((candidate, reason))
    for candidate, reason in (each for each in rejected if each[-1].code in BY_POOL):
        if rejection_of(examined, entry, candidate.wall, likelihood, options, with_pool=False) is None:
            return accepted(candidate, reason, Reason(ReasonCode.AGAINST_POOL))
    by_shape = [each for each in rejected if each[-1].code in BY_SHAPE]
    for opening in OPENINGS:
        for candidate, reason in by_shape:
            reshaped = reshape_ring(candidate.wall, examined.stack.in_plane, opening)
            other = with_given(examined, entry, candidate._replace(wall=reshaped), options)
            if rejection_of(examined, entry, other.wall, likelihood, options) is None:
                return accepted(other, reason, Reason(ReasonCode.RESHAPED))
    return SliceDecision(
        Verdict.REFUSED,
        examined.stack.mask[entry.k],
        (*examined.reasons(entry), *_rejection_reasons(rejected)),
    )


def with_given(
    examined: Examined, entry: SliceDiagnosis, candidate: WallCandidate, options: RepairOptions
) -> WallCandidate:
    """Return a candidate with what stays of the given wall: islands in its cavity; with ``add_only``, everything.

    Components inside a closed wall are papillary muscles, which some labelling conventions include. So are those inside
    a kept wall, if other slices have them; others are loose.
    """
    wall, before, near = candidate.wall, examined.stack.mask[entry.k], examined.near[entry.k]
    closed = is_ring(np.asarray(near.main, np.uint8)) or (candidate.edit is not None and examined.has_islands)
    stay = (closed or options.add_only) and not options.remove_islands
    islands = islands_in(wall, near) if stay else np.zeros_like(wall)
    kept = np.asarray(wall | (before & (1 - islands)), np.uint8) if options.add_only else wall
    return candidate._replace(wall=kept, islands=islands)


def _accepted(
    examined: Examined,
    entry: SliceDiagnosis,
    candidate: WallCandidate,
    proposals: Proposals,
    options: RepairOptions,
    despite: Sequence[Reason],
) -> SliceDecision:
    """Return the decision for a wall that passed verification, or is drawn ``despite`` some reasons and flagged."""
    done, doubtful = _remarks(candidate, entry.k, bool(examined.focused.mask[entry.k].any()), proposals)
    review = (*to_review(examined, entry, candidate.wall, options), *despite)
    reasons = (*examined.reasons(entry), *done, *review)
    return SliceDecision(candidate.verdict, candidate.whole, reasons, doubtful=doubtful or bool(review))


def _rejection_reasons(rejected: Sequence[tuple[WallCandidate, Reason]]) -> list[Reason]:
    """Return why all candidates were rejected, each code once; the reason against interpolation is last."""
    found: dict[ReasonCode, Reason] = {}
    last: list[Reason] = []
    for candidate, reason in rejected:
        if candidate.verdict is Verdict.GEOMETRY:
            last = [Reason(ReasonCode.INTERPOLATION_REJECTED), reason]
        else:
            found.setdefault(reason.code, reason)
    return [*(found.values() or [Reason(ReasonCode.NO_PROPOSAL)]), *last]


def _candidates(
    examined: Examined, entry: SliceDiagnosis, evidence: ImageEvidence, proposals: Proposals, options: RepairOptions
) -> list[WallCandidate]:
    """Return the candidate walls; the cleaned wall is first if the image supports it about as well as the others."""
    k, near = entry.k, examined.focused.mask[entry.k]
    pool = None if examined.focused.pool is None else examined.focused.pool[k]
    if entry.expectation is Expectation.DISC:
        return [WallCandidate(Verdict.CLEANED, fill_holes(largest_component(near)), ReasonCode.CLEANED)]
    cleaned = None if options.add_only or not near.any() else clean(near, pool, examined.stack.in_plane)
    drawn = [walls[k] for walls in (proposals.walls, evidence.walls, proposals.one_pass) if k in walls]
    found = [WallCandidate(Verdict.AUTOMATON, wall) for wall in drawn]
    closed = None
    if drawn and near.any() and k not in proposals.disregarded and examined.loose_share <= MAX_LOOSE:
        closed = close_gaps(near, drawn[0], examined.stack.in_plane)
    if cleaned is not None:
        # Compare by the combined likelihood: the automaton's own follows the mask, even more with a blood pool.
        support = proposals.support.get(k, evidence.image_likelihood[k])
        best = max((expected_dice(wall, support) for wall in drawn), default=0.0)
        margin = KEEP_MARGIN if best > UNCLEAR_WALL else KEEP_MARGIN_UNCLEAR
        first = closed is not None or expected_dice(cleaned, support) >= best - margin
        found.insert(0 if first else len(found), WallCandidate(Verdict.CLEANED, cleaned, ReasonCode.CLEANED))
    elif closed is not None:
        found.insert(0, WallCandidate(Verdict.AUTOMATON, closed, ReasonCode.GAP_CLOSED))
    if options.geometry and near.any():
        wall = propose_by_interpolation(near, pool, entry.expectation, examined.stack.in_plane)
        found.append(WallCandidate(Verdict.GEOMETRY, wall))
    return found


def rejection_of(
    examined: Examined,
    entry: SliceDiagnosis,
    wall: Mask,
    likelihood: Field,
    options: RepairOptions,
    *,
    with_wall: bool = True,
    with_pool: bool = True,
) -> Reason | None:
    """Verify a wall, and return the first reason to reject it.

    Args:
        examined: The examined stack.
        entry: Diagnosis of the slice.
        wall: Wall without islands, shape ``(j, i)``.
        likelihood: Wall probability by the encoder from the image alone. If it supports the wall, overlap with the
            given wall and the blood pool is not required.
        options: Options of the repair.
        with_wall: Require overlap with the given wall.
        with_pool: Verify the wall against the blood pool.
    """
    k, bounds = entry.k, options.bounds if with_wall else replace(options.bounds, min_overlap=0.0)
    pool = examined.focused.pool[k] if with_pool and examined.focused.pool is not None else None
    if expected_dice(wall, likelihood) >= SUPPORTED:
        bounds, pool = replace(bounds, min_overlap=0.0), None
    axis = float(examined.heart.centres[k, 0]), float(examined.heart.centres[k, 1])
    before, near = examined.stack.mask[k], examined.near[k]
    reason = rejection(wall, before, near, pool, entry.expectation, axis, examined.stack.in_plane, bounds)
    return reason or other_label_rejection(wall, before, examined.others_of(k))


def to_review(examined: Examined, entry: SliceDiagnosis, wall: Mask, options: RepairOptions) -> tuple[Reason, ...]:
    """Return the reasons to review a wall that passed verification."""
    k, before, in_plane = entry.k, examined.stack.mask[entry.k], examined.stack.in_plane
    pool = None
    if examined.stack.pool is not None and examined.focused.pool is not None:
        # Networks also draw pools in other organs; one near the heart counts, others only without it.
        near = examined.focused.pool[k]
        pool = near if near.sum() >= MIN_CAVITY_PIXELS else examined.stack.pool[k]
    away = displaced(wall, examined.near[k], pool, options.bounds)
    thin = thin_closure(wall, before, in_plane) if entry.expectation is Expectation.RING else ()
    return (*away, *thin, *taken_from_others(wall, before, examined.others_of(k), in_plane))


def _remarks(candidate: WallCandidate, k: int, shown: bool, proposals: Proposals) -> tuple[list[Reason], bool]:
    """Return the reasons to report for a repair, and whether it needs review regardless of its confidence."""
    if candidate.edit is not None:
        return [Reason(candidate.edit)], False
    if not shown:
        return [Reason(ReasonCode.INVENTED)], True
    if candidate.verdict is Verdict.AUTOMATON and k in proposals.disregarded:
        return [Reason(ReasonCode.MASK_DISREGARDED)], False
    return [], False
