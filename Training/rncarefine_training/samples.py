"""Samples for the automaton: a slice with a failure or damaged truth, its neighbours, its image, and the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from RNCARefineLib.conditioning import grey_range, planes, seed_state
from RNCARefineLib.frame import Frame, fit_frame
from RNCARefineLib.topology import betti_2d, fill_holes

from .augment import random_affine, random_contrast
from .cases import MYOCARDIUM, POOL, Case
from .config import Automaton
from .damage import damage
from .failures import SMALLEST_MM2, broken, load_prediction

Field = NDArray[np.float32]
FRAME_PIXELS = 112
"""Rows and columns that are kept of every slice: room to rotate before the sample is cut out."""


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
    predictions: list[FramedPrediction] = field(default_factory=list)


def frame_case(case: Case, predictions: Iterable[tuple[str, NDArray[np.uint8]]], spacing_mm: float) -> FramedStack:
    """Bring a case and its predictions into a frame around the true heart.

    Args:
        case: The case.
        predictions: Name of the base network and its labels.
        spacing_mm: Pixel spacing of the automaton.
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
    closed = np.array([betti_2d(piece) == (1, 1) for piece in wall])
    image = frame.take(case.image, outside="nearest")
    low, high = grey_range(image)
    area = case.spacing[1] * case.spacing[2]
    framed = []
    for source, labels in predictions:
        predicted = labels == MYOCARDIUM
        framed.append(
            FramedPrediction(
                source,
                frame.take(predicted),
                frame.take(labels == POOL),
                np.array([broken(labels[k], case.labels[k], area) for k in range(len(labels))]),
                closed & (predicted.sum(axis=(1, 2)) * area >= SMALLEST_MM2),
            )
        )
    return FramedStack(
        case.name,
        (image - low) / (high - low),
        frame.take(wall),
        frame.take(filled),
        frame.take(filled & (1 - wall)),
        closed,
        framed,
    )


def load_stacks(
    cases: Path, predictions: Path, subjects: Iterable[str], spacing_mm: float, sources: Iterable[str]
) -> list[FramedStack]:
    """Load the cases of some subjects with what some base networks made of them.

    Args:
        cases: Folder of cases.
        predictions: Folder that :func:`rncarefine_training.failures.collect` wrote.
        subjects: Which subjects.
        spacing_mm: Pixel spacing of the automaton.
        sources: ``<member>@<fraction>``; a network that has seen a subject has no prediction of it.

    Raises:
        ValueError: There are no cases, or no predictions.
    """
    stacks = []
    for subject in subjects:
        for path in sorted(cases.glob(f"{subject}_*.npz")):
            found = [(source, predictions / source / path.name) for source in sources]
            loaded = ((source, load_prediction(file)) for source, file in found if file.exists())
            stacks.append(frame_case(Case.load(path), loaded, spacing_mm))
    if not any(stack.predictions for stack in stacks):
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return stacks


class RepairSamples(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless fresh samples; sample n is the same whenever and wherever it is asked for.

    Args:
        stacks: Framed training stacks.
        settings: The automaton's section of the configuration.
        length: How many samples an epoch has.
        seed: Seed of the whole sequence.
    """

    def __init__(self, stacks: list[FramedStack], settings: Automaton, length: int, seed: int) -> None:
        self.stacks = [stack for stack in stacks if stack.closed.any()]
        self.failing = [
            (stack, prediction) for stack in self.stacks for prediction in stack.predictions if prediction.broken.any()
        ]
        self.settings, self.length, self.seed = settings, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        if rng.random() < self.settings.natural and self.failing:
            stack, k, wall, pool = self._failure(rng)
        else:
            stack, k, wall, pool = self._damaged(rng)
        below, above = _neighbour(wall, k - 1, rng), _neighbour(wall, k + 1, rng)
        given = pool[k] if rng.random() < 0.4 else np.zeros_like(pool[k])
        channels = [stack.image[k], wall[k], below, above, given]
        channels += [stack.ring[k], stack.epicardium[k], stack.endocardium[k]]
        return self._augment(np.stack(channels), rng)

    def _failure(self, rng: np.random.Generator) -> tuple[FramedStack, int, Field, Field]:
        stack, prediction = self.failing[rng.integers(len(self.failing))]
        among = prediction.broken if rng.random() < 0.75 else prediction.usable
        k = int(rng.choice(np.flatnonzero(among)))
        return stack, k, prediction.wall, prediction.pool

    def _damaged(self, rng: np.random.Generator) -> tuple[FramedStack, int, Field, Field]:
        stack = self.stacks[rng.integers(len(self.stacks))]
        k = int(rng.choice(np.flatnonzero(stack.closed)))
        wall = stack.ring.copy()
        right = self.settings.already_right / max(1 - self.settings.natural, 1e-6)
        for slice_k in range(max(0, k - 1), min(len(wall), k + 2)):
            if rng.random() > (right if slice_k == k else 0.4) and stack.closed[slice_k]:
                wall[slice_k] = damage(wall[slice_k] >= 0.5, rng)
        return stack, k, wall, stack.endocardium

    def _augment(self, channels: Field, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        moved = random_affine(
            torch.from_numpy(channels)[None], draws, rotation_deg=180, scale=0.25, shear=0.08, shift=0.06, elastic=0.012
        )[0]
        start = (FRAME_PIXELS - self.settings.size) // 2
        moved = moved[:, start : start + self.settings.size, start : start + self.settings.size]
        image = random_contrast(moved[None, :1], draws, self.settings.contrast)[0, 0].numpy()
        # A frame as fine as the image gives crisp masks, a coarser one soft ones: show both.
        masks = moved[1:5] if rng.random() < 0.5 else (moved[1:5] >= 0.5).float()
        wall, below, above, pool = masks.numpy()
        seen = planes(image, wall, below, above, pool, self.settings.spacing_mm)
        state = seed_state(wall, self.settings.channels)
        return (
            torch.from_numpy(seen.transpose(2, 0, 1).copy()),
            torch.from_numpy(state.transpose(2, 0, 1).copy()),
            moved[5:8].clone(),
        )


def _neighbour(wall: Field, k: int, rng: np.random.Generator) -> Field:
    """The wall of a neighbouring slice; at times left out, as at the ends of a stack."""
    if not 0 <= k < len(wall) or rng.random() < 0.15:
        return np.zeros_like(wall[0])
    return wall[k]
