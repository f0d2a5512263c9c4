"""Reports of the frames of a repaired sequence, with decisions, and their table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import vtk

from rncarefine.refine.records import Report

from ..nodes.scene import place_next_to, referred_node
from ..review.decisions import Review
from ..review.kept import reviewed_segments
from ..review.table import fill_table

FRAMES_ROLE = "RNCARefine.Frames"
"""Role of the reference from a repaired segmentation to the table of all frames."""
_FAILED, _LEFT = "RNCARefine.FailedFrames", "RNCARefine.FramesNotReached"
"""Attributes of the table: number of frames that could not be repaired, or were not reached."""


def refresh_frames_table(browser_node: Any, segmentation_node: Any, segment_id: str, volume_node: Any) -> Any:
    """Update the table of all frames with the decisions and edits since the repair, and return it.

    Raises:
        ValueError: No frame was repaired.
    """
    reports = frame_reports(browser_node, segmentation_node, segment_id, volume_node)
    if not reports:
        raise ValueError(f"Segmentation {segmentation_node.GetName()!r} has no repaired frame. Repair it first.")
    table = segmentation_node.GetNodeReference(FRAMES_ROLE)
    failed, not_reached = (range(int(table.GetAttribute(name) or 0)) if table else () for name in (_FAILED, _LEFT))
    return put_frames_table(segmentation_node, reports, failed, not_reached)


def frame_reports(browser_node: Any, segmentation_node: Any, segment_id: str, volume_node: Any) -> dict[int, Report]:
    """Return the reports of the repaired frames, with decisions applied.

    Args:
        browser_node: The sequence browser.
        segmentation_node: The repaired segmentation that it shows.
        segment_id: The repaired wall in it.
        volume_node: The volume that it shows.
    """
    reports = {}
    segmentations, volumes = (browser_node.GetSequenceNode(node) for node in (segmentation_node, volume_node))
    master = browser_node.GetMasterSequenceNode()
    for frame in range(browser_node.GetNumberOfItems()):
        value = master.GetNthIndexValue(frame)
        segmentation, volume = (sequence.GetDataNodeAtValue(value, True) for sequence in (segmentations, volumes))
        if segmentation is None or volume is None:
            continue
        if segment_id in reviewed_segments(segmentation.GetSegmentation()):
            reports[frame] = _FrameReview(segmentation, segment_id, None, volume).report()
    return reports


def summary_of(reports: Mapping[int, Report], failed: Collection[int] = (), not_reached: Collection[int] = ()) -> str:
    """Return the summary line of frames: repaired, failed, not reached."""
    stacks = [report.stack for report in reports.values()]
    flagged = [stack.flagged for stack in stacks if stack.flagged]
    text = (
        f"{_frames(len(stacks))} repaired: {sum(stack.closed_before for stack in stacks)} of "
        f"{sum(stack.expected_rings for stack in stacks)} slices closed before, "
        f"{sum(stack.closed_after for stack in stacks)} after; {sum(flagged)} flagged"
    )
    if flagged:
        text += f" in {_frames(len(flagged))}"
    if failed:
        text += f"; {_frames(len(failed))} failed"
    if not_reached:
        text += f"; cancelled, {_frames(len(not_reached))} not reached, copied unchanged"
    return text


def put_frames_table(
    segmentation_node: Any,
    reports: Mapping[int, Report],
    failed: Collection[int] = (),
    not_reached: Collection[int] = (),
) -> Any:
    """Write the reports of frames into one table; the table is added if missing.

    Args:
        segmentation_node: The repaired segmentation, in the scene; it gets a reference to the table.
        reports: The reports, by the number of the frame.
        failed: Frames that could not be repaired; for the summary in the table's description.
        not_reached: Frames that were not repaired because the user cancelled; for the summary.

    Returns:
        The table node: one row per slice of each frame, first the column ``frame``, then those of the report.
    """
    node = referred_node(segmentation_node, FRAMES_ROLE, "vtkMRMLTableNode", "frames")
    was_modifying = node.StartModify()
    first = next(iter(reports.values()))
    fill_table(node, replace(first, slices=[record for report in reports.values() for record in report.slices]))
    numbers = vtk.vtkIntArray()
    numbers.SetName("frame")
    for frame, report in reports.items():
        for _ in report.slices:
            numbers.InsertNextValue(frame)
    table = node.GetTable()
    columns = [numbers, *(table.GetColumn(index) for index in range(table.GetNumberOfColumns()))]
    node.RemoveAllColumns()
    for column in columns:
        node.AddColumn(column)
    node.SetDescription(summary_of(reports, failed, not_reached))
    node.SetAttribute(_FAILED, str(len(failed)))
    node.SetAttribute(_LEFT, str(len(not_reached)))
    node.EndModify(was_modifying)
    place_next_to(node, segmentation_node)
    return node


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"


@dataclass(frozen=True, eq=False)
class _FrameReview(Review):
    """Review of a frame that is not shown; a node in a sequence has no reference to its volume."""

    frame_volume: Any = None

    @property
    def volume_node(self) -> Any:
        """The volume of the frame."""
        return self.frame_volume
