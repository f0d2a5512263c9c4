"""Data of a review, stored in the repaired segmentation: tags of the repaired segment, and review segments.

It is saved with a scene, a ``.seg.nrrd`` file and the frames of a sequence; undo and redo include it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from rncarefine.refine.decisions import review_status
from rncarefine.refine.records import Report
from rncarefine.refine.repair_masks import RepairMasks
from rncarefine.refine.review_tags import (
    DECISIONS_TAG,
    MASKS_TAG,
    POOL_TAG,
    REPORT_TAG,
    REVIEW_TAG,
    review_tags,
    tag_json,
)
from rncarefine.report import pictures

REVIEW_OF_TAG = "RNCARefine.ReviewOf"
"""On a review segment: the ID of the segment that was repaired."""


@dataclass(frozen=True)
class ReviewKind:
    """A kind of review segment, with its colour in the pictures of the report."""

    word: str
    colour: tuple[float, float, float]


def _kind(word: str, colour: tuple[int, int, int]) -> ReviewKind:
    red, green, blue = colour
    return ReviewKind(word, (red / 255, green / 255, blue / 255))


ADDED = _kind("added", pictures.ADDED)
REMOVED = _kind("removed", pictures.REMOVED)


def tag_of(segment: slicer.vtkSegment, tag: str) -> str | None:
    """Return the value of a segment's tag, ``None`` if it has none."""
    value = vtk.reference("")
    return str(value) if segment.GetTag(tag, value) else None


def is_review(segment: slicer.vtkSegment) -> bool:
    """Whether a segment is a review segment rather than anatomy."""
    return tag_of(segment, REVIEW_TAG) is not None


def anatomy(segmentation_node: Any) -> list[tuple[str, str]]:
    """Return ID and name of all segments except review segments; none for ``None``."""
    if segmentation_node is None:
        return []
    segmentation = segmentation_node.GetSegmentation()
    segments = [(str(key), segmentation.GetSegment(key)) for key in segmentation.GetSegmentIDs()]
    return [(key, str(segment.GetName())) for key, segment in segments if not is_review(segment)]


def find_review_segment(segmentation: slicer.vtkSegmentation, segment_id: str, kind: ReviewKind) -> str | None:
    """Return the ID of the review segment of ``segment_id``, ``None`` if there is none."""
    for known_id in segmentation.GetSegmentIDs():
        known = segmentation.GetSegment(known_id)
        if tag_of(known, REVIEW_TAG) == kind.word and tag_of(known, REVIEW_OF_TAG) == segment_id:
            return str(known_id)
    return None


def review_segment(segmentation: slicer.vtkSegmentation, segment_id: str, kind: ReviewKind) -> str:
    """Return the ID of the review segment of ``segment_id``; it is added if missing.

    Both kinds exist after every repair, even if empty, so that all frames of a sequence have the same segments.
    """
    known_id = find_review_segment(segmentation, segment_id, kind)
    if known_id is not None:
        return known_id
    name = f"{segmentation.GetSegment(segment_id).GetName()} {kind.word}"
    # A user segment may have this ID.
    free_id = segmentation.GenerateUniqueSegmentID(f"{segment_id}_{kind.word}")
    review_id = segmentation.AddEmptySegment(free_id, name, kind.colour)
    review = segmentation.GetSegment(review_id)
    review.SetTag(REVIEW_TAG, kind.word)
    review.SetTag(REVIEW_OF_TAG, segment_id)
    return str(review_id)


def reviewed_segments(segmentation: slicer.vtkSegmentation) -> list[str]:
    """Return the IDs of the segments that were repaired and can be reviewed."""
    return [
        str(segment_id)
        for segment_id in segmentation.GetSegmentIDs()
        if tag_of(segmentation.GetSegment(segment_id), REPORT_TAG) is not None
    ]


def chosen_segment(node: slicer.vtkMRMLSegmentationNode, repaired: Sequence[str], segment_id: str | None) -> str:
    """Return the repaired segment to review.

    Args:
        node: A segmentation with repaired segments.
        repaired: Their IDs.
        segment_id: The chosen one; optional if there is only one.

    Raises:
        ValueError: Several were repaired and none was chosen, or the chosen one was not repaired.
    """
    name, listed = node.GetName(), ", ".join(map(repr, repaired))
    if segment_id is None and len(repaired) > 1:
        raise ValueError(f"Segmentation {name!r} has several repaired segments: {listed}. Choose one.")
    if segment_id is not None and segment_id not in repaired:
        raise ValueError(f"Segment {segment_id!r} of segmentation {name!r} was not repaired. Repaired were: {listed}.")
    return repaired[0] if segment_id is None else segment_id


def store_review(
    segmentation: slicer.vtkSegmentation, segment_id: str, pool_id: str | None, report: Report, masks: RepairMasks
) -> None:
    """Store on a segment how it was repaired and with what result, without decisions.

    Reviews of other segments that include the same wall or pool are removed, because their voxels have changed.

    Args:
        segmentation: The segmentation.
        segment_id: The wall that was repaired.
        pool_id: The blood pool that it took from, if one was given.
        report: The report of the repair.
        masks: What it changed.
    """
    written = {segment_id, pool_id, *masks.parts_before} - {None}
    for other_id in reviewed_segments(segmentation):  # an earlier review of this very segment is one of them
        other = segmentation.GetSegment(other_id)
        if {other_id, tag_of(other, POOL_TAG), *_parts_of(other)} & written:
            for tag in (REPORT_TAG, MASKS_TAG, POOL_TAG, DECISIONS_TAG):
                other.RemoveTag(tag)
    segment = segmentation.GetSegment(segment_id)
    for tag, value in review_tags(report, masks, pool_id).items():
        segment.SetTag(tag, value)


def _parts_of(segment: slicer.vtkSegment) -> list[str]:
    """Return the segments that formed one wall with a repaired segment; none if unreadable."""
    try:
        return list(stored_masks(segment).parts_before)
    except ValueError:
        return []


def set_status(segment: slicer.vtkSegment, report: Report) -> None:
    """Set Segment Editor's status of a repaired segment from its review.

    Args:
        segment: The segment.
        report: Its report, with the decisions applied.
    """
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    status = {"flagged": logic.Flagged, "in progress": logic.InProgress, "completed": logic.Completed}
    logic.SetSegmentStatus(segment, status[review_status(report)])


def stored_report(segment: slicer.vtkSegment) -> Report:
    """Return the report of the repair of a segment, without decisions.

    Raises:
        ValueError: There is none, or another version wrote it.
    """
    return Report.from_dict(json_of(segment, REPORT_TAG))


def stored_decisions(segment: slicer.vtkSegment) -> dict[int, bool]:
    """Return the decisions about a repaired segment, by the number of the slice.

    Raises:
        ValueError: They cannot be read.
    """
    if tag_of(segment, DECISIONS_TAG) is None:
        return {}
    return {int(k): bool(accepted) for k, accepted in json_of(segment, DECISIONS_TAG).items()}


def store_decisions(segment: slicer.vtkSegment, decisions: Mapping[int, bool]) -> None:
    """Store the decisions about a repaired segment."""
    segment.SetTag(DECISIONS_TAG, tag_json({str(k): decisions[k] for k in sorted(decisions)}))


def stored_masks(segment: slicer.vtkSegment) -> RepairMasks:
    """Return the masks before and after the repair of a segment.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        return RepairMasks.from_text(tag_of(segment, MASKS_TAG) or "")
    except ValueError as error:
        raise _unreadable(segment, MASKS_TAG) from error


def json_of(segment: slicer.vtkSegment, tag: str) -> dict[str, Any]:
    """Return the content of a tag.

    Raises:
        ValueError: It is no JSON object.
    """
    try:
        content = json.loads(tag_of(segment, tag) or "")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _unreadable(segment, tag)
    return content


def _unreadable(segment: slicer.vtkSegment, tag: str) -> ValueError:
    return ValueError(f"Tag {tag!r} of segment {segment.GetName()!r} cannot be read. Repair the segment again.")
