"""The application with a main window, views, and pop-ups that the test answers."""

from __future__ import annotations

import time
from collections.abc import Callable

import slicer
from PySide6 import QtCore

from .pythonqt import mrml_widgets
from .pythonqt.dialogs import Dialogs
from .views import LayoutManager


class Desktop:
    """A main window with views; testing mode is off, so that ``slicer.util`` shows its messages.

    Attributes:
        dialogs: What was shown, and what will be answered.
    """

    def __init__(self, dialogs: Dialogs) -> None:
        self.dialogs = dialogs
        self._window = mrml_widgets.qSlicerMainWindow()
        self.layoutManager = LayoutManager(slicer.app.applicationLogic())
        slicer.app.openDesktop(self.layoutManager)

    def wait_until(self, reached: Callable[[], bool], seconds: float = 5.0) -> None:
        """Run the event loop, timers included, until ``reached()``; an ``AssertionError`` if it takes too long."""
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(f"Not reached within {seconds:g} s.")
            QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.002)

    def wait(self, seconds: float = 0.3) -> None:
        """Let the time pass in which a panel notices what has changed in the scene."""
        end = time.monotonic() + seconds
        self.wait_until(lambda: time.monotonic() > end)

    def close(self) -> None:
        slicer.app.closeDesktop()
        self.layoutManager.close()
        self._window.deleteLater()
