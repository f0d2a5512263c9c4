"""AHA segments of the left ventricle, located from the septum.

M. D. Cerqueira et al., "Standardized myocardial segmentation and nomenclature for tomographic imaging of the heart",
Circulation 105(4), 2002. Viewed from the apex, the segments are ordered counter-clockwise; the middle of the septum
separates the anteroseptal from the inferoseptal segments. The segments therefore follow from the septum, the apical end
of the stack and the handedness of the grid; patient directions are not needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .shape import as_slice
from .thickness import DIRECTIONS, WallProfile, along_rays

SEGMENTS = (
    *(f"basal {name}" for name in ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral")),
    "basal anterolateral",
    *(f"mid {name}" for name in ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral")),
    "mid anterolateral",
    *(f"apical {name}" for name in ("anterior", "septal", "inferior", "lateral")),
)
"""Names of the segments 1 to 16."""
SEPTUM_MM = 5.0
"""A ray crosses the septum if it meets the right ventricle within this distance outside the wall."""
OBLIQUE_DEG = 1.0
"""Axes within this angle of a patient axis count as aligned with it."""
_SIXTHS = (2, 3, 4, 5, 0, 1)
_QUARTERS = (1, 2, 3, 0)


def handedness(ijk_to_patient: ArrayLike) -> bool | None:
    """Return whether the axes ``(i, j, k)`` of an image are right-handed in patient space.

    Args:
        ijk_to_patient: 3 x 3 or 4 x 4 matrix from voxels to mm, LPS or RAS.

    Returns:
        ``None`` if all axes are aligned with the patient axes. A short-axis stack is oblique, so its header was lost.
    """
    axes = np.asarray(ijk_to_patient, dtype=np.float64)[:3, :3]
    cosines = np.abs(axes) / np.linalg.norm(axes, axis=0)
    if (cosines.max(axis=0) > np.cos(np.deg2rad(OBLIQUE_DEG))).all():
        return None
    return bool(np.linalg.det(axes) > 0)


def septal_rays(profile: WallProfile, right_ventricle: ArrayLike, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """Return the directions of the rays that cross the septum, in degrees.

    Args:
        profile: Wall of the slice.
        right_ventricle: Mask, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
    """
    radii, met = along_rays(as_slice(right_ventricle), profile, spacing, SEPTUM_MM)
    outside = radii >= profile.outer_mm[:, None]
    adjacent = radii <= profile.outer_mm[:, None] + SEPTUM_MM
    return np.asarray(np.flatnonzero((met & outside & adjacent).any(axis=1)) + 0.5, np.float64)


def mean_direction(directions_deg: ArrayLike) -> float | None:
    """Return the circular mean of directions in degrees, 0 to 360; ``None`` if it is undefined.

    Example:
        >>> mean_direction([350.0, 20.0])
        5.0
    """
    angles = np.deg2rad(np.asarray(directions_deg, dtype=np.float64))
    total = np.exp(1j * angles).sum()
    if abs(total) < 1e-6 * max(angles.size, 1) or not angles.size:
        return None
    return round(float(np.rad2deg(np.angle(total))), 1) % 360


def levels(slices: int) -> list[int]:
    """Return the level of each slice with a cavity, from base to apex: 0 basal, 1 mid, 2 apical."""
    return [3 * n // slices for n in range(slices)]


def segment_of(level: int, direction: int, septum_deg: float, turn: int) -> int:
    """Return the index in :data:`SEGMENTS` for a direction.

    Example:
        >>> SEGMENTS[segment_of(0, 18, septum_deg=180.0, turn=-1)]
        'basal anteroseptal'

    Args:
        level: 0 basal, 1 mid, 2 apical.
        direction: Index of the direction, see :class:`~rncarefine.anatomy.thickness.WallProfile`.
        septum_deg: Direction of the middle of the septum in degrees.
        turn: 1 if the segments are ordered by increasing angle, -1 if by decreasing angle.
    """
    angle = (direction + 0.5) * 360 / DIRECTIONS
    from_septum = (turn * (angle - septum_deg)) % 360
    if level < 2:
        return 6 * level + _SIXTHS[int(from_septum // 60)]
    return 12 + _QUARTERS[int((from_septum + 45) % 360 // 90)]


def segment_means(slices: Sequence[tuple[int, Sequence[float]]], septum_deg: float, turn: int) -> list[float | None]:
    """Return the mean thickness of every segment, ignoring gaps; ``None`` without a measurement.

    Args:
        slices: Level of each slice and its thickness in mm per direction; 0 in gaps.
        septum_deg: Direction of the middle of the septum in degrees.
        turn: See :func:`segment_of`.
    """
    found: list[list[float]] = [[] for _ in SEGMENTS]
    for level, thickness in slices:
        for direction, value in enumerate(thickness):
            if value > 0:
                found[segment_of(level, direction, septum_deg, turn)].append(value)
    return [float(np.mean(values)) if values else None for values in found]
