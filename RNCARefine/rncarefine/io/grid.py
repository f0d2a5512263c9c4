"""Voxel grids of volumes, and the canonical orientation of stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.2
"""Tolerance of corners of equal grids, as a share of the smallest spacing: headers are rounded."""
THICK = 1.5
"""The slice axis is the axis whose spacing exceeds the others by this factor, or else the third."""
IN_PLANE_MM = (0.05, 20.0)
"""Range of plausible in-plane spacings."""
SLICES_MM = 100.0
"""Largest plausible slice spacing."""
FAR_MM = 1e6
"""Largest plausible distance from the scanner's origin."""
_TIE = 1e-3
_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True)
class Turn:
    """A permutation and flip of axes, without interpolation.

    Attributes:
        axes: Source axis of each axis ``(i, j, k)`` of the result.
        flips: Whether each axis of the result is flipped.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    @property
    def inverse(self) -> Turn:
        """Return the inverse turn."""
        i, j, k = (self.axes.index(axis) for axis in range(3))
        return Turn((i, j, k), (self.flips[i], self.flips[j], self.flips[k]))

    def apply(self, values: NDArray[_T]) -> NDArray[_T]:
        """Return a turned copy of an array.

        Args:
            values: Its last three axes are ``(k, j, i)``.
        """
        more = values.ndim - 3
        order = [more + 2 - self.axes[2 - position] for position in range(3)]
        turned = values.transpose([*range(more), *order])
        steps = (slice(None, None, -1 if self.flips[2 - position] else 1) for position in range(3))
        index: tuple[Any, ...] = (Ellipsis, *steps)
        return turned[index].copy(order="C")


@dataclass(frozen=True, eq=False)
class Grid:
    """Size and geometry of a volume.

    Attributes:
        size: Voxels along ``(i, j, k)``.
        ijk_to_lps: 4 x 4, from voxel indices ``(i, j, k)`` to mm in left-posterior-superior axes.
    """

    size: tuple[int, int, int]
    ijk_to_lps: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Return the spacing in mm along ``(i, j, k)``."""
        i, j, k = np.linalg.norm(self.ijk_to_lps[:3, :3], axis=0)
        return float(i), float(j), float(k)

    def offset_of(self, other: Grid) -> tuple[int, int, int] | None:
        """Return the offset of another grid in this one, in voxels along ``(i, j, k)``.

        Args:
            other: A grid of any size and position.

        Returns:
            The offset, or ``None`` if voxels or axes of the two grids do not coincide.
        """
        if not self.regular or not other.regular:
            return None
        inverse = np.linalg.inv(self.ijk_to_lps)
        offset = np.round((inverse @ other.ijk_to_lps)[:3, 3])
        corners = np.array([(*corner, 1.0) for corner in product(*((0.0, length - 1.0) for length in other.size))])
        there = corners @ other.ijk_to_lps.T
        here = (corners + np.array([*offset, 0.0])) @ self.ijk_to_lps.T
        if np.linalg.norm(there - here, axis=1).max() > TOLERANCE * min(self.spacing):
            return None
        return int(offset[0]), int(offset[1]), int(offset[2])

    @property
    def regular(self) -> bool:
        """Whether the axes are finite and span the space."""
        matrix = self.ijk_to_lps
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e100 or np.abs(matrix[:3, 3]).max() > FAR_MM:
            return False
        if min(self.spacing) <= 0:
            return False
        return bool(abs(np.linalg.det(matrix[:3, :3] / np.array(self.spacing))) > 1e-6)

    @property
    def lost(self) -> bool:
        """Whether the geometry was lost: voxels of 1 mm at the origin."""
        return bool(np.allclose(np.abs(self.ijk_to_lps), np.eye(4)))

    def coincides_with(self, other: Grid) -> bool:
        """Return whether another grid has the same voxels in the same order."""
        return self.size == other.size and self.offset_of(other) == (0, 0, 0)

    def turn_of(self, other: Grid) -> Turn | None:
        """Return the turn that aligns the axes of another grid with this one.

        Returns:
            ``None`` if the axes of the two are not parallel.
        """
        if not self.regular or not other.regular:
            return None
        along = np.linalg.inv(self.ijk_to_lps[:3, :3]) @ other.ijk_to_lps[:3, :3]
        i, j, k = (int(axis) for axis in np.abs(along).argmax(axis=1))
        if sorted((i, j, k)) != [0, 1, 2]:
            return None
        return Turn((i, j, k), (bool(along[0, i] < 0), bool(along[1, j] < 0), bool(along[2, k] < 0)))

    def turned(self, turn: Turn) -> Grid:
        """Return the grid with permuted and flipped axes."""
        matrix = self.ijk_to_lps.copy()
        for axis, (source, flip) in enumerate(zip(turn.axes, turn.flips, strict=True)):
            step = self.ijk_to_lps[:3, source]
            matrix[:3, axis] = -step if flip else step
            if flip:
                matrix[:3, 3] += step * (self.size[source] - 1)
        i, j, k = (self.size[source] for source in turn.axes)
        return Grid((i, j, k), matrix)

    def holds_the_voxels_of(self, other: Grid) -> bool:
        """Return whether another grid has the same voxels, in any order."""
        turn = self.turn_of(other)
        return turn is not None and self.coincides_with(other.turned(turn))

    def united(self, other: Grid) -> Grid | None:
        """Return the smallest grid that holds the voxels of both, or ``None`` if they do not coincide."""
        offset = self.offset_of(other)
        if offset is None:
            return None
        first = np.minimum(offset, 0)
        i, j, k = (int(end) for end in np.maximum(np.add(offset, other.size), self.size) - first)
        matrix = self.ijk_to_lps.copy()
        matrix[:3, 3] += matrix[:3, :3] @ first
        return Grid((i, j, k), matrix)

    def __str__(self) -> str:
        """Describe the grid in one line, for messages."""
        directions = self.ijk_to_lps[:3, :3] / np.array(self.spacing)
        return (
            f"size {_listed(self.size)}, spacing {_listed(self.spacing)} mm, origin "
            f"{_listed(self.ijk_to_lps[:3, 3])} mm, axes {'; '.join(_listed(column) for column in directions.T)} (LPS)"
        )


def stack_turn(grid: Grid) -> Turn:
    """Return the turn to the canonical orientation of a stack: slices along the third axis.

    It makes the result of a repair independent of the storage orientation. Columns point to the left or posterior, rows
    to the posterior or inferior. The slices keep the order of the file, so that slice numbers match; see
    :func:`is_reversed`.
    """
    spacing = np.array(grid.spacing)
    slices = int(spacing.argmax())
    if spacing[slices] < THICK * np.delete(spacing, slices).max():
        slices = 2
    directions = (grid.ijk_to_lps[:3, :3] / spacing).T
    screen = directions * [1, 1, -1]  # left, posterior, inferior
    main = [_main_axis(direction) for direction in screen]

    def place(axis: int) -> tuple[int, list[float]]:
        direction = -screen[axis] if _backwards(screen[axis]) else screen[axis]
        return main[axis], np.round(-direction, 3).tolist()

    one, other = sorted((axis for axis in range(3) if axis != slices), key=place)
    return Turn((one, other, slices), (_backwards(screen[one]), _backwards(screen[other]), False))


def spacing_fault(spacing: Sequence[float]) -> str:
    """Return the problem of an implausible spacing in mm, in any order; empty if it is plausible for a heart."""
    least, middle, most = sorted(spacing)
    low, high = IN_PLANE_MM
    if least >= low and middle <= high and most <= SLICES_MM:
        return ""
    given = " x ".join(f"{value:g}" for value in spacing)
    units = {1000: "in metres, or marked as micrometres", 0.001: "in micrometres, or marked as metres"}
    fitting = (f", possibly {unit}." for by, unit in units.items() if low <= by * least and by * most <= SLICES_MM)
    return (
        f"a spacing of {given} mm{next(fitting, '.')} Plausible are {low:g} to {high:g} mm in "
        f"plane and at most {SLICES_MM:g} mm between slices."
    )


def is_reversed(grid: Grid) -> bool:
    """Return whether the slices of a stack run towards the right, anterior or inferior."""
    return _backwards(grid.ijk_to_lps[:3, 2] / grid.spacing[2])


def _main_axis(direction: NDArray[np.float64]) -> int:
    """Return the patient axis closest to a direction, robust to rounding in headers."""
    lengths = np.abs(direction)
    return int(np.flatnonzero(lengths >= lengths.max() - _TIE)[0])


def _backwards(direction: NDArray[np.float64]) -> bool:
    return bool(direction[_main_axis(direction)] < 0)


def _listed(values: object) -> str:
    return "(" + ", ".join(f"{round(float(value), 3) + 0.0:g}" for value in np.ravel(np.asarray(values))) + ")"
