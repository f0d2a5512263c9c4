"""Stand-in for ``slicer.app``: what ``slicer.util`` and the module ask the application for."""

from __future__ import annotations

import tempfile
from typing import Any

import slicer

from .io_manager import IOManager
from .modules import ModuleManager


class Application:
    """The application object, in testing mode, without a main window."""

    applicationName = "Slicer"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="headless-slicer-", ignore_cleanup_errors=True)
        self.temporaryPath = self._folder.name
        self._logic = slicer.vtkSlicerApplicationLogic()
        self._modules = ModuleManager()
        self._io = IOManager(self._modules, self.temporaryPath)

    def applicationLogic(self) -> Any:
        """Return the real ``vtkSlicerApplicationLogic``."""
        return self._logic

    def moduleManager(self) -> ModuleManager:
        """Return the module manager."""
        return self._modules

    def coreIOManager(self) -> IOManager:
        """Return the IO manager."""
        return self._io

    def mrmlScene(self) -> Any:
        """Return the scene."""
        return slicer.mrmlScene

    def layoutManager(self) -> None:
        """There are no views."""
        return None

    def testingEnabled(self) -> bool:
        """No pop-ups, exceptions are raised again."""
        return True

    def processEvents(self) -> None:
        """There is no event loop."""

    def pauseRender(self) -> None:
        """There is nothing to render."""

    def resumeRender(self) -> None:
        """There is nothing to render."""

    def translate(self, context: str, text: str) -> str:
        """The application speaks English."""
        return text

    def shutDown(self) -> None:
        """Remove the temporary folder. Not in the real application."""
        self._folder.cleanup()
