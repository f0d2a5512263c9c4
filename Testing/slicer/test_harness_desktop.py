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
from harness.qt_dialogs import Shown
from harness.qt_errors import expect_error
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


def test_messages_are_shown_to_a_person(desktop: Any) -> None:
    slicer.util.infoDisplay("all is well", windowTitle="Repair")
    slicer.util.warningDisplay("look here")
    slicer.util.errorDisplay("it failed", detailedText="a traceback")
    assert desktop.dialogs.texts == ["all is well", "look here", "it failed"]
    assert desktop.dialogs.shown[0] == Shown("information", "Repair", "all is well")
    assert desktop.dialogs.shown[2].details == "a traceback"


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


def test_questions_are_answered_by_the_test(desktop: Any) -> None:
    desktop.dialogs.answer("Ok", "Cancel", "No", "Yes")
    assert slicer.util.confirmOkCancelDisplay("one?") is True
    assert slicer.util.confirmOkCancelDisplay("two?") is False
    assert slicer.util.confirmYesNoDisplay("three?") is False
    assert qt.QMessageBox.question(slicer.util.mainWindow(), "Title", "four?") == qt.QMessageBox.Yes
    assert desktop.dialogs.texts == ["one?", "two?", "three?", "four?"]


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


def test_a_message_box_has_the_buttons_that_it_was_given(desktop: Any) -> None:
    box = qt.QMessageBox()
    box.text = "Which one?"
    box.setStandardButtons(qt.QMessageBox.Save | qt.QMessageBox.Discard)
    desktop.dialogs.answer("Discard")
    assert box.exec_() == qt.QMessageBox.Discard
    own = box.addButton("Keep both", qt.QMessageBox.AcceptRole)
    desktop.dialogs.answer("Keep both")
    box.exec_()
    assert box.clickedButton() == own


def test_file_dialogs_return_the_path_alone(desktop: Any) -> None:
    desktop.dialogs.answer("/somewhere/report.csv", "")
    window = slicer.util.mainWindow()
    assert qt.QFileDialog.getSaveFileName(window, "Export", "report", "Table (*.csv)") == "/somewhere/report.csv"
    assert qt.QFileDialog.getSaveFileName(window, "Export", "report", "Table (*.csv)") == ""
    assert desktop.dialogs.shown[0] == Shown("save file", "Export", "Table (*.csv)", "report")


def test_a_person_cancels_a_progress_dialog(desktop: Any) -> None:
    desktop.dialogs.cancel_progress_at(40)
    dialog = slicer.util.createProgressDialog(labelText="Repairing", windowTitle="RNCA", autoClose=False)
    done = []
    for value in range(0, 101, 10):
        dialog.value = value
        slicer.app.processEvents()
        if dialog.wasCanceled:
            break
        done.append(value)
    dialog.close()
    assert done == [0, 10, 20, 30]
    assert Shown("progress", "RNCA", "Repairing") in desktop.dialogs.shown


def test_the_wait_cursor_is_taken_back(desktop: Any) -> None:
    with slicer.util.WaitCursor():
        assert slicer.app.overrideCursor().shape() == qt.Qt.WaitCursor
    assert slicer.app.overrideCursor() is None
    with pytest.raises(ValueError, match="the reason"), slicer.util.tryWithErrorDisplay("It failed.", waitCursor=True):
        raise ValueError("the reason")
    assert slicer.app.overrideCursor() is None
    assert desktop.dialogs.texts == ["It failed.\n\nthe reason"]


def test_the_status_bar_shows_messages(desktop: Any) -> None:
    assert slicer.util.mainWindow().className() == "qSlicerMainWindow"
    assert slicer.util.showStatusMessage("Repairing", 1000) is True
    assert desktop.status == "Repairing"


def test_the_views_are_real_nodes_and_logics(desktop: Any, heart: Any) -> None:
    manager = slicer.app.layoutManager()
    assert manager.sliceViewNames() == ("Red", "Yellow", "Green")
    widget = manager.sliceWidget("Red")
    assert widget.mrmlSliceNode().GetClassName() == "vtkMRMLSliceNode"
    assert widget.sliceLogic().GetSliceNode() is widget.mrmlSliceNode()
    assert manager.sliceWidget("Blue") is None
    slicer.util.setSliceViewerLayers(background=heart.volume, fit=True)
    assert widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() == heart.volume.GetID()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    assert manager.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    with pytest.raises(AttributeError):
        _ = manager.plotWidget


def test_extensions_are_installed_when_the_server_has_them() -> None:
    model = slicer.app.extensionsManagerModel()
    assert model.isExtensionInstalled("PyTorch") is False
    assert model.installExtensionFromServer("PyTorch", False) is False
    model.offer("PyTorch")
    assert model.installExtensionFromServer("PyTorch", False) is True
    assert model.isExtensionInstalled("PyTorch") is True


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


def test_an_error_in_a_button_is_shown_and_kept(desktop: Any, toy: Path) -> None:
    panel = open_panel(toy)
    with expect_error(ValueError, "the reason"):
        panel.button.click()
    assert desktop.dialogs.texts == ["It failed.\n\nthe reason"]


def test_the_developer_s_button_loads_the_file_again(desktop: Any, toy: Path) -> None:
    qt.QSettings().setValue("Developer/DeveloperMode", "true")
    panel = open_panel(toy)
    before = sys.modules["Toy"]
    toy.write_text(MODULE.replace('"Wrong"', '"Reloaded"'), encoding="utf-8")
    panel.reloadButton.click()
    assert sys.modules["Toy"] is not before
    assert before.calls == ["setup", "enter", "cleanup"]
    assert slicer.modules.ToyWidget.button.text == "Reloaded"
    assert slicer.modules.ToyWidget is not panel


def test_without_developer_mode_there_is_no_developer_section(toy: Path) -> None:
    assert not hasattr(open_panel(toy), "reloadButton")


def test_a_panel_is_also_made_without_the_application_as_its_parent(toy: Path) -> None:
    open_panel(toy)
    panel = sys.modules["Toy"].ToyWidget()
    assert panel.parent.className() == "qMRMLWidget"
    assert panel.parent.mrmlScene() is slicer.mrmlScene
    slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", panel._onModuleAboutToBeUnloaded)


@pytest.mark.parametrize(
    "connect", [lambda: slicer.app.connect, lambda: slicer.app.moduleManager().connect], ids=["app", "modules"]
)
def test_unknown_signals_of_the_application_are_refused(connect: Any) -> None:
    with pytest.raises(ValueError, match="no signal"):
        connect()("somethingHappened()", SimpleNamespace)
