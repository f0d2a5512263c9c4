"""Training samples: image, mask and truth of slices and their neighbours, from real failures or damaged truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rncarefine.anatomy.heart import locate_heart, near_heart
from rncarefine.anatomy.topology import betti_2d, fill_holes
from rncarefine.nca.architecture import channel_names, neighbour_weight
from rncarefine.nca.channels import scale_intensities, stacked
from rncarefine.nca.crop import Crop, crop_around

from ..config import Automaton
from ..data.augment import inflate, random_affine, random_contrast
from ..data.cases import MYOCARDIUM, POOL, RV, TrainingCase, broken, load_prediction, mask_of, matches, subject_of
from ..data.synthetic_contrast import Tissues, random_tissue_contrast
from .damage import damage, mislead
from .tasks import training_task

Field = NDArray[np.float32]
Bytes = NDArray[np.uint8]
KEPT_PIXELS = 232
"""Rows and columns of a cropped stack: the heart, and room for windows off the heart."""
WINDOW_PIXELS = 136
"""Rows and columns of a sample before augmentation: room to rotate and shift."""
MIN_OFFSET = 24
"""Minimum offset in pixels, along one axis, of windows off the heart."""
MAX_SPACING_MM = 12.0
"""Maximum slice spacing of samples that skip every other slice."""
MIDDLE = (slice((KEPT_PIXELS - WINDOW_PIXELS) // 2, (KEPT_PIXELS + WINDOW_PIXELS) // 2),) * 2
"""Window of :data:`WINDOW_PIXELS` around the heart in a cropped stack."""
WALL, OUTER, INNER, RIGHT = range(4)
"""Channels of the truth: wall, discs inside outer and inner contour, cavity of the right ventricle."""


@dataclass(frozen=True, eq=False)
class CroppedPrediction:
    """Prediction of one network in the crop of a stack. Masks are 0 to 255, shape ``(k, j, i)``.

    Attributes:
        source: ``<member>@<fraction>``.
        wall: Predicted myocardium.
        pool: Predicted blood pool.
        broken: Real failures, shape ``(k,)``.
    """

    source: str
    wall: Bytes
    pool: Bytes
    broken: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CroppedStack:
    """A case cropped around the heart. Arrays have the shape ``(k, j, i)`` or ``(k,)``.

    Attributes:
        name: Name of the case.
        image: Intensities scaled to about 0 to 1.
        truth: Soft masks of 0 to 255, shape ``(4, k, j, i)``, see :data:`WALL`.
        closed: Slices whose truth is a closed ring.
        empty: Slices whose truth has neither wall nor pool.
        solid: Slices whose truth is an apical cap: wall without pool, in a stack with pool.
        spacing_mm: Slice spacing.
        inner_only: Slices of which only the inner contour is known.
        completed: The outer contours were drawn by a model.
        predictions: Predictions of networks that were not trained on the subject.
    """

    name: str
    image: NDArray[np.float16]
    truth: Bytes
    closed: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    solid: NDArray[np.bool_]
    spacing_mm: float
    inner_only: NDArray[np.bool_]
    completed: bool = False
    predictions: list[CroppedPrediction] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """Subject of the stack."""
        return subject_of(self.name)

    def loss_weights(self) -> Field:
        """Return the loss weight of every slice and supervised channel, shape ``(k, 3)``; open walls have weight 0."""
        known = np.repeat((self.closed | self.empty | self.solid)[:, None], 3, axis=1).astype(np.float32)
        known[self.inner_only] = 0, 0, 1
        return known


def crop_case(case: TrainingCase, predictions: Iterable[tuple[str, Bytes]], spacing_mm: float) -> CroppedStack:
    """Crop a case and its predictions around the true heart.

    Args:
        case: The case; without myocardium only its inner contour is used, also in single slices of a completed case.
        predictions: Pairs of source and labels, shape ``(k, j, i)``.
        spacing_mm: In-plane spacing of the automaton.
    """
    wall = (case.labels == MYOCARDIUM).astype(np.uint8)
    pool = (case.labels == POOL).astype(np.uint8)
    in_plane = case.spacing[1], case.spacing[2]
    crop = crop_around(_middle(wall | pool), (KEPT_PIXELS, KEPT_PIXELS), spacing_mm, in_plane, wall.shape[1:])
    filled = np.stack([fill_holes(part) for part in wall])
    has_pool, has_wall = pool.any(axis=(1, 2)), wall.any(axis=(1, 2))
    inner_only = case.uncompleted | ~has_wall.any()
    inner = np.where(inner_only[:, None, None], pool, filled & (1 - wall))
    truth = np.stack([_bytes(crop, part) for part in (wall, filled, inner, mask_of(case.labels, RV))])
    image = crop.take(case.image, outside="nearest")
    cropped = []
    for source, labels in predictions:
        masks = [mask_of(labels, label) for label in (MYOCARDIUM, POOL)]
        if masks[0].any():
            heart = locate_heart(masks[0], masks[1], in_plane)
            masks = [near_heart(mask, heart, in_plane) for mask in masks]
        failed = [broken(labels[k], case.labels[k], in_plane[0] * in_plane[1]) for k in range(len(labels))]
        cropped.append(CroppedPrediction(source, _bytes(crop, masks[0]), _bytes(crop, masks[1]), np.array(failed)))
    return CroppedStack(
        case.name,
        scale_intensities(image, like=image[(..., *MIDDLE)]).astype(np.float16),
        truth,
        np.array([betti_2d(part) == (1, 1) for part in wall]),
        ~(wall | pool).any(axis=(1, 2)),
        # Without pool labels, an apical cap cannot be distinguished from an open wall.
        ~has_pool & has_pool.any() & has_wall,
        case.spacing[0],
        inner_only,
        case.completed,
        cropped,
    )


def load_stacks(
    cases: Path, predictions: Path, subjects: Iterable[str], spacing_mm: float, sources: Iterable[str]
) -> list[CroppedStack]:
    """Load the cases of subjects with predictions of networks; cases without a heart are skipped.

    Args:
        cases: Folder of cases.
        predictions: Folder that :func:`rncarefine_training.networks.failures.collect` wrote.
        subjects: Subjects to load.
        spacing_mm: In-plane spacing of the automaton.
        sources: ``<member>@<fraction>``; missing predictions are skipped.

    Raises:
        ValueError: There are no cases, or no predictions.
    """
    stacks = []
    for subject in subjects:
        for path in sorted(cases.glob(f"{subject}_*.npz")):
            case = TrainingCase.load(path)
            if not np.isin(case.labels, (MYOCARDIUM, POOL)).any():
                continue
            found = [(source, predictions / source / path.name) for source in sources]
            loaded = ((source, load_prediction(file)) for source, file in found if file.exists())
            stacks.append(crop_case(case, loaded, spacing_mm))
    if not any(stack.predictions for stack in stacks):
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return stacks


class Sample(NamedTuple):
    """One sample of d slices, or a batch of samples with a leading batch axis.

    Attributes:
        channels: Input of the encoder, shape ``(d, inputs, j, i)``.
        target: Truth of the supervised channels, shape ``(d, fields, j, i)``.
        weight: Loss weight of each supervised channel, shape ``(d, fields)``.
        neighbour_weight: Weight of adjacent slices, a scalar.
    """

    channels: Tensor
    target: Tensor
    weight: Tensor
    neighbour_weight: Tensor


@dataclass(frozen=True, eq=False)
class _Source:
    """Source of a sample: stack, slice to repair, and input masks (0 to 255)."""

    stack: CroppedStack
    k: int
    wall: Bytes
    pool: Bytes


class _Candidates:
    """Stacks and predictions to draw samples from, by kind of sample."""

    def __init__(self, stacks: list[CroppedStack]) -> None:
        shown = [(stack, prediction) for stack in stacks for prediction in stack.predictions]
        self.stacks = stacks
        self.closed = [stack for stack in stacks if stack.closed.any()]
        self.failing = [pair for pair in shown if pair[1].broken.any()]
        self.shown = [pair for pair in shown if pair[1].wall.any()]
        self.ending = [pair for pair in self.shown if pair[0].empty.any()]


def _by_contours(stacks: list[CroppedStack]) -> tuple[_Candidates, _Candidates]:
    """Return the candidates with given outer contours, and those with inner contours only or completed ones."""
    drawn: dict[bool, list[CroppedStack]] = {False: [], True: []}
    for stack in stacks:
        drawn[stack.completed or bool(stack.inner_only.all())].append(stack)
    return _Candidates(drawn[False]), _Candidates(drawn[True])


class RepairSamples(Dataset[Sample]):
    """Random training samples; sample n depends only on the seed and n.

    Args:
        stacks: Training stacks; those with fewer than ``depth`` slices are skipped.
        settings: Section ``automaton`` of the configuration.
        length: Number of samples.
        seed: Random seed.

    Raises:
        ValueError: No stack has both a closed ring and enough slices.
    """

    def __init__(self, stacks: list[CroppedStack], settings: Automaton, length: int, seed: int) -> None:
        stacks = [stack for stack in stacks if len(stack.closed) >= settings.depth]
        if not any(stack.closed.any() for stack in stacks):
            raise ValueError(f"No stack has a closed ring and {settings.depth} slices or more. Add cases.")
        self.candidates = _by_contours(stacks)
        self.favoured = _by_contours([stack for stack in stacks if matches(stack.subject, settings.favoured)])
        self.settings, self.length, self.seed = settings, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        drawn = self._draw(rng)
        if rng.random() < self.settings.misled and not drawn.stack.inner_only.all():
            drawn = _misled(drawn, rng)
        slices, stride = self._window(drawn, rng)
        stack = drawn.stack
        window, mask_window = self._places(rng)
        count = len(stack.closed)
        near = np.array([slices[0] - stride, *slices, slices[-1] + stride])
        inside = (near >= 0) & (near < count)
        places = np.clip(near, 0, count - 1)
        present = inside[:, None, None]
        images = stack.image[(places, *window)].astype(np.float32)
        if not stack.inner_only[places].any() and rng.random() < self.settings.redrawn:
            # Use the truth, since the given masks must not be visible in the image.
            soft = stack.truth[(slice(None), places, *window)].astype(np.float32) / 255
            images = random_tissue_contrast(
                images, Tissues(soft[WALL], soft[INNER], soft[RIGHT]), rng, self.settings.late
            )
        masks = [part[(places, *mask_window)] * present for part in (drawn.wall, drawn.pool)]
        fields = stack.truth[(slice(3), places[1:-1], *window)].reshape(-1, *images.shape[1:])
        masks_and_truth = np.concatenate([*masks, fields]).astype(np.float32) / 255
        parts = np.concatenate([images * present, masks_and_truth])
        parts[: len(near)] += (~present) * images.mean()
        if rng.random() < 0.4:
            # Breath-hold shifts between slices: up to two pixels.
            for n, shift in enumerate(rng.integers(-2, 3, (len(near), 2))):
                rows = [n, n + len(near), n + 2 * len(near)]
                if 0 < n < len(near) - 1:
                    rows += [3 * len(near) + field * len(slices) + n - 1 for field in range(3)]
                parts[rows] = np.roll(parts[rows], shift, axis=(1, 2))
        if self.settings.inflated and rng.random() < self.settings.inflated:
            parts = _inflated(parts, stack.truth[(slice(None), places, *window)], rng)
        reverse = rng.random() < 0.5  # some stacks begin at the base, others at the apex
        return self._augment(parts, inside, stack.loss_weights()[slices], stack.spacing_mm * stride, reverse, rng)

    def _places(self, rng: np.random.Generator) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return the windows of image and truth, and of the masks."""
        if rng.random() >= self.settings.elsewhere:
            return MIDDLE, MIDDLE
        reach = (KEPT_PIXELS - WINDOW_PIXELS) // 2
        away = rng.integers(-reach, reach + 1, 2)
        axis = int(rng.integers(2))
        away[axis] = rng.choice((-1, 1)) * rng.integers(MIN_OFFSET, reach + 1)
        there = tuple(slice(reach + int(step), reach + int(step) + WINDOW_PIXELS) for step in away)
        # Half of the windows off the heart keep the masks of the heart, then over another organ.
        return (there[0], there[1]), MIDDLE if rng.random() < 0.5 else (there[0], there[1])

    def _draw(self, rng: np.random.Generator) -> _Source:
        settings = self.settings
        among, inner_only = self.candidates
        if any(part.closed for part in self.favoured) and rng.random() < settings.favour:
            among, inner_only = self.favoured
        if inner_only.stacks and (not among.closed or rng.random() < settings.inner_only):
            if not inner_only.closed:
                return _any_slice(inner_only.stacks[rng.integers(len(inner_only.stacks))], rng)
            among = inner_only
        if among.ending and rng.random() < settings.absent:
            stack, prediction = among.ending[rng.integers(len(among.ending))]
            return _Source(stack, int(rng.choice(np.flatnonzero(stack.empty))), prediction.wall, prediction.pool)
        if among.failing and rng.random() < settings.natural:
            if rng.random() < 0.75:
                stack, prediction = among.failing[rng.integers(len(among.failing))]
                k = int(rng.choice(np.flatnonzero(prediction.broken)))
            else:
                stack, prediction = among.shown[rng.integers(len(among.shown))]
                k = int(rng.integers(len(stack.closed)))
            return _Source(stack, k, prediction.wall, prediction.pool)
        return self._damaged(among.closed[rng.integers(len(among.closed))], rng)

    def _damaged(self, stack: CroppedStack, rng: np.random.Generator) -> _Source:
        k = int(rng.choice(np.flatnonzero(stack.closed)))
        wall = stack.truth[WALL].copy()
        right = self.settings.already_right / max(1 - self.settings.natural, 1e-6)
        reach = self.settings.depth
        for number in range(max(0, k - reach), min(len(wall), k + reach + 1)):
            if rng.random() > (right if number == k else 0.4) and stack.closed[number]:
                if rng.random() < self.settings.vanished:
                    wall[number] = 0
                else:
                    wall[(number, *MIDDLE)] = damage(wall[(number, *MIDDLE)] >= 128, rng) * np.uint8(255)
        return _Source(stack, k, wall, stack.truth[INNER])

    def _window(self, drawn: _Source, rng: np.random.Generator) -> tuple[NDArray[np.int64], int]:
        """Return the slices of a sample, including the one to repair, and the stride."""
        depth, count = self.settings.depth, len(drawn.wall)
        fits = count >= 2 * depth
        # Skipping slices simulates a larger slice spacing.
        stride = 2 if fits and 2 * drawn.stack.spacing_mm <= MAX_SPACING_MM and rng.random() < 0.3 else 1
        first = max(drawn.k - (depth - 1) * stride, drawn.k % stride)
        last = min(drawn.k, count - 1 - (depth - 1) * stride)
        start = int(rng.choice(np.arange(first, last + 1, stride)))
        return start + stride * np.arange(depth), stride

    def _augment(
        self,
        parts: Field,
        inside: NDArray[np.bool_],
        weight: Field,
        spacing_mm: float,
        reverse: bool,
        rng: np.random.Generator,
    ) -> Sample:
        """Augment images, walls and pools of ``d + 2`` slices, and three fields of truth of d slices."""
        settings, depth = self.settings, len(weight)
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        moved = random_affine(
            torch.from_numpy(parts)[None],
            draws,
            rotation_deg=180,
            scale=0.25,
            shear=0.08,
            shift=0.09,
            elastic=settings.elastic,
            size=settings.size,
        )[0]
        images, walls, pools = moved[: 3 * (depth + 2)].split(depth + 2)
        target = moved[3 * (depth + 2) :].reshape(3, depth, settings.size, settings.size).transpose(0, 1)
        images = torch.from_numpy(scale_intensities(images.numpy()))
        if settings.contrast:
            images = random_contrast(images[None], draws, settings.contrast)[0]
        images = images * torch.from_numpy(inside.astype(np.float32))[:, None, None]
        if settings.spoiled and rng.random() < settings.spoiled:
            images, walls = spoil(images, walls, rng)
        if rng.random() < 0.5:
            # Resampled masks are soft, others are binary: train on both.
            walls, pools = (walls >= 0.5).float(), (pools >= 0.5).float()
        images, walls, pools = withhold(images, walls, pools, settings, rng)
        if reverse:
            images, walls, pools, target = (part.flip(0) for part in (images, walls, pools, target))
            weight = weight[::-1].copy()
        fields = training_task(settings).fields
        channels = [stacked(images.numpy(), walls.numpy(), pools.numpy(), n) for n in range(1, depth + 1)]
        if settings.without:
            channels = [blank(part, settings) for part in channels]
        return Sample(
            torch.from_numpy(np.stack(channels).transpose(0, 3, 1, 2)),
            target[:, :fields].contiguous(),
            torch.from_numpy(weight[:, :fields]).contiguous(),
            torch.tensor(neighbour_weight(spacing_mm * rng.uniform(0.9, 1.1))),
        )


def withhold(
    images: Tensor, walls: Tensor, pools: Tensor, settings: Automaton, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Set some inputs to zero at random, so that the encoder does not depend on them.

    Removes the masks of all slices, of one slice or of the outer slices; the blood pool in most samples; the images of
    the outer slices in a few.

    Args:
        images: Shape ``(d + 2, j, i)``, like the masks; the first and last slice are neighbours only.
        walls: Myocardium.
        pools: Blood pool.
        settings: Section ``automaton`` of the configuration.
        rng: Source of randomness.
    """
    kind = rng.random()
    every, own, others = settings.withheld, settings.withheld + 0.06, settings.withheld + 0.14
    if kind < every:
        walls = torch.zeros_like(walls)
    elif kind < own:
        walls = walls.clone()
        walls[1 + int(rng.integers(len(walls) - 2))] = 0
    elif kind < others:
        walls = walls.clone()
        walls[[0, -1]] = 0
    if kind < every or rng.random() < 0.6:
        pools = torch.zeros_like(pools)
    if rng.random() < 0.06:
        images = images.clone()
        images[[0, -1]] = 0
    return images, walls, pools


def spoil(images: Tensor, walls: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Degrade the image of one slice, or of two adjacent ones; with probability 0.5, also remove their masks.

    Args:
        images: Shape ``(d + 2, j, i)``; the first and last slice are not changed.
        walls: Myocardium, same shape.
        rng: Source of randomness.
    """
    count = 2 if len(images) > 4 and rng.random() < 0.4 else 1
    first = 1 + int(rng.integers(len(images) - 1 - count))
    images, walls = images.clone(), walls.clone()
    for n in range(first, first + count):
        images[n] = _degraded(images[n], rng)
    if rng.random() < 0.5:
        walls[first : first + count] = 0
    return images, walls


def _degraded(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return an image with noise and often ghosts, or rarely one without any content; shape ``(j, i)``."""
    if rng.random() < 0.1:
        return torch.zeros_like(image)
    if rng.random() < 0.5:
        axis, shift = int(rng.integers(2)), int(rng.integers(8, 25))
        image = (image + image.roll(shift, axis) + image.roll(-shift, axis) + image.roll(2 * shift, axis)) / 4
    noise = torch.from_numpy(rng.normal(0, 1, image.shape).astype(np.float32))
    image = image * rng.uniform(0, 0.3) + image.mean() + noise * rng.uniform(0.1, 0.4)
    return torch.from_numpy(scale_intensities(image[None].numpy())[0])


def blank(channels: Field, settings: Automaton) -> Field:
    """Set the channels that an ablation removes to zero, in place; shape ``(j, i, inputs)``."""
    parts = {"image": "image", "neighbours": "below above", "mask": "mask"}
    words = " ".join(parts.get(part, "") for part in settings.without).split()
    for number, name in enumerate(channel_names(channels.shape[-1])):
        if set(name.split()) & set(words):
            channels[..., number] = 0
    return channels


def _any_slice(stack: CroppedStack, rng: np.random.Generator) -> _Source:
    """Return a slice with the masks of a prediction, or without masks if there is none."""
    k = int(rng.integers(len(stack.closed)))
    if not stack.predictions:
        return _Source(stack, k, np.zeros_like(stack.truth[0]), np.zeros_like(stack.truth[0]))
    prediction = stack.predictions[rng.integers(len(stack.predictions))]
    return _Source(stack, k, prediction.wall, prediction.pool)


def _misled(drawn: _Source, rng: np.random.Generator) -> _Source:
    truth = drawn.stack.truth[(..., *MIDDLE)]
    wall, pool = np.zeros_like(drawn.stack.truth[:2])
    given = mislead(truth[WALL] >= 128, truth[INNER] >= 128, truth[RIGHT] >= 128, rng)
    wall[(..., *MIDDLE)], pool[(..., *MIDDLE)] = (part * np.uint8(255) for part in given)
    return _Source(drawn.stack, drawn.k, wall, pool)


def _inflated(parts: Field, truth: Bytes, rng: np.random.Generator) -> Field:
    """Inflate the right ventricle, or inflate or shrink the left one.

    Args:
        parts: Images, masks and truth of one sample, shape ``(n, j, i)``.
        truth: Channels as :data:`WALL`, shape ``(4, k, j, i)``.
        rng: Source of randomness.
    """
    right = truth[RIGHT].any() and rng.random() < 0.7
    there = (truth[RIGHT if right else OUTER] >= 128).any(axis=0)
    if not there.any():
        return parts
    factor = rng.uniform(1.1, 1.7) if right else rng.uniform(0.8, 1.3)
    j, i = (float(places.mean()) for places in np.nonzero(there))
    return inflate(torch.from_numpy(parts)[None], (j, i), factor, rng.uniform(36, 60))[0].numpy()


def _middle(heart: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the centre of the bounding box over all slices, ``(j, i)`` in pixels."""
    rows, columns = np.nonzero(heart.any(axis=0))
    return float(rows.min() + rows.max()) / 2, float(columns.min() + columns.max()) / 2


def _bytes(crop: Crop, mask: NDArray[np.uint8]) -> Bytes:
    return np.asarray(np.rint(crop.take(mask) * 255), np.uint8)
