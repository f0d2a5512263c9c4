"""Proposals: localisation of the heart by the encoder, and walls by the automaton for broken slices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..anatomy.heart import Heart, fit_axis
from ..anatomy.topology import fill_holes
from ..nca.architecture import ENDOCARDIUM, EPICARDIUM, RING, Architecture
from ..nca.channels import scale_intensities, stacked
from ..nca.crop import Crop, crop_around
from ..nca.model import Model
from ..nca.neighbours import link
from ..nca.rollout import PATIENCE, Encoding, Runner
from ..progress import Progress, subrange
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..tasks.ring.readout import read_wall
from .confidence import expected_dice

Field = NDArray[np.float32]

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
MIN_MASK_AGREEMENT = 0.65
"""All masks of a stack are disregarded if their median expected Dice under the evidence without masks is lower."""
CLOSER = 0.8
"""Pixel size of the closer view relative to that of the crop. Thin walls are sharper in it; 0.9 and 0.7 are no better
on the validation set."""
TRUST_MARGIN = 0.02
"""The mask of a slice is disregarded if the expected Dice without it is higher by more than this."""


@dataclass(frozen=True, eq=False)
class View:
    """A crop, the same for all slices, and the scaled images in it, shape ``(k, j, i)``."""

    crop: Crop
    images: Field


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


@dataclass(frozen=True, eq=False)
class Proposals:
    """Proposals of the automaton, on the stack's grid.

    Attributes:
        walls: Closed rings by slice, read from the mean of the automaton's state and the encoder's evidence, with masks
            (and blood pool) and without them as weighted on the card; slices without a ring are missing.
        likelihood: Wall probability by the automaton, averaged over the runs, shape ``(j, i)``, by slice.
        support: Wall probability by the mean of the automaton's state and the evidence without masks, to compare the
            given wall with others; like ``likelihood``.
        one_pass: Rings read from the encoder's evidence with masks, without a rollout.
        disregarded: Slices whose mask was disregarded because it contradicts the images.
        steps: Largest number of steps of a slice.
        snapshots: Supervised channels of the first run, by step and slice, shape ``(fields, j, i)``.
    """

    walls: dict[int, Mask]
    likelihood: dict[int, Field]
    support: dict[int, Field]
    one_pass: dict[int, Mask]
    disregarded: frozenset[int]
    steps: int = 0
    snapshots: dict[int, dict[int, Field]] = field(default_factory=dict)


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
    best = replace(best, closer=_view_around(middle, CLOSER * model.card.spacing_mm, stack, model))
    inputs = _Inputs.without_masks(best.closer)
    fields = _in_closer_view(best, inputs, range(len(stack.mask)), best.encoding.evidence, runner)
    walls = {}
    slices: list[int] = []
    middles: list[NDArray[np.float64]] = []
    radii: list[float] = []
    for k, evidence in enumerate(best.encoding.evidence):
        mean = (best.view.crop.put_back(_channels_first(evidence)) + fields[k]) / 2
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


def _in_closer_view(
    evidence: ImageEvidence, inputs: _Inputs, slices: Sequence[int], around: Field, runner: Runner
) -> Field:
    """Encode the quarter turn of some slices in the closer view.

    Args:
        evidence: Only its two views are used.
        inputs: Images and masks in the closer view.
        slices: Slices to encode.
        around: Their evidence in the crop, for the surroundings of the closer view, shape ``(n, j, i, fields)``.
        runner: Runner of the automaton.

    Returns:
        Evidence on the stack's grid, shape ``(n, fields, j, i)``.
    """
    turned = runner.encode(np.ascontiguousarray(np.rot90(inputs.channels(slices), axes=(1, 2)))).evidence
    result = np.empty((len(slices), around.shape[-1], *evidence.view.crop.shape), np.float32)
    for row, (near, far) in enumerate(zip(np.rot90(turned, -1, axes=(1, 2)), around, strict=True)):
        inside = evidence.closer.crop.put_back(_channels_first(near), outside=np.nan)
        result[row] = np.where(np.isnan(inside), evidence.view.crop.put_back(_channels_first(far)), inside)
    return result


def propose(
    evidence: ImageEvidence,
    stack: Stack,
    wanted: Sequence[int],
    runner: Runner,
    model: Model,
    *,
    seed: int = 0,
    samples: int = 1,
    steps: int | None = None,
    snapshots: Sequence[int] = (),
    progress: Progress | None = None,
) -> Proposals:
    """Roll out the automaton on the wanted slices; a volumetric one on all slices from base to apex.

    Args:
        evidence: Result of :func:`locate_heart_in_images`.
        stack: The stack, without components away from the heart.
        wanted: Slices to propose a wall for.
        runner: Runner of the automaton.
        model: Weights and card.
        seed: Random seed of the first run; run s uses ``seed + s``.
        samples: Number of runs with different seeds to average.
        steps: Maximum number of steps; ``None`` takes the model's.
        snapshots: Steps at which to keep the first run's supervised channels; disables early stopping.
        progress: Called after every step; may cancel.

    Raises:
        Cancelled: ``progress`` requested cancellation.
    """
    wanted = sorted(wanted)
    result = Proposals({}, {}, {}, {}, frozenset())
    if not wanted:
        return result
    architecture = runner.architecture
    inputs = _Inputs.with_masks(evidence.view, stack)
    rolled = _from_base_to_apex(stack, wanted) if architecture.volumetric else list(wanted)
    given = runner.encode(inputs.channels(rolled))
    trusted = _masks_agree(inputs, evidence.encoding)
    disregarded = frozenset(
        k
        for row, k in enumerate(rolled)
        if not trusted or _better_without_mask(given.evidence[row], evidence.encoding.evidence[k])
    )
    chosen = runner.combine(
        [(evidence.encoding, k) if k in disregarded else (given, row) for row, k in enumerate(rolled)]
    )
    weight = model.card.mask_weight
    seen = {row: k for row, k in enumerate(rolled) if weight and k in wanted and k not in disregarded}
    with_masks = {}
    if seen:
        closer = _Inputs.with_masks(evidence.closer, stack)
        fields = _in_closer_view(evidence, closer, [*seen.values()], given.evidence[list(seen)], runner)
        with_masks = dict(zip(seen, fields, strict=True))
    links = None
    if architecture.volumetric:
        one = np.zeros(len(rolled), np.int64)
        links = link(one, np.array(rolled), np.full(len(rolled), stack.spacing[0]))
    mean = np.zeros((len(rolled), architecture.fields, *evidence.view.crop.size), np.float32)
    most = 0
    for number in range(samples):
        ended = runner.roll(
            chosen,
            np.array(rolled),
            steps=model.card.steps if steps is None else steps,
            fire_rate=model.card.fire_rate,
            seed=seed + number,
            links=links,
            patience=None if snapshots else PATIENCE,
            snapshots=snapshots if number == 0 else (),
            progress=subrange(progress, number / samples, (number + 1) / samples),
        )
        mean += ended.state[..., : architecture.fields].transpose(0, 3, 1, 2) / samples
        most = max(most, int(ended.steps.max()))
        for step, states in ended.snapshots.items():
            fields = states[..., : architecture.fields].transpose(0, 3, 1, 2)
            result.snapshots[step] = {k: evidence.view.crop.put_back(fields[rolled.index(k)]) for k in wanted}
    for k in wanted:
        row = rolled.index(k)
        once = evidence.view.crop.put_back(_channels_first(given.evidence[row]))
        state = evidence.view.crop.put_back(mean[row])
        # The mean is more accurate than either part; evidence without masks is left out if it has no ring.
        alone = evidence.fields[k] if k in evidence.walls else state
        shown = with_masks.get(row, alone)
        together = np.asarray((state + weight * shown + (1 - weight) * alone) / 2, np.float32)
        result.likelihood[k] = likelihood_of(state)
        # Evidence with masks follows the given wall, so it does not decide whether that is kept.
        result.support[k] = likelihood_of(np.float32(0.5) * (state + alone))
        for walls, fields in ((result.walls, together), (result.one_pass, once)):
            wall = read_wall(fields)
            if wall is not None:
                walls[k] = wall
    return replace(result, disregarded=disregarded & set(wanted), steps=most)


def propose_around(
    stack: Stack,
    heart: Heart,
    wanted: Sequence[int],
    model: Model,
    *,
    device: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    snapshots: Sequence[int] = (),
) -> Proposals:
    """Propose walls around a known heart, for experiments and figures; see :func:`propose`.

    Args:
        stack: The stack, without components away from the heart.
        heart: Long axis of the heart.
        wanted: Slices to propose a wall for.
        model: Weights and card.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        seed: Random seed.
        steps: Maximum number of steps; ``None`` takes the model's.
        snapshots: Steps at which to keep the supervised channels.
    """
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), device)
    evidence = locate_heart_in_images(stack, [heart], runner, model)
    return propose(evidence, stack, wanted, runner, model, seed=seed, steps=steps, snapshots=snapshots)


def likelihood_of(fields: Field) -> Field:
    """Return the wall probability from the three supervised channels, shape ``(3, j, i)``."""
    return np.asarray(np.clip((fields[RING] + fields[EPICARDIUM] - fields[ENDOCARDIUM]) / 2, 0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class _Inputs:
    """Images and masks of a stack in a view, shape ``(k, j, i)``."""

    images: Field
    walls: Field
    pools: Field | None

    @classmethod
    def without_masks(cls, view: View) -> _Inputs:
        """Return the images in a view."""
        return cls(view.images, np.zeros_like(view.images), None)

    @classmethod
    def with_masks(cls, view: View, stack: Stack) -> _Inputs:
        """Return the images and masks in a view."""
        take = view.crop.take
        return cls(view.images, take(stack.mask), None if stack.pool is None else take(stack.pool))

    def channels(self, slices: Sequence[int]) -> Field:
        """Return the input channels of the given slices."""
        return np.stack([stacked(self.images, self.walls, self.pools, k) for k in slices])


def _encode_candidate(stack: Stack, heart: Heart, runner: Runner, model: Model, slices: Sequence[int]) -> ImageEvidence:
    """Encode the images of some slices around a candidate; the crop is re-centred on the heart in the evidence."""
    middle = np.median(heart.centres, axis=0)
    for attempt in range(MAX_CROPS):
        view = _view_around(middle, model.card.spacing_mm, stack, model)
        encoding = runner.encode(_Inputs.without_masks(view).channels(slices))
        moved = _offset_mm(encoding.evidence, model.card.spacing_mm)
        if attempt == MAX_CROPS - 1 or moved is None or float(np.hypot(*moved)) <= RECENTRE_MM:
            break
        shift = moved / stack.in_plane
        middle, heart = middle + shift, replace(heart, centres=heart.centres + shift)
    own_dice = [_own_dice(fields) if _shows_heart(fields) else 0.0 for fields in encoding.evidence]
    few = [row for row, k in enumerate(slices) if k in _middle_slices(stack)]
    place, spacing_mm = np.median(heart.centres, axis=0), model.card.spacing_mm
    score = _score(encoding.evidence[few], place, stack, spacing_mm)
    stack_score = _score(encoding.evidence, place, stack, spacing_mm)
    likelihood, certainty = np.zeros(stack.shape, np.float32), float(np.median(own_dice))
    nothing = np.zeros((0, 0, 0, 0), np.float32)
    return ImageEvidence(heart, view, encoding, view, nothing, likelihood, {}, certainty, score, stack_score)


def _score(evidence: Field, place: NDArray[np.float64], stack: Stack, spacing_mm: float) -> float:
    """Return the score of a candidate at ``place``, ``(j, i)`` in pixels: mean expected Dice minus penalties."""
    shown = [fields for fields in evidence if _shows_heart(fields)]
    if not shown:
        return 0.0
    middle = (np.asarray(stack.shape[1:]) - 1) / 2
    beyond = max(0.0, float(np.hypot(*((place - middle) * stack.in_plane))) - CENTRAL_MM)
    outline_mm2 = float(np.median([fields[..., EPICARDIUM].sum() for fields in shown])) * spacing_mm**2
    smaller = max(0.0, float(np.log(MIN_OUTLINE_MM2 / outline_mm2)))
    return sum(map(_own_dice, shown)) / len(evidence) - OFF_CENTRE_PENALTY * beyond - SMALL_PENALTY * smaller


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
        view = _view_around(middle, model.card.spacing_mm, stack, model)
        evidence = runner.encode(_Inputs.without_masks(view).channels(slices)).evidence
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


def _view_around(middle: NDArray[np.float64], spacing_mm: float, stack: Stack, model: Model) -> View:
    """Crop all images around a point, ``(j, i)`` in pixels."""
    size = model.card.crop
    place = float(middle[0]), float(middle[1])
    crop = crop_around(place, (size, size), spacing_mm, stack.in_plane, stack.shape[1:])
    return View(crop, scale_intensities(crop.take(stack.image, outside="nearest")))


def _offset_mm(evidence: Field, spacing_mm: float) -> NDArray[np.float64] | None:
    """Return the offset of the heart in the evidence from the crop's centre, ``(j, i)`` in mm; ``None`` without one."""
    centres = []
    for fields in evidence:
        disc = fields[..., EPICARDIUM]
        if _shows_heart(fields) and _own_dice(fields) >= MIN_LOCATING_DICE:
            rows, columns = np.indices(disc.shape, sparse=True)
            centres.append([float((rows * disc).sum()), float((columns * disc).sum())] / disc.sum())
    if not centres:
        return None
    middle = (np.asarray(evidence.shape[1:3]) - 1) / 2
    return np.asarray((np.median(centres, axis=0) - middle) * spacing_mm)


def _shows_heart(fields: Field) -> bool:
    """Return whether the evidence of a slice, shape ``(j, i, 3)``, holds a heart: its discs are not empty."""
    return float(fields[..., EPICARDIUM].sum()) > 60 and float(fields[..., ENDOCARDIUM].sum()) > 10


def _own_dice(fields: Field) -> float:
    """Return the expected Dice of the thresholded wall under its own evidence, shape ``(j, i, 3)``."""
    likelihood = likelihood_of(_channels_first(fields))
    return expected_dice(likelihood > 0.5, likelihood)


def _masks_agree(inputs: _Inputs, encoding: Encoding) -> bool:
    """Return whether the masks of a stack agree, in the median, with the evidence from the images alone."""
    agreement = [
        expected_dice(inputs.walls[k] > 0.5, likelihood_of(_channels_first(fields)))
        for k, fields in enumerate(encoding.evidence)
        if _shows_heart(fields) and inputs.walls[k].any()
    ]
    return not agreement or float(np.median(agreement)) >= MIN_MASK_AGREEMENT


def _better_without_mask(with_mask: Field, without_mask: Field) -> bool:
    return _own_dice(without_mask) > _own_dice(with_mask) + TRUST_MARGIN


def _channels_first(fields: Field) -> Field:
    """Move the channel axis to the front."""
    return np.moveaxis(fields, -1, 0)


def _from_base_to_apex(stack: Stack, wanted: Sequence[int]) -> list[int]:
    """Return the range of slices with wall or wanted, extended by one slice at either end."""
    known = [*wanted, *np.flatnonzero(stack.mask.any(axis=(1, 2)))]
    return list(range(max(0, min(known) - 1), min(len(stack.mask), max(known) + 2)))
