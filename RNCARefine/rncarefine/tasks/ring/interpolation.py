"""Interpolation of the wall: over gaps in polar coordinates, and between slices.

Polar interpolation around a fitted circle is the baseline for learned repairs. It uses the mask only, not the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ...anatomy.circle import near_wall, pixel_at, sectors, wall_centre
from ...anatomy.shape import EIGHT, as_slice
from ...anatomy.topology import fill_holes, largest_component
from ...stack import Mask
from ...words import Expectation
from .readout import is_ring

BINS = 180
"""Number of angular bins around the centre: two degrees each."""
END_BINS = 8
"""Number of bins at either end of a wall whose median radius is interpolated over the gap."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


def polar_interpolation(
    mask: ArrayLike, spacing: tuple[float, float], centre: tuple[float, float] | None = None
) -> Mask:
    """Close a wall by interpolating its inner and outer radius over the sectors where it is missing.

    The smallest and largest radius of the wall are measured in 180 angular bins around the centre of the fitted circle
    and interpolated linearly over the empty bins, with one bin of overlap. The result is the union with the input,
    without loose components and with pores filled; the cavity around the centre is the only hole.

    Args:
        mask: Wall of one slice, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
        centre: Centre ``(j, i)`` in pixels, such as that of the blood pool; fitted if not given.

    Returns:
        A closed ring (b0 = 1, b1 = 1), or an unchanged copy of the mask if none can be made: no circle fits, the wall
        is a solid disc, or the border of the slice cuts the wall.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    unchanged = wall.astype(np.uint8)
    if wall.sum() < 3:
        return unchanged
    middle = centre if centre is not None else wall_centre(wall, spacing)
    if middle is None or pixel_at(wall, middle):
        return unchanged
    kept = near_wall(wall, spacing, middle)
    profile = _Profile.measure(kept, spacing, middle)
    if profile is None:
        return unchanged
    # Filling the empty bins is enough unless the two ends overlap (a slanting crack, a spiral): then fill every bin.
    for bins in (_widen(~profile.covered), np.ones(BINS, dtype=bool)):
        ring = _only_cavity(kept | profile.annulus(bins), middle)
        if ring is not None:
            return ring.astype(np.uint8)
    return unchanged


def propose_by_interpolation(
    before: Mask, pool: Mask | None, expectation: Expectation, in_plane: tuple[float, float]
) -> Mask:
    """Propose a wall for one slice without the image.

    A ring is interpolated in polar coordinates around the pool's centroid; without a pool, or if that does not close
    the wall, around the fitted centre. A disc is the largest component with its holes filled.

    Args:
        before: Wall before the repair, shape ``(j, i)``.
        pool: Blood pool, or ``None``.
        expectation: Expectation of the slice.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    if expectation is Expectation.DISC:
        return fill_holes(largest_component(before))
    if pool is not None and pool.any():
        rows, columns = np.nonzero(largest_component(pool))
        wall = polar_interpolation(before, in_plane, (float(rows.mean()), float(columns.mean())))
        if is_ring(wall):
            return wall
    return polar_interpolation(before, in_plane)


def between_slices(below: Mask, above: Mask, in_plane: tuple[float, float], share: float = 0.5) -> Mask:
    """Interpolate the wall between two slices by the signed distances of their contours.

    Args:
        below: A closed ring, shape ``(j, i)``.
        above: A closed ring, like ``below``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        share: Position between the slices: 0 is ``below``, 1 is ``above``.
    """
    outer = fill_holes(below), fill_holes(above)
    inner = outer[0] & (1 - below), outer[1] & (1 - above)
    return np.asarray(_between(*outer, in_plane, share) & ~_between(*inner, in_plane, share), np.uint8)


def _between(below: Mask, above: Mask, in_plane: tuple[float, float], share: float) -> _Bools:
    def signed_mm(disc: Mask) -> _Floats:
        inside, outside = (ndimage.distance_transform_edt(side, sampling=in_plane) for side in (disc, 1 - disc))
        return np.asarray(inside - outside)

    return np.asarray((1 - share) * signed_mm(below) + share * signed_mm(above) > 0)


@dataclass(frozen=True)
class _Profile:
    """Smallest and largest radius of a wall per angular bin, in mm."""

    shape: tuple[int, int]
    spacing: tuple[float, float]
    centre: tuple[float, float]
    covered: _Bools
    inner: _Floats
    outer: _Floats

    @classmethod
    def measure(cls, wall: _Bools, spacing: tuple[float, float], centre: tuple[float, float]) -> _Profile | None:
        """Measure the wall and interpolate both radii over its empty bins; None if it covers no bin."""
        j, i = np.nonzero(wall)
        distance = np.hypot((j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1])
        first, last = sectors(j, i, spacing, centre)
        width = 2 * np.pi / BINS
        inner, outer = np.full(BINS, np.inf), np.full(BINS, -np.inf)
        # A pixel covers a bin if it covers the bin's centre.
        start = np.ceil((first + np.pi) / width - 0.5).astype(int)
        stop = np.floor((last + np.pi) / width - 0.5).astype(int)
        for offset in range(int((stop - start).max(initial=-1)) + 1):
            here = start + offset <= stop
            bins = (start[here] + offset) % BINS
            np.minimum.at(inner, bins, distance[here])
            np.maximum.at(outer, bins, distance[here])
        covered = np.isfinite(inner)
        if not covered.any():
            return None
        known = np.flatnonzero(covered)
        every = np.arange(BINS)
        half = float(np.mean(spacing)) / 2
        inner = np.interp(every, known, _steady(inner[known] - half, known), period=BINS)
        outer = np.interp(every, known, _steady(outer[known] + half, known), period=BINS)
        return cls(wall.shape, spacing, centre, covered, inner, outer)

    def annulus(self, bins: _Bools) -> _Bools:
        """Rasterise the wall in the given bins: pixels whose centre lies in it, and an unbroken midline."""
        j, i = np.indices(self.shape)
        y, x = (j - self.centre[0]) * self.spacing[0], (i - self.centre[1]) * self.spacing[1]
        distance = np.hypot(y, x)
        place = (np.arctan2(y, x) + np.pi) / (2 * np.pi / BINS) - 0.5
        mask = (distance >= self._at(place, self.inner)) & (distance <= self._at(place, self.outer))
        mask &= bins[np.rint(place).astype(int) % BINS]
        # The midline connects walls thinner than a pixel and places where the radius changes within a few bins.
        middle = (self.inner + self.outer) / 2
        samples = 16 * int(np.ceil(1 + float(middle.max()) / (BINS * min(self.spacing))))
        fine = np.linspace(-0.5, BINS - 0.5, BINS * samples, endpoint=False)
        fine = fine[bins[np.rint(fine).astype(int) % BINS]]
        radius, angle = self._at(fine, middle), (fine + 0.5) * (2 * np.pi / BINS) - np.pi
        rows = np.rint(self.centre[0] + radius * np.sin(angle) / self.spacing[0]).astype(int)
        columns = np.rint(self.centre[1] + radius * np.cos(angle) / self.spacing[1]).astype(int)
        inside = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        mask[rows[inside], columns[inside]] = True
        return mask

    @staticmethod
    def _at(place: _Floats, values: _Floats) -> _Floats:
        """Interpolate the values of the bins at fractional bin numbers, periodically."""
        result: _Floats = np.interp(place, np.arange(BINS), values, period=BINS)
        return result


def _only_cavity(wall: _Bools, centre: tuple[float, float]) -> _Bools | None:
    """Return the component that encloses the centre, all other holes filled, or None if no component does."""
    labels, _ = ndimage.label(~np.pad(wall, 1))
    labels = labels[1:-1, 1:-1]
    row, column = round(centre[0]), round(centre[1])
    if not (0 <= row < wall.shape[0] and 0 <= column < wall.shape[1]):
        return None
    # Label 1 is the outside: the padding is scanned first.
    cavity = labels == labels[row, column]
    if labels[row, column] <= 1:
        return None
    solid = ndimage.binary_fill_holes(wall) & ~cavity
    components, _ = ndimage.label(solid, structure=EIGHT)
    touching = np.unique(components[ndimage.binary_dilation(cavity) & solid])
    # A loose component inside the cavity also touches it, but does not enclose it.
    rings = (components == number for number in touching)
    return next((ring for ring in rings if ndimage.binary_fill_holes(ring)[row, column]), None)


def _steady(radius: _Floats, known: NDArray[np.integer]) -> _Floats:
    """Return the radii of the known bins, with the bins next to a gap replaced by the median of the wall's end."""
    steady = radius.copy()
    jump = np.flatnonzero(np.diff(known, append=known[0] + BINS) > 1)
    for end in jump:
        steady[end] = np.median(radius[np.arange(end - END_BINS + 1, end + 1) % known.size])
        start = (end + 1) % known.size
        steady[start] = np.median(radius[(start + np.arange(END_BINS)) % known.size])
    return steady


def _widen(bins: _Bools) -> _Bools:
    """Return the bins and their neighbours on both sides."""
    return bins | np.roll(bins, 1) | np.roll(bins, -1)
