"""Masks to test with: hearts made of circles, in mm, on grids with uneven spacing; small pictures; random masks."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from rncarefine.stack import Mask

SHAPE = (72, 80)
SPACING = (1.5, 1.25)
CENTRE = (35.3, 40.6)
STACK_SPACING = (8.0, *SPACING)


def polar_grid(
    shape: tuple[int, int] = SHAPE, spacing: tuple[float, float] = SPACING, centre: tuple[float, float] = CENTRE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radius in mm and the angle in degrees of every pixel; 0 degrees lies towards greater columns."""
    j, i = np.indices(shape)
    y, x = (j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1]
    return np.hypot(y, x), np.degrees(np.arctan2(y, x))


def turned(angle: NDArray[np.float64], towards: float) -> NDArray[np.float64]:
    """Return how far angles lie from a direction, in degrees from 0 to 180."""
    return np.abs((angle - towards + 180) % 360 - 180)


def picture(*rows: str) -> Mask:
    """Return a small mask drawn with # and dots."""
    return np.array([[character == "#" for character in row] for row in rows], np.uint8)


def random_masks(*sides: int) -> st.SearchStrategy[Mask]:
    """Return masks of every density: drawn as noise and a threshold, because independent pixels are all half full."""
    shape = st.tuples(*(st.integers(1, side) for side in sides))
    noise = shape.flatmap(lambda size: arrays.arrays(np.uint8, size, elements=st.integers(0, 9)))
    return st.builds(lambda values, level: (values < level).astype(np.uint8), noise, st.integers(1, 9))


def disc(radius: float = 26.0, **grid) -> Mask:
    """Return a solid disc."""
    return (polar_grid(**grid)[0] < radius).astype(np.uint8)


def ring(inner: float = 18.0, outer: float = 26.0, **grid) -> Mask:
    """Return a closed ring."""
    radius, _ = polar_grid(**grid)
    return ((radius >= inner) & (radius < outer)).astype(np.uint8)


def horseshoe(gap: float = 60.0, towards: float = 0.0, inner: float = 18.0, outer: float = 26.0, **grid) -> Mask:
    """Return a ring without a sector of ``gap`` degrees about the direction ``towards``."""
    _, angle = polar_grid(**grid)
    return (ring(inner, outer, **grid) * (turned(angle, towards) >= gap / 2)).astype(np.uint8)


def blob(place: tuple[float, float], radius: float, **grid) -> Mask:
    """Return a solid disc about another place than the heart's centre."""
    return disc(radius, **{**grid, "centre": place})


def heart(rings: int = 8, discs: int = 1) -> tuple[Mask, Mask]:
    """Return wall and pool of a heart from base to apex: rings that taper, then solid discs; k = 0 is the base."""
    walls, pools = [], []
    for place in range(rings):
        outer = 28.0 - 14.0 * (place / max(rings, 2)) ** 1.5
        inner = outer - 8.0
        walls.append(ring(inner, outer))
        pools.append(disc(inner))
    for place in range(discs):
        walls.append(disc(10.0 - 2.0 * place))
        pools.append(np.zeros(SHAPE, np.uint8))
    return np.stack(walls), np.stack(pools)


def damage(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return a stack as a poor network might predict it: slices dropped, sectors cut out of walls, false blobs."""
    damaged = mask.copy()
    shape = mask.shape[1:]
    for k, wall in enumerate(mask):
        if not wall.any():
            if rng.random() < 0.4:
                damaged[k] |= blob(
                    (rng.uniform(0, shape[0]), rng.uniform(0, shape[1])), rng.uniform(1, 5), **_px(shape)
                )
            continue
        middle = tuple(float(np.mean(axis)) for axis in np.nonzero(wall))
        if rng.random() < 0.15:
            damaged[k] = 0
            continue
        if rng.random() < 0.9:
            _, angle = polar_grid(shape, (1.0, 1.0), middle)
            for _ in range(rng.integers(1, 4)):
                damaged[k] &= turned(angle, rng.uniform(-180, 180)) >= rng.uniform(5, 60)
        if rng.random() < 0.75:
            place = (middle[0] + rng.normal(0, 40), middle[1] + rng.normal(0, 40))
            damaged[k] |= blob(place, rng.uniform(1, 8), **_px(shape))
    return damaged


def _px(shape: tuple[int, ...]) -> dict:
    return {"shape": shape, "spacing": (1.0, 1.0)}
