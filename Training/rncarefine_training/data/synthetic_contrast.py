"""Random contrast from the labels, similar to SynthSeg, to imitate other sequences than cine.

Every tissue gets a random intensity and keeps some of its texture; the surroundings get a random intensity curve.
Half of the draws imitate late gadolinium enhancement: dark wall, brighter blood, and bright scars that start at the
endocardium. A third of these keep the contrast of the image, which is similar, and only receive scars.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]


class Tissues(NamedTuple):
    """Soft labels, 0 to 1, shape ``(n, j, i)`` each."""

    wall: Field
    pool: Field
    rv: Field


def random_tissue_contrast(images: Field, tissues: Tissues, rng: np.random.Generator, late: float = 0.5) -> Field:
    """Redraw slices of a stack in one random contrast.

    Args:
        images: Intensities scaled to about 0 to 1, shape ``(n, j, i)``.
        tissues: Soft labels of wall, blood pool and right ventricle.
        rng: Source of randomness.
        late: Share of the draws that imitate late gadolinium enhancement.

    Returns:
        Intensities in no particular range, same shape.
    """
    enhanced = rng.random() < late
    inside = tissues.pool > 0.5
    if enhanced and inside.any() and rng.random() < 1 / 3:
        result, blood, scars = images.copy(), float(np.median(images[inside])), 1.0
    else:
        result = np.interp(images, *_curve(rng, enhanced)).astype(np.float32)
        intensity = _late_enhancement(rng) if enhanced else _any_sequence(rng)
        for soft, (mean, texture, applies) in zip(tissues, intensity, strict=True):
            if applies:
                share = soft * np.float32(1 - texture)
                result += share * (np.float32(mean) - result)
        blood, scars = intensity[1][0], 0.85 if enhanced else 0.3
    if rng.random() < scars:
        for _ in range(1 if rng.random() < 0.7 else 2):
            _add_scar(result, tissues, blood, rng)
    return _acquired(result, rng)


def _curve(rng: np.random.Generator, late: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a random intensity curve for the surroundings of the heart."""
    values = rng.uniform(0, 1, 7)
    if rng.random() < 0.5:
        values = np.sort(values)
        if not late and rng.random() < 0.3:
            values = values[::-1]
    if late:
        values *= rng.uniform(0.4, 1.0)
    return np.linspace(-0.1, 1.1, 7), values


Intensity = tuple[float, float, bool]
"""Mean, share of the texture to keep, and whether the tissue is redrawn."""


def _late_enhancement(rng: np.random.Generator) -> list[Intensity]:
    wall = rng.uniform(0.0, 0.3)
    blood = wall + rng.uniform(0.05, 0.7)
    right = blood + rng.normal(0, 0.06)
    return [(value, rng.uniform(0.05, 0.4), True) for value in (wall, blood, right)]


def _any_sequence(rng: np.random.Generator) -> list[Intensity]:
    wall, blood = rng.uniform(0, 1.1, 2)
    right = blood + rng.normal(0, 0.05) if rng.random() < 0.7 else rng.uniform(0, 1.1)
    return [(value, rng.uniform(0.1, 0.7), rng.random() < 0.75) for value in (wall, blood, right)]


def _add_scar(result: Field, tissues: Tissues, blood: float, rng: np.random.Generator) -> None:
    """Draw a scar in place: a sector of the wall from the endocardium outwards, sometimes with a dark core.

    Half of the scars are about as bright as the blood, so that the endocardium is visible beside the scar only.
    """
    middle, half = rng.uniform(-np.pi, np.pi), rng.uniform(0.15, 1.3 if rng.random() < 0.8 else np.pi)
    depth = rng.uniform(0.2, 0.6) if rng.random() < 0.5 else rng.uniform(0.6, 1.1)
    kind = rng.random()
    bright = (
        blood + rng.normal(0, 0.04)
        if kind < 0.5
        else blood + rng.normal(0.12, 0.15)
        if kind < 0.85
        else rng.uniform(0.4, 1.2)
    )
    edge = rng.uniform(0.5, 1.4)
    core = rng.random() < 0.2
    patchy = ndimage.zoom(
        rng.normal(0, 0.25, (6, 6)), np.array(result.shape[1:]) / 6, order=1, grid_mode=True, mode="nearest"
    )
    for values, wall, pool in zip(result, tissues.wall, tissues.pool, strict=True):
        muscle, blooded = wall > 0.5, pool > 0.5
        if muscle.sum() < 10 or blooded.sum() < 10:
            continue
        box = ndimage.find_objects(muscle.astype(np.uint8))[0]
        inner, inside = muscle[box], blooded[box]
        rows, columns = np.nonzero(inside)
        if not len(rows):
            continue
        j, i = np.indices(inner.shape, sparse=True)
        angle = np.abs((np.arctan2(j - rows.mean(), i - columns.mean()) - middle + np.pi) % (2 * np.pi) - np.pi)
        from_pool = ndimage.distance_transform_edt(~inside)
        from_outside = ndimage.distance_transform_edt(inner | inside)
        across = from_pool / (from_pool + from_outside + 1e-6)
        scar = inner & (angle + patchy[box] < half) & (across + 0.5 * patchy[box] <= depth)
        soft = ndimage.gaussian_filter(scar.astype(np.float32), edge)
        values[box] += soft * (np.float32(bright) - values[box])
        if core:
            hidden = ndimage.gaussian_filter(ndimage.binary_erosion(scar, iterations=2).astype(np.float32), 0.6)
            values[box] -= hidden * np.float32(0.7 * bright)


def _acquired(result: Field, rng: np.random.Generator) -> Field:
    """Blur and add noise."""
    blur = rng.uniform(0, 0.8)
    if blur > 0.3:
        result = ndimage.gaussian_filter(result, (0, blur, blur))
    return result + rng.normal(0, rng.uniform(0, 0.1), result.shape).astype(np.float32)
