"""Where the heart is in a stack, so that a kidney with a bright rim is not taken for it.

Networks draw false walls on other organs, at times larger than what they find of the heart. One slice cannot show which
is which, the stack can: the left ventricle's axis is nearly straight, and most slices show where it runs.
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
"""A slice whose main piece lies further than this from the stack's median says nothing about the axis."""
REACH_MM = 20.0
"""Pieces whose middle pixel lies further from the axis than the wall's radius and this are not heart."""
MOST_PLACES = 3
LEAST_SHARE = 0.2
"""What lies elsewhere may be the heart if it holds at least this share of the mask."""
RADIUS_MM = (15.0, 60.0)
"""Least and most radius of a left ventricle's wall."""


@dataclass(frozen=True, eq=False)
class Heart:
    """The left ventricle's axis.

    Attributes:
        centres: Where the axis meets each slice, in pixels, shape ``(k, 2)`` for ``(j, i)``.
        radius_mm: Radius of the wall in the larger slices.
    """

    centres: NDArray[np.float64]
    radius_mm: float


def locate_heart(
    mask: Mask, pool: Mask | None, in_plane: tuple[float, float], features: Sequence[WallFeatures] | None = None
) -> Heart:
    """Fit the left ventricle's axis to the main pieces of wall and pool in all slices, robustly (Theil-Sen).

    Args:
        mask: Myocardium, shape ``(k, j, i)``, not empty.
        pool: Blood pool, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        features: Those of the wall in every slice, where they are known.
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
    return heart_through(slices, centres, radii, len(mask), in_plane)


def heart_through(
    slices: Sequence[int],
    centres: Sequence[NDArray[np.float64]],
    radii_mm: Sequence[float],
    count: int,
    in_plane: tuple[float, float],
) -> Heart:
    """Fit the axis to centres of the ventricle, robustly.

    Args:
        slices: The slice of each centre, in the order of k.
        centres: ``(j, i)`` in pixels.
        radii_mm: Radii of walls, in any order; there may be none.
        count: Number of slices of the stack.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    found, numbers = np.array(centres), np.array(slices)
    away = np.hypot(*((found - np.median(found, axis=0)) * in_plane).T)
    kept = away <= max(OUTLIER_MM, float(np.median(away)))
    radius = float(np.percentile(radii_mm, 75)) if len(radii_mm) else float(np.mean(RADIUS_MM))
    axis = np.stack([_line(numbers[kept], found[kept, axis], count) for axis in (0, 1)], axis=1)
    return Heart(axis, float(np.clip(radius, *RADIUS_MM)))


def possible_hearts(
    mask: Mask, pool: Mask | None, in_plane: tuple[float, float], features: Sequence[WallFeatures] | None = None
) -> list[Heart]:
    """Return the places where the heart may be by its masks: the likeliest first, then where much else lies.

    Args:
        mask: Myocardium, shape ``(k, j, i)``, not empty.
        pool: Blood pool, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        features: Those of the wall in every slice, where they are known.
    """
    hearts: list[Heart] = []
    walls, pools = mask, pool
    while len(hearts) < MOST_PLACES and walls.sum() >= (LEAST_SHARE * mask.sum() if hearts else 1):
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
    """Return the mask without the pieces that lie away from the heart.

    Args:
        mask: Myocardium or pool, shape ``(k, j, i)``.
        heart: The axis.
        in_plane: Pixel spacing in mm, ``(j, i)``.
    """
    result = np.zeros_like(mask)
    rows, columns = np.indices(mask.shape[1:])
    for k, wall in enumerate(mask):
        labels, count = ndimage.label(wall, structure=np.ones((3, 3)))
        if not count:
            continue
        centre = heart.centres[k]
        distance = np.hypot((rows - centre[0]) * in_plane[0], (columns - centre[1]) * in_plane[1])
        middles = np.asarray(ndimage.median(distance, labels, np.arange(1, count + 1)))
        near = np.concatenate([[False], middles <= heart.radius_mm + REACH_MM])
        result[k] = near[labels]
    return result


def _line(k: NDArray[np.int64], positions: NDArray[np.float64], slices: int) -> NDArray[np.float64]:
    """Return the robust line through positions for every slice; level where there are too few for a slope."""
    if len(np.unique(k)) < 4:
        return np.full(slices, float(np.median(positions)))
    one, other = np.nonzero(k[:, None] < k[None, :])
    slope = float(np.median((positions[other] - positions[one]) / (k[other] - k[one])))
    line = np.median(positions - slope * k) + slope * np.arange(slices)
    # Beyond the slices that were seen the axis is not known: do not run away with it.
    return np.asarray(np.clip(line, line[k.min() : k.max() + 1].min(), line[k.min() : k.max() + 1].max()))
