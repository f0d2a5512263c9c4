"""The repair of many cases inside Slicer: each is loaded, repaired, saved, and the scene is cleared for the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import slicer

from rncarefine.batch.cases import CohortCase
from rncarefine.batch.cohort import Cohort, settings_of
from rncarefine.batch.runs import BatchOutcome, CaseNews, Finish, run_cohort
from rncarefine.io.files import is_seg_nrrd
from rncarefine.io.label_map import read_volume
from rncarefine.nca.model import Model
from rncarefine.progress import Progress, subrange
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.options import RepairOptions

from .guards import Selection
from .process import Destination, process
from .undo import UndoSteps

ENDING = ".seg.nrrd"
"""Ending of the results; the case's name stands before it."""


def process_batch(
    cases: Sequence[CohortCase],
    output_folder: str | Path,
    model: Model,
    options: RepairOptions,
    *,
    segment: str | None = None,
    pool: str | None = None,
    clear_scene: bool = False,
    progress: Progress | None = None,
    tell: Callable[[CaseNews], None] | None = None,
) -> BatchOutcome:
    """Repair cases and keep their results in a folder (see :mod:`rncarefine.batch.cohort`).

    A case that cannot be repaired is reported and skipped. The same call resumes where the last one was stopped, and
    tries failed cases again.

    Args:
        cases: The cases, see :func:`rncarefine.batch.cases.find_cases` and ``read_cases`` next to it.
        output_folder: Where the results go: ``<case>.seg.nrrd``, ``cohort.csv``, ``failed.csv`` and ``reports``.
        model: The weights.
        options: How to repair.
        segment: The myocardium in every case that does not name its own: ID or name of the segment, or label of a
            label map. May be left out where there is only one segment.
        pool: The blood pool, in the same way; ``None`` for none.
        clear_scene: Clear the scene even if it holds the user's data. It is cleared after every case, or memory would
            grow and the names of nodes would change from case to case.
        progress: Called with the share that is done; returning ``False`` stops it between two steps of a case.
        tell: Called with the news of each case.

    Returns:
        What was done, failed and flagged, also when the batch was stopped.

    Raises:
        ValueError: There are data in the scene, the folder holds results that were made with other settings, or files
            that are none of this batch.
        OutputError: The results cannot be written, for instance because the disk is full. What is finished is kept.
    """
    if not clear_scene:
        _check_empty()
    if options.trim_pool and pool is None and not any(case.pool for case in cases):
        raise ValueError("The blood pool is to be trimmed, but none was given. Give its segment.")
    cohort = Cohort(output_folder, settings_of(model.record(), options, segment=segment, pool=pool))

    def work(case: CohortCase, told: Progress | None, finish: Finish) -> None:
        image, segmentation = case.files()
        try:
            volume_node, segmentation_node = _load(case.name, image, segmentation)
            wall, cavity = case.segment or segment, case.pool or pool
            without_pool = cavity is not None and not _has_segment(segmentation_node, cavity)
            if without_pool:
                cavity = None
            selection = Selection.create(
                segmentation_node,
                find_segment(segmentation_node, wall, "myocardium"),
                volume_node,
                None if cavity is None else find_segment(segmentation_node, cavity, "blood pool"),
            )
            destination = Destination(None, False, UndoSteps())
            chosen = replace(options, trim_pool=options.trim_pool and not without_pool)
            outcome = process(selection, model, chosen, destination, subrange(told, 0.1, 0.9))
            report = outcome.report
            if without_pool:
                report = replace(report, doubts=[Reason(ReasonCode.POOL_NOT_FOUND), *report.doubts])
            finish(report, lambda path: _save(outcome.segmentation_node, path))
        finally:
            slicer.mrmlScene.Clear()
            slicer.app.processEvents()  # the application lets go of some things only when it is idle

    return run_cohort(cohort, cases, work, ending=ENDING, progress=progress, tell=tell)


def _has_segment(segmentation_node: Any, wanted: str) -> bool:
    """Whether there is a segment of this ID, name, or label of a label map."""
    segmentation = segmentation_node.GetSegmentation()
    names = {str(known): segmentation.GetSegment(known).GetName() for known in segmentation.GetSegmentIDs()}
    return any(candidate in (*names, *names.values()) for candidate in (wanted, f"Segment_{wanted}"))


def find_segment(segmentation_node: Any, wanted: str | None, role: str) -> str:
    """Return the ID of a segment.

    Args:
        segmentation_node: The segmentation.
        wanted: Its ID, its name, or the label that it had in a label map; ``None`` for the only one.
        role: What it is, for messages.

    Raises:
        ValueError: There is no such segment, or several.
    """
    segmentation = segmentation_node.GetSegmentation()
    names = {str(known): segmentation.GetSegment(known).GetName() for known in segmentation.GetSegmentIDs()}
    listed = ", ".join(f"{known!r} ({name})" for known, name in names.items()) or "none"
    if wanted is None:
        if len(names) == 1:
            return next(iter(names))
        raise ValueError(f"The segment of the {role} was not given, and there is not just one. Segments: {listed}.")
    # Slicer names the labels of a label map so.
    for candidate in (wanted, f"Segment_{wanted}"):
        if candidate in names:
            return candidate
        found = [known for known, name in names.items() if name == candidate]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(
                f"Several segments have the name {candidate!r}. Give the ID of the {role}. Segments: {listed}."
            )
    raise ValueError(f"There is no {role} segment {wanted!r}. Segments: {listed}.")


def _load(name: str, image: Path, segmentation: Path) -> tuple[Any, Any]:
    for path, what in ((image, "image"), (segmentation, "segmentation")):
        _check_readable(path, what)
    # A dictionary of their own each time: Slicer's functions write into their default.
    volume_node = slicer.util.loadVolume(str(image), properties={"name": name, "singleFile": True, "show": False})
    return volume_node, slicer.util.loadSegmentation(str(segmentation), properties={"name": name})


def _save(segmentation_node: Any, path: Path) -> None:
    if not slicer.util.saveNode(segmentation_node, str(path), properties={}):
        raise OSError(f"Slicer could not write {path.name}; its log says why")
    try:
        _check_readable(path, "result")
    except ValueError as error:
        # Slicer does not notice that the disk is full.
        raise OSError(f"{path.name} does not read back as it was written. Is the disk full?") from error


def _check_readable(path: Path, what: str) -> None:
    """Read a file before Slicer does, which crashes where a segmentation in NRRD is cut off."""
    if not is_seg_nrrd(path):
        read_volume(path, what)
        return
    try:
        sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path}: the {what} cannot be read ({str(error).splitlines()[-1].strip()}).") from error


def _check_empty() -> None:
    scene = slicer.mrmlScene
    nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    names = [node.GetName() for node in nodes if _is_data(node)]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise ValueError(
            f"There are data in the scene: {', '.join(map(repr, names[:3]))}{more}. A batch clears the scene after "
            "every case. Save them and close the scene, or allow the batch to clear it (clearScene=True)."
        )


def _is_data(node: Any) -> bool:
    """Whether a node holds the user's data, and is not one that the application made for itself."""
    if not node.IsA("vtkMRMLStorableNode") or node.IsA("vtkMRMLColorNode") or node.IsA("vtkMRMLCameraNode"):
        return False
    return bool(not node.GetHideFromEditors() and node.GetSaveWithScene() and node.GetSingletonTag() is None)
