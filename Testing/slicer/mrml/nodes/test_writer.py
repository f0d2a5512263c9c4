"""A repaired stack becomes segments."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from harness import toy_engine
from harness.hearts import Heart, node_census, write_voxels
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.result import Repaired
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.reader import Reading, read
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.nodes.writer import add_to_scene, copy_into, draft
from RNCARefineLib.mrml.review.kept import ADDED, REMOVED, review_segment, stored_masks, stored_report


def repaired(selection: Selection) -> tuple[Reading, Repaired]:
    reading = read(selection)
    return reading, toy_engine.repair(reading.stack, None, RepairOptions(), others=reading.others)


@pytest.fixture
def selection(heart: Heart) -> Selection:
    return Selection.create(heart.segmentation, "myo", heart.volume, "pool")


def draft_of(selection: Selection) -> slicer.vtkMRMLSegmentationNode:
    reading, result = repaired(selection)
    return draft(selection, result, reading.grid)


def test_a_draft_changes_neither_scene_nor_input(heart: Heart, selection: Selection) -> None:
    before = node_census()
    node = draft_of(selection)
    assert node.GetScene() is None
    assert node_census() == before
    for segment_id, mask in heart.masks.items():
        np.testing.assert_array_equal(heart.voxels(segment_id), mask)


def test_wall_and_pool_keep_their_layer_and_review_segments_get_own(heart: Heart, selection: Selection) -> None:
    source, result = heart.segmentation.GetSegmentation(), draft_of(selection).GetSegmentation()
    for segment_id in heart.masks:
        assert result.GetLayerIndex(segment_id) == source.GetLayerIndex(segment_id)
    assert not {result.GetLayerIndex(note) for note in ("myo_added", "myo_removed")} & {0, 1}


def test_the_result_refers_to_its_volume_and_stores_the_input(heart: Heart, selection: Selection) -> None:
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    for node in (add_to_scene(draft_of(selection), selection), copy_into(output, draft_of(selection), selection)):
        assert node.GetNodeReference("RNCARefine.Volume") == heart.volume
        masks = stored_masks(node.GetSegmentation().GetSegment("myo"))
        np.testing.assert_array_equal(masks.wall_before, heart.masks["myo"])
        np.testing.assert_array_equal(masks.pool_before, heart.masks["pool"])
        np.testing.assert_array_equal(masks.wall_after, np.repeat(heart.ring[None], 5, axis=0))
        assert stored_report(node.GetSegmentation().GetSegment("myo")) == repaired(selection)[1].report


def test_voxels_outside_the_volume_stay(heart: Heart, selection: Selection) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    matrix = grid.ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [-2, 0, 0, 1]
    wider = np.pad(heart.masks["myo"], ((0, 0), (0, 0), (2, 0)))
    wider[0, 0, 0] = 1  # two columns left of the volume
    beyond = int(wider.sum() - heart.masks["myo"].sum())
    write_voxels(heart.segmentation, "myo", wider, matrix, own_layer=True)
    node = draft_of(selection)
    wall = node.GetSegmentation().GetSegment("myo")
    labels = vtk_to_numpy(wall.GetRepresentation("Binary labelmap").GetPointData().GetScalars())
    assert int((labels == wall.GetLabelValue()).sum()) == 5 * heart.ring.sum() + beyond
    np.testing.assert_array_equal(heart.voxels("myo", node)[0], heart.ring)
    assert not heart.voxels(review_segment(node.GetSegmentation(), "myo", ADDED), node)[0].any()


def test_a_second_draft_updates_the_review_segments(heart: Heart, selection: Selection) -> None:
    node = add_to_scene(draft_of(selection), selection)
    again = Selection.create(node, "myo", heart.volume, "pool")
    second = draft_of(again)
    segmentation = second.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 6
    for kind in (ADDED, REMOVED):
        assert not heart.voxels(review_segment(segmentation, "myo", kind), second).any()


def test_a_result_copies_place_and_display_of_the_input(heart: Heart, selection: Selection) -> None:
    display = heart.segmentation.GetDisplayNode()
    display.SetSegmentOpacity3D("rv", 0.25)
    display.SetSegmentVisibility("scar", False)
    node = add_to_scene(draft_of(selection), selection)
    assert node.GetName() == "Heart repaired"
    assert node.GetNodeReference("referenceImageGeometryRef") == heart.volume
    assert node.GetSegmentation().GetConversionParameter("Reference image geometry")
    assert node.GetDisplayNode() != display
    assert node.GetDisplayNode().GetSegmentOpacity3D("rv") == 0.25
    assert not node.GetDisplayNode().GetSegmentVisibility("scar")
    assert node.GetDisplayNode().GetSegmentVisibility("myo_added")


def test_a_result_of_a_hidden_input_is_shown(heart: Heart, selection: Selection) -> None:
    display = heart.segmentation.GetDisplayNode()
    display.SetVisibility(False)
    display.SetSegmentVisibility("myo", False)
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    for node in (add_to_scene(draft_of(selection), selection), copy_into(output, draft_of(selection), selection)):
        assert node.GetDisplayNode().GetVisibility()
        assert node.GetDisplayNode().GetSegmentVisibility("myo")
    assert not display.GetVisibility()


def test_names_of_results_are_unique(selection: Selection) -> None:
    names = [add_to_scene(draft_of(selection), selection).GetName() for _ in range(3)]
    assert names[0] == "Heart repaired"
    assert len(set(names)) == 3


def test_an_output_node_keeps_its_name_and_gets_new_content(heart: Heart, selection: Selection) -> None:
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    output.CreateDefaultDisplayNodes()
    output.GetSegmentation().AddEmptySegment("old")
    before = node_census()
    copy_into(output, draft_of(selection), selection)
    assert output.GetName() == "Mine"
    assert output.GetSegmentation().GetSegment("old") is None
    np.testing.assert_array_equal(heart.voxels("myo", output)[2], heart.ring)
    assert node_census() == before


def test_a_result_is_independent_of_its_input(heart: Heart, selection: Selection) -> None:
    node = add_to_scene(draft_of(selection), selection)
    heart.segmentation.GetSegmentation().RemoveSegment("rv")
    heart.segmentation.GetSegmentation().GetSegment("scar").SetName("Changed")
    np.testing.assert_array_equal(heart.voxels("rv", node), heart.masks["rv"])
    assert node.GetSegmentation().GetSegment("scar").GetName() == "The scar"
