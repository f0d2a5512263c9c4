"""Cine sequences: frames repaired into a sequence of its own or in place, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from engine.model_folders import seeing_weights
from harness.cine import (
    INTACT_FRAME,
    TIMES,
    DrawnCine,
    chosen,
    column,
    draw_cine,
    repair,
    repaired_walls,
    segment_ids,
    sequences_of,
)
from harness.hearts import GAP, SPECK, add_segment, node_census, segment_voxels, transform_node
from harness.removals import scene_closed, segmentation_gone, volume_gone, wall_gone
from rncarefine.nca.model import load_model
from rncarefine.progress import Cancelled
from rncarefine.refine.options import RepairOptions
from RNCARefineLib.mrml.cine.frames import Cine
from RNCARefineLib.mrml.cine.repair import process_sequence
from RNCARefineLib.mrml.cine.report import refresh_frames_table
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review.decisions import Review
from RNCARefineLib.mrml.review.kept import tag_of
from RNCARefineLib.mrml.review.undo import UndoSteps

pytestmark = pytest.mark.usefixtures("toy_engine")


@pytest.fixture
def cine() -> DrawnCine:
    return draw_cine()


def test_every_frame_is_repaired_into_a_new_sequence(cine: DrawnCine) -> None:
    before = [cine.voxels(frame).tobytes() for frame in range(3)]
    outcome = repair(cine)
    for frame, wall in enumerate(repaired_walls(cine)):
        np.testing.assert_array_equal(cine.voxels(frame, sequence=outcome.sequence_node), wall)
    assert [cine.voxels(frame).tobytes() for frame in range(3)] == before
    assert segment_ids(cine.segmentations) == [["myo", "pool", "rv", "scar"]] * 3
    assert not cine.browser.GetSaveChanges(cine.segmentations)
    assert outcome.sequence_node in sequences_of(cine.browser)
    assert cine.browser.GetProxyNode(outcome.sequence_node) == outcome.segmentation_node
    assert sorted(outcome.reports) == [0, 1, 2]
    assert not outcome.failed
    assert not outcome.cancelled


def test_the_result_has_the_index_of_the_input(cine: DrawnCine) -> None:
    sequence = repair(cine).sequence_node
    assert [sequence.GetNthIndexValue(frame) for frame in range(sequence.GetNumberOfDataNodes())] == list(TIMES)
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("trigger time", "ms")
    assert sequence.GetIndexType() == cine.segmentations.GetIndexType()


def test_the_browser_shows_the_result_of_each_frame(cine: DrawnCine) -> None:
    outcome = repair(cine)
    for frame in (2, 0, 1):
        cine.browser.SetSelectedItemNumber(frame)
        np.testing.assert_array_equal(cine.shown(node=outcome.segmentation_node), repaired_walls(cine)[frame])
        expected = cine.walls[frame] & (1 - repaired_walls(cine)[frame])
        np.testing.assert_array_equal(cine.shown("myo_removed", outcome.segmentation_node), expected)
    assert outcome.segmentation_node.GetName() == "Heart repaired"
    assert outcome.sequence_node.GetName() == "Heart repaired sequence"


def test_frames_that_were_not_chosen_are_copies_with_all_segments(cine: DrawnCine) -> None:
    sequence = repair(cine, frames=[2]).sequence_node
    np.testing.assert_array_equal(cine.voxels(0, sequence=sequence), cine.walls[0])
    np.testing.assert_array_equal(cine.voxels(2, sequence=sequence), repaired_walls(cine)[2])
    ids = segment_ids(sequence)
    assert ids[0] == ids[1] == ids[2]
    assert {"myo", "pool", "rv", "scar", "myo_added", "myo_removed"} <= set(ids[0])
    assert not cine.voxels(0, "myo_added", sequence).any()
    reported = [
        sequence.GetNthDataNode(n).GetSegmentation().GetSegment("myo").HasTag("RNCARefine.Report") for n in range(3)
    ]
    assert reported == [False, False, True]


def test_every_frame_of_the_result_has_all_segments(cine: DrawnCine) -> None:
    node = cine.segmentations.GetNthDataNode(1)
    add_segment(node, "papillary", cine.heart.masks["scar"], cine.heart.volume, (0.1, 0.2, 0.3))
    terminology = slicer.vtkSegment.GetTerminologyEntryTagName()
    node.GetSegmentation().GetSegment("papillary").SetTag(terminology, "category~type")
    cine.segmentations.GetNthDataNode(2).GetSegmentation().RemoveSegment("scar")
    sequence = repair(cine).sequence_node
    ids = segment_ids(sequence)
    assert ids[0] == ids[1] == ids[2]
    assert ids[0][:5] == ["myo", "pool", "rv", "scar", "papillary"]
    np.testing.assert_array_equal(cine.voxels(1, "papillary", sequence), cine.heart.masks["scar"])
    for frame, segment_id in ((0, "papillary"), (2, "scar")):
        assert not cine.voxels(frame, segment_id, sequence).any()
    filled = sequence.GetNthDataNode(0).GetSegmentation().GetSegment("papillary")
    assert filled.GetName() == "The papillary"
    assert filled.GetColor() == pytest.approx((0.1, 0.2, 0.3))
    assert tag_of(filled, terminology) == "category~type"


def test_a_user_segment_named_like_a_review_segment_is_kept(cine: DrawnCine) -> None:
    node = cine.segmentations.GetNthDataNode(2)
    add_segment(node, "myo_added", cine.heart.masks["scar"], cine.heart.volume)
    sequence = repair(cine).sequence_node
    ids = segment_ids(sequence)
    assert ids[0] == ids[1] == ids[2]
    np.testing.assert_array_equal(cine.voxels(2, "myo_added", sequence), cine.heart.masks["scar"])
    assert not cine.voxels(0, "myo_added", sequence).any()


def test_playback_stops_and_the_shown_frame_stays(cine: DrawnCine) -> None:
    cine.browser.SetSelectedItemNumber(2)
    cine.browser.SetPlaybackActive(True)

    def leaf(fraction: float, text: str) -> None:
        assert not cine.browser.GetPlaybackActive()
        cine.browser.SetSelectedItemNumber(1)  # another frame is shown meanwhile

    repair(cine, progress=leaf)
    assert cine.browser.GetSelectedItemNumber() == 2
    assert not cine.browser.GetPlaybackActive()


def test_progress_is_reported_per_frame_and_increases(cine: DrawnCine) -> None:
    calls: list[tuple[float, str]] = []
    repair(cine, progress=lambda fraction, text: calls.append((fraction, text)))
    fractions = [fraction for fraction, _ in calls]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    heads = list(dict.fromkeys(text.partition(":")[0] for _, text in calls))
    assert heads == ["Frame 1 of 3", "Frame 2 of 3", "Frame 3 of 3", "Writing the frames", "Done"]


def test_in_place_changes_the_input_and_adds_no_sequence(cine: DrawnCine) -> None:
    sequences = sequences_of(cine.browser)
    outcome = repair(cine, in_place=True)
    assert sequences_of(cine.browser) == sequences
    assert outcome.sequence_node == cine.segmentations
    assert outcome.segmentation_node == cine.heart.segmentation
    for frame, wall in enumerate(repaired_walls(cine)):
        np.testing.assert_array_equal(cine.voxels(frame), wall)
        cine.browser.SetSelectedItemNumber(frame)
        np.testing.assert_array_equal(cine.shown(), wall)
    assert [cine.segmentations.GetNthIndexValue(frame) for frame in range(3)] == list(TIMES)


def test_one_frame_after_the_other_can_be_repaired_in_the_result(cine: DrawnCine) -> None:
    first = repair(cine, frames=[0])
    again = Cine.create(cine.browser, first.segmentation_node, "myo", cine.heart.volume, "pool")
    model: Any = "toy"
    second = process_sequence(again, model, RepairOptions(), frames=[2], in_place=True)
    for frame in (0, 2):
        np.testing.assert_array_equal(cine.voxels(frame, sequence=second.sequence_node), repaired_walls(cine)[frame])
    assert segment_ids(second.sequence_node) == [segment_ids(first.sequence_node)[0]] * 3
    assert sorted(set(column(second.table_node, "frame"))) == [0, 2]
    assert second.table_node == first.table_node


@pytest.mark.parametrize("in_place", [False, True])
def test_a_decision_about_the_shown_frame_is_kept_in_its_frame(cine: DrawnCine, in_place: bool) -> None:
    outcome = repair(cine, in_place=in_place)
    node = outcome.segmentation_node
    cine.browser.SetSelectedItemNumber(2)
    Review.of(node).reject(GAP)
    cine.browser.SetSelectedItemNumber(0)
    np.testing.assert_array_equal(cine.shown(node=node), repaired_walls(cine)[0])
    assert Review.of(node).decisions() == {}
    cine.browser.SetSelectedItemNumber(2)
    assert Review.of(node).decisions() == {GAP: False}
    np.testing.assert_array_equal(cine.shown(node=node)[GAP], cine.walls[2][GAP])
    np.testing.assert_array_equal(cine.shown(node=node)[SPECK], repaired_walls(cine)[2][SPECK])
    assert Review.of(node).volume_node == cine.heart.volume


def test_a_decision_is_undone_in_its_frame_only(cine: DrawnCine) -> None:
    node = repair(cine).segmentation_node
    steps = UndoSteps()
    Review.of(node, undo=steps).reject(GAP)
    cine.browser.SetSelectedItemNumber(2)
    shown = cine.shown(node=node)
    assert not steps.undo(node)
    np.testing.assert_array_equal(cine.shown(node=node), shown)
    Review.of(node, undo=steps).reject(SPECK)
    assert steps.undo(node)
    np.testing.assert_array_equal(cine.shown(node=node), repaired_walls(cine)[2])


def test_a_frame_that_fails_is_noted_and_does_not_stop_the_others(cine: DrawnCine) -> None:
    cine.write(1, "myo", np.zeros_like(cine.walls[1]))
    cine.set_image(2, np.full_like(slicer.util.arrayFromVolume(cine.heart.volume), 7))
    outcome = repair(cine)
    assert list(outcome.reports) == [0]
    assert sorted(outcome.failed) == [1, 2]
    assert "empty" in outcome.failed[1]
    assert "constant" in outcome.failed[2]
    assert outcome.summary().endswith("; 2 frames failed")
    table = refresh_frames_table(cine.browser, outcome.segmentation_node, "myo", cine.heart.volume)
    assert table.GetDescription() == outcome.summary()  # after a decision, too
    np.testing.assert_array_equal(cine.voxels(2, sequence=outcome.sequence_node), cine.walls[2])
    ids = segment_ids(outcome.sequence_node)
    assert ids[0] == ids[1] == ids[2]


def test_if_every_frame_fails_nothing_is_written(cine: DrawnCine) -> None:
    for frame in range(3):
        cine.set_image(frame, np.full_like(slicer.util.arrayFromVolume(cine.heart.volume), 7))
    before = cine.snapshot()
    with pytest.raises(ValueError, match=r"Frame 1 of 3: .*constant"):
        repair(cine)
    assert cine.snapshot() == before


def test_cancelling_keeps_finished_frames_and_copies_the_others(cine: DrawnCine) -> None:
    outcome = repair(cine, progress=lambda fraction, text: not text.startswith("Frame 3"))
    assert outcome.cancelled
    assert outcome.not_reached == [2]
    assert list(outcome.reports) == [0, 1]
    np.testing.assert_array_equal(cine.voxels(0, sequence=outcome.sequence_node), repaired_walls(cine)[0])
    np.testing.assert_array_equal(cine.voxels(2, sequence=outcome.sequence_node), cine.walls[2])
    assert "1 frame" in outcome.summary()
    assert outcome.table_node.GetDescription() == outcome.summary()


@pytest.mark.parametrize("in_place", [False, True])
def test_cancelling_before_a_frame_is_finished_leaves_no_trace(cine: DrawnCine, in_place: bool) -> None:
    before = cine.snapshot()
    with pytest.raises(Cancelled):
        repair(cine, in_place=in_place, progress=lambda fraction, text: fraction < 0.1)
    assert cine.snapshot() == before


@pytest.mark.parametrize("in_place", [False, True])
def test_an_error_while_writing_leaves_no_trace(
    cine: DrawnCine, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError("no more memory")

    before = cine.snapshot()
    cine.browser.SetPlaybackActive(True)
    monkeypatch.setattr("RNCARefineLib.mrml.cine.repair.put_frames_table", fail)
    with pytest.raises(RuntimeError, match="no more memory"):
        repair(cine, in_place=in_place)
    assert cine.browser.GetPlaybackActive()
    cine.browser.SetPlaybackActive(False)
    assert cine.snapshot() == before
    for frame in (1, 2, 0):
        cine.browser.SetSelectedItemNumber(frame)
        np.testing.assert_array_equal(cine.shown(), cine.walls[frame])


def test_the_shown_segmentation_is_repaired(cine: DrawnCine) -> None:
    """By default Slicer does not save changes of the shown frame into the sequence."""
    edited = cine.walls[0].copy()
    edited[4] = edited[GAP]
    write = slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment
    image = VolumeGrid.of_volume(cine.heart.volume).image(edited)
    write(image, cine.heart.segmentation, "myo", slicer.vtkSlicerSegmentationsModuleLogic.MODE_REPLACE)
    report = repair(cine).reports[0]
    assert [record.k for record in report.slices if record.verdict != "intact"] == [GAP, SPECK, 4]


def test_the_pool_of_each_frame_loses_what_its_wall_takes(cine: DrawnCine) -> None:
    outcome = repair(cine)
    for frame in (0, 2):
        before = cine.voxels(frame, "pool")
        added = cine.voxels(frame, "myo_added", outcome.sequence_node)
        assert (before & added).any()
        np.testing.assert_array_equal(cine.voxels(frame, "pool", outcome.sequence_node), before & (1 - added))
    np.testing.assert_array_equal(
        cine.voxels(INTACT_FRAME, "pool", outcome.sequence_node), cine.voxels(INTACT_FRAME, "pool")
    )


def test_the_result_lies_under_the_transform_of_the_input(cine: DrawnCine) -> None:
    transform = transform_node(np.diag([1.0, -1.0, -1.0, 1.0]))
    for node in (cine.heart.volume, cine.heart.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    outcome = repair(cine)
    assert outcome.segmentation_node.GetParentTransformNode() == transform
    for frame, wall in enumerate(repaired_walls(cine)):
        np.testing.assert_array_equal(cine.voxels(frame, sequence=outcome.sequence_node), wall)


def test_a_result_is_named_after_the_sequence(cine: DrawnCine) -> None:
    cine.browser.SetOverwriteProxyName(cine.segmentations, True)
    cine.browser.SetSelectedItemNumber(1)
    assert cine.heart.segmentation.GetName() == "Heart sequence [trigger time=30.5ms]"
    outcome = repair(cine)
    assert outcome.sequence_node.GetName() == "Heart sequence repaired sequence"
    cine.browser.SetSelectedItemNumber(2)
    assert outcome.segmentation_node.GetName() == "Heart sequence repaired sequence [trigger time=61ms]"


def test_the_result_survives_a_saved_scene(cine: DrawnCine, tmp_path: Path) -> None:
    outcome = repair(cine)
    Review.of(outcome.segmentation_node).reject(GAP)
    path = str(tmp_path / "cine.mrb")
    assert slicer.util.saveScene(path, properties={})
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(path, properties={})
    browser = slicer.util.getNode("Browser")
    node, volume = slicer.util.getNode("Heart repaired"), slicer.util.getNode("Cine")
    assert Review.of(node).decisions() == {GAP: False}
    browser.SetSelectedItemNumber(2)
    np.testing.assert_array_equal(segment_voxels(node, "myo", volume), repaired_walls(cine)[2])
    Review.of(node).reject(SPECK)
    browser.SetSelectedItemNumber(0)
    browser.SetSelectedItemNumber(2)
    assert Review.of(node).decisions() == {SPECK: False}


def test_a_segmentation_outside_the_browser_is_repaired_as_shown(cine: DrawnCine) -> None:
    alone = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Alone")
    cine.browser.SetSelectedItemNumber(2)
    alone.CopyContent(cine.heart.segmentation)
    single = Cine.create(cine.browser, alone, "myo", cine.heart.volume, "pool")
    model: Any = "toy"
    sequences = sequences_of(cine.browser)
    outcome = process_sequence(single, model, RepairOptions())
    assert outcome.sequence_node is None
    assert sequences_of(cine.browser) == sequences
    assert list(outcome.reports) == [2]
    assert set(column(outcome.table_node, "frame")) == {2}
    np.testing.assert_array_equal(cine.shown(node=outcome.segmentation_node), repaired_walls(cine)[2])
    np.testing.assert_array_equal(cine.shown(node=alone), cine.walls[2])
    assert list(process_sequence(single, model, RepairOptions(), frames=[2]).reports) == [2]


def test_a_segmentation_outside_the_browser_can_be_undone(cine: DrawnCine) -> None:
    alone = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Alone")
    alone.CopyContent(cine.heart.segmentation)
    single = Cine.create(cine.browser, alone, "myo", cine.heart.volume, "pool")
    model: Any = "toy"
    steps = UndoSteps()
    assert process_sequence(single, model, RepairOptions(), in_place=True, undo=steps).segmentation_node == alone
    np.testing.assert_array_equal(cine.shown(node=alone), repaired_walls(cine)[0])
    assert steps.undo(alone)
    np.testing.assert_array_equal(cine.shown(node=alone), cine.walls[0])


def test_a_segmentation_outside_the_browser_belongs_to_no_other_frame(cine: DrawnCine) -> None:
    alone = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Alone")
    alone.CopyContent(cine.heart.segmentation)
    single = Cine.create(cine.browser, alone, "myo", cine.heart.volume)
    model: Any = "toy"
    with pytest.raises(ValueError, match=r"'Alone'.*'Browser'.*shown frame 0"):
        process_sequence(single, model, RepairOptions(), frames=[0, 1])


def test_trimming_needs_a_pool(cine: DrawnCine) -> None:
    before = cine.snapshot()
    with pytest.raises(ValueError, match="blood-pool segment"):
        repair(cine, pool=None, trim_pool=True)
    assert cine.snapshot() == before


class TestTheRealEngine:
    """On an automaton that proposes the wall that the image shows."""

    @pytest.fixture
    def toy_engine(self) -> None:
        """The engine is not replaced here."""

    def test_closes_every_frame(self, cine: DrawnCine, tmp_path: Path) -> None:
        model = load_model(seeing_weights(tmp_path))
        outcome = process_sequence(chosen(cine), model, RepairOptions(device="numpy", close_base=True))
        assert [report.stack.closed_after for report in outcome.reports.values()] == [5, 5, 5]
        np.testing.assert_array_equal(cine.voxels(1, sequence=outcome.sequence_node), cine.walls[1])
        for frame in (0, 2):
            wall = cine.voxels(frame, sequence=outcome.sequence_node)
            assert (wall[GAP] != cine.walls[frame][GAP]).any()
            np.testing.assert_array_equal(wall[1], cine.walls[frame][1])


def frame_painted(cine: DrawnCine) -> None:
    cine.write(2, "myo", cine.walls[INTACT_FRAME])


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("moment", [1, 8], ids=["first call", "later"])
@pytest.mark.parametrize("change", [segmentation_gone, volume_gone, wall_gone, frame_painted, scene_closed])
def test_changes_during_a_repair_are_not_lost(
    cine: DrawnCine, change: Callable[[Any], None], moment: int, in_place: bool
) -> None:
    calls: list[float] = []
    after: list[Any] = []

    def once(fraction: float, text: str) -> None:
        calls.append(fraction)
        if len(calls) == moment:
            change(cine if change is frame_painted else cine.heart)
            after.append((node_census(), [cine.voxels(frame).tobytes() for frame in (1, 2)]))

    with pytest.raises(ValueError, match=r"'Heart'|'Cine'|browser"):
        repair(cine, progress=once, in_place=in_place)
    assert [(node_census(), [cine.voxels(frame).tobytes() for frame in (1, 2)])] == after
