"""Read a stack from an image and a segmentation file, and write the repaired segmentation.

Used by the command line and the Python API; the Slicer module reads nodes instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..anatomy.aha import handedness
from ..atomic import check_writable, written_whole
from ..reasons import Reason, ReasonCode
from ..refine.repair_masks import RepairMasks
from ..refine.result import Changes, Repaired, with_overlap
from ..refine.review_tags import REVIEW_TAGS, review_tags
from ..stack import Mask, Stack
from .choice import StructureChoice
from .dicom_seg import SEG_ENDING, DicomSeg, read_dicom_seg
from .dicom_series import DicomSeries, is_dicom, read_series
from .grid import Grid, Turn, is_reversed, stack_turn
from .label_map import (
    READABLE,
    TWO_FILES,
    WRITABLE,
    LabelMap,
    check_path,
    check_spacing,
    ending_of,
    equal_neighbours,
    is_file,
    read_label_map,
    read_volume,
)
from .seg_nrrd import ENDING, SegNrrd, read_seg_nrrd
from .segmentation_file import Change, Segment, SegmentationFile

MAX_LABELS = 8
"""An image with at most this many distinct intensities is treated as a label map."""
MAX_LABEL_SHARE, MIN_EQUAL_LABELS = 0.01, 0.87
"""An image of whole numbers is a label map if it has at most this many of them per voxel, and at least this share of
equal neighbours: at most 0.36 in ACDC images, 0.50 with 8 bits, 0.75 with 6 bits; at least 0.89 in label maps."""
_LISTED = ", ".join(WRITABLE[:-1]) + f" or {WRITABLE[-1]}"


@dataclass(frozen=True, eq=False)
class Case:
    """A stack read from files, with the data needed to write its repair.

    Attributes:
        stack: The stack.
        others: The labels or segments other than myocardium and pool, numbered from 1, shape ``(k, j, i)``; segments
            that cover most of the myocardium, such as the whole heart, are left out. ``None`` if there are none.
        grid: Grid of the stack: that of the image, in the canonical orientation.
        segmentation: The segmentation file.
        walls: Labels or segments of the myocardium; added voxels get the first.
        pool: Label or segment of the blood pool, if given.
        turn: Turn from the image as stored to the stack.
    """

    stack: Stack
    others: Mask | None
    grid: Grid
    segmentation: SegmentationFile
    walls: tuple[Segment, ...]
    pool: Segment | None
    turn: Turn


def read_case(
    image: str | Path,
    segmentation: str | Path,
    choice: StructureChoice | None = None,
    *,
    label: int | str | Iterable[int | str] | None = None,
    segment: str | Iterable[str] | None = None,
    pool_label: int | str | None = None,
    pool_segment: str | None = None,
    phase: int | None = None,
    rv_label: int | str | None = None,
    rv_segment: str | None = None,
) -> Case:
    """Read an image and its segmentation.

    The slice axis is the one with the largest spacing. Arrays have the shape ``(k, j, i)``: slices in the order of the
    file, columns towards the left or posterior, rows towards the posterior or inferior, regardless of the storage
    orientation. Spacing is in mm.

    Example:
        >>> from rncarefine.io.sample import sample_files
        >>> image, broken, _ = sample_files()
        >>> case = read_case(image, broken, segment="myocardium")
        >>> case.stack.mask.shape == case.stack.image.shape, case.pool is None
        (True, True)

    Args:
        image: NIfTI, NRRD or MetaImage, three-dimensional; or a folder or a file of a DICOM series.
        segmentation: A label map of the same formats on the image's grid, or a ``.seg.nrrd`` or DICOM SEG whose voxels
            coincide with the image's.
        choice: Labels, segments and phase, instead of the arguments below.
        label: Label of the myocardium in a label map; optional if there is only one. Several labels, such as those of
            wall and scar, form one wall: added voxels get the first.
        segment: Name or ID of the myocardium in a ``.seg.nrrd`` or DICOM SEG, or several.
        pool_label: Label of the blood pool in a label map.
        pool_segment: Name or ID of the blood pool in a ``.seg.nrrd`` or DICOM SEG.
        phase: Phase of a cine, from 0.
        rv_label: Label of the right ventricle in a label map; only for the AHA's segments in the report.
        rv_segment: Name or ID of the right ventricle in a ``.seg.nrrd`` or DICOM SEG.

    Raises:
        ValueError: A file is invalid, or the two do not match. The message names the file and the remedy.
    """
    image, segmentation = Path(image), Path(segmentation)
    choice = choice or StructureChoice(label, segment, pool_label, pool_segment, phase, rv_label, rv_segment)
    if is_seg_nrrd(image):
        raise ValueError(f"{image} is a segmentation. Give the image first, then the segmentation.")
    series = None
    if is_dicom(image):
        series = read_series(image, choice.phase)
        values, stored = series.values, series.grid
        check_spacing(image, "image", stored)
    else:
        values, stored = read_volume(image, "image", choice.phase)
    _check_intensities(image, values)
    turn = stack_turn(stored)
    grid = stored.turned(turn)
    source, walls, pool, notes = _read_segmentation(segmentation, choice, series)
    mask = union_on(grid, source, walls)
    if not mask.any():
        raise ValueError(
            f"{segmentation}: the myocardium is empty, there is nothing to repair. Choose another label or segment."
        )
    ventricle = _right_ventricle(source, choice)
    if ventricle is not None and ventricle in (*walls, pool):
        raise ValueError(
            f"{segmentation}: {ventricle.name!r} is already the myocardium or the blood pool. Change --rv-label or "
            "--rv-segment."
        )
    if ventricle is None and (choice.rv_label, choice.rv_segment) != (None, None):
        notes = (*notes, Reason(ReasonCode.RV_NOT_FOUND))
    i, j, k = (round(value, 6) for value in grid.spacing)
    stack = Stack.create(
        turn.apply(values),
        mask,
        (k, j, i),
        pool=None if pool is None else source.mask_on(grid, pool),
        name=str(image),  # messages name the file
        reversed=is_reversed(grid),
        notes=notes,
        right_ventricle=None if ventricle is None else source.mask_on(grid, ventricle),
        right_handed=handedness(grid.ijk_to_lps),
    )
    return Case(replace(stack, name=stem_of(image)), source.others(grid, walls, pool), grid, source, walls, pool, turn)


def _check_intensities(path: Path, values: NDArray[Any]) -> None:
    """Check that an image is not a label map.

    Raises:
        ValueError: The image has too few distinct intensities, or they form areas as labels do.
    """
    some = values[:, ::7, ::7] if values.size > 1 << 20 else values
    found, counts = np.unique(some, return_counts=True)
    few = len(found) <= MAX_LABELS and 1 < len(np.unique(values)) <= MAX_LABELS
    if few or (len(found) <= MAX_LABEL_SHARE * some.size and _forms_areas(values, found[counts.argmax()])):
        raise ValueError(
            f"{path}: the image has only {len(np.unique(values))} intensities and may be a label map. Give the image "
            "first, then the segmentation."
        )


def _forms_areas(values: NDArray[Any], background: Any) -> bool:
    """Return whether intensities are several whole numbers, and most neighbours have the same one."""
    whole = values.dtype.kind in "iuf" and bool((values == np.round(values)).all())
    return whole and bool((values != background).any()) and equal_neighbours(values, background) >= MIN_EQUAL_LABELS


class Pair(NamedTuple):
    """The same structure in two segmentations, on a common grid.

    Attributes:
        prediction: Mask, shape ``(k, j, i)``.
        truth: Mask of the same shape.
        spacing: Spacing in mm along ``(k, j, i)``.
        first: Number of the first slice in the image; ``None`` if unknown.
    """

    prediction: Mask
    truth: Mask
    spacing: tuple[float, float, float]
    first: int | None


def read_pair(
    prediction: str | Path,
    truth: str | Path,
    choice: StructureChoice,
    truth_choice: StructureChoice,
    image: str | Path | None = None,
) -> Pair:
    """Read the same structure from two segmentations for comparison.

    Args:
        prediction: A label map or a file with named segments.
        truth: A label map or a file with named segments.
        choice: Label or segment of the prediction.
        truth_choice: Label or segment of the truth.
        image: The segmented image, only for the numbers of the slices.

    Raises:
        ValueError: A file is invalid, or the voxels do not coincide.
    """
    first, one, _ = read_segmentation(prediction, choice)
    second, other, _ = read_segmentation(truth, truth_choice)
    turn = first.grid.turn_of(second.grid)
    grid = None if turn is None else first.grid.united(second.grid.turned(turn))
    # A label map must cover the common grid; files of named segments may be cropped to their extent.
    whole = [file.grid for file in (first, second) if isinstance(file, LabelMap)]
    if grid is None or not all(grid.holds_the_voxels_of(own) for own in whole):
        raise ValueError(
            f"{prediction} and {truth}: the voxels do not coincide. Prediction: {first.grid}. Truth: {second.grid}. "
            "Resample one to the other."
        )
    grid = grid.turned(stack_turn(grid))
    i, j, k = grid.spacing
    if image is not None:
        number = _first_slice(grid, _image_grid(Path(image)))
        if number is None:
            raise ValueError(
                f"{image}: the voxels of the image and of {prediction} do not coincide. Give the segmented image."
            )
    elif whole:
        number = 0
    else:
        stored = (_first_slice(grid, file.image_grid) for file in (first, second) if isinstance(file, SegNrrd))
        number = next((found for found in stored if found is not None), None)
    return Pair(union_on(grid, first, one), union_on(grid, second, other), (k, j, i), number)


def _first_slice(grid: Grid, image: Grid) -> int | None:
    """Return the number of the first slice of a grid in an image; ``None`` if the slices are not those of the image."""
    turn = grid.turn_of(image)
    if turn is None or turn.flips[2]:
        return None
    offset = grid.offset_of(image.turned(turn))
    return None if offset is None else -offset[2]


def _image_grid(path: Path) -> Grid:
    """Return the grid of an image of one or several phases."""
    return read_series(path, 0).grid if is_dicom(path) else read_volume(path, "image", 0)[1]


def noted(case: Case, repaired: Repaired) -> Repaired:
    """Return a repair whose report notes where the new wall overlaps segments that keep their voxels."""
    if case.segmentation.exclusive:
        return repaired
    return replace(repaired, report=with_overlap(repaired.report))


def write_case(case: Case, changes: Changes, path: str | Path) -> None:
    """Write the segmentation with the repaired myocardium and blood pool atomically.

    In a label map the wall overwrites other labels, and removed voxels become background. If several labels or segments
    form the wall, added voxels get the first, and all others keep theirs. In a ``.seg.nrrd`` added voxels are removed
    from the given blood pool only, and tags store the data for a review in Slicer.

    Example:
        >>> import tempfile
        >>> from rncarefine.io.sample import sample_files
        >>> image, broken, _ = sample_files()
        >>> case = read_case(image, broken, segment="myocardium")
        >>> wall = case.stack.mask.copy()
        >>> wall[0] = 0
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_case(case, Changes.compose(case.stack, wall), f"{folder}/changed.seg.nrrd")
        ...     bool(read_case(image, f"{folder}/changed.seg.nrrd", segment="myocardium").stack.mask[0].any())
        False

    Args:
        case: The case as read.
        changes: Its repair, for instance a :class:`~rncarefine.refine.result.Repaired`.
        path: Output file; see :func:`check_result`.

    Raises:
        ValueError: The path is invalid.
        OSError: The file cannot be written.
    """
    path = Path(path)
    check_result(case.segmentation.path, path)
    pool = None if case.pool is None else changes.pool
    change = Change(case.walls, case.stack.mask, changes.wall, case.pool, pool)
    changed = case.segmentation.with_changes(case.grid, change)
    if isinstance(changed, SegNrrd) and isinstance(changes, Repaired) and case.turn.axes[2] == 2:
        changed = changed.with_tags(case.walls[0], _tags_of(case, changes), REVIEW_TAGS)
    with written_whole(path) as (temporary,):
        changed.write(temporary)


def _tags_of(case: Case, repaired: Repaired) -> dict[str, str]:
    """Return the tags for a review in Slicer, in the slice and voxel order of the image file."""

    def stored(mask: Mask) -> Mask:
        return case.turn.inverse.apply(mask)

    parts = {}
    if len(case.walls) > 1:
        parts = {wall.id: stored(case.segmentation.mask_on(case.grid, wall)) for wall in case.walls}
    pools = () if repaired.stack.pool is None or repaired.pool is None else (repaired.stack.pool, repaired.pool)
    before, after = (stored(pool) for pool in pools) if pools else (None, None)
    masks = RepairMasks(stored(repaired.stack.mask), stored(repaired.wall), before, after, parts)
    i, j, k = (case.stack.spacing[2 - axis] for axis in case.turn.inverse.axes)
    report = repaired.report
    report = replace(report, stack=replace(report.stack, spacing_mm=(k, j, i)))
    return review_tags(report, masks, None if case.pool is None else case.pool.id)


def check_result(segmentation: str | Path, output: str | Path, others: tuple[str | Path, ...] = ()) -> None:
    """Check in advance that a repaired segmentation can be written.

    Args:
        segmentation: Input segmentation.
        output: Output file.
        others: Other inputs that must not be overwritten.

    Raises:
        ValueError: The output is of another kind than the segmentation, has an unsupported extension, is in a missing
            folder, or is an input.
    """
    segmentation, output = Path(segmentation), Path(output)
    check_path(output)
    if is_dicom_seg(segmentation):
        if not output.name.lower().endswith(SEG_ENDING):
            raise ValueError(f"{output}: the segmentation is a DICOM SEG, so the output must end in .dcm.")
    elif is_seg_nrrd(segmentation) != is_seg_nrrd(output):
        kind, endings = ("has named segments", ENDING) if is_seg_nrrd(segmentation) else ("is a label map", _LISTED)
        raise ValueError(
            f"{output}: the segmentation {kind}, so the output must end in {endings}. "
            "To convert it, open the result in 3D Slicer and export it."
        )
    if not is_seg_nrrd(output) and not is_dicom_seg(segmentation):
        if output.name.lower().endswith(TWO_FILES):
            raise ValueError(f"{output}: this format consists of two files. Choose .nrrd or .mha for the output.")
        ending_of(output, WRITABLE)
    check_writable(output, (segmentation, *map(Path, others)))


def read_segmentation(
    path: str | Path, choice: StructureChoice | None = None
) -> tuple[SegmentationFile, tuple[Segment, ...], Segment | None]:
    """Read a segmentation and select its myocardium and, if requested, its blood pool.

    Raises:
        ValueError: The file is invalid, a requested structure is missing or ambiguous, or a label was given for named
            segments or vice versa.
    """
    source, walls, pool, _ = _read_segmentation(Path(path), choice or StructureChoice())
    return source, walls, pool


def _read_segmentation(
    path: Path, choice: StructureChoice, series: DicomSeries | None = None
) -> tuple[SegmentationFile, tuple[Segment, ...], Segment | None, tuple[Reason, ...]]:
    """Read as :func:`read_segmentation` does, and also return notes about the segmentation."""
    pool: Segment | None = None
    notes: tuple[Reason, ...] = ()
    if not is_file(path):
        wrong = " is a folder. Give a file" if path.is_dir() else ": there is no such file. Check the path"
        raise ValueError(f"{path}{wrong} of the segmentation.")
    if has_names(path):
        named: SegNrrd | DicomSeg = read_seg_nrrd(path) if is_seg_nrrd(path) else read_dicom_seg(path, series)
        if choice.labels or choice.pool_label is not None:
            raise ValueError(f"{path} has named segments. Use --segment and --pool-segment, not labels.")
        if choice.pool_segment is not None:
            if named.has(choice.pool_segment):
                pool = named.choose(choice.pool_segment, "blood pool", "--pool-segment")
            else:
                notes = (Reason(ReasonCode.POOL_NOT_FOUND),)
        return named, named.choose_walls(choice.segments, pool), pool, notes
    if choice.segments or choice.pool_segment is not None:
        raise ValueError(f"{path} is a label map. Use --label and --pool-label, not segment names.")
    labelled = read_label_map(path)
    if labelled.resembles_image:
        raise ValueError(f"{path} has {len(labelled.labels())} labels; it is an image. Give the segmentation.")
    if choice.pool_label is not None:
        present = labelled.labels()
        if choice.pool_label in present or not present:
            pool = labelled.choose(int(choice.pool_label), "blood pool", "--pool-label")
        else:
            notes = (Reason(ReasonCode.POOL_NOT_FOUND),)
    wanted = choice.labels or (None,)
    walls = tuple(labelled.choose(label, "myocardium", "--label", taken=pool) for label in wanted)
    return labelled, walls, pool, notes


def union_on(grid: Grid, source: SegmentationFile, segments: Iterable[Segment]) -> Mask:
    """Return the union of segments on an image's grid, shape ``(k, j, i)``."""
    return np.maximum.reduce([source.mask_on(grid, segment) for segment in segments])


def _right_ventricle(source: SegmentationFile, choice: StructureChoice) -> Segment | None:
    """Return the right ventricle; ``None`` if not requested or not in the segmentation.

    Raises:
        ValueError: A label was given for named segments or vice versa.
    """
    if isinstance(source, LabelMap):
        if choice.rv_segment is not None:
            raise ValueError(f"{source.path} is a label map. Use --rv-label, not a segment name.")
        if choice.rv_label is None or choice.rv_label not in source.labels():
            return None
        return source.choose(int(choice.rv_label), "right ventricle", "--rv-label")
    if choice.rv_label is not None:
        raise ValueError(f"{source.path} has named segments. Use --rv-segment, not a label.")
    if isinstance(source, (SegNrrd, DicomSeg)) and choice.rv_segment is not None and source.has(choice.rv_segment):
        return source.choose(choice.rv_segment, "right ventricle", "--rv-segment")
    return None


def is_seg_nrrd(path: Path) -> bool:
    """Return whether a file name ends in ``.seg.nrrd``."""
    return path.name.lower().endswith(ENDING)


def is_dicom_seg(path: Path) -> bool:
    """Return whether a file is a DICOM SEG, by its name or its content."""
    if is_seg_nrrd(path) or path.name.lower().endswith(READABLE) or os.path.isdir(path):  # which raises no errors
        return False
    return is_dicom(path)


def has_names(path: Path) -> bool:
    """Return whether a segmentation has named segments, and not labels."""
    return is_seg_nrrd(path) or is_dicom_seg(path)


def stem_of(path: Path) -> str:
    """Return a file name without folder and extension, including double extensions."""
    if path.name.lower().endswith((*READABLE, ENDING)):
        return path.name[: -len(ending_of(path, (*READABLE, ENDING)))]
    return path.stem or "stack"
