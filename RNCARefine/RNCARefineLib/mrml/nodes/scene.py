"""The scene: places and references of nodes, events of segmentations, and restoring after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk

CONTENT_EVENTS = (
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,  # also its tags; undo sends this one
    slicer.vtkSegmentation.SourceRepresentationModified,
)
"""Events of a segmentation node when its segments or their voxels have changed."""


def place_next_to(node: Any, *neighbours: Any) -> None:
    """Place ``node`` under the parent of the first neighbour that has an item in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items = [hierarchy.GetItemByDataNode(neighbour) for neighbour in neighbours]
    parent = next((hierarchy.GetItemParent(item) for item in items if item), hierarchy.GetSceneItemID())
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)


def referred_node(node: Any, role: str, class_name: str, suffix: str) -> Any:
    """Return the node that ``node`` refers to in a role; it is added and named after ``node`` if missing."""
    other = node.GetNodeReference(role)
    if other is None:
        name = slicer.mrmlScene.GenerateUniqueName(f"{node.GetName()} {suffix}")
        other = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
        node.SetNodeReferenceID(role, other.GetID())
    return other


@contextmanager
def unchanged_on_failure(*nodes: Any) -> Iterator[None]:
    """Restore the scene if the block fails.

    If the block raises, nodes that it added are removed, and content, references and display of ``nodes`` (those that
    are not ``None``) are restored.
    """
    scene = slicer.mrmlScene
    added: list[str] = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def remember(_scene: Any, _event: str, node: Any) -> None:
        added.append(node.GetID())

    backups = [_Backup(node) for node in nodes if node is not None]
    tag = scene.AddObserver(scene.NodeAddedEvent, remember)
    try:
        yield
    except BaseException:
        for node_id in reversed(added):
            node = scene.GetNodeByID(node_id)
            if node is not None:
                scene.RemoveNode(node)
        for backup in backups:
            backup.restore()
        raise
    finally:
        scene.RemoveObserver(tag)


class _Backup:
    """A copy of a node and of its display node, kept outside the scene."""

    def __init__(self, node: Any) -> None:
        display = node.GetDisplayNode() if node.IsA("vtkMRMLDisplayableNode") else None
        self._pairs = [(original, _copy(original)) for original in (node, display) if original is not None]

    def restore(self) -> None:
        """Restore the copied content of the nodes."""
        for original, copy in self._pairs:
            original.Copy(copy)


def _copy(node: Any) -> Any:
    copy = node.CreateNodeInstance()
    copy.UnRegister(None)
    copy.Copy(node)
    return copy
