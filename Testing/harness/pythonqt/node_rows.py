"""The rows of a node combo box: "None", the nodes of the scene that can be selected, and the actions below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

_ID = int(QtCore.Qt.ItemDataRole.UserRole.value)
_open: set[NodeRows] = set()


def observing() -> bool:
    return bool(_open)


def release_all() -> None:
    """Stop observing the scene; the session is over."""
    for rows in list(_open):
        rows.set_scene(None)


class NodeRows:
    """Keeps the rows of a combo box in step with a scene, one row at a time, so that Qt keeps the selection."""

    def __init__(self, combo: QtWidgets.QComboBox, on_changed: Callable[[], None]) -> None:
        self._combo = combo
        self._on_changed = on_changed
        self._tags: list[int] = []
        self._node_tags: dict[str, tuple[Any, int]] = {}
        self.scene: Any = None
        self.node_types: list[str] = []
        self.show_children = True
        self.hidden_types: list[str] = []
        self.none_enabled = False
        self.none_text = "None"
        self.add_enabled = True
        self.remove_enabled = True
        combo.destroyed.connect(self._on_destroyed)

    @property
    def first(self) -> int:
        return int(self.none_enabled)

    @property
    def count(self) -> int:
        return sum(bool(self.node_id(row)) for row in range(self._combo.count()))

    def node_id(self, row: int) -> str:
        """Return the ID of the node in a row, empty if there is none."""
        return str(self._combo.itemData(row, _ID) or "") if row >= 0 else ""

    def node(self, row: int) -> Any:
        """Return the node in a row, ``None`` if there is none."""
        node_id = self.node_id(row)
        return self.scene.GetNodeByID(node_id) if node_id and self.scene is not None else None

    def index_of(self, node_id: str) -> int:
        """Return the row of a node, -1 if there is none."""
        return int(self._combo.findData(node_id, _ID)) if node_id else -1

    def set_scene(self, scene: Any) -> None:
        """Observe another scene, or none."""
        for tag in self._tags:
            self.scene.RemoveObserver(tag)
        for node, tag in self._node_tags.values():
            node.RemoveObserver(tag)
        self._tags, self._node_tags = [], {}
        self.scene = scene
        _open.discard(self)
        if scene is not None:
            _open.add(self)
            kind = slicer.vtkMRMLScene
            self._tags = [
                scene.AddObserver(kind.NodeAddedEvent, self._on_added),
                scene.AddObserver(kind.NodeAboutToBeRemovedEvent, self._on_about_to_be_removed),
                scene.AddObserver(kind.EndCloseEvent, self._on_many_changed),
                scene.AddObserver(kind.EndImportEvent, self._on_many_changed),
            ]
        self.rebuild()

    def rebuild(self) -> None:
        """Make all rows again; the selection is the caller's to restore."""
        self._combo.clear()
        if self.scene is None:
            return
        if self.none_enabled:
            self._combo.addItem(self.none_text, "")
        actions = {"Create new node": self.add_enabled, "Delete current node": self.remove_enabled}
        self._combo.addItems([text for text, enabled in actions.items() if enabled])
        if any(actions.values()):
            self._combo.insertSeparator(self.first)
        self._combo.setCurrentIndex(-1)
        self.refresh()

    def refresh(self) -> None:
        """Put in the nodes that are missing, and take out those that are no longer to be selected."""
        if self.scene is None:
            return
        nodes = [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]
        for node in nodes:
            if self._has_type(node) and node.GetID() not in self._node_tags:
                self._node_tags[node.GetID()] = (
                    node,
                    node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified),
                )
        wanted = [node.GetID() for node in nodes if self._is_offered(node)]
        for row in reversed(range(self._combo.count())):
            if self.node_id(row) and self.node_id(row) not in wanted:
                self._combo.removeItem(row)
        for place, node_id in enumerate(wanted):
            name = self.scene.GetNodeByID(node_id).GetName() or ""
            row = self.index_of(node_id)
            if row < 0:
                self._combo.insertItem(self.first + place, name, node_id)
            elif self._combo.itemText(row) != name:
                self._combo.setItemText(row, name)
        self._on_changed()

    def _has_type(self, node: Any) -> bool:
        if any(node.IsA(name) for name in self.hidden_types):
            return False
        if self.show_children:
            return any(node.IsA(name) for name in self.node_types)
        return node.GetClassName() in self.node_types

    def _is_offered(self, node: Any) -> bool:
        return self._has_type(node) and not node.GetHideFromEditors()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_added(self, _scene: Any, _event: str, node: Any) -> None:
        if not self.scene.IsImporting() and self._has_type(node):
            self.refresh()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_about_to_be_removed(self, _scene: Any, _event: str, node: Any) -> None:
        if self.scene.IsClosing():
            return
        _, tag = self._node_tags.pop(node.GetID(), (None, None))
        if tag is not None:
            node.RemoveObserver(tag)
        row = self.index_of(node.GetID())
        if row >= 0:
            self._combo.removeItem(row)
            self._on_changed()

    def _on_many_changed(self, *_: Any) -> None:
        self._node_tags = {key: pair for key, pair in self._node_tags.items() if self.scene.GetNodeByID(key) is pair[0]}
        self.refresh()

    def _on_modified(self, node: Any, _event: str) -> None:
        if not self.scene.IsClosing() and not self.scene.IsImporting() and self.scene.GetNodeByID(node.GetID()) is node:
            self.refresh()

    def _on_destroyed(self) -> None:
        for tag in self._tags:
            self.scene.RemoveObserver(tag)
        for node, tag in self._node_tags.values():
            node.RemoveObserver(tag)
        self._tags, self._node_tags, self.scene = [], {}, None
        _open.discard(self)
