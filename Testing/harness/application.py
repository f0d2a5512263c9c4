"""Stand-in for ``slicer.app``: what ``slicer.util`` and the module ask the application for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import slicer

from .io_manager import IOManager
from .modules import ModuleManager
from .pythonqt import modules as qt_modules
from .views import LayoutManager


class ExtensionsManagerModel:
    """The installed extensions, none at first; nothing is downloaded."""

    def __init__(self) -> None:
        self._installed: list[str] = []
        self.interactive = True
        self.requested: list[str] = []

    def isExtensionInstalled(self, extensionName: str) -> bool:
        return extensionName in self._installed

    def installExtensionFromServer(self, extensionName: str, restart: bool = True, update: bool = False) -> bool:
        """Ask the server for an extension; return whether it was found, which it never is here."""
        self.requested.append(extensionName)
        return False


class CommandOptions:
    """How the application was started."""

    def __init__(self, main_window: bool) -> None:
        self.noMainWindow = not main_window


class Application:
    """The application object: by default in testing mode and without a main window."""

    applicationName = "Slicer"
    majorVersion = 5
    minorVersion = 12
    revision = "34000"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="headless-slicer-", ignore_cleanup_errors=True)
        self.temporaryPath = self._folder.name
        self.dialogs = qt_modules.start(f"{self.temporaryPath}/settings")
        self._logic = slicer.vtkSlicerApplicationLogic()
        self._modules = ModuleManager()
        self._io = IOManager(self._modules, self.temporaryPath)
        self._extensions = ExtensionsManagerModel()
        self._at_startup: list[Callable[[], Any]] = []
        self._settings = qt_modules.qt.QSettings()
        self._layout_manager: LayoutManager | None = None

    def applicationLogic(self) -> Any:
        """Return the real ``vtkSlicerApplicationLogic``."""
        return self._logic

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def coreIOManager(self) -> IOManager:
        return self._io

    def extensionsManagerModel(self) -> ExtensionsManagerModel:
        return self._extensions

    def connect(self, signal: str, slot: Callable[[], Any]) -> bool:
        """Call ``slot`` when the application has started up; no other signal is known here."""
        if signal != "startupCompleted()":
            raise ValueError(f"The headless application has no signal {signal}.")
        self._at_startup.append(slot)
        return True

    def completeStartup(self) -> None:
        """Send ``startupCompleted()``, once, as the application does. Not in the real application."""
        slots, self._at_startup = self._at_startup, []
        for slot in slots:
            slot()

    def layoutManager(self) -> LayoutManager | None:
        return self._layout_manager

    def commandOptions(self) -> CommandOptions:
        """Return how the application was started."""
        return CommandOptions(main_window=self._layout_manager is not None)

    def testingEnabled(self) -> bool:
        """Return whether pop-ups are left out, and exceptions not shown but raised again."""
        return self._layout_manager is None

    def openDesktop(self, layout_manager: LayoutManager) -> None:
        """Open a main window with views, with a user. Not in the real application."""
        self._layout_manager = layout_manager

    def closeDesktop(self) -> None:
        """Have no main window. Not in the real application."""
        self._layout_manager = None

    def settings(self) -> Any:
        """Return the settings of the session, empty at its start."""
        return self._settings

    userSettings = revisionUserSettings = settings

    def topLevelWidgets(self) -> list[Any]:
        return list(qt_modules.qt.QApplication.topLevelWidgets())

    def setOverrideCursor(self, cursor: Any) -> None:
        qt_modules.qt.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        qt_modules.qt.QApplication.restoreOverrideCursor()

    def overrideCursor(self) -> Any:
        """Return the cursor that is shown instead of each widget's own."""
        return qt_modules.qt.QApplication.overrideCursor()

    def processEvents(self) -> None:
        qt_modules.qt.QApplication.processEvents()

    def pauseRender(self) -> None:
        """There is nothing to render."""

    def resumeRender(self) -> None:
        """There is nothing to render."""

    def translate(self, context: str, text: str) -> str:
        return text

    def shutDown(self) -> None:
        """Delete the widgets and remove the temporary folder. Not in the real application."""
        self._settings = None
        qt_modules.stop()
        self._folder.cleanup()
