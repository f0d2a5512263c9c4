"""Synthetic damage to a true vessel mask: gaps, missing thin branches, eroded vessels, false fragments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]


def damage_vessels(mask: Field, rng: np.random.Generator) -> Field:
    """Return a damaged copy of a mask of 0 to 1, shape ``(j, i)``."""
    result = mask.copy()
    vessels = np.argwhere(mask >= 0.5)
    if len(vessels):
        if rng.random() < 0.5:
            result = _without_thin(result, rng)
        for _ in range(int(rng.integers(1, 8))):
            _gap(result, vessels[int(rng.integers(len(vessels)))], rng)
        if rng.random() < 0.3:
            result *= ndimage.binary_erosion(result >= 0.5) | ~_region(mask.shape, rng)
    for _ in range(int(rng.integers(0, 4))):
        _fragment(result, rng)
    return result


def _region(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a smooth random region that covers 20 to 80 % of the window."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), 14)
    return np.asarray(noise > np.quantile(noise, rng.uniform(0.2, 0.8)))


def _without_thin(mask: Field, rng: np.random.Generator) -> Field:
    """Remove thin vessels in a random region, except for random patches."""
    core = ndimage.binary_opening(mask >= 0.5, iterations=int(rng.integers(1, 3)))
    thick = ndimage.binary_dilation(core, iterations=2)
    patches = ndimage.gaussian_filter(rng.normal(size=mask.shape), 3)
    kept = patches > np.quantile(patches, rng.uniform(0.5, 1.0))
    return np.where(thick | kept | ~_region(mask.shape, rng), mask, 0).astype(np.float32)


def _gap(mask: Field, place: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Erase a random ellipse, in place."""
    j, i = np.indices(mask.shape) - place[:, None, None]
    angle, length, width = rng.uniform(0, np.pi), rng.uniform(2, 16), rng.uniform(2, 8)
    along, across = np.cos(angle) * j + np.sin(angle) * i, np.cos(angle) * i - np.sin(angle) * j
    mask[np.hypot(along / length, across / width) < 1] = 0


def _fragment(mask: Field, rng: np.random.Generator) -> None:
    """Add a short curved stroke at a random position, in place."""
    steps = int(rng.integers(1, 30))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.15, steps))
    path = rng.uniform(0, mask.shape, 2) + np.cumsum(np.stack([np.sin(heading), np.cos(heading)], 1), axis=0)
    points = np.round(path).astype(int)
    points = points[((points >= 0) & (points < mask.shape)).all(1)]
    stroke = np.zeros(mask.shape, bool)
    stroke[points[:, 0], points[:, 1]] = True
    width = int(rng.integers(0, 3))
    if width:
        stroke = ndimage.binary_dilation(stroke, iterations=width)
    mask[stroke] = 1
