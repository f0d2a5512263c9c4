"""Undo steps of repairs in place and of decisions about slices.

Slicer keeps no history with a segmentation: Segment Editor has one of its own for the node it edits. A repair that is
called from a script or a panel therefore brings its own, made of the same ``vtkSegmentationHistory``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer

MOST_STEPS = 50
"""Steps that can be taken back; Slicer's own 5 are too few for the slices of a stack. What a step has not changed is
kept once, so that a step costs no more memory than the layers that it has changed."""


class UndoSteps:
    """One history per segmentation that was repaired in place or reviewed."""

    def __init__(self) -> None:
        self._histories: dict[str, Any] = {}

    @contextmanager
    def step(self, node: slicer.vtkMRMLSegmentationNode) -> Iterator[None]:
        """Make the changes of a segmentation inside one step.

        When the block raises, it has restored the segmentation itself, and there is no step.
        """
        self._forget_gone()
        history = self._histories.setdefault(node.GetID(), slicer.vtkSegmentationHistory())
        history.SetMaximumNumberOfStates(MOST_STEPS + 1)  # the present state is kept, too
        history.SetSegmentation(node.GetSegmentation())
        history.SaveState()
        try:
            yield
        except BaseException:
            # The saved state is the present one again. Going back to it makes the next undo go beyond it.
            history.RestorePreviousState()
            raise

    def can_undo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether a segmentation has a change to take back."""
        history = self._history(node)
        return bool(history and history.IsRestorePreviousStateAvailable())

    def can_redo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether a segmentation has a change to make again."""
        history = self._history(node)
        return bool(history and history.IsRestoreNextStateAvailable())

    def undo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Take back the last change of a segmentation; false if there is none to take back."""
        return self.can_undo(node) and bool(self._history(node).RestorePreviousState())

    def redo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Make the change again that was undone last; false if there is none."""
        return self.can_redo(node) and bool(self._history(node).RestoreNextState())

    def _history(self, node: Any) -> Any:
        self._forget_gone()
        return self._histories.get(node.GetID())

    def _forget_gone(self) -> None:
        """Drop histories of closed scenes and removed nodes; node IDs are used again, segmentations are not."""
        for node_id, history in list(self._histories.items()):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            if node is None or node.GetSegmentation() != history.GetSegmentation():
                del self._histories[node_id]
