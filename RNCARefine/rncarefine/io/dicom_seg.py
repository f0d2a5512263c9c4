"""Read and write DICOM segmentations (SEG); writing uses highdicom."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..atomic import named
from ..stack import Mask
from .dicom_series import DicomSeries, require_pydicom
from .grid import Grid
from .raw import one_line, reading
from .segmentation_file import Change, NamedSegments, Segment

SEG_ENDING = ".dcm"


@dataclass(frozen=True, eq=False)
class SegFrame:
    """One frame of a segmentation.

    Attributes:
        segment: Number of the segment.
        origin: Position of the first pixel in mm, LPS.
        pixels: Mask of the segment, shape ``(j, i)``.
    """

    segment: int
    origin: NDArray[np.float64]
    pixels: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DicomSeg(NamedSegments):
    """A DICOM segmentation; segments may overlap, slices without a frame are empty.

    Attributes:
        path: Path of the file.
        segments: Segments in the order of the file.
        dataset: Header.
        frames: Frames.
        axes: Steps along ``(i, j)`` in mm, LPS, shape (3, 2).
        thickness: Slice spacing in mm.
        series: The segmented series; ``None`` if only masks are compared.
        changed: Masks on the grid of the series that replace the frames, by segment number.
    """

    path: Path
    segments: tuple[Segment, ...]
    dataset: Any
    frames: tuple[SegFrame, ...]
    axes: NDArray[np.float64]
    thickness: float
    series: DicomSeries | None
    changed: dict[int, Mask]

    @property
    def grid(self) -> Grid:
        """Smallest grid that contains all frames."""
        normal = np.cross(self.axes[:, 0], self.axes[:, 1])
        normal = normal / np.linalg.norm(normal)
        places = [float(frame.origin @ normal) for frame in self.frames]
        first = self.frames[int(np.argmin(places))]
        count = round((max(places) - min(places)) / self.thickness) + 1
        matrix = np.eye(4)
        matrix[:3, :2], matrix[:3, 2], matrix[:3, 3] = self.axes, normal * self.thickness, first.origin
        j, i = first.pixels.shape
        return Grid((i, j, count), matrix)

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the mask of a segment on an image's grid, shape ``(k, j, i)``.

        Raises:
            ValueError: The pixels do not coincide, or part of the segment lies outside the image.
        """
        if segment.value in self.changed and self.series is not None:
            turn = grid.turn_of(self.series.grid)
            assert turn is not None
            return turn.apply(self.changed[segment.value])
        mask = np.zeros(grid.size[::-1], dtype=np.uint8)
        if self._outside(grid, segment, mask):
            raise ValueError(
                f"{self.path}: the segmentation extends beyond the image. Choose the segmented series with all of its "
                "slices."
            )
        return mask

    def part_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the part of a segment on an image's grid, as read, shape ``(k, j, i)``.

        Raises:
            ValueError: The pixels do not coincide.
        """
        mask = np.zeros(grid.size[::-1], dtype=np.uint8)
        self._outside(grid, segment, mask)
        return mask

    def _outside(self, grid: Grid, segment: Segment, mask: Mask) -> int:
        """Add the pixels of a segment to a mask on the image's grid, and return how many lie outside."""
        frames = [frame for frame in self.frames if frame.segment == segment.value and frame.pixels.any()]
        return sum(self._add_frame(frame, grid, mask) for frame in frames)

    def _add_frame(self, frame: SegFrame, grid: Grid, mask: Mask) -> int:
        """Add the pixels of a frame to a mask on the image's grid, and return how many lie outside."""
        normal = np.cross(self.axes[:, 0], self.axes[:, 1])
        steps = grid.ijk_to_lps[:3, :3]
        along = steps[:, int(np.abs(normal @ (steps / np.linalg.norm(steps, axis=0))).argmax())]
        matrix = np.eye(4)
        matrix[:3, :2], matrix[:3, 2], matrix[:3, 3] = self.axes, along, frame.origin
        own = Grid((frame.pixels.shape[1], frame.pixels.shape[0], 1), matrix)
        turn = grid.turn_of(own)
        offset = None if turn is None else grid.offset_of(own.turned(turn))
        if turn is None or offset is None:
            raise ValueError(
                f"{self.path}: the pixels of the segmentation and the image do not coincide. Segmentation: {own}. "
                f"Image: {grid}. Choose the series that was segmented."
            )
        pixels = turn.apply(frame.pixels[None])
        places = np.argwhere(pixels) + np.array(offset[::-1])
        inside = ((places >= 0) & (places < mask.shape)).all(axis=1)
        mask[tuple(places[inside].T)] = 1
        return int((~inside).sum())

    def with_changes(self, grid: Grid, change: Change) -> DicomSeg:
        """Return the segmentation with a new wall and, if given, a new pool; everything else is unchanged.

        Raises:
            ValueError: The image is not a DICOM series.
        """
        if self.series is None:
            raise ValueError(
                f"{self.path}: a DICOM segmentation refers to the series that was segmented. Give the DICOM series as "
                "the image."
            )
        walls, before, after, pool, new_pool = change
        back = self.series.grid.turn_of(grid)
        assert back is not None
        kept = {wall.value: self.mask_on(grid, wall) & after for wall in walls}
        kept[walls[0].value] |= after & (1 - before)
        changed = {number: back.apply(mask) for number, mask in kept.items()}
        if pool is not None and new_pool is not None:
            changed[pool.value] = back.apply(new_pool)
        return replace(self, changed={**self.changed, **changed})

    def write(self, path: Path) -> None:
        """Write the segmentation, with references to the images of the series.

        Raises:
            OSError: The file cannot be written.
        """
        import highdicom
        from pydicom.uid import generate_uid

        assert self.series is not None
        masks = np.stack([self.mask_on(self.series.grid, segment) for segment in self.segments], axis=-1)
        dataset = self.dataset
        described = {int(item.SegmentNumber): item for item in dataset.SegmentSequence}
        descriptions = []
        # Segment numbers of a binary DICOM SEG are consecutive, from 1.
        for number, segment in enumerate(self.segments, 1):
            item = deepcopy(described[segment.value])
            item.SegmentNumber = number
            descriptions.append(highdicom.seg.SegmentDescription.from_dataset(item, copy=False))
        try:
            content = highdicom.seg.Segmentation(
                source_images=list(self.series.instances),
                pixel_array=masks,
                segmentation_type="BINARY",
                segment_descriptions=descriptions,
                series_instance_uid=generate_uid(),
                series_number=int(dataset.get("SeriesNumber") or 1),
                sop_instance_uid=generate_uid(),
                instance_number=int(dataset.get("InstanceNumber") or 1),
                manufacturer="RNCARefine",
                manufacturer_model_name="rncarefine",
                software_versions=__version__,
                device_serial_number=str(dataset.get("DeviceSerialNumber") or "0"),
                omit_empty_frames=True,
                content_label=str(dataset.get("ContentLabel") or "SEGMENTATION"),
                content_description=dataset.get("ContentDescription") or None,
                content_creator_name=dataset.get("ContentCreatorName") or None,
            )
            for name in ("SeriesDescription", "BodyPartExamined", "ClinicalTrialProtocolID"):
                if name in dataset:
                    setattr(content, name, dataset.get(name))
            content.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
            content.save_as(path)
        except OSError:
            raise
        except Exception as error:  # highdicom raises various errors for an incomplete series
            raise OSError(f"{named(path)}: the DICOM segmentation cannot be written ({one_line(error)})") from error


def read_dicom_seg(path: Path, series: DicomSeries | None = None) -> DicomSeg:
    """Read a DICOM segmentation.

    Args:
        path: The file.
        series: The segmented series.

    Raises:
        ValueError: The file is invalid. The message names the file and the remedy.
    """
    pydicom = require_pydicom()
    with reading(path, "DICOM segmentation", "Export it again.", own=(f"{path}:",)):
        dataset = pydicom.dcmread(path)
        kind = str(dataset.get("SegmentationType", ""))
        if dataset.get("Modality") != "SEG" or kind not in ("BINARY", "LABELMAP", "FRACTIONAL"):
            raise ValueError(f"{path}: the file is not a DICOM SEG. Export the segmentation as DICOM SEG.")
        if kind == "FRACTIONAL":
            raise ValueError(
                f"{path}: the segmentation is fractional. Threshold it and save it as a binary segmentation."
            )
        segments = tuple(
            Segment(
                index=int(item.SegmentNumber),
                id=str(item.SegmentNumber),
                name=str(item.get("SegmentLabel") or f"Segment {item.SegmentNumber}"),
                layer=int(item.SegmentNumber),
                value=int(item.SegmentNumber),
            )
            for item in dataset.SegmentSequence
            if kind != "LABELMAP" or int(item.SegmentNumber) > 0  # 0 is the background
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of irrelevant values
            frames, axes, thickness = _frames(dataset, kind, [segment.value for segment in segments])
    if not frames:
        raise ValueError(f"{path}: the segmentation is empty. Choose a file with a segment of the myocardium.")
    if series is not None:
        ours, theirs = dataset.get("FrameOfReferenceUID"), series.instances[0].get("FrameOfReferenceUID")
        if ours and theirs and ours != theirs:
            raise ValueError(
                f"{path}: the segmentation and {series.path} have different frames of reference. Choose the series "
                "that was segmented."
            )
    return DicomSeg(path, segments, dataset, tuple(frames), axes, thickness, series, {})


def _frames(dataset: Any, kind: str, numbers: list[int]) -> tuple[list[SegFrame], NDArray[np.float64], float]:
    """Return the frames, the steps along a row and a column, and the slice spacing in mm."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    pixels = np.asarray(dataset.pixel_array)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    frames = []
    axes, thickness = None, 0.0
    for group, values in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):

        def found(name: str, group: Any = group) -> Any:
            return (group if name in group else shared)[name].value[0]

        cosines = np.array([float(v) for v in found("PlaneOrientationSequence").ImageOrientationPatient])
        measures = found("PixelMeasuresSequence")
        rows, columns = (float(v) for v in measures.PixelSpacing)
        own = np.column_stack([cosines[:3] * columns, cosines[3:] * rows])
        if not np.isfinite(own).all() or (axes is not None and np.abs(own - axes).max() > 1e-3):
            raise ValueError("its frames are not parallel")
        axes = own
        thickness = float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1)
        origin = np.array([float(v) for v in found("PlanePositionSequence").ImagePositionPatient])
        if kind == "LABELMAP":
            frames += [SegFrame(number, origin, values == number) for number in numbers]
        else:
            number = int(found("SegmentIdentificationSequence").ReferencedSegmentNumber)
            frames.append(SegFrame(number, origin, values != 0))
    if axes is None:
        axes = np.eye(3)[:, :2]
    return frames, axes, thickness
