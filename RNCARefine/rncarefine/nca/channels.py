"""The channels that the encoder sees: of a slice in the crop, or of a picture of thin structures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .architecture import CHANNELS, PICTURE_CHANNELS

Field = NDArray[np.float32]

BRIGHTEST = 3.0
"""A picture is cut off at so many standard deviations of its surroundings."""


def intensity_range(images: Field) -> tuple[float, float]:
    """Return the intensities that become 0 and 1: the 1st and 99th percentile."""
    low, high = np.percentile(images, [1, 99])
    # Some reconstructions give intensities of 1e-7: the least range must be far below them.
    least = 1e-6 * min(float(np.ptp(images)), 1.0) or 1e-6
    return float(low), max(float(high), float(low) + least)


def scaled(images: Field, like: Field | None = None) -> Field:
    """Scale the images of a stack by :func:`intensity_range` of them, or of ``like``, within -0.5 to 2."""
    low, high = intensity_range(images if like is None else like)
    return np.clip((images - np.float32(low)) / np.float32(high - low), -0.5, 2).astype(np.float32)


def stacked(images: Field, walls: Field, pools: Field | None, k: int, given: bool = True) -> Field:
    """Stack the channels of one slice.

    Args:
        images: Scaled by :func:`scaled`, shape ``(n, j, i)``.
        walls: Masks of the myocardium, 0 to 1, like ``images``.
        pools: Blood pool, ``None`` where it is not given.
        k: Which slice; beyond the ends of the stack there are zeros.
        given: Whether the masks are given; without them the encoder sees the images alone.

    Returns:
        Shape ``(j, i, inputs)``, in the order of :data:`rncarefine.nca.architecture.CHANNELS`.
    """
    result = np.zeros((*images.shape[1:], len(CHANNELS)), np.float32)
    for place, offset in enumerate((0, -1, 1)):
        if 0 <= k + offset < len(images):
            result[..., place] = images[k + offset]
            if given:
                result[..., 3 + place] = walls[k + offset]
    if given and pools is not None:
        result[..., 6] = pools[k]
    return result


def picture_channels(grey: Field, mask: Field, field_of_view: Field) -> Field:
    """Stack the channels of a picture of thin structures.

    Args:
        grey: Flattened image with bright structures: about mean 0 and spread 1 everywhere; shape ``(j, i)``.
        mask: Mask to repair, 0 to 1, like ``grey``; zeros where none is given.
        field_of_view: 1 where the picture shows anything, like ``grey``.

    Returns:
        Shape ``(j, i, inputs)``, in the order of :data:`rncarefine.nca.architecture.PICTURE_CHANNELS`.
    """
    result = np.empty((*grey.shape, len(PICTURE_CHANNELS)), np.float32)
    result[..., 0] = np.clip(grey, -BRIGHTEST, BRIGHTEST) * field_of_view
    result[..., 1] = mask
    result[..., 2] = field_of_view
    return result
