"""What a reviewer sees of a repair: added and removed voxels as segments, the status, and how the result was made."""

from __future__ import annotations

import json
from dataclasses import dataclass

import slicer
import vtk

from .. import pictures
from ..records import Report

STATUS_TAG = "Segmentation.Status"
PROVENANCE_TAG = "RNCARefine.Provenance"
REVIEW_TAG = "RNCARefine.Review"
"""On a review segment: ``added`` or ``removed``."""
REVIEW_OF_TAG = "RNCARefine.ReviewOf"
"""On a review segment: the ID of the segment that was repaired."""


@dataclass(frozen=True)
class ReviewKind:
    """A kind of review segment, in the colour that it has in the report's pictures."""

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
    """Whether a segment is a note of an earlier repair rather than anatomy."""
    return tag_of(segment, REVIEW_TAG) is not None


def review_segment(segmentation: slicer.vtkSegmentation, segment_id: str, kind: ReviewKind) -> str:
    """Return the ID of the review segment of ``segment_id``, adding the segment if it is not there yet.

    Both kinds exist after every repair, even without voxels, so that the frames of a sequence have the same segments.
    """
    for known_id in segmentation.GetSegmentIDs():
        known = segmentation.GetSegment(known_id)
        if tag_of(known, REVIEW_TAG) == kind.word and tag_of(known, REVIEW_OF_TAG) == segment_id:
            return str(known_id)
    name = f"{segmentation.GetSegment(segment_id).GetName()} {kind.word}"
    # Somebody's own segment may have this ID.
    free_id = segmentation.GenerateUniqueSegmentID(f"{segment_id}_{kind.word}")
    review_id = segmentation.AddEmptySegment(free_id, name, kind.colour)
    review = segmentation.GetSegment(review_id)
    review.SetTag(REVIEW_TAG, kind.word)
    review.SetTag(REVIEW_OF_TAG, segment_id)
    return str(review_id)


def mark(segment: slicer.vtkSegment, report: Report) -> None:
    """Set the status and the provenance of a repaired segment.

    The status is Segment Editor's: flagged if a person must look at a slice, else in progress, never completed.
    The provenance travels in the segment's tags, so that a saved ``.seg.nrrd`` alone says how it was made.
    """
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetSegmentStatus(segment, logic.Flagged if report.stack.flagged else logic.InProgress)
    segment.SetTag(PROVENANCE_TAG, _provenance(report))


def _provenance(report: Report) -> str:
    run, model = report.run, report.model
    content = {
        "version": run.version,
        "model": model.name if model else None,
        "sha256": model.sha256 if model else None,
        "licence": model.licence if model else None,
        "backend": run.backend,
        "device": run.device,
        "seed": run.seed,
        "samples": run.samples,
        "steps": run.steps,
        "summary": report.summary(),
    }
    # Slicer's file format separates tags by this character.
    return json.dumps(content, ensure_ascii=True).replace("|", "/")
