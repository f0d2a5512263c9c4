"""Input channels of the encoder, for a slice in the crop or for a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .architecture import CHANNELS, PICTURE_CHANNELS

Field = NDArray[np.float32]

BRIGHTEST = 3.0
"""Clipping limit of picture intensities, in local standard deviations."""


def intensity_range(images: Field) -> tuple[float, float]:
    """Return the intensities that are scaled to 0 and 1: the 1st and 99th percentile."""
    low, high = np.percentile(images, [1, 99])
    # Some reconstructions have intensities of 1e-7: the smallest range must be far below these.
    least = 1e-6 * min(float(np.ptp(images)), 1.0) or 1e-6
    return float(low), max(float(high), float(low) + least)


def scale_intensities(images: Field, like: Field | None = None) -> Field:
    """Scale images by their :func:`intensity_range`, or by that of ``like``, and clip to -0.5 to 2."""
    low, high = intensity_range(images if like is None else like)
    return np.clip((images - np.float32(low)) / np.float32(high - low), -0.5, 2).astype(np.float32)


def stacked(images: Field, walls: Field, pools: Field | None, k: int) -> Field:
    """Stack the channels of one slice.

    Args:
        images: Images scaled by :func:`scale_intensities`, shape ``(n, j, i)``.
        walls: Myocardium masks, 0 to 1, like ``images``; zeros to encode the images alone.
        pools: Blood-pool masks, or ``None`` if not given.
        k: Slice number; slices outside the stack are zero.

    Returns:
        Channels, shape ``(j, i, inputs)``, in the order of :data:`rncarefine.nca.architecture.CHANNELS`.
    """
    result = np.zeros((*images.shape[1:], len(CHANNELS)), np.float32)
    for place, offset in enumerate((0, -1, 1)):
        if 0 <= k + offset < len(images):
            result[..., place] = images[k + offset]
            result[..., 3 + place] = walls[k + offset]
    if pools is not None:
        result[..., 6] = pools[k]
    return result


def picture_channels(grey: Field, mask: Field, field_of_view: Field) -> Field:
    """Stack the channels of a picture of thin structures.

    Args:
        grey: Locally normalised image with bright structures (mean 0, standard deviation 1), shape ``(j, i)``.
        mask: Mask to repair, 0 to 1, like ``grey``; zeros if not given.
        field_of_view: 1 inside the field of view, else 0, like ``grey``.

    Returns:
        Channels, shape ``(j, i, inputs)``, in the order of :data:`rncarefine.nca.architecture.PICTURE_CHANNELS`.
    """
    result = np.empty((*grey.shape, len(PICTURE_CHANNELS)), np.float32)
    result[..., 0] = np.clip(grey, -BRIGHTEST, BRIGHTEST) * field_of_view
    result[..., 1] = mask
    result[..., 2] = field_of_view
    return result
