"""Reading a stack from an image and a segmentation on disk, and writing the repaired segmentation back.

The command line reads and writes through here; inside Slicer the nodes are the source and this module is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from ..atomic import written_whole
from ..refine.result import Changes
from ..stack import Mask, Stack
from .grid import Grid
from .label_map import READABLE, TWO_FILES, WRITABLE, check_path, ending_of, grid_of, read_label_map, read_volume
from .seg_nrrd import ENDING, read_seg_nrrd
from .segmentation_file import Segment, SegmentationFile


@dataclass(frozen=True, eq=False)
class Case:
    """A stack read from files, with what is needed to write its repair back.

    Attributes:
        stack: The stack.
        others: All labels of an exclusive label map but myocardium and pool, shape ``(k, j, i)``; ``None`` for
            ``.seg.nrrd``, whose segments may overlap.
        grid: The image's place in space.
        segmentation: The segmentation as it is on disk.
        wall: Its label or segment that is the myocardium.
        pool: Its label or segment that is the blood pool, if given.
    """

    stack: Stack
    others: Mask | None
    grid: Grid
    segmentation: SegmentationFile
    wall: Segment
    pool: Segment | None


@dataclass(frozen=True)
class Choice:
    """Which label or segment is meant; all ``None`` for the only one there is.

    Attributes:
        label: Label of the myocardium in a label map.
        segment: Name or ID of the myocardium in a ``.seg.nrrd``.
        pool_label: Label of the blood pool in a label map.
        pool_segment: Name or ID of the blood pool in a ``.seg.nrrd``.
    """

    label: int | None = None
    segment: str | None = None
    pool_label: int | None = None
    pool_segment: str | None = None


def read_case(
    image: str | Path,
    segmentation: str | Path,
    choice: Choice | None = None,
    *,
    label: int | None = None,
    segment: str | None = None,
    pool_label: int | None = None,
    pool_segment: str | None = None,
) -> Case:
    """Read an image and the segmentation that belongs to it.

    The third axis of the image is taken as the slice axis: arrays have the shape ``(k, j, i)``, spacing is in mm.

    Example:
        >>> from rncarefine.io.sample import sample_files
        >>> image, broken, _ = sample_files()
        >>> case = read_case(image, broken, segment="myocardium")
        >>> case.stack.mask.shape == case.stack.image.shape, case.pool is None
        (True, True)

    Args:
        image: NIfTI, NRRD or MetaImage, three-dimensional.
        segmentation: A label map of the same formats on the image's grid, or a ``.seg.nrrd`` whose voxels coincide
            with the image's.
        choice: Which labels or segments are myocardium and blood pool, in place of the four arguments below.
        label: Label of the myocardium in a label map; not needed where there is only one.
        segment: Name or ID of the myocardium in a ``.seg.nrrd``; not needed where there is only one.
        pool_label: Label of the blood pool in a label map.
        pool_segment: Name or ID of the blood pool in a ``.seg.nrrd``.

    Raises:
        ValueError: A file cannot be used, or the two do not fit. The message names the file and the remedy.
    """
    image, segmentation = Path(image), Path(segmentation)
    choice = choice or Choice(label, segment, pool_label, pool_segment)
    if is_seg_nrrd(image):
        raise ValueError(f"{image} is a segmentation. Give the image first, then the segmentation.")
    picture = read_volume(image, "image")
    grid = grid_of(picture)
    source, wall, pool = read_segmentation(segmentation, choice)
    mask = source.mask_on(grid, wall)
    if not mask.any():
        raise ValueError(f"{segmentation}: the myocardium is empty; there is nothing to repair.")
    i, j, k = grid.spacing
    stack = Stack.create(
        sitk.GetArrayFromImage(picture),
        mask,
        (k, j, i),
        pool=None if pool is None else source.mask_on(grid, pool),
        name=stem_of(image),
    )
    return Case(stack, source.others(wall, pool), grid, source, wall, pool)


def read_pair(
    prediction: str | Path, truth: str | Path, choice: Choice, truth_choice: Choice
) -> tuple[Mask, Mask, tuple[float, float, float]]:
    """Read the same structure from two segmentations, to compare them.

    Args:
        prediction: A label map or a ``.seg.nrrd``.
        truth: The same, of either kind.
        choice: Which label or segment of the prediction is meant.
        truth_choice: Which one of the truth.

    Returns:
        Both masks on a grid that holds both, shape ``(k, j, i)``, and its spacing in mm along ``(k, j, i)``.

    Raises:
        ValueError: A file cannot be used, or the voxels of the two do not coincide.
    """
    first, one, _ = read_segmentation(prediction, choice)
    second, other, _ = read_segmentation(truth, truth_choice)
    grid = first.grid.united(second.grid)
    # A label map has a grid of its own to keep to; a .seg.nrrd says nothing about what lies outside its extent.
    whole = [file.grid for file in (first, second) if not is_seg_nrrd(file.path)]
    if grid is None or not all(grid.coincides_with(own) for own in whole):
        raise ValueError(
            f"{prediction} and {truth} do not lie on the same voxels. Prediction: {first.grid}. Truth: {second.grid}. "
            "Resample one to the other."
        )
    i, j, k = grid.spacing
    return first.mask_on(grid, one), second.mask_on(grid, other), (k, j, i)


def write_case(case: Case, changes: Changes, path: str | Path) -> None:
    """Write the segmentation with the repaired myocardium and blood pool, whole or not at all.

    In a label map the wall takes its voxels from whatever label had them, and what it gives up becomes background.
    In a ``.seg.nrrd`` added voxels are taken from the blood pool that was given and from no other segment.

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
        case: The case as it was read.
        changes: Its repair, for instance a :class:`~rncarefine.refine.result.Repaired`.
        path: The file; see :func:`check_output`.

    Raises:
        ValueError: The path does not do.
        OSError: The file cannot be written.
    """
    path = Path(path)
    check_output(case.segmentation.path, path)
    pool = None if case.pool is None else changes.pool
    changed = case.segmentation.with_changes(case.grid, case.wall, case.stack.mask, changes.wall, case.pool, pool)
    with written_whole(path) as (temporary,):
        changed.write(temporary)


def check_output(segmentation: str | Path, output: str | Path, others: tuple[str | Path, ...] = ()) -> None:
    """Check before the work that a result can be written, as far as that can be known.

    Args:
        segmentation: The segmentation that is read.
        output: The file to write.
        others: Other inputs that must not be overwritten.

    Raises:
        ValueError: Another kind of file than the segmentation, an ending that cannot be written, a missing folder, or
            an input.
    """
    segmentation, output = Path(segmentation), Path(output)
    check_path(output)
    check_inputs_kept(output, (segmentation, *map(Path, others)))
    if is_seg_nrrd(segmentation) != is_seg_nrrd(output):
        kind = f"ends in {ENDING}" if is_seg_nrrd(segmentation) else f"is one of {', '.join(WRITABLE)} (a label map)"
        raise ValueError(
            f"{output}: the output must be of the segmentation's kind, that is, its name {kind}. "
            "To convert it, open the result in 3D Slicer and export it."
        )
    if not is_seg_nrrd(output):
        if output.name.lower().endswith(TWO_FILES):
            raise ValueError(f"{output}: this format is spread over two files. Choose .nrrd or .mha for the output.")
        ending_of(output, WRITABLE)
    if output.is_dir():
        raise ValueError(f"{output} is a folder. Give the name of a file.")
    if not output.resolve().parent.is_dir():
        raise ValueError(f"{output}: the folder {output.parent} does not exist. Create it first.")


def check_inputs_kept(output: Path, inputs: tuple[Path, ...]) -> None:
    """Check that an output is none of the inputs.

    Raises:
        ValueError: It is one.
    """
    for source in inputs:
        if output.resolve() == source.resolve() or (output.exists() and source.exists() and output.samefile(source)):
            raise ValueError(f"{output} is an input and is never overwritten. Choose another name for the output.")


def read_segmentation(
    path: str | Path, choice: Choice | None = None
) -> tuple[SegmentationFile, Segment, Segment | None]:
    """Read a segmentation and tell its myocardium, and its blood pool if one was asked for.

    Raises:
        ValueError: The file cannot be used, what was asked for is not there or not clear, or a label was given for
            named segments or the other way round.
    """
    path, choice = Path(path), choice or Choice()
    pool: Segment | None = None
    if is_seg_nrrd(path):
        if choice.label is not None or choice.pool_label is not None:
            raise ValueError(f"{path} has named segments. Use --segment and --pool-segment, not labels.")
        named = read_seg_nrrd(path)
        if choice.pool_segment is not None:
            pool = named.choose(choice.pool_segment, "blood pool", "--pool-segment")
        return named, named.choose(choice.segment, "myocardium", "--segment", taken=pool), pool
    if choice.segment is not None or choice.pool_segment is not None:
        raise ValueError(f"{path} is a label map. Use --label and --pool-label, not the names of segments.")
    labelled = read_label_map(path)
    if choice.pool_label is not None:
        pool = labelled.choose(choice.pool_label, "blood pool", "--pool-label")
    return labelled, labelled.choose(choice.label, "myocardium", "--label", taken=pool), pool


def is_seg_nrrd(path: Path) -> bool:
    """Tell by its name whether a file is a segmentation with named segments."""
    return path.name.lower().endswith(ENDING)


def stem_of(path: Path) -> str:
    """Return a file's name without its folder and its ending, also where the ending has two parts."""
    return path.name[: -len(ending_of(path, (*READABLE, ENDING)))]
