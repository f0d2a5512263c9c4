"""The modules ``qt`` and ``ctk`` and the widgets in ``slicer``, put where a scripted module imports them from."""

from __future__ import annotations

import atexit
import sys
from types import ModuleType
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from . import dialogs, errors, node_rows, signals
from .shim import delete_all, wrapper_class
from .table import QT_TABLE

# Of the platform, not of widgets: no folder for sockets without a login; size hints offscreen.
_HARMLESS = ("XDG_RUNTIME_DIR", "propagateSizeHints")


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self.__name__} has no attribute '{name}' in QT_TABLE")


qt, ctk = _Module("qt"), _Module("ctk")
for _name in QT_TABLE:
    if not _name.startswith("q"):
        setattr(ctk if _name.startswith("ctk") else qt, _name, wrapper_class(_name))


def install() -> None:
    """Let ``import qt`` and ``import ctk`` find the modules, and ``slicer`` have its widgets."""
    sys.modules["qt"], sys.modules["ctk"] = qt, ctk
    for name in QT_TABLE:
        if name.startswith("qMRML"):
            setattr(slicer, name, wrapper_class(name))


def start(settings_folder: str) -> dialogs.Dialogs:
    """Make Qt ready for a session, with settings of its own, and return its dialogs."""
    _application()
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, settings_folder)
    install()
    errors.take_all()  # of a session that did not end well
    errors.install()
    dialogs.dialogs.reset()
    return dialogs.dialogs


def stop() -> None:
    """Delete every widget, and forget all connections."""
    application = _application()
    delete_all()
    for widget in application.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    while application.overrideCursor() is not None:
        application.restoreOverrideCursor()
    node_rows.release_all()
    signals.forget_all()
    errors.uninstall()


def _application() -> QtWidgets.QApplication:
    existing = QtWidgets.QApplication.instance()
    if isinstance(existing, QtWidgets.QApplication):
        return existing
    QtCore.qInstallMessageHandler(_on_message)
    atexit.register(QtCore.qInstallMessageHandler, None)
    made = QtWidgets.QApplication(["Slicer"])
    made.setOrganizationName("NA-MIC")
    made.setApplicationName("Slicer")
    made.setQuitOnLastWindowClosed(False)
    # Kept for good: Python must not delete it while widgets are alive.
    _kept.append(made)
    return made


_kept: list[QtWidgets.QApplication] = []


def _on_message(kind: QtCore.QtMsgType, _context: Any, message: str) -> None:
    serious = kind not in (QtCore.QtMsgType.QtDebugMsg, QtCore.QtMsgType.QtInfoMsg)
    if serious and not any(text in message for text in _HARMLESS):
        errors.record(RuntimeWarning(f"Qt: {message}"))
