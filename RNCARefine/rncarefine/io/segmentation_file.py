"""Common interface of label maps, ``.seg.nrrd`` and DICOM SEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from ..stack import Mask, numbered
from .choice import parse_names
from .grid import Grid

MAX_SHARED = 0.5
"""A segment that covers a larger share of the given wall, such as the whole heart, is no rival of the wall."""


@dataclass(frozen=True)
class Segment:
    """A structure of a segmentation: a label of a label map, or a named segment.

    Attributes:
        index: Number in the header; in a label map, the label.
        id: ID, unique in the file.
        name: Displayed name.
        layer: Layer of the segment.
        value: Value in that layer.
    """

    index: int
    id: str
    name: str
    layer: int
    value: int


class Change(NamedTuple):
    """A repair to write: masks of shape ``(k, j, i)`` on the image's grid.

    Attributes:
        walls: Segments of the myocardium; added voxels get the first, all others keep theirs.
        before: Union of the segments of the wall before the repair.
        after: Repaired wall.
        pool: Blood pool, if given.
        new_pool: Blood pool after the repair, a subset of the previous one; given if ``pool`` is.
    """

    walls: Sequence[Segment]
    before: Mask
    after: Mask
    pool: Segment | None
    new_pool: Mask | None


def is_rival(mask: Mask, wall: Mask) -> bool:
    """Return whether a segment may compete with the wall: it does not cover most of the given one."""
    return int(np.count_nonzero(mask & wall)) <= MAX_SHARED * int(np.count_nonzero(wall))


class NamedSegments:
    """Selection of segments by name or ID."""

    path: Path
    segments: tuple[Segment, ...]
    exclusive = False

    def has(self, name: str) -> bool:
        """Return whether there is a segment of this ID or, ignoring case, of this name."""
        return any(name == segment.id or name.casefold() == segment.name.casefold() for segment in self.segments)

    def choose(self, name: str | None, what: str, option: str, taken: Segment | None = None) -> Segment:
        """Return a segment: the requested one, or the only one.

        Args:
            name: Requested name or ID, or ``None``.
            what: Name of the structure, for messages.
            option: Option that selects it, for messages.
            taken: Segment that is already selected for another structure.

        Raises:
            ValueError: There is no such segment or several, it is already selected, or none is requested and there are
                several.
        """
        listed = ", ".join(repr(segment.name) for segment in self.segments)
        if name is None:
            free = [segment for segment in self.segments if segment != taken]
            if len(free) == 1:
                self.check_own_voxels(free[0])
                return free[0]
            raise ValueError(f"{self.path} has the segments {listed}. Choose the {what} with {option}.")
        tests = (
            lambda segment: segment.name == name,
            lambda segment: segment.id == name,
            lambda segment: segment.name.casefold() == name.casefold(),
        )
        for test in tests:
            found = [segment for segment in self.segments if test(segment)]
            if len(found) > 1:
                ids = ", ".join(segment.id for segment in found)
                raise ValueError(f"{self.path} has several segments {name!r}. Give the ID with {option}: {ids}.")
            if found:
                if found[0] == taken:
                    raise ValueError(f"Segment {name!r} cannot be both myocardium and blood pool. Change {option}.")
                self.check_own_voxels(found[0])
                return found[0]
        raise ValueError(f"{self.path} has no segment {name!r} for the {what}; it has {listed}. Change {option}.")

    def choose_walls(self, names: Sequence[str], pool: Segment | None) -> tuple[Segment, ...]:
        """Return the segments of the myocardium, each once; a name may be several separated by commas.

        Raises:
            ValueError: As for :meth:`choose`.
        """
        parts: list[str | None] = []
        for name in names:
            parts += [name] if self.has(name) else parse_names(name) or [name]
        found = [self.choose(part, "myocardium", "--segment", taken=pool) for part in parts or [None]]
        return tuple(dict.fromkeys(found))

    def rivals(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Iterator[tuple[Segment, Mask]]:
        """Yield the other segments with their masks on an image's grid; see :func:`is_rival`.

        Parts outside the image are left out.
        """
        wall = np.logical_or.reduce([self.part_on(grid, each) for each in walls]).astype(np.uint8)
        for segment in self.segments:
            if segment in (*walls, pool) or self.is_review(segment):
                continue
            mask = self.part_on(grid, segment)
            if is_rival(mask, wall):
                yield segment, mask

    def others(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Mask | None:
        """Return the :meth:`rivals`, numbered from 1, shape ``(k, j, i)``; ``None`` if there are none."""
        return numbered(mask for _, mask in self.rivals(grid, walls, pool))

    def part_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the part of a segment on an image's grid, shape ``(k, j, i)``.

        Raises:
            ValueError: The voxels do not coincide.
        """
        raise NotImplementedError

    def is_review(self, segment: Segment) -> bool:
        """Return whether Slicer shows the changes of an earlier repair with this segment."""
        return False

    def check_own_voxels(self, chosen: Segment) -> None:
        """Check that no other segment shares the voxels of a segment.

        Raises:
            ValueError: Another segment has the same voxels.
        """


class SegmentationFile(Protocol):
    """A segmentation as stored on disk."""

    @property
    def path(self) -> Path:
        """Return the path of the file."""

    @property
    def grid(self) -> Grid:
        """Return the grid of the voxels."""

    @property
    def exclusive(self) -> bool:
        """Return whether a voxel has one label, so that the new wall takes voxels from others."""

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the mask of a segment on an image's grid, shape ``(k, j, i)``.

        Raises:
            ValueError: The voxels do not coincide, or part of the segment lies outside the image.
        """

    def others(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Mask | None:
        """Return the :meth:`rivals`, numbered from 1, ``(k, j, i)``, or ``None``; the new wall is judged by them."""

    def rivals(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Iterator[tuple[Segment, Mask]]:
        """Yield the other labels or segments that may compete with the wall, with their masks ``(k, j, i)``."""

    def with_changes(self, grid: Grid, change: Change) -> SegmentationFile:
        """Return the segmentation with a new wall and, if given, a new pool.

        Args:
            grid: Grid of the image and of all masks.
            change: The repair.
        """

    def write(self, path: Path) -> None:
        """Write the segmentation in the format given by the file extension.

        Raises:
            OSError: The file cannot be written.
        """
