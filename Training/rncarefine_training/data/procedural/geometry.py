"""Anatomy of a procedural heart: wall, cavities and truth of every slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cases import MYOCARDIUM, POOL, RV
from .shapes import Field, Table, bump, harmonics, look_up

Slices = NDArray[np.float64]
"""One number per slice, shape ``(k,)``."""

DISCS = 0.12
"""Probability that an apical slice below the cavity is labelled as a disc; readers rarely label it."""


@dataclass(frozen=True, eq=False)
class PixelGrid:
    """Positions of the pixels of a stack.

    Attributes:
        spacing: mm along ``(k, j, i)``.
        thickness: Slice thickness in mm, at most the slice spacing.
        depth: mm from the base towards the apex, shape ``(k,)``; negative above the base.
        x: mm to the right of the centre of the heart, shape ``(k, j, i)``, including breath-hold shifts.
        y: mm below the centre, same shape.
    """

    spacing: tuple[float, float, float]
    thickness: float
    depth: Slices
    x: Field
    y: Field

    @property
    def pixel(self) -> float:
        """Larger in-plane spacing in mm."""
        return max(self.spacing[1:])


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A heart on its grid. Signed distances in mm are positive inside; tables have the shape ``(k, ANGLES)``.

    Attributes:
        grid: Positions of the pixels.
        along: Position on the long axis, base 0, apex 1, shape ``(k,)``.
        slope: Change of the outer radius in mm per mm of depth, shape ``(k,)``; determines partial volume.
        radius: Distance from the LV centre, shape ``(k, j, i)``.
        angle: Angle about the LV centre, same shape.
        epicardium: Signed distance to the outer contour of the LV.
        endocardium: Signed distance to the inner contour of the LV.
        rv: Signed distance to the contour of the RV cavity, including overlap with the LV.
        heart: Signed distance to the contour of LV and RV, including the RV wall.
        scar: Table of the share of scar, 0 to 1.
        septum: Angle of the centre of the septum.
        size: Outer radius of the LV at 40 % of the long axis in mm.
        labels: Truth, uint8, shape ``(k, j, i)``.
    """

    grid: PixelGrid
    along: Slices
    slope: Slices
    radius: Field
    angle: Field
    epicardium: Field
    endocardium: Field
    rv: Field
    heart: Field
    scar: Table
    septum: float
    size: float
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class Build:
    """Dimensions of a heart in mm, at the base in end-diastole."""

    length: float
    cavity: float
    wall: float
    infarct: bool
    contraction: float
    """Scale factor of the cavity radius; 1 is end-diastole."""


def draw_build(rng: np.random.Generator) -> Build:
    """Draw the dimensions of a normal, hypertrophic, dilated or infarcted heart, relaxed or contracted."""
    kind = rng.choice(["normal", "hypertrophic", "dilated", "infarcted"], p=[0.35, 0.2, 0.2, 0.25])
    cavity, wall = {
        "normal": ((19, 27), (6.5, 10.5)),
        "hypertrophic": ((15, 24), (11, 19)),
        "dilated": ((27, 37), (5, 8)),
        "infarcted": ((22, 32), (6, 10)),
    }[str(kind)]
    contracted = rng.random() < 0.35
    weak = kind in ("dilated", "infarcted")
    factor = rng.uniform(0.75, 0.92) if weak else rng.uniform(0.5, 0.8)
    return Build(
        length=rng.uniform(72, 105) * (0.9 if contracted else 1.0),
        cavity=rng.uniform(*cavity),
        wall=rng.uniform(*wall),
        infarct=bool(kind == "infarcted"),
        contraction=float(factor) if contracted else 1.0,
    )


def draw_grid(rng: np.random.Generator, length: float) -> PixelGrid:
    """Draw spacing, field of view and slice positions, from above the base to below the apex.

    Args:
        rng: Source of randomness.
        length: Long axis of the LV in mm.
    """
    pixel = float(np.exp(rng.uniform(np.log(0.7), np.log(2.0))))
    other = pixel if rng.random() < 0.8 else float(np.clip(pixel * rng.uniform(0.85, 1.18), 0.7, 2))
    in_plane = (pixel, other)
    field = rng.uniform(190, 330)
    rows, columns = (int(np.clip(field * rng.uniform(0.85, 1.1) / mm, 104, 208)) for mm in in_plane)
    distance = float(
        rng.choice([5, 6, 7, 8, 8, 8, 9, 10, 10, 10, 12]) * rng.uniform(0.97, 1.0)
        if rng.random() < 0.7
        else rng.uniform(5, 12)
    )
    distance = max(5.0, distance)
    first = -rng.uniform(0.0, 1.6) * distance
    last = length + rng.uniform(-0.9, 1.3) * distance
    depth = np.arange(first, max(last, first + 5.5 * distance), distance)
    count = len(depth)
    # Breath-hold shifts: small in all slices, large in a few.
    shift = rng.normal(0, rng.uniform(0.3, 1.4), (count, 2))
    shift += (rng.random((count, 1)) < 0.06) * rng.normal(0, 4, (count, 2))
    middle = rng.normal(0, 9, 2)
    tilt, bow = rng.normal(0, 0.12, 2), rng.normal(0, 3, 2)
    along = depth / length - 0.5
    path = middle + np.outer(depth - length / 2, tilt) + np.outer(along**2, bow) + shift
    y = (np.arange(rows) - (rows - 1) / 2) * in_plane[0]
    x = (np.arange(columns) - (columns - 1) / 2) * in_plane[1]
    turn = rng.normal(0, 0.2)
    across, down = np.meshgrid(x, y)
    turned_x = (np.cos(turn) * across + np.sin(turn) * down).astype(np.float32)
    turned_y = (-np.sin(turn) * across + np.cos(turn) * down).astype(np.float32)
    path = path.astype(np.float32)
    return PixelGrid(
        (distance, *in_plane),
        float(distance * rng.uniform(0.65, 1.0)),
        depth,
        turned_x[None] - path[:, 1, None, None],
        turned_y[None] - path[:, 0, None, None],
    )


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw a heart with grid and truth."""
    build = draw_build(rng)
    grid = draw_grid(rng, build.length)
    along = grid.depth / build.length
    cavity, wall, end = _tapered(rng, build, along)
    slope = np.abs(np.gradient(cavity + wall, grid.depth))
    septum = float(rng.normal(np.pi, 0.3))
    uneven, scar = _wall_pattern(rng, build, along, septum)
    least = max(2.8, 1.6 * grid.pixel)
    inner = cavity[:, None] * (1 + harmonics(rng, along, range(2, 6), rng.uniform(0.01, 0.05)))
    outer = inner + np.maximum(wall[:, None] * uneven, least)

    radius = np.hypot(grid.x, grid.y)
    angle = np.arctan2(grid.y, grid.x)
    endocardium = look_up(inner, angle) - radius
    epicardium = look_up(outer, angle) - radius
    rv, rv_wall = _right_ventricle(rng, grid, along, cavity + wall, septum, build.contraction)
    heart = np.maximum(epicardium, rv + np.float32(rv_wall))

    # Contours of readers deviate from the edge by about a pixel.
    swing = harmonics(rng, along, range(2, 8), 0.012, change=3.0)
    read_inner = np.where(along[:, None] < end, inner * (1 + swing), 0)
    read_outer = np.maximum(outer * (1 + 0.6 * swing), read_inner + least)
    ringed = (along >= 0) & (cavity >= max(2.5, 1.6 * grid.pixel))
    tip = (along > 0.5) & (along < 1) & ~ringed & (cavity + wall > 5) & (rng.random() < DISCS)
    read_inner[tip] = 0
    labels = np.zeros(radius.shape, np.uint8)
    seen = (ringed | tip)[:, None, None]
    labels[seen & (rv > 0)] = RV
    labels[seen & (radius < look_up(read_outer, angle))] = MYOCARDIUM
    labels[seen & (radius < look_up(read_inner, angle))] = POOL
    middle = float(np.interp(0.4, along, cavity + wall))
    return Anatomy(grid, along, slope, radius, angle, epicardium, endocardium, rv, heart, scar, septum, middle, labels)


def _tapered(rng: np.random.Generator, build: Build, along: Slices) -> tuple[Slices, Slices, float]:
    """Return cavity radius and wall thickness in mm, and the end of the cavity on the long axis (0 to 1)."""
    power = rng.uniform(1.9, 2.8)
    end = 1 - rng.uniform(0.6, 1.0) * build.wall / build.length
    narrow = 1 - rng.uniform(0, 0.1) * np.clip(1 - along / 0.3, 0, 1)
    cavity = build.cavity * narrow * np.sqrt(np.clip(1 - np.clip(along / end, 0, 1) ** power, 0, 1))
    whole = (build.cavity + build.wall) * narrow * np.sqrt(np.clip(1 - np.clip(along, 0, 1) ** power, 0, 1))
    if build.contraction < 1:
        # The volume of the wall is preserved in contraction.
        smaller = cavity * build.contraction
        whole = np.sqrt(np.maximum(whole**2 - cavity**2, 0) + smaller**2)
        cavity = smaller
    # Thin atrial wall above the base.
    wall = np.where(along < 0, np.minimum(whole - cavity, rng.uniform(2, 4)), whole - cavity)
    return cavity, wall, end


def _wall_pattern(rng: np.random.Generator, build: Build, along: Slices, septum: float) -> tuple[Table, Table]:
    """Return factors of the wall thickness and the share of scar, shapes ``(k, ANGLES)``."""
    uneven = 1 + harmonics(rng, along, range(1, 5), rng.uniform(0.03, 0.12))
    if build.wall > 12 and rng.random() < 0.6:
        uneven += rng.uniform(0.1, 0.5) * bump(septum + rng.normal(0, 0.4), rng.uniform(1.2, 2.5))
    scar = np.zeros_like(uneven)
    if build.infarct:
        place, reach = rng.uniform(0.2, 0.95), rng.uniform(0.25, 0.6)
        height = np.clip(1.4 - np.abs(along - place) / reach, 0, 1)
        scar = np.outer(height, bump(rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 2.2)))
        uneven *= 1 - rng.uniform(0.3, 0.65) * scar
    return np.clip(uneven, 0.3, 2.0), scar


def _right_ventricle(
    rng: np.random.Generator, grid: PixelGrid, along: Slices, outer: Slices, septum: float, contraction: float
) -> tuple[Field, float]:
    """Return the signed distance to the RV contour, a deformed ellipse, and the thickness of its wall in mm."""
    end = rng.uniform(0.78, 1.02)
    height = np.sqrt(np.clip(1 - np.clip(along / end, 0, 1) ** rng.uniform(1.6, 2.6), 0, 1))
    deep = rng.uniform(22, 44) * (0.5 + 0.5 * contraction) * height
    wide = np.maximum(outer * rng.uniform(0.78, 1.08), 1.0) * (0.4 + 0.6 * height)
    centre = outer * rng.uniform(0.6, 0.95)
    half = np.maximum(outer + deep - centre, 1.0)
    lean = rng.normal(0, 0.15)
    cos, sin = np.float32(np.cos(septum)), np.float32(np.sin(septum))
    forward = grid.x * cos + grid.y * sin - _column(centre)
    sideways = -grid.x * sin + grid.y * cos + np.float32(lean) * forward
    u, v = forward / _column(half), sideways / _column(wide)
    # Narrower towards the free wall: a rounded triangle.
    v = v * (1 + np.float32(rng.uniform(0, 0.35)) * np.clip(u, -0.5, 1))
    bent = np.arctan2(v, u)
    table = 1 + harmonics(rng, along, range(2, 7), rng.uniform(0.01, 0.035))
    inside = (look_up(table, bent) - np.hypot(u, v)) * _column(np.minimum(half, wide))
    inside[deep < 3] = -50
    return inside, float(rng.uniform(1.8, 3.5))


def _column(values: Slices) -> Field:
    return values.astype(np.float32)[:, None, None]
