"""Stand-in for ``qMRMLNodeComboBox``: selects a node of the real scene; what it does follows the real class."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from .node_rows import NodeRows
from .widgets import Property, Signal, Slot


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Selects a node of the scene."""

    currentNodeChanged = Signal((object,), (bool,))
    nodeActivated = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Fixed)
        self._combo = QtWidgets.QComboBox(self)
        row.addWidget(self._combo)
        self._rows = NodeRows(self._combo, self._rows_changed)
        self._requested = ""
        self._switching = False
        self._combo.currentTextChanged.connect(lambda _text: self._emit_changed())
        self._combo.activated.connect(self._on_activated)
        self.setEnabled(False)

    def mrmlScene(self) -> Any:
        return self._rows.scene

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene; without "None" to select, its first node is selected."""
        if scene is self._rows.scene:
            return
        before, had_nodes = self._current_id(), self.nodeCount() > 0
        self._switching = True
        self._rows.set_scene(scene)
        self._switching = False
        first = "" if self._rows.none_enabled or not self.nodeCount() else self._rows.node_id(self._rows.first)
        self.setCurrentNodeID(before if had_nodes else self._requested or first)
        self._requested = ""
        self.setEnabled(scene is not None)

    def currentNode(self) -> Any:
        return self._rows.node(self._combo.currentIndex())

    def setCurrentNode(self, node: Any) -> None:
        """Select a node, or none."""
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    @Slot(str)
    def setCurrentNodeID(self, node_id: str) -> None:
        """Select a node by its ID; without a scene it is remembered until there is one."""
        if self._rows.scene is None:
            self._requested = node_id or ""
        index = self._rows.index_of(node_id)
        self._combo.setCurrentIndex(index if index >= 0 else 0 if self._rows.none_enabled else -1)

    def nodeCount(self) -> int:
        return self._rows.count if self._rows.scene is not None else 0

    def nodeFromIndex(self, index: int) -> Any:
        """Return a node by its place among the nodes."""
        return self._rows.node(index + self._rows.first)

    def _rows_changed(self) -> None:
        if not self._switching and self.currentNode() is None:
            self.setCurrentNode(None)

    def _current_id(self) -> str:
        return self._rows.node_id(self._combo.currentIndex())

    def _emit_changed(self) -> None:
        if self._switching:
            return
        index = self._combo.currentIndex()
        node = self._rows.node(index)
        if node is None and index != (0 if self._rows.none_enabled else -1):
            last = self.nodeFromIndex(self.nodeCount() - 1)
            if last is not None:
                self.setCurrentNode(last)
            return
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)

    def _on_activated(self, index: int) -> None:
        node = self._rows.node(index)
        if node is not None or (self._rows.none_enabled and index == 0):
            self.nodeActivated.emit(node)

    def _change(self, name: str, value: Any) -> None:
        current = self._current_id()
        setattr(self._rows, name, value)
        self._switching = True
        self._rows.rebuild()
        self._switching = False
        if self._rows.scene is not None:
            blocked = self._combo.blockSignals(True)
            self.setCurrentNodeID(current)
            self._combo.blockSignals(blocked)

    nodeTypes = Property(
        "QStringList", lambda self: self._rows.node_types, lambda self, v: self._change("node_types", v)
    )
    showChildNodeTypes = Property(
        bool, lambda self: self._rows.show_children, lambda self, v: self._change("show_children", v)
    )
    hideChildNodeTypes = Property(
        "QStringList", lambda self: self._rows.hidden_types, lambda self, v: self._change("hidden_types", v)
    )
    noneEnabled = Property(bool, lambda self: self._rows.none_enabled, lambda self, v: self._change("none_enabled", v))
    noneDisplay = Property(str, lambda self: self._rows.none_text, lambda self, v: self._change("none_text", v))
    addEnabled = Property(bool, lambda self: self._rows.add_enabled, lambda self, v: self._change("add_enabled", v))
    removeEnabled = Property(
        bool, lambda self: self._rows.remove_enabled, lambda self, v: self._change("remove_enabled", v)
    )
    sizeAdjustPolicy = Property(
        int,
        lambda self: self._combo.sizeAdjustPolicy().value,
        lambda self, v: self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy(v)),
    )
