"""Read a picture and its vessel mask (PNG, JPEG, TIFF, NIfTI, NRRD, MetaImage), and write the repaired mask."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..atomic import check_writable, named, written_whole
from ..nca.card import TUBULAR, ModelCard
from ..stack import Mask
from ..tasks.tubular.picture import Picture
from . import jpeg, tiff
from .label_map import (
    OTHER_PHOTOGRAPHS,
    PHOTOGRAPHS,
    READABLE,
    WRITABLE,
    check_path,
    ending_of,
    last_line,
    suppress_itk_messages,
)
from .nifti import read_nifti
from .seg_nrrd import ENDING as SEG_NRRD

LOSSLESS = (".png", ".tif", ".tiff", *WRITABLE)
"""File extensions of masks; JPEG is lossy."""
_PNG, _JPEG = b"\x89PNG", b"\xff\xd8\xff"
_MAGIC = {
    _PNG: (".png",),
    _JPEG: (".jpg", ".jpeg"),
    b"II*\0": (".tif", ".tiff"),
    b"MM\0*": (".tif", ".tiff"),
}
"""First bytes of a format, and its file extensions."""


@dataclass(frozen=True, eq=False)
class PictureCase:
    """A picture read from files, with the data needed to write its repair.

    Attributes:
        picture: The picture.
        path: File of the mask.
        source: The mask as stored.
        on: Value of vessels; 255 for a probability map.
        others: Other labels, which are kept, shape ``(j, i)``; 0 elsewhere.
    """

    picture: Picture
    path: Path
    source: sitk.Image
    on: int
    others: NDArray[Any]


def is_picture(image: str | Path, card: ModelCard | None = None) -> bool:
    """Return whether an image is treated as a picture, not as a stack.

    Pictures are photographs, colour images and two-dimensional images; also scalar volumes of one slice if a vessel
    model is requested.

    Args:
        image: The file.
        card: Card of the requested model, if any.
    """
    path = Path(image)
    if path.name.lower().endswith((*PHOTOGRAPHS, *OTHER_PHOTOGRAPHS)):
        return True  # unsupported formats are reported on reading
    try:
        check_path(path)
        if not path.is_file() or not path.name.lower().endswith(READABLE):
            return False
    except (OSError, ValueError):
        return False  # reported on reading
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with suppress_itk_messages():
            reader.ReadImageInformation()
    except RuntimeError:
        return False
    flat = reader.GetDimension() == 2 or all(length == 1 for length in reader.GetSize()[2:])
    colour = reader.GetNumberOfComponents() > 1
    return flat and (reader.GetDimension() == 2 or colour or (card is not None and card.task == TUBULAR))


def read_picture(
    image: str | Path,
    segmentation: str | Path,
    *,
    label: int | None = None,
    field_of_view: str | Path | None = None,
) -> PictureCase:
    """Read a picture and its vessel mask.

    Example:
        >>> from rncarefine.io.sample import vessel_sample_files
        >>> image, broken, _ = vessel_sample_files()
        >>> case = read_picture(image, broken)
        >>> case.picture.mask.shape == case.picture.image.shape[:2], case.on
        (True, 255)

    Args:
        image: PNG, JPEG, TIFF, NIfTI, NRRD or MetaImage with one slice; scalar, or RGB.
        segmentation: Mask of the same size with 0 and another value, label map, or probability map (values 0 to 1, or
            whole numbers up to 255 or 65535 in a photograph's format), thresholded at 0.5.
        label: Label of the vessels in a label map.
        field_of_view: Mask of the field of view, same size; determined from the picture if not given.

    Raises:
        ValueError: A file is invalid, or the two do not match. The message names the file and the remedy.
    """
    image, segmentation = Path(image), Path(segmentation)
    pixels = _plane(_read(image, "image"), image, "image")
    source = _read(segmentation, "mask")
    values = _scalar(_plane(source, segmentation, "mask"), segmentation)
    if values.shape != pixels.shape[:2]:
        raise ValueError(_other_size(values, segmentation, pixels, image))
    mask, probability, on = _vessels(values, segmentation, label)
    inside = None
    if field_of_view is not None:
        path = Path(field_of_view)
        inside = _scalar(_plane(_read(path, "field of view"), path, "field of view"), path) > 0
    name = image.name[: -len(ending_of(image, (*PHOTOGRAPHS, *READABLE)))]
    others = np.where(values == on, 0, values) if label is not None else np.zeros_like(values)
    picture = Picture.create(pixels, mask, inside, probability, str(image), str(segmentation))
    return PictureCase(replace(picture, name=name, others=others > 0), segmentation, source, on, others)


def read_mask(path: str | Path, label: int | None = None) -> Mask:
    """Read a vessel mask, see :func:`read_picture`; shape ``(j, i)``, 0 and 1.

    Raises:
        ValueError: The file is invalid.
    """
    path = Path(path)
    return _vessels(_scalar(_plane(_read(path, "mask"), path, "mask"), path), path, label)[0]


def write_picture(case: PictureCase, mask: Mask, path: str | Path) -> None:
    """Write a repaired mask atomically, with the vessel value and the geometry of the input.

    Other labels are not changed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from rncarefine.io.sample import vessel_sample_files
        >>> case = read_picture(*vessel_sample_files()[:2])
        >>> with TemporaryDirectory() as folder:
        ...     write_picture(case, case.picture.mask, Path(folder) / "same.png")
        ...     bool((read_mask(Path(folder) / "same.png") == case.picture.mask).all())
        True

    Args:
        case: The case as read.
        mask: Vessels, shape ``(j, i)``, 0 and 1.
        path: Output file; see :func:`check_picture_result`.

    Raises:
        ValueError: The path is invalid.
        OSError: The file cannot be written.
    """
    path = Path(path)
    ending_of(path, LOSSLESS)
    flat = path.name.lower().endswith(PHOTOGRAPHS)
    largest = max(case.on, int(case.others.max()))
    if flat and largest > np.iinfo(np.uint16).max:
        raise ValueError(f"{path}: the format cannot store the value {largest}. Choose .nrrd for the output.")
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(kind).max)
    values = np.where(case.others > 0, case.others, np.where(mask > 0, case.on, 0)).astype(kind)
    written = sitk.GetImageFromArray(values if flat or case.source.GetDimension() == 2 else values[None])
    if not flat and written.GetSize() == case.source.GetSize():
        written.CopyInformation(case.source)
    with written_whole(path) as (temporary,):
        try:
            with suppress_itk_messages():
                sitk.WriteImage(written, str(temporary), useCompression=True)
                back = sitk.GetArrayFromImage(sitk.ReadImage(str(temporary)))
        except RuntimeError as error:
            raise OSError(f"{named(path)} cannot be written ({last_line(error)}).") from error
        if not np.array_equal(back.reshape(values.shape), values):
            raise OSError(f"{named(path)} does not read back as it was written. Is the disk full?")


def check_picture_result(output: str | Path, inputs: tuple[str | Path, ...]) -> None:
    """Check in advance that a mask can be written.

    Args:
        output: Output file.
        inputs: Files that must not be overwritten.

    Raises:
        ValueError: The format is lossy or unknown, the folder is missing, or the output is an input.
    """
    output = Path(output)
    check_path(output)
    if output.name.lower().endswith((".jpg", ".jpeg")):
        raise ValueError(f"{output}: JPEG is lossy. Choose .png for the output.")
    if output.name.lower().endswith(SEG_NRRD):
        raise ValueError(
            f"{output}: the mask of a picture is written as an image. Choose .png or .nrrd for the output."
        )
    ending_of(output, LOSSLESS)
    check_writable(output, map(Path, inputs))


def _read(path: Path, what: str) -> sitk.Image:
    check_path(path)
    if path.name.lower().endswith(SEG_NRRD):
        raise ValueError(f"{path}: the {what} of a picture must be an image. Export it as a label map (.nrrd, .png).")
    if path.name.lower().endswith(OTHER_PHOTOGRAPHS):
        raise ValueError(
            f"{path}: the format is not supported; pictures may be PNG, JPEG or TIFF. Save the {what} as a PNG file."
        )
    ending_of(path, (*PHOTOGRAPHS, *READABLE))
    if not path.is_file():
        wrong = " is a folder. Give the file" if path.is_dir() else ": there is no such file. Check the path"
        raise ValueError(f"{path}{wrong} of the {what}.")
    _check_content(path, what)
    if path.name.lower().endswith((".tif", ".tiff")) and (problem := tiff.misread(path, what != "image")):
        raise ValueError(f"{path}: the {what} cannot be used: {problem}. Save it as a PNG file, grey or RGB.")
    try:
        with suppress_itk_messages():
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(
            f"{path}: the {what} cannot be read; the file may be damaged. If other programs open it, save it as a "
            "PNG file, grey or RGB."
        ) from error
    scalar = image.GetDimension() == 3 and image.GetNumberOfComponentsPerPixel() == 1
    if scalar and path.name.lower().endswith((".nii", ".nii.gz")):
        read_nifti(path, what)  # ITK reads truncated files without an error
    return image


def _check_content(path: Path, what: str) -> None:
    """Check that a file is complete, and of the format that its extension names.

    Raises:
        ValueError: It is empty, truncated, or of another format.
    """
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(-min(64, path.stat().st_size), os.SEEK_END)
        end = file.read()
    if not start:
        raise ValueError(f"{path}: the file is empty (0 bytes). Copy or export it again.")
    endings = next((endings for magic, endings in _MAGIC.items() if start.startswith(magic)), ())
    if endings and not path.name.lower().endswith(endings):
        raise ValueError(f"{path}: the {what} is a {endings[0][1:].upper()} file with another extension. Rename it.")
    cut_off = endings == _MAGIC[_PNG] and b"IEND" not in end
    if cut_off or (endings == _MAGIC[_JPEG] and jpeg.is_cut_off(path)):
        raise ValueError(f"{path}: the {what} is truncated. Copy or export the file again.")


def _plane(image: sitk.Image, path: Path, what: str) -> NDArray[Any]:
    """Return the one slice of an image, shape ``(j, i)`` or ``(j, i, channels)``."""
    values = sitk.GetArrayFromImage(image)
    channels = image.GetNumberOfComponentsPerPixel()
    planes = values.shape[: values.ndim - (channels > 1)]
    if len(planes) > 2 and int(np.prod(planes[:-2])) != 1:
        raise ValueError(
            f"{path}: the {what} has {int(np.prod(planes[:-2]))} slices; vessels are repaired in 2D only. Save one "
            "slice as a separate file."
        )
    return values.reshape(*planes[-2:], *((channels,) if channels > 1 else ()))


def _scalar(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return a mask stored as grey RGB, or drawn on a transparent layer, as one channel."""
    if values.ndim == 2:
        return values
    if values.shape[2] == 4 and (values[..., 3] != values[0, 0, 3]).any():
        ink = values[values[..., 3] > 0][:, :3]
        if (ink != ink[0]).any():
            raise ValueError(f"{path}: parts of the mask are transparent. Save it as a grey image, vessels white.")
        return values[..., 3]
    colours = values[..., :3] if values.shape[2] >= 3 else values[..., :1]
    if (colours != colours[..., :1]).any():
        raise ValueError(f"{path}: the mask is in colour. Save it as a grey image, vessels white.")
    return colours[..., 0]


def _vessels(values: NDArray[Any], path: Path, label: int | None) -> tuple[Mask, NDArray[np.float32] | None, int]:
    """Return the mask, the probability if the file is a probability map, and the value of vessels."""
    present = np.unique(values)
    if not np.isfinite(present.astype(float)).all() or present[0] < 0:
        raise ValueError(f"{path}: the mask has negative, NaN or infinite values. Give a mask or probabilities 0 to 1.")
    shown = [int(value) for value in present if value > 0]
    if label is not None:
        if label not in shown:
            raise ValueError(f"{path} has no label {label}; it has {', '.join(map(str, shown[:10]))}. Change --label.")
        return (values == label).astype(np.uint8), None, label
    whole = bool((values == np.round(values)).all())
    if whole and len(shown) <= 1:
        return (values > 0).astype(np.uint8), None, shown[0] if shown else 1
    if not whole and present[-1] > 1:
        raise ValueError(f"{path}: probabilities must lie between 0 and 1; the largest is {present[-1]:g}. Scale them.")
    if whole and not path.name.lower().endswith(PHOTOGRAPHS):
        raise ValueError(f"{path} has the labels {', '.join(map(str, shown[:10]))}. Choose the vessels with --label.")
    top = 1.0 if not whole else 255.0 if present[-1] <= 255 else 65535.0
    probability = (values / top).astype(np.float32)
    if probability.max() < 0.5:
        labels = f" If its values ({', '.join(map(str, shown[:10]))}) are labels, choose the vessels with --label."
        raise ValueError(
            f"{path} is a probability map without vessels: its largest value is {present[-1]:g}, the threshold is "
            f"{top / 2:g}. Scale or threshold it.{labels if whole else ''}"
        )
    return (probability >= 0.5).astype(np.uint8), probability, 255


def _other_size(values: NDArray[Any], segmentation: Path, pixels: NDArray[Any], image: Path) -> str:
    """Return the message for a mask and a picture of different size, with a hint at the EXIF orientation."""
    turned = values.shape == pixels.shape[1::-1] and image.name.lower().endswith((".jpg", ".jpeg"))
    remedy = "Resample the mask to the picture."
    if turned and jpeg.orientation(image) > 4:
        remedy = "The photograph is rotated by its EXIF orientation. Save it upright."
    return f"{different_sizes(segmentation, values, image, pixels)} {remedy}"


def different_sizes(path: Path, values: NDArray[Any], other_path: Path, other: NDArray[Any]) -> str:
    """Return the sentence with the sizes of two files that differ, columns x rows.

    Args:
        path: A file.
        values: Its pixels, shape ``(j, i)`` or ``(j, i, channels)``.
        other_path: Another file.
        other: Its pixels.
    """
    (rows, columns), (other_rows, other_columns) = values.shape[:2], other.shape[:2]
    return f"{path} has {columns} x {rows} pixels, {other_path} has {other_columns} x {other_rows}."
