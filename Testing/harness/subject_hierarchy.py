"""Stand-in for the subject hierarchy plug-ins: they give each data node an item and take it away with the node."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

SHOWN = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLTableNode", "vtkMRMLTransformNode")
"""Classes whose nodes (subclasses included) get an item; the real plug-ins know more."""


class SubjectHierarchyPlugins:
    """Observes a scene and keeps its subject hierarchy in step."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._tags = [
            scene.AddObserver(scene.NodeAddedEvent, self._on_node_added),
            scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._on_node_removed),
        ]

    def close(self) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)

    def _hierarchy(self) -> Any:
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_added(self, _scene: Any, _event: str, node: Any) -> None:
        # As in the application, a node is left out for good if it is hidden at this moment.
        if self._scene.IsImporting() or node.GetHideFromEditors() or not any(node.IsA(name) for name in SHOWN):
            return
        hierarchy = self._hierarchy()
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_removed(self, _scene: Any, _event: str, node: Any) -> None:
        if self._scene.IsClosing() or not any(node.IsA(name) for name in SHOWN):
            return
        hierarchy = self._hierarchy()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.RemoveItem(item, False, False)
