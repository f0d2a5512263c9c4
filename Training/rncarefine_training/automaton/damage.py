"""Synthetic damage to a true wall: gaps, thin segments, holes, loose components, displaced contours.

All functions take and return boolean masks of one slice, shape ``(j, i)``, on the automaton's square pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional as F

Wall = NDArray[np.bool_]


def damage(wall: Wall, rng: np.random.Generator) -> Wall:
    """Damage a closed wall similarly to the errors of segmentation networks.

    Contours are displaced smoothly; then gaps, holes and loose components are added at random. Most results are
    broken, some only inaccurate.
    """
    result = misplace(wall, rng, deviation=rng.uniform(0.3, 2.2))
    kind = rng.random()
    if kind < 0.55:
        for _ in range(rng.integers(1, 4)):
            result = cut_gap(result, wall, rng, width_deg=float(rng.choice([15, 30, 60, 100]) * rng.uniform(0.5, 1.4)))
    elif kind < 0.75:
        result = keep_arc(result, wall, rng, width_deg=float(rng.uniform(60, 220)))
    elif kind < 0.85:
        result = fill_pool(result, wall, rng)
    if rng.random() < 0.3:
        result = puncture(result, rng, count=int(rng.integers(1, 4)))
    if rng.random() < 0.4:
        result = add_components(result, wall, rng, count=int(rng.integers(1, 4)))
    return result


def misplace(wall: Wall, rng: np.random.Generator, deviation: float) -> Wall:
    """Displace inner and outer contour by smooth random distances of standard deviation ``deviation`` in pixels."""
    if not wall.any():
        return wall
    filled = ndimage.binary_fill_holes(wall)
    edges = []
    for disc in (filled, filled & ~wall):
        inward = ndimage.distance_transform_edt(disc) - ndimage.distance_transform_edt(~disc)
        edges.append(inward + _smooth_noise(wall.shape, rng, deviation, coarse=int(rng.integers(4, 9))) > 0)
    return np.asarray(edges[0] & ~edges[1])


def cut_gap(wall: Wall, truth: Wall, rng: np.random.Generator, width_deg: float) -> Wall:
    """Remove a ragged sector of ``width_deg`` degrees about the centre of the true wall."""
    return wall & ~_sector(truth, rng, width_deg)


def keep_arc(wall: Wall, truth: Wall, rng: np.random.Generator, width_deg: float) -> Wall:
    """Keep only a ragged sector of the wall."""
    return wall & _sector(truth, rng, width_deg)


def fill_pool(wall: Wall, truth: Wall, rng: np.random.Generator) -> Wall:
    """Extend the wall over part or all of the blood pool."""
    pool = ndimage.binary_fill_holes(truth) & ~truth
    return wall | (pool & _sector(truth, rng, float(rng.uniform(90, 400))))


def puncture(wall: Wall, rng: np.random.Generator, count: int) -> Wall:
    """Punch ``count`` small holes into the wall."""
    cells = np.argwhere(wall)
    result = wall.copy()
    for _ in range(count if len(cells) else 0):
        result &= ~_blob(wall.shape, cells[rng.integers(len(cells))], rng, largest=2.0)
    return result


def add_components(wall: Wall, truth: Wall, rng: np.random.Generator, count: int) -> Wall:
    """Add ``count`` loose components, mostly near the heart."""
    centre = np.argwhere(truth).mean(axis=0)
    result = wall.copy()
    for _ in range(count):
        where = centre + rng.normal(0, 18, 2)
        result |= _blob(wall.shape, where, rng, largest=6.0)
    return result


def mislead(wall: Wall, pool: Wall, right: Wall, rng: np.random.Generator) -> tuple[Wall, Wall]:
    """Return a grossly wrong wall and pool: displaced, of another structure, or of another labelling convention.

    Args:
        wall: The wall of one or more slices, shape ``(..., j, i)``.
        pool: The blood pool.
        right: The right ventricle's cavity.
        rng: Source of randomness.

    Returns:
        Wall and pool, shaped like the inputs.
    """
    kind = rng.random()
    if kind < 0.3:  # displaced
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(8, 36)
        shift = round(reach * np.sin(angle)), round(reach * np.cos(angle))
        return np.roll(wall, shift, (-2, -1)), np.roll(pool, shift, (-2, -1))
    if kind < 0.5:  # mirrored and displaced, without pool
        turned = rng.integers(0, 2) * 2 - 1
        rows, columns = (int(value) for value in rng.integers(-20, 21, 2))
        return np.roll(wall[..., ::turned, :], (rows, columns), (-2, -1)), np.zeros_like(pool)
    if kind < 0.62:  # blood pool labelled as wall
        return pool.copy(), np.zeros_like(pool)
    if kind < 0.72 and right.any():  # right ventricle labelled as wall
        return right.copy(), pool.copy()
    if kind < 0.82:  # filled outer contour
        return wall | pool, np.zeros_like(pool)
    across = np.zeros((1,) * (wall.ndim - 2) + (3, 3), bool) | ndimage.generate_binary_structure(2, 1)
    rounds = int(rng.integers(1, 4))
    if kind < 0.91:  # wall far too thick
        thick = ndimage.binary_dilation(wall, across, iterations=rounds)
        return thick, pool & ~thick
    return ndimage.binary_erosion(wall, across, iterations=min(rounds, 2)), pool.copy()


def _sector(truth: Wall, rng: np.random.Generator, width_deg: float) -> Wall:
    """Return a sector about the centre of the true wall with ragged sides."""
    centre = np.argwhere(truth).mean(axis=0) if truth.any() else np.array(truth.shape) / 2
    rows, columns = np.indices(truth.shape)
    angle = np.degrees(np.arctan2(rows - centre[0], columns - centre[1]))
    middle = rng.uniform(-180, 180)
    away = np.abs((angle - middle + 180) % 360 - 180)
    return np.asarray(away < width_deg / 2 + _smooth_noise(truth.shape, rng, 8.0, coarse=12))


def _blob(shape: tuple[int, ...], where: NDArray[np.float64], rng: np.random.Generator, largest: float) -> Wall:
    rows, columns = np.indices(shape)
    half_j, half_i = rng.uniform(0.8, largest, 2)
    return np.asarray(((rows - where[0]) / half_j) ** 2 + ((columns - where[1]) / half_i) ** 2 <= 1)


def _smooth_noise(
    shape: tuple[int, ...], rng: np.random.Generator, deviation: float, coarse: int
) -> NDArray[np.float64]:
    """Return ``coarse`` x ``coarse`` normal values, interpolated bicubically to ``shape``."""
    values = torch.from_numpy(rng.normal(0, deviation, (1, 1, coarse, coarse)))
    # Five times as fast as SciPy's splines.
    return np.asarray(F.interpolate(values, shape, mode="bicubic", align_corners=False)[0, 0].numpy())
