"""Localisation of the heart in a stack.

Segmentation networks draw false walls on other organs, such as a kidney with a bright rim, and these can be larger than
the wall of the heart. A single slice cannot tell them apart, but the stack can: the long axis of the left ventricle is
nearly straight, and most slices lie on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..stack import Mask
from .features import WallFeatures
from .topology import largest_component

OUTLIER_MM = 45.0
"""A slice whose main component lies farther than this from the median centre is ignored in the axis fit."""
REACH_MM = 20.0
"""A component belongs to the heart if its median distance to the axis is at most the wall's radius plus this."""
MAX_HEARTS = 3
"""Number of heart candidates."""
MIN_SHARE = 0.2
"""A further candidate must hold at least this share of the mask."""
RADIUS_MM = (15.0, 60.0)
"""Range of the left ventricle's wall radius."""


@dataclass(frozen=True, eq=False)
class Heart:
    """The long axis of the left ventricle.

    Attributes:
        centres: Intersection of the axis with each slice, ``(j, i)`` in pixels, shape ``(k, 2)``.
        radius_mm: Radius of the wall in the larger slices (75th percentile).
    """

    centres: NDArray[np.float64]
    radius_mm: float


def locate_heart(
    mask: Mask, pool: Mask | None, in_plane: tuple[float, float], features: Sequence[WallFeatures] | None = None
) -> Heart:
    """Fit the long axis to the main components of wall and pool in all slices (Theil-Sen).

    Args:
        mask: Myocardium, shape ``(k, j, i)``, not empty.
        pool: Blood pool, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        features: Wall features of every slice; computed if not given.
    """
    slices, centres, radii = [], [], []
    for k, wall in enumerate(features or [WallFeatures(wall, in_plane) for wall in mask]):
        if not wall.wall.any():
            continue
        circle = wall.main_circle
        middle = np.argwhere(wall.main).mean(axis=0)
        if circle is not None and RADIUS_MM[0] / 2 <= circle.radius_mm <= RADIUS_MM[1]:
            middle = np.array([circle.centre_j, circle.centre_i])
            radii.append(circle.radius_mm)
        slices.append(k)
        centres.append(middle)
        if pool is not None and pool[k].any():
            slices.append(k)
            centres.append(np.argwhere(largest_component(pool[k])).mean(axis=0))
    return fit_axis(slices, centres, radii, len(mask), in_plane)


def fit_axis(
    slices: Sequence[int],
    centres: Sequence[NDArray[np.float64]],
    radii_mm: Sequence[float],
    count: int,
    in_plane: tuple[float, float],
) -> Heart:
    """Fit the long axis to centres of the ventricle (Theil-Sen, without outliers).

    Args:
        slices: Slice number of each centre, in the order of k.
        centres: ``(j, i)`` in pixels.
        radii_mm: Wall radii, in any order; may be empty.
        count: Number of slices in the stack.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    found, numbers = np.array(centres), np.array(slices)
    away = np.hypot(*((found - np.median(found, axis=0)) * in_plane).T)
    kept = away <= max(OUTLIER_MM, float(np.median(away)))
    radius = float(np.percentile(radii_mm, 75)) if len(radii_mm) else float(np.mean(RADIUS_MM))
    axis = np.stack([_line(numbers[kept], found[kept, axis], count) for axis in (0, 1)], axis=1)
    return Heart(axis, float(np.clip(radius, *RADIUS_MM)))


def heart_candidates(
    mask: Mask, pool: Mask | None, in_plane: tuple[float, float], features: Sequence[WallFeatures] | None = None
) -> list[Heart]:
    """Return up to three candidates for the heart, located from the masks, the likeliest first.

    Args:
        mask: Myocardium, shape ``(k, j, i)``, not empty.
        pool: Blood pool, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        features: Wall features of every slice; computed if not given.
    """
    hearts: list[Heart] = []
    walls, pools = mask, pool
    while len(hearts) < MAX_HEARTS and walls.sum() >= (MIN_SHARE * mask.sum() if hearts else 1):
        heart = locate_heart(walls, pools, in_plane, None if hearts else features)
        hearts.append(heart)
        near = near_heart(walls, heart, in_plane)
        if not near.any():
            break
        walls = walls & (1 - near)
        if pools is not None:
            pools = pools & (1 - near_heart(pools, heart, in_plane))
    return hearts


def near_heart(mask: Mask, heart: Heart, in_plane: tuple[float, float]) -> Mask:
    """Return the mask without components away from the heart.

    Args:
        mask: Myocardium or pool, shape ``(k, j, i)``.
        heart: The long axis.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    result = np.zeros_like(mask)
    for k, wall in enumerate(mask):
        labels, count = ndimage.label(wall, structure=np.ones((3, 3)))
        if not count:
            continue
        centre = heart.centres[k]
        j, i = np.nonzero(labels)
        distance = np.hypot((j - centre[0]) * in_plane[0], (i - centre[1]) * in_plane[1])
        medians = np.asarray(ndimage.median(distance, labels[j, i], np.arange(1, count + 1)))
        near = np.concatenate([[False], medians <= heart.radius_mm + REACH_MM])
        result[k] = near[labels]
    return result


def _line(k: NDArray[np.int64], positions: NDArray[np.float64], slices: int) -> NDArray[np.float64]:
    """Return a Theil-Sen line through positions for every slice; constant with fewer than four distinct slices."""
    if len(np.unique(k)) < 4:
        return np.full(slices, float(np.median(positions)))
    one, other = np.nonzero(k[:, None] < k[None, :])
    slope = float(np.median((positions[other] - positions[one]) / (k[other] - k[one])))
    line = np.median(positions - slope * k) + slope * np.arange(slices)
    # Do not extrapolate the axis beyond the slices it was fitted to.
    return np.asarray(np.clip(line, line[k.min() : k.max() + 1].min(), line[k.min() : k.max() + 1].max()))
