"""Views of a stack: crops with scaled images, the encoder's input channels in them, and its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..nca.architecture import ENDOCARDIUM, EPICARDIUM, RING
from ..nca.channels import scale_intensities, stacked
from ..nca.crop import Crop, crop_around
from ..nca.model import Model
from ..nca.rollout import Runner
from ..stack import Stack
from .confidence import expected_dice

Field = NDArray[np.float32]

CLOSER = 0.8
"""Pixel size of the closer view relative to that of the crop. Thin walls are sharper in it; 0.9 and 0.7 are no better
on the validation set."""


@dataclass(frozen=True, eq=False)
class View:
    """A crop, the same for all slices, and the scaled images in it, shape ``(k, j, i)``."""

    crop: Crop
    images: Field


@dataclass(frozen=True, eq=False)
class Inputs:
    """Images and masks of a stack in a view, shape ``(k, j, i)``."""

    images: Field
    walls: Field
    pools: Field | None

    @classmethod
    def without_masks(cls, view: View) -> Inputs:
        """Return the images in a view."""
        return cls(view.images, np.zeros_like(view.images), None)

    @classmethod
    def with_masks(cls, view: View, stack: Stack) -> Inputs:
        """Return the images and masks in a view."""
        take = view.crop.take
        return cls(view.images, take(stack.mask), None if stack.pool is None else take(stack.pool))

    def channels(self, slices: Sequence[int]) -> Field:
        """Return the input channels of the given slices."""
        return np.stack([stacked(self.images, self.walls, self.pools, k) for k in slices])


def view_around(middle: NDArray[np.float64], spacing_mm: float, stack: Stack, model: Model) -> View:
    """Crop all images around a point, ``(j, i)`` in pixels."""
    size = model.card.crop
    place = float(middle[0]), float(middle[1])
    crop = crop_around(place, (size, size), spacing_mm, stack.in_plane, stack.shape[1:])
    return View(crop, scale_intensities(crop.take(stack.image, outside="nearest")))


def encode_closer(
    view: View, closer: View, inputs: Inputs, slices: Sequence[int], around: Field, runner: Runner
) -> Field:
    """Encode the quarter turn of some slices in the closer view.

    Args:
        view: View whose evidence is known.
        closer: View of the same place, with smaller pixels.
        inputs: Images and masks in the closer view.
        slices: Slices to encode.
        around: Their evidence in ``view``, for the surroundings of the closer view, shape ``(n, j, i, fields)``.
        runner: Runner of the automaton.

    Returns:
        Evidence on the stack's grid, shape ``(n, fields, j, i)``.
    """
    turned = runner.encode(np.ascontiguousarray(np.rot90(inputs.channels(slices), axes=(1, 2)))).evidence
    result = np.empty((len(slices), around.shape[-1], *view.crop.shape), np.float32)
    for row, (near, far) in enumerate(zip(np.rot90(turned, -1, axes=(1, 2)), around, strict=True)):
        inside = closer.crop.put_back(channels_first(near), outside=np.nan)
        result[row] = np.where(np.isnan(inside), view.crop.put_back(channels_first(far)), inside)
    return result


def likelihood_of(fields: Field) -> Field:
    """Return the wall probability from the three supervised channels, shape ``(3, j, i)``."""
    return np.asarray(np.clip((fields[RING] + fields[EPICARDIUM] - fields[ENDOCARDIUM]) / 2, 0, 1), np.float32)


def own_dice(fields: Field) -> float:
    """Return the expected Dice of the thresholded wall under its own evidence, shape ``(j, i, 3)``."""
    likelihood = likelihood_of(channels_first(fields))
    return expected_dice(likelihood > 0.5, likelihood)


def shows_heart(fields: Field) -> bool:
    """Return whether the evidence of a slice, shape ``(j, i, 3)``, holds a heart: its discs are not empty."""
    return float(fields[..., EPICARDIUM].sum()) > 60 and float(fields[..., ENDOCARDIUM].sum()) > 10


def channels_first(fields: Field) -> Field:
    """Move the channel axis to the front."""
    return np.moveaxis(fields, -1, 0)
