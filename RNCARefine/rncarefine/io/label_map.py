"""Images and label maps on disk (NIfTI, NRRD, MetaImage), read and written with SimpleITK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..stack import Mask
from .grid import Grid
from .segmentation_file import Segment
from .truncation import check_whole

READABLE = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
PHOTOGRAPHS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Endings of files that hold one picture and never a stack."""
WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")
"""One file each: what is spread over two files cannot be written whole or not at all."""
TWO_FILES = (".nhdr", ".mhd")


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label map as it is on disk: each voxel has one label, 0 is background.

    Attributes:
        path: Where it was read.
        source: The image, with its geometry, pixel type and metadata.
        values: Its labels, shape ``(k, j, i)``, of the file's type.
        grid: Its place in space.
    """

    path: Path
    source: sitk.Image
    values: NDArray[Any]
    grid: Grid

    def labels(self) -> list[int]:
        """Return the labels that occur, without the background."""
        return [int(label) for label in np.unique(self.values) if label != 0]

    def choose(self, label: int | None, what: str, option: str, taken: Segment | None = None) -> Segment:
        """Return the label to use as a segment: the one that was asked for, or the only one there is.

        Args:
            label: What was asked for, or ``None``.
            what: What it stands for, for messages.
            option: The option that chooses it, for messages.
            taken: A label that is already something else.

        Raises:
            ValueError: It does not occur, stands for something else, or nothing was asked for and it is not clear.
        """
        present = self.labels()
        if not present:
            raise ValueError(f"{self.path}: the label map is empty; there is nothing to work on.")
        listed = ", ".join(str(value) for value in present)
        if label is None:
            free = [value for value in present if taken is None or value != taken.value]
            if len(free) == 1:
                return _segment(free[0])
            raise ValueError(f"{self.path} has the labels {listed}. Say which is the {what} with {option}.")
        if label not in present:
            raise ValueError(f"{self.path} has no label {label} for the {what}; it has {listed}. Change {option}.")
        if taken is not None and label == taken.value:
            raise ValueError(f"Label {label} cannot be both myocardium and blood pool. Change {option}.")
        return _segment(label)

    def mask_on(self, grid: Grid, segment: Segment) -> Mask:
        """Return where a label is on an image's grid, shape ``(k, j, i)``.

        Raises:
            ValueError: The label map's grid is another one.
        """
        if not grid.coincides_with(self.grid):
            raise ValueError(
                f"{self.path}: the label map does not lie on the image's grid. Label map: {self.grid}. Image: {grid}. "
                "Resample the label map to the image, or choose the image that was segmented."
            )
        return (self.values == segment.value).astype(np.uint8)

    def others(self, wall: Segment, pool: Segment | None) -> Mask:
        """Return where labels other than myocardium and pool are, shape ``(k, j, i)``."""
        known = [0, wall.value] if pool is None else [0, wall.value, pool.value]
        return (~np.isin(self.values, known)).astype(np.uint8)

    def with_changes(
        self, grid: Grid, wall: Segment, before: Mask, after: Mask, pool: Segment | None, new_pool: Mask | None
    ) -> LabelMap:
        """Return the label map with a new wall, which takes its voxels from whatever label had them.

        What the wall gives up becomes background, as does what the pool gives up and the wall does not take. The
        arguments are those of :meth:`rncarefine.io.segmentation_file.SegmentationFile.with_changes`.
        """
        values = self.values.copy()
        if pool is not None and new_pool is not None:
            values[(values == pool.value) & (new_pool == 0)] = 0
        values[(before == 1) & (after == 0)] = 0
        values[after == 1] = wall.value
        return replace(self, values=values)

    def write(self, path: Path) -> None:
        """Write the labels with the geometry, pixel type and metadata that they were read with.

        Args:
            path: A file; its ending tells the format.

        Raises:
            OSError: It cannot be written, or does not read back as what was written (a full disk, for one).
        """
        image = sitk.GetImageFromArray(self.values)
        image.CopyInformation(self.source)
        if ending_of(path, WRITABLE) == ending_of(self.path, READABLE):
            # Another format would take a header's fields for notes of its own.
            for key in self.source.GetMetaDataKeys():
                image.SetMetaData(key, self.source.GetMetaData(key))
        try:
            with quiet():
                sitk.WriteImage(image, str(path), useCompression=True)
                written = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        except RuntimeError as error:
            raise OSError(f"{path.name} cannot be written ({_last_line(error)}).") from error
        if not np.array_equal(written, self.values):
            raise OSError(f"{path.name} does not read back as it was written. Is the disk full?")


def read_label_map(path: Path) -> LabelMap:
    """Read a label map.

    Raises:
        ValueError: The file cannot be read, is not a three-dimensional scalar image, or its values are not labels.
    """
    image = read_volume(path, "label map")
    values = sitk.GetArrayFromImage(image)
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.round(values)).all()):
        raise ValueError(
            f"{path}: the label map has values that are not whole numbers. Threshold probabilities first; "
            "a label map holds 0 for the background and a whole number for each structure."
        )
    return LabelMap(path, image, values, grid_of(image))


def read_volume(path: Path, what: str) -> sitk.Image:
    """Read a three-dimensional scalar volume.

    Args:
        path: The file.
        what: What to call it in messages.

    Raises:
        ValueError: It is missing, cut off, of an unknown format, cannot be read, or has not three dimensions and one
            component.
    """
    check_path(path)
    ending_of(path, READABLE)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file. Check the path of the {what}.")
    check_whole(path)
    try:
        with quiet():
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path}: the {what} cannot be read ({_last_line(error)}).") from error
    if image.GetDimension() != 3:
        remedy = "Save a single frame of a sequence as a file of its own and use that."
        if image.GetDimension() < 3:
            remedy = "Save a single slice as a volume of one slice, or all slices in one file, and use that."
        raise ValueError(f"{path}: the {what} has {image.GetDimension()} dimensions, a stack has 3. {remedy}")
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ValueError(
            f"{path}: the {what} has {image.GetNumberOfComponentsPerPixel()} values a voxel, a stack has one. "
            "Save a single frame or channel as a file of its own and use that."
        )
    return image


def check_path(path: Path) -> None:
    """Check that a path is text: over any other, which old systems leave behind, SimpleITK ends the whole process.

    Raises:
        ValueError: It is not.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{str(path)!a}: the path is not in UTF-8. Rename the file or the folder.") from error


def grid_of(image: sitk.Image) -> Grid:
    """Return the grid of a three-dimensional SimpleITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    i, j, k = image.GetSize()
    return Grid((i, j, k), matrix)


def ending_of(path: Path, allowed: tuple[str, ...]) -> str:
    """Return the ending of a file, the longest of ``allowed`` that fits.

    Raises:
        ValueError: None fits.
    """
    found = [ending for ending in allowed if path.name.lower().endswith(ending) and len(path.name) > len(ending)]
    if not found:
        raise ValueError(f"{path}: the file's ending must be one of {', '.join(allowed)}.")
    return max(found, key=len)


def _segment(label: int) -> Segment:
    return Segment(index=label, id=str(label), name=f"label {label}", layer=0, value=label)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence ITK's warnings, such as those about rounded NIfTI headers; errors are exceptions, not warnings."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _last_line(error: Exception) -> str:
    """Return what ITK has to say, which is the last line of several."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
