"""Signals when the segmentations of the scene, or the frames that are shown, have changed, whoever changed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

from ..mrml.nodes.scene import CONTENT_EVENTS

_QUIET_MS = 100
"""A change is signalled after so long without another: an undo or a loaded file sends dozens of events."""


class SceneWatch:
    """Watches the scene, its segmentations and its sequence browsers from :meth:`start` to :meth:`stop`.

    While a sequence plays nothing is signalled: it would be too fast to follow.

    Args:
        changed: Called after changes, but not in the middle of a batch of them.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        import qt

        self._changed = changed
        self._scene_tags: list[tuple[Any, int]] = []
        self._node_tags: list[tuple[Any, int]] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.connect("timeout()", self._tell)

    def start(self) -> None:
        """Start to watch; starting twice is starting once."""
        self.stop()
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
            self._scene_tags.append((scene, scene.AddObserver(event, self._on_scene)))
        self._watch_nodes()

    def stop(self) -> None:
        """Watch no longer, and forget what has changed."""
        self.forget()
        _remove(self._scene_tags)
        _remove(self._node_tags)

    def forget(self) -> None:
        """Say nothing about the changes so far: the caller has made them and knows."""
        self._timer.stop()

    def _watch_nodes(self) -> None:
        """Watch the nodes that there are now; an observer would keep a removed one in memory."""
        _remove(self._node_tags)
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            for event in (vtk.vtkCommand.ModifiedEvent, *CONTENT_EVENTS):  # the first for another name
                self._node_tags.append((node, node.AddObserver(event, self._on_node)))
        for browser in _browsers():  # another frame, or another node that it shows
            tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_node)
            self._node_tags.append((browser, tag))

    def _on_scene(self, caller: Any, event: str) -> None:
        self._watch_nodes()
        self._timer.start()

    def _on_node(self, caller: Any, event: str) -> None:
        self._timer.start()

    def _tell(self) -> None:
        if slicer.mrmlScene.IsBatchProcessing():
            return  # its end is an event of its own
        if any(browser.GetPlaybackActive() for browser in _browsers()):
            return  # so is the end of the playback
        self._changed()


def _browsers() -> list[Any]:
    return list(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"))


def _remove(tags: list[tuple[Any, int]]) -> None:
    for watched, tag in tags:
        watched.RemoveObserver(tag)
    tags.clear()
