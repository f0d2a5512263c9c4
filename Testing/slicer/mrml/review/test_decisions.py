"""The review of a repair: decisions, what they restore, and that they are saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from harness.cine import column
from harness.hearts import (
    GAP,
    GEOMETRIES,
    Heart,
    draw_heart,
    node_census,
    segment_voxels,
    write_voxels,
)
from harness.removals import labelmap_gone, segmentation_gone, wall_gone
from harness.runs import process
from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review.decisions import Review, is_repaired
from RNCARefineLib.mrml.review.kept import tag_of
from RNCARefineLib.mrml.review.table import put_table
from RNCARefineLib.mrml.review.undo import UndoSteps

ALL = ["myo", "pool", "rv", "scar"]
STATES = slicer.vtkSlicerSegmentationsModuleLogic


@pytest.fixture
def steps() -> UndoSteps:
    return UndoSteps()


@pytest.fixture
def review(logic: Any, heart: Heart, steps: UndoSteps) -> Review:
    """Return the review of a heart that was repaired into a new node: slices 2 and 3 were changed."""
    process(logic, heart)
    return Review.of(logic.outputSegmentationNode(), undo=steps)


def voxels(review: Review, heart: Heart) -> dict[str, np.ndarray]:
    """Return the voxels of every segment of the repaired segmentation."""
    ids = review.segmentation_node.GetSegmentation().GetSegmentIDs()
    return {segment_id: heart.voxels(segment_id, review.segmentation_node) for segment_id in ids}


def all_but_decisions(review: Review, heart: Heart) -> tuple[Any, ...]:
    """Return what no decision changes: segments, notes, layers, tags, looks."""
    segmentation = review.segmentation_node.GetSegmentation()
    display = review.segmentation_node.GetDisplayNode()
    ids = list(segmentation.GetSegmentIDs())
    tags = ("RNCARefine.Report", "RNCARefine.Provenance", "RNCARefine.Pool", "RNCARefine.ReviewOf", "Site.Reader")
    return (
        ids,
        {name: heart.voxels(name, review.segmentation_node).tobytes() for name in ("rv", "scar")},
        {name: segmentation.GetLayerIndex(name) for name in ids},
        {(name, tag): tag_of(segmentation.GetSegment(name), tag) for name in ids for tag in tags},
        {name: segmentation.GetSegment(name).GetColor() for name in ids},
        {name: display.GetSegmentVisibility(name) for name in ids},
    )


def status(review: Review) -> int:
    return int(STATES.GetSegmentStatus(review.segmentation_node.GetSegmentation().GetSegment(review.segment_id)))


# What was repaired


def test_a_review_has_pool_volume_and_table(review: Review, heart: Heart, logic: Any) -> None:
    assert review.segmentation_node == logic.outputSegmentationNode()
    assert (review.segment_id, review.pool_id) == ("myo", "pool")
    assert review.volume_node == heart.volume
    assert review.table_node == logic.reportTableNode()
    assert is_repaired(review.segmentation_node)


def test_the_stack_before_is_the_input(review: Review, heart: Heart) -> None:
    stack = review.stack_before()
    np.testing.assert_array_equal(stack.mask, heart.masks["myo"])
    np.testing.assert_array_equal(stack.pool, heart.masks["pool"])
    assert stack.spacing == pytest.approx((8.0, 1.25, 1.4))
    np.testing.assert_array_equal(stack.image, slicer.util.arrayFromVolume(heart.volume))
    np.testing.assert_array_equal(review.wall_now(), np.repeat(heart.ring[None], 5, axis=0))


# Rejecting


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_rejecting_restores_wall_and_pool_of_the_slice_only(logic: Any, geometry: str) -> None:
    heart = draw_heart(geometry)
    process(logic, heart)
    review = Review.of(logic.outputSegmentationNode())
    before, untouched = voxels(review, heart), all_but_decisions(review, heart)
    review.reject(2)
    after = voxels(review, heart)
    for segment_id in ("myo", "pool"):
        np.testing.assert_array_equal(after[segment_id][2], heart.masks[segment_id][2])
        for k in (0, 1, 3, 4):
            np.testing.assert_array_equal(after[segment_id][k], before[segment_id][k])
    assert all_but_decisions(review, heart) == untouched
    assert (before["myo"][2] != after["myo"][2]).any()
    assert (before["pool"][2] != after["pool"][2]).any()


def test_rejecting_undoes_edits_by_hand_in_the_slice_only(review: Review, heart: Heart) -> None:
    edited = review.wall_now()
    edited[2, :10] = 1
    edited[4, 0, :5] = 1
    write_segment(review.segmentation_node, "myo", edited, VolumeGrid.of_volume(heart.volume))
    rv = heart.voxels("rv", review.segmentation_node)
    review.reject(2)
    wall = review.wall_now()
    np.testing.assert_array_equal(wall[2], heart.masks["myo"][2])
    np.testing.assert_array_equal(wall[4], edited[4])
    np.testing.assert_array_equal(heart.voxels("rv", review.segmentation_node), rv)


def test_rejecting_restores_a_slice_that_was_painted_over(review: Review, heart: Heart) -> None:
    editor, settings = slicer.vtkSlicerSegmentEditorLogic(), slicer.vtkMRMLSegmentEditorNode()
    editor.SetMRMLScene(slicer.mrmlScene)
    editor.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    editor.SetSegmentEditorNode(slicer.mrmlScene.AddNode(settings))
    editor.SetSegmentationNode(review.segmentation_node)
    editor.SetSourceVolumeNode(heart.volume)
    editor.SetCurrentSegmentID("myo")
    editor.ResetModifierLabelmapToDefault()
    brush = editor.GetModifierLabelmap()
    vtk_to_numpy(brush.GetPointData().GetScalars())[:] = 1
    brush.Modified()
    assert settings.GetOverwriteMode() == settings.OverwriteAllSegments  # as Slicer sets it up
    editor.ModifySegmentByLabelmap(review.segmentation_node, "myo", brush, editor.ModificationModeAdd, False, False)
    assert not heart.voxels("pool", review.segmentation_node).any()
    review.reject(2)
    for segment_id in ("myo", "pool"):
        voxels = heart.voxels(segment_id, review.segmentation_node)
        np.testing.assert_array_equal(voxels[2], heart.masks[segment_id][2])
    review.accept(2)
    np.testing.assert_array_equal(review.wall_now()[2], heart.ring)


def test_a_slice_that_was_not_changed_cannot_be_rejected(review: Review, heart: Heart) -> None:
    before = voxels(review, heart)
    with pytest.raises(ValueError, match=r"slice 0 of .*'Heart repaired'"):
        review.reject(0)
    assert review.decisions() == {}
    np.testing.assert_equal(voxels(review, heart), before)


@pytest.mark.parametrize("decide", ["accept", "reject"])
@pytest.mark.parametrize("k", [-1, 5])
def test_a_slice_that_is_not_there_is_refused(review: Review, decide: str, k: int) -> None:
    with pytest.raises(ValueError, match=f"no slice {k}"):
        getattr(review, decide)(k)


def test_trimmed_pool_is_restored_where_the_wall_was_not_changed(logic: Any, heart: Heart) -> None:
    spilt = heart.masks["pool"].copy()
    spilt[1, 36:38, 4:8] = 1
    write_segment(heart.segmentation, "pool", spilt, VolumeGrid.of_volume(heart.volume))
    process(logic, heart, trimPool=True)
    review = Review.of(logic.outputSegmentationNode())
    assert not heart.voxels("pool", review.segmentation_node)[1, 36, 4]
    review.reject(1)
    np.testing.assert_array_equal(heart.voxels("pool", review.segmentation_node)[1], spilt[1])


def test_without_a_pool_the_wall_alone_is_restored(logic: Any, heart: Heart) -> None:
    process(logic, heart, poolSegmentID=None)
    review = Review.of(logic.outputSegmentationNode())
    assert review.pool_id is None
    review.reject(2)
    np.testing.assert_array_equal(review.wall_now()[2], heart.masks["myo"][2])
    np.testing.assert_array_equal(heart.voxels("pool", review.segmentation_node), heart.masks["pool"])


def test_voxels_outside_the_volume_stay(logic: Any, heart: Heart) -> None:
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [-2, 0, 0, 1]
    wider = np.pad(heart.masks["myo"], ((0, 0), (0, 0), (2, 0)))
    wider[2, 0, 0] = 1  # two columns left of the volume
    write_voxels(heart.segmentation, "myo", wider, matrix, own_layer=True)
    process(logic, heart)
    review = Review.of(logic.outputSegmentationNode())
    review.reject(2)
    wide = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(wide, wider.astype(np.int16))
    wide.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    np.testing.assert_array_equal(segment_voxels(review.segmentation_node, "myo", wide)[2], wider[2])


# Accepting


def test_accepting_changes_no_voxel_and_keeps_edits_by_hand(review: Review, heart: Heart) -> None:
    edited = review.wall_now()
    edited[2, :4] = 1
    write_segment(review.segmentation_node, "myo", edited, VolumeGrid.of_volume(heart.volume))
    before, untouched = voxels(review, heart), all_but_decisions(review, heart)
    review.accept(2)
    np.testing.assert_equal(voxels(review, heart), before)
    assert all_but_decisions(review, heart) == untouched
    assert review.report().slices[2].accepted is True


@pytest.mark.parametrize("k", [2, 3])
def test_the_repair_of_a_rejected_slice_is_restored_by_accepting(review: Review, heart: Heart, k: int) -> None:
    before, untouched = voxels(review, heart), all_but_decisions(review, heart)
    review.reject(k)
    assert (review.wall_now() != before["myo"]).any()
    review.accept(k)
    np.testing.assert_equal(voxels(review, heart), before)
    assert all_but_decisions(review, heart) == untouched
    assert review.decisions() == {k: True}


@pytest.mark.parametrize("edited", ["myo", "pool"])
def test_an_edit_by_hand_of_a_rejected_slice_is_kept_by_accepting(review: Review, heart: Heart, edited: str) -> None:
    review.reject(2)
    mask = heart.voxels(edited, review.segmentation_node)
    mask[2, :2] = 1
    write_segment(review.segmentation_node, edited, mask, VolumeGrid.of_volume(heart.volume))
    before = voxels(review, heart)
    review.accept(2)
    np.testing.assert_equal(voxels(review, heart), before)
    assert review.decisions() == {2: True}
    review.reject(2)
    np.testing.assert_array_equal(review.wall_now()[2], heart.masks["myo"][2])
    review.accept(2)
    np.testing.assert_array_equal(review.wall_now()[2], heart.ring)


def test_the_segments_of_the_changes_follow_the_decisions(review: Review, heart: Heart) -> None:
    def changes() -> list[np.ndarray]:
        return [heart.voxels(name, review.segmentation_node) for name in ("myo_added", "myo_removed")]

    before = changes()
    assert [mask.any(axis=(1, 2)).tolist().index(True) for mask in before] == [2, 3]
    review.reject(2)
    assert not changes()[0].any()
    np.testing.assert_array_equal(changes()[1], before[1])
    review.reject(3)
    assert not changes()[1].any()
    for k in (2, 3):
        review.accept(k)
    np.testing.assert_array_equal(changes(), before)


def test_decisions_about_slices_are_independent(review: Review, heart: Heart) -> None:
    review.reject(3)
    review.reject(2)
    np.testing.assert_array_equal(review.wall_now(), heart.masks["myo"])
    np.testing.assert_array_equal(heart.voxels("pool", review.segmentation_node), heart.masks["pool"])
    review.accept(3)
    np.testing.assert_array_equal(review.wall_now()[3], heart.ring)
    assert review.decisions() == {2: False, 3: True}
    assert tag_of(review.segmentation_node.GetSegmentation().GetSegment("myo"), "RNCARefine.Decisions") == (
        '{"2":false,"3":true}'
    )


def test_the_status_follows_the_decisions(review: Review) -> None:
    assert status(review) == STATES.InProgress
    review.accept(2)
    assert status(review) == STATES.InProgress
    review.reject(3)
    assert status(review) == STATES.Completed


def test_the_table_follows_the_decisions(review: Review) -> None:
    table = review.table_node
    assert column(table, "accepted") == [""] * 5
    review.accept(3)
    review.reject(2)
    assert column(table, "accepted") == ["", "", "no", "yes", ""]
    assert column(table, "finding_after")[2] == "open"
    assert "4 after" in table.GetDescription()
    assert review.table_node == table


# Undo


@pytest.mark.parametrize("decide", ["accept", "reject"])
def test_a_decision_is_one_undo_and_redo_step(review: Review, heart: Heart, steps: UndoSteps, decide: str) -> None:
    def state() -> tuple[Any, ...]:
        review.refresh()
        table = review.table_node
        return voxels(review, heart), review.decisions(), status(review), column(table, "accepted"), review.report()

    before = state()
    getattr(review, decide)(2)
    after = state()
    assert steps.undo(review.segmentation_node)
    np.testing.assert_equal(state(), before)
    assert not steps.undo(review.segmentation_node)
    assert steps.redo(review.segmentation_node)
    np.testing.assert_equal(state(), after)
    assert before[1:] != after[1:]


def test_twenty_decisions_can_be_undone_one_by_one(review: Review, heart: Heart, steps: UndoSteps) -> None:
    before = voxels(review, heart)
    for _ in range(10):
        review.reject(2)
        review.accept(2)
    for _ in range(20):
        assert steps.undo(review.segmentation_node)
    assert not steps.undo(review.segmentation_node)
    np.testing.assert_equal(voxels(review, heart), before)
    assert review.decisions() == {}


def test_a_decision_after_a_repair_in_place_is_undone_first(logic: Any, heart: Heart) -> None:
    process(logic, heart, inPlace=True)
    node = heart.segmentation
    logic.reject(node, 2)
    assert logic.undo(node)
    np.testing.assert_array_equal(heart.voxels("myo")[2], heart.ring)
    assert Review.of(node).decisions() == {}
    assert logic.undo(node)
    assert not is_repaired(node)
    for segment_id in ALL:
        np.testing.assert_array_equal(heart.voxels(segment_id), heart.masks[segment_id])


@pytest.mark.parametrize("with_undo", [True, False])
def test_a_decision_that_fails_leaves_everything_as_it_was(
    review: Review, heart: Heart, steps: UndoSteps, monkeypatch: pytest.MonkeyPatch, with_undo: bool
) -> None:
    import RNCARefineLib.mrml.review.decisions as module

    def fill_and_fail(report: Any, node: Any) -> None:
        put_table(report, node)
        raise MemoryError

    review.accept(3)
    alone = review if with_undo else Review.of(review.segmentation_node)
    before, untouched, table = voxels(alone, heart), all_but_decisions(alone, heart), column(alone.table_node, "k")
    monkeypatch.setattr(module, "put_table", fill_and_fail)
    with pytest.raises(MemoryError):
        alone.reject(2)
    np.testing.assert_equal(voxels(alone, heart), before)
    assert all_but_decisions(alone, heart) == untouched
    assert (alone.decisions(), status(alone)) == ({3: True}, STATES.InProgress)
    assert column(alone.table_node, "k") == table
    assert column(alone.table_node, "accepted") == ["", "", "", "yes", ""]
    monkeypatch.undo()
    assert steps.undo(review.segmentation_node)
    assert review.decisions() == {}


# Repairs on repairs


@pytest.mark.parametrize("in_place", [True, False])
def test_a_second_repair_starts_a_review_of_its_own(logic: Any, heart: Heart, in_place: bool) -> None:
    process(logic, heart)
    first = logic.outputSegmentationNode()
    Review.of(first).reject(3)
    broken = Review.of(first).wall_now()
    logic.process(first, "myo", heart.volume, poolSegmentID="pool", inPlace=in_place)
    review = Review.of(logic.outputSegmentationNode())
    assert review.decisions() == {}
    np.testing.assert_array_equal(review.stack_before().mask, broken)
    assert [record.k for record in review.report().slices if record.removed_mm2] == [3]
    review.reject(3)
    np.testing.assert_array_equal(review.wall_now(), broken)
    with pytest.raises(ValueError, match="slice 2"):
        review.reject(2)


def test_the_notes_of_a_review_are_not_other_segments(logic: Any, heart: Heart) -> None:
    process(logic, heart, poolSegmentID=None)
    node = logic.outputSegmentationNode()
    Review.of(node).reject(2)
    report = logic.process(node, "myo", heart.volume, inPlace=True)
    added = heart.ring & ~heart.masks["myo"][2] & 1
    area = 1.4 * 1.25
    others = heart.masks["pool"] | heart.masks["rv"] | heart.masks["scar"]
    assert report.slices[2].taken_from_others_mm2 == pytest.approx((added & others[2]).sum() * area)


def test_a_repair_without_pool_does_not_change_the_pool(logic: Any, heart: Heart) -> None:
    process(logic, heart, inPlace=True)
    process(logic, heart, inPlace=True, poolSegmentID=None)
    review = Review.of(heart.segmentation)
    assert review.pool_id is None
    assert review.stack_before().pool is None


# What cannot be reviewed


def test_a_segmentation_that_was_never_repaired_has_no_review(heart: Heart) -> None:
    assert not is_repaired(heart.segmentation)
    with pytest.raises(ValueError, match=r"'Heart' .*repair"):
        Review.of(heart.segmentation)


@pytest.mark.parametrize("node", [None, "Heart", 3])
def test_only_segmentations_have_a_review(node: Any) -> None:
    with pytest.raises(ValueError, match="segmentation node"):
        Review.of(node)


def test_a_segment_that_was_not_repaired_has_no_review(review: Review) -> None:
    with pytest.raises(ValueError, match=r"'rv'.*'Heart repaired'.*'myo'"):
        Review.of(review.segmentation_node, "rv")


def test_deleted_review_segments_do_not_prevent_a_review(review: Review, heart: Heart) -> None:
    for note in ("myo_added", "myo_removed"):
        review.segmentation_node.GetSegmentation().RemoveSegment(note)
    assert not review.changes_shown()
    review.show_changes(True)
    review.reject(2)
    np.testing.assert_array_equal(review.wall_now()[2], heart.masks["myo"][2])


def test_a_deleted_pool_does_not_prevent_the_review_of_the_wall(review: Review, heart: Heart) -> None:
    review.segmentation_node.GetSegmentation().RemoveSegment("pool")
    review.reject(2)
    np.testing.assert_array_equal(review.wall_now()[2], heart.masks["myo"][2])


def test_a_deleted_table_is_created_again_with_the_decisions(review: Review) -> None:
    review.reject(2)
    slicer.mrmlScene.RemoveNode(review.table_node)
    assert column(review.table_node, "accepted") == ["", "", "no", "", ""]


@pytest.mark.parametrize("tag", ["RNCARefine.Report", "RNCARefine.Masks"])
def test_a_damaged_tag_is_named(review: Review, tag: str) -> None:
    segment = review.segmentation_node.GetSegmentation().GetSegment("myo")
    for text in ("{", "[]", '"x"'):
        segment.SetTag(tag, text)
        with pytest.raises(ValueError, match=f"'{tag}'.*'The myo'"):
            review.report()


# The volume


def test_another_volume_is_refused(review: Review, heart: Heart) -> None:
    other = draw_heart("axis-aligned").volume
    with pytest.raises(ValueError, match=r"grid.*'Cine'"):
        Review.of(review.segmentation_node, volume_node=other)
    assert review.volume_node == heart.volume


def test_a_volume_with_fewer_slices_is_refused(review: Review, heart: Heart) -> None:
    crop = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Crop")
    slicer.util.updateVolumeFromArray(crop, slicer.util.arrayFromVolume(heart.volume)[:3].copy())
    crop.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(VolumeGrid.of_volume(heart.volume).ijk_to_ras))
    with pytest.raises(ValueError, match=r"'Crop'.*3 x 40 x 48.*5 x 40 x 48"):
        Review.of(review.segmentation_node, volume_node=crop)


def test_another_volume_in_the_place_of_the_first_is_refused(review: Review) -> None:
    other = draw_heart("axis-aligned").volume
    review.segmentation_node.SetNodeReferenceID("RNCARefine.Volume", other.GetID())
    with pytest.raises(ValueError, match="voxel grid"):
        review.reject(2)


def test_a_deleted_volume_is_named(review: Review, heart: Heart) -> None:
    slicer.mrmlScene.RemoveNode(heart.volume)
    with pytest.raises(ValueError, match=r"'Heart repaired'.*Load 'Cine'"):
        review.reject(2)


def test_the_reference_geometry_volume_is_the_fallback(review: Review, heart: Heart) -> None:
    review.segmentation_node.RemoveNodeReferenceIDs("RNCARefine.Volume")
    assert review.volume_node == heart.volume


# Files


def test_a_segmentation_file_alone_is_enough_for_a_review(review: Review, heart: Heart, tmp_path: Path) -> None:
    review.accept(3)
    path, image = str(tmp_path / "result.seg.nrrd"), str(tmp_path / "image.nrrd")
    report = review.report()
    assert slicer.util.saveNode(review.segmentation_node, path, properties={})
    assert slicer.util.saveNode(heart.volume, image, properties={})
    slicer.mrmlScene.Clear(False)
    node = slicer.util.loadSegmentation(path)
    loaded = Review.of(node)
    assert loaded.decisions() == {3: True}
    with pytest.raises(ValueError, match="Load 'Cine'"):
        loaded.reject(2)
    volume = slicer.util.loadVolume(image)
    loaded = Review.of(node, volume_node=volume)
    assert loaded.report() == report
    assert column(loaded.table_node, "accepted") == ["", "", "", "yes", ""]
    Review.of(node).reject(2)
    for segment_id in ("myo", "pool"):
        np.testing.assert_array_equal(segment_voxels(node, segment_id, volume)[2], heart.masks[segment_id][2])
    assert Review.of(node).decisions() == {2: False, 3: True}


def test_a_review_continues_in_a_saved_scene(review: Review, heart: Heart, tmp_path: Path) -> None:
    review.reject(2)
    report = review.report()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path, properties={})
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(path, properties={"clear": True})
    node = slicer.util.getNode("Heart repaired")
    loaded = Review.of(node)
    assert loaded.report() == report
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert column(loaded.table_node, "accepted") == ["", "", "no", "", ""]
    loaded.accept(2)
    np.testing.assert_array_equal(loaded.wall_now(), np.repeat(heart.ring[None], 5, axis=0))
    assert segment_voxels(node, "pool", loaded.volume_node).sum() == 5 * (heart.masks["pool"][0]).sum()


def test_a_name_with_the_separators_of_the_file_format_survives(logic: Any, heart: Heart, tmp_path: Path) -> None:
    heart.volume.SetName('a|b:c "d"\n{é}')
    process(logic, heart)
    path = str(tmp_path / "result.seg.nrrd")
    assert slicer.util.saveNode(logic.outputSegmentationNode(), path, properties={})
    loaded = Review.of(slicer.util.loadSegmentation(path), volume_node=heart.volume)
    assert loaded.report().stack.name == 'a|b:c "d"\n{é}'
    assert loaded.report() == Review.of(logic.outputSegmentationNode()).report()


@pytest.mark.parametrize("gone", [labelmap_gone, wall_gone, segmentation_gone])
@pytest.mark.parametrize("action", ["reject", "accept", "exportReport", "report", "showSlice", "plotReport"])
def test_a_result_with_removed_parts_is_refused_in_one_message(
    logic: Any, heart: Heart, tmp_path: Path, gone: Callable[[Heart], None], action: str
) -> None:
    process(logic, heart, inPlace=True)
    held, node, segmentation = (
        logic.review(heart.segmentation),
        heart.segmentation,
        heart.segmentation.GetSegmentation(),
    )
    gone(heart)
    before = node_census(), list(segmentation.GetSegmentIDs()), logic.canUndo(node)
    arguments = {"exportReport": [tmp_path / "report.html"], "report": [], "plotReport": []}.get(action, [GAP])
    with pytest.raises(ValueError, match=r"'Heart'"):
        getattr(logic, action)(node, *arguments)
    if action in ("reject", "report"):
        with pytest.raises(ValueError, match=r"'Heart'"):
            getattr(held, action)(*arguments)
    assert (node_census(), list(segmentation.GetSegmentIDs()), logic.canUndo(node)) == before
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("gone", [labelmap_gone, wall_gone])
def test_undo_restores_what_was_removed(logic: Any, heart: Heart, gone: Callable[[Heart], None]) -> None:
    process(logic, heart, inPlace=True)
    logic.reject(heart.segmentation, GAP)
    gone(heart)
    assert logic.undo(heart.segmentation)
    np.testing.assert_array_equal(heart.voxels("myo")[GAP], heart.ring)
    assert logic.report(heart.segmentation).slices[GAP].accepted is None


def test_a_step_that_cannot_be_reported_is_not_taken(logic: Any, heart: Heart) -> None:
    process(logic, heart, inPlace=True)
    logic.reject(heart.segmentation, GAP)
    wall = heart.voxels("myo")
    image = slicer.vtkMRMLScalarVolumeNode()
    image.Copy(heart.volume)
    heart.volume.SetAndObserveImageData(None)
    with pytest.raises(ValueError, match="'Cine' has no voxels"):
        logic.undo(heart.segmentation)
    heart.volume.Copy(image)
    np.testing.assert_array_equal(heart.voxels("myo"), wall)
    assert logic.report(heart.segmentation).slices[GAP].accepted is False
    assert logic.undo(heart.segmentation)
    np.testing.assert_array_equal(heart.voxels("myo")[GAP], heart.ring)
