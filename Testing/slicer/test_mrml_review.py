"""What a reviewer sees: segments of changes, status, provenance."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import slicer

from harness import toy_engine
from harness.hearts import Heart
from RNCARefineLib.mrml.guards import Selection
from RNCARefineLib.mrml.reader import read
from RNCARefineLib.mrml.review import ADDED, REMOVED, is_review, mark, review_segment, tag_of
from RNCARefineLib.records import Report
from RNCARefineLib.repair import RepairOptions


@pytest.fixture
def report(heart: Heart) -> Report:
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume)).stack
    return toy_engine.repair(stack, None, RepairOptions(seed=7)).report


def test_review_segments_have_names_colours_and_tags_of_their_own(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    added, removed = (segmentation.GetSegment(review_segment(segmentation, "myo", kind)) for kind in (ADDED, REMOVED))
    assert (added.GetName(), removed.GetName()) == ("The myo added", "The myo removed")
    assert added.GetColor() == pytest.approx(ADDED.colour)
    assert removed.GetColor() == pytest.approx(REMOVED.colour)
    assert tag_of(removed, "RNCARefine.Review") == "removed"
    assert tag_of(removed, "RNCARefine.ReviewOf") == "myo"


def test_review_segments_are_found_again_rather_than_added_again(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    first = review_segment(segmentation, "myo", ADDED)
    count = segmentation.GetNumberOfSegments()
    assert review_segment(segmentation, "myo", ADDED) == first == "myo_added"
    assert segmentation.GetNumberOfSegments() == count


def test_each_repaired_segment_has_review_segments_of_its_own(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    assert review_segment(segmentation, "myo", ADDED) != review_segment(segmentation, "scar", ADDED)


def test_somebody_s_own_segment_of_the_same_id_is_left_alone(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    segmentation.AddEmptySegment("myo_added", "Mine")
    review_id = review_segment(segmentation, "myo", ADDED)
    assert review_id != "myo_added"
    assert segmentation.GetSegment("myo_added").GetName() == "Mine"


def test_only_review_segments_are_review_segments(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    review_id = review_segment(segmentation, "myo", REMOVED)
    found = [name for name in segmentation.GetSegmentIDs() if is_review(segmentation.GetSegment(name))]
    assert found == [review_id]


def test_a_tag_that_is_not_there_is_none(heart: Heart) -> None:
    segment = heart.segmentation.GetSegmentation().GetSegment("myo")
    assert tag_of(segment, "Site.Reader") == "reader 2"
    assert tag_of(segment, "Site.Scanner") is None


@pytest.mark.parametrize(("flagged", "status"), [(0, "InProgress"), (2, "Flagged")])
def test_the_status_says_whether_a_person_must_look(heart: Heart, report: Report, flagged: int, status: str) -> None:
    segment = heart.segmentation.GetSegmentation().GetSegment("myo")
    mark(segment, replace(report, stack=replace(report.stack, flagged=flagged)))
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.GetSegmentStatus(segment) == getattr(logic, status)
    assert tag_of(segment, "Segmentation.Status") is not None


def test_the_provenance_says_how_the_segment_was_made(heart: Heart, report: Report) -> None:
    segment = heart.segmentation.GetSegmentation().GetSegment("myo")
    mark(segment, report)
    text = tag_of(segment, "RNCARefine.Provenance")
    assert text is not None
    assert "|" not in text  # it separates the tags in a file
    provenance = json.loads(text)
    assert provenance["model"] == "toy"
    assert provenance["sha256"] == toy_engine.MODEL.sha256
    assert provenance["seed"] == 7
    assert provenance["summary"] == report.summary()
