"""Circle fit of a wall, and the centre, the wall pixels and the covered sectors derived from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .shape import EIGHT, MAX_HOLLOW, as_slice, deepest_notch

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Circle:
    """A circle in a slice.

    Attributes:
        centre_j: Row of the centre, in pixels.
        centre_i: Column of the centre, in pixels.
        radius_mm: Radius in mm (a circle in mm is an ellipse in pixels where the spacing is anisotropic).
    """

    centre_j: float
    centre_i: float
    radius_mm: float


def fit_circle(mask: ArrayLike, spacing: tuple[float, float]) -> Circle | None:
    """Fit a circle to the midline of a wall, robust to gaps and loose components.

    Taubin's algebraic fit (G. Taubin, IEEE TPAMI 13(11), 1991) in mm, with Tukey weights against outliers, starts from
    the whole mask, from its larger components and from the largest one. The circle supported by most wall pixels over
    the widest sector is returned.

    Args:
        mask: Wall of one slice, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.

    Returns:
        The circle, or ``None`` if none fits: fewer than three pixels, or collinear pixels.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    labels, count = ndimage.label(wall, structure=EIGHT)
    if count == 0:
        return None
    j, i = np.nonzero(wall)
    y, x = _mm(j, spacing[0]), _mm(i, spacing[1])
    component = labels[j, i]
    areas = np.bincount(component)[1:]
    starts = [np.ones(j.size, dtype=bool)]
    if count > 1:
        starts.append(areas[component - 1] >= 0.15 * areas.max())
        starts.append(component == int(areas.argmax()) + 1)
    extent = float(np.hypot(np.ptp(y) + spacing[0], np.ptp(x) + spacing[1]))
    best: Circle | None = None
    best_score = 0.0
    for start in starts:
        found = _robust_circle(y, x, start.astype(np.float64), max(spacing))
        # A radius far beyond the extent of the wall means that the pixels are nearly collinear.
        if found is None or found[2] > 2 * extent:
            continue
        score = _support(y, x, found)
        if score > best_score:
            best, best_score = Circle(found[0] / spacing[0], found[1] / spacing[1], found[2]), score
    return best


def wall_centre(mask: ArrayLike, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Return the centre of the cavity of a closed or broken wall.

    It is the centre of the fitted circle. Where that lies in the wall (a thick wall with a small cavity), it is the
    deepest point of the widest hole or, without a hole, of the deepest notch.

    Args:
        mask: Wall of one slice, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.

    Returns:
        ``(j, i)`` in pixels, or ``None`` without a cavity: no circle fits, or the wall is solid.
    """
    wall = as_slice(mask)
    return centre_about(wall, spacing, fit_circle(wall, spacing))


def centre_about(mask: ArrayLike, spacing: tuple[float, float], circle: Circle | None) -> tuple[float, float] | None:
    """Return the centre of the cavity as :func:`wall_centre` does, for a circle that was fitted before."""
    wall = as_slice(mask)
    if circle is None:
        return None
    centre = (circle.centre_j, circle.centre_i)
    if not pixel_at(wall, centre):
        return centre
    return _hidden_cavity(wall, spacing)


def near_wall(mask: ArrayLike, spacing: tuple[float, float], centre: tuple[float, float]) -> _Bools:
    """Return the wall without loose components away from it.

    A component is kept if it is the largest, or if its median distance to the centre is within 40 % of the radius.

    Args:
        mask: Wall of one slice, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
        centre: Centre ``(j, i)`` of the wall in pixels.

    Returns:
        Boolean mask, shape ``(j, i)``, a subset of ``mask``.
    """
    wall = as_slice(mask)
    labels, count = ndimage.label(wall, structure=EIGHT)
    if count < 2:
        return wall
    j, i = np.nonzero(wall)
    component = labels[j, i]
    distance = np.hypot((j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1])
    areas = np.bincount(component)[1:]
    medians = np.array([np.median(distance[component == number]) for number in range(1, count + 1)])
    largest = int(areas.argmax())
    # An area-weighted median: many small false components must not determine the radius.
    order = np.argsort(medians)
    cumulated = np.cumsum(areas[order])
    radius = float(medians[order][np.searchsorted(cumulated, 0.5 * cumulated[-1])])
    keep = np.abs(medians - radius) <= 0.4 * radius + max(spacing)
    keep[largest] = True
    return wall & np.concatenate(([False], keep))[labels]


def sectors(
    j: NDArray[np.integer], i: NDArray[np.integer], spacing: tuple[float, float], centre: tuple[float, float]
) -> tuple[_Floats, _Floats]:
    """Return the angular range that each pixel covers, seen from a centre.

    Args:
        j: Rows of the pixels.
        i: Columns of the pixels.
        spacing: In-plane spacing in mm, ``(j, i)``.
        centre: ``(j, i)`` in pixels.

    Returns:
        First and last angle of each pixel in radians, ``first`` in -pi..pi and ``last`` at most ``first + 2 pi``; the
        full circle for a pixel that contains the centre. Angles increase from the column axis to the row axis.
    """
    y, x = (j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1]
    middle = np.arctan2(y, x)
    corners = [np.arctan2(y + a * spacing[0] / 2, x + b * spacing[1] / 2) - middle for a in (-1, 1) for b in (-1, 1)]
    turns = np.mod(np.array(corners) + np.pi, 2 * np.pi) - np.pi
    inside = (np.abs(y) <= spacing[0] / 2) & (np.abs(x) <= spacing[1] / 2)
    low = np.where(inside, -np.pi, turns.min(axis=0))
    high = np.where(inside, np.pi, turns.max(axis=0))
    first = np.mod(middle + low + np.pi, 2 * np.pi) - np.pi
    return first, first + (high - low)


def _mm(pixels: NDArray[np.integer], spacing: float) -> _Floats:
    """Return pixel coordinates in mm."""
    return pixels.astype(np.float64) * spacing


def _robust_circle(y: _Floats, x: _Floats, weights: _Floats, pixel: float) -> tuple[float, float, float] | None:
    """Return centre and radius in mm, or None for collinear points; the first iteration uses the given weights."""
    found = None
    for _ in range(12):
        latest = _taubin(y, x, weights)
        if latest is None:
            return found
        if found is not None and np.allclose(found, latest, atol=0.01 * pixel):
            return latest
        found = latest
        off = np.abs(np.hypot(y - found[0], x - found[1]) - found[2])
        inside = weights > 0
        # Three times the median distance covers the full thickness of a uniform wall and excludes distant pixels.
        reach = max(3 * float(np.median(off[inside])), 2 * pixel)
        weights = np.clip(1 - (off / reach) ** 2, 0, None) ** 2
    return found


def _taubin(y: _Floats, x: _Floats, weights: _Floats) -> tuple[float, float, float] | None:
    """Return centre y, x and radius of Taubin's fit to weighted points; None for fewer than three or collinear ones."""
    if np.count_nonzero(weights) < 3:
        return None
    # Sums instead of matrix products: multithreaded BLAS is much slower for so few rows.
    share = weights / weights.sum()
    mean_y, mean_x = float((share * y).sum()), float((share * x).sum())
    v, u = y - mean_y, x - mean_x
    z = u * u + v * v
    mean_z = float((share * z).sum())
    rows = np.stack([(z - mean_z) / (2 * np.sqrt(mean_z)), u, v])
    _, vectors = np.linalg.eigh(np.einsum("an,bn->ab", rows * share, rows))
    bend = vectors[0, 0] / (2 * np.sqrt(mean_z))
    if abs(bend) < 1e-9:
        return None
    radius = float(np.sqrt(vectors[1, 0] ** 2 + vectors[2, 0] ** 2 + 4 * bend * bend * mean_z) / abs(bend) / 2)
    return mean_y - float(vectors[2, 0] / bend / 2), mean_x - float(vectors[1, 0] / bend / 2), radius


def _support(y: _Floats, x: _Floats, circle: tuple[float, float, float]) -> float:
    """Return the number of points near the circle times the share of its sectors that they cover."""
    dy, dx = y - circle[0], x - circle[1]
    near = np.abs(np.hypot(dy, dx) - circle[2]) <= 0.4 * circle[2]
    directions = np.unique(np.floor(np.arctan2(dy[near], dx[near]) / (2 * np.pi / 36)))
    return float(near.sum()) * directions.size / 36


def _hidden_cavity(wall: _Bools, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Return the deepest point of the widest hole or, without a hole, of the deepest notch; None for a solid shape."""
    holes = ndimage.binary_fill_holes(wall) & ~wall
    if holes.any():
        depth = ndimage.distance_transform_edt(holes, sampling=spacing)
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        return float(row), float(column)
    notch = deepest_notch(wall, spacing)
    return None if notch.relative < MAX_HOLLOW else notch.place


def pixel_at(wall: _Bools, centre: tuple[float, float]) -> bool:
    """Return whether the pixel at the centre is wall."""
    row, column = round(centre[0]), round(centre[1])
    return 0 <= row < wall.shape[0] and 0 <= column < wall.shape[1] and bool(wall[row, column])
