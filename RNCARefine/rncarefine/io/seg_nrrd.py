"""Read and write segmentations of 3D Slicer (``.seg.nrrd``): named segments, which may overlap, in one or more layers.

Names, colours, terminology, status and entries of other programs in the header are kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..refine.review_tags import REVIEW_TAG
from ..stack import Mask
from .grid import Grid
from .label_map import check_spacing, is_file
from .nrrd_file import NrrdHeader, escaped, nrrd_bytes, read_nrrd, unescaped
from .raw import reading
from .segmentation_file import Change, NamedSegments, Segment

ENDING = ".seg.nrrd"
_BINARY = "Binary labelmap"
_OFFSET = "Segmentation_ReferenceImageExtentOffset"


@dataclass(frozen=True, eq=False)
class SegNrrd(NamedSegments):
    """A ``.seg.nrrd`` file.

    Attributes:
        path: Path of the file.
        header: NRRD header.
        layers: Voxels, shape ``(layer, k, j, i)``.
        segments: Segments in the order of the file.
        grid: Grid of the voxels, often smaller than that of the image.
    """

    path: Path
    header: NrrdHeader
    layers: NDArray[Any]
    segments: tuple[Segment, ...]
    grid: Grid

    @property
    def image_grid(self) -> Grid:
        """Return the grid extended to the first voxel of the segmented image, of which Slicer stores a part."""
        try:
            first = np.array([int(index) for index in self.header.notes.get(_OFFSET, "0 0 0").split()])
            i, j, k = (int(length) for length in self.grid.size + first)
        except ValueError:
            return self.grid  # invalid, written by another program
        matrix = self.grid.ijk_to_lps.copy()
        matrix[:3, 3] -= matrix[:3, :3] @ first
        return Grid((i, j, k), matrix)

    def check_own_voxels(self, chosen: Segment) -> None:
        """Check that no other segment shares the voxels of a segment.

        Raises:
            ValueError: Another segment has the same value in the same layer.
        """
        for other in self.segments:
            if other != chosen and (other.layer, other.value) == (chosen.layer, chosen.value):
                missing = f"Segment{chosen.index}_LabelValue" not in self.header.notes
                raise ValueError(
                    f"{self.path}: the segments {chosen.name!r} and {other.name!r} have the same voxels: both have the "
                    f"value {chosen.value} in layer {chosen.layer}"
                    + (", since the header gives no label values (SegmentN_LabelValue)" if missing else "")
                    + ". Correct the values in the header, or save the segmentation again from 3D Slicer."
                )

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the mask of a segment on an image's grid, shape ``(k, j, i)``; the file may have another orientation.

        Raises:
            ValueError: The voxels do not coincide, or part of the segment lies outside the image.
        """
        mask = self.part_on(grid, segment)
        if np.count_nonzero(mask) != np.count_nonzero(self.layers[segment.layer] == segment.value):
            raise ValueError(
                f"{self.path}: segment {segment.name!r} extends beyond the image. Choose the image that was segmented, "
                "or crop the segment to this image."
            )
        return mask

    def part_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the part of a segment on an image's grid, shape ``(k, j, i)``; see :meth:`mask_on`.

        Raises:
            ValueError: The voxels do not coincide.
        """
        turn = grid.turn_of(self.grid)
        there = self.layers[segment.layer] == segment.value
        own = self.grid
        if turn is not None:
            there, own = turn.apply(there), self.grid.turned(turn)
        mask = np.zeros(grid.size[::-1], dtype=np.uint8)
        place, part = self._overlap(grid, own)
        mask[place] = there[part]
        return mask

    def is_review(self, segment: Segment) -> bool:
        """Return whether Slicer shows the changes of an earlier repair with this segment."""
        return any(name == REVIEW_TAG for name in map(_tag_name, self._tags(segment)))

    def with_changes(self, grid: Grid, change: Change) -> SegNrrd:
        """Return the segmentation with a new wall and, if given, a new pool; everything else is unchanged.

        If the new wall overlaps another segment of its layer, it is moved to a new layer, as Slicer stores overlapping
        segments.
        """
        walls, before, after, pool, new_pool = change
        turn = grid.turn_of(self.grid)
        if turn is not None:  # to the orientation of the file
            back = turn.inverse
            grid, before, after = grid.turned(back), back.apply(before), back.apply(after)
            new_pool = None if new_pool is None else back.apply(new_pool)
        grown = self._grown(grid, after)
        place, part = grown._overlap(grid, grown.grid)
        layers = grown.layers.copy()

        def laid(mask: Mask) -> NDArray[np.bool_]:
            full = np.zeros(layers.shape[1:], dtype=bool)
            full[part] = mask[place] != 0
            return full

        if pool is not None and new_pool is not None:
            layer = layers[pool.layer]
            layer[(layer == pool.value) & ~laid(new_pool)] = 0
        added, removed = laid(after) & ~laid(before), laid(before) & ~laid(after)
        for part_of_wall in walls:
            layer = layers[part_of_wall.layer]
            layer[(layer == part_of_wall.value) & removed] = 0
        wall = walls[0]
        layer = layers[wall.layer]
        notes: dict[str, str] = {}
        if (layer[added] == 0).all():
            layer[added] = wall.value
        else:
            own = (layer == wall.value) | added
            layer[layer == wall.value] = 0
            layers = np.concatenate([layers, (own * wall.value).astype(layers.dtype)[None]])
            wall = Segment(wall.index, wall.id, wall.name, len(layers) - 1, wall.value)
            # Without both fields Slicer assumes one layer per segment.
            for segment in self.segments:
                layer_of = wall.layer if segment.index == wall.index else segment.layer
                notes[f"Segment{segment.index}_Layer"] = str(layer_of)
                notes.setdefault(f"Segment{segment.index}_LabelValue", str(segment.value))
        segments = tuple(wall if segment.index == wall.index else segment for segment in self.segments)
        # Slicer reads only the extent of the segments of a layer.
        extent = " ".join(f"0 {length - 1}" for length in layers.shape[:0:-1])
        for segment in segments:
            if segment.layer == wall.layer:
                notes[f"Segment{segment.index}_Extent"] = extent
        return SegNrrd(self.path, grown.header.with_notes(**notes), layers, segments, grown.grid)

    def with_tags(self, chosen: Segment, tags: Mapping[str, str], replaced: Collection[str]) -> SegNrrd:
        """Return the segmentation with tags added to a segment, as Slicer writes them.

        Args:
            chosen: The segment.
            tags: Values by name, without the character ``|``.
            replaced: Names of tags to remove first.
        """
        key = f"Segment{chosen.index}_Tags"
        kept = [tag for tag in self._tags(chosen) if _tag_name(tag) not in replaced]
        new = [f"{name}:{escaped(value)}" for name, value in tags.items()]
        text = "".join(f"{tag}|" for tag in (*kept, *new))
        return SegNrrd(self.path, self.header.with_notes(**{key: text}), self.layers, self.segments, self.grid)

    def _tags(self, segment: Segment) -> list[str]:
        return [tag for tag in self.header.notes.get(f"Segment{segment.index}_Tags", "").split("|") if tag.strip()]

    def write(self, path: Path) -> None:
        """Write the segmentation.

        Raises:
            OSError: The file cannot be written.
        """
        # Files of Slicer 4.10 and before have four axes and one segment per component, even if there is only one.
        layered = len(self.layers) > 1 or self.header.fields.get("dimension") == "4"
        voxels = self.layers.transpose(1, 2, 3, 0) if layered else self.layers[0]
        path.write_bytes(nrrd_bytes(self.header, np.ascontiguousarray(voxels), self.grid, layers=layered))

    def _overlap(self, grid: Grid, own: Grid) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return the overlap of both grids as slices ``(k, j, i)`` of the image and of the layers."""
        offset = grid.offset_of(own)
        if offset is None:
            raise ValueError(
                f"{self.path}: the voxels of the segmentation and the image do not coincide. Segmentation: "
                f"{self.grid}. Image: {grid}. Resample the segmentation to the image, or choose the segmented image."
            )
        place, part = [], []
        for start, length, full in zip(offset, own.size, grid.size, strict=True):
            low, high = max(start, 0), max(min(start + length, full), max(start, 0))
            place.append(slice(low, high))
            part.append(slice(low - start, high - start))
        return tuple(place[::-1]), tuple(part[::-1])

    def _grown(self, grid: Grid, after: Mask) -> SegNrrd:
        """Return the segmentation padded to contain a mask on the image's grid."""
        place, _ = self._overlap(grid, self.grid)
        if int(after[place].sum()) == int(after.sum()):
            return self
        start = np.array(grid.offset_of(self.grid))
        before = np.maximum(start, 0)
        behind = np.maximum(np.array(grid.size) - (start + np.array(self.grid.size)), 0)
        layers = np.pad(self.layers, [(0, 0), *zip(before[::-1], behind[::-1], strict=True)])
        matrix = self.grid.ijk_to_lps.copy()
        matrix[:3, 3] -= matrix[:3, :3] @ before
        i, j, k = (int(size) for size in np.array(self.grid.size) + before + behind)
        notes = {}
        if _OFFSET in self.header.notes:
            notes[_OFFSET] = _moved(self.header.notes[_OFFSET], -before)
        for segment in self.segments:
            key = f"Segment{segment.index}_Extent"
            if key in self.header.notes:
                notes[key] = _moved(self.header.notes[key], np.repeat(before, 2))
        return SegNrrd(self.path, self.header.with_notes(**notes), layers, self.segments, Grid((i, j, k), matrix))


def read_seg_nrrd(path: Path) -> SegNrrd:
    """Read a segmentation with its segments.

    Raises:
        ValueError: The file is missing, cannot be read, or has no segments.
    """
    if not is_file(path):
        raise ValueError(f"{path}: there is no such file. Check the path of the segmentation.")
    with reading(path, "segmentation"):
        content = read_nrrd(path)
        segmentation = _segmentation(path, content.header, content.values, content.axes, content.grid)
    check_spacing(path, "segmentation", segmentation.grid)
    return segmentation


def _segmentation(path: Path, header: NrrdHeader, values: NDArray[Any], axes: tuple[bool, ...], grid: Grid) -> SegNrrd:
    if values.ndim not in (3, 4) or values.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: a segmentation has integers in three dimensions, with or without layers. Save it again from 3D "
            "Slicer."
        )
    for key in ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation"):
        stored = header.notes.get(key, _BINARY).strip()
        if stored != _BINARY:
            raise ValueError(
                f"{path}: the segmentation is stored as {stored!r}. In Slicer, make binary labelmap the source "
                "representation and save it again."
            )
    if values.ndim == 4:
        layers = np.moveaxis(values, 3 - axes.index(False), 0)
    else:
        layers = values[None]
    segments = _segments(path, header.notes, len(layers))
    if not segments:
        raise ValueError(f"{path} has no segments. If it is a label map, rename it from {ENDING} to .nrrd.")
    for segment in segments:
        if not 0 <= segment.layer < len(layers):
            raise ValueError(
                f"{path}: segment {segment.name!r} is in layer {segment.layer}, which does not exist. Save the "
                "segmentation again from 3D Slicer."
            )
    return SegNrrd(path, header, np.ascontiguousarray(layers), segments, grid)


def _segments(path: Path, notes: dict[str, str], layers: int) -> tuple[Segment, ...]:
    """Return the segments in the order of their numbers, with the defaults of Slicer.

    Before Slicer 4.11 each segment was a component, and neither layers nor values were written.
    """
    numbers = sorted({int(found[1]) for key in notes if (found := re.fullmatch(r"Segment(\d{1,6})_\w+", key))})
    segments = []
    for place, number in enumerate(numbers):

        def whole(name: str, otherwise: int, number: int = number) -> int:
            text = notes.get(f"Segment{number}_{name}", str(otherwise)).strip()
            if not re.fullmatch(r"[+-]?\d{1,18}", text):
                raise ValueError(
                    f"{path}: Segment{number}_{name} in the header is {text[:40]!a}, not a whole number. Save the "
                    "segmentation again from 3D Slicer."
                )
            return int(text)

        identity = unescaped(notes.get(f"Segment{number}_ID", f"Segment_{number + 1}"))
        layer = whole("Layer", place if layers > 1 else 0)
        name = unescaped(notes.get(f"Segment{number}_Name", identity))
        segments.append(Segment(number, identity, name, layer, whole("LabelValue", 1)))
    return tuple(segments)


def _tag_name(tag: str) -> str:
    return tag.partition(":")[0].strip()


def _moved(text: str, by: NDArray[np.int_]) -> str:
    try:
        return " ".join(str(int(value) + int(step)) for value, step in zip(text.split(), by, strict=True))
    except ValueError:
        return text  # invalid, written by another program
