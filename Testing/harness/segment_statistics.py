"""Stand-in for the modules ``SegmentStatistics`` and ``SegmentStatisticsPlugins``: the loop and the base class.

Written after the behaviour of the real ones in Slicer 5.10 to 5.13. The options of a plug-in are plain check boxes
instead of Qt's; they refuse the same things: a text that is no string, a state that is no bool. The real
``exportToTable`` stops with an error where a number is missing from a column of whole numbers, and so does this.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar

import slicer
import vtk

from .scripted import ScriptedLoadableModuleLogic

SEGMENT = "Segment"
"""Key and heading of the first column."""


class CheckBox:
    """The part of QCheckBox that options need."""

    __slots__ = ("_checked", "_on_change", "text", "toolTip")

    def __init__(self, text: str, checked: bool, tool_tip: str, on_change: Any) -> None:
        if not (isinstance(text, str) and isinstance(tool_tip, str)):
            raise TypeError(f"A check box needs strings, not {text!r} and {tool_tip!r}.")
        self.text, self.toolTip = text, tool_tip
        self._checked, self._on_change = checked, on_change

    @property
    def checked(self) -> bool:
        return self._checked

    @checked.setter
    def checked(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"A check box is ticked or not, it cannot be {value!r}.")
        if value != self._checked:
            self._checked = value
            self._on_change()


class SegmentStatisticsPluginBase:
    """Base class of the plug-ins; a subclass sets name, title, keys and defaultKeys."""

    def __init__(self) -> None:
        self.name = ""
        self.title = ""
        self.keys: list[str] = []
        self.defaultKeys: list[str] = []
        self.requestedKeysCheckboxes: dict[str, CheckBox] = {}
        self.parameterNode: Any = None
        self.parameterNodeObserver: Any = None

    @staticmethod
    def createCodedEntry(codeValue: str, codingScheme: str, codeMeaning: str, returnAsString: bool = False) -> Any:
        """Return a DICOM code as ``vtkCodedEntry`` or as text."""
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(codeValue, codingScheme, codeMeaning)
        return entry.GetAsString() if returnAsString else entry

    @staticmethod
    def createMeasurementInfo(
        name: str,
        title: str,
        description: str,
        units: str,
        quantityDicomCode: str | None = None,
        unitsDicomCode: str | None = None,
        measurementMethodDicomCode: str | None = None,
        derivationDicomCode: str | None = None,
        componentNames: list[str] | None = None,
    ) -> dict[str, Any]:
        """Return the description of a measurement; codes without content are left out."""
        info: dict[str, Any] = {"name": name, "title": title, "description": description, "units": units}
        if componentNames:
            info["componentNames"] = componentNames
        codes = {
            "DICOM.QuantityCode": quantityDicomCode,
            "DICOM.UnitsCode": unitsDicomCode,
            "DICOM.MeasurementMethodCode": measurementMethodDicomCode,
            "DICOM.DerivationCode": derivationDicomCode,
        }
        for field, code in codes.items():
            if code and _has_content(code):
                info[field] = code
        return info

    def computeStatistics(self, segmentID: str) -> dict[str, Any]:
        """Return the requested measurements of a segment; the subclass's own."""
        raise NotImplementedError

    def getMeasurementInfo(self, key: str) -> dict[str, Any] | None:
        """Return the description of a measurement; implemented by the subclass."""
        raise NotImplementedError

    def toLongKey(self, key: str) -> str:
        """Return a key as it is called outside of the plug-in."""
        return f"{type(self).__name__}.{key}"

    def toShortKey(self, key: str) -> str:
        """Return a key as it is called inside the plug-in; empty for another plug-in's."""
        prefix = f"{type(self).__name__}."
        return key[len(prefix) :] if key.startswith(prefix) else ""

    def setDefaultParameters(self, parameterNode: Any, overwriteExisting: bool = False) -> None:
        """Enable the plug-in and its default keys if they are not set."""
        enabled = f"{type(self).__name__}.enabled"
        if not parameterNode.GetParameter(enabled):
            parameterNode.SetParameter(enabled, "True")
        for key in self.keys:
            parameter = f"{self.toLongKey(key)}.enabled"
            if overwriteExisting or not parameterNode.GetParameter(parameter):
                parameterNode.SetParameter(parameter, str(key in self.defaultKeys))

    def getRequestedKeys(self) -> Any:
        """Return the keys that are switched on, in the order of ``keys``."""
        if not self.parameterNode:
            return ()
        return [key for key in self.keys if self.parameterNode.GetParameter(f"{self.toLongKey(key)}.enabled") == "True"]

    def setParameterNode(self, parameterNode: Any) -> None:
        """Take parameters from this node, and build the options."""
        if self.parameterNode == parameterNode:
            return
        if self.parameterNode and self.parameterNodeObserver:
            self.parameterNode.RemoveObserver(self.parameterNodeObserver)
        self.parameterNode = parameterNode
        self.setDefaultParameters(parameterNode)
        self.parameterNodeObserver = parameterNode.AddObserver(
            vtk.vtkCommand.ModifiedEvent, self.updateGuiFromParameterNode
        )
        self.createDefaultOptionsWidget()
        self.updateGuiFromParameterNode()

    def getParameterNode(self) -> Any:
        return self.parameterNode

    def createDefaultOptionsWidget(self) -> None:
        """Make a check box for the plug-in and for each key."""
        self.pluginCheckbox = CheckBox(f"{self.title} plugin enabled", True, "", self.updateParameterNodeFromGui)
        requested = self.getRequestedKeys()
        self.requestedKeysCheckboxes = {}
        for key in self.keys:
            info = self.getMeasurementInfo(key) or {}
            tip = "\n".join(f"{field}: {info[field]}" for field in ("name", "description", "units") if field in info)
            label = info.get("name", key)
            self.requestedKeysCheckboxes[key] = CheckBox(label, key in requested, tip, self.updateParameterNodeFromGui)

    def updateGuiFromParameterNode(self, caller: Any = None, event: Any = None) -> None:
        """Set the boxes from the node; that of the plug-in itself writes the state of all of them back."""
        self.pluginCheckbox.checked = self.parameterNode.GetParameter(f"{type(self).__name__}.enabled") != "False"
        values = {
            key: self.parameterNode.GetParameter(f"{self.toLongKey(key)}.enabled") == "True"
            for key in self.requestedKeysCheckboxes
        }
        for key, box in self.requestedKeysCheckboxes.items():
            box._checked = values[key]  # without writing it back to the node

    def updateParameterNodeFromGui(self) -> None:
        choices = {key: box.checked for key, box in self.requestedKeysCheckboxes.items()}
        self.parameterNode.SetParameter(f"{type(self).__name__}.enabled", str(self.pluginCheckbox.checked))
        for key, checked in choices.items():
            self.parameterNode.SetParameter(f"{self.toLongKey(key)}.enabled", str(checked))

    def requestAll(self) -> None:
        for key in self.keys:
            self.parameterNode.SetParameter(f"{self.toLongKey(key)}.enabled", "True")

    def requestNone(self) -> None:
        for key in self.keys:
            self.parameterNode.SetParameter(f"{self.toLongKey(key)}.enabled", "False")

    def requestDefault(self) -> None:
        """Switch the default keys on and the others off."""
        self.setDefaultParameters(self.parameterNode, overwriteExisting=True)


class SegmentStatisticsLogic(ScriptedLoadableModuleLogic):
    """Runs the plug-ins over the segments and writes the table."""

    registeredPlugins: ClassVar[list[Any]] = []

    @staticmethod
    def registerPlugin(plugin: Any) -> None:
        """Add the class of a plug-in, given an instance; anything else is passed over in silence, as by the real."""
        if not isinstance(plugin, SegmentStatisticsPluginBase):
            return
        if any("." in key for key in plugin.keys):
            raise ValueError(f"A key of {type(plugin).__name__} has a dot, which separates plug-in and key.")
        if type(plugin) in SegmentStatisticsLogic.registeredPlugins:
            raise ValueError(f"{type(plugin).__name__} was registered already.")
        SegmentStatisticsLogic.registeredPlugins.append(type(plugin))

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.moduleName = "SegmentStatistics"
        self.isSingletonParameterNode = False
        self.plugins = [plugin() for plugin in self.registeredPlugins]
        self.parameterNode: Any = None
        self.reset()

    def getParameterNode(self) -> Any:
        """Return the parameter node, made on the first call."""
        if self.parameterNode is None:
            node = self.createParameterNode()
            node.SetSingletonTag(None)
            node = slicer.mrmlScene.AddNode(node)
            for plugin in self.plugins:
                plugin.setDefaultParameters(node)
            if not node.GetParameter("visibleSegmentsOnly"):
                node.SetParameter("visibleSegmentsOnly", "True")
            self.parameterNode = node
            for plugin in self.plugins:
                plugin.setParameterNode(node)
        return self.parameterNode

    def getStatistics(self) -> dict[Any, Any]:
        """Return what was computed: by (segment, long key), and the lists SegmentIDs and MeasurementInfo."""
        return self._statistics

    def reset(self) -> None:
        self.getParameterNode()
        self.keys = [SEGMENT] + [plugin.toLongKey(key) for plugin in self.plugins for key in plugin.keys]
        self._statistics: dict[Any, Any] = {"SegmentIDs": [], "MeasurementInfo": {}}

    def computeStatistics(self) -> None:
        """Compute all measurements of all (visible) segments, in world coordinates."""
        self.reset()
        node = slicer.mrmlScene.GetNodeByID(self.parameterNode.GetParameter("Segmentation"))
        if self.parameterNode.GetParameter("visibleSegmentsOnly") == "True":
            ids = vtk.vtkStringArray()
            node.GetDisplayNode().GetVisibleSegmentIDs(ids)
            segment_ids = [ids.GetValue(index) for index in range(ids.GetNumberOfValues())]
        else:
            segment_ids = list(node.GetSegmentation().GetSegmentIDs())
        hardened = None
        try:
            if node.GetParentTransformNode() is not None:
                hardened = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"_tmp_{node.GetName()}")
                hardened.CopyContent(node)
                hardened.SetAndObserveTransformNodeID(node.GetParentTransformNode().GetID())
                hardened.HardenTransform()
                self.parameterNode.SetParameter("Segmentation", hardened.GetID())
            for segment_id in segment_ids:
                self.updateStatisticsForSegment(segment_id)
        finally:
            if hardened is not None:
                self.parameterNode.SetParameter("Segmentation", node.GetID())
                slicer.mrmlScene.RemoveNode(hardened)

    def updateStatisticsForSegment(self, segmentID: str) -> None:
        node = slicer.mrmlScene.GetNodeByID(self.parameterNode.GetParameter("Segmentation"))
        statistics = self._statistics
        if segmentID not in statistics["SegmentIDs"]:
            statistics["SegmentIDs"].append(segmentID)
        statistics[segmentID, SEGMENT] = node.GetSegmentation().GetSegment(segmentID).GetName()
        for plugin in self.plugins:
            if self.parameterNode.GetParameter(f"{type(plugin).__name__}.enabled") == "True":
                for key, value in plugin.computeStatistics(segmentID).items():
                    statistics[segmentID, plugin.toLongKey(key)] = value
                    statistics["MeasurementInfo"][plugin.toLongKey(key)] = plugin.getMeasurementInfo(key)

    def exportToTable(self, table: Any) -> None:
        """Write the results into a table node, a row a segment; columns without any number are left out."""
        ids = self._statistics["SegmentIDs"]
        table.RemoveAllColumns()
        table.GetTable().SetNumberOfRows(0)
        keys = [key for key in self.keys if any((segment_id, key) in self._statistics for segment_id in ids)]
        for key in keys:
            info = self._statistics["MeasurementInfo"].get(key, {})
            first = next(self._statistics[i, key] for i in ids if (i, key) in self._statistics)
            column = table.AddColumn(_column_for(first))
            name = info.get("name", key)
            column.SetName(name)
            table.SetColumnTitle(name, info.get("title", SEGMENT))
            table.SetColumnDescription(name, info.get("description", ""))
            table.SetColumnUnitLabel(name, info.get("units", ""))
            for field, value in info.items():
                if field not in ("name", "title", "description", "units"):
                    table.SetColumnProperty(name, field, str(value))
        for segment_id in ids:
            row = table.AddEmptyRow()
            for index, key in enumerate(keys):
                # Not a number for what is missing: a column of whole numbers raises TypeError, as in the application.
                table.GetTable().GetColumn(index).SetValue(row, self._statistics.get((segment_id, key), math.nan))


@contextmanager
def installed() -> Iterator[None]:
    """Make the two modules importable, without any plug-in registered."""
    plugins, module = ModuleType("SegmentStatisticsPlugins"), ModuleType("SegmentStatistics")
    plugins.SegmentStatisticsPluginBase = SegmentStatisticsPluginBase  # type: ignore[attr-defined]
    module.SegmentStatisticsLogic = SegmentStatisticsLogic  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in (plugins.__name__, module.__name__)}
    SegmentStatisticsLogic.registeredPlugins.clear()
    sys.modules.update({plugins.__name__: plugins, module.__name__: module})
    try:
        yield
    finally:
        SegmentStatisticsLogic.registeredPlugins.clear()
        for name, previous in before.items():
            if previous is None:
                del sys.modules[name]
            else:
                sys.modules[name] = previous


def _has_content(code: str) -> bool:
    entry = slicer.vtkCodedEntry()
    entry.SetFromString(code)
    return bool(entry.GetCodeValue() or entry.GetCodingSchemeDesignator() or entry.GetCodeMeaning())


def _column_for(value: Any) -> Any:
    """Return an array that holds values like this one; NumPy's whole numbers become text, as in the application."""
    if isinstance(value, int):
        return vtk.vtkLongArray()
    return vtk.vtkDoubleArray() if isinstance(value, float) else vtk.vtkStringArray()
