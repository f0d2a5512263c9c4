"""Interpolate the wall of a slice between its neighbours, where no wall that can be relied on was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..nca.model import Model
from ..reasons import Reason, ReasonCode
from ..stack import Mask
from ..tasks.ring.diagnosis import SliceDiagnosis
from ..tasks.ring.interpolation import between_slices
from ..tasks.ring.readout import is_ring, ring_of
from ..words import Expectation, Verdict
from .build_report import SliceDecision
from .confidence import expected_dice
from .decide import (
    BY_POOL,
    MIN_CONFIDENCE,
    SUPPORTED,
    Decided,
    WallCandidate,
    counts_as_ring,
    rejection_of,
    to_review,
    with_confidence,
    with_given,
)
from .examine import Examined
from .locate import ImageEvidence
from .options import RepairOptions

MAX_BETWEEN = 2
"""Walls are interpolated in at most this many adjacent slices: with a slice spacing of 10 mm, over 30 mm."""


class NeighbourRing(NamedTuple):
    """A closed ring of a slice, shape ``(j, i)``, to interpolate from."""

    k: int
    ring: Mask


def from_neighbours(
    examined: Examined,
    entry: SliceDiagnosis,
    decided: Sequence[Decided],
    evidence: ImageEvidence,
    model: Model,
    options: RepairOptions,
) -> Decided:
    """Interpolate the wall of a refused or unsure slice from the closest slices on both sides.

    The walls beside it vouch for its place: it need not overlap the given wall, nor fit the given blood pool.

    Args:
        examined: The examined stack.
        entry: Diagnosis of the slice.
        decided: Decisions about all slices.
        evidence: Evidence of the encoder from the images alone.
        model: Model; its card holds the weights of the confidence.
        options: Options of the repair.

    Returns:
        The interpolated wall, always flagged. The previous decision is returned unchanged if the slice has a wall, if
        there is none to rely on at one side, or if more than :data:`MAX_BETWEEN` adjacent slices have none.
    """
    k, own = entry.k, decided[entry.k]
    if not _lacks_wall(examined, decided, evidence, k):
        return own
    below, above = (_reliable_ring(examined, decided, evidence, k, step) for step in (-1, 1))
    if below is None or above is None or above.k - below.k - 1 > MAX_BETWEEN:
        return own
    share = (k - below.k) / (above.k - below.k)
    wall = between_slices(below.ring, above.ring, examined.stack.in_plane, share)
    candidate = with_given(examined, entry, WallCandidate(Verdict.GEOMETRY, wall), options)
    likelihood = evidence.image_likelihood[k]
    despite: tuple[Reason, ...] = ()
    reason = rejection_of(examined, entry, candidate.wall, likelihood, options, with_wall=False)
    if reason is not None and reason.code in BY_POOL:
        despite = (reason, Reason(ReasonCode.AGAINST_POOL))
        reason = rejection_of(examined, entry, candidate.wall, likelihood, options, with_wall=False, with_pool=False)
    if reason is not None:
        return own
    found = own.decision.reasons if own.decision.verdict is Verdict.REFUSED else examined.reasons(entry)
    drawn = SliceDecision(Verdict.GEOMETRY, candidate.whole, (*found, Reason(ReasonCode.BETWEEN_NEIGHBOURS)))
    doubts = (*to_review(examined, entry, candidate.wall, options), *despite)
    return with_confidence(examined, entry, drawn.doubted(*doubts), evidence, model, likelihood)


def _lacks_wall(examined: Examined, decided: Sequence[Decided], evidence: ImageEvidence, k: int) -> bool:
    """Return whether a ring is expected in slice k but was refused, or was invented without support by the image."""
    entry, decision = examined.diagnosis.slices[k], decided[k].decision
    if entry.expectation is not Expectation.RING or entry.right or counts_as_ring(entry):
        return False
    if decision.verdict is Verdict.REFUSED:
        return ReasonCode.CUT_BY_BORDER not in decision.codes
    if ReasonCode.INVENTED not in decision.codes:
        return False
    unsure = (decision.confidence or 0.0) < MIN_CONFIDENCE
    return unsure or expected_dice(decision.wall, evidence.image_likelihood[k]) < SUPPORTED


def _reliable_ring(
    examined: Examined, decided: Sequence[Decided], evidence: ImageEvidence, k: int, step: int
) -> NeighbourRing | None:
    """Return the ring of the closest slice at one side of k that does not lack a wall, unless it is doubtful.

    Papillary muscles in its cavity are no part of the ring.
    """
    n = k + step
    while 0 <= n < len(decided) and _lacks_wall(examined, decided, evidence, n):
        n += step
    if not 0 <= n < len(decided):
        return None
    decision = decided[n].decision
    drawn = decision.verdict not in (Verdict.REFUSED, Verdict.TO_REPAIR) and not decision.doubtful
    ring = ring_of(decision.wall)
    return NeighbourRing(n, ring) if drawn and is_ring(ring) else None
