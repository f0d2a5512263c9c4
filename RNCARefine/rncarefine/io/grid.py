"""The grid of a volume in space, and where another grid lies on it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.1
"""How far corners of two grids may lie apart, as a share of the smallest spacing: files round their headers."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Size and place of a volume.

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
        """Return where the first voxel of another grid lies on this one, in voxels along ``(i, j, k)``.

        Args:
            other: A grid that may be smaller or larger, or lie beside this one.

        Returns:
            The offset, or ``None`` if the voxels of the two grids do not coincide.
        """
        if abs(np.linalg.det(self.ijk_to_lps[:3, :3])) < 1e-9:
            return None
        inverse = np.linalg.inv(self.ijk_to_lps)
        offset = np.round((inverse @ other.ijk_to_lps)[:3, 3])
        corners = np.array([(*corner, 1.0) for corner in product(*((0.0, length - 1.0) for length in other.size))])
        there = corners @ other.ijk_to_lps.T
        here = (corners + np.array([*offset, 0.0])) @ self.ijk_to_lps.T
        if np.linalg.norm(there - here, axis=1).max() > TOLERANCE * min(self.spacing):
            return None
        return int(offset[0]), int(offset[1]), int(offset[2])

    def coincides_with(self, other: Grid) -> bool:
        """Tell whether another grid has the same voxels."""
        return self.size == other.size and self.offset_of(other) == (0, 0, 0)

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
        """Describe the grid in a line, for messages."""
        directions = self.ijk_to_lps[:3, :3] / np.array(self.spacing)
        return (
            f"size {_listed(self.size)}, spacing {_listed(self.spacing)} mm, origin "
            f"{_listed(self.ijk_to_lps[:3, 3])} mm, axes {'; '.join(_listed(column) for column in directions.T)} (LPS)"
        )


def _listed(values: object) -> str:
    return "(" + ", ".join(f"{round(float(value), 3) + 0.0:g}" for value in np.ravel(np.asarray(values))) + ")"
