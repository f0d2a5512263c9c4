"""How thick the wall is, direction by direction around the cavity.

Rays go out from the centre of the cavity, one per degree. On a ray the wall is its longest run of wall. The length of
the run is averaged over the rays around it, along :data:`ARC_MM` of the middle of the wall, because in one place the
border of a mask is known no better than half a pixel; and it is multiplied by the cosine of the angle between the ray
and the normal of the wall, so that a wall that is crossed at a slant is not measured as too thick. Rays without wall
take no part: beside a gap the wall is as thick as it is there, and in the gap it is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .circle import wall_centre
from .features import cavity
from .shape import as_slice

DIRECTIONS = 36
"""Directions in which the thickness is given; six and four segments divide them."""
ARC_MM = 10.0
"""Length of wall that is averaged: the width at half height of the triangular weights."""
_RAYS = 360
_STEP = 0.125
"""Distance of two samples of a ray, in pixels."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WallProfile:
    """The wall of a slice along rays from the centre of its cavity.

    Angles grow from the column axis towards the row axis, as in :func:`~rncarefine.anatomy.circle.sectors`; direction
    ``n`` is the sector from ``10 n`` to ``10 (n + 1)`` degrees.

    Attributes:
        centre: ``(j, i)`` in pixels.
        inner_mm: Where the wall begins on each ray, mm from the centre, shape ``(360,)``; NaN without wall.
        outer_mm: Where it ends.
    """

    centre: tuple[float, float]
    inner_mm: _Floats
    outer_mm: _Floats

    @classmethod
    def of(
        cls,
        wall: ArrayLike,
        centre: tuple[float, float],
        spacing: tuple[float, float],
        reach_mm: float | None = None,
    ) -> WallProfile:
        """Measure a wall.

        Args:
            wall: Myocardium of one slice, shape ``(j, i)``, zero and non-zero.
            centre: Centre of the cavity, ``(j, i)`` in pixels.
            spacing: mm along ``(j, i)``.
            reach_mm: Length of the rays; as far as the wall reaches if not given.
        """
        mask = as_slice(wall)
        if reach_mm is None:
            j, i = np.nonzero(mask)
            away = np.hypot((j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1])
            reach_mm = float(away.max(initial=0.0)) + max(spacing)
        step = _STEP * min(spacing)
        first, length = _longest_run(_sampled(mask, centre, spacing, _radii(reach_mm, step)))
        inner = np.where(length > 0, first * step, np.nan)
        return cls(centre, inner, inner + length * step)

    @property
    def has_wall(self) -> _Bools:
        """Whether each ray meets the wall, shape ``(360,)``."""
        return np.isfinite(self.inner_mm)

    def thickness_mm(self) -> _Floats:
        """Return the thickness in every direction, shape ``(36,)``; 0 where less than half of the rays meet wall."""
        middle, slope = self._middle()
        length = _smoothed(self.outer_mm - self.inner_mm, self.has_wall, self._window)
        return _by_direction(length * middle / np.hypot(middle, slope), self.has_wall)

    def invented(self, before: ArrayLike, spacing: tuple[float, float]) -> tuple[_Bools, float]:
        """Return where the wall was drawn from nothing: rays that meet wall now, and met none there before.

        Args:
            before: The myocardium before, shape ``(j, i)``, zero and non-zero.
            spacing: mm along ``(j, i)``.

        Returns:
            The directions in which most of the rays with wall are such, shape ``(36,)``, and the length of the middle
            of the wall along all such rays, in mm.
        """
        radii, met = along_rays(as_slice(before), self, spacing)
        within = (radii >= self.inner_mm[:, None]) & (radii <= self.outer_mm[:, None])
        there = (met & within).any(axis=1)
        new = self.has_wall & ~there
        middle, slope = self._middle()
        length = float(np.hypot(middle, slope)[new].sum()) * 2 * np.pi / _RAYS
        drawn, all_wall = (rays.reshape(DIRECTIONS, -1).sum(axis=1) for rays in (new, self.has_wall))
        return np.asarray(2 * drawn > all_wall), length

    @property
    def _window(self) -> float:
        """Half the base of the weights, in degrees."""
        radius = float(np.nanmedian((self.inner_mm + self.outer_mm) / 2)) if self.has_wall.any() else ARC_MM
        return float(np.rad2deg(ARC_MM / max(radius, ARC_MM / 2)))

    def _middle(self) -> tuple[_Floats, _Floats]:
        """Return the radius of the middle of the wall on each ray, smoothed, and its derivative; 0 without wall."""
        middle = _smoothed((self.inner_mm + self.outer_mm) / 2, self.has_wall, self._window)
        around = np.concatenate([middle[-1:], middle, middle[:1]])
        steps = np.diff(around) * _RAYS / (2 * np.pi)
        slope = np.stack([steps[:-1], steps[1:]])
        known = np.isfinite(slope)
        mean = np.where(known, slope, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return np.nan_to_num(middle), np.nan_to_num(_smoothed(mean, self.has_wall, self._window))


def cavity_centre(wall: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Return the centre from which a wall is measured: of its cavity, or of the one it would surround if it were whole.

    Args:
        wall: Myocardium of one slice, shape ``(j, i)``, zero and non-zero.
        pool: Blood pool, like ``wall``, or ``None``.
        spacing: mm along ``(j, i)``.

    Returns:
        ``(j, i)`` in pixels; ``None`` where there is nothing to surround: no wall, or a solid one.
    """
    inside = cavity(wall, pool, spacing)
    if inside is None:
        return wall_centre(wall, spacing)
    j, i = np.nonzero(inside)
    return float(j.mean()), float(i.mean())


def along_rays(
    mask: _Bools, profile: WallProfile, spacing: tuple[float, float], further_mm: float = 0.0
) -> tuple[_Floats, _Bools]:
    """Return what else lies on the rays of a wall.

    Args:
        mask: Shape ``(j, i)``.
        profile: The wall.
        spacing: mm along ``(j, i)``.
        further_mm: How far beyond the wall.

    Returns:
        Distances from the centre in mm, shape ``(n,)``, and the mask there, shape ``(360, n)``.
    """
    radii = _radii(float(np.nanmax(profile.outer_mm, initial=0.0)) + further_mm, _STEP * min(spacing))
    return radii, _sampled(mask, profile.centre, spacing, radii)


def _radii(reach_mm: float, step: float) -> _Floats:
    return np.asarray((np.arange(int(reach_mm / step) + 1) + 0.5) * step, np.float64)


def _sampled(mask: _Bools, centre: tuple[float, float], spacing: tuple[float, float], radii: _Floats) -> _Bools:
    """Return the pixels along every ray, shape ``(360, n)``; nothing outside the slice."""
    angles = (np.arange(_RAYS) + 0.5) * 2 * np.pi / _RAYS
    rows = np.rint(centre[0] + np.outer(np.sin(angles), radii) / spacing[0]).astype(int)
    columns = np.rint(centre[1] + np.outer(np.cos(angles), radii) / spacing[1]).astype(int)
    inside = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
    return np.asarray(inside & mask[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)])


def _longest_run(rows: _Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and length of the longest run of true in each row; length 0 where there is none."""
    count = np.zeros((rows.shape[1] + 1, len(rows)), dtype=np.int64)
    for n, column in enumerate(rows.T):
        count[n + 1] = (count[n] + 1) * column
    length = count.max(axis=0)
    return count.argmax(axis=0) - length, length


def _smoothed(values: _Floats, known: _Bools, half_deg: float) -> _Floats:
    """Return the mean of the known values around each ray, with weights that fall to 0 at ``half_deg``; else NaN."""
    half = min(max(round(half_deg), 1), _RAYS // 2)
    window = 1 - np.abs(np.arange(-half, half + 1)) / (half + 1)
    total = np.convolve(np.pad(known.astype(float), half, mode="wrap"), window, mode="valid")
    summed = np.convolve(np.pad(np.where(known, values, 0.0), half, mode="wrap"), window, mode="valid")
    return np.where(known, summed / np.where(known, total, 1.0), np.nan)


def _by_direction(values: _Floats, known: _Bools) -> _Floats:
    """Return the mean of the known values of each direction, 0 where they are less than half."""
    count = known.reshape(DIRECTIONS, -1).sum(axis=1)
    total = np.where(known, values, 0.0).reshape(DIRECTIONS, -1).sum(axis=1)
    enough = count >= _RAYS // DIRECTIONS / 2
    return np.where(enough, total / np.maximum(count, 1), 0.0)
