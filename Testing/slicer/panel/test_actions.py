"""Check and Repair: what they change and what not, cancelling at every stage, and every error as one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

import rncarefine.refine.repair
from harness import toy_engine as toy
from harness.hearts import GAP, SPECK, Heart, draw_heart, transform_node, write_voxels
from harness.panel_steps import MODULE_FILE, entries, open_on, repaired, rows, select, summary
from harness.panels import leave_panel, open_panel
from harness.pythonqt.errors import expect_error
from harness.runs import snapshot

pytestmark = pytest.mark.usefixtures("toy_engine")


# Check


def test_check_fills_the_table_and_the_summary_and_changes_nothing(heart: Heart) -> None:
    panel = open_on(heart)
    before = snapshot(heart)
    panel.ui.checkButton.click()
    assert snapshot(heart) == before
    assert summary(panel) == panel.logic.check(heart.segmentation, "myo", heart.volume, "pool").summary()
    assert re.fullmatch(r"3 of 5 expected rings closed; \d slices? needs? repair; LV mass \d+\.\d g", summary(panel))
    assert {k: row["Verdict"] for k, row in rows(panel).items()} == {
        0: "intact",
        1: "intact",
        GAP: "to repair",
        SPECK: "to repair",
        4: "intact",
    }
    assert rows(panel)[GAP] == {
        "Slice": "2",
        "Before": "open",
        "Verdict": "to repair",
        "Reason": "The wall does not close.",
    }
    assert panel.ui.reviewedSelector.currentText == "Check of Heart"
    assert not panel.ui.acceptButton.enabled
    assert panel.ui.acceptButton.toolTip == "Repair first, or select a repaired segmentation."


def test_check_and_repair_are_made_as_it_is_chosen(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, Any]] = []

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda stack, *others, **more: seen.append((stack, others[-1])) or function(stack, *others, **more)

    for name in ("check", "repair"):
        monkeypatch.setattr(rncarefine.refine.repair, name, noting(getattr(toy, name)))
    panel = open_on(heart)
    ui = panel.ui
    ui.seedSpinBox.value = 7
    ui.samplesSpinBox.value = 4
    select(ui.deviceSelector, "numpy")
    select(ui.apexSelector, "last")
    select(ui.rvSelector, "The rv")
    ui.closeBaseCheckBox.checked = True
    ui.addOnlyCheckBox.checked = True
    ui.geometryCheckBox.checked = True
    ui.checkButton.click()
    ui.repairButton.click()
    (_, check), (_, options) = seen
    assert (check.close_base, str(check.apex)) == (True, "last")
    assert (options.seed, options.samples, options.device, str(options.apex)) == (7, 4, "numpy", "last")
    assert (options.close_base, options.add_only, options.geometry) == (True, True, True)
    assert all((stack.right_ventricle == heart.voxels("rv")).all() for stack, _ in seen)


# Repair


def test_repair_writes_a_new_segmentation_and_shows_it_for_review(heart: Heart) -> None:
    panel = open_on(heart)
    before = {segment: heart.voxels(segment) for segment in heart.masks}
    panel.ui.repairButton.click()
    output = panel.logic.outputSegmentationNode()
    assert (heart.voxels("myo", output)[GAP] == heart.ring).all()
    assert all((heart.voxels(segment) == mask).all() for segment, mask in before.items())
    assert panel.logic.getParameterNode().reviewedSegmentation is output
    assert panel.ui.reviewedSelector.currentText == "Heart repaired"
    assert summary(panel) == panel.logic.report(output).summary()
    # No line may break between a number and its unit.
    assert re.search(r"\d\u00a0g \([+-]\d+\.\d\u00a0%\)$", panel.ui.summaryLabel.text)
    assert rows(panel)[GAP]["Verdict"] == "automaton"
    assert rows(panel)[GAP]["After"] == "ring"
    assert panel.ui.computingLabel.text == "CPU (toy)"


def test_the_input_is_hidden_unless_repaired_in_place(heart: Heart) -> None:
    panel = repaired(heart)
    assert not heart.segmentation.GetDisplayVisibility()
    assert panel.logic.outputSegmentationNode().GetDisplayVisibility()
    heart.segmentation.SetDisplayVisibility(True)
    select(panel.ui.outputSelector, "in place")
    panel.ui.repairButton.click()
    assert panel.logic.outputSegmentationNode() is heart.segmentation
    assert heart.segmentation.GetDisplayVisibility()


def test_a_repair_in_place_can_be_undone_and_redone_in_the_panel(heart: Heart) -> None:
    panel = open_on(heart)
    select(panel.ui.outputSelector, "in place")
    broken = heart.voxels("myo")
    panel.ui.repairButton.click()
    assert panel.ui.reviewedSelector.currentText == "Heart"
    assert (heart.voxels("myo") != broken).any()
    panel.ui.undoButton.click()
    assert (heart.voxels("myo") == broken).all()
    assert entries(panel.ui.reviewedSelector) == ["None"]
    assert rows(panel) == {}
    assert panel.ui.redoButton.enabled
    panel.ui.redoButton.click()
    assert (heart.voxels("myo")[GAP] == heart.ring).all()
    assert len(rows(panel)) == 5


def test_the_pool_is_trimmed_only_where_that_is_chosen(heart: Heart) -> None:
    panel = open_on(heart)
    panel.ui.trimPoolCheckBox.checked = True
    select(panel.ui.poolSelector, "None")
    panel.ui.repairButton.click()
    assert panel.logic.outputSegmentationNode() is not None


def test_warnings_of_the_report_are_shown_below_the_summary(heart: Heart) -> None:
    to_ras = vtk.vtkMatrix4x4()
    heart.volume.GetIJKToRASMatrix(to_ras)
    # One slice more, beyond the first of the volume.
    below = slicer.util.arrayFromVTKMatrix(to_ras) @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -1], [0, 0, 0, 1]])
    taller = np.concatenate([heart.masks["myo"][:1], heart.masks["myo"]])
    write_voxels(heart.segmentation, "myo", taller, below, own_layer=True)
    panel = open_on(heart)
    for button in (panel.ui.checkButton, panel.ui.repairButton):
        button.click()
        assert "outside" in panel.ui.noticeLabel.text
        assert not panel.ui.noticeLabel.isHidden()


def test_the_progress_window_shows_the_steps_and_closes(desktop: Any, heart: Heart) -> None:
    import qt

    repaired(heart)
    (window,) = [dialog for dialog in desktop.dialogs.shown if dialog.kind == "progress"]
    assert window.title == "Repairing Heart"
    assert not [
        widget
        for widget in qt.QApplication.topLevelWidgets()
        if widget.className() == "QProgressDialog" and widget.visible
    ]


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return a function that takes what is to happen in the middle of the next repair."""

    def happen(event: Callable[[], None]) -> None:
        repair = rncarefine.refine.repair.repair

        def interrupted(*arguments: Any, **options: Any) -> Any:
            event()
            return repair(*arguments, **options)

        monkeypatch.setattr(rncarefine.refine.repair, "repair", interrupted)

    return happen


def test_a_second_click_during_a_repair_does_nothing(
    heart: Heart, during: Callable[[Callable[[], None]], None]
) -> None:
    panel = open_on(heart)
    seen: list[tuple[bool, str]] = []

    def click_again() -> None:
        seen.append((panel.ui.repairButton.enabled, panel.ui.repairButton.toolTip))
        panel.ui.repairButton.clicked.emit(False)
        panel.ui.checkButton.clicked.emit(False)

    during(click_again)
    panel.ui.repairButton.click()
    assert seen == [(False, "A repair is running.")]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
    assert panel.ui.repairButton.enabled


# Cancel


@pytest.mark.parametrize("percent", [1, 75, 100])
@pytest.mark.parametrize("output", ["new segmentation", "in place"])
def test_cancelling_at_any_stage_restores_the_scene_with_a_message(
    desktop: Any, heart: Heart, percent: int, output: str
) -> None:
    panel = open_on(heart)
    select(panel.ui.outputSelector, output)
    panel.ui.checkButton.click()
    before, table = snapshot(heart), rows(panel)
    desktop.dialogs.cancel_progress_at(percent)
    panel.ui.repairButton.click()
    assert snapshot(heart) == before
    assert rows(panel) == table
    assert panel.ui.noticeLabel.text == "Cancelled. Nothing was changed."
    assert desktop.dialogs.texts == []
    assert not panel.ui.undoButton.enabled
    desktop.dialogs.cancel_progress_at(None)
    panel.ui.repairButton.click()
    assert re.search(r"\d+\smm", panel.ui.noticeLabel.text)
    assert rows(panel)[GAP]["After"] == "ring"


# Errors


@pytest.mark.parametrize("action", ["checkButton", "repairButton"])
def test_bad_input_is_one_sentence_and_changes_nothing(desktop: Any, heart: Heart, action: str) -> None:
    panel = open_on(heart)
    heart.volume.SetAndObserveTransformNodeID(transform_node(np.eye(4)).GetID())
    before = snapshot(heart)
    getattr(panel.ui, action).click()
    (text,) = desktop.dialogs.texts
    assert "'Heart'" in text
    assert "'Cine'" in text
    assert "different transforms" in text
    assert "\n" not in text
    assert snapshot(heart) == before
    assert panel.ui.repairButton.enabled
    assert rows(panel) == {}


def test_an_unexpected_error_is_shown_with_traceback_and_reraised(
    desktop: Any, heart: Heart, during: Callable[[Callable[[], None]], None]
) -> None:
    def fail() -> None:
        raise KeyError("unforeseen")

    panel = open_on(heart)
    before = snapshot(heart)
    during(fail)
    with expect_error(KeyError, "unforeseen"):
        panel.ui.repairButton.click()
    (dialog,) = [dialog for dialog in desktop.dialogs.shown if dialog.kind == "critical"]
    assert dialog.text.startswith("The repair failed. Nothing was changed.")
    assert "Traceback" in dialog.details
    assert snapshot(heart) == before
    assert panel.ui.repairButton.enabled


def test_closing_the_scene_during_a_repair_cancels_it(
    desktop: Any, heart: Heart, during: Callable[[Callable[[], None]], None]
) -> None:
    panel = open_on(heart)
    during(slicer.mrmlScene.Clear)
    panel.ui.repairButton.click()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert desktop.dialogs.texts == []
    assert panel.ui.noticeLabel.text == "Cancelled. Nothing was changed."
    again = draw_heart()
    leave_panel(panel)
    open_panel(MODULE_FILE)
    assert panel.ui.segmentationSelector.currentNode() is again.segmentation
