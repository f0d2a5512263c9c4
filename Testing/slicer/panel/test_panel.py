"""The life of the panel: opened, left, entered again, scenes closed and loaded under it, reloaded, destroyed."""

from __future__ import annotations

import string
import sys
import weakref
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import slicer

from harness.hearts import GAP, SPECK, Heart, draw_heart, node_census
from harness.panel_steps import (
    MODULE_FILE,
    choose_slice,
    chosen_slice,
    open_module,
    open_on,
    output_of,
    parameter_node,
    press,
    repaired,
    rows,
    select,
)
from harness.panels import close_panel, leave_panel, open_panel
from harness.pythonqt.loader import check_ui

UI_FILE = MODULE_FILE.parent / "Resources" / "UI" / "RNCARefine.ui"
SETTINGS = {
    "frames": "all frames",
    "mode": "volumetric",
    "output": "in place",
    "device": "numpy",
    "seed": 17,
    "samples": 3,
    "steps": 30,
    "apex": "last",
    "closeBase": True,
    "addOnly": True,
    "geometry": False,
    "removeIslands": True,
    "maxChangeMm2": 250.0,
    "trimPool": True,
}
"""Parameters that are bound to a control, each with a value that is not its default."""


def widgets_of_ui() -> dict[str, str]:
    """Return the name of each widget in the .ui file and its class."""
    return {str(e.get("name")): str(e.get("class")) for e in ElementTree.parse(UI_FILE).iter("widget")}


def controls() -> list[str]:
    """Return the names of the widgets that can be used."""
    usable = (
        "QPushButton",
        "QCheckBox",
        "QComboBox",
        "QSpinBox",
        "QDoubleSpinBox",
        "QTableWidget",
        "qMRMLNodeComboBox",
    )
    return [name for name, kind in widgets_of_ui().items() if kind in (*usable, "ctkCollapsibleButton")]


def combo_boxes() -> list[str]:
    """Return the names of the combo boxes."""
    return [name for name, kind in widgets_of_ui().items() if kind in ("QComboBox", "qMRMLNodeComboBox")]


# What there is


def test_every_control_has_a_tooltip_before_and_after_a_repair(heart: Heart, toy_engine: None) -> None:
    panel = open_module()
    assert [name for name in controls() if not getattr(panel.ui, name).toolTip] == []
    select(panel.ui.myocardiumSelector, "The myo")
    panel.ui.repairButton.click()
    assert [name for name in controls() if not getattr(panel.ui, name).toolTip] == []


def test_every_parameter_with_a_connector_is_bound_in_the_ui_file() -> None:
    bound = [
        str(prop.findtext("string"))
        for prop in ElementTree.parse(UI_FILE).iter("property")
        if prop.get("name") == "SlicerParameterName"
    ]
    assert sorted(bound) == sorted([*SETTINGS, "inputSegmentation", "inputVolume"])


def test_the_panel_can_be_made_without_main_window_views_or_data() -> None:
    panel = open_module()
    assert slicer.app.layoutManager() is None
    assert panel.ui.summaryLabel.text == ""
    assert not panel.ui.repairButton.enabled
    assert rows(panel) == {}


def test_opening_the_module_does_not_import_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    panel = open_module()
    assert "torch" not in sys.modules
    assert panel.ui.computingLabel.text == ""


# Parameters


def test_choices_are_stored_in_the_parameter_node_and_shown_again(heart: Heart) -> None:
    panel = open_on(heart)
    parameters = panel.logic.getParameterNode()
    assert (parameters.myocardiumSegmentID, parameters.poolSegmentID) == ("myo", "pool")
    panel.ui.samplesSpinBox.value = 3
    panel.ui.geometryCheckBox.checked = True
    assert (parameters.samples, parameters.geometry) == (3, True)
    leave_panel(panel)
    parameters.samples = 5
    open_panel(MODULE_FILE)
    assert panel.ui.samplesSpinBox.value == 5
    assert panel.ui.myocardiumSelector.currentText == "The myo"


def test_a_saved_scene_restores_choices_review_and_table(heart: Heart, toy_engine: None, tmp_path: Path) -> None:
    panel = repaired(heart)
    choose_slice(panel, 2)
    panel.ui.acceptButton.click()
    choose_slice(panel, 3)
    panel.ui.rejectButton.click()
    parameters = panel.logic.getParameterNode()
    for name, value in SETTINGS.items():
        setattr(parameters, name, value)
    before = (rows(panel), panel.ui.summaryLabel.text, panel.ui.decisionLabel.text)
    assert slicer.util.saveScene(str(tmp_path / "heart.mrb"))
    slicer.mrmlScene.Clear()
    assert rows(panel) == {}
    assert panel.ui.samplesSpinBox.value == 1

    slicer.util.loadScene(str(tmp_path / "heart.mrb"))
    restored = panel.logic.getParameterNode()
    assert {name: getattr(restored, name) for name in SETTINGS} == SETTINGS
    assert restored.inputSegmentation.GetName() == "Heart"
    assert restored.inputVolume.GetName() == "Cine"
    assert (restored.myocardiumSegmentID, restored.poolSegmentID) == ("myo", "pool")
    assert panel.ui.segmentationSelector.currentNode().GetName() == "Heart"
    assert panel.ui.myocardiumSelector.currentText == "The myo"
    assert panel.ui.poolSelector.currentText == "The pool"
    assert panel.ui.samplesSpinBox.value == 3
    assert panel.ui.reviewedSelector.currentText == "Heart repaired"
    assert (rows(panel), panel.ui.summaryLabel.text, panel.ui.decisionLabel.text) == before


def test_a_scene_loaded_in_another_module_is_shown_on_entering(heart: Heart, toy_engine: None, tmp_path: Path) -> None:
    panel = repaired(heart)
    before = rows(panel)
    assert slicer.util.saveScene(str(tmp_path / "heart.mrb"))
    leave_panel(panel)
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(tmp_path / "heart.mrb"))
    assert rows(panel) == {}
    open_panel(MODULE_FILE)
    assert rows(panel) == before


# Scenes, modules, reloads


def test_closing_the_scene_empties_the_open_panel(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    slicer.mrmlScene.Clear()
    assert rows(panel) == {}
    assert panel.ui.summaryLabel.text == ""
    assert panel.ui.noticeLabel.text == ""
    assert panel.ui.myocardiumSelector.currentText == "Select the wall"
    assert not panel.ui.checkButton.enabled
    assert not panel.ui.undoButton.enabled
    assert parameter_node() is not None
    again = draw_heart()
    leave_panel(panel)
    assert open_panel(MODULE_FILE) is panel
    assert panel.ui.segmentationSelector.currentNode() is again.segmentation
    select(panel.ui.myocardiumSelector, "The myo")
    panel.ui.repairButton.click()
    assert len(rows(panel)) == 5


@pytest.fixture(params=["5.10", "5.12"])
def release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disconnect parameter nodes from widgets as a release of Slicer does."""
    monkeypatch.setattr(slicer.parameterNodeWrapper, "LEAVES_OBSERVERS", request.param == "5.10", raising=False)


def test_the_logic_keeps_one_wrapper_for_the_parameter_node(heart: Heart, release: None) -> None:
    panel = open_on(heart)
    parameters = panel.logic.getParameterNode()
    leave_panel(panel)
    open_panel(MODULE_FILE)
    assert panel.logic.getParameterNode() is parameters
    slicer.mrmlScene.RemoveNode(parameters.parameterNode)
    assert panel.logic.getParameterNode() is not parameters


def test_entering_and_leaving_adds_no_observer_to_the_parameter_node(
    heart: Heart, release: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = open_on(heart)
    leave_panel(panel)
    node = parameter_node()
    add, remove, tags = node.AddObserver, node.RemoveObserver, set[int]()

    def add_and_count(*arguments: Any) -> int:
        tags.add(add(*arguments))
        return max(tags)

    def remove_and_count(tag: int) -> None:
        tags.discard(tag)
        remove(tag)

    monkeypatch.setattr(node, "AddObserver", add_and_count)
    monkeypatch.setattr(node, "RemoveObserver", remove_and_count)
    open_panel(MODULE_FILE)
    assert len(tags) == 2  # of the widget, and of the wrapper for its controls
    for _ in range(5):
        leave_panel(panel)
        assert tags == set()
        open_panel(MODULE_FILE)
    parameters = weakref.ref(panel.logic.getParameterNode())
    leave_panel(panel)
    slicer.mrmlScene.Clear()
    assert parameters() is None


def test_a_scene_closed_in_another_module_empties_the_panel_on_entering(
    heart: Heart, toy_engine: None, release: None
) -> None:
    panel = repaired(heart)
    for _ in range(2):
        leave_panel(panel)
        open_panel(MODULE_FILE)
    leave_panel(panel)
    slicer.mrmlScene.Clear()
    assert list(parameter_node().GetParameterNames()) == []
    assert rows(panel) == {}
    open_panel(MODULE_FILE)
    assert parameter_node().HasParameter("seed")
    assert rows(panel) == {}
    assert panel.ui.segmentationSelector.currentNode() is None


def test_a_left_panel_is_updated_on_entering(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    before = rows(panel)
    leave_panel(panel)
    panel.logic.reject(panel.logic.outputSegmentationNode(), 2)
    slicer.app.processEvents()
    assert rows(panel) == before
    open_panel(MODULE_FILE)
    assert rows(panel)[2]["Accepted"] == "no"


def test_the_result_of_a_check_is_shown_again_on_entering(heart: Heart, toy_engine: None) -> None:
    panel = open_on(heart)
    panel.ui.checkButton.click()
    before = rows(panel)
    assert before
    leave_panel(panel)
    open_panel(MODULE_FILE)
    assert rows(panel) == before
    assert panel.ui.reviewedSelector.currentText == "Check of Heart"


def test_entering_and_leaving_adds_no_nodes_and_no_observers(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    leave_panel(panel)
    census = node_census()
    for _ in range(5):
        open_panel(MODULE_FILE)
        leave_panel(panel)
    assert node_census() == census
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        assert not node.HasObserver(slicer.vtkSegmentation.SegmentModified)


def test_reload_makes_a_new_panel_with_the_choices_of_the_old_one(heart: Heart, kept_modules: None) -> None:
    panel = open_on(heart)
    library = sys.modules["RNCARefineLib.panel.panel"]
    panel.onReload()
    fresh = slicer.modules.rncarefine.widgetRepresentation().self()
    assert fresh is not panel
    assert sys.modules["RNCARefineLib.panel.panel"] is not library
    assert fresh.ui.myocardiumSelector.currentText == "The myo"
    assert fresh.ui.poolSelector.currentText == "The pool"
    fresh.ui.checkButton.click()
    assert len(rows(fresh)) == 5


def test_a_destroyed_panel_releases_the_scene(heart: Heart, toy_engine: None, release: None) -> None:
    panel = repaired(heart)
    close_panel(panel)
    assert panel.Observations == []
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        assert not node.HasObserver(slicer.vtkSegmentation.SegmentModified)
    slicer.mrmlScene.Clear()
    assert not parameter_node().HasParameter("seed")


# Keys


def test_the_keys_n_p_a_r_work_in_the_table_and_its_buttons(desktop: Any, heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    table = panel.ui.sliceTable
    press(table, "N")
    assert chosen_slice(panel) == GAP
    press(table, "N")
    assert chosen_slice(panel) == SPECK
    press(panel.ui.nextButton, "P")
    assert chosen_slice(panel) == GAP
    press(table, "A")
    assert chosen_slice(panel) == SPECK
    press(panel.ui.acceptButton, "R")
    assert chosen_slice(panel) == SPECK
    assert [rows(panel)[k]["Accepted"] for k in (GAP, SPECK)] == ["yes", "no"]
    choose_slice(panel, 0)
    press(table, "R")  # the button is disabled
    assert rows(panel)[0]["Accepted"] == ""


def test_the_keys_do_nothing_elsewhere(desktop: Any, heart: Heart, toy_engine: None) -> None:
    import qt

    panel = repaired(heart)
    choose_slice(panel, GAP)
    elsewhere = qt.QPushButton("Elsewhere")
    elsewhere.show()
    for widget in (elsewhere, panel.ui.repairButton, panel.ui.exportButton, panel.ui.showChangesCheckBox):
        for letter in "NPAR":
            press(widget, letter)
    assert chosen_slice(panel) == GAP
    assert rows(panel)[GAP]["Accepted"] == "undecided"


@pytest.mark.parametrize("name", combo_boxes())
def test_letters_typed_in_a_combo_box_are_no_shortcuts(desktop: Any, heart: Heart, toy_engine: None, name: str) -> None:
    import qt

    panel = repaired(heart)
    panel.ui.advancedCollapsibleButton.collapsed = False
    output = output_of(panel)

    def decided() -> list[bool | None]:
        return [record.accepted for record in panel.logic.report(output).slices]

    decisions, wall = decided(), heart.voxels("myo", output)
    combo = getattr(panel.ui, name)
    combo = combo if combo.inherits("QComboBox") else combo.findChild(qt.QComboBox)
    for letter in string.ascii_uppercase:
        panel.logic.getParameterNode().reviewedSegmentation = output
        choose_slice(panel, GAP)
        press(combo, letter)
        # What is reviewed may have been changed, to none.
        assert chosen_slice(panel) in (GAP, None), letter
        assert decided() == decisions, letter
        assert (heart.voxels("myo", output) == wall).all(), letter


def test_the_ui_file_uses_only_known_classes_and_properties() -> None:
    check_ui(UI_FILE)
    assert slicer.util.loadUI(str(UI_FILE)).className() == "qMRMLWidget"
