"""Cine sequences in the panel: frames chosen, repaired, cancelled, and reviewed one after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

import rncarefine.refine.repair
from harness.cine import INTACT_FRAME, DrawnCine, column, draw_cine, repaired_walls, sequences_of
from harness.hearts import GAP, SPECK, Heart, draw_heart
from harness.panel_steps import (
    MODULE_FILE,
    choose_slice,
    entries,
    open_module,
    open_on,
    output_of,
    rows,
    select,
    summary,
)
from harness.panels import leave_panel, open_panel
from RNCARefineLib.mrml.cine.report import FRAMES_ROLE
from RNCARefineLib.mrml.review.decisions import Review

pytestmark = pytest.mark.usefixtures("toy_engine")


@pytest.fixture
def cine() -> DrawnCine:
    return draw_cine()


def open_cine(cine: DrawnCine, frames: str = "all frames") -> Any:
    """Open the module on what the browser shows."""
    panel = open_on(cine.heart)
    select(panel.ui.framesSelector, frames)
    return panel


def results(cine: DrawnCine, panel: Any) -> Any:
    """Return the sequence of the result."""
    return cine.browser.GetSequenceNode(output_of(panel))


def show(desktop: Any, panel: Any, cine: DrawnCine, frame: int) -> None:
    """Go to another frame and wait until the panel has followed."""
    text = f"rame {frame + 1} of 3"
    cine.browser.SetSelectedItemNumber(frame)
    desktop.wait_until(lambda: text in summary(panel) or text in panel.ui.decisionLabel.text)


def draw_browser(name: str, node: Any, sequence: Any) -> Any:
    """Add a browser that plays a sequence and shows it as a node."""
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.AddProxyNode(node, sequence, False)
    return browser


def shown(widget: Any) -> bool:
    """Whether a widget of the panel is visible."""
    return not widget.isHidden()


# The choice


def test_frames_are_offered_only_where_a_browser_shows_the_volume(desktop: Any, cine: DrawnCine) -> None:
    other = draw_heart()
    other.volume.SetName("Still")
    panel = open_on(cine.heart)
    ui = panel.ui
    for volume, there in ((other.volume, False), (cine.heart.volume, True), (None, False)):
        ui.volumeSelector.setCurrentNode(volume)
        assert [shown(widget) for widget in (ui.framesLabel, ui.framesSelector)] == [there, there]
    assert entries(ui.framesSelector) == ["shown frame", "all frames"]
    assert ui.framesSelector.currentText == "shown frame"
    ui.volumeSelector.setCurrentNode(cine.heart.volume)
    slicer.mrmlScene.RemoveNode(cine.browser)
    desktop.wait_until(lambda: not shown(ui.framesSelector))


def test_the_row_appears_when_a_browser_begins_to_show_the_volume(desktop: Any, cine: DrawnCine) -> None:
    other = draw_heart()
    panel = open_on(other)
    assert not shown(panel.ui.framesSelector)
    still = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Still")
    still.SetDataNodeAtValue(other.volume, "0")
    cine.browser.AddSynchronizedSequenceNodeID(still.GetID())
    desktop.wait()
    cine.browser.AddProxyNode(other.volume, still, False)  # no node is added or changed but the browser
    desktop.wait_until(lambda: shown(panel.ui.framesSelector))


def test_a_slicer_without_sequences_has_no_frames_and_repairs(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(slicer.modules, "sequences")
    panel = open_on(heart)
    assert not shown(panel.ui.framesSelector)
    panel.ui.repairButton.click()
    assert len(rows(panel)) == 5


def test_a_segmentation_outside_the_browser_belongs_to_the_shown_frame(cine: DrawnCine) -> None:
    alone = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Alone")
    cine.browser.SetSelectedItemNumber(2)
    alone.CopyContent(cine.heart.segmentation)
    panel = open_cine(cine)
    panel.ui.segmentationSelector.setCurrentNode(alone)
    assert not panel.ui.framesSelector.enabled
    assert panel.ui.framesSelector.toolTip.startswith("Alone ")
    sequences = sequences_of(cine.browser)
    select(panel.ui.myocardiumSelector, "The myo")
    panel.ui.repairButton.click()
    assert sequences_of(cine.browser) == sequences
    np.testing.assert_array_equal(cine.shown(node=output_of(panel)), repaired_walls(cine)[2])
    assert summary(panel) == panel.logic.report(output_of(panel)).summary()


def test_the_browser_of_the_segmentation_is_used(cine: DrawnCine) -> None:
    slicer.mrmlScene.RemoveNode(cine.browser)
    images = draw_browser("Images alone", cine.heart.volume, cine.volumes)
    browser = draw_browser("Both", cine.heart.volume, cine.volumes)
    browser.AddSynchronizedSequenceNodeID(cine.segmentations.GetID())
    browser.AddProxyNode(cine.heart.segmentation, cine.segmentations, False)
    assert slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(cine.heart.volume) == images
    open_cine(cine).ui.repairButton.click()
    assert len(sequences_of(browser)) == 3


# Repair


def test_all_frames_are_repaired_into_a_sequence_of_their_own(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    for frame, wall in enumerate(repaired_walls(cine)):
        np.testing.assert_array_equal(cine.voxels(frame, sequence=results(cine, panel)), wall)
        np.testing.assert_array_equal(cine.voxels(frame), cine.walls[frame])
    lines = summary(panel).splitlines()
    assert lines[0] == "3 frames repaired: 10 of 15 slices closed before, 15 after; 0 flagged"
    assert lines[1].startswith("Frame 1 of 3: 3 of 5 slices closed before, 5 after")
    assert "overlaps" in panel.ui.noticeLabel.text  # the scar
    assert panel.ui.reviewedSelector.currentText == "Heart repaired"
    assert rows(panel)[GAP]["After"] == "ring"


def test_the_shown_frame_alone_is_repaired_and_kept(desktop: Any, cine: DrawnCine) -> None:
    cine.browser.SetSelectedItemNumber(2)
    panel = open_cine(cine, "shown frame")
    panel.ui.repairButton.click()
    assert summary(panel).startswith("1 frame repaired: 2 of 5 slices closed before, 5 after")
    cine.browser.SetSelectedItemNumber(0)
    cine.browser.SetSelectedItemNumber(2)
    np.testing.assert_array_equal(cine.shown(node=output_of(panel)), repaired_walls(cine)[2])
    np.testing.assert_array_equal(cine.voxels(0, sequence=results(cine, panel)), cine.walls[0])


def test_in_place_the_repair_goes_into_the_sequence(desktop: Any, cine: DrawnCine) -> None:
    sequences = sequences_of(cine.browser)
    panel = open_cine(cine, "shown frame")
    select(panel.ui.outputSelector, "in place")
    panel.ui.repairButton.click()
    assert sequences_of(cine.browser) == sequences
    cine.browser.SetSelectedItemNumber(1)
    np.testing.assert_array_equal(cine.voxels(0), repaired_walls(cine)[0])
    assert not panel.ui.undoButton.enabled


def test_in_place_with_a_volume_of_no_browser_is_refused(desktop: Any, cine: DrawnCine) -> None:
    still = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, cine.heart.volume, "Still")
    panel = open_cine(cine)
    panel.ui.volumeSelector.setCurrentNode(still)
    select(panel.ui.outputSelector, "in place")
    panel.ui.repairButton.click()
    (text,) = desktop.dialogs.texts
    assert re.search("'Still'.*'Browser'", text)
    np.testing.assert_array_equal(cine.shown(), cine.walls[0])


def test_cancelling_keeps_finished_frames_with_a_message(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    desktop.dialogs.cancel_progress_at(70)
    panel.ui.repairButton.click()
    desktop.dialogs.cancel_progress_at(None)
    assert panel.ui.noticeLabel.text.startswith(
        "Cancelled. Finished frames are kept. Frame 3: not reached, copied unchanged."
    )
    assert "1 frame" in summary(panel)
    np.testing.assert_array_equal(cine.voxels(0, sequence=results(cine, panel)), repaired_walls(cine)[0])
    np.testing.assert_array_equal(cine.voxels(2, sequence=results(cine, panel)), cine.walls[2])


def test_frames_that_fail_are_named_with_the_reason(desktop: Any, cine: DrawnCine) -> None:
    for frame in (1, 2):
        cine.set_image(frame, np.full_like(slicer.util.arrayFromVolume(cine.heart.volume), 7))
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    assert panel.ui.noticeLabel.text.startswith("Frames 2, 3: ")
    assert "constant" in panel.ui.noticeLabel.text
    assert desktop.dialogs.texts == []
    assert summary(panel).splitlines()[0].endswith("; 2 frames failed")


def test_closing_the_scene_after_a_finished_frame_writes_nothing(
    desktop: Any, cine: DrawnCine, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = open_cine(cine)
    repair, done = rncarefine.refine.repair.repair, []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if done:
            slicer.mrmlScene.Clear()
        done.append(True)
        return repair(*arguments, **options)

    monkeypatch.setattr(rncarefine.refine.repair, "repair", interrupted)
    panel.ui.repairButton.click()
    assert len(done) == 2
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert desktop.dialogs.texts == []
    assert panel.ui.noticeLabel.text == "Cancelled. Nothing was changed."


# Review, frame by frame


def test_the_table_follows_the_frame_that_is_shown(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    for frame, broken in ((2, [0, GAP, SPECK]), (INTACT_FRAME, []), (0, [GAP, SPECK])):
        show(desktop, panel, cine, frame)
        assert [k for k, row in rows(panel).items() if row["Verdict"] != "intact"] == broken
        assert summary(panel).startswith("3 frames repaired")


def test_an_unrepaired_frame_has_an_empty_table_and_a_message(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine, "shown frame")
    panel.ui.repairButton.click()
    before = rows(panel)
    show(desktop, panel, cine, 1)
    assert rows(panel) == {}
    assert panel.ui.decisionLabel.text.startswith("Frame 2 of 3 ")
    assert panel.ui.reviewedSelector.currentText == "Heart repaired"
    assert summary(panel).startswith("1 frame repaired")
    assert not panel.ui.acceptButton.enabled
    assert desktop.dialogs.texts == []
    show(desktop, panel, cine, 0)
    assert rows(panel) == before


def test_decisions_are_kept_per_frame_and_listed_in_the_table(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    node = output_of(panel)
    choose_slice(panel, GAP)
    panel.ui.rejectButton.click()
    assert summary(panel).startswith("3 frames repaired: 10 of 15 slices closed before, 14 after")
    show(desktop, panel, cine, 2)
    assert rows(panel)[GAP]["Accepted"] == "undecided"
    choose_slice(panel, 0)
    panel.ui.acceptButton.click()
    table = node.GetNodeReference(FRAMES_ROLE)

    def decided() -> list[tuple[int, int, str]]:
        columns = (column(table, name) for name in ("frame", "k", "accepted"))
        return [row for row in zip(*columns, strict=True) if row[2]]

    assert decided() == [(0, GAP, "no"), (2, 0, "yes")]
    panel.ui.undoButton.click()
    assert decided() == [(0, GAP, "no")]
    show(desktop, panel, cine, 0)
    assert rows(panel)[GAP]["Accepted"] == "no"
    assert Review.of(node).decisions() == {GAP: False}


def test_the_name_that_is_proposed_for_the_report_has_the_frame(desktop: Any, cine: DrawnCine) -> None:
    cine.browser.SetSelectedItemNumber(2)
    panel = open_cine(cine)
    panel.ui.checkButton.click()
    desktop.dialogs.answer("")
    panel.ui.exportButton.click()
    (dialog,) = [dialog for dialog in desktop.dialogs.shown if dialog.kind == "save file"]
    assert dialog.details.endswith("Heart_frame-3.html")


def test_no_decision_is_made_about_a_frame_that_is_no_longer_shown(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    choose_slice(panel, GAP)
    cine.browser.SetSelectedItemNumber(2)
    panel.ui.rejectButton.click()  # before the panel has followed
    assert Review.of(output_of(panel)).decisions() == {}
    assert panel.ui.noticeLabel.text == "The shown frame has changed. Review its slices again."
    assert "Frame 3 of 3" in summary(panel)


def test_the_table_is_updated_when_the_playback_stops(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    cine.browser.SetPlaybackActive(True)
    cine.browser.SetSelectedItemNumber(2)
    desktop.wait()
    assert "Frame 1 of 3" in summary(panel)
    cine.browser.SetPlaybackActive(False)
    desktop.wait_until(lambda: "Frame 3 of 3" in summary(panel))


def test_a_left_panel_does_not_update_until_it_is_entered(desktop: Any, cine: DrawnCine) -> None:
    panel = open_cine(cine)
    panel.ui.repairButton.click()
    leave_panel(panel)
    cine.browser.SetSelectedItemNumber(2)
    desktop.wait()
    assert "Frame 1 of 3" in summary(panel)
    open_panel(MODULE_FILE)
    assert "Frame 3 of 3" in summary(panel)


def test_a_saved_and_loaded_sequence_is_reviewed_on(desktop: Any, cine: DrawnCine, tmp_path: Path) -> None:
    panel = open_cine(cine, "shown frame")
    panel.ui.repairButton.click()
    choose_slice(panel, GAP)
    panel.ui.rejectButton.click()
    before = (rows(panel), summary(panel))
    cine.browser.SetSelectedItemNumber(1)
    assert slicer.util.saveScene(str(tmp_path / "cine.mrb"))
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(tmp_path / "cine.mrb"))
    assert panel.ui.reviewedSelector.currentText == "Heart repaired"
    assert rows(panel) == {}
    browser = slicer.util.getNode("Browser")
    browser.SetSelectedItemNumber(0)
    desktop.wait_until(lambda: bool(rows(panel)))
    assert (rows(panel), summary(panel)) == before


# Check


def test_check_is_of_the_shown_frame_and_names_it(desktop: Any, cine: DrawnCine) -> None:
    cine.browser.SetSelectedItemNumber(2)
    panel = open_cine(cine)
    before = cine.snapshot()
    panel.ui.checkButton.click()
    assert cine.snapshot() == before
    assert [k for k, row in rows(panel).items() if row["Verdict"] == "to repair"] == [0, GAP, SPECK]
    assert panel.ui.reviewedSelector.currentText == "Check of Heart, frame 3 of 3"
    assert summary(panel).startswith("Frame 3 of 3: 2 of 5 expected rings closed")
    cine.browser.SetSelectedItemNumber(0)
    desktop.wait_until(lambda: rows(panel) == {})
    assert panel.ui.decisionLabel.text.startswith("Frame 1 of 3 ")
    assert not panel.ui.exportButton.enabled
    cine.browser.SetSelectedItemNumber(2)
    desktop.wait_until(lambda: len(rows(panel)) == 5)


def test_a_check_outside_the_browser_belongs_to_the_frame_shown_then(desktop: Any, cine: DrawnCine) -> None:
    alone = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Alone")
    alone.CopyContent(cine.heart.segmentation)
    cine.browser.RemoveSynchronizedSequenceNode(cine.segmentations.GetID())
    panel = open_module()
    panel.ui.segmentationSelector.setCurrentNode(alone)
    panel.ui.volumeSelector.setCurrentNode(cine.heart.volume)
    select(panel.ui.myocardiumSelector, "The myo")
    panel.ui.checkButton.click()
    assert panel.ui.reviewedSelector.currentText == "Check of Alone, frame 1 of 3"
    desktop.wait()
    cine.browser.SetSelectedItemNumber(1)
    desktop.wait_until(lambda: rows(panel) == {})
