"""Strict loading of .ui files: everything in them must be in the table, or nothing is loaded."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import shiboken6
from PySide6 import QtCore, QtUiTools, QtWidgets

from .native import METAS, native_class
from .table import QT_TABLE, lineage, properties_of, signals_of, slots_of
from .widgets import ctkCollapsibleButton

DYNAMIC = {"SlicerParameterName"}
"""Properties that no class has; the parameter node's connection looks for them."""

_TAGS = {"QString": "string", "bool": "bool", "int": "number", "double": "double", "QStringList": "stringlist"}
"""Type of a property to the element that its value is written in; of other types it is not checked."""

_MARGINS = {"leftMargin", "topMargin", "rightMargin", "bottomMargin"}
_SPACER = {"orientation", "sizeType", "sizeHint"}
_GRID = {"horizontalSpacing", "verticalSpacing"}
_PAGE = {"title", "label", "icon", "toolTip"}


class UiError(ValueError):
    """A .ui file has something that the application does not know."""


def check_ui(path: str | Path) -> None:
    """Raise :class:`UiError` if a .ui file has a class, property, value, signal or slot that is not in the table."""
    root = ElementTree.parse(path).getroot()
    faults = list(_faults(root))
    if faults:
        raise UiError(f"{Path(path).name}: " + "; ".join(faults))


class QUiLoader(QtUiTools.QUiLoader):
    """Loads a .ui file, with the stand-ins where it names their classes."""

    def load(self, file: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        path = Path(file.fileName())
        check_ui(path)
        tree = ElementTree.parse(path)
        root = tree.getroot()
        # PySide6 cannot connect signals with a vtkMRMLScene*; they are connected here, by name.
        connections = [_Connection(element) for element in root.findall("connections/connection")]
        for element in root.findall("connections"):
            root.remove(element)
        buffer = QtCore.QBuffer()
        text = BytesIO()
        tree.write(text, encoding="utf-8")
        buffer.setData(text.getvalue())
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = super().load(buffer, parent)
        for section in widget.findChildren(ctkCollapsibleButton):
            section.hide_contents()  # created after the section was collapsed
        for connection in connections:
            connection.make(widget)
        return widget

    def createWidget(self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> Any:
        """Make a widget of a class in the table."""
        widget = native_class(class_name)(parent)
        widget.setObjectName(name)
        return widget


class _Connection:
    def __init__(self, element: ElementTree.Element) -> None:
        self.sender, self.signal, self.receiver, self.slot = (
            element.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot")
        )

    def make(self, root: QtWidgets.QWidget) -> None:
        sender, receiver = (
            root if root.objectName() == name else root.findChild(QtCore.QObject, name)
            for name in (self.sender, self.receiver)
        )
        signal = getattr(sender, self.signal.partition("(")[0])
        name = self.slot.partition("(")[0]

        def call(*values: Any) -> None:
            if shiboken6.isValid(receiver):
                getattr(receiver, name)(*values)

        signal.connect(call)


def _faults(root: ElementTree.Element) -> Iterator[str]:
    classes: dict[str, str] = {}
    for element in root.iter("widget"):
        class_name, name = element.get("class", ""), element.get("name", "")
        if class_name not in QT_TABLE:
            yield f"unknown widget class {class_name}"
            continue
        if name in classes:
            yield f"two widgets are called {name}"
        classes[name] = class_name
        yield from _property_faults(element, class_name, properties_of(class_name))
        for part in [*element.findall("item"), *element.findall("column"), *element.findall("row")]:
            yield from _property_faults(part, f"item of {class_name}", frozenset({"text", "toolTip", "icon"}))
    for element in root.iter("layout"):
        class_name = element.get("class", "")
        if class_name not in QT_TABLE:
            yield f"unknown layout class {class_name}"
            continue
        grid = _GRID if class_name == "QGridLayout" else set()
        yield from _property_faults(element, class_name, properties_of(class_name) | _MARGINS | grid)
    for element in root.iter("spacer"):
        yield from _property_faults(element, "spacer", frozenset(_SPACER))
    for element in root.iter("attribute"):
        if element.get("name") not in _PAGE:
            yield f"unknown attribute {element.get('name')}"
    for element in root.iter("customwidget"):
        yield from _custom_faults(element)
    declared = {element.findtext("class") for element in root.iter("customwidget")}
    for class_name in sorted({name for name in classes.values() if not name.startswith("Q")} - declared):
        yield f"{class_name} is not among the custom widgets"
    for element in root.findall("connections/connection"):
        yield from _connection_faults(_Connection(element), classes)


def _property_faults(element: ElementTree.Element, class_name: str, known: frozenset[str]) -> Iterator[str]:
    for child in element.findall("property"):
        name = child.get("name", "")
        dynamic = child.get("stdset") == "0" and name in DYNAMIC
        if name not in known and not dynamic:
            yield f"{class_name} has no property {name}"
        kind = METAS[class_name].properties.get(name) if class_name in METAS else None
        tag = _TAGS.get(kind.type_name) if kind else None
        if tag and child.find(tag) is None:
            yield f"{name} of {class_name} is no <{tag}>"
        for value in [*child.iter("enum"), *child.iter("set")]:
            yield from _enum_faults(value.text or "")


def _enum_faults(text: str) -> Iterator[str]:
    for part in text.split("|"):
        # Qt 5 reads Qt::AlignLeft, and not Qt::AlignmentFlag::AlignLeft.
        found = re.fullmatch(r"(\w+)::(\w+)", part)
        rows = lineage(found[1]) if found and found[1] in QT_TABLE else []
        if not found or all(found[2] not in row.enum_names for row in rows):
            yield f"unknown value {part}"


def _custom_faults(element: ElementTree.Element) -> Iterator[str]:
    class_name, base = element.findtext("class", ""), element.findtext("extends", "")
    if class_name not in QT_TABLE:
        yield f"unknown custom widget {class_name}"
        return
    bases = {row.base for row in lineage(class_name)}
    if base not in bases:
        yield f"{class_name} does not extend {base}"
    if element.findtext("header") != f"{class_name}.h":
        yield f"the header of {class_name} is {class_name}.h"


def _connection_faults(connection: _Connection, classes: dict[str, str]) -> Iterator[str]:
    for name in (connection.sender, connection.receiver):
        if name not in classes:
            yield f"a connection names {name}, which is not there"
            return
    if connection.signal not in signals_of(classes[connection.sender]):
        yield f"{classes[connection.sender]} has no signal {connection.signal}"
    if connection.slot not in slots_of(classes[connection.receiver]):
        yield f"{classes[connection.receiver]} has no slot {connection.slot}"
