"""Preview of a proposal: a temporary segmentation node that is not saved with the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

from .editing import Proposal
from .nodes.scene import CONTENT_EVENTS
from .nodes.segments import write_segment
from .review.kept import ADDED, REMOVED

PREVIEW_TAG = "RNCARefine.Preview"
"""Attribute of a preview node: ID of the previewed segmentation."""
PREVIEW_ROLE = "Preview"
"""Parameter of the effect that refers to the preview node."""
PROPOSED, NEW, GONE = "proposed", "added", "removed"
"""IDs of the segments of a preview."""


class Preview(slicer.util.VTKObservationMixin):
    """The preview of an effect; its inputs are observed from :meth:`watch` to :meth:`close`.

    Args:
        effect: The ``qSlicerSegmentEditorScriptedEffect``; its editor node refers to the preview node.
        on_selected: Called when the selection or the selected nodes have changed.
        on_outdated: Called instead if the preview was removed because voxels have changed.
    """

    def __init__(self, effect: Any, on_selected: Callable[[], None], on_outdated: Callable[[], None]) -> None:
        super().__init__()
        self.proposal: Proposal | None = None
        self._effect = effect
        self._on_selected, self._on_outdated = on_selected, on_outdated
        self._node_id = ""
        self._selected: tuple[Any, ...] | None = None

    @property
    def node(self) -> Any:
        """The preview node, ``None`` if nothing is shown."""
        node = slicer.mrmlScene.GetNodeByID(self._node_id) if self._node_id else None
        return node if _is_preview(node) else None

    def show(self, proposal: Proposal, opacity: float) -> None:
        """Show a proposal instead of the last one."""
        self.remove()
        node = _add_node(proposal)
        self.proposal, self._node_id = proposal, node.GetID()
        self.set_opacity(opacity)
        self._effect.setNodeReference(PREVIEW_ROLE, node)

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of the preview, if there is one, 0 to 1."""
        if self.node is not None:
            self.node.GetDisplayNode().SetOpacity(opacity)

    def remove(self) -> None:
        """Remove the preview from the scene, if there is one."""
        node = self.node
        self.proposal, self._node_id = None, ""
        if node is None:
            return
        if self._effect.parameterSetNode() is not None:
            # Before the node is removed: afterwards the reference would stay without an event.
            self._effect.setNodeReference(PREVIEW_ROLE, None)
        displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
        for gone in (*displays, node):
            slicer.mrmlScene.RemoveNode(gone)

    def watch(self) -> None:
        """Observe the selection of the editor."""
        self.removeObservers()
        node, scene = self._effect.parameterSetNode(), slicer.mrmlScene
        if not self._node_id and self._effect.nodeReference(PREVIEW_ROLE) is not None:
            # From a loaded scene: previews are not saved, so another node may have this ID.
            self._effect.setNodeReference(PREVIEW_ROLE, None)
        self._selected = segmentation_node, volume_node, _ = _selected(node)
        self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._on_editor)
        self.addObserver(scene, scene.StartCloseEvent, self._on_scene_closing)
        if segmentation_node is not None:
            for event in CONTENT_EVENTS:
                self.addObserver(segmentation_node, event, self._on_content)
        if volume_node is not None:
            self.addObserver(volume_node, vtk.vtkCommand.ModifiedEvent, self._on_content)

    def close(self) -> None:
        """Stop observing and remove the preview."""
        self.removeObservers()
        self._selected = None
        self.remove()

    def _on_editor(self, caller: Any, event: str) -> None:
        if _selected(caller) != self._selected:
            self.watch()
            self._on_selected()

    def _on_content(self, caller: Any, event: str) -> None:
        if self.proposal is not None and not _is_current(self.proposal):
            self.remove()
            self._on_outdated()
        else:
            self._on_selected()

    def _on_scene_closing(self, caller: Any, event: str) -> None:
        # The scene removes the nodes itself.
        self.removeObservers()
        self._selected = self.proposal = None
        self._node_id = ""


def _selected(editor_node: Any) -> tuple[Any, ...]:
    return editor_node.GetSegmentationNode(), editor_node.GetSourceVolumeNode(), editor_node.GetSelectedSegmentID()


def _is_current(proposal: Proposal) -> bool:
    """Whether the input voxels of a proposal are unchanged."""
    try:
        proposal.request.selection.again()
        return proposal.is_current(proposal.request)
    except ValueError:
        return False


def _is_preview(node: Any) -> bool:
    """Whether a node is a preview; another node may have its ID."""
    return node is not None and node.GetAttribute(PREVIEW_TAG) is not None


def _add_node(proposal: Proposal) -> slicer.vtkMRMLSegmentationNode:
    """Add a preview node to the scene and return it.

    The proposed wall is an outline in the requested slices; added and removed voxels, including those trimmed from the
    blood pool, are filled in the colours of the report.
    """
    selection, grid, repaired = proposal.request.selection, proposal.reading.grid, proposal.repaired
    source = selection.segmentation_node
    segment = source.GetSegmentation().GetSegment(selection.segment_id)
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentationNode")
    node.UnRegister(None)
    node.SetName(f"{source.GetName()} preview")
    node.SetAttribute(PREVIEW_TAG, source.GetID())
    # Before the node is added: the subject hierarchy checks this only then.
    _keep_private(node)
    slicer.mrmlScene.AddNode(node)
    node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    _keep_private(node.GetDisplayNode())
    proposed = repaired.wall.copy()
    if proposal.request.k is not None:
        proposed[: proposal.request.k] = 0
        proposed[proposal.request.k + 1 :] = 0
    for segment_id, mask, colour in (
        (PROPOSED, proposed, segment.GetColor()),
        (NEW, repaired.added, ADDED.colour),
        (GONE, repaired.removed | repaired.trimmed, REMOVED.colour),
    ):
        node.GetSegmentation().AddEmptySegment(segment_id, f"{segment.GetName()} {segment_id}", colour)
        write_segment(node, segment_id, mask, grid)
    node.GetDisplayNode().SetSegmentVisibility2DFill(PROPOSED, False)
    node.GetDisplayNode().SetOpacity2DFill(1.0)  # only the opacity set by the user applies
    return node


def _keep_private(node: Any) -> None:
    """Keep a node out of lists of nodes and of saved scenes."""
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
