"""Undo steps of repairs in place.

Slicer keeps no history with a segmentation: Segment Editor has one of its own for the node it edits. A repair that is
called from a script or a panel therefore brings its own, made of the same ``vtkSegmentationHistory``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer


class UndoSteps:
    """One history per segmentation that was repaired in place."""

    def __init__(self) -> None:
        self._histories: dict[str, Any] = {}

    @contextmanager
    def step(self, node: slicer.vtkMRMLSegmentationNode) -> Iterator[None]:
        """Make the changes of a segmentation inside one step.

        When the block raises, it has restored the segmentation itself, and there is no step.
        """
        self._forget_gone()
        history = self._histories.setdefault(node.GetID(), slicer.vtkSegmentationHistory())
        history.SetSegmentation(node.GetSegmentation())
        history.SaveState()
        try:
            yield
        except BaseException:
            # The saved state is the present one again. Going back to it makes the next undo go beyond it.
            history.RestorePreviousState()
            raise

    def undo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Take back the last change of a segmentation; false if there is none to take back."""
        history = self._history(node)
        return bool(history and history.IsRestorePreviousStateAvailable() and history.RestorePreviousState())

    def redo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Make the change again that was undone last; false if there is none."""
        history = self._history(node)
        return bool(history and history.IsRestoreNextStateAvailable() and history.RestoreNextState())

    def _history(self, node: Any) -> Any:
        self._forget_gone()
        return self._histories.get(node.GetID())

    def _forget_gone(self) -> None:
        """Drop histories of closed scenes and removed nodes; node IDs are used again, segmentations are not."""
        for node_id, history in list(self._histories.items()):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            if node is None or node.GetSegmentation() != history.GetSegmentation():
                del self._histories[node_id]
