"""What cannot be repaired is refused before anything changes, with the node's name and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from harness.hearts import Heart, node_census, transform_node, write_voxels
from RNCARefineLib.mrml.guards import Selection, check_output
from RNCARefineLib.mrml.volume_grid import VolumeGrid

SHIFT = np.array([[1.0, 0, 0, 12.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def refused(heart: Heart, match: str, **changes: Any) -> None:
    """Assert that the choice is refused with this message and that the scene is as it was."""
    before, segments = node_census(), list(heart.segmentation.GetSegmentation().GetSegmentIDs())
    choice = {"segmentation_node": heart.segmentation, "segment_id": "myo", "volume_node": heart.volume, **changes}
    with pytest.raises(ValueError, match=match):
        Selection.create(**choice)
    assert node_census() == before
    assert list(heart.segmentation.GetSegmentation().GetSegmentIDs()) == segments


def grid_transform() -> Any:
    """Add a transform to the scene that bends space."""
    displacement = vtk.vtkImageData()
    displacement.SetDimensions(4, 4, 4)
    displacement.SetSpacing(100, 100, 100)
    displacement.SetOrigin(-150, -150, -150)
    displacement.AllocateScalars(vtk.VTK_DOUBLE, 3)
    values = vtk_to_numpy(displacement.GetPointData().GetScalars())
    values[:] = np.random.default_rng(0).normal(0, 5, values.shape)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(displacement)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Warp")
    node.SetAndObserveTransformToParent(transform)
    return node


def test_a_good_choice_is_returned_as_it_is(heart: Heart) -> None:
    selection = Selection.create(heart.segmentation, "myo", heart.volume, "pool")
    assert (selection.segment_id, selection.pool_id) == ("myo", "pool")
    assert selection.segmentation_node == heart.segmentation


@pytest.mark.parametrize("pool_id", [None, ""])
def test_no_pool_is_a_good_choice(heart: Heart, pool_id: str | None) -> None:
    assert Selection.create(heart.segmentation, "myo", heart.volume, pool_id).pool_id is None


@pytest.mark.parametrize("rv_id", ["myo", "pool", "nobody"])
def test_a_right_ventricle_is_a_segment_of_its_own(heart: Heart, rv_id: str) -> None:
    assert Selection.create(heart.segmentation, "myo", heart.volume, "pool", "rv").rv_id == "rv"
    refused(heart, f"{rv_id!r}", pool_id="pool", rv_id=rv_id)


def test_a_missing_segmentation_is_refused(heart: Heart) -> None:
    refused(heart, "segmentation is needed, nothing was given", segmentation_node=None)


def test_a_volume_in_the_place_of_the_segmentation_is_refused(heart: Heart) -> None:
    refused(heart, "segmentation is needed, volume 'Cine' was given", segmentation_node=heart.volume)


def test_a_name_in_the_place_of_a_node_is_refused(heart: Heart) -> None:
    refused(heart, "'Heart' was given", segmentation_node="Heart")
    refused(heart, "'Cine' was given", volume_node="Cine")


def test_a_segmentation_without_segments_is_refused(heart: Heart) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Blank")
    refused(heart, "'Blank' has no segments", segmentation_node=empty)


@pytest.mark.parametrize("segment_id", ["Segment_7", "", None])
def test_an_unknown_segment_is_refused_and_not_created(heart: Heart, segment_id: str | None) -> None:
    refused(heart, "'Heart' has no myocardium segment", segment_id=segment_id)


def test_the_name_of_a_segment_in_the_place_of_its_id_is_refused_with_the_ids_to_choose_from(heart: Heart) -> None:
    refused(heart, r"'The myo'.*'myo' \(The myo\), 'pool' \(The pool\)", segment_id="The myo")


def test_an_unknown_pool_is_refused(heart: Heart) -> None:
    refused(heart, "no blood pool segment with the ID 'lv'", pool_id="lv")


def test_the_same_segment_twice_is_refused(heart: Heart) -> None:
    refused(heart, "Choose two segments", pool_id="myo")


def test_a_closed_surface_as_source_is_refused(heart: Heart) -> None:
    heart.segmentation.CreateClosedSurfaceRepresentation()
    heart.segmentation.SetSourceRepresentationToClosedSurface()
    refused(heart, "'Heart' is 'Closed surface'.*create the binary labelmap")


def test_a_fractional_label_map_as_source_is_refused(heart: Heart) -> None:
    name = slicer.vtkSegmentationConverter.GetSegmentationFractionalLabelmapRepresentationName()
    heart.segmentation.GetSegmentation().SetSourceRepresentationName(name)
    refused(heart, "'Heart' is 'Fractional labelmap'")


def test_a_missing_volume_is_refused(heart: Heart) -> None:
    refused(heart, "volume is needed, nothing was given", volume_node=None)


def test_a_volume_without_voxels_is_refused(heart: Heart) -> None:
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Blank")
    refused(heart, "'Blank' has no voxels", volume_node=volume)


def test_a_vector_volume_is_refused(heart: Heart) -> None:
    frames = np.zeros((5, 40, 48, 3), np.uint8)
    volume = slicer.util.addVolumeFromArray(frames, name="RGB", nodeClassName="vtkMRMLVectorVolumeNode")
    refused(heart, "'RGB' has 3 values a voxel.*single frame", volume_node=volume)


def test_a_label_map_as_volume_is_refused(heart: Heart) -> None:
    volume = slicer.util.addVolumeFromArray(heart.masks["myo"], name="Map", nodeClassName="vtkMRMLLabelMapVolumeNode")
    refused(heart, "'Map' is a label map", volume_node=volume)


@pytest.mark.parametrize("moved", ["segmentation", "volume"])
def test_a_transform_on_one_node_only_is_refused(heart: Heart, moved: str) -> None:
    getattr(heart, moved).SetAndObserveTransformNodeID(transform_node(SHIFT, "Table").GetID())
    refused(heart, r"'Heart' and volume 'Cine' are under different transforms \(.*transform 'Table'.*harden")


def test_different_transforms_are_refused(heart: Heart) -> None:
    heart.segmentation.SetAndObserveTransformNodeID(transform_node(SHIFT, "One").GetID())
    heart.volume.SetAndObserveTransformNodeID(transform_node(SHIFT, "Two").GetID())
    refused(heart, "transform 'One' and transform 'Two'")


def test_the_same_linear_transform_is_accepted(heart: Heart) -> None:
    transform = transform_node(SHIFT)
    for node in (heart.segmentation, heart.volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert Selection.create(heart.segmentation, "myo", heart.volume)


def test_a_non_linear_transform_is_refused(heart: Heart) -> None:
    transform = grid_transform()
    for node in (heart.segmentation, heart.volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    refused(heart, "non-linear transform 'Warp'.*before they are warped")


def test_a_linear_transform_under_a_non_linear_one_is_refused(heart: Heart) -> None:
    transform = transform_node(SHIFT, "Inner")
    transform.SetAndObserveTransformNodeID(grid_transform().GetID())
    for node in (heart.segmentation, heart.volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    refused(heart, "non-linear transform 'Inner'")


@pytest.mark.parametrize("segment_id", ["myo", "pool"])
def test_a_segment_on_a_finer_grid_than_the_volume_is_refused(heart: Heart, segment_id: str) -> None:
    fine = np.repeat(np.repeat(heart.masks[segment_id], 2, axis=1), 2, axis=2)
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras @ np.diag([0.5, 0.5, 1, 1])
    write_voxels(heart.segmentation, segment_id, fine, matrix, own_layer=True)
    refused(heart, f"Segment '{segment_id}' of segmentation 'Heart' lies on another voxel grid", pool_id="pool")


def test_an_empty_segment_lies_on_no_grid_and_is_not_refused_for_it(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().AddEmptySegment("new")
    assert Selection.create(heart.segmentation, "myo", heart.volume, "new").pool_id == "new"


def test_the_input_cannot_be_its_own_output(heart: Heart) -> None:
    selection = Selection.create(heart.segmentation, "myo", heart.volume)
    with pytest.raises(ValueError, match=r"'Heart'.*inPlace=True"):
        check_output(selection, heart.segmentation, in_place=False)


def test_an_output_cannot_be_given_for_a_repair_in_place(heart: Heart) -> None:
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    selection = Selection.create(heart.segmentation, "myo", heart.volume)
    with pytest.raises(ValueError, match=r"in place.*'Result'"):
        check_output(selection, output, in_place=True)
    check_output(selection, output, in_place=False)
    check_output(selection, None, in_place=True)


def test_an_output_that_is_no_segmentation_is_refused(heart: Heart) -> None:
    selection = Selection.create(heart.segmentation, "myo", heart.volume)
    with pytest.raises(ValueError, match="Volume 'Cine'"):
        check_output(selection, heart.volume, in_place=False)


def test_nodes_outside_the_scene_are_refused(heart: Heart) -> None:
    selection = Selection.create(heart.segmentation, "myo", heart.volume)
    stray = slicer.vtkMRMLSegmentationNode()
    stray.SetName("Stray")
    with pytest.raises(ValueError, match=r"'Stray'.*scene"):
        check_output(selection, stray, in_place=False)
    slicer.mrmlScene.RemoveNode(heart.volume)
    with pytest.raises(ValueError, match=r"'Cine'.*scene"):
        check_output(selection, None, in_place=False)
