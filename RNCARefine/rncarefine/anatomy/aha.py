"""The segments of the American Heart Association's model of the left ventricle, found from the septum.

M. D. Cerqueira et al., "Standardized myocardial segmentation and nomenclature for tomographic imaging of the heart",
Circulation 105(4), 2002. Seen from the apex, the segments follow each other counter-clockwise; the middle of the septum
parts the anteroseptal from the inferoseptal ones. So no direction in the patient needs to be known, only the septum,
the end of the stack at which the apex lies, and whether the grid is right-handed.
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
"""A ray runs through the septum if it meets the right ventricle within this distance outside the wall."""
OBLIQUE_DEG = 1.0
"""Axes that are less oblique than this run along those of the body."""
_SIXTHS = (2, 3, 4, 5, 0, 1)
_QUARTERS = (1, 2, 3, 0)


def handedness(ijk_to_patient: ArrayLike) -> bool | None:
    """Return whether the axes ``(i, j, k)`` of an image are right-handed in the patient.

    Args:
        ijk_to_patient: 3 x 3 or 4 x 4, from voxels to mm in LPS or RAS axes.

    Returns:
        ``None`` if all axes run along those of the body. No short-axis stack lies so: its header was lost.
    """
    axes = np.asarray(ijk_to_patient, dtype=np.float64)[:3, :3]
    cosines = np.abs(axes) / np.linalg.norm(axes, axis=0)
    if (cosines.max(axis=0) > np.cos(np.deg2rad(OBLIQUE_DEG))).all():
        return None
    return bool(np.linalg.det(axes) > 0)


def septal_rays(profile: WallProfile, right_ventricle: ArrayLike, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """Return the directions of the rays that run through the septum, in degrees.

    Args:
        profile: The wall of the slice.
        right_ventricle: Shape ``(j, i)``, zero and non-zero.
        spacing: mm along ``(j, i)``.
    """
    radii, met = along_rays(as_slice(right_ventricle), profile, spacing, SEPTUM_MM)
    outside = radii >= profile.outer_mm[:, None]
    beside = radii <= profile.outer_mm[:, None] + SEPTUM_MM
    return np.asarray(np.flatnonzero((met & outside & beside).any(axis=1)) + 0.5, np.float64)


def middle_of(directions_deg: ArrayLike) -> float | None:
    """Return the mean of directions in degrees, 0 to 360; ``None`` if there are none or they point everywhere.

    Example:
        >>> middle_of([350.0, 20.0])
        5.0
    """
    angles = np.deg2rad(np.asarray(directions_deg, dtype=np.float64))
    total = np.exp(1j * angles).sum()
    if abs(total) < 1e-6 * max(angles.size, 1) or not angles.size:
        return None
    return round(float(np.rad2deg(np.angle(total))), 1) % 360


def levels(slices: int) -> list[int]:
    """Return the level of each of the slices with a cavity, from base to apex: 0 basal, 1 mid, 2 apical."""
    return [3 * n // slices for n in range(slices)]


def segment_of(level: int, direction: int, septum_deg: float, turn: int) -> int:
    """Return the index in :data:`SEGMENTS` of a direction.

    Example:
        >>> SEGMENTS[segment_of(0, 18, septum_deg=180.0, turn=-1)]
        'basal anteroseptal'

    Args:
        level: 0 basal, 1 mid, 2 apical.
        direction: See :class:`~rncarefine.anatomy.thickness.WallProfile`.
        septum_deg: Direction of the middle of the septum.
        turn: 1 if the segments follow each other with growing angle, -1 if with falling angle.
    """
    angle = (direction + 0.5) * 360 / DIRECTIONS
    onwards = (turn * (angle - septum_deg)) % 360
    if level < 2:
        return 6 * level + _SIXTHS[int(onwards // 60)]
    return 12 + _QUARTERS[int((onwards + 45) % 360 // 90)]


def segment_means(slices: Sequence[tuple[int, Sequence[float]]], septum_deg: float, turn: int) -> list[float | None]:
    """Return the mean thickness of every segment, gaps left out; ``None`` where nothing was measured.

    Args:
        slices: Level of each slice, and its thickness in every direction.
        septum_deg: Direction of the middle of the septum.
        turn: See :func:`segment_of`.
    """
    found: list[list[float]] = [[] for _ in SEGMENTS]
    for level, thickness in slices:
        for direction, value in enumerate(thickness):
            if value > 0:
                found[segment_of(level, direction, septum_deg, turn)].append(value)
    return [float(np.mean(values)) if values else None for values in found]
