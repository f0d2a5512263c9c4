"""Localisation of the heart in the images of a stack by the encoder."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..anatomy.heart import Heart, fit_axis
from ..anatomy.topology import fill_holes
from ..nca.architecture import EPICARDIUM
from ..nca.model import Model
from ..nca.rollout import Encoding, Runner
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..tasks.ring.readout import read_wall
from .views import (
    CLOSER,
    Field,
    Inputs,
    View,
    channels_first,
    encode_closer,
    likelihood_of,
    own_dice,
    shows_heart,
    view_around,
)

RECENTRE_MM = 12.0
"""The crop is moved if the heart in the evidence lies farther than this from the crop's centre."""
MAX_CROPS = 3
"""Maximum number of crops per candidate: a heart at the edge of a crop is only partly visible at first."""
MIN_LOCATING_DICE = 0.3
"""Least expected Dice of the wall in a slice, under its own evidence, for the slice to locate the heart."""
CERTAIN_HEART = 0.8
"""The location of the heart is certain if the median over slices of the expected Dice of the encoder's own walls is at
least this."""
MIN_CERTAINTY = 0.78
"""A stack with a lower median may be outside the training domain."""
RIVAL_MARGIN = 0.1
"""Score margin within which a second candidate may be the heart: it occurs in none of 52 ACDC stacks with broken masks
and in none of 32 late-enhancement stacks."""
MIN_SCORE = 0.84
"""If the best candidate scores less, the whole slice is searched for the heart."""
MAX_SEARCHED = 3
"""Number of candidates of the search that are evaluated in more slices."""
MAX_COMPARED = 3
"""Number of candidates that are compared in all slices."""
RIVAL_MM = 25.0
"""Candidates within this distance of each other are the same heart."""
CENTRAL_MM = 40.0
"""Distance of the heart from the centre of the field of view in nine of ten ACDC stacks."""
OFF_CENTRE_PENALTY = 0.0015
"""Penalty on the score of a candidate per mm beyond :data:`CENTRAL_MM`."""
MIN_OUTLINE_MM2 = 2000.0
"""Area within the outline of the left ventricle in the middle slices; 95 % of the ACDC stacks exceed it."""
SMALL_PENALTY = 0.15
"""Penalty on the score of a candidate times the log ratio of that area to a smaller outline."""
SEARCH_STEP_MM = 50.0
"""Distance between the crops of the search; hearts within half of it of a crop's centre are well visible."""
MAX_SEARCH_MM = 200.0
"""Largest distance of these crops from the middle of the image along each axis; a larger field has a wrong spacing."""


@dataclass(frozen=True, eq=False)
class ImageEvidence:
    """Evidence of the encoder from the images of a stack, without masks.

    Attributes:
        heart: Long axis of the heart.
        view: View around the heart.
        encoding: Encoding of every slice in this view, without masks.
        closer: Closer view, with smaller pixels, of the same place; ``view`` until the heart is located.
        fields: Evidence in the closer view, and outside it in ``view``, on the stack's grid, shape
            ``(k, fields, j, i)``; empty until the heart is located.
        image_likelihood: Wall probability on the stack's grid, shape ``(k, j, i)``: mean over both views.
        walls: Closed rings read from this mean ("image alone"), by slice; slices without a ring are missing.
        certainty: Median over slices of the expected Dice of the encoder's own walls, 0 to 1.
        score: Mean of this Dice over the middle slices, minus penalties for a position off the image centre and for an
            outline smaller than a heart.
        stack_score: The score over all slices.
        rival: ``stack_score`` of the best other candidate; 0 without one.
    """

    heart: Heart
    view: View
    encoding: Encoding
    closer: View
    fields: Field
    image_likelihood: Field
    walls: dict[int, Mask]
    certainty: float
    score: float
    stack_score: float
    rival: float = 0.0

    @cached_property
    def largest(self) -> int:
        """Largest area within the outline of one of the walls, in pixels; 0 without walls."""
        return max((int(fill_holes(wall).sum()) for wall in self.walls.values()), default=0)

    @property
    def doubt(self) -> Reason | None:
        """Doubt about the location of the heart, or ``None``."""
        if self.certainty < MIN_CERTAINTY:
            return Reason(ReasonCode.HEART_UNSURE, sureness=self.certainty, least=MIN_CERTAINTY)
        if self.rival > self.stack_score - RIVAL_MARGIN:
            return Reason(ReasonCode.HEART_RIVALLED, score=self.stack_score, rival=self.rival)
        return None


def locate_heart_in_images(stack: Stack, hearts: Sequence[Heart], runner: Runner, model: Model) -> ImageEvidence:
    """Locate the heart in the images and encode all slices around it.

    The candidate with the best score over all slices is selected. If its score is low, the whole slice is searched. The
    crop is centred on the heart in the evidence; if rings are found in at least half of the slices, the axis is fitted
    to them.

    Args:
        stack: The stack; its masks are not used.
        hearts: Candidates from the masks, the likeliest first.
        runner: Runner of the automaton.
        model: Weights and card.
    """
    best = _best_candidate(stack, hearts, runner, model)
    if best.score < MIN_SCORE:
        best = _best_candidate(stack, [best.heart, *_search(stack, best.heart, runner, model)], runner, model)
    middle = np.asarray(best.view.crop.middle)
    best = replace(best, closer=view_around(middle, CLOSER * model.card.spacing_mm, stack, model))
    inputs = Inputs.without_masks(best.closer)
    fields = encode_closer(best.view, best.closer, inputs, range(len(stack.mask)), best.encoding.evidence, runner)
    walls = {}
    slices: list[int] = []
    middles: list[NDArray[np.float64]] = []
    radii: list[float] = []
    for k, evidence in enumerate(best.encoding.evidence):
        mean = (best.view.crop.put_back(channels_first(evidence)) + fields[k]) / 2
        best.image_likelihood[k] = likelihood_of(mean)
        wall = read_wall(mean)
        if wall is not None:
            walls[k] = wall
            inside = fill_holes(wall)
            slices.append(k)
            middles.append(np.argwhere(inside).mean(axis=0))
            radii.append(float(np.sqrt(inside.sum() * stack.pixel_area / np.pi)))
    heart = best.heart
    if 2 * len(walls) >= len(stack.mask):
        heart = fit_axis(slices, middles, radii, len(stack.mask), stack.in_plane)
    return replace(best, fields=fields, walls=walls, heart=heart)


def _encode_candidate(stack: Stack, heart: Heart, runner: Runner, model: Model, slices: Sequence[int]) -> ImageEvidence:
    """Encode the images of some slices around a candidate; the crop is re-centred on the heart in the evidence."""
    middle = np.median(heart.centres, axis=0)
    for attempt in range(MAX_CROPS):
        view = view_around(middle, model.card.spacing_mm, stack, model)
        encoding = runner.encode(Inputs.without_masks(view).channels(slices))
        moved = _offset_mm(encoding.evidence, model.card.spacing_mm)
        if attempt == MAX_CROPS - 1 or moved is None or float(np.hypot(*moved)) <= RECENTRE_MM:
            break
        shift = moved / stack.in_plane
        middle, heart = middle + shift, replace(heart, centres=heart.centres + shift)
    found = [own_dice(fields) if shows_heart(fields) else 0.0 for fields in encoding.evidence]
    few = [row for row, k in enumerate(slices) if k in _middle_slices(stack)]
    place, spacing_mm = np.median(heart.centres, axis=0), model.card.spacing_mm
    score = _score(encoding.evidence[few], place, stack, spacing_mm)
    stack_score = _score(encoding.evidence, place, stack, spacing_mm)
    likelihood, certainty = np.zeros(stack.shape, np.float32), float(np.median(found))
    nothing = np.zeros((0, 0, 0, 0), np.float32)
    return ImageEvidence(heart, view, encoding, view, nothing, likelihood, {}, certainty, score, stack_score)


def _score(evidence: Field, place: NDArray[np.float64], stack: Stack, spacing_mm: float) -> float:
    """Return the score of a candidate at ``place``, ``(j, i)`` in pixels: mean expected Dice minus penalties."""
    shown = [fields for fields in evidence if shows_heart(fields)]
    if not shown:
        return 0.0
    middle = (np.asarray(stack.shape[1:]) - 1) / 2
    beyond = max(0.0, float(np.hypot(*((place - middle) * stack.in_plane))) - CENTRAL_MM)
    outline_mm2 = float(np.median([fields[..., EPICARDIUM].sum() for fields in shown])) * spacing_mm**2
    smaller = max(0.0, float(np.log(MIN_OUTLINE_MM2 / outline_mm2)))
    return sum(map(own_dice, shown)) / len(evidence) - OFF_CENTRE_PENALTY * beyond - SMALL_PENALTY * smaller


def _best_candidate(stack: Stack, hearts: Sequence[Heart], runner: Runner, model: Model) -> ImageEvidence:
    """Return the evidence at the best candidate, compared over all slices.

    The heart is visible from base to apex, other organs such as the stomach only in some slices.
    """
    ranked = _rank_candidates(stack, hearts, runner, model)[:MAX_COMPARED]
    found = [_encode_candidate(stack, heart, runner, model, range(len(stack.mask))) for heart in ranked]
    best = max(found, key=lambda each: each.stack_score)
    heart = _position_mm(best, stack, model)
    rivals = [each.stack_score for each in found if np.hypot(*(_position_mm(each, stack, model) - heart)) > RIVAL_MM]
    return replace(best, rival=max(rivals, default=0.0))


def _position_mm(candidate: ImageEvidence, stack: Stack, model: Model) -> NDArray[np.float64]:
    """Return the position of the heart in the evidence of a candidate, ``(j, i)`` in mm."""
    moved = _offset_mm(candidate.encoding.evidence, model.card.spacing_mm)
    middle = np.asarray(candidate.view.crop.middle) * stack.in_plane
    return middle if moved is None else middle + moved


def _distance_mm(one: Heart, other: Heart, stack: Stack) -> float:
    """Return the distance of two hearts in mm."""
    return float(np.hypot(*(np.median(one.centres - other.centres, axis=0) * stack.in_plane)))


def _rank_candidates(stack: Stack, hearts: Sequence[Heart], runner: Runner, model: Model) -> Sequence[Heart]:
    """Return the candidates by decreasing score, each moved to the heart in its evidence, without duplicates."""
    if len(hearts) == 1:
        return hearts
    few = _middle_slices(stack)
    ranked: list[Heart] = []
    found = [_encode_candidate(stack, heart, runner, model, few) for heart in hearts]
    for each in sorted(found, key=lambda each: -each.score):
        if all(_distance_mm(each.heart, other, stack) > RECENTRE_MM for other in ranked):
            ranked.append(each.heart)
    return ranked


def _middle_slices(stack: Stack) -> list[int]:
    """Return up to four slices between base and apex for a first comparison of candidates."""
    return sorted({int(share * (len(stack.mask) - 1)) for share in (0.25, 0.4, 0.55, 0.7)})


def _search(stack: Stack, known: Heart, runner: Runner, model: Model) -> list[Heart]:
    """Search two middle slices for the heart on a grid of crops; return the best candidates, without duplicates."""
    count = len(stack.mask)
    slices = sorted({count // 3, count // 2})
    sides = np.asarray(stack.shape[1:]) * stack.in_plane
    reach = np.minimum(0.3 * sides, MAX_SEARCH_MM)
    spans = zip(sides / 2 - reach, sides / 2 + reach, strict=True)
    places = [np.arange(low, high + 1, SEARCH_STEP_MM) for low, high in spans]
    found: list[tuple[float, NDArray[np.float64]]] = []
    for corner in itertools.product(*places):
        middle = np.array(corner) / stack.in_plane
        view = view_around(middle, model.card.spacing_mm, stack, model)
        evidence = runner.encode(Inputs.without_masks(view).channels(slices)).evidence
        moved = _offset_mm(evidence, model.card.spacing_mm)
        if moved is not None:
            middle = middle + moved / stack.in_plane
            found.append((_score(evidence, middle, stack, model.card.spacing_mm), middle))
    apart = [np.median(known.centres, axis=0)]
    for _, middle in sorted(found, key=lambda each: -each[0]):
        if all(np.hypot(*((middle - other) * stack.in_plane)) > SEARCH_STEP_MM / 2 for other in apart):
            apart.append(middle)
    centres = [np.repeat(middle[None], count, axis=0) for middle in apart[1 : MAX_SEARCHED + 1]]
    return [Heart(each, known.radius_mm) for each in centres]


def _offset_mm(evidence: Field, spacing_mm: float) -> NDArray[np.float64] | None:
    """Return the offset of the heart in the evidence from the crop's centre, ``(j, i)`` in mm; ``None`` without one."""
    centres = []
    for fields in evidence:
        disc = fields[..., EPICARDIUM]
        if shows_heart(fields) and own_dice(fields) >= MIN_LOCATING_DICE:
            rows, columns = np.indices(disc.shape, sparse=True)
            centres.append([float((rows * disc).sum()), float((columns * disc).sum())] / disc.sum())
    if not centres:
        return None
    middle = (np.asarray(evidence.shape[1:3]) - 1) / 2
    return np.asarray((np.median(centres, axis=0) - middle) * spacing_mm)
