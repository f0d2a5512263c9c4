"""The shape of a piece of wall: its convex hull, and how deep its deepest notch is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

MAX_HOLLOW = 0.3
"""Deepest notch of a solid shape, in its own radii: at most 0.22 in ACDC's discs and filled rings, at least 0.44 in
its rings once a sector of up to 150 degrees is cut out."""
EIGHT = np.ones((3, 3), dtype=bool)
"""Neighbours of an 8-connected foreground."""

_Bools = NDArray[np.bool_]


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


def as_slice(mask: ArrayLike) -> _Bools:
    """Return ``mask`` as a two-dimensional boolean array.

    Raises:
        ValueError: It has another number of dimensions.
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise ValueError(f"The mask has {array.ndim} dimensions, a slice needs 2 (row, column). Pass one slice.")
    return array != 0
