"""Undo steps of repairs in place and of decisions about slices.

Slicer stores no history with a segmentation: Segment Editor has its own for the edited node. Repairs from a script or
the panel therefore use a separate ``vtkSegmentationHistory``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ..nodes.segments import labelmap_of

MAX_STEPS = 50
"""Undo steps per segmentation; Slicer's default of 5 is too few for the slices of a stack. Unchanged layers are shared
between steps, so that a step needs memory only for the layers that it changes."""


@dataclass
class _Steps:
    """The steps of a segmentation.

    Attributes:
        history: The saved states.
        known: Fingerprints of the states after each step, and of the state before the first one. A step restores a
            whole state: from any other state, it would also revert edits made elsewhere.
        undone: Number of undone steps that may be redone, unless the history has dropped them after an edit.
    """

    history: Any = field(default_factory=slicer.vtkSegmentationHistory)
    known: set[int] = field(default_factory=set)
    undone: int = 0


class UndoSteps:
    """One history per segmentation that was repaired in place or reviewed."""

    def __init__(self) -> None:
        self._of_nodes: dict[str, _Steps] = {}

    @contextmanager
    def step(self, node: slicer.vtkMRMLSegmentationNode) -> Iterator[None]:
        """Make the changes inside the block one undo step.

        If the block raises, it must have restored the segmentation, and no step is added.
        """
        self._forget_gone()
        steps = self._of_nodes.setdefault(node.GetID(), _Steps())
        history = steps.history
        history.SetMaximumNumberOfStates(MAX_STEPS + 1)  # including the present state
        history.SetSegmentation(node.GetSegmentation())
        is_first = not history.IsRestorePreviousStateAvailable()
        if is_first:
            steps.known.add(fingerprint(node))
        history.SaveState()
        steps.undone = 0
        try:
            yield
        except BaseException:
            # The saved state equals the present one and is no step. Restored, it is replaced by that of the next step.
            # With no step before it, it would be one as soon as the segmentation is edited.
            if is_first:
                history.RemoveAllStates()
            else:
                history.RestorePreviousState()
            raise
        steps.known.add(fingerprint(node))

    def edited_since(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether undo or redo would also revert edits made elsewhere.

        Only voxels and segments count, not names, colours, tags or visibility.
        """
        steps = self._steps(node)
        return steps is not None and fingerprint(node) not in steps.known

    def can_undo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether a segmentation has a step to undo."""
        steps = self._steps(node)
        return steps is not None and bool(steps.history.IsRestorePreviousStateAvailable())

    def can_redo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether a segmentation has a step to redo."""
        steps = self._steps(node)
        # After a failed step, the history has a next state that equals the present one.
        return steps is not None and steps.undone > 0 and bool(steps.history.IsRestoreNextStateAvailable())

    def undo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Undo the last step of a segmentation; false if there is none."""
        steps = self._steps(node)
        if steps is None or not self.can_undo(node) or not steps.history.RestorePreviousState():
            return False
        steps.undone += 1
        return True

    def redo(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Redo the last undone step; false if there is none."""
        steps = self._steps(node)
        if steps is None or not self.can_redo(node) or not steps.history.RestoreNextState():
            return False
        steps.undone -= 1
        return True

    def _steps(self, node: Any) -> _Steps | None:
        self._forget_gone()
        return self._of_nodes.get(node.GetID())

    def _forget_gone(self) -> None:
        """Drop histories of closed scenes and removed nodes; node IDs are reused, segmentations are not."""
        for node_id, steps in list(self._of_nodes.items()):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            if node is None or node.GetSegmentation() != steps.history.GetSegmentation():
                del self._of_nodes[node_id]


def fingerprint(node: slicer.vtkMRMLSegmentationNode) -> int:
    """Return a number that identifies the voxels and the list of segments."""
    segmentation = node.GetSegmentation()
    layers: dict[Any, int] = {}
    segments = []
    for segment_id in segmentation.GetSegmentIDs():
        labelmap = labelmap_of(node, segment_id)
        if labelmap is not None and labelmap not in layers:
            voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars())
            layers[labelmap] = zlib.crc32(np.ascontiguousarray(voxels).data.cast("B"))
        value = segmentation.GetSegment(segment_id).GetLabelValue()
        segments.append((segment_id, labelmap and (layers[labelmap], labelmap.GetExtent(), value)))
    return zlib.crc32(repr(segments).encode())
