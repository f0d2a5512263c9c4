"""Wall thickness per direction around the cavity.

One ray per degree is cast from the centre of the cavity; the wall on a ray is its longest run of wall pixels. Run
lengths are averaged over neighbouring rays along :data:`ARC_MM` of the midline, because a mask border is only accurate
to half a pixel, and multiplied by the cosine of the angle between the ray and the wall normal to correct oblique
crossings. Rays without wall are excluded from the average, and the thickness in a gap is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .circle import wall_centre
from .features import cavity
from .shape import as_slice

DIRECTIONS = 36
"""Number of directions of the thickness; divisible by the six and four segments of a level."""
ARC_MM = 10.0
"""Arc length of the average: full width at half maximum of the triangular weights."""
_RAYS = 360
_STEP = 0.125
"""Sampling distance along a ray in pixels."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WallProfile:
    """Inner and outer border of a wall along rays from the centre of its cavity.

    Angles increase from the column axis to the row axis, as in :func:`~rncarefine.anatomy.circle.sectors`; direction
    ``n`` is the sector from ``10 n`` to ``10 (n + 1)`` degrees.

    Attributes:
        centre: ``(j, i)`` in pixels.
        inner_mm: Distance of the inner border from the centre per ray, shape ``(360,)``; NaN without wall.
        outer_mm: Distance of the outer border, like ``inner_mm``.
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
            wall: Myocardium of one slice, shape ``(j, i)``.
            centre: Centre of the cavity, ``(j, i)`` in pixels.
            spacing: In-plane spacing in mm, ``(j, i)``.
            reach_mm: Length of the rays; by default they cover the whole wall.
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
        """Return the thickness per direction, shape ``(36,)``; 0 where fewer than half of the rays meet the wall."""
        middle, slope = self._middle()
        length = _smoothed(self.outer_mm - self.inner_mm, self.has_wall, self._window)
        return _by_direction(length * middle / np.hypot(middle, slope), self.has_wall)

    def invented(self, before: ArrayLike, spacing: tuple[float, float]) -> tuple[_Bools, float]:
        """Return where the wall is new: rays whose wall contains no pixel of the previous wall.

        Args:
            before: Previous myocardium, shape ``(j, i)``.
            spacing: In-plane spacing in mm, ``(j, i)``.

        Returns:
            The directions in which most rays with wall are new, shape ``(36,)``, and the midline length in mm over all
            new rays.
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
        """Half width of the triangular weights in degrees."""
        radius = float(np.nanmedian((self.inner_mm + self.outer_mm) / 2)) if self.has_wall.any() else ARC_MM
        return float(np.rad2deg(ARC_MM / max(radius, ARC_MM / 2)))

    def _middle(self) -> tuple[_Floats, _Floats]:
        """Return the smoothed midline radius per ray and its derivative by angle; 0 without wall."""
        middle = _smoothed((self.inner_mm + self.outer_mm) / 2, self.has_wall, self._window)
        around = np.concatenate([middle[-1:], middle, middle[:1]])
        steps = np.diff(around) * _RAYS / (2 * np.pi)
        slope = np.stack([steps[:-1], steps[1:]])
        known = np.isfinite(slope)
        mean = np.where(known, slope, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return np.nan_to_num(middle), np.nan_to_num(_smoothed(mean, self.has_wall, self._window))


def cavity_centre(wall: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Return the centre for measuring a wall: the centroid of its cavity, or the estimated centre of a broken wall.

    Args:
        wall: Myocardium of one slice, shape ``(j, i)``.
        pool: Blood pool, like ``wall``, or ``None``.
        spacing: In-plane spacing in mm, ``(j, i)``.

    Returns:
        ``(j, i)`` in pixels; ``None`` without a wall or for a solid one.
    """
    inside = cavity(wall, pool, spacing)
    if inside is None:
        return wall_centre(wall, spacing)
    j, i = np.nonzero(inside)
    return float(j.mean()), float(i.mean())


def along_rays(
    mask: _Bools, profile: WallProfile, spacing: tuple[float, float], further_mm: float = 0.0
) -> tuple[_Floats, _Bools]:
    """Sample a mask along the rays of a wall.

    Args:
        mask: Mask to sample, shape ``(j, i)``.
        profile: Wall that defines the rays.
        spacing: In-plane spacing in mm, ``(j, i)``.
        further_mm: Length of the rays beyond the wall.

    Returns:
        Distances from the centre in mm, shape ``(n,)``, and the samples, shape ``(360, n)``.
    """
    radii = _radii(float(np.nanmax(profile.outer_mm, initial=0.0)) + further_mm, _STEP * min(spacing))
    return radii, _sampled(mask, profile.centre, spacing, radii)


def _radii(reach_mm: float, step: float) -> _Floats:
    return np.asarray((np.arange(int(reach_mm / step) + 1) + 0.5) * step, np.float64)


def _sampled(mask: _Bools, centre: tuple[float, float], spacing: tuple[float, float], radii: _Floats) -> _Bools:
    """Sample the mask along every ray, shape ``(360, n)``; false outside the slice."""
    angles = (np.arange(_RAYS) + 0.5) * 2 * np.pi / _RAYS
    rows = np.rint(centre[0] + np.outer(np.sin(angles), radii) / spacing[0]).astype(int)
    columns = np.rint(centre[1] + np.outer(np.cos(angles), radii) / spacing[1]).astype(int)
    inside = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
    return np.asarray(inside & mask[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)])


def _longest_run(rows: _Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and length of the longest run of true values in each row; length 0 without one."""
    count = np.zeros((rows.shape[1] + 1, len(rows)), dtype=np.int64)
    for n, column in enumerate(rows.T):
        count[n + 1] = (count[n] + 1) * column
    length = count.max(axis=0)
    return count.argmax(axis=0) - length, length


def _smoothed(values: _Floats, known: _Bools, half_deg: float) -> _Floats:
    """Smooth known values over neighbouring rays with triangular weights of half width ``half_deg``; NaN elsewhere."""
    half = min(max(round(half_deg), 1), _RAYS // 2)
    window = 1 - np.abs(np.arange(-half, half + 1)) / (half + 1)
    total = np.convolve(np.pad(known.astype(float), half, mode="wrap"), window, mode="valid")
    summed = np.convolve(np.pad(np.where(known, values, 0.0), half, mode="wrap"), window, mode="valid")
    return np.where(known, summed / np.where(known, total, 1.0), np.nan)


def _by_direction(values: _Floats, known: _Bools) -> _Floats:
    """Return the mean of the known values per direction; 0 where fewer than half are known."""
    count = known.reshape(DIRECTIONS, -1).sum(axis=1)
    total = np.where(known, values, 0.0).reshape(DIRECTIONS, -1).sum(axis=1)
    enough = count >= _RAYS // DIRECTIONS / 2
    return np.where(enough, total / np.maximum(count, 1), 0.0)
