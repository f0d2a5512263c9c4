"""What label maps and ``.seg.nrrd`` files have in common for those who read a case and write its repair back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ..stack import Mask
from .choice import names_of
from .grid import Grid


@dataclass(frozen=True)
class Segment:
    """One structure of a segmentation: a label of a label map, or a segment of a ``.seg.nrrd``.

    Attributes:
        index: Its number in the header of a ``.seg.nrrd``; the label itself in a label map.
        id: Its ID, unique in the file.
        name: Its name on screen.
        layer: The layer that it lies in.
        value: Its value in that layer.
    """

    index: int
    id: str
    name: str
    layer: int
    value: int


class Change(NamedTuple):
    """A repair to be written: masks of shape ``(k, j, i)`` on the image's grid.

    Attributes:
        walls: The segments of the myocardium; what is added gets the first, and all that stay keep their own.
        before: The wall as it was read, all segments together.
        after: The repaired wall.
        pool: The blood pool, if given.
        new_pool: The new pool, a part of the pool as it was; given if ``pool`` is.
    """

    walls: Sequence[Segment]
    before: Mask
    after: Mask
    pool: Segment | None
    new_pool: Mask | None


class NamedSegments:
    """Segments that are chosen by name or ID."""

    path: Path
    segments: tuple[Segment, ...]

    def has(self, name: str) -> bool:
        """Return whether there is a segment of this name or ID, in small or capital letters."""
        return any(name == segment.id or name.casefold() == segment.name.casefold() for segment in self.segments)

    def choose(self, name: str | None, what: str, option: str, taken: Segment | None = None) -> Segment:
        """Return the segment to use: the one that was asked for, or the only one there is.

        Args:
            name: A name or an ID, or ``None``.
            what: What it stands for, for messages.
            option: The option that chooses it, for messages.
            taken: A segment that is already something else.

        Raises:
            ValueError: There is no such segment or several, it stands for something else, or it is not clear.
        """
        listed = ", ".join(repr(segment.name) for segment in self.segments)
        if name is None:
            free = [segment for segment in self.segments if segment != taken]
            if len(free) == 1:
                self.check_own_voxels(free[0])
                return free[0]
            raise ValueError(f"{self.path} has the segments {listed}. Say which is the {what} with {option}.")
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
        """Return the segments of the myocardium, each once; a name may be several with commas between them.

        Raises:
            ValueError: As for :meth:`choose`.
        """
        parts: list[str | None] = []
        for name in names:
            parts += [name] if self.has(name) else names_of(name) or [name]
        found = [self.choose(part, "myocardium", "--segment", taken=pool) for part in parts or [None]]
        return tuple(dict.fromkeys(found))

    def others(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> None:
        """Return nothing: segments may overlap, so the wall takes no voxel from another segment."""

    def check_own_voxels(self, chosen: Segment) -> None:
        """Check that a segment's voxels are no other segment's, too.

        Raises:
            ValueError: They are.
        """


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

    def others(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Mask | None:
        """Return where anything else is on an image's grid, ``(k, j, i)``, if a voxel belongs to one structure only."""

    def with_changes(self, grid: Grid, change: Change) -> SegmentationFile:
        """Return the segmentation with a new wall, and a smaller pool where one is given.

        Args:
            grid: The image's grid, that of all masks.
            change: The repair.
        """

    def write(self, path: Path) -> None:
        """Write the segmentation in the format of the path's ending.

        Raises:
            OSError: It cannot be written.
        """
