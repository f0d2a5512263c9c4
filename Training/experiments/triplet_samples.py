"""Samples and validation from triplets of pictures, for any task."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rncarefine.nca.architecture import PLANES, Architecture
from rncarefine.nca.channels import planes
from rncarefine.nca.rollout import rollout
from rncarefine.stack import Mask
from rncarefine_training.automaton.samples import Sample
from rncarefine_training.automaton.tasks import Task
from rncarefine_training.config import Automaton
from rncarefine_training.data.augment import random_contrast

from .synthetic import Triplets

Field = NDArray[np.float32]
PIXEL_MM = 1.0
"""Pictures have no spacing: distances in the conditioning planes count pixels."""


class TripletSamples(Dataset[Sample]):
    """Endless samples, turned and mirrored; sample n is the same whenever and wherever it is asked for.

    Args:
        triplets: Square pictures.
        settings: The automaton's section of the configuration.
        task: What is trained for.
        length: How many samples an epoch has.
        seed: Seed of the whole sequence.

    Raises:
        ValueError: The pictures are not of the configured size.
    """

    def __init__(self, triplets: Triplets, settings: Automaton, task: Task, length: int, seed: int) -> None:
        if triplets.images.shape[1:] != (settings.size, settings.size):
            height, width = triplets.images.shape[1:]
            raise ValueError(f"The pictures have {height} x {width} pixels, automaton.size is {settings.size}.")
        self.settings, self.length, self.seed, self.count = settings, length, seed, len(triplets)
        truth = np.stack([task.target(label) for label in triplets.labels])
        # Damaged masks first, then the truth itself: what is right must stay as it is.
        self.layers = []
        for masks in (triplets.states, triplets.labels):
            seen, state = prepare(triplets.images, masks, settings, task)
            together = np.concatenate([seen, state, truth.transpose(0, 2, 3, 1)], axis=-1)
            self.layers.append(together.transpose(0, 3, 1, 2))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        right = rng.random() < self.settings.already_right
        layers = self.layers[int(right)][rng.integers(self.count)]
        layers = np.rot90(layers, int(rng.integers(4)), axes=(1, 2))
        if rng.random() < 0.5:
            layers = layers[..., ::-1]
        moved = torch.from_numpy(layers.copy())[None]
        ends = len(PLANES), len(PLANES) + self.settings.channels
        seen, state, truth = moved[:, : ends[0]], moved[:, ends[0] : ends[1]], moved[:, ends[1] :]
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        seen[:, :1] = random_contrast(seen[:, :1], draws, self.settings.contrast)
        return Sample(seen, state, truth, torch.ones(1), torch.tensor(1.0))


def prepare(images: Field, masks: Field, settings: Automaton, task: Task) -> tuple[Field, Field]:
    """Return conditioning planes ``(n, j, i, planes)`` and seed states ``(n, j, i, channels)``.

    Args:
        images: Shape ``(n, j, i)``, 0 to 1.
        masks: Masks to repair, 0 to 1, same shape.
        settings: The automaton's section of the configuration.
        task: What is repaired.
    """
    nothing = np.zeros_like(masks[0])
    seen = np.stack(
        [planes(image, mask, nothing, nothing, nothing, PIXEL_MM) for image, mask in zip(images, masks, strict=True)]
    )
    for plane in task.blank:
        seen[..., PLANES.index(plane)] = 0
    return seen, np.stack([task.seed(mask, settings.channels) for mask in masks])


def repair_pictures(
    parameters: dict[str, Field],
    architecture: Architecture,
    settings: Automaton,
    task: Task,
    images: Field,
    masks: Field,
    device: str = "cpu",
) -> tuple[Field, list[Mask]]:
    """Repair pictures by the engine's own rollout.

    Args:
        parameters: As the engine takes them.
        architecture: Their sizes.
        settings: Steps and fire rate.
        task: What is repaired.
        images: Shape ``(n, j, i)``, 0 to 1.
        masks: Masks to repair, 0 to 1, same shape.
        device: See :func:`rncarefine.nca.rollout.rollout`.

    Returns:
        The first channel, 0 to 1, shape ``(n, j, i)``, and the masks; one that cannot be read stays as it was.
    """
    seen, state = prepare(images, masks, settings, task)
    ended = rollout(
        parameters,
        architecture,
        seen,
        state,
        np.arange(len(images)),
        steps=settings.steps,
        fire_rate=settings.fire_rate,
        device=device,
        patience=None,
    ).state
    read = [task.read(fields.transpose(2, 0, 1)) for fields in ended[..., : task.fields]]
    given = (masks >= 0.5).astype(np.uint8)
    return ended[..., 0].clip(0, 1), [old if new is None else new for new, old in zip(read, given, strict=True)]


class TripletValidation:
    """Repairs pictures and judges them as the task asks for.

    Args:
        triplets: What to validate on.
        task: What is repaired.
    """

    def __init__(self, triplets: Triplets, task: Task) -> None:
        self.triplets, self.task = triplets, task

    @torch.no_grad()
    def measure(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton
    ) -> dict[str, float]:
        """Return the mean of every figure of the task."""
        plain = {name: value.cpu().numpy() for name, value in parameters.items()}
        held = self.triplets
        _, masks = repair_pictures(plain, architecture, settings, self.task, held.images, held.states)
        given, truth = (held.states >= 0.5).astype(np.uint8), held.labels.astype(np.uint8)
        figures = [self.task.score(*three) for three in zip(masks, given, truth, strict=True)]
        return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}
