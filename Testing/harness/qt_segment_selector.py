"""Stand-in for ``qMRMLSegmentSelectorWidget``; what it does follows the real class, including what surprises.

Without a node it keeps its last segment ID and says nothing; without "None" to select it takes the first segment.
"""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets

from .qt_mrml_widgets import qMRMLWidget
from .qt_node_combo_box import qMRMLNodeComboBox
from .qt_widgets import Property, Signal, Slot, stored

_open: set[qMRMLSegmentSelectorWidget] = set()


def release_all() -> None:
    """Stop observing segmentations; the session is over."""
    for selector in list(_open):
        selector.release()


class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """Selects a segmentation and one of its segments."""

    currentNodeChanged = Signal((object,), (bool,))
    currentSegmentChanged = Signal(str)
    segmentSelectionChanged = Signal(list)

    _NONE = "None"

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._tags: list[int] = []
        self._segment_id = ""
        self._nodes = qMRMLNodeComboBox(self)
        self._nodes.setProperty("addEnabled", False)
        self._nodes.setProperty("renameEnabled", True)
        self._nodes.setProperty("nodeTypes", ["vtkMRMLSegmentationNode"])
        self._label = QtWidgets.QLabel("Segment: ", self)
        self._segments = QtWidgets.QComboBox(self)
        self._message = QtWidgets.QLabel(self)
        self._grid = QtWidgets.QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._horizontal = False
        self._arrange(False)
        self._nodes.currentNodeChanged[object].connect(self._on_node)
        self._nodes.currentNodeChanged[object].connect(self.currentNodeChanged[object])
        self._nodes.currentNodeChanged[bool].connect(self.currentNodeChanged[bool])
        self._segments.currentIndexChanged.connect(self._on_segment)
        self.mrmlSceneChanged.connect(self._nodes.setMRMLScene)
        self._populate()

    def currentNode(self) -> Any:
        """Return the selected segmentation."""
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        """Return the ID of the selected segmentation."""
        return str(self._nodes.property("currentNodeID"))

    def setCurrentNode(self, node: Any) -> None:
        """Select a segmentation."""
        self._nodes.setCurrentNode(node)

    @Slot(str)
    def setCurrentNodeID(self, node_id: str) -> None:
        """Select a segmentation by its ID."""
        self._nodes.setCurrentNodeID(node_id)

    def currentSegmentID(self) -> str:
        """Return the ID of the segment that was selected last."""
        return self._segment_id

    @Slot(str)
    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Select a segment; an ID that is not there changes nothing."""
        if not segment_id and self._none_enabled():
            self._segments.setCurrentIndex(0)
            return
        index = self._segments.findData(segment_id)
        if index != -1:
            self._segments.setCurrentIndex(index)

    def segmentIDs(self) -> list[str]:
        """Return the segments of the list for several; here it is always empty, there it is without multiSelection."""
        return []

    def selectedSegmentIDs(self) -> list[str]:
        """Several segments can be selected with multiSelection only."""
        raise NotImplementedError("The stand-in of qMRMLSegmentSelectorWidget selects one segment, not several.")

    setSelectedSegmentIDs = selectedSegmentIDs

    def _on_node(self, node: Any) -> None:
        if node is self._node:
            return
        self.release()
        self._node = node
        if node is not None:
            _open.add(self)
            for event in ("SegmentAdded", "SegmentRemoved", "SegmentModified"):
                self._tags.append(node.AddObserver(getattr(slicer.vtkSegmentation, event), self._on_segments_changed))
        self._populate()

    def release(self) -> None:
        """Stop observing the segmentation."""
        _open.discard(self)
        for tag in self._tags:
            self._node.RemoveObserver(tag)
        self._tags.clear()

    def _on_segments_changed(self, *_: Any) -> None:
        self._populate()

    def _on_segment(self, index: int) -> None:
        if self._node is None:
            return
        data = self._segments.itemData(index) or ""
        self._segment_id = "" if data == self._NONE else data
        self.currentSegmentChanged.emit(self._segment_id)

    def _populate(self) -> None:
        box = self._segments
        blocked = box.blockSignals(True)
        box.clear()
        ids = list(self._node.GetSegmentation().GetSegmentIDs()) if self._node is not None else []
        missing = "No segments in segmentation" if self._node is not None else "No node is selected"
        self._message.setText("" if ids else missing)
        self._message.setVisible(not ids)
        self._label.setVisible(bool(ids))
        box.setVisible(bool(ids))
        if ids and self._none_enabled():
            box.addItem(self._NONE, self._NONE)
        for segment_id in ids:
            box.addItem(self._node.GetSegmentation().GetSegment(segment_id).GetName(), segment_id)
        known = self._segment_id in ids or (self._none_enabled() and not self._segment_id)
        if ids and known:
            self.setCurrentSegmentID(self._segment_id)
        elif ids:
            box.setCurrentIndex(-1)
        box.blockSignals(blocked)
        if ids and not known:
            box.setCurrentIndex(1 if self._none_enabled() else 0)

    def _none_enabled(self) -> bool:
        return bool(self._nodes.property("noneEnabled"))

    def _set_none_enabled(self, enabled: bool) -> None:
        self._nodes.setProperty("noneEnabled", enabled)
        self._populate()

    def _arrange(self, horizontal: bool) -> None:
        self._horizontal = horizontal
        widgets = (self._nodes, self._label, self._segments, self._message)
        places = ((0, 0), (0, 1), (0, 2), (0, 3)) if horizontal else ((0, 0, 1, 2), (1, 0), (1, 1), (2, 0, 1, 2))
        for widget, place in zip(widgets, places, strict=True):
            self._grid.addWidget(widget, *place)
        self._label.setText("" if horizontal else "Segment: ")

    def _refuse_several(self, several: bool) -> None:
        if several:
            raise NotImplementedError("The stand-in of qMRMLSegmentSelectorWidget selects one segment, not several.")

    noneEnabled = Property(bool, _none_enabled, _set_none_enabled)
    editEnabled = Property(
        bool,
        lambda self: self._nodes.property("editEnabled"),
        lambda self, v: self._nodes.setProperty("editEnabled", v),
    )
    segmentationNodeSelectorVisible = Property(
        bool, lambda self: self._nodes.isVisible(), lambda self, visible: self._nodes.setVisible(visible)
    )
    multiSelection = Property(bool, lambda self: False, _refuse_several)
    horizontalLayout = Property(bool, lambda self: self._horizontal, _arrange)
    selectNodeUponCreation = stored(bool, True)
