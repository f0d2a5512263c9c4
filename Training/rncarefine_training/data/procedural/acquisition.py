"""Scanner effects: coil sensitivity, bias field, motion, truncated k-space, noise, circular field of view."""

from __future__ import annotations

import numpy as np
from scipy import fft

from .geometry import Anatomy
from .shapes import Field, smooth_noise


def acquire(rng: np.random.Generator, image: Field, anatomy: Anatomy) -> Field:
    """Add scanner effects to an ideal image.

    Args:
        rng: Source of randomness.
        image: Ideal image, shape ``(k, j, i)``, blood about 1.
        anatomy: Heart, which defines the position of the coils.

    Returns:
        Non-negative integer intensities as float32, same shape.
    """
    shaded = image * _coils(rng, anatomy)
    noise = np.float32(np.exp(rng.uniform(np.log(0.006), np.log(0.07))))
    signal = shaded + noise * rng.standard_normal(image.shape, np.float32)
    signal = signal + 1j * noise * rng.standard_normal(image.shape, np.float32)
    lines = fft.fft2(signal)
    lines *= _sampled(rng, image.shape[1:], anatomy.grid.spacing[1:])
    if rng.random() < 0.35:
        _move(rng, lines)
    result = np.abs(fft.ifft2(lines)).astype(np.float32)
    if rng.random() < 0.3:
        result *= _round_view(rng, result.shape[1:])
    gain = np.exp(rng.uniform(np.log(90), np.log(1200)))
    return np.asarray(np.round(result * np.float32(gain)), np.float32)


def _coils(rng: np.random.Generator, anatomy: Anatomy) -> Field:
    """Return the sensitivity of anterior and posterior coils, 1 at the heart, times a residual bias field."""
    grid = anatomy.grid
    total: Field = np.zeros(grid.x.shape, np.float32)
    for place, weight in (((-75, -75), 1.0), ((85, 75), rng.uniform(0.2, 1.0))):
        cx, cy = np.asarray(place) + rng.normal(0, 20, 2)
        away = (grid.x - np.float32(cx)) ** 2 + (grid.y - np.float32(cy)) ** 2
        total += np.float32(weight) / (1 + away / np.float32(rng.uniform(45, 100) ** 2))
    middle = total[np.unravel_index(np.argmin(anatomy.radius), total.shape)]
    rows, columns = total.shape[1], total.shape[2]
    rough = smooth_noise(rng, (1, rows, columns), (1, rows / 2.5, columns / 2.5))
    per_slice = rng.normal(0, rng.uniform(0, 0.08), (len(total), 1, 1)).astype(np.float32)
    bias = np.exp(np.float32(rng.uniform(0, 0.22)) * rough + per_slice)
    return np.asarray((total / middle) ** np.float32(rng.uniform(0.2, 1.3)) * bias, np.float32)


def _sampled(rng: np.random.Generator, shape: tuple[int, ...], spacing: tuple[float, float]) -> Field:
    """Return k-space weights for an acquired resolution below that of the pixels, lowest along phase encoding."""
    finest = np.exp(rng.uniform(np.log(1.0), np.log(2.4)))
    factors = np.maximum(np.array([finest * rng.uniform(1.0, 1.35), finest]) / np.asarray(spacing), 1.0)
    if rng.random() < 0.5:
        factors = factors[::-1]
    windows = []
    for size, factor in zip(shape, factors, strict=True):
        frequency = np.abs(fft.fftfreq(size)) * 2 * factor
        soft_end = rng.uniform(0.03, 0.12)
        windows.append(1 / (1 + np.exp((frequency - 1.0) / soft_end)))
    return np.asarray(np.outer(*windows), np.float32)


def _move(rng: np.random.Generator, lines: np.ndarray) -> None:
    """Add motion during acquisition to some slices, in place: ghosts and blur along the phase direction."""
    axis = int(rng.integers(1, 3))
    size = lines.shape[axis]
    place = fft.fftfreq(size)
    moved = rng.random(len(lines)) < rng.uniform(0.2, 1.0)
    for k in np.flatnonzero(moved):
        course = rng.uniform(0.2, 1.1) * np.sin(2 * np.pi * rng.uniform(2, 14) * place + rng.uniform(0, 6.3))
        phase = np.exp(-2j * np.pi * place * course).astype(np.complex64)
        lines[k] *= phase[:, None] if axis == 1 else phase[None]


def _round_view(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Return the mask of a circular field of view, as gradient-warp correction leaves it."""
    rows, columns = (np.linspace(-1, 1, size, dtype=np.float32) for size in shape)
    away = np.hypot(rows[:, None], columns[None])
    return np.asarray(away < rng.uniform(0.95, 1.25), np.float32)
