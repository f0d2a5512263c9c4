"""Places of nodes, and restoring the scene after a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer

from harness.hearts import Heart, add_segment, draw_heart, node_census, transform_node, write_voxels
from RNCARefineLib.mrml.nodes.scene import place_next_to, unchanged_on_failure


def hierarchy() -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def study_of(*nodes: Any) -> int:
    """Put nodes into a new study and return its item."""
    tree = hierarchy()
    study = tree.CreateStudyItem(tree.CreateSubjectItem(tree.GetSceneItemID(), "Patient"), "Study")
    for node in nodes:
        tree.SetItemParent(tree.GetItemByDataNode(node), study)
    return int(study)


def fail_after(work: Callable[[], object], *nodes: Any, error: type[BaseException] = RuntimeError) -> None:
    with unchanged_on_failure(*nodes):
        work()
        raise error


def test_a_node_is_put_under_the_parent_of_its_neighbour(heart: Heart) -> None:
    study = study_of(heart.segmentation)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    place_next_to(node, heart.segmentation, heart.volume)
    assert hierarchy().GetItemParent(hierarchy().GetItemByDataNode(node)) == study


def test_a_neighbour_without_an_item_is_passed_over(heart: Heart) -> None:
    study = study_of(heart.volume)
    hierarchy().RemoveItem(hierarchy().GetItemByDataNode(heart.segmentation), False, False)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    place_next_to(node, heart.segmentation, heart.volume)
    assert hierarchy().GetItemParent(hierarchy().GetItemByDataNode(node)) == study


def test_a_node_without_an_item_gets_one_and_only_one(heart: Heart) -> None:
    study = study_of(heart.segmentation)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    assert not hierarchy().GetItemByDataNode(node)
    place_next_to(node, heart.segmentation)
    place_next_to(node, heart.segmentation)
    items = []
    hierarchy().GetItemChildren(study, items)
    assert len(items) == 2


def test_success_keeps_everything(heart: Heart) -> None:
    with unchanged_on_failure(heart.segmentation):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
        add_segment(heart.segmentation, "more", heart.masks["rv"], heart.volume)
    assert slicer.mrmlScene.IsNodePresent(node)
    assert heart.segmentation.GetSegmentation().GetNumberOfSegments() == 5


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_removes_the_nodes_that_were_added(heart: Heart, error: type[BaseException]) -> None:
    def add_nodes() -> None:
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode").CreateDefaultDisplayNodes()

    before, items = node_census(), hierarchy().GetNumberOfItems()
    with pytest.raises(error):
        fail_after(add_nodes, error=error)
    assert node_census() == before
    assert hierarchy().GetNumberOfItems() == items


def test_failure_restores_a_segmentation_with_references_and_display(heart: Heart) -> None:
    display, name = heart.segmentation.GetDisplayNode(), heart.segmentation.GetName()
    display.SetSegmentOpacity3D("rv", 0.25)
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(heart.volume)
    geometry = heart.segmentation.GetSegmentation().GetConversionParameter("Reference image geometry")
    other = draw_heart("axis-aligned")

    def spoil() -> None:
        write_voxels(heart.segmentation, "myo", heart.masks["rv"], np.eye(4))
        heart.segmentation.GetSegmentation().RemoveSegment("rv")
        heart.segmentation.GetSegmentation().GetSegment("pool").SetColor(0, 0, 0)
        heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(other.volume)
        heart.segmentation.SetNodeReferenceID("RNCARefine.Report", other.volume.GetID())
        heart.segmentation.SetAndObserveTransformNodeID(transform_node(np.eye(4)).GetID())
        heart.segmentation.SetName("Spoilt")

    with pytest.raises(RuntimeError):
        fail_after(spoil, heart.segmentation, None)
    segmentation = heart.segmentation.GetSegmentation()
    assert heart.segmentation.GetName() == name
    assert list(segmentation.GetSegmentIDs()) == ["myo", "pool", "rv", "scar"]
    for segment_id, mask in heart.masks.items():
        np.testing.assert_array_equal(heart.voxels(segment_id), mask)
    assert segmentation.GetSegment("pool").GetColor() == pytest.approx((0.9, 0.8, 0.2))
    assert segmentation.GetConversionParameter("Reference image geometry") == geometry
    assert heart.segmentation.GetNodeReference("referenceImageGeometryRef") == heart.volume
    assert heart.segmentation.GetNodeReferenceID("RNCARefine.Report") is None
    assert heart.segmentation.GetParentTransformNode() is None
    assert heart.segmentation.GetDisplayNode() == display
    assert display.GetSegmentOpacity3D("rv") == 0.25


def test_failure_restores_a_table() -> None:
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    slicer.util.updateTableFromArray(table, np.arange(6.0).reshape(3, 2), ["a", "b"])
    with pytest.raises(RuntimeError):
        fail_after(table.RemoveAllColumns, table)
    assert slicer.util.arrayFromTableColumn(table, "b").tolist() == [1, 3, 5]


def test_nothing_observes_the_scene_afterwards(heart: Heart) -> None:
    with pytest.raises(RuntimeError):
        fail_after(lambda: None)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    with pytest.raises(RuntimeError):
        fail_after(lambda: None)
    assert slicer.mrmlScene.IsNodePresent(node)
