"""What a review needs, kept in the segmentation: segments of changes, status, provenance, report, decisions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import slicer

from harness import toy_engine
from harness.hearts import Heart
from rncarefine.refine.records import Report
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.repair_masks import RepairMasks
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.reader import read
from RNCARefineLib.mrml.review.kept import (
    ADDED,
    REMOVED,
    is_review,
    review_segment,
    reviewed_segments,
    store_review,
    stored_masks,
    stored_report,
    tag_of,
)


@pytest.fixture
def repaired(heart: Heart) -> tuple[Report, RepairMasks]:
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).stack
    result = toy_engine.repair(stack, None, RepairOptions(seed=7))
    return result.report, RepairMasks.of(result)


def test_review_segments_have_names_colours_and_tags_of_their_own(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    added, removed = (segmentation.GetSegment(review_segment(segmentation, "myo", kind)) for kind in (ADDED, REMOVED))
    assert (added.GetName(), removed.GetName()) == ("The myo added", "The myo removed")
    assert added.GetColor() == pytest.approx(ADDED.colour)
    assert removed.GetColor() == pytest.approx(REMOVED.colour)
    assert tag_of(removed, "RNCARefine.Review") == "removed"
    assert tag_of(removed, "RNCARefine.ReviewOf") == "myo"


def test_each_repaired_segment_has_review_segments_of_its_own(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    assert review_segment(segmentation, "myo", ADDED) != review_segment(segmentation, "scar", ADDED)


def test_a_user_segment_with_the_same_id_is_kept(heart: Heart) -> None:
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


def mark_wall(heart: Heart, report: Report, masks: RepairMasks, pool_id: str | None = "pool") -> slicer.vtkSegment:
    store_review(heart.segmentation.GetSegmentation(), "myo", pool_id, report, masks)
    return heart.segmentation.GetSegmentation().GetSegment("myo")


@pytest.mark.parametrize(("flagged", "status"), [(False, "InProgress"), (True, "Flagged")])
def test_the_status_is_flagged_if_review_is_needed(
    heart: Heart, repaired: tuple[Report, RepairMasks], flagged: bool, status: str
) -> None:
    report, masks = repaired
    slices = [*report.slices[:-1], replace(report.slices[-1], flagged=flagged)]
    segment = mark_wall(heart, replace(report, slices=slices), masks)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.GetSegmentStatus(segment) == getattr(logic, status)
    assert tag_of(segment, "Segmentation.Status") is not None


def test_the_provenance_is_stored(heart: Heart, repaired: tuple[Report, RepairMasks]) -> None:
    text = tag_of(mark_wall(heart, *repaired), "RNCARefine.Provenance")
    assert text is not None
    assert "|" not in text  # it separates the tags in a file
    provenance = json.loads(text)
    assert provenance["model"] == "toy"
    assert provenance["sha256"] == toy_engine.MODEL.sha256
    assert provenance["settings_hash"] == toy_engine.MODEL.settings_hash
    assert provenance["seed"] == 7
    assert provenance["summary"] == repaired[0].summary()


def test_report_and_masks_are_read_as_written(heart: Heart, repaired: tuple[Report, RepairMasks]) -> None:
    report, masks = repaired
    named = replace(report, stack=replace(report.stack, name='a | b\nc "d" é'))
    segment = mark_wall(heart, named, masks)
    assert stored_report(segment) == named
    assert stored_masks(segment).to_text() == masks.to_text()
    for tag in ("RNCARefine.Report", "RNCARefine.Masks"):
        text = tag_of(segment, tag) or ""
        assert text.isascii()
        assert not {"|", "\n"} & set(text)


def test_a_repair_ends_the_reviews_that_it_has_made_impossible(
    heart: Heart, repaired: tuple[Report, RepairMasks]
) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    mark_wall(heart, *repaired)
    store_review(segmentation, "scar", None, *repaired)
    assert reviewed_segments(segmentation) == ["myo", "scar"]
    segmentation.AddEmptySegment("second")
    store_review(segmentation, "second", None, *repaired)
    assert reviewed_segments(segmentation) == ["myo", "scar", "second"]
    segmentation.RemoveSegment("second")
    store_review(segmentation, "rv", "pool", *repaired)  # the pool of "myo"
    assert reviewed_segments(segmentation) == ["rv", "scar"]
    store_review(segmentation, "pool", "scar", *repaired)  # "pool" is that of "rv"
    assert reviewed_segments(segmentation) == ["pool"]
