"""Components, holes and gaps of masks.

In a slice the foreground is 8-connected and the background 4-connected; in a volume 26- and 6-connected. Pixels outside
the array are background.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ..stack import Mask
from .circle import Circle, centre_about, fit_circle, near_wall, sectors
from .shape import as_slice, bounding_box


@dataclass(frozen=True)
class Gap:
    """The widest gap in a wall.

    Attributes:
        angle_deg: Angle in degrees, seen from the centre: 0 for a closed ring or a solid disc, 360 for an empty slice.
        width_mm: Straight-line distance between the two ends in mm; 0 without two ends.
        towards_deg: Direction of its middle in degrees, seen from the centre, from the column axis (0) to the row axis
            (90); 0 for a closed ring, a solid disc and an empty slice.
    """

    angle_deg: float
    width_mm: float
    towards_deg: float = 0.0


def betti_2d(mask: ArrayLike) -> tuple[int, int]:
    """Count the components and the holes of a slice.

    Example:
        >>> betti_2d([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
        (1, 1)

    Args:
        mask: Shape ``(j, i)``.

    Returns:
        b0, the 8-connected components, and b1, the 4-connected background components that do not touch the outside.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    _, components = ndimage.label(wall, structure=np.ones((3, 3)))
    return int(components), holes(wall)[1]


def betti_3d(mask: ArrayLike) -> tuple[int, int, int]:
    """Count the components, tunnels and cavities of a volume.

    b1 follows from the Euler characteristic: chi = b0 - b1 + b2.

    Example:
        >>> betti_3d([[[1, 1, 1], [1, 0, 1], [1, 1, 1]]])
        (1, 1, 0)

    Args:
        mask: Shape ``(k, j, i)``.

    Returns:
        b0, 26-connected components; b1, tunnels; b2, enclosed 6-connected background components.

    Raises:
        ValueError: The mask is not three-dimensional.
    """
    solid = np.asarray(mask) != 0
    if solid.ndim != 3:
        raise ValueError(f"The mask has {solid.ndim} dimensions, a volume needs 3 (slice, row, column).")
    solid = np.pad(_cropped(solid), 1)
    _, b0 = ndimage.label(solid, structure=np.ones((3, 3, 3)))
    _, background = ndimage.label(~solid)
    b2 = int(background) - 1
    return int(b0), int(b0) + b2 - euler_characteristic(solid), b2


def euler_characteristic(mask: ArrayLike) -> int:
    """Return the Euler characteristic of an 8-connected (in 3D 26-connected) mask.

    It is vertices - edges + faces (- cubes) of the union of closed pixels; shared cells are counted once.

    Args:
        mask: Any number of dimensions.
    """
    cells = np.pad(np.asarray(mask) != 0, 1)
    total = 0
    # OR-ing neighbours along an axis yields the faces between cells; along every axis, the vertices.
    for joined in product((False, True), repeat=cells.ndim):
        shared = cells
        for axis in np.flatnonzero(joined):
            shared = np.logical_or(
                shared.take(range(shared.shape[axis] - 1), axis), shared.take(range(1, shared.shape[axis]), axis)
            )
        total += (-1) ** (cells.ndim - sum(joined)) * int(np.count_nonzero(shared))
    return total


def largest_component(mask: ArrayLike, connectivity: int = 8) -> Mask:
    """Return the largest component of a slice; ties go to the first in row order.

    Args:
        mask: Shape ``(j, i)``.
        connectivity: 8 (foreground) or 4 (background).

    Raises:
        ValueError: The mask is not two-dimensional, or the connectivity is neither 8 nor 4.
    """
    if connectivity not in (4, 8):
        raise ValueError(f"The connectivity is {connectivity}, in a slice it must be 8 or 4.")
    structure = ndimage.generate_binary_structure(2, 2 if connectivity == 8 else 1)
    wall = as_slice(mask)
    box = bounding_box(wall)
    labels, count = ndimage.label(wall[box], structure=structure)
    largest = np.zeros(wall.shape, dtype=np.uint8)
    if count:
        largest[box] = labels == int(np.bincount(labels.ravel())[1:].argmax()) + 1
    return largest


def holes(mask: ArrayLike) -> tuple[NDArray[np.int32], int]:
    """Label the holes of a slice: 4-connected background components that do not touch the outside.

    Args:
        mask: Shape ``(j, i)``.

    Returns:
        Labels of shape ``(j, i)``, 1..n in the holes and 0 elsewhere, and the number of holes n.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    box = bounding_box(wall)
    labels, count = ndimage.label(~np.pad(wall[box], 1))
    inside = np.zeros(wall.shape, np.int32)
    # The padding is scanned first, so label 1 is the outside.
    inside[box] = np.maximum(labels[1:-1, 1:-1] - 1, 0)
    return inside, int(count) - 1


def fill_holes(mask: ArrayLike) -> Mask:
    """Return the mask of a slice with its holes (see :func:`holes`) filled; shape ``(j, i)``."""
    return (as_slice(mask) | (holes(mask)[0] > 0)).astype(np.uint8)


def gap(mask: ArrayLike, spacing: tuple[float, float], centre: tuple[float, float] | None = None) -> Gap:
    """Measure the widest gap of a wall: the largest sector around its centre without wall.

    Pixels cover their full area; loose components away from the wall are ignored.

    Args:
        mask: Wall of one slice, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
        centre: Centre ``(j, i)`` in pixels; by default that of the fitted circle, of the cavity if the circle's centre
            lies in the wall, or of the mask if no circle fits.

    Returns:
        The gap; 0 degrees for a closed ring and a solid disc, 360 degrees for an empty slice.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    wall = as_slice(mask)
    return gap_about(wall, spacing, fit_circle(wall, spacing)) if centre is None else _gap(wall, spacing, centre)


def gap_about(mask: ArrayLike, spacing: tuple[float, float], circle: Circle | None) -> Gap:
    """Measure the widest gap as :func:`gap` does, for a circle that was fitted before.

    Args:
        mask: Wall of one slice, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
        circle: Result of :func:`~rncarefine.anatomy.circle.fit_circle` for this wall.
    """
    wall = as_slice(mask)
    if not wall.any():
        return Gap(360.0, 0.0)
    centre = centre_about(wall, spacing, circle)
    if centre is None:
        if circle is not None:
            return Gap(0.0, 0.0)
        centre = (float(np.nonzero(wall)[0].mean()), float(np.nonzero(wall)[1].mean()))
    return _gap(wall, spacing, centre)


def _gap(wall: NDArray[np.bool_], spacing: tuple[float, float], centre: tuple[float, float]) -> Gap:
    if not wall.any():
        return Gap(360.0, 0.0)
    j, i = np.nonzero(near_wall(wall, spacing, centre))
    first, last = sectors(j, i, spacing, centre)
    order = np.argsort(first)
    # A sector that wraps around also covers the first angles.
    reached = np.maximum(np.maximum.accumulate(last[order]), last.max() - 2 * np.pi)
    following = np.append(first[order][1:], first.min() + 2 * np.pi)
    free = following - reached
    widest = int(free.argmax())
    angle = float(free[widest])  # radians
    if angle <= 1e-9:
        return Gap(0.0, 0.0)
    distance = np.hypot((j - centre[0]) * spacing[0], (i - centre[1]) * spacing[1])
    near = np.radians(3.0)
    one = float(distance[_apart(last, reached[widest]) <= near].mean())
    other = float(distance[_apart(first, following[widest]) <= near].mean())
    width = np.sqrt(max(one * one + other * other - 2 * one * other * np.cos(angle), 0.0))
    return Gap(float(np.degrees(angle)), float(width), float(np.degrees(reached[widest] + angle / 2)) % 360)


def _apart(angles: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return the circular distance of angles from one angle, in radians."""
    return np.abs(np.mod(angles - angle + np.pi, 2 * np.pi) - np.pi)


def _cropped(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Crop the mask to its bounding box; to a single cell if it is empty."""
    found = ndimage.find_objects(mask.astype(np.uint8))
    return mask[found[0]] if found else mask[(slice(0, 1),) * mask.ndim]
