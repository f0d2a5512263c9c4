"""Which class of PySide6, or which stand-in, is behind a class of the table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtWidgets

from . import dialogs, mrml_widgets, node_combo_box, widgets
from .table import QT_TABLE

_STAND_INS = (widgets, mrml_widgets, node_combo_box, dialogs)


def native_class(class_name: str) -> Any:
    """Return the class whose objects are behind the wrappers of ``class_name``; a stand-in goes before Qt's own."""
    if class_name == "QUiLoader":
        from .loader import QUiLoader  # which needs this function

        return QUiLoader
    for module in (*_STAND_INS, QtWidgets, QtGui, QtCore):
        if hasattr(module, class_name):
            return getattr(module, class_name)
    raise AttributeError(f"Neither PySide6 nor the stand-ins have a class {class_name}.")


@dataclass(frozen=True)
class PropertyKind:
    """What Qt knows of a property: the name of its type, and whether it can be written and is an enumeration."""

    type_name: str
    writable: bool
    is_enum: bool


@dataclass(frozen=True)
class Meta:
    """What Qt knows of a class of objects: its properties, signals and slots, those of its base classes included."""

    properties: dict[str, PropertyKind]
    signals: frozenset[str]
    slots: frozenset[str]


def _read(meta: QtCore.QMetaObject) -> Meta:
    properties = [meta.property(index) for index in range(meta.propertyCount())]
    methods = [meta.method(index) for index in range(meta.methodCount())]
    signatures: dict[bool, set[str]] = {True: set(), False: set()}
    for method in methods:
        is_signal = method.methodType() == QtCore.QMetaMethod.MethodType.Signal
        signatures[is_signal].add(bytes(method.methodSignature().data()).decode())
    return Meta(
        {found.name(): PropertyKind(found.typeName(), found.isWritable(), found.isEnumType()) for found in properties},
        frozenset(signatures[True]),
        frozenset(signatures[False]),
    )


# Read before there are any objects: PySide6 can lose a class's meta object when one of its objects is deleted.
METAS: dict[str, Meta] = {
    name: _read(native_class(name).staticMetaObject)
    for name in QT_TABLE
    if name != "QUiLoader" and hasattr(native_class(name), "staticMetaObject")
}
"""Class name to what Qt knows of it, for every ``QObject`` in the table."""
