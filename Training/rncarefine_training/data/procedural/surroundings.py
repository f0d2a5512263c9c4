"""Surroundings of the heart: lung with vessels, chest wall, diaphragm, liver, stomach, spleen, fat, great vessels."""

from __future__ import annotations

import numpy as np

from .contrast import Contrast
from .geometry import Anatomy
from .shapes import ANGLE, Field, harmonics, look_up, paint, smooth_noise, soft


def draw_surroundings(rng: np.random.Generator, anatomy: Anatomy, contrast: Contrast) -> Field:
    """Draw everything except the heart, shape ``(k, j, i)``."""
    pixel = anatomy.grid.pixel
    image = _lung(rng, anatomy, contrast)
    _abdomen(rng, anatomy, contrast, image)
    _great_vessel(rng, anatomy, contrast, image)
    _chest_wall(rng, anatomy, contrast, image)
    # Epicardial fat of varying thickness.
    uneven = harmonics(rng, anatomy.along, range(1, 7), 1.0)
    lots = rng.uniform(-2, 5)
    thick = np.clip(lots + uneven * rng.uniform(1.5, 4), 0, 14) * np.clip(anatomy.along[:, None] * 0.8 + 0.7, 0.3, 1.4)
    fat = anatomy.heart + look_up(thick, anatomy.angle)
    below = (anatomy.along < 1.08).astype(np.float32)[:, None, None]
    paint(image, soft(fat, pixel + 0.5) * below, contrast.fat * np.float32(rng.uniform(0.6, 1.0)))
    return image


def _lung(rng: np.random.Generator, anatomy: Anatomy, contrast: Contrast) -> Field:
    """Return dark lung with vessels, the crests of smooth noise."""
    shape = anatomy.radius.shape
    mm = anatomy.grid.spacing
    vessels = smooth_noise(rng, shape, (14 / mm[0], 7 / mm[1], 7 / mm[2]))
    fine = smooth_noise(rng, shape, (9 / mm[0], 3.5 / mm[1], 3.5 / mm[2]))
    crest = np.clip((vessels + 0.8 * fine - rng.uniform(1.5, 2.2)) * np.float32(rng.uniform(0.2, 0.6)), 0, 1)
    return np.asarray(contrast.lung + crest * np.float32(contrast.blood * 0.6), np.float32)


def _abdomen(rng: np.random.Generator, anatomy: Anatomy, contrast: Contrast, image: Field) -> None:
    """Draw the abdomen, in place: fat, liver on the left of the image, stomach and spleen on the right, bowel."""
    grid, size = anatomy.grid, anatomy.size
    mm, depth = grid.spacing, grid.depth.astype(np.float32)[:, None, None]
    # Deform the coordinates, so that organs are not elliptical.
    push = np.float32(rng.uniform(3, 8))
    cells = (25 / mm[0], 24 / mm[1], 24 / mm[2])
    x, y = (side + push * smooth_noise(rng, side.shape, cells) for side in (grid.x, grid.y))
    level = size + rng.normal(-3, 5) - np.clip(anatomy.along, -0.2, 1.3) * rng.uniform(6, 26)
    dome = rng.uniform(0.0005, 0.0028)
    lean = rng.normal(0.05, 0.14)
    edge = level.astype(np.float32)[:, None, None] + np.float32(dome) * (x - np.float32(rng.normal(-10, 25))) ** 2
    below = grid.y - edge - np.float32(lean) * x
    width = grid.pixel + 2
    part = soft(below, width)
    inner = np.full(y.shape, contrast.fat * rng.uniform(0.55, 1.0), np.float32)
    bottom = size + 4
    organs = [
        (-rng.uniform(35, 75), bottom + rng.uniform(12, 30), rng.uniform(45, 75), rng.uniform(26, 48), contrast.liver),
        (rng.uniform(0, 35), bottom + rng.uniform(8, 25), rng.uniform(18, 38), rng.uniform(12, 26), None),
        (rng.uniform(45, 80), bottom + rng.uniform(-5, 30), rng.uniform(16, 26), rng.uniform(18, 34), contrast.spleen),
    ]
    for _ in range(int(rng.integers(4, 10))):
        organs.append((rng.uniform(-90, 90), bottom + rng.uniform(15, 90), *rng.uniform(8, 26, 2), None))
    order = rng.permutation(len(organs))
    for number in order:
        cx, cy, a, b, grey = organs[number]
        middle, reach = rng.uniform(-10, 110), rng.uniform(35, 90)
        away = ((x - cx - 0.1 * (depth - 45)) / a) ** 2 + ((y - cy) / b) ** 2 + ((depth - middle) / reach) ** 2
        inside = (1 - np.sqrt(away)) * np.float32(min(a, b))
        value = grey if grey is not None else float(rng.choice([0.06, 0.3, 0.5, 0.9]) * rng.uniform(0.7, 1.3))
        # Serosa and chemical shift: dark rim of every organ.
        paint(inner, soft(inside + np.float32(1.6), width), contrast.skeletal * 0.6)
        paint(inner, soft(inside, width), np.float32(value))
    inner *= 1 + np.float32(rng.uniform(0.03, 0.1)) * smooth_noise(rng, y.shape, (1, 5 / mm[1], 5 / mm[2]))
    paint(image, soft(below + 2, width), contrast.skeletal * 0.8)
    paint(image, part, inner)


def _great_vessel(rng: np.random.Generator, anatomy: Anatomy, contrast: Contrast, image: Field) -> None:
    """Draw the descending aorta, and the outflow tracts above the base, in place."""
    grid, size = anatomy.grid, anatomy.size
    if rng.random() < 0.6:
        away = np.hypot(grid.x - np.float32(rng.uniform(size + 18, size + 45)), grid.y - np.float32(rng.uniform(5, 45)))
        wide = rng.uniform(8, 13)
        paint(image, soft(wide + 1.5 - away, grid.pixel + 0.5), contrast.muscle)
        paint(image, soft(wide - away, grid.pixel + 0.5), contrast.blood)
    above = np.clip(0.06 - anatomy.along, 0, 0.03) / 0.03
    for turn in (0.9, 1.7):
        angle = anatomy.septum + turn * rng.uniform(0.7, 1.2)
        far = size * rng.uniform(0.8, 1.15)
        away = np.hypot(grid.x - np.float32(far * np.cos(angle)), grid.y - np.float32(far * np.sin(angle)))
        wide = rng.uniform(11, 16)
        share = above.astype(np.float32)[:, None, None]
        paint(image, share * soft(wide + 2 - away, grid.pixel + 0.5), contrast.muscle)
        paint(image, share * soft(wide - away, grid.pixel + 0.5), contrast.blood)


def _chest_wall(rng: np.random.Generator, anatomy: Anatomy, contrast: Contrast, image: Field) -> None:
    """Draw air, subcutaneous fat, muscle and ribs, in place; the chest wall is nearest at the upper left."""
    grid = anatomy.grid
    near = rng.uniform(0.9, 1.25)
    towards = rng.normal(-2.3, 0.25)
    # The oblique plane cuts the trunk near in front and behind, far along the body.
    facing = np.cos(ANGLE - towards)
    reach = (anatomy.size * 1.3 + 32) * near / np.hypot(facing, rng.uniform(0.45, 0.7))
    reach *= 1 + rng.uniform(0.5, 1.1) / (1 + np.exp(6 * facing))
    outline = reach * (1 + harmonics(rng, anatomy.along, range(2, 7), 0.03, change=1.0))
    inside = look_up(outline, anatomy.angle) - anatomy.radius
    fat = rng.uniform(5, 24) * (1 + harmonics(rng, anatomy.along, range(1, 5), 0.3))
    fat_here = look_up(np.clip(fat, 2, 45), anatomy.angle)
    muscle = np.float32(rng.uniform(7, 14))
    width = grid.pixel + 1.0
    turned = 0.9 * anatomy.along.astype(np.float32)[:, None, None]
    ribs = np.sin(anatomy.angle * np.float32(rng.integers(14, 24)) + np.float32(rng.uniform(0, 6)) + turned)
    rib = np.clip(ribs * 3 - 0.8, 0, 1) * np.exp(-(((inside - fat_here - muscle * 0.6) / (0.3 * muscle)) ** 2))
    wall = np.full(image.shape, contrast.skeletal, np.float32)
    paint(wall, rib, contrast.fat * 0.7)
    apart = smooth_noise(rng, image.shape, (1, 6 / grid.spacing[1], 5 / grid.spacing[2]))
    paint(wall, np.clip(apart * 2 - 1.4, 0, 1), contrast.fat * 0.8)
    paint(image, soft(fat_here + muscle - inside, width), wall)
    stranded = contrast.fat * (1 - np.clip(apart - 1.2, 0, 0.6))
    paint(image, soft(fat_here - inside, width), stranded)
    paint(image, soft(-inside, width), 0.0)
