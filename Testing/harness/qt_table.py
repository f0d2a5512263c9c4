"""The hand-checked table of what the widgets of the application really have.

PythonQt shows Python the properties, signals and slots of a class, and of Qt's own classes their other public
functions, too. A stand-in has what its row of ``QT_TABLE`` says and nothing else, so that code which runs here does
not meet an ``AttributeError`` in the application. To use something new, look it up in the header that the row names
and add it to the row.

* Classes of Qt (:mod:`.qt_table_qt`, :mod:`.qt_table_qt_widgets`): what exists in Qt 5.15 *and* in Qt 6, since Slicer
  is built with either. Tests hold the rows to PySide6; ``check_against_real.py`` holds them to Qt 5.15 (``qt5``) and to
  the functions that PythonQt shows (``pythonqt``).
* Classes of CTK and Slicer (:mod:`.qt_table_slicer`): properties, signals, and of the functions only public slots and
  those marked ``Q_INVOKABLE``; PythonQt does not see the others (``ctkSliderWidget.setRange`` is one of those).
"""

from __future__ import annotations

from functools import cache

from .qt_row import Row
from .qt_table_qt import QT_ROWS
from .qt_table_qt_widgets import WIDGET_ROWS
from .qt_table_slicer import SLICER_ROWS

QT_TABLE: dict[str, Row] = {**QT_ROWS, **WIDGET_ROWS, **SLICER_ROWS}
"""Class name to its row."""


def lineage(class_name: str) -> list[Row]:
    """Return the row of a class and those of its base classes, the class itself first."""
    rows = []
    while class_name:
        rows.append(QT_TABLE[class_name])
        class_name = rows[-1].base
    return rows


@cache
def properties_of(class_name: str) -> frozenset[str]:
    """Return all properties of a class, those of its base classes included."""
    return frozenset().union(*(row.property_names for row in lineage(class_name)))


@cache
def signals_of(class_name: str) -> tuple[str, ...]:
    """Return the signatures of all signals of a class, its own first."""
    return tuple(signature for row in lineage(class_name) for signature in row.signal_signatures)


@cache
def slots_of(class_name: str) -> frozenset[str]:
    """Return the signatures of the functions that a .ui file can connect to."""
    return frozenset().union(*(row.slot_signatures for row in lineage(class_name)))
