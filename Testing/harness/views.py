"""Stand-in for the layout manager: three slice views with real nodes and logics, one 3D view node; nothing is drawn."""

from __future__ import annotations

from typing import Any

import slicer

SLICE_VIEWS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
"""Names of the slice views, and how each is turned at first."""


class SliceWidget:
    """A slice view."""

    def __init__(self, logic: Any) -> None:
        self._logic = logic

    def sliceLogic(self) -> Any:
        """Return the real ``vtkMRMLSliceLogic``."""
        return self._logic

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode()


class LayoutManager:
    """The views of the main window."""

    def __init__(self, application_logic: Any) -> None:
        self._slices: dict[str, SliceWidget] = {}
        logics = application_logic.GetSliceLogics()
        for name, orientation in SLICE_VIEWS.items():
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLScene(slicer.mrmlScene)
            node = logic.AddSliceNode(name)
            node.SetLayoutName(name)
            node.SetOrientation(orientation)
            node.SetDimensions(400, 300, 1)
            node.SetFieldOfView(400.0, 300.0, 1.0)
            node.SetMappedInLayout(1)
            logics.AddItem(logic)
            self._slices[name] = SliceWidget(logic)
        self._layout_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLayoutNode", "Layout")
        self._three_d = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLViewNode", "View1")
        self._three_d.SetMappedInLayout(1)

    @property
    def layout(self) -> int:
        return int(self._layout_node.GetViewArrangement())

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._slices.get(name)

    def mrmlSliceLogics(self) -> Any:
        return slicer.app.applicationLogic().GetSliceLogics()

    def close(self) -> None:
        """Let go of the scene. Not in the real class."""
        slicer.app.applicationLogic().GetSliceLogics().RemoveAllItems()
        for widget in self._slices.values():
            widget.sliceLogic().SetMRMLScene(None)
        self._slices.clear()
