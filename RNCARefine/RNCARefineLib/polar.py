"""The wall in polar coordinates: the circle that fits it, the sectors it covers, and its interpolation over gaps.

Interpolating the wall around a fitted circle is the honest baseline for every learned repair, and what the repair falls
back on where the automaton fails. It looks at the mask alone, never at the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from .stack import Mask

BINS = 180
"""Angular bins around the centre: two degrees each."""
END_BINS = 8
"""Bins at either end of a wall whose median radius is carried over the gap."""
MAX_HOLLOW = 0.3
"""Deepest notch of a solid shape, in its own radii: at most 0.22 in ACDC's discs and filled rings, at least 0.44 in
its rings once a sector of up to 150 degrees is cut out."""
EIGHT = np.ones((3, 3), dtype=bool)
"""Neighbours of an 8-connected foreground."""

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


@dataclass(frozen=True)
class Notch:
    """The deepest notch of a shape.

    Attributes:
        place: Where it is deepest, ``(j, i)`` in pixels.
        depth_mm: Distance to the border of the convex hull there; 0 for a convex shape.
        relative: The same in radii of the circle that has the area of the hull.
    """

    place: tuple[float, float]
    depth_mm: float
    relative: float


def fit_circle(mask: ArrayLike, spacing: tuple[float, float]) -> Circle | None:
    """Fit a circle to the middle of a wall, whatever is missing from it or lies loose beside it.

    Taubin's algebraic fit (G. Taubin, IEEE TPAMI 13(11), 1991) in mm, with Tukey weights that shut out false blobs, is
    started from the whole mask, from its larger pieces and from the largest one; the circle that passes through most
    wall over the widest sector wins.

    Args:
        mask: Wall of one slice, shape ``(j, i)``, zero and non-zero.
        spacing: mm along ``(j, i)``.

    Returns:
        The circle, or ``None`` where no circle can be told: fewer than three pixels, or pixels along a line.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    labels, count = ndimage.label(wall, structure=EIGHT)
    if count == 0:
        return None
    j, i = np.nonzero(wall)
    y, x = _mm(j, spacing[0]), _mm(i, spacing[1])
    piece = labels[j, i]
    areas = np.bincount(piece)[1:]
    starts = [np.ones(j.size, dtype=bool)]
    if count > 1:
        starts.append(areas[piece - 1] >= 0.15 * areas.max())
        starts.append(piece == int(areas.argmax()) + 1)
    extent = float(np.hypot(np.ptp(y) + spacing[0], np.ptp(x) + spacing[1]))
    best: Circle | None = None
    best_score = 0.0
    for start in starts:
        found = _robust_circle(y, x, start.astype(np.float64), max(spacing))
        # A radius far beyond the extent of the wall is a straight line that bends by chance.
        if found is None or found[2] > 2 * extent:
            continue
        score = _support(y, x, found)
        if score > best_score:
            best, best_score = Circle(found[0] / spacing[0], found[1] / spacing[1], found[2]), score
    return best


def polar_interpolation(
    mask: ArrayLike, spacing: tuple[float, float], centre: tuple[float, float] | None = None
) -> Mask:
    """Close a wall by interpolating its inner and outer radius over the sectors where it is missing.

    The wall's least and greatest radius are taken in 180 angular bins about the centre of the fitted circle and carried
    linearly over the empty bins, with one bin of overlap. The result is the union of that with the input, less the
    loose pieces away from the wall and with pores in the wall filled: the cavity about the centre stays the only hole.

    Args:
        mask: Wall of one slice, shape ``(j, i)``, zero and non-zero.
        spacing: mm along ``(j, i)``.
        centre: Centre ``(j, i)`` in pixels if it is known, for example that of the blood pool; else it is fitted.

    Returns:
        A closed ring (b0 = 1, b1 = 1), or an unchanged copy of the mask where none can be made: nothing to fit a circle
        to, a solid disc without a cavity, or a wall cut off by the border of the slice.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    unchanged = wall.astype(np.uint8)
    if wall.sum() < 3:
        return unchanged
    middle = centre if centre is not None else wall_centre(wall, spacing)
    if middle is None or _pixel_at(wall, middle):
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


def wall_centre(mask: ArrayLike, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Return the centre of the cavity that a wall surrounds, or would surround if it were whole.

    It is the centre of the fitted circle; where that lies in the wall (a thick wall round a small cavity), the point
    deepest in the widest hole, else in the deepest notch.

    Args:
        mask: Wall of one slice, shape ``(j, i)``, zero and non-zero.
        spacing: mm along ``(j, i)``.

    Returns:
        ``(j, i)`` in pixels, or ``None`` where there is nothing to surround: no circle, or a solid piece.
    """
    wall = as_slice(mask)
    circle = fit_circle(wall, spacing)
    if circle is None:
        return None
    centre = (circle.centre_j, circle.centre_i)
    if not _pixel_at(wall, centre):
        return centre
    return _hidden_cavity(wall, spacing)


def near_wall(mask: ArrayLike, spacing: tuple[float, float], centre: tuple[float, float]) -> _Bools:
    """Return the wall without the loose pieces that do not belong to it.

    A piece belongs if it is the largest one or the middle of its area lies within 40 % of the wall's own radius.

    Args:
        mask: Wall of one slice, shape ``(j, i)``, zero and non-zero.
        spacing: mm along ``(j, i)``.
        centre: Centre ``(j, i)`` of the wall, in pixels.

    Returns:
        Boolean mask, shape ``(j, i)``, a subset of ``mask``.
    """
    wall = as_slice(mask)
    labels, count = ndimage.label(wall, structure=EIGHT)
    if count < 2:
        return wall
    j, i = np.nonzero(wall)
    piece = labels[j, i]
    distance = np.hypot((j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1])
    areas = np.bincount(piece)[1:]
    middles = np.array([np.median(distance[piece == number]) for number in range(1, count + 1)])
    largest = int(areas.argmax())
    # Weighted by area, so that the radius is the wall's own and not that of many small false pieces.
    order = np.argsort(middles)
    reached = np.cumsum(areas[order])
    radius = float(middles[order][np.searchsorted(reached, 0.5 * reached[-1])])
    keep = np.abs(middles - radius) <= 0.4 * radius + max(spacing)
    keep[largest] = True
    return wall & np.concatenate(([False], keep))[labels]


def deepest_notch(mask: ArrayLike, spacing: tuple[float, float]) -> Notch:
    """Find the spot without wall that lies deepest inside the convex hull of a wall; holes count as notches.

    Args:
        mask: Wall of one slice with at least one pixel, shape ``(j, i)``, zero and non-zero.
        spacing: mm along ``(j, i)``.
    """
    wall = as_slice(mask)
    rows, columns = ndimage.find_objects(wall.astype(np.uint8))[0]
    cropped = wall[rows, columns]
    outline = hull(cropped)
    j, i = np.indices(cropped.shape)
    inside = np.ones(cropped.shape, dtype=bool)
    for across_j, across_i, offset in outline.equations:
        inside &= across_j * j + across_i * i + offset <= 1e-9
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1]
    depth = np.where(inside & ~cropped, depth, 0.0)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    radius = float(np.sqrt(outline.volume * spacing[0] * spacing[1] / np.pi))
    deepest = float(depth[row, column])
    return Notch((float(rows.start + row), float(columns.start + column)), deepest, deepest / radius)


def hull(mask: ArrayLike) -> ConvexHull:
    """Return the convex hull of the corners of the pixels of a mask with at least one.

    Its ``equations`` are in pixels ``(j, i)``, and so is its ``volume``, the area.
    """
    wall = as_slice(mask)
    j, i = np.nonzero(wall & ~ndimage.binary_erosion(wall))
    corners = [np.stack([j + a, i + b], axis=1) for a in (-0.5, 0.5) for b in (-0.5, 0.5)]
    return ConvexHull(np.concatenate(corners))


def sectors(
    j: NDArray[np.integer], i: NDArray[np.integer], spacing: tuple[float, float], centre: tuple[float, float]
) -> tuple[_Floats, _Floats]:
    """Return the angles that pixels cover, seen from a centre.

    Args:
        j: Rows of the pixels.
        i: Columns of the pixels.
        spacing: mm along ``(j, i)``.
        centre: ``(j, i)`` in pixels.

    Returns:
        First and last angle of each pixel in radians, ``first`` in -pi..pi and ``last`` at most ``first + 2 pi``; the
        whole circle for a pixel that contains the centre. Angles grow from the column axis towards the row axis.
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


def as_slice(mask: ArrayLike) -> _Bools:
    """Return ``mask`` as a two-dimensional boolean array.

    Raises:
        ValueError: It has another number of dimensions.
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise ValueError(f"The mask has {array.ndim} dimensions, a slice needs 2 (row, column). Pass one slice.")
    return array != 0


@dataclass(frozen=True)
class _Profile:
    """Least and greatest radius of a wall in each angular bin, in mm."""

    shape: tuple[int, int]
    spacing: tuple[float, float]
    centre: tuple[float, float]
    covered: _Bools
    inner: _Floats
    outer: _Floats

    @classmethod
    def measure(cls, wall: _Bools, spacing: tuple[float, float], centre: tuple[float, float]) -> _Profile | None:
        """Measure the wall and carry both radii over the bins that it leaves empty; None if it covers no bin at all."""
        j, i = np.nonzero(wall)
        distance = np.hypot((j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1])
        first, last = sectors(j, i, spacing, centre)
        width = 2 * np.pi / BINS
        inner, outer = np.full(BINS, np.inf), np.full(BINS, -np.inf)
        # A bin is covered by every pixel that covers its middle.
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
        """Return the wall of the given bins as a mask: pixels whose middle lies in it, and an unbroken middle line."""
        j, i = np.indices(self.shape)
        y, x = (j - self.centre[0]) * self.spacing[0], (i - self.centre[1]) * self.spacing[1]
        distance = np.hypot(y, x)
        place = (np.arctan2(y, x) + np.pi) / (2 * np.pi / BINS) - 0.5
        mask = (distance >= self._at(place, self.inner)) & (distance <= self._at(place, self.outer))
        mask &= bins[np.rint(place).astype(int) % BINS]
        # The line keeps together what is thinner than a pixel, and where the radius changes much within a few bins.
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
        """Interpolate values of the bins at fractional bin numbers, around the circle."""
        result: _Floats = np.interp(place, np.arange(BINS), values, period=BINS)
        return result


def _mm(pixels: NDArray[np.integer], spacing: float) -> _Floats:
    """Return pixel coordinates in mm."""
    return pixels.astype(np.float64) * spacing


def _robust_circle(y: _Floats, x: _Floats, weights: _Floats, pixel: float) -> tuple[float, float, float] | None:
    """Return centre and radius in mm, or None for points on a line; the first round uses the weights given."""
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
        # Three times the median takes in the whole thickness of an even wall and nothing far from it.
        reach = max(3 * float(np.median(off[inside])), 2 * pixel)
        weights = np.clip(1 - (off / reach) ** 2, 0, None) ** 2
    return found


def _taubin(y: _Floats, x: _Floats, weights: _Floats) -> tuple[float, float, float] | None:
    """Taubin's circle through weighted points: centre y, x and radius; None for fewer than three or for a line."""
    if np.count_nonzero(weights) < 3:
        return None
    share = weights / weights.sum()
    mean_y, mean_x = float(share @ y), float(share @ x)
    v, u = y - mean_y, x - mean_x
    z = u * u + v * v
    mean_z = float(share @ z)
    rows = np.stack([(z - mean_z) / (2 * np.sqrt(mean_z)), u, v])
    _, vectors = np.linalg.eigh((rows * share) @ rows.T)
    bend = vectors[0, 0] / (2 * np.sqrt(mean_z))
    if abs(bend) < 1e-9:
        return None
    radius = float(np.sqrt(vectors[1, 0] ** 2 + vectors[2, 0] ** 2 + 4 * bend * bend * mean_z) / abs(bend) / 2)
    return mean_y - float(vectors[2, 0] / bend / 2), mean_x - float(vectors[1, 0] / bend / 2), radius


def _support(y: _Floats, x: _Floats, circle: tuple[float, float, float]) -> float:
    """Return how many points lie about the circle, times the share of its directions that they cover."""
    dy, dx = y - circle[0], x - circle[1]
    near = np.abs(np.hypot(dy, dx) - circle[2]) <= 0.4 * circle[2]
    directions = np.unique(np.floor(np.arctan2(dy[near], dx[near]) / (2 * np.pi / 36)))
    return float(near.sum()) * directions.size / 36


def _hidden_cavity(wall: _Bools, spacing: tuple[float, float]) -> tuple[float, float] | None:
    """Return the point deepest in the widest hole or, without a hole, in the deepest notch; None for a solid shape."""
    holes = ndimage.binary_fill_holes(wall) & ~wall
    if holes.any():
        depth = ndimage.distance_transform_edt(holes, sampling=spacing)
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        return float(row), float(column)
    notch = deepest_notch(wall, spacing)
    return None if notch.relative < MAX_HOLLOW else notch.place


def _only_cavity(wall: _Bools, centre: tuple[float, float]) -> _Bools | None:
    """Return the piece that encloses the centre with every other hole filled, or None if nothing encloses it."""
    labels, _ = ndimage.label(~np.pad(wall, 1))
    labels = labels[1:-1, 1:-1]
    row, column = round(centre[0]), round(centre[1])
    if not (0 <= row < wall.shape[0] and 0 <= column < wall.shape[1]):
        return None
    # Label 1 is the outside: the padding comes first in the scan.
    cavity = labels == labels[row, column]
    if labels[row, column] <= 1:
        return None
    solid = ndimage.binary_fill_holes(wall) & ~cavity
    pieces, _ = ndimage.label(solid, structure=EIGHT)
    touching = np.unique(pieces[ndimage.binary_dilation(cavity) & solid])
    # A loose piece inside the cavity touches it too, but does not enclose it.
    rings = (pieces == number for number in touching)
    return next((ring for ring in rings if ndimage.binary_fill_holes(ring)[row, column]), None)


def _pixel_at(wall: _Bools, centre: tuple[float, float]) -> bool:
    """Tell whether the pixel at the centre is wall."""
    row, column = round(centre[0]), round(centre[1])
    return 0 <= row < wall.shape[0] and 0 <= column < wall.shape[1] and bool(wall[row, column])


def _steady(radius: _Floats, known: NDArray[np.integer]) -> _Floats:
    """Return the radii of the known bins, with those at the ends of the wall, often frayed, made typical of the end."""
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
