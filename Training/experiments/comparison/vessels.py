"""Synthetic pictures of vessel-like trees, for a task without fixed topology.

The data set published with rNCA has closed rings only. Here, branches fork and cross, so the truth has one or more
components and any number of holes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .triplets import Triplets

Field = NDArray[np.float64]
STEP = 0.5
"""Distance of points along a branch in pixels."""
TURN = 0.035
"""Standard deviation of the change of curvature, radians per step."""


def draw_vessels(n: int, seed: int, side: int = 64) -> Triplets:
    """Generate pictures.

    Args:
        n: Number of pictures.
        seed: Random seed; picture m depends only on the seed and m.
        side: Rows and columns.
    """
    drawn = [_picture(np.random.default_rng([seed, number]), side) for number in range(n)]
    images, states, labels = (np.stack(part).astype(np.float32) for part in zip(*drawn, strict=True))
    return Triplets(images, states, labels)


def _picture(rng: np.random.Generator, side: int) -> tuple[Field, Field, Field]:
    points, radii = _trees(rng, side)
    depth = _depth(points, radii, side)
    label = depth > 0
    texture = ndimage.gaussian_filter(rng.normal(size=(side, side)), rng.uniform(3, 5), mode="wrap")
    texture = 0.15 * texture / texture.std()
    # Smooth edges, as in the published rings.
    profile = 1 / (1 + np.exp(-depth / 0.4))
    image = 0.4 + texture + rng.uniform(0.2, 0.35) * profile + rng.normal(0, 0.02, label.shape)
    return image.clip(0, 1), _damaged(rng, label, points), label.astype(np.float64)


def _trees(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    """Return points ``(m, 2)`` along all branches of one or two trees, and the radius at each."""
    points: list[Field] = []
    radii: list[float] = []
    for _ in range(rng.integers(1, 3)):
        # Start near the border, inwards.
        angle = rng.uniform(0, 2 * np.pi)
        start = side / 2 - 0.42 * side * np.array([np.sin(angle), np.cos(angle)])
        waiting = [(start, angle + rng.normal(0, 0.4), rng.uniform(1.3, 2.0), 0)]
        while waiting:
            place, heading, radius, order = waiting.pop()
            bend = rng.normal(0, 0.02)
            for step in range(int(rng.uniform(0.5, 1.0) * side / STEP / (1 + 0.5 * order))):
                bend = 0.95 * bend + rng.normal(0, TURN) * STEP
                heading += bend
                place = place + STEP * np.array([np.sin(heading), np.cos(heading)])
                if not 3 < place.min() or not place.max() < side - 4:
                    break
                points.append(place)
                radii.append(radius)
                if order < 2 and step > 16 and rng.random() < 0.014:
                    away = rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
                    waiting.append((place, heading + away, max(1.0, 0.8 * radius), order + 1))
    return np.array(points), np.array(radii)


def _depth(points: Field, radii: Field, side: int) -> Field:
    """Return the depth of every pixel inside the nearest vessel in pixels; negative outside."""
    depth = np.full((side, side), -np.inf)
    grid = np.indices((side, side)).astype(float)
    for place, radius in zip(points, radii, strict=True):
        low = np.maximum(np.floor(place - 8).astype(int), 0)
        high = np.floor(place + 9).astype(int)
        window = np.s_[low[0] : high[0], low[1] : high[1]]
        away = np.hypot(grid[0][window] - place[0], grid[1][window] - place[1])
        depth[window] = np.maximum(depth[window], radius - away)
    return np.maximum(depth, -8.0)


def _damaged(rng: np.random.Generator, label: NDArray[np.bool_], points: Field) -> Field:
    """Fade out some segments, and add false specks."""
    rows, columns = np.indices(label.shape)
    state = label.astype(float)
    for _ in range(rng.integers(2, 5)):
        middle, reach = points[rng.integers(len(points))], rng.uniform(2.5, 5)
        away = np.hypot(rows - middle[0], columns - middle[1])
        state *= np.clip(away / reach - rng.uniform(0.2, 0.8), 0, 1)
    for _ in range(rng.integers(0, 3)):
        middle = rng.uniform(6, label.shape[0] - 6, 2)
        speck = np.hypot(rows - middle[0], columns - middle[1]) < rng.uniform(1, 2)
        state = np.maximum(state, rng.uniform(0.4, 1.0) * speck)
    return state
