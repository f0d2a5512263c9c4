"""Stand-ins for Slicer's widgets with a scene, and for the container of a module's panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from PySide6 import QtWidgets

from .widgets import Property, Signal


class SceneWidget(QtWidgets.QWidget):
    """A widget with a scene."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene; who is connected to the signal, as the widgets of a .ui file are, gets it, too."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qMRMLWidget(SceneWidget):
    """The root of a module's .ui file."""


class qSlicerScriptedLoadableModuleWidget(SceneWidget):
    """What the application gives a scripted module to put its panel into."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        QtWidgets.QVBoxLayout(self)
        self._entered = False
        self._module_name = ""
        self._python: Any = None
        self._make: Callable[[], Any] = lambda: None

    def start(self, module_name: str, make: Callable[[], Any]) -> None:
        """Make the module's own widget class and set it up; the real class finds it by the file's name."""
        self._module_name = module_name
        self.setObjectName(f"{module_name}ModuleWidget")
        self._make = make
        self.reload()

    def reload(self) -> None:
        """Make a new object of the module's widget class and set it up."""
        self._python = self._make()
        setattr(slicer.modules, type(self._python).__name__, self._python)
        self._python.setup()

    def self(self) -> Any:
        return self._python

    def enter(self) -> None:
        assert not self._entered
        self._entered = True
        getattr(self._python, "enter", lambda: None)()

    def exit(self) -> None:
        assert self._entered
        self._entered = False
        getattr(self._python, "exit", lambda: None)()

    moduleName = Property(str, lambda self: self._module_name)
    isEntered = Property(bool, lambda self: self._entered)


class qSlicerMainWindow(QtWidgets.QMainWindow):
    """The main window: it is there, and has a status bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
