"""The application in front of a person: pop-ups and their answers, progress, views, and a module's panel."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import qt
import slicer

from harness import qt_node_rows
from harness.panels import close_panel, leave_panel, open_panel
from harness.session import Session

MODULE = """
import qt
import slicer
from slicer.ScriptedLoadableModule import *

calls = []


class Toy(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "Toy"
        slicer.app.connect("startupCompleted()", lambda: calls.append("startup"))


class ToyWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        calls.append("setup")
        self.button = qt.QPushButton("Wrong")
        self.button.connect("clicked()", self.onWrong)
        self.layout.addWidget(self.button)

    def onWrong(self):
        with slicer.util.tryWithErrorDisplay("It failed.", waitCursor=True):
            raise ValueError("the reason")

    def enter(self):
        calls.append("enter")

    def exit(self):
        calls.append("exit")

    def cleanup(self):
        calls.append("cleanup")
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Return the file of a small module."""
    path = tmp_path / "Toy.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


def test_without_a_main_window_messages_are_logged(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    slicer.util.errorDisplay("it failed")
    # Slicer's documentation says True; the number of the button is what it compares with.
    assert slicer.util.confirmOkCancelDisplay("sure?") is False
    assert slicer.util.mainWindow() is None
    assert slicer.app.layoutManager() is None
    assert slicer.app.commandOptions().noMainWindow is True
    assert session.application.dialogs.shown == []
    assert "it failed" in caplog.text


def test_a_question_that_nobody_answers_fails(desktop: Any) -> None:
    with pytest.raises(AssertionError, match="Nobody answers"):
        slicer.util.confirmOkCancelDisplay("sure?")
    desktop.dialogs.answer("Yes")
    with pytest.raises(AssertionError, match="not 'Yes'"):
        slicer.util.confirmOkCancelDisplay("sure?")


def test_an_answer_that_nobody_asks_for_fails_at_the_end_of_the_session() -> None:
    session = Session()
    session.open_desktop().dialogs.answer("Ok")
    with pytest.raises(AssertionError, match="Nobody asked"):
        session.close()


def test_an_error_that_nobody_expected_fails_at_the_end_of_the_session() -> None:
    session = Session()
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    with pytest.raises(ZeroDivisionError):
        session.close()


def test_an_error_in_an_observer_of_the_scene_fails_at_the_end_of_the_session() -> None:
    session = Session()
    slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, lambda *_: 1 / 0)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    with pytest.raises(ZeroDivisionError):
        session.close()


def test_a_warning_of_qt_fails_at_the_end_of_the_session() -> None:
    session = Session()
    widget = qt.QWidget()
    qt.QVBoxLayout(widget)
    qt.QVBoxLayout(widget)
    with pytest.raises(RuntimeWarning, match="layout"):
        session.close()


def test_nothing_is_left_of_a_session_that_still_has_its_variables() -> None:
    session = Session()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    timer = qt.QTimer()
    timer.start(1)
    session.close()
    assert not qt_node_rows.observing()
    for use in (lambda: selector.enabled, lambda: timer.active):
        with pytest.raises(ValueError, match="destroyed"):
            use()
    assert slicer.app.topLevelWidgets() == []


def test_the_wait_cursor_is_taken_back(desktop: Any) -> None:
    with slicer.util.WaitCursor():
        assert slicer.app.overrideCursor().shape() == qt.Qt.WaitCursor
    assert slicer.app.overrideCursor() is None
    with pytest.raises(ValueError, match="the reason"), slicer.util.tryWithErrorDisplay("It failed.", waitCursor=True):
        raise ValueError("the reason")
    assert slicer.app.overrideCursor() is None
    assert desktop.dialogs.texts == ["It failed.\n\nthe reason"]


def test_a_panel_goes_through_the_application_s_steps(desktop: Any, toy: Path) -> None:
    panel = open_panel(toy)
    calls = sys.modules["Toy"].calls
    assert calls == ["setup", "enter"]
    slicer.app.completeStartup()
    assert calls.pop() == "startup"
    assert slicer.modules.ToyWidget is panel
    assert slicer.modules.toy.widgetRepresentation().self() is panel
    assert panel.parent.visible is True
    assert open_panel("Toy") is panel
    leave_panel(panel)
    assert open_panel("Toy") is panel
    close_panel(panel)
    assert calls == ["setup", "enter", "exit", "enter", "exit", "cleanup"]
    assert not hasattr(slicer.modules, "ToyWidget")
    with pytest.raises(ValueError, match="destroyed"):
        _ = panel.button.text
    assert open_panel("Toy") is not panel


def test_the_session_closes_the_panels_that_are_open(toy: Path) -> None:
    session = Session()
    open_panel(toy)
    session.close()
    assert sys.modules["Toy"].calls == ["setup", "enter", "exit", "cleanup"]


@pytest.mark.parametrize(
    "connect", [lambda: slicer.app.connect, lambda: slicer.app.moduleManager().connect], ids=["app", "modules"]
)
def test_unknown_signals_of_the_application_are_refused(connect: Any) -> None:
    with pytest.raises(ValueError, match="no signal"):
        connect()("somethingHappened()", SimpleNamespace)
