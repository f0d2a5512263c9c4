"""The repair of all or some frames of a cine sequence.

All frames are repaired outside the scene and written together at the end: the shown frame does not change, views are
rendered once, and an error leaves the scene unchanged. The result is a new sequence in the same browser, or the input
itself. Every frame has the same segments; frames that were intact, failed or were not reached are copies of the input.

Each frame stores its report, so that :class:`RNCARefineLib.mrml.review.decisions.Review` works on the shown frame, and
changes of the shown frame are saved into the sequence, which is not Slicer's default. There is no undo step for a whole
sequence, but its slices can be rejected frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import slicer

from rncarefine.nca.model import Model
from rncarefine.progress import Cancelled, Progress, subrange
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.records import Report

from ..nodes.guards import Selection, changed_during, check_destination
from ..nodes.scene import unchanged_on_failure
from ..nodes.writer import add_to_scene, draft, refer_to_volume
from ..process import Destination, compute, process
from ..review.undo import UndoSteps
from .frames import Cine, sequences_of, unify_segments
from .report import frame_reports, put_frames_table, summary_of


@dataclass(frozen=True, eq=False)
class CineOutcome:
    """Result of the repair of a sequence. Frames are numbered from 0, like the items of the browser.

    Attributes:
        segmentation_node: The segmentation of the result that the browser shows.
        sequence_node: The sequence of the result; ``None`` if a single segmentation was repaired.
        table_node: One row per slice of each repaired frame.
        reports: Reports of the repaired frames.
        failed: Frames that could not be repaired, with the reasons.
        not_reached: Frames that were not repaired because the user cancelled.
    """

    segmentation_node: Any
    sequence_node: Any
    table_node: Any
    reports: dict[int, Report]
    failed: dict[int, str]
    not_reached: list[int]

    @property
    def cancelled(self) -> bool:
        """Whether the user cancelled; finished frames are kept."""
        return bool(self.not_reached)

    def summary(self) -> str:
        """Return the summary line for panel and log."""
        return summary_of(self.reports, self.failed, self.not_reached)


def process_sequence(
    cine: Cine,
    model: Model,
    options: RepairOptions,
    *,
    frames: Iterable[int] | None = None,
    in_place: bool = False,
    undo: UndoSteps | None = None,
    progress: Progress | None = None,
) -> CineOutcome:
    """Repair frames of a sequence and write the result, or nothing if no frame could be repaired.

    A segmentation that is not in the browser belongs to the shown frame; the result is then also one segmentation.

    Args:
        cine: The checked selection.
        model: The weights.
        options: How to repair.
        frames: The frames to repair, from 0; ``None`` for all. To repair the shown one, give ``[cine.shown]``.
        in_place: Change the input instead of adding a sequence to the browser.
        undo: Adds an undo step if a single segmentation is changed in place; a sequence has none.
        progress: Called with the progress; may cancel, and finished frames are kept.

    Raises:
        ValueError: Frames lack segments or volumes, or none could be repaired; the message states which and why.
        Cancelled: ``progress`` returned ``False`` before a frame was finished.
    """
    chosen = cine.chosen(frames)
    with _playback_paused(cine.browser_node):
        if cine.sequence_node is None:
            return _process_single(cine, model, options, in_place, undo or UndoSteps(), progress)
        results, before = cine.copies(), cine.fingerprints()
        cine.check(chosen, results)
        unify_segments(results)
        reports, failed, not_reached = _repair(cine, chosen, results, model, options, subrange(progress, 0.0, 0.95))
        unify_segments(results)
        if progress is not None:
            progress(0.95, "Writing the frames")  # no longer cancellable: there are finished frames to keep
        _check_unchanged(cine, before)
        outcome = _write(cine, results, reports, failed, not_reached, in_place)
        if progress is not None:
            progress(1.0, "Done")
        return outcome


def _check_unchanged(cine: Cine, before: Mapping[int, int]) -> None:
    """Check that the nodes are unchanged since they were read.

    Raises:
        ValueError: A node was changed or removed.
    """
    check_destination(_selection(cine), None, False)
    again = Cine.create(cine.browser_node, cine.segmentation_node, cine.wall_ids, cine.volume_node)
    if again.sequence_node != cine.sequence_node or again.fingerprints() != before:
        raise changed_during(_selection(cine))


def _process_single(
    cine: Cine,
    model: Model,
    options: RepairOptions,
    in_place: bool,
    undo: UndoSteps,
    progress: Progress | None,
) -> CineOutcome:
    selection = Selection.create(cine.segmentation_node, cine.wall_ids, cine.volume_node, cine.pool_id, cine.rv_id)
    destination = Destination(None, in_place, undo)
    outcome = process(selection, model, options, destination, progress)
    reports = {cine.shown: outcome.report}
    table = put_frames_table(outcome.segmentation_node, reports)
    return CineOutcome(outcome.segmentation_node, None, table, reports, {}, [])


def _repair(
    cine: Cine,
    chosen: list[int],
    results: dict[int, Any],
    model: Model,
    options: RepairOptions,
    progress: Progress | None,
) -> tuple[dict[int, Report], dict[int, str], list[int]]:
    """Replace the copies of frames in ``results`` by their repairs; return reports, failures and frames not reached."""
    reports: dict[int, Report] = {}
    failed: dict[int, str] = {}
    for number, frame in enumerate(chosen):
        part = _part(progress, number / len(chosen), (number + 1) / len(chosen), cine.called(frame))
        try:
            selection = cine.selection(results[frame], frame)
            repaired, reading = compute(selection, model, options, part)
            results[frame] = draft(selection, repaired, reading.grid)
        except Cancelled:
            if not reports:
                raise
            return reports, failed, chosen[number:]
        except (ValueError, RuntimeError) as error:
            failed[frame] = " ".join(str(error).split())
        else:
            reports[frame] = repaired.report
    if not reports:
        frame, reason = next(iter(failed.items()))
        raise ValueError(f"None of the frames could be repaired. {cine.called(frame)}: {reason}")
    return reports, failed, []


def _write(
    cine: Cine,
    results: Mapping[int, Any],
    reports: dict[int, Report],
    failed: dict[int, str],
    not_reached: list[int],
    in_place: bool,
) -> CineOutcome:
    touched = cine.segmentation_node if in_place else None
    with slicer.util.RenderBlocker(), unchanged_on_failure(touched), _restored_on_failure(cine):
        sequence, proxy = (_write_in_place if in_place else _add_sequence)(cine, results)
        reviewed = frame_reports(cine.browser_node, proxy, cine.segment_id, cine.volume_node)
        table = put_frames_table(proxy, reviewed, failed, not_reached)
    return CineOutcome(proxy, sequence, table, reports, failed, not_reached)


def _write_in_place(cine: Cine, results: Mapping[int, Any]) -> tuple[Any, Any]:
    _fill(cine.sequence_node, cine, results)
    # Otherwise decisions about the shown frame would be lost when another frame is shown.
    cine.browser_node.SetSaveChanges(cine.sequence_node, True)
    refer_to_volume(cine.segmentation_node, cine.volume_node)
    return cine.sequence_node, cine.segmentation_node


def _add_sequence(cine: Cine, results: Mapping[int, Any]) -> tuple[Any, Any]:
    browser, source = cine.browser_node, cine.sequence_node
    name = f"{cine.segmentation_node.GetAttribute('Sequences.BaseName') or cine.segmentation_node.GetName()} repaired"
    unique = slicer.mrmlScene.GenerateUniqueName(f"{name} sequence")
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", unique)
    sequence.SetIndexName(source.GetIndexName())
    sequence.SetIndexUnit(source.GetIndexUnit())
    sequence.SetIndexType(source.GetIndexType())
    sequence.SetNumericIndexValueTolerance(source.GetNumericIndexValueTolerance())
    _fill(sequence, cine, results)
    proxy = slicer.vtkMRMLSegmentationNode()
    proxy.CopyContent(results.get(cine.shown, next(iter(results.values()))))
    proxy.SetName(name)
    proxy = add_to_scene(proxy, _selection(cine))
    if slicer.modules.sequences.logic().AddSynchronizedNode(sequence, proxy, browser) is None:
        raise RuntimeError(f"The result could not be added to sequence browser {browser.GetName()!r}.")
    browser.SetPlayback(sequence, browser.GetPlayback(source))
    browser.SetRecording(sequence, browser.GetRecording(source))
    browser.SetOverwriteProxyName(sequence, browser.GetOverwriteProxyName(source))
    browser.SetMissingItemMode(sequence, browser.GetMissingItemMode(source))
    browser.SetSaveChanges(sequence, True)
    return sequence, proxy


def _fill(sequence: Any, cine: Cine, results: Mapping[int, Any]) -> None:
    was_modifying = sequence.StartModify()
    for frame, node in results.items():
        sequence.SetDataNodeAtValue(node, cine.index_value(frame))
    sequence.EndModify(was_modifying)


def _selection(cine: Cine) -> Selection:
    first, *more = cine.wall_ids
    return Selection(cine.segmentation_node, first, cine.volume_node, cine.pool_id, more_ids=tuple(more))


def _part(progress: Progress | None, start: float, stop: float, name: str) -> Progress | None:
    """Return the progress of one frame as a part of the whole."""
    part = subrange(progress, start, stop)
    return None if part is None else lambda fraction, text: part(fraction, f"{name}: {text}")


@contextmanager
def _restored_on_failure(cine: Cine) -> Iterator[None]:
    """Restore the browser's sequences, their items and settings if the block raises."""
    browser, source = cine.browser_node, cine.sequence_node
    played, saves = sequences_of(browser), browser.GetSaveChanges(source)
    items = {frame: item for frame in range(cine.count) if (item := cine.item(frame)) is not None}
    try:
        yield
    except BaseException:
        # The order matters. A browser that loses a proxy before its sequence creates a new one. While changes are
        # saved, a shown segmentation shares its segments with its item: when this is disabled, Slicer copies them onto
        # themselves, which empties both, so the items are restored afterwards.
        for sequence in sequences_of(browser):
            if sequence not in played:
                browser.RemoveSynchronizedSequenceNode(sequence.GetID())
        if any(cine.item(frame) != item for frame, item in items.items()):
            browser.SetSaveChanges(source, saves)
            _fill(source, cine, items)
        raise


@contextmanager
def _playback_paused(browser: Any) -> Iterator[None]:
    """Pause the playback and keep the shown frame; the playback resumes only after an error."""
    playing, shown = browser.GetPlaybackActive(), browser.GetSelectedItemNumber()
    browser.SetPlaybackActive(False)
    try:
        yield
    except BaseException:
        browser.SetSelectedItemNumber(shown)
        browser.SetPlaybackActive(playing)
        raise
    browser.SetSelectedItemNumber(shown)
