"""The channels that the encoder sees: images, masks and blood pool of a slice and its neighbours, in the crop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .architecture import CHANNELS

Field = NDArray[np.float32]


def intensity_range(images: Field) -> tuple[float, float]:
    """Return the intensities that become 0 and 1: the 1st and 99th percentile."""
    low, high = np.percentile(images, [1, 99])
    return float(low), max(float(high), float(low) + 1e-6)


def scaled(images: Field) -> Field:
    """Scale the images of a stack by :func:`intensity_range`, within -0.5 to 2."""
    low, high = intensity_range(images)
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
