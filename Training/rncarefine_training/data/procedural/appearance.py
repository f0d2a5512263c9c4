"""Appearance of a procedural heart: wall, blood, papillary muscles and trabeculae in a sequence's intensities."""

from __future__ import annotations

import numpy as np

from .contrast import Contrast
from .geometry import Anatomy
from .shapes import ANGLE, Field, harmonics, look_up, paint, smooth_noise, soft
from .surroundings import draw_surroundings


def draw_appearance(rng: np.random.Generator, anatomy: Anatomy, contrast: Contrast) -> Field:
    """Return the ideal image without scanner effects, shape ``(k, j, i)``."""
    grid = anatomy.grid
    image = draw_surroundings(rng, anatomy, contrast)
    # Partial volume: in thick slices, an oblique wall has a blurred edge.
    edge = np.hypot(grid.pixel, np.clip(0.5 * grid.thickness * anatomy.slope, 0, 9))
    beating = ((anatomy.along > -0.25) & (anatomy.along < 1.05)).astype(np.float32)[:, None, None]
    flow = 1 + np.float32(contrast.flow) * smooth_noise(
        rng, image.shape, (1, 11 / grid.spacing[1], 11 / grid.spacing[2])
    )
    blood = np.asarray(contrast.blood * flow * _voids(rng, anatomy), np.float32)
    grain = 1 + np.float32(rng.uniform(0.02, 0.08)) * smooth_noise(
        rng, image.shape, (1, 4 / grid.spacing[1], 4 / grid.spacing[2])
    )
    muscle = np.asarray(contrast.muscle * grain, np.float32)
    layer = rng.uniform(0.4, 1.0)  # subendocardial to transmural scar
    muscle += look_up(anatomy.scar * float(layer), anatomy.angle) * np.float32(contrast.scar - contrast.muscle)

    # Chemical shift and pericardium: a dark outline.
    line = np.exp(-((anatomy.heart / np.float32(grid.pixel * 0.5 + 0.8)) ** 2)) * beating
    image *= 1 - np.float32(rng.uniform(0.2, 0.7)) * line
    outer = soft(anatomy.epicardium, edge)
    paint(image, soft(anatomy.heart, edge) * beating, muscle)
    cavity = soft(_trabecular(rng, anatomy, anatomy.rv, 3.0), edge)
    paint(image, cavity * beating, blood * np.float32(rng.uniform(0.9, 1.05)))
    paint(image, outer * beating, muscle)
    pool = soft(_trabecular(rng, anatomy, anatomy.endocardium, 1.6), edge)
    pool = pool * (1 - _papillary(rng, anatomy))
    pool = np.maximum(pool, _outflow(rng, anatomy) * outer)
    paint(image, pool * beating, blood)
    return image


def _trabecular(rng: np.random.Generator, anatomy: Anatomy, inside: Field, strength: float) -> Field:
    """Add trabeculae: move the edge of a cavity inwards irregularly, more towards the apex."""
    mm = anatomy.grid.spacing
    jagged = smooth_noise(rng, inside.shape, (1, 4.5 / mm[1], 4.5 / mm[2]))
    rough = np.float32(rng.uniform(0.2, 1.2) * strength) * (0.6 + np.clip(anatomy.along, 0, 1)).astype(np.float32)
    return np.asarray(inside - rough[:, None, None] * np.maximum(jagged, 0), np.float32)


def _papillary(rng: np.random.Generator, anatomy: Anatomy) -> Field:
    """Return the share of two papillary muscles, which are labelled as pool in the truth."""
    grid, along = anatomy.grid, anatomy.along
    share = np.zeros(grid.x.shape, np.float32)
    edge = grid.pixel + 0.04 * grid.thickness
    reach = anatomy.endocardium + anatomy.radius
    for turn in (2.0, -2.0):
        angle = np.float32(anatomy.septum + turn + rng.normal(0, 0.25))
        far = rng.uniform(0.5, 0.85) * reach.max(axis=(1, 2))
        cx = (far * np.cos(angle)).astype(np.float32)[:, None, None]
        cy = (far * np.sin(angle)).astype(np.float32)[:, None, None]
        middle, half = rng.uniform(0.35, 0.65), rng.uniform(0.15, 0.35)
        thick = rng.uniform(0.1, 0.24) * anatomy.size * np.sqrt(np.clip(1 - ((along - middle) / half) ** 2, 0, 1))
        # Elongated radially: two heads that are not separate yet.
        u = (grid.x - cx) * np.cos(angle) + (grid.y - cy) * np.sin(angle)
        v = -(grid.x - cx) * np.sin(angle) + (grid.y - cy) * np.cos(angle)
        away = np.hypot(u / np.float32(rng.uniform(1.0, 1.8)), v)
        here = soft(thick.astype(np.float32)[:, None, None] - away, edge)
        share = np.maximum(share, here * (thick > 1)[:, None, None])
    return np.asarray(share * np.float32(rng.uniform(0.7, 1.0)), np.float32)


def _voids(rng: np.random.Generator, anatomy: Anatomy) -> Field | float:
    """Return flow voids in the blood, as factors; 1 in most stacks."""
    if rng.random() > 0.3:
        return 1.0
    mm = anatomy.grid.spacing
    jets = smooth_noise(rng, anatomy.radius.shape, (1, 8 / mm[1], 14 / mm[2]))
    return np.asarray(1 - np.float32(rng.uniform(0.2, 0.6)) * np.clip(jets - 1.2, 0, 1), np.float32)


def _outflow(rng: np.random.Generator, anatomy: Anatomy) -> Field:
    """Return the share of blood in the basal wall, from partial volume with outflow tract or atrium."""
    near = np.clip(1 - anatomy.along / rng.uniform(0.06, 0.18), 0, 1) * (anatomy.along > -0.1)
    middle = anatomy.septum + rng.normal(1.2, 0.5)
    table = np.exp(-((((ANGLE - middle + np.pi) % (2 * np.pi) - np.pi) / rng.uniform(0.3, 0.7)) ** 2))
    strength = rng.uniform(0, 0.9) * (1 + harmonics(rng, anatomy.along, range(1, 3), 0.05))
    return look_up(np.clip(near[:, None] * table * strength, 0, 1), anatomy.angle)
