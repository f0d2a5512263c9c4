"""What label maps and ``.seg.nrrd`` files have in common for those who read a case and write its repair back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..stack import Mask
from .grid import Grid


@dataclass(frozen=True)
class Segment:
    """One structure of a segmentation: a label of a label map, or a segment of a ``.seg.nrrd``.

    Attributes:
        index: Its number in the header of a ``.seg.nrrd``; the label itself in a label map.
        id: Its ID, unique in the file.
        name: What a person calls it.
        layer: The layer that it lies in.
        value: Its value in that layer.
    """

    index: int
    id: str
    name: str
    layer: int
    value: int


class SegmentationFile(Protocol):
    """A segmentation as it is on disk."""

    @property
    def path(self) -> Path:
        """Return where it was read."""

    @property
    def grid(self) -> Grid:
        """Return the place of its voxels in space."""

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return where a segment is on an image's grid, shape ``(k, j, i)``.

        Raises:
            ValueError: The segmentation does not lie on that grid.
        """

    def others(self, grid: Grid, wall: Segment, pool: Segment | None) -> Mask | None:
        """Return where anything else is on an image's grid, ``(k, j, i)``, if a voxel belongs to one structure only."""

    def with_changes(
        self, grid: Grid, wall: Segment, before: Mask, after: Mask, pool: Segment | None, new_pool: Mask | None
    ) -> SegmentationFile:
        """Return the segmentation with a new wall, and a smaller pool where one is given.

        Args:
            grid: The image's grid, that of all masks, which have shape ``(k, j, i)``.
            wall: The myocardium.
            before: The wall as :meth:`mask_on` gave it.
            after: The wall as it shall be.
            pool: The blood pool, if given.
            new_pool: The pool as it shall be, a part of the pool as it was; given if ``pool`` is.
        """

    def write(self, path: Path) -> None:
        """Write the segmentation in the format of the path's ending.

        Raises:
            OSError: It cannot be written.
        """
