"""Images, label maps and segmentations of :func:`engine.report_samples.broken_stack` on disk, obliquely in space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import SimpleITK as sitk
import slicerio
from numpy.typing import ArrayLike

from engine.report_samples import SPACING, broken_stack
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import Case, read_case, write_case
from rncarefine.io.grid import Grid
from rncarefine.refine.result import Changes
from rncarefine.stack import Mask, Stack

RV, MYOCARDIUM, POOL = 1, 2, 3
ENDINGS = ["nii", "nii.gz", "nrrd", "mha"]
BY_LABEL = StructureChoice(label=MYOCARDIUM, pool_label=POOL)
BY_NAME = StructureChoice(segment="myocardium", pool_segment="blood pool")
ORIGIN = (-41.3, 17.9, 62.7)
TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^85756007^Tissue~^^~Anatomic codes - DICOM master list~^^~^^"
)


def directions() -> np.ndarray:
    """Return axes of a double-oblique stack as columns (LPS), right-handed."""
    a, b = np.radians(33), np.radians(-21)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_z @ about_x


def ijk_to_lps(first: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """Return the 4 x 4 matrix of the stack, or of the part of it that begins at voxel ``first`` (i, j, k)."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions() * np.array(SPACING[::-1])
    matrix[:3, 3] = matrix[:3, :3] @ np.array(first) + ORIGIN
    return matrix


def volume(values: ArrayLike, **metadata: str) -> sitk.Image:
    """Return an array (k, j, i) as an image in the place of the stack."""
    image = sitk.GetImageFromArray(np.asarray(values))
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin(ORIGIN)
    image.SetDirection(directions().ravel())
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    return image


def grid_of(image: sitk.Image) -> Grid:
    """Return the grid of a three-dimensional SimpleITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return Grid(image.GetSize(), matrix)


def right_ventricle(stack: Stack) -> Mask:
    """Return a block that fills part of the gap of slices 1 and 2 and lies beside the wall elsewhere."""
    mask = np.zeros(stack.shape, np.uint8)
    mask[:, 14:21, 30:40] = 1
    return (mask & (stack.mask == 0)).astype(np.uint8)


def labels() -> np.ndarray:
    """Return the label map of the broken stack: RV, myocardium, pool. Part of the gap is labelled pool, part RV."""
    stack, _ = broken_stack()
    assert stack.pool is not None
    values = np.zeros(stack.shape, np.uint8)
    values[right_ventricle(stack) == 1] = RV
    values[stack.pool == 1] = POOL
    values[1:3, 19, 28] = POOL
    values[stack.mask == 1] = MYOCARDIUM
    return values


def named_segment(path: Path | str, name: str) -> np.ndarray:
    """Return a segment of a ``.seg.nrrd`` as slicerio tells it, shape (k, j, i) of the file's own extent."""
    content = slicerio.read_segmentation(str(path))
    entry = slicerio.segment_from_name(content, name)
    voxels = content["voxels"]
    layer = voxels[entry["layer"]] if voxels.ndim == 4 else voxels
    return (layer == entry["labelValue"]).T.astype(np.uint8)


def write_image(path: Path) -> Path:
    """Write the image of the broken stack."""
    sitk.WriteImage(volume(broken_stack()[0].image), str(path))
    return path


def write_labels(path: Path, values: np.ndarray | None = None) -> Path:
    """Write a label map, by default :func:`labels`."""
    sitk.WriteImage(volume(labels() if values is None else values), str(path))
    return path


def write_segments(
    path: Path,
    segments: list[tuple[str, int, int]],
    layers: ArrayLike,
    first: tuple[int, int, int] = (0, 0, 0),
    **fields: Any,
) -> Path:
    """Write a ``.seg.nrrd`` with header fields as Slicer writes them, and some of others.

    Args:
        path: The file.
        segments: Name, layer and value of each segment.
        layers: Voxels, shape (layer, k, j, i).
        first: Voxel (i, j, k) of the image that the segmentation begins at.
        **fields: Further header fields.
    """
    voxels = np.asarray(layers).transpose(0, 3, 2, 1)
    extent = " ".join(f"0 {length - 1}" for length in voxels.shape[1:])
    header: dict[str, Any] = {"space": "left-posterior-superior", "encoding": "gzip"}
    axes = ijk_to_lps(first)[:3, :3].T
    if len(voxels) == 1:
        voxels, header["kinds"] = voxels[0], ["domain"] * 3
        header["space directions"] = axes
    else:
        header["kinds"] = ["list", *["domain"] * 3]
        header["space directions"] = np.vstack([np.full(3, np.nan), axes])
    header["space origin"] = ijk_to_lps(first)[:3, 3]
    for index, (name, layer, value) in enumerate(segments):
        header |= {
            f"Segment{index}_Color": f"{0.25 * index:g} 1 0.811765",
            f"Segment{index}_ColorAutoGenerated": "0",
            f"Segment{index}_Extent": extent,
            f"Segment{index}_ID": f"Segment_{index + 1}",
            f"Segment{index}_LabelValue": str(value),
            f"Segment{index}_Layer": str(layer),
            f"Segment{index}_Name": name,
            f"Segment{index}_NameAutoGenerated": "0",
            f"Segment{index}_Tags": f"Segmentation.Status:inprogress|TerminologyEntry:{TERMINOLOGY}|Reader:A B|",
            f"Segment{index}_FromAnotherProgram": "kept",
        }
    header |= {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|Closed surface|",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": " ".join(str(index) for index in first),
        "Study": "a note",
        **fields,
    }
    nrrd.write(str(path), np.asfortranarray(voxels), header)
    return path


def write_segmentation(path: Path) -> Path:
    """Write the broken stack as ``.seg.nrrd``: three segments in one layer, one that overlaps in another."""
    values = labels()
    plan = np.zeros_like(values)
    plan[:, 10:30, 10:30] = 1
    segments = [("rv", 0, RV), ("myocardium", 0, MYOCARDIUM), ("blood pool", 0, POOL), ("plan", 1, 1)]
    return write_segments(path, segments, np.stack([values, plan]))


def write_wall(case: Case, after: Mask, path: Path, **options: Any) -> None:
    """Write a case with another wall, which is all that the result of a repair says about it."""
    write_case(case, Changes.compose(case.stack, after, **options), path)


def array(path: Path | str) -> np.ndarray:
    """Return the voxels of an image file, shape (k, j, i)."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def label_case(
    folder: Path, ending: str = "nrrd", values: np.ndarray | None = None, choice: StructureChoice = BY_LABEL
) -> Case:
    """Write the broken stack with a label map, and read it."""
    return read_case(write_image(folder / "case.nrrd"), write_labels(folder / f"seg.{ending}", values), choice)


def segment_case(folder: Path, choice: StructureChoice = BY_NAME) -> Case:
    """Write the broken stack as ``.seg.nrrd``, and read it."""
    return read_case(write_image(folder / "case.nii.gz"), write_segmentation(folder / "s.seg.nrrd"), choice)
