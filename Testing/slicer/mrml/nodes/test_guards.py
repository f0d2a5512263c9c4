"""What cannot be repaired is refused before anything changes, with the node's name and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from harness.hearts import Heart, node_census, transform_node, write_voxels
from RNCARefineLib.mrml.nodes.guards import Selection, check_destination
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid

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


@pytest.mark.parametrize("rv_id", ["myo", "pool", "missing"])
def test_a_right_ventricle_is_a_segment_of_its_own(heart: Heart, rv_id: str) -> None:
    assert Selection.create(heart.segmentation, "myo", heart.volume, "pool", "rv").rv_id == "rv"
    refused(heart, f"{rv_id!r}", pool_id="pool", rv_id=rv_id)


def add(kind: str, name: str) -> Any:
    return slicer.mrmlScene.AddNewNodeByClass(f"vtkMRML{kind}Node", name)


def rgb(heart: Heart) -> Any:
    frames = np.zeros((5, 40, 48, 3), np.uint8)
    return slicer.util.addVolumeFromArray(frames, name="RGB", nodeClassName="vtkMRMLVectorVolumeNode")


def label_map(heart: Heart) -> Any:
    return slicer.util.addVolumeFromArray(heart.masks["myo"], name="Map", nodeClassName="vtkMRMLLabelMapVolumeNode")


@pytest.mark.parametrize(
    ("argument", "given", "match"),
    [
        ("segmentation_node", lambda heart: None, "segmentation is needed, nothing"),
        ("segmentation_node", lambda heart: heart.volume, "segmentation is needed, volume 'Cine'"),
        ("segmentation_node", lambda heart: "Heart", "'Heart' was given"),
        ("segmentation_node", lambda heart: add("Segmentation", "Blank"), "'Blank' has no segments"),
        ("segment_id", lambda heart: "Segment_7", "'Heart' has no myocardium segment"),
        ("segment_id", lambda heart: "", "'Heart' has no myocardium segment"),
        ("segment_id", lambda heart: None, "'Heart' has no myocardium segment"),
        ("segment_id", lambda heart: "The myo", r"'The myo'.*'myo' \(The myo\), 'pool' \(The pool\)"),
        ("segment_id", lambda heart: ["myo", "nothing"], "'nothing'"),
        ("segment_id", lambda heart: [], "None"),
        ("pool_id", lambda heart: "lv", "blood pool.*'lv'"),
        ("pool_id", lambda heart: "myo", "Choose two segments"),
        ("volume_node", lambda heart: None, "volume is needed, nothing was given"),
        ("volume_node", lambda heart: "Cine", "'Cine' was given"),
        ("volume_node", lambda heart: add("ScalarVolume", "Blank"), "'Blank' has no voxels"),
        ("volume_node", rgb, "'RGB' has 3 values"),
        ("volume_node", label_map, "'Map' is a label map"),
    ],
)
def test_invalid_selections_are_refused_by_name(heart: Heart, argument: str, given: Any, match: str) -> None:
    refused(heart, match, **{argument: given(heart)})


def closed_surface(heart: Heart) -> None:
    heart.segmentation.CreateClosedSurfaceRepresentation()
    heart.segmentation.SetSourceRepresentationToClosedSurface()


def fractional(heart: Heart) -> None:
    name = slicer.vtkSegmentationConverter.GetSegmentationFractionalLabelmapRepresentationName()
    heart.segmentation.GetSegmentation().SetSourceRepresentationName(name)


def put_under(transform: Any, *nodes: Any) -> None:
    for node in nodes:
        node.SetAndObserveTransformNodeID(transform.GetID())


def two_transforms(heart: Heart) -> None:
    put_under(transform_node(SHIFT, "One"), heart.segmentation)
    put_under(transform_node(SHIFT, "Two"), heart.volume)


def bent(heart: Heart) -> None:
    put_under(grid_transform(), heart.segmentation, heart.volume)


def bent_above(heart: Heart) -> None:
    inner = transform_node(SHIFT, "Inner")
    put_under(grid_transform(), inner)
    put_under(inner, heart.segmentation, heart.volume)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (closed_surface, "'Heart' is 'Closed surface'.*labelmap"),
        (fractional, "'Heart' is 'Fractional labelmap'"),
        (
            lambda heart: put_under(transform_node(SHIFT, "Table"), heart.segmentation),
            r"'Heart'.*'Cine'.*'Table'.*harden",
        ),
        (lambda heart: put_under(transform_node(SHIFT, "Table"), heart.volume), r"'Heart'.*'Cine'.*'Table'.*harden"),
        (two_transforms, "transform 'One' and transform 'Two'"),
        (bent, "non-linear transform 'Warp'"),
        (bent_above, "non-linear transform 'Inner'"),
    ],
    ids=["surface", "fractional", "segmentation moved", "volume moved", "two transforms", "warp", "under a warp"],
)
def test_nodes_that_do_not_fit_together_are_refused(heart: Heart, change: Any, match: str) -> None:
    change(heart)
    refused(heart, match)


def test_the_same_linear_transform_is_accepted(heart: Heart) -> None:
    put_under(transform_node(SHIFT), heart.segmentation, heart.volume)
    assert Selection.create(heart.segmentation, "myo", heart.volume)


@pytest.mark.parametrize("segment_id", ["myo", "pool"])
def test_a_segment_on_a_finer_grid_than_the_volume_is_refused(heart: Heart, segment_id: str) -> None:
    fine = np.repeat(np.repeat(heart.masks[segment_id], 2, axis=1), 2, axis=2)
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras @ np.diag([0.5, 0.5, 1, 1])
    write_voxels(heart.segmentation, segment_id, fine, matrix, own_layer=True)
    refused(heart, f"Segment '{segment_id}' of segmentation 'Heart' lies on another voxel grid", pool_id="pool")


def test_an_empty_segment_is_not_refused_for_its_grid(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().AddEmptySegment("new")
    assert Selection.create(heart.segmentation, "myo", heart.volume, "new").pool_id == "new"


def test_output_must_differ_from_input_and_excludes_in_place(heart: Heart) -> None:
    output, selection = add("Segmentation", "Result"), Selection.create(heart.segmentation, "myo", heart.volume)
    for node, in_place, match in (
        (heart.segmentation, False, r"'Heart'.*inPlace=True"),
        (output, True, r"inPlace.*'Result'"),
        (heart.volume, False, "Volume 'Cine'"),
    ):
        with pytest.raises(ValueError, match=match):
            check_destination(selection, node, in_place=in_place)
    check_destination(selection, output, in_place=False)
    check_destination(selection, None, in_place=True)


def test_nodes_outside_the_scene_are_refused(heart: Heart) -> None:
    selection = Selection.create(heart.segmentation, "myo", heart.volume)
    stray = slicer.vtkMRMLSegmentationNode()
    stray.SetName("Stray")
    with pytest.raises(ValueError, match=r"'Stray'.*scene"):
        check_destination(selection, stray, in_place=False)
    slicer.mrmlScene.RemoveNode(heart.volume)
    with pytest.raises(ValueError, match=r"'Cine'.*scene"):
        check_destination(selection, None, in_place=False)
