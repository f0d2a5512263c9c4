"""Signals changes of the segmentations of the scene and of the shown frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

from ..mrml.nodes.scene import CONTENT_EVENTS

_QUIET_MS = 100
"""Delay after the last event: an undo or a loaded file sends dozens of events."""


class SceneWatch:
    """Watches the scene, its segmentations and its sequence browsers from :meth:`start` to :meth:`stop`.

    While a sequence plays, nothing is signalled.

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
        self._timer.connect("timeout()", self._notify)

    def start(self) -> None:
        """Start to watch; does nothing more if already started."""
        self.stop()
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
            self._scene_tags.append((scene, scene.AddObserver(event, self._on_scene)))
        self._watch_nodes()

    def stop(self) -> None:
        """Stop watching and drop pending signals."""
        self.forget()
        _remove(self._scene_tags)
        _remove(self._node_tags)

    def forget(self) -> None:
        """Drop pending signals, for changes that the caller has made."""
        self._timer.stop()

    def _watch_nodes(self) -> None:
        """Watch the present nodes only: an observer would keep a removed node in memory."""
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

    def _notify(self) -> None:
        if slicer.mrmlScene.IsBatchProcessing():
            return  # the end of the batch is another event
        if any(browser.GetPlaybackActive() for browser in _browsers()):
            return  # the end of the playback is another event
        self._changed()


def _browsers() -> list[Any]:
    return list(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"))


def _remove(tags: list[tuple[Any, int]]) -> None:
    for watched, tag in tags:
        watched.RemoveObserver(tag)
    tags.clear()
