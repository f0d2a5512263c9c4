"""Samples for the automaton: slices with a failure or damaged truth, their neighbours, their image, and the truth."""

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
from rncarefine.nca.architecture import VOLUMETRIC_PLANES, closeness
from rncarefine.nca.channels import grey_range, planes
from rncarefine.nca.crop import Frame, fit_frame

from ..config import Automaton
from ..data.augment import random_affine, random_contrast
from ..data.cases import MYOCARDIUM, POOL, Case, matches
from ..data.predictions import SMALLEST_MM2, broken, load_prediction
from .damage import damage
from .tasks import task_of

Field = NDArray[np.float32]
FRAME_PIXELS = 112
"""Rows and columns that are kept of every slice: room to rotate before the sample is cut out."""
WIDEST_MM = 12.0
"""Slices lie no further apart than this in a sample made of every other slice."""


@dataclass(frozen=True, eq=False)
class FramedPrediction:
    """What one base network made of a stack, in the stack's frame. Shapes ``(k, j, i)`` and ``(k,)``."""

    source: str
    wall: Field
    pool: Field
    broken: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    """Truth is a closed ring and the prediction covers enough to start from."""


@dataclass(frozen=True, eq=False)
class FramedStack:
    """A case in its frame: image, truth as ring and two discs, predictions. Shapes ``(k, j, i)`` and ``(k,)``."""

    name: str
    image: Field
    ring: Field
    epicardium: Field
    endocardium: Field
    closed: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    """Truth has no wall."""
    solid: NDArray[np.bool_]
    """Truth has no blood pool, though it has one elsewhere in the stack: a wall is the tip of the apex."""
    distance_mm: float
    """Distance of the slices."""
    predictions: list[FramedPrediction] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """Who was scanned."""
        return self.name.partition("_")[0]

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """Slices whose truth says clearly what they should be: not walls that are open about a blood pool."""
        return self.closed | self.empty | self.solid


def frame_case(
    case: Case, predictions: Iterable[tuple[str, NDArray[np.uint8]]], spacing_mm: float, focus: bool = False
) -> FramedStack:
    """Bring a case and its predictions into a frame around the true heart.

    Args:
        case: The case.
        predictions: Name of the base network and its labels.
        spacing_mm: Pixel spacing of the automaton.
        focus: Leave out of the predictions what lies away from the heart.
    """
    wall = (case.labels == MYOCARDIUM).astype(np.uint8)
    fitted = fit_frame(wall, case.spacing[1:], spacing_mm)
    middle = [
        start + (size - 1) / 2 * ratio
        for start, size, ratio in zip(fitted.start, fitted.size, fitted.ratio, strict=True)
    ]
    start = [m - (FRAME_PIXELS - 1) / 2 * ratio for m, ratio in zip(middle, fitted.ratio, strict=True)]
    frame = Frame((start[0], start[1]), (FRAME_PIXELS, FRAME_PIXELS), spacing_mm, fitted.in_plane, fitted.shape)
    filled = np.stack([fill_holes(piece) for piece in wall])
    has_pool = (case.labels == POOL).any(axis=(1, 2))
    closed = np.array([betti_2d(piece) == (1, 1) for piece in wall])
    image = frame.take(case.image, outside="nearest")
    low, high = grey_range(image)
    area = case.spacing[1] * case.spacing[2]
    framed = []
    for source, labels in predictions:
        predicted, pool = (labels == MYOCARDIUM).astype(np.uint8), (labels == POOL).astype(np.uint8)
        covers = predicted.sum(axis=(1, 2)) * area >= SMALLEST_MM2
        if focus and predicted.any():
            heart = locate_heart(predicted, pool, case.spacing[1:])
            predicted, pool = (near_heart(mask, heart, case.spacing[1:]) for mask in (predicted, pool))
        framed.append(
            FramedPrediction(
                source,
                frame.take(predicted),
                frame.take(pool),
                np.array([broken(labels[k], case.labels[k], area) for k in range(len(labels))]),
                closed & covers,
            )
        )
    return FramedStack(
        case.name,
        (image - low) / (high - low),
        frame.take(wall),
        frame.take(filled),
        frame.take(filled & (1 - wall)),
        closed,
        ~wall.any(axis=(1, 2)),
        # Truth without labels of the pool does not tell the tip of the apex from an open wall.
        ~has_pool & has_pool.any(),
        case.spacing[0],
        framed,
    )


def load_stacks(
    cases: Path,
    predictions: Path,
    subjects: Iterable[str],
    spacing_mm: float,
    sources: Iterable[str],
    focus: bool = False,
) -> list[FramedStack]:
    """Load the cases of some subjects with what some base networks made of them; those without a wall teach nothing.

    Args:
        cases: Folder of cases.
        predictions: Folder that :func:`rncarefine_training.networks.failures.collect` wrote.
        subjects: Which subjects.
        spacing_mm: Pixel spacing of the automaton.
        sources: ``<member>@<fraction>``; a network that has seen a subject has no prediction of it.
        focus: Leave out of the predictions what lies away from the heart.

    Raises:
        ValueError: There are no cases, or no predictions.
    """
    stacks = []
    for subject in subjects:
        for path in sorted(cases.glob(f"{subject}_*.npz")):
            case = Case.load(path)
            if not (case.labels == MYOCARDIUM).any():
                continue
            found = [(source, predictions / source / path.name) for source in sources]
            loaded = ((source, load_prediction(file)) for source, file in found if file.exists())
            stacks.append(frame_case(case, loaded, spacing_mm, focus))
    if not any(stack.predictions for stack in stacks):
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return stacks


class Sample(NamedTuple):
    """One sample of d slices, or a batch of them with one axis more in front.

    Attributes:
        planes: What the encoder sees, shape ``(d, planes, j, i)``.
        state: Seed states, shape ``(d, channels, j, i)``.
        target: What the task supervises with, of a ring the wall and both discs, shape ``(d, fields, j, i)``.
        weight: 1 for slices that are learnt from, 0 for others, shape ``(d,)``.
        closeness: Of the slices to each other, a scalar.
    """

    planes: Tensor
    state: Tensor
    target: Tensor
    weight: Tensor
    closeness: Tensor


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Where a sample comes from: a stack, the slice that matters, and the walls and pools that are shown."""

    stack: FramedStack
    k: int
    wall: Field
    pool: Field


class _Drawable:
    """Stacks that samples are drawn from, and the predictions of them that show failures, or slices without a wall."""

    def __init__(self, stacks: list[FramedStack]) -> None:
        shown = [(stack, prediction) for stack in stacks for prediction in stack.predictions]
        self.stacks = stacks
        self.failing = [pair for pair in shown if pair[1].broken.any()]
        self.ending = [pair for pair in shown if pair[0].empty.any() and pair[1].wall.any()]


class RepairSamples(Dataset[Sample]):
    """Endless fresh samples; sample n is the same whenever and wherever it is asked for.

    Args:
        stacks: Framed training stacks; for volumetric samples those with fewer than ``depth`` slices are left out.
        settings: The automaton's section of the configuration.
        length: How many samples an epoch has.
        seed: Seed of the whole sequence.

    Raises:
        ValueError: No stack has a closed ring and slices enough.
    """

    def __init__(self, stacks: list[FramedStack], settings: Automaton, length: int, seed: int) -> None:
        self.stacks = [stack for stack in stacks if stack.closed.any() and len(stack.ring) >= settings.depth]
        if not self.stacks:
            raise ValueError(f"No stack has a closed ring and {settings.depth} slices or more. Add cases.")
        self.everyone = _Drawable(self.stacks)
        self.favoured = _Drawable([stack for stack in self.stacks if matches(stack.subject, settings.favoured)])
        self.settings, self.length, self.seed = settings, length, seed
        self.task = task_of(settings)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        drawn = self._draw(rng)
        slices, stride = self._window(drawn, rng)
        stack = drawn.stack
        given = rng.random() < 0.4
        channels = []
        # Breath-holds differ: slices lie a pixel or two beside each other.
        shifts = rng.integers(-2, 3, (len(drawn.wall), 2)) * (rng.random() < 0.4)
        for k in slices:
            truth = (stack.ring, stack.epicardium, stack.endocardium)
            image, wall, pool, *fields = (
                _shifted(values[k], shifts[k]) for values in (stack.image, drawn.wall, drawn.pool, *truth)
            )
            below, above = (_neighbour(drawn.wall, k + step, shifts, rng) for step in (-stride, stride))
            channels.append(np.stack([image, wall, below, above, pool if given else np.zeros_like(pool), *fields]))
        if rng.random() < 0.5:
            # Some stacks begin at the base, others at the apex.
            slices = slices[::-1]
            channels = [part[[0, 1, 3, 2, 4, 5, 6, 7]] for part in reversed(channels)]
        distance = stack.distance_mm * stride * rng.uniform(0.9, 1.1)
        return self._augment(np.stack(channels), stack.learnt[slices], distance, rng)

    def _draw(self, rng: np.random.Generator) -> _Drawn:
        among = self.everyone
        if self.favoured.stacks and rng.random() < self.settings.favour:
            among = self.favoured
        if among.ending and rng.random() < self.settings.absent:
            stack, prediction = among.ending[rng.integers(len(among.ending))]
            return _Drawn(stack, int(rng.choice(np.flatnonzero(stack.empty))), prediction.wall, prediction.pool)
        if among.failing and rng.random() < self.settings.natural:
            stack, prediction = among.failing[rng.integers(len(among.failing))]
            slices = prediction.broken if rng.random() < 0.75 else prediction.usable
            return _Drawn(stack, int(rng.choice(np.flatnonzero(slices))), prediction.wall, prediction.pool)
        return self._damaged(among.stacks[rng.integers(len(among.stacks))], rng)

    def _damaged(self, stack: FramedStack, rng: np.random.Generator) -> _Drawn:
        k = int(rng.choice(np.flatnonzero(stack.closed)))
        wall = stack.ring.copy()
        right = self.settings.already_right / max(1 - self.settings.natural, 1e-6)
        reach = self.settings.depth
        for number in range(max(0, k - reach), min(len(wall), k + reach + 1)):
            if rng.random() > (right if number == k else 0.4) and stack.closed[number]:
                if rng.random() < self.settings.vanished:
                    wall[number] = 0
                else:
                    wall[number] = damage(wall[number] >= 0.5, rng)
        return _Drawn(stack, k, wall, stack.endocardium)

    def _window(self, drawn: _Drawn, rng: np.random.Generator) -> tuple[NDArray[np.int64], int]:
        """Choose the slices of a sample, the one that matters among them, and how many steps lie between them."""
        depth, count = self.settings.depth, len(drawn.wall)
        fits = count >= 2 * depth and depth > 1
        # Every other slice of a stack with thin slices is a stack with thick ones.
        stride = 2 if fits and 2 * drawn.stack.distance_mm <= WIDEST_MM and rng.random() < 0.3 else 1
        first = max(drawn.k - (depth - 1) * stride, drawn.k % stride)
        last = min(drawn.k, count - 1 - (depth - 1) * stride)
        start = int(rng.choice(np.arange(first, last + 1, stride)))
        return start + stride * np.arange(depth), stride

    def _augment(self, channels: Field, learnt: NDArray[np.bool_], distance: float, rng: np.random.Generator) -> Sample:
        settings = self.settings
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        moved = random_affine(
            torch.from_numpy(channels.reshape(1, -1, *channels.shape[2:])),
            draws,
            rotation_deg=180,
            scale=0.25,
            shear=0.08,
            shift=0.06,
            elastic=0.012,
        ).reshape(channels.shape)
        start = (FRAME_PIXELS - settings.size) // 2
        moved = moved[:, :, start : start + settings.size, start : start + settings.size]
        images = random_contrast(moved[None, :, 0], draws, settings.contrast)[0].numpy()
        # A frame as fine as the image gives crisp masks, a coarser one soft ones: show both.
        masks = moved[:, 1:5] if rng.random() < 0.5 else (moved[:, 1:5] >= 0.5).float()
        seen, states = [], []
        for image, (wall, below, above, pool) in zip(images, masks.numpy(), strict=True):
            given = planes(
                image, wall, below, above, pool, settings.spacing_mm, distance if settings.volumetric else None
            )
            seen.append(leave_out(given, settings).transpose(2, 0, 1))
            states.append(self.task.seed(wall, settings.channels).transpose(2, 0, 1))
        return Sample(
            torch.from_numpy(np.stack(seen)),
            torch.from_numpy(np.stack(states)),
            moved[:, 5 : 5 + self.task.fields].clone(),
            torch.from_numpy(learnt.astype(np.float32)),
            torch.tensor(closeness(distance)),
        )


def leave_out(given: Field, settings: Automaton) -> Field:
    """Empty the planes, shape ``(j, i, planes)``, that the task has no use for or an ablation does without."""
    for plane in (*task_of(settings).blank, *(plane for part in settings.without for plane in _PARTS[part])):
        given[..., VOLUMETRIC_PLANES.index(plane)] = 0
    return given


_PARTS = {
    "image": ("image",),
    "neighbours": ("below", "above"),
    "fields": ("distance", "radius", "annulus"),
    "discs": (),
}


def _shifted(values: Field, shift: NDArray[np.int64]) -> Field:
    """Move a slice by whole pixels; what leaves on one side and comes in on the other is cut off later."""
    return np.roll(values, shift, axis=(0, 1)) if shift.any() else values


def _neighbour(wall: Field, k: int, shifts: NDArray[np.int64], rng: np.random.Generator) -> Field:
    """The wall of a neighbouring slice; at times left out, as at the ends of a stack."""
    if not 0 <= k < len(wall) or rng.random() < 0.15:
        return np.zeros_like(wall[0])
    return _shifted(wall[k], shifts[k])
