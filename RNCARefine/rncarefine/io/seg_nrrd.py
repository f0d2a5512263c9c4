"""Segmentations as 3D Slicer writes them (``.seg.nrrd``): named segments that may overlap, in one or more layers.

slicerio tells what the file means. The header is written back as it was read, field by field, so that names, colours,
terminology, status and whatever else other programs have put there stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stack import Mask
from .grid import Grid
from .segmentation_file import Segment

ENDING = ".seg.nrrd"
_BINARY = "Binary labelmap"
_OFFSET = "Segmentation_ReferenceImageExtentOffset"


@dataclass(frozen=True, eq=False)
class SegNrrd:
    """A segmentation as it is on disk.

    Attributes:
        path: Where it was read.
        header: The NRRD header.
        layers: Voxels, shape ``(layer, k, j, i)``.
        segments: The segments, in the order of the file.
        grid: The place of the voxels in space, often smaller than the image that was segmented.
    """

    path: Path
    header: dict[str, Any]
    layers: NDArray[Any]
    segments: tuple[Segment, ...]
    grid: Grid

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
                return found[0]
        raise ValueError(f"{self.path} has no segment {name!r} for the {what}; it has {listed}. Change {option}.")

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return where a segment is on an image's grid, shape ``(k, j, i)``.

        Raises:
            ValueError: The voxels do not coincide, or part of the segment lies outside the image.
        """
        there = self.layers[segment.layer] == segment.value
        mask = np.zeros(grid.size[::-1], dtype=np.uint8)
        place, part = self._overlap(grid)
        mask[place] = there[part]
        if int(mask.sum()) != int(there.sum()):
            raise ValueError(
                f"{self.path}: segment {segment.name!r} reaches beyond the image. Crop it to the image first."
            )
        return mask

    def others(self, wall: Segment, pool: Segment | None) -> None:
        """Return nothing: segments may overlap, so the wall takes no voxel from another segment."""

    def with_changes(
        self, grid: Grid, wall: Segment, before: Mask, after: Mask, pool: Segment | None, new_pool: Mask | None
    ) -> SegNrrd:
        """Return the segmentation with a new wall, and a smaller pool where one is given; all else as it was.

        Where the new wall overlaps another segment of its layer, which may not be touched, it moves to a layer of its
        own, as Slicer stores overlapping segments.

        The arguments are those of :meth:`rncarefine.io.segmentation_file.SegmentationFile.with_changes`.
        """
        grown = self._grown(grid, after)
        place, part = grown._overlap(grid)
        layers = grown.layers.copy()

        def laid(mask: Mask) -> NDArray[np.bool_]:
            full = np.zeros(layers.shape[1:], dtype=bool)
            full[part] = mask[place] != 0
            return full

        if pool is not None and new_pool is not None:
            layer = layers[pool.layer]
            layer[(layer == pool.value) & ~laid(new_pool)] = 0
        layer = layers[wall.layer]
        added, removed = laid(after) & ~laid(before), laid(before) & ~laid(after)
        header = dict(grown.header)
        if (layer[added] == 0).all():
            layer[removed] = 0
            layer[added] = wall.value
        else:
            layer[layer == wall.value] = 0
            layers = np.concatenate([layers, (laid(after) * wall.value).astype(layers.dtype)[None]])
            wall = Segment(wall.index, wall.id, wall.name, len(layers) - 1, wall.value)
            header[f"Segment{wall.index}_Layer"] = str(wall.layer)
        segments = tuple(wall if segment.index == wall.index else segment for segment in self.segments)
        # Slicer reads of a layer only what lies in the extent of its segments.
        extent = " ".join(f"0 {length - 1}" for length in layers.shape[:0:-1])
        for segment in segments:
            if segment.layer == wall.layer:
                header[f"Segment{segment.index}_Extent"] = extent
        return SegNrrd(self.path, header, layers, segments, grown.grid)

    def write(self, path: Path) -> None:
        """Write the segmentation.

        Raises:
            OSError: It cannot be written.
        """
        nrrd = _slicerio()[1]
        header = {key: value for key, value in self.header.items() if key not in _FROM_VOXELS}
        directions = self.grid.ijk_to_lps[:3, :3].T
        header["space"] = "left-posterior-superior"
        header["space origin"] = self.grid.ijk_to_lps[:3, 3]
        voxels = self.layers.transpose(0, 3, 2, 1)
        kinds = ["domain"] * 3
        if len(voxels) == 1:
            voxels = voxels[0]
        else:
            kinds = ["list", *kinds]
            directions = np.vstack([np.full(3, np.nan), directions])
        if len(kinds) != len(header.get("kinds", kinds)):
            header = {key: value for key, value in header.items() if key not in _PER_AXIS}
        header["kinds"] = kinds
        header["space directions"] = directions
        nrrd.write(str(path), np.asfortranarray(voxels), header)

    def _overlap(self, grid: Grid) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return what both grids cover, as slices ``(k, j, i)`` of the image and of the layers."""
        offset = grid.offset_of(self.grid)
        if offset is None:
            raise ValueError(
                f"{self.path}: the segmentation does not lie on the voxels of the image. Segmentation: {self.grid}. "
                f"Image: {grid}. Resample the segmentation to the image, or choose the image that was segmented."
            )
        place, part = [], []
        for start, own, full in zip(offset, self.grid.size, grid.size, strict=True):
            low, high = max(start, 0), max(min(start + own, full), max(start, 0))
            place.append(slice(low, high))
            part.append(slice(low - start, high - start))
        return tuple(place[::-1]), tuple(part[::-1])

    def _grown(self, grid: Grid, after: Mask) -> SegNrrd:
        """Return the segmentation with enough background around it for a mask on the image's grid."""
        place, _ = self._overlap(grid)
        if int(after[place].sum()) == int(after.sum()):
            return self
        start = np.array(grid.offset_of(self.grid))
        before = np.maximum(start, 0)
        behind = np.maximum(np.array(grid.size) - (start + np.array(self.grid.size)), 0)
        layers = np.pad(self.layers, [(0, 0), *zip(before[::-1], behind[::-1], strict=True)])
        matrix = self.grid.ijk_to_lps.copy()
        matrix[:3, 3] -= matrix[:3, :3] @ before
        i, j, k = (int(size) for size in np.array(self.grid.size) + before + behind)
        header = dict(self.header)
        if _OFFSET in header:
            header[_OFFSET] = _moved(header[_OFFSET], -before)
        for segment in self.segments:
            key = f"Segment{segment.index}_Extent"
            if key in header:
                header[key] = _moved(header[key], np.repeat(before, 2))
        return SegNrrd(self.path, header, layers, self.segments, Grid((i, j, k), matrix))


_FROM_VOXELS = ("type", "dimension", "sizes", "endian", "data file", "datafile", "space dimension")
"""Header fields that the voxels themselves tell, or that belong to a file of two parts."""

_PER_AXIS = ("centers", "centerings", "spacings", "thicknesses", "axis mins", "axis maxs", "labels", "units")
"""Optional header fields with an entry an axis, which no longer fit when the number of axes changes."""


def read_seg_nrrd(path: Path) -> SegNrrd:
    """Read a segmentation with its segments.

    Raises:
        ValueError: The file is missing, cannot be read, or has no segments; or slicerio is not installed.
    """
    slicerio, nrrd = _slicerio()
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file. Check the path of the segmentation.")
    try:
        content = slicerio.read_segmentation(str(path))
        header = dict(nrrd.read_header(str(path)))
    except Exception as error:  # slicerio and pynrrd raise whatever a broken header led to
        raise ValueError(f"{path}: the segmentation cannot be read ({error}).") from error
    voxels = np.asarray(content["voxels"])
    if voxels.ndim not in (3, 4) or voxels.dtype.kind not in "iu":
        raise ValueError(f"{path}: a segmentation holds whole numbers in three dimensions, with or without layers.")
    for key in ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation"):
        if header.get(key, _BINARY) != _BINARY:
            raise ValueError(
                f"{path}: the segmentation is stored as {header[key]!r}. In Slicer, make the binary labelmap its "
                "source representation and save it again."
            )
    layers = (voxels if voxels.ndim == 4 else voxels[None]).transpose(0, 3, 2, 1)
    segments = _segments(header, content["segments"])
    if not segments:
        raise ValueError(f"{path} has no segments. If it is a label map, name it .nrrd rather than {ENDING}.")
    for segment in segments:
        if not 0 <= segment.layer < len(layers):
            raise ValueError(f"{path}: segment {segment.name!r} is in layer {segment.layer}, which is not there.")
    k, j, i = layers.shape[1:]
    return SegNrrd(path, header, np.ascontiguousarray(layers), segments, Grid((i, j, k), content["ijkToLPS"]))


def _segments(header: Mapping[str, Any], content: list[dict[str, Any]]) -> tuple[Segment, ...]:
    """Pair slicerio's segments with their numbers in the header, which both go by."""
    numbers = sorted({int(key[7 : key.index("_")]) for key in header if _is_segment_field(key)})
    return tuple(
        Segment(
            index=number,
            id=str(entry["id"]),
            name=str(entry.get("name", entry["id"])),
            layer=int(entry.get("layer", 0)),
            value=int(entry.get("labelValue", 1)),
        )
        for number, entry in zip(numbers, content, strict=True)
    )


def _is_segment_field(key: str) -> bool:
    number, _, field = key.removeprefix("Segment").partition("_")
    return key.startswith("Segment") and number.isdigit() and field != ""


def _moved(text: str, by: NDArray[np.int_]) -> str:
    return " ".join(str(int(value) + int(step)) for value, step in zip(text.split(), by, strict=True))


def _slicerio() -> tuple[Any, Any]:
    """Return slicerio and the NRRD reader it is built on."""
    try:
        import nrrd
        import slicerio
    except ImportError as error:
        raise ValueError(f'{ENDING} files need slicerio. Install it with: pip install "rncarefine[cli]"') from error
    return slicerio, nrrd
