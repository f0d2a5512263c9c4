"""Nodes and segments: selectors, prefilling of unambiguous inputs, and messages about missing ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..mrml.review.kept import anatomy
from ..mrml.vessels import is_flat
from .controls import ChoiceBox, Option


class Inputs:
    """The segment selectors, which no Slicer widget can bind to the parameter node, and all selected inputs.

    Args:
        ui: The widgets of the panel.
    """

    def __init__(self, ui: Any) -> None:
        self._parameters: Any = None
        self._had_segmentations = self._had_volumes = False
        self._myocardium = ChoiceBox(ui.myocardiumSelector, self._to("myocardiumSegmentID"))
        self._more = WallParts(ui.moreWallButton, self._on_more)
        self._pool = ChoiceBox(ui.poolSelector, self._to("poolSegmentID"))
        self._right_ventricle = ChoiceBox(ui.rvSelector, self._to("rvSegmentID"))
        # The node selectors are bound to the parameter node, but send no signal when two nodes have the same name.
        ui.segmentationSelector.connect("nodeActivated(vtkMRMLNode*)", self._to("inputSegmentation"))
        ui.volumeSelector.connect("nodeActivated(vtkMRMLNode*)", self._to("inputVolume"))

    def update(self, parameters: Any) -> None:
        """Show the selection; segments that no longer exist are deselected."""
        self._parameters = parameters
        segments: list[tuple[str, str]] = []
        myocardium = pool = right_ventricle = ""
        more: list[str] = []
        if parameters is not None:
            segments = anatomy(parameters.inputSegmentation)
            known = [key for key, _name in segments]
            if parameters.myocardiumSegmentID not in known:
                parameters.myocardiumSegmentID = known[0] if len(known) == 1 else ""
            if parameters.poolSegmentID not in known:
                parameters.poolSegmentID = ""
            if parameters.rvSegmentID not in known:
                parameters.rvSegmentID = ""
            myocardium, pool = parameters.myocardiumSegmentID, parameters.poolSegmentID
            right_ventricle = parameters.rvSegmentID
            more = [key for key in more_ids(parameters) if key in known and key not in (myocardium, pool)]
            store_more_ids(parameters, more)
        options = [Option(key, name) for key, name in segments]
        self._myocardium.fill([Option("", _("Select the wall")), *options], myocardium)
        self._more.fill([(key, name) for key, name in segments if key not in (myocardium, pool)], more)
        self._pool.fill([Option("", _("None")), *options], pool)
        self._right_ventricle.fill([Option("", _("None")), *options], right_ventricle)

    def prefill(self, parameters: Any, *, arrived: bool = False) -> None:
        """Select nodes that are not selected yet and have exactly one candidate.

        Args:
            parameters: The parameter node.
            arrived: Only if there was no candidate the last time; otherwise the user may have selected none on
                purpose.
        """
        segmentations = _shown("vtkMRMLSegmentationNode")
        photographs = [node for node in _shown("vtkMRMLVectorVolumeNode") if is_flat(node)]
        volumes = [*_shown("vtkMRMLScalarVolumeNode"), *photographs]
        if parameters.inputSegmentation is None and not (arrived and self._had_segmentations):
            parameters.inputSegmentation = _only(segmentations)
        if parameters.inputVolume is None and not (arrived and self._had_volumes):
            parameters.inputVolume = _volume_of(parameters.inputSegmentation) or _only(volumes)
        self._had_segmentations, self._had_volumes = bool(segmentations), bool(volumes)

    def missing(self, parameters: Any) -> str:
        """Return the message about missing inputs; empty if nothing is missing."""
        if parameters is None:
            return _("Choose a segmentation.")
        node = parameters.inputSegmentation
        if node is not None and not anatomy(node):
            return _("{name} has no segments. Segment the myocardium first.").format(name=node.GetName())
        wanted = [
            (node is None, _("a segmentation")),
            (node is not None and not parameters.myocardiumSegmentID, _("the myocardium segment")),
            (parameters.inputVolume is None, _("the volume")),
        ]
        names = [name for is_missing, name in wanted if is_missing]
        if names:
            return _("Choose {names}.").format(names=_(" and ").join(names))
        if parameters.poolSegmentID == parameters.myocardiumSegmentID:
            return _("Myocardium and blood pool are the same segment. Choose two segments.")
        if parameters.rvSegmentID and parameters.rvSegmentID in (*wall_ids(parameters), parameters.poolSegmentID):
            return _("The right ventricle is the same segment as myocardium or blood pool. Choose another segment.")
        return ""

    def _on_more(self, segment_ids: list[str]) -> None:
        if self._parameters is not None:
            store_more_ids(self._parameters, segment_ids)

    def _to(self, name: str) -> Callable[[Any], None]:
        """Return a function that stores a selection in a parameter."""

        def put(value: Any) -> None:
            if self._parameters is not None and getattr(self._parameters, name) != value:
                setattr(self._parameters, name, value)

        return put


class WallParts:
    """The segments that form one wall with the myocardium.

    Args:
        button: The ``QPushButton``; it opens the menu and shows the ticked segments.
        on_chosen: Called with the IDs that are ticked when the user ticks or unticks one; not called by :meth:`fill`.
    """

    def __init__(self, button: Any, on_chosen: Callable[[list[str]], None]) -> None:
        import qt

        self._button, self._on_chosen = button, on_chosen
        self._menu = qt.QMenu(button)
        button.setMenu(self._menu)
        self._offered: list[tuple[str, str]] = []
        self._actions: list[Any] = []
        self._filling = False

    def fill(self, segments: Sequence[tuple[str, str]], ticked: Sequence[str]) -> None:
        """Offer segments, given as ID and name, and tick some of them."""
        self._filling = True
        if list(segments) != self._offered:  # an open menu is not replaced by an equal one
            self._offered = list(segments)
            self._menu.clear()
            self._actions = []
            for _key, name in self._offered:
                action = self._menu.addAction(name.replace("&", "&&"))
                action.checkable = True
                action.connect("toggled(bool)", self._on_toggled)
                self._actions.append(action)
        for (key, _name), action in zip(self._offered, self._actions, strict=True):
            action.checked = key in ticked
        self._filling = False
        names = [name for key, name in self._offered if key in ticked]
        self._button.text = ", ".join(names).replace("&", "&&") or _("None")
        self._button.enabled = bool(self._offered)

    def _on_toggled(self, _checked: bool) -> None:
        if not self._filling:
            pairs = zip(self._offered, self._actions, strict=True)
            self._on_chosen([key for (key, _name), action in pairs if action.checked])


def wall_ids(parameters: Any) -> list[str]:
    """Return the IDs of all selected segments of the wall, the myocardium first."""
    return [parameters.myocardiumSegmentID, *more_ids(parameters)]


def more_ids(parameters: Any) -> list[str]:
    """Return the IDs of the further segments of the wall; invalid content of a scene is ignored."""
    try:
        found = json.loads(parameters.moreWallSegmentIDs or "[]")
    except ValueError:
        return []
    return [key for key in found if isinstance(key, str)] if isinstance(found, list) else []


def store_more_ids(parameters: Any, ids: Sequence[str]) -> None:
    """Write the IDs of the further segments of the wall into the parameter node."""
    text = json.dumps(list(ids)) if ids else ""
    if parameters.moreWallSegmentIDs != text:
        parameters.moreWallSegmentIDs = text


def _shown(class_name: str) -> list[Any]:
    """Return the nodes that the selectors list: of exactly this class, and not hidden."""
    nodes = slicer.util.getNodesByClass(class_name)
    return [node for node in nodes if node.GetClassName() == class_name and not node.GetHideFromEditors()]


def _only(nodes: list[Any]) -> Any:
    return nodes[0] if len(nodes) == 1 else None


def _volume_of(segmentation_node: Any) -> Any:
    """Return the reference volume of a segmentation."""
    if segmentation_node is None:
        return None
    volume = segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole())
    classes = ("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode")
    return volume if volume is not None and volume.GetClassName() in classes else None
