"""Tools of a review in the panel other than decisions: changes, views, plot and export, on real nodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import slicer

import rncarefine.atomic
import rncarefine.refine.repair
from harness.hearts import GAP, Heart
from harness.panel_steps import choose_slice, decide, open_on, output_of, repaired, slices_shown

pytestmark = pytest.mark.usefixtures("toy_engine")


def test_the_changes_are_shown_and_hidden(heart: Heart) -> None:
    panel = repaired(heart)
    box = panel.ui.showChangesCheckBox
    display = output_of(panel).GetDisplayNode()
    assert box.checked
    assert display.GetSegmentVisibility("myo_added")
    box.click()
    assert not display.GetSegmentVisibility("myo_added")
    assert not display.GetSegmentVisibility("myo_removed")
    assert display.GetSegmentVisibility("myo")
    box.click()
    assert display.GetSegmentVisibility("myo_added")


def test_the_box_follows_the_visibility_of_the_changes(heart: Heart) -> None:
    panel = repaired(heart)
    panel.logic.showChanges(output_of(panel), False)
    choose_slice(panel, GAP)
    assert not panel.ui.showChangesCheckBox.checked


def test_align_turns_every_view_to_the_plane_of_the_stack(desktop: Any, heart: Heart) -> None:
    panel = repaired(heart)
    choose_slice(panel, GAP)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        view.SetOrientation("Axial")
    assert slices_shown(heart) == set()
    panel.ui.alignViewsButton.click()
    assert slices_shown(heart) == {GAP}


def test_topology_and_thickness_are_plotted_in_one_chart_each(heart: Heart) -> None:
    panel = repaired(heart)
    for _ in range(2):
        panel.ui.plotButton.click()
        charts = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
        assert [chart.GetNumberOfPlotSeriesNodes() for chart in charts] == [4, 4]


def test_the_plot_is_shown_in_a_layout_that_has_a_place_for_it(desktop: Any, heart: Heart) -> None:
    panel = repaired(heart)
    layout = slicer.app.layoutManager().layout
    panel.ui.plotButton.click()
    charts = {chart.GetID() for chart in slicer.util.getNodesByClass("vtkMRMLPlotChartNode")}
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID() in charts
    assert slicer.app.layoutManager().layout != layout


def test_tools_without_content_are_disabled_with_the_reason(heart: Heart) -> None:
    panel = open_on(heart)
    ui = panel.ui
    for tool in (ui.alignViewsButton, ui.exportButton):
        assert not tool.enabled
        assert tool.toolTip == "Check or repair first."
    for tool in (ui.showChangesCheckBox, ui.plotButton, ui.undoButton, ui.redoButton, ui.acceptButton):
        assert not tool.enabled
        assert "Repair first" in tool.toolTip
    ui.checkButton.click()
    assert ui.alignViewsButton.enabled
    assert ui.exportButton.enabled
    assert not ui.plotButton.enabled
    ui.repairButton.click()
    assert ui.plotButton.enabled
    assert ui.showChangesCheckBox.enabled


# Export


@pytest.mark.parametrize("ending", [".csv", ".json", ".html"])
@pytest.mark.parametrize("repair", [True, False])
def test_the_format_of_the_report_follows_the_extension(
    desktop: Any, heart: Heart, tmp_path: Path, ending: str, repair: bool
) -> None:
    panel = open_on(heart)
    (panel.ui.repairButton if repair else panel.ui.checkButton).click()
    if repair:
        decide(panel, GAP, "rejectButton")
    path = tmp_path / f"report{ending}"
    desktop.dialogs.answer(str(path))
    panel.ui.exportButton.click()
    text = path.read_text(encoding="utf-8")
    assert str(path) in panel.ui.noticeLabel.text
    if ending == ".json":
        assert [record["accepted"] for record in json.loads(text)["slices"]][GAP] is (False if repair else None)
    elif ending == ".csv":
        assert len(text.splitlines()) == 6
    else:
        assert text.startswith("<!")


def test_the_save_dialog_suggests_a_name_next_to_the_scene(desktop: Any, heart: Heart, tmp_path: Path) -> None:
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    panel = repaired(heart)
    output_of(panel).SetName("Heart 3/4: end?")
    desktop.dialogs.answer("")
    panel.ui.exportButton.click()
    (dialog,) = [dialog for dialog in desktop.dialogs.shown if dialog.kind == "save file"]
    assert dialog.details == str(tmp_path / "Heart 3 4 end.html")
    assert "*.html *.csv *.json" in dialog.text
    assert panel.ui.noticeLabel.text == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("report.txt", ".csv, .json or .html"), ("report", ".csv, .json or .html"), ("missing/report.csv", "missing")],
)
def test_a_name_that_cannot_be_written_is_one_sentence(
    desktop: Any, heart: Heart, tmp_path: Path, name: str, words: str
) -> None:
    panel = repaired(heart)
    panel.ui.noticeLabel.text = "The report was written to the place before."
    desktop.dialogs.answer(str(tmp_path / name))
    panel.ui.exportButton.click()
    assert words in desktop.dialogs.texts[-1]
    assert panel.ui.noticeLabel.text == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [28, 13])
def test_a_failed_export_keeps_the_old_report(
    desktop: Any, heart: Heart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    panel = repaired(heart)
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def full(temporary: Path) -> None:
        raise OSError(number, "No space left on device" if number == 28 else "Permission denied", str(path))

    monkeypatch.setattr(rncarefine.atomic, "_flush", full)
    desktop.dialogs.answer(str(path))
    panel.ui.exportButton.click()
    text = desktop.dialogs.texts[-1]
    assert str(path) in text
    assert "Choose another folder" in text
    assert "\n" not in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "the old one"
