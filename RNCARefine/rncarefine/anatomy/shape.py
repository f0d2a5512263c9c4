"""Shape of a wall component: convex hull and deepest notch; the part of an image that is no padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

MAX_HOLLOW = 0.3
"""Largest relative notch depth of a solid shape: at most 0.22 in ACDC discs and filled rings, at least 0.44 in ACDC
rings with a sector of up to 150 degrees removed."""
EIGHT = np.ones((3, 3), dtype=bool)
"""Structuring element of 8-connectivity."""

MIN_FILLED = 0.5
"""Least share of the outermost row or column of an image that differs from the padding beyond it."""
View = tuple[slice, slice]
"""Rows and columns of a part of a slice."""
_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Notch:
    """The deepest notch of a shape.

    Attributes:
        place: Deepest pixel, ``(j, i)``.
        depth_mm: Its distance to the border of the convex hull; 0 for a convex shape.
        relative: Depth over the radius of a circle with the area of the hull.
    """

    place: tuple[float, float]
    depth_mm: float
    relative: float


def deepest_notch(mask: ArrayLike, spacing: tuple[float, float]) -> Notch:
    """Find the background pixel deepest inside the convex hull of a wall; holes count as notches.

    Args:
        mask: Wall of one slice with at least one pixel, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
    """
    wall = as_slice(mask)
    rows, columns = bounding_box(wall)
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
    """Return the convex hull of the pixel corners of a non-empty mask.

    Its ``equations`` and its ``volume``, the area, are in pixels ``(j, i)``.
    """
    wall = as_slice(mask)
    j = np.flatnonzero(wall.any(axis=1))
    left, right = wall[j].argmax(axis=1) - 0.5, wall.shape[1] - wall[j, ::-1].argmax(axis=1) - 0.5
    corners = [np.stack([j + half, i], axis=1) for half in (-0.5, 0.5) for i in (left, right)]
    return ConvexHull(np.concatenate(corners))


def bounding_box(mask: _Bools) -> View:
    """Return the rows and columns of a slice that hold its mask; all of them if it is empty."""
    found = ndimage.find_objects(mask.view(np.uint8))
    rows, columns = found[0] if found else (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
    return rows, columns


def field_of_view(image: ArrayLike) -> View:
    """Return the rows and columns of a volume that are no constant padding.

    Padding are rows and columns at the border that hold one constant value in all slices. What lies inside must be a
    full rectangle: a background that was set to a constant around an organ is none.

    Args:
        image: Shape ``(k, j, i)``.
    """
    pixels = np.asarray(image)
    rows, columns = (slice(0, length) for length in pixels.shape[1:])
    # Every side of the image meets one of two opposite corners.
    for corner in (0, -1):
        shown = (pixels != pixels[0, corner, corner]).any(axis=0)
        box = bounding_box(shown)
        rows = _trimmed(rows, box[0], shown[box].mean(axis=1))
        columns = _trimmed(columns, box[1], shown[box].mean(axis=0))
    return rows, columns


def _trimmed(whole: slice, inner: slice, filled: NDArray[np.float64]) -> slice:
    """Return the range without its padding, given the filled share of each line of the inner range."""
    first = inner.start if filled[0] >= MIN_FILLED else 0
    return slice(max(whole.start, first), min(whole.stop, inner.stop) if filled[-1] >= MIN_FILLED else whole.stop)


def as_slice(mask: ArrayLike) -> _Bools:
    """Return ``mask`` as a two-dimensional boolean array.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise ValueError(f"The mask has {array.ndim} dimensions, a slice needs 2 (row, column). Pass one slice.")
    return array != 0
