"""Samples from triplets of pictures, for any task."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from rncarefine.nca.channels import picture_channels, stacked
from rncarefine_training.automaton.samples import Sample, blank
from rncarefine_training.automaton.tasks import Task
from rncarefine_training.config import Automaton
from rncarefine_training.data.augment import random_contrast

from .synthetic import Triplets

Field = NDArray[np.float32]


class TripletSamples(Dataset[Sample]):
    """Samples for training, rotated and mirrored; sample n depends on the seed and n alone.

    Args:
        triplets: Square pictures.
        settings: The automaton's section of the configuration.
        task: What is trained for.
        length: How many samples there are.
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
        # Image, mask and truth; damaged masks first, then the truth itself: what is right must stay as it is.
        self.layers = [
            np.concatenate([triplets.images[:, None], masks[:, None], truth], axis=1)
            for masks in (triplets.states, triplets.labels)
        ]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        right = rng.random() < self.settings.already_right
        layers = self.layers[int(right)][rng.integers(self.count)]
        layers = np.rot90(layers, int(rng.integers(4)), axes=(1, 2))
        if rng.random() < 0.5:
            layers = layers[..., ::-1]
        image, mask, truth = torch.from_numpy(layers.copy()).split([1, 1, len(layers) - 2])
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        image = random_contrast(image[None], draws, self.settings.contrast)[0]
        channels = prepare(image.numpy(), mask.numpy(), self.settings)
        weight = torch.ones(1, len(truth))
        return Sample(torch.from_numpy(channels.transpose(0, 3, 1, 2)), truth[None], weight, torch.tensor(1.0))


def prepare(images: Field, masks: Field, settings: Automaton) -> Field:
    """Return what the encoder sees, shape ``(n, j, i, inputs)``: image and mask; pictures have no neighbours.

    Args:
        images: Shape ``(n, j, i)``, 0 to 1.
        masks: Masks to repair, 0 to 1, same shape.
        settings: The automaton's section of the configuration.
    """
    pairs = zip(images, masks, strict=True)
    if settings.task == "tubular":
        channels = np.stack([picture_channels(image, mask, np.ones_like(mask)) for image, mask in pairs])
    else:
        channels = np.stack([stacked(image[None], mask[None], None, 0) for image, mask in pairs])
    return blank(channels, settings)
