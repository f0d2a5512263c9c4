"""Read images and label maps (NIfTI, NRRD, MetaImage), and write label maps."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..atomic import named
from ..stack import Mask, numbered
from .grid import Grid, spacing_fault
from .meta_image import read_meta_image
from .nifti import NiftiHeader, check_frames, copy_header, nifti_bytes, read_nifti, several_values
from .nrrd_file import NrrdHeader, nrrd_bytes, read_nrrd, unescaped
from .raw import reading
from .segmentation_file import Change, Segment

PHOTOGRAPHS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""File extensions of pictures."""
OTHER_PHOTOGRAPHS = (".webp", ".bmp", ".gif", ".heic", ".heif", ".avif", ".jp2")
"""File extensions of pictures that are not read."""
READABLE = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")
"""Formats of one file, which can be written atomically."""
TWO_FILES = (".nhdr", ".mhd")
WHOLE = 0.001
"""Tolerance of labels to whole numbers: files may scale them."""
LARGEST_LABEL = 2**31 - 1
MAX_STRUCTURES, MIN_EQUAL = 20, 0.5
"""A file with more labels and a smaller share of equal neighbours is an image: 0.14 to 0.30 in cardiac MR of 8 bits, at
least 0.89 in label maps."""
MAX_LISTED = 20
"""Maximum number of labels listed in a message."""
_ONE_AT_A_TIME = threading.RLock()
"""Lock of the redirection of standard error, which all threads share."""
_META_FIELDS = (
    "ObjectType NDims DimSize ElementType ElementDataFile ElementSpacing ElementSize ElementNumberOfChannels "
    "BinaryData BinaryDataByteOrderMSB ElementByteOrderMSB CompressedData CompressedDataSize TransformMatrix "
    "Orientation Rotation Offset Position Origin CenterOfRotation AnatomicalOrientation HeaderSize"
).split()
"""MetaImage fields that follow from voxels and geometry."""


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label map as stored on disk: each voxel has one label.

    Attributes:
        path: Path of the file.
        stored: Content of the file.
        values: Labels, shape ``(k, j, i)`` in the orientation of the file, whole numbers.
        grid: Grid of the label map.
    """

    path: Path
    stored: Stored
    values: NDArray[Any]
    grid: Grid
    exclusive = True

    def labels(self) -> list[int]:
        """Return the labels that occur, without the background."""
        return [int(label) for label in np.unique(self.values) if label != self.background]

    @cached_property
    def background(self) -> int:
        """Label of the background: usually 0, but some programs write -1, or 1 with the structures from 2."""
        labels, counts = np.unique(self.values, return_counts=True)
        most = int(labels[counts.argmax()])
        prevails = 2 * counts.max() > self.values.size and len(labels) > 1
        return most if most < 0 or (prevails and 0 not in labels) else 0

    @property
    def resembles_image(self) -> bool:
        """Whether there are many labels and neighbouring voxels rarely have the same one, as in an image."""
        if len(self.labels()) <= MAX_STRUCTURES:
            return False
        return equal_neighbours(self.values, self.background) < MIN_EQUAL

    def choose(self, label: int | None, what: str, option: str, taken: Segment | None = None) -> Segment:
        """Return a label as a segment: the requested one, or the only one.

        Args:
            label: Requested label, or ``None``.
            what: Name of the structure, for messages.
            option: Option that selects it, for messages.
            taken: Label that is already selected for another structure.

        Raises:
            ValueError: The label does not occur or is already selected, or none is requested and there are several.
        """
        present = self.labels()
        if not present:
            raise ValueError(
                f"{self.path}: the label map is empty; there is no label for the {what} ({option}). Check that it is "
                "the right file, and that the segmentation was saved."
            )
        listed = ", ".join(str(value) for value in present[:MAX_LISTED])
        if len(present) > MAX_LISTED:
            listed += f" and {len(present) - MAX_LISTED} more (it may be an image)"
        if label is None:
            free = [value for value in present if taken is None or value != taken.value]
            if len(free) == 1:
                return _segment(free[0])
            raise ValueError(f"{self.path} has the labels {listed}. Choose the {what} with {option}.")
        if label not in present:
            raise ValueError(f"{self.path} has no label {label} for the {what}; it has {listed}. Change {option}.")
        if taken is not None and label == taken.value:
            raise ValueError(f"Label {label} cannot be both myocardium and blood pool. Change {option}.")
        return _segment(label)

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return the mask of a label on an image's grid, shape ``(k, j, i)``; the file may have another orientation.

        Raises:
            ValueError: The grids differ.
        """
        return self._on(grid, self.values == segment.value)

    def others(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Mask | None:
        """Return the :meth:`rivals`, numbered from 1, shape ``(k, j, i)``; ``None`` if there are none."""
        return numbered(mask for _, mask in self.rivals(grid, walls, pool))

    def rivals(self, grid: Grid, walls: Sequence[Segment], pool: Segment | None) -> Iterator[tuple[Segment, Mask]]:
        """Yield the labels other than myocardium and pool with their masks on an image's grid, shape ``(k, j, i)``."""
        for segment in map(_segment, self.labels()):
            if segment not in (*walls, pool):
                yield segment, self.mask_on(grid, segment)

    def _on(self, grid: Grid, mask: NDArray[np.bool_]) -> Mask:
        turn = grid.turn_of(self.grid)
        if turn is None or not grid.coincides_with(self.grid.turned(turn)):
            raise ValueError(_grid_mismatch(self.path, self.grid, grid))
        return turn.apply(mask.astype(np.uint8))

    def with_changes(self, grid: Grid, change: Change) -> LabelMap:
        """Return the label map with a new wall, which overwrites other labels.

        Voxels removed from the wall, and voxels removed from the pool that the wall does not take, become background.
        """
        walls, before, after, pool, new_pool = change
        turn = grid.turn_of(self.grid)
        if turn is None:
            raise ValueError(_grid_mismatch(self.path, self.grid, grid))
        back = turn.inverse
        values, before, after = self.values.copy(), back.apply(before), back.apply(after)
        if pool is not None and new_pool is not None:
            values[(values == pool.value) & (back.apply(new_pool) == 0)] = self.background
        values[(before == 1) & (after == 0)] = self.background
        values[(before == 0) & (after == 1)] = walls[0].value
        return replace(self, values=values)

    def write(self, path: Path) -> None:
        """Write the labels with the original header, as far as the format allows.

        Args:
            path: Output file; the extension determines the format.

        Raises:
            OSError: The file cannot be written, or its content differs when read back, for example on a full disk.
        """
        header, ending = self.stored.header, ending_of(path, WRITABLE)
        if isinstance(header, NiftiHeader) and ending in (".nii", ".nii.gz"):
            path.write_bytes(nifti_bytes(header, self._as_stored(), ending == ".nii.gz"))
        elif isinstance(header, NrrdHeader) and ending == ".nrrd":
            path.write_bytes(nrrd_bytes(header, self._as_stored(), self.grid))
        else:
            self._write_with_itk(path, same=ending == ending_of(self.path, READABLE))
        try:
            written = read_label_map(path).values
        except ValueError as error:
            raise OSError(f"{named(path)} does not read back as it was written. Is the disk full?") from error
        if not np.array_equal(written, self.values):
            raise OSError(f"{named(path)} does not read back as it was written. Is the disk full?")

    def _write_with_itk(self, path: Path, same: bool) -> None:
        image = as_image(self.values, self.grid)
        for key, value in self.stored.notes.items() if same else ():
            image.SetMetaData(key, value)
        try:
            with suppress_itk_messages():
                sitk.WriteImage(image, str(path), useCompression=True)
        except RuntimeError as error:
            raise OSError(f"{named(path)} cannot be written ({last_line(error)}).") from error

    def _as_stored(self) -> NDArray[Any]:
        """Return the values to store; those of unchanged voxels are identical to the input."""
        raw, before = self.stored.raw.copy(), _labels(self.path, self.stored)
        changed = self.values != before
        for label in np.unique(self.values[changed]):
            codes, counts = np.unique(self.stored.raw[before == label], return_counts=True)
            code = codes[counts.argmax()] if len(codes) else self.stored.code_of(float(label))
            raw[changed & (self.values == label)] = code
        return raw


@dataclass(frozen=True, eq=False)
class Stored:
    """A volume as stored in a file.

    Attributes:
        raw: Unscaled values, shape ``(k, j, i)``.
        grid: Grid of the volume.
        header: Header, for formats that are written with the original header.
        slope: Scaling factor of the values.
        intercept: Offset added after scaling.
        notes: Header fields of other programs.
    """

    raw: NDArray[Any]
    grid: Grid
    header: NiftiHeader | NrrdHeader | None = None
    slope: float = 1.0
    intercept: float = 0.0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def scaled(self) -> bool:
        """Whether the stored values are scaled or shifted."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    def values(self) -> NDArray[Any]:
        """Return the values, scaled according to the header."""
        if not self.scaled:
            return self.raw
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.raw * np.float64(self.slope) + self.intercept)

    def code_of(self, value: float) -> float:
        """Return the stored number of a value.

        Raises:
            ValueError: The data type cannot store the value.
        """
        code = (value - self.intercept) / self.slope
        code = code if self.raw.dtype.kind == "f" else round(code)
        kept = np.array(code).astype(self.raw.dtype)
        if abs(float(kept) * self.slope + self.intercept - value) > WHOLE:
            raise ValueError(
                f"The data type of the file cannot store the label {value:g}. Choose another output format."
            )
        return code


def read_label_map(path: Path, phase: int | None = None) -> LabelMap:
    """Read a label map.

    Args:
        path: The file.
        phase: Frame of a series, from 0.

    Raises:
        ValueError: The file cannot be read, is not a three-dimensional scalar image, or its values are not labels.
    """
    stored = _read(path, "label map", phase)
    return LabelMap(path, stored, _labels(path, stored), stored.grid)


def read_volume(path: Path, what: str, phase: int | None = None) -> tuple[NDArray[Any], Grid]:
    """Read a three-dimensional scalar volume; return its values, shape ``(k, j, i)``, and its grid.

    Args:
        path: The file.
        what: Name of the volume in messages.
        phase: Frame of a series, from 0.

    Raises:
        ValueError: The file is missing, truncated, of an unknown format or unreadable, or does not have three
            dimensions and one component.
    """
    stored = _read(path, what, phase)
    values = stored.values()
    if stored.scaled:
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.astype(np.float32)
    return values, stored.grid


def equal_neighbours(values: NDArray[Any], background: Any) -> float:
    """Return the share of neighbours along the last axis with equal values, without pairs of the background."""
    left, right = values[..., :-1], values[..., 1:]
    shown = (left != background) | (right != background)
    return float((left == right)[shown].mean())


def as_image(values: NDArray[Any], grid: Grid) -> sitk.Image:
    """Return an array ``(k, j, i)`` as a SimpleITK image with the geometry of a grid."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.ijk_to_lps[:3, 3].tolist())
    image.SetDirection((grid.ijk_to_lps[:3, :3] / np.array(grid.spacing)).ravel().tolist())
    return image


def _read(path: Path, what: str, phase: int | None) -> Stored:
    check_path(path)
    ending = ending_of(path, READABLE)
    if not is_file(path):
        raise ValueError(f"{path}: there is no such file. Check the path of the {what}.")
    with reading(path, what):
        if ending in (".nii", ".nii.gz"):
            nifti, raw = read_nifti(path, what, phase)
            stored = Stored(raw, nifti.grid, nifti, nifti.slope, nifti.intercept)
        elif ending in (".nrrd", ".nhdr"):
            stored = _from_nrrd(path, what, phase)
        else:
            stored = _from_meta_image(path, what, phase)
    check_spacing(path, what, stored.grid)
    return stored


def _from_nrrd(path: Path, what: str, phase: int | None) -> Stored:
    found = read_nrrd(path)
    shape = (*found.grid.size, *(n for n, space in zip(found.values.shape[::-1], found.axes, strict=True) if not space))
    kinds = found.header.fields.get("kinds", "").lower().split()
    listed = kinds[:1] == ["list"]  # frames, as in a .seq.nrrd of Slicer
    if len(shape) > 3 and not found.axes[0] and not listed and phase is None and found.values.shape[-1] > 1:
        raise ValueError(several_values(path, what, found.values.shape[-1]))
    frame = check_frames(path, what, _trimmed(shape), phase)
    # Spatial axes last, slowest first; the others are frames.
    places = list(range(len(found.axes)))[::-1]
    space = [place for place in places if found.axes[len(found.axes) - 1 - place]][::-1]
    rest = [place for place in range(len(found.axes)) if place not in space]
    values = found.values.transpose([*rest, *space]).reshape(-1, *found.grid.size[::-1])[frame]
    notes = {name: unescaped(value) for name, value in found.header.notes.items()}
    header = found.header if len(found.axes) == 3 else _of_one_frame(found.header)
    return Stored(np.ascontiguousarray(values), found.grid, header, notes=notes)


def _of_one_frame(header: NrrdHeader) -> NrrdHeader:
    """Return a header without the fields of the axes: the file has a frame axis, the result does not."""
    dropped = ("space dimension", "space directions", "space origin", "dimension", "measurement frame")
    return replace(header, fields={name: value for name, value in header.fields.items() if name not in dropped})


def _from_meta_image(path: Path, what: str, phase: int | None) -> Stored:
    fields, values, grid, channels = read_meta_image(path)
    if channels > 1:
        raise ValueError(several_values(path, what, channels))
    shape = _trimmed(values.shape[::-1])
    frame = check_frames(path, what, shape, phase)
    notes = {name: value for name, value in fields.items() if name not in _META_FIELDS and value.isascii()}
    return Stored(np.ascontiguousarray(values.reshape(-1, *shape[2::-1])[frame]), grid, notes=notes)


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _labels(path: Path, stored: Stored) -> NDArray[Any]:
    """Return the labels of a file as whole numbers, in the data type of the file unless they are scaled.

    Raises:
        ValueError: The values are not labels.
    """
    values = stored.values()
    if values.dtype.kind != "f":
        return values
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ValueError(
            f"{path}: the label map has {bad} NaN or infinite values. Replace them, for example by 0 (background)."
        )
    whole = np.round(values)
    if (np.abs(values - whole) > WHOLE).any() or (np.abs(whole) > LARGEST_LABEL).any():
        raise ValueError(
            f"{path}: the label map has values that are not whole numbers. Threshold probabilities first; a label map "
            "has 0 for the background and a whole number per structure."
        )
    return whole.astype(np.int32) if stored.scaled else whole


def check_spacing(path: Path, what: str, grid: Grid) -> None:
    """Check that the geometry of a stack is plausible.

    Raises:
        ValueError: The geometry is missing or implausible. The message names the file and the remedy.
    """
    if not grid.regular:
        raise ValueError(
            f"{path}: the header of the {what} has no valid geometry: its axes have zero length or are linearly "
            f"dependent. {copy_header(what)}, or save the file again with the program that wrote it."
        )
    if fault := spacing_fault(grid.spacing):
        raise ValueError(f"{path}: the header of the {what} gives {fault} Correct the spacing in the header.")


def _grid_mismatch(path: Path, own: Grid, image: Grid) -> str:
    """Return the message for a label map whose grid differs from the image's."""
    both = f"Label map: {own}. Image: {image}."
    if sorted(own.size) != sorted(image.size):
        return (
            f"{path}: the grids of the label map and the image differ. {both} Resample the label map to the image, or "
            "choose the image that was segmented."
        )
    if image.lost and not own.lost:
        remedy = "copy the label map's header to the image (in Python with SimpleITK: image.CopyInformation(labels))"
    else:
        remedy = "copy the image's header to the label map (in Python with SimpleITK: labels.CopyInformation(image))"
    return (
        f"{path}: the label map has the size of the image, but a different position, orientation or spacing. If it was "
        f"drawn on this image, {remedy}. Otherwise choose the image that was segmented. {both}"
    )


def is_file(path: Path) -> bool:
    """Return whether a path is a file.

    Raises:
        ValueError: The path is a symbolic link to itself, or no valid file name.
    """
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        if isinstance(error, NotADirectoryError):
            return False
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{str(path)!a}: the file cannot be opened ({reason}). Check the path.") from error
    return path.is_file()


def check_path(path: Path) -> None:
    """Check that a path is valid Unicode; SimpleITK aborts the process on other paths.

    Raises:
        ValueError: The path is not valid Unicode.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{str(path)!a}: the path is not valid UTF-8. Rename the file or the folder.") from error


def ending_of(path: Path, allowed: tuple[str, ...]) -> str:
    """Return the extension of a file, the longest match in ``allowed``.

    Raises:
        ValueError: None matches.
    """
    found = [ending for ending in allowed if path.name.lower().endswith(ending) and len(path.name) > len(ending)]
    if not found:
        raise ValueError(f"{path}: the file extension must be one of {', '.join(allowed)}.")
    return max(found, key=len)


def _segment(label: int) -> Segment:
    return Segment(index=label, id=str(label), name=f"label {label}", layer=0, value=label)


@contextmanager
def suppress_itk_messages() -> Iterator[None]:
    """Suppress warnings of ITK, and what its libraries write to standard error; errors still raise exceptions."""
    with _ONE_AT_A_TIME, ExitStack() as restored:
        restored.callback(sitk.ProcessObject.SetGlobalWarningDisplay, sitk.ProcessObject.GetGlobalWarningDisplay())
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        try:
            kept = os.dup(2)
        except OSError:  # no standard error, as in a Windows application
            yield
            return
        restored.callback(os.close, kept)
        restored.callback(os.dup2, kept, 2)
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), 2)
        yield


def last_line(error: Exception) -> str:
    """Return the last line of an ITK error, which holds the message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
