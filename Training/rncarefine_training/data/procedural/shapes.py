"""Drawing primitives: star-shaped outlines as tables over the angle, soft edges, smooth noise, compositing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Table = NDArray[np.float64]
Soft = NDArray[np.floating[Any]]

ANGLES = 96
"""Columns of a table over the angle; column a stands for the angle 2 pi a / ANGLES from +i towards +j."""
ANGLE = np.arange(ANGLES) * (2 * np.pi / ANGLES)


def harmonics(
    rng: np.random.Generator, along: NDArray[np.float64], orders: range, amplitude: float, change: float = 0.6
) -> Table:
    """Draw random Fourier harmonics over the angle that change slowly along the long axis.

    Args:
        rng: Source of randomness.
        along: Position of every slice on the long axis, base 0, apex 1; shape ``(k,)``.
        orders: Orders; amplitudes decrease with the order.
        amplitude: Standard deviation of the first order.
        change: Relative change between base and apex.

    Returns:
        Relative deviations around 0, shape ``(k, ANGLES)``.
    """
    total = np.zeros((len(along), ANGLES))
    for order in orders:
        size = amplitude * (orders.start / order)
        a, b = rng.normal(0, size, 2)
        da, db = rng.normal(0, size * change, 2)
        total += np.outer(a + da * (along - 0.5), np.cos(order * ANGLE))
        total += np.outer(b + db * (along - 0.5), np.sin(order * ANGLE))
    return total


def bump(middle: float, width: float) -> NDArray[np.float64]:
    """Return a smooth bump over the angle: 1 at ``middle``, 0.5 at ``width`` / 2 from it; shape ``(ANGLES,)``."""
    away = np.abs((ANGLE - middle + np.pi) % (2 * np.pi) - np.pi)
    height = np.clip(1.5 - away / (width / 2), 0, 1)
    return height**2 * (3 - 2 * height)


def look_up(table: Table, angle: Field) -> Field:
    """Interpolate a table ``(k, ANGLES)`` linearly at the angles of pixels ``(k, j, i)``."""
    wrapped = np.concatenate([table, table[:, :1]], axis=1).astype(np.float32)
    place = angle * np.float32(ANGLES / (2 * np.pi)) % np.float32(ANGLES)
    low = np.minimum(place.astype(np.int32), ANGLES - 1)
    part = place - low
    low += (np.arange(len(table), dtype=np.int32) * (ANGLES + 1))[:, None, None]
    flat = wrapped.ravel()
    return flat[low] * (1 - part) + flat[low + 1] * part


def soft(inside: Soft, width: float | NDArray[np.float64]) -> Soft:
    """Convert signed distances (mm, positive inside) to the share of a pixel that is inside.

    Args:
        inside: Signed distances, shape ``(k, j, i)``.
        width: Width of the edge in mm; a scalar or one per slice.
    """
    per_slice = np.asarray(width, np.float32).reshape(-1, 1, 1)
    return np.clip(inside / per_slice + np.float32(0.5), 0, 1)


def paint(image: Field, share: Soft, value: float | np.floating[Any] | Field) -> None:
    """Blend ``value`` into ``image`` with opacity ``share``, in place."""
    image += share * (value - image)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], cells: tuple[float, ...]) -> Field:
    """Draw smooth noise of mean 0 and standard deviation about 1; ``cells`` is the grid size in pixels per axis."""
    coarse = [max(2, round(size / cell) + 2) for size, cell in zip(shape, cells, strict=True)]
    values = rng.standard_normal(coarse, np.float32)
    for axis, size in enumerate(shape):
        # Positions of the pixels in units of the coarse grid.
        place = np.linspace(0, coarse[axis] - 1.001, size) if size > 1 else np.zeros(1)
        low = place.astype(int)
        part = (place - low).astype(np.float32)
        part = (part * part * (3 - 2 * part)).reshape([-1 if each == axis else 1 for each in range(len(shape))])
        values = np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part
    return np.asarray(values * np.float32(1.35), np.float32)
