"""The review in the panel: rows, navigation, decisions and undo, on real nodes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import slicer

import rncarefine.atomic
import rncarefine.refine.repair
from harness import toy_engine as toy
from harness.hearts import GAP, SPECK, Heart, draw_heart
from harness.panel_steps import (
    MODULE_FILE,
    choose_slice,
    chosen_slice,
    decide,
    entries,
    open_on,
    output_of,
    repaired,
    rows,
    select,
    slices_shown,
    summary,
    tags_of,
)
from harness.panels import leave_panel, open_panel
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.words import Finding, Verdict
from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid


@pytest.fixture
def toy_flagged(toy_engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the toy engine flag the last slice, which it does not change."""
    repair = toy.repair

    def flagging(*arguments: Any, **options: Any) -> Any:
        result = repair(*arguments, **options)
        slices = list(result.report.slices)
        loose = {"finding_before": Finding.FRAGMENTED, "finding_after": Finding.FRAGMENTED, "confidence": 0.42}
        slices[4] = replace(
            slices[4], flagged=True, verdict=Verdict.REFUSED, reasons=[Reason(ReasonCode.NO_RING)], **loose
        )
        stack = replace(result.report.stack, flagged=1)
        return replace(result, report=replace(result.report, slices=slices, stack=stack))

    monkeypatch.setattr(rncarefine.refine.repair, "repair", flagging)


@pytest.fixture
def toy_doubtful(toy_engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the toy engine flag the gap, which it repairs."""
    repair = toy.repair

    def doubting(*arguments: Any, **options: Any) -> Any:
        result = repair(*arguments, **options)
        slices = list(result.report.slices)
        doubt = Reason(ReasonCode.LOW_CONFIDENCE, confidence=0.31)
        slices[GAP] = replace(slices[GAP], flagged=True, confidence=0.31, reasons=[*slices[GAP].reasons, doubt])
        return replace(result, report=replace(result.report, slices=slices))

    monkeypatch.setattr(rncarefine.refine.repair, "repair", doubting)


# Rows


def test_there_is_a_row_per_slice_with_finding_and_repair(heart: Heart, toy_engine: None) -> None:
    import qt

    panel = repaired(heart)
    table = rows(panel)
    report = panel.logic.report(output_of(panel))
    assert list(table) == [0, 1, 2, 3, 4]
    assert table[0] == {
        "Slice": "0",
        "Before": "ring",
        "After": "ring",
        "Verdict": "intact",
        "Conf.": "",
        "+ mm\u00b2": "",
        "\u2212 mm\u00b2": "",
        "Accepted": "",
    }
    assert table[GAP]["Before"] == "open"
    assert table[GAP]["+ mm\u00b2"] == f"{report.slices[GAP].added_mm2:.0f}"
    assert table[SPECK]["\u2212 mm\u00b2"] == f"{report.slices[SPECK].removed_mm2:.0f}"
    assert [table[k]["Accepted"] for k in (GAP, SPECK)] == ["undecided", "undecided"]
    tip = panel.ui.sliceTable.item(GAP, 0).toolTip()
    assert "does not close" in tip
    assert "b0, b1: 1, 0 before; 1, 1 now" in tip
    assert not int(panel.ui.sliceTable.item(GAP, 0).flags()) & int(qt.Qt.ItemIsEditable)


def test_verdict_and_reason_of_the_slice_are_below_the_table(heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    assert panel.ui.reasonLabel.text == "Select a slice to show it in the views."
    choose_slice(panel, 4)
    assert (
        panel.ui.reasonLabel.text == "Slice 4: refused. No closed ring with a wall of at least a pixel could be made."
    )
    decide(panel, GAP, "rejectButton")
    choose_slice(panel, GAP)
    assert panel.ui.reasonLabel.text == "Slice 2: restored as before the repair."
    panel.ui.filterSelector.setCurrentText("Flagged")
    assert panel.ui.reasonLabel.text == "Select a slice to show it in the views."


def test_a_flagged_repair_can_be_accepted_or_rejected(heart: Heart, toy_doubtful: None) -> None:
    panel = repaired(heart)
    row = rows(panel)[GAP]
    assert (row["Verdict"], row["After"], row["Conf."], row["Accepted"]) == (
        "automaton",
        "ring",
        "0.31",
        "review",
    )
    assert re.fullmatch("0 of 2 .*: flagged.", panel.ui.decisionLabel.text)
    for which, listed in (("Flagged", [GAP]), ("Changed", [GAP, SPECK])):
        panel.ui.filterSelector.setCurrentText(which)
        assert list(rows(panel)) == listed
    choose_slice(panel, GAP)
    assert panel.ui.reasonLabel.text.startswith(f"Slice {GAP}: repaired by the automaton.")
    assert "Low confidence (0.31)" in panel.ui.reasonLabel.text
    output, broken = output_of(panel), heart.masks["myo"][GAP]
    decide(panel, GAP, "rejectButton")
    assert (heart.voxels("myo", output)[GAP] == broken).all()
    decide(panel, GAP, "acceptButton")
    assert (heart.voxels("myo", output)[GAP] == heart.ring).all()
    assert re.fullmatch("1 of 2 .*: in progress.", panel.ui.decisionLabel.text)


def test_slices_are_filtered_to_changed_or_flagged(heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    assert list(rows(panel)) == [0, 1, 2, 3, 4]
    select(panel.ui.filterSelector, "Changed")
    assert list(rows(panel)) == [GAP, SPECK]
    select(panel.ui.filterSelector, "Flagged")
    assert list(rows(panel)) == [4]
    assert panel.ui.nextButton.enabled
    select(panel.ui.filterSelector, "All")
    assert list(rows(panel)) == [0, 1, 2, 3, 4]
    decide(panel, GAP, "rejectButton")
    select(panel.ui.filterSelector, "Changed")
    assert list(rows(panel)) == [GAP, SPECK]


# From slice to slice


def test_next_and_previous_cycle_through_changed_or_flagged_slices(heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    assert chosen_slice(panel) is None
    visited = []
    for _ in range(4):
        panel.ui.nextButton.click()
        visited.append(chosen_slice(panel))
    assert visited == [GAP, SPECK, 4, GAP]
    panel.ui.previousButton.click()
    assert chosen_slice(panel) == 4
    panel.ui.previousButton.click()
    assert chosen_slice(panel) == SPECK


def test_next_shows_the_only_slice_again(desktop: Any, heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    panel.ui.alignViewsButton.click()
    select(panel.ui.filterSelector, "Flagged")
    panel.ui.nextButton.click()
    assert chosen_slice(panel) == 4
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.SetSliceOffset(node.GetSliceOffset() - 16)
    panel.ui.nextButton.click()
    assert slices_shown(heart) == {4}


def test_without_changes_there_is_no_next_slice(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    select(panel.ui.filterSelector, "Flagged")
    assert not panel.ui.nextButton.enabled
    assert panel.ui.nextButton.toolTip == "No listed slice was changed or flagged."


def test_next_works_on_the_result_of_a_check_too(heart: Heart, toy_engine: None) -> None:
    panel = open_on(heart)
    panel.ui.checkButton.click()
    panel.ui.nextButton.click()
    assert chosen_slice(panel) == GAP


@pytest.mark.parametrize("repair", [True, False])
def test_choosing_a_row_moves_every_view_to_that_slice(
    desktop: Any, heart: Heart, toy_engine: None, repair: bool
) -> None:
    panel = open_on(heart)
    (panel.ui.repairButton if repair else panel.ui.checkButton).click()
    panel.ui.alignViewsButton.click()
    for k in (4, GAP, 0):
        choose_slice(panel, k)
        assert slices_shown(heart) == {k}


def test_clicking_the_row_that_is_chosen_brings_the_views_back(desktop: Any, heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    panel.ui.alignViewsButton.click()
    choose_slice(panel, GAP)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.SetSliceOffset(node.GetSliceOffset() + 16)
    assert slices_shown(heart) != {GAP}
    panel.ui.sliceTable.cellClicked.emit(GAP, 0)
    assert slices_shown(heart) == {GAP}


# Decisions


def test_the_next_undecided_slice_follows_a_decision(desktop: Any, heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    panel.ui.alignViewsButton.click()
    decide(panel, SPECK, "acceptButton")
    assert chosen_slice(panel) == 4
    assert slices_shown(heart) == {4}
    panel.ui.acceptButton.click()
    assert chosen_slice(panel) == GAP
    panel.ui.rejectButton.click()
    assert chosen_slice(panel) == GAP
    decide(panel, SPECK, "rejectButton")  # another opinion
    assert chosen_slice(panel) == SPECK


def test_filtered_slices_are_skipped_after_a_decision(heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    select(panel.ui.filterSelector, "Flagged")
    decide(panel, 4, "acceptButton")
    assert chosen_slice(panel) == 4


def test_rejecting_restores_the_slice_and_undo_and_redo_follow(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    output = output_of(panel)
    fixed = heart.voxels("myo", output)
    pool = heart.voxels("pool", output)
    decide(panel, GAP, "rejectButton")
    assert (heart.voxels("myo", output)[GAP] == heart.masks["myo"][GAP]).all()
    assert (heart.voxels("pool", output) == heart.masks["pool"]).all()
    assert (heart.voxels("myo", output)[SPECK] == fixed[SPECK]).all()
    assert rows(panel)[GAP]["After"] == "open"
    assert rows(panel)[GAP]["Accepted"] == "no"
    assert rows(panel)[GAP]["+ mm\u00b2"] == ""
    assert "4 after" in panel.ui.summaryLabel.text

    choose_slice(panel, 0)
    panel.ui.undoButton.click()
    assert chosen_slice(panel) == GAP
    assert (heart.voxels("myo", output) == fixed).all()
    assert (heart.voxels("pool", output) == pool).all()
    assert rows(panel)[GAP]["Accepted"] == "undecided"
    assert not panel.ui.undoButton.enabled
    assert panel.ui.undoButton.toolTip == "There is nothing to undo."

    panel.ui.redoButton.click()
    assert (heart.voxels("myo", output)[GAP] == heart.masks["myo"][GAP]).all()
    assert rows(panel)[GAP]["Accepted"] == "no"
    assert not panel.ui.redoButton.enabled


def edit_by_hand(heart: Heart, node: Any) -> Any:
    """Cut slice 4 out of the repaired wall, as Segment Editor does; return the voxels."""
    voxels = heart.voxels("myo", node)
    assert voxels[4].any()
    voxels[4] = 0
    write_segment(node, "myo", voxels, VolumeGrid.of_volume(heart.volume))
    return voxels


def questions(desktop: Any) -> list[str]:
    """Return the texts of the questions."""
    return [dialog.text for dialog in desktop.dialogs.shown if dialog.kind == "question"]


def test_undo_asks_before_it_reverts_manual_edits(desktop: Any, heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    output = output_of(panel)
    decide(panel, GAP, "acceptButton")
    edited = edit_by_hand(heart, output)
    desktop.dialogs.answer("Cancel")
    panel.ui.undoButton.click()
    (question,) = questions(desktop)
    assert "edited" in question
    assert (heart.voxels("myo", output) == edited).all()
    assert rows(panel)[GAP]["Accepted"] == "yes"
    desktop.dialogs.answer("Ok")
    panel.ui.undoButton.click()
    assert heart.voxels("myo", output)[4].any()
    assert rows(panel)[GAP]["Accepted"] == "undecided"


def test_redo_never_reverts_manual_edits(desktop: Any, heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    decide(panel, GAP, "rejectButton")
    panel.ui.undoButton.click()
    edited = edit_by_hand(heart, output_of(panel))
    panel.ui.redoButton.click()
    assert (heart.voxels("myo", output_of(panel)) == edited).all()
    assert not panel.ui.redoButton.enabled
    assert questions(desktop) == []


def test_a_step_without_edits_needs_no_confirmation(desktop: Any, heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    for k, button in ((4, "acceptButton"), (GAP, "rejectButton"), (GAP, "acceptButton")):
        decide(panel, k, button)
    panel.ui.showChangesCheckBox.click()
    for button in ("undoButton", "undoButton", "undoButton", "redoButton", "redoButton", "redoButton"):
        assert getattr(panel.ui, button).enabled
        getattr(panel.ui, button).click()
    assert questions(desktop) == []


def test_the_review_is_completed_when_every_slice_is_decided(heart: Heart, toy_flagged: None) -> None:
    panel = repaired(heart)
    assert re.fullmatch("0 of 3 .*: flagged.", panel.ui.decisionLabel.text)
    for k, button in ((4, "acceptButton"), (GAP, "rejectButton"), (SPECK, "acceptButton")):
        decide(panel, k, button)
    assert re.fullmatch("3 of 3 .*: completed.", panel.ui.decisionLabel.text)
    assert tags_of(output_of(panel), "myo")["Segmentation.Status"] == "completed"


@pytest.mark.parametrize(
    ("k", "accept", "reject"),
    [
        (0, "This slice was neither changed nor flagged. No decision is needed.", "The repair did not change"),
        (4, "", "The repair did not change this slice."),
        (GAP, "", ""),
    ],
)
def test_impossible_decisions_are_disabled_with_the_reason(
    heart: Heart, toy_flagged: None, k: int, accept: str, reject: str
) -> None:
    panel = repaired(heart)
    assert panel.ui.acceptButton.toolTip == panel.ui.rejectButton.toolTip == "Select a slice in the table."
    choose_slice(panel, k)
    for button, why in ((panel.ui.acceptButton, accept), (panel.ui.rejectButton, reject)):
        assert button.enabled == (not why)
        assert why in button.toolTip


def test_a_decision_cannot_be_repeated(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    decide(panel, GAP, "acceptButton")
    choose_slice(panel, GAP)
    assert panel.ui.acceptButton.toolTip == "This slice is already accepted."
    assert panel.ui.rejectButton.enabled
    decide(panel, GAP, "rejectButton")
    choose_slice(panel, GAP)
    assert panel.ui.rejectButton.toolTip == "This slice is already rejected."
    assert panel.ui.acceptButton.enabled


def test_a_failed_decision_is_one_message_and_changes_nothing(desktop: Any, heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    choose_slice(panel, GAP)
    before = tags_of(output_of(panel), "myo")
    slicer.mrmlScene.RemoveNode(heart.volume)
    panel.ui.rejectButton.click()
    (text,) = desktop.dialogs.texts
    assert "Heart repaired" in text
    assert "\n" not in text
    assert tags_of(output_of(panel), "myo") == before


# Which segmentation


def test_every_repaired_segmentation_can_be_chosen_and_no_other(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    first = output_of(panel)
    select(panel.ui.poolSelector, "None")
    panel.ui.repairButton.click()
    assert entries(panel.ui.reviewedSelector) == ["None", "Heart repaired", "Heart repaired_1"]
    decide(panel, GAP, "rejectButton")
    select(panel.ui.reviewedSelector, "Heart repaired")
    assert output_of(panel) is first
    assert rows(panel)[GAP]["Accepted"] == "undecided"
    select(panel.ui.reviewedSelector, "Heart repaired_1")
    assert rows(panel)[GAP]["Accepted"] == "no"
    select(panel.ui.reviewedSelector, "None")
    assert rows(panel) == {}


def test_decisions_and_edits_made_elsewhere_are_followed(desktop: Any, heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    output = output_of(panel)
    panel.logic.reject(output, GAP)
    desktop.wait_until(lambda: rows(panel)[GAP]["Accepted"] == "no")
    panel.logic.undo(output)
    desktop.wait_until(lambda: rows(panel)[GAP]["Accepted"] == "undecided")
    output.SetName("Mine")
    desktop.wait_until(lambda: panel.ui.reviewedSelector.currentText == "Mine")
    slicer.mrmlScene.RemoveNode(output)
    desktop.wait_until(lambda: rows(panel) == {})
    assert entries(panel.ui.reviewedSelector) == ["None"]
    assert not panel.ui.acceptButton.enabled


def test_the_only_repaired_segmentation_is_shown_on_entering(heart: Heart, toy_engine: None) -> None:
    panel = open_on(heart)
    leave_panel(panel)
    panel.logic.process(heart.segmentation, "myo", heart.volume, poolSegmentID="pool")
    open_panel(MODULE_FILE)
    assert panel.ui.reviewedSelector.currentText == "Heart repaired"
    assert len(rows(panel)) == 5


def test_the_first_repaired_segmentation_is_shown_in_the_open_panel(
    desktop: Any, heart: Heart, toy_engine: None
) -> None:
    panel = open_on(heart)
    panel.logic.process(heart.segmentation, "myo", heart.volume, poolSegmentID="pool")
    desktop.wait_until(lambda: len(rows(panel)) == 5)
    select(panel.ui.reviewedSelector, "None")
    heart.segmentation.SetName("Renamed")
    desktop.wait_until(lambda: not panel.panel._watch._timer.isActive())
    panel.panel.refresh()
    assert rows(panel) == {}


def test_a_loaded_segmentation_is_reviewed_once_its_volume_is_chosen(
    heart: Heart, toy_engine: None, tmp_path: Path
) -> None:
    panel = repaired(heart)
    decide(panel, GAP, "acceptButton")
    before = rows(panel)
    path = str(tmp_path / "mine.seg.nrrd")
    assert slicer.util.exportNode(output_of(panel), path, properties={})
    leave_panel(panel)
    slicer.mrmlScene.Clear()
    volume = draw_heart().volume
    draw_heart()
    slicer.util.loadSegmentation(path)
    open_panel(MODULE_FILE)
    assert panel.ui.reviewedSelector.currentText == "mine"
    assert rows(panel) == {}
    assert "Load" in panel.ui.decisionLabel.text
    panel.ui.volumeSelector.setCurrentNode(volume)
    assert rows(panel) == before


@pytest.fixture
def two_repaired(heart: Heart, toy_engine: None) -> Any:
    """Return the panel after the repairs in place of two segments that have nothing to do with each other."""
    panel = open_on(heart)
    select(panel.ui.outputSelector, "in place")
    panel.ui.repairButton.click()
    select(panel.ui.poolSelector, "None")
    select(panel.ui.myocardiumSelector, "The rv")
    panel.ui.repairButton.click()
    return panel


def test_several_repaired_segments_are_offered_and_the_last_is_shown(two_repaired: Any) -> None:
    ui = two_repaired.ui
    assert entries(ui.reviewedSelector) == ["None", "Heart / The myo", "Heart / The rv"]
    assert ui.reviewedSelector.currentText == "Heart / The rv"
    of_rv = rows(two_repaired)
    select(ui.reviewedSelector, "Heart / The myo")
    assert rows(two_repaired) != of_rv
    assert rows(two_repaired)[GAP]["Before"] == "open"
    assert two_repaired.logic.getParameterNode().reviewedSegmentID == "myo"
    select(ui.reviewedSelector, "Heart / The rv")
    assert rows(two_repaired) == of_rv


def test_decisions_apply_to_the_shown_repaired_segment(
    desktop: Any, two_repaired: Any, heart: Heart, tmp_path: Path
) -> None:
    panel = two_repaired
    repaired_rv = heart.voxels("rv")
    select(panel.ui.reviewedSelector, "Heart / The myo")
    decide(panel, GAP, "rejectButton")
    assert (heart.voxels("myo")[GAP] == heart.masks["myo"][GAP]).all()
    assert (heart.voxels("rv") == repaired_rv).all()
    assert json.loads(tags_of(heart.segmentation, "myo")["RNCARefine.Decisions"]) == {str(GAP): False}
    assert tags_of(heart.segmentation, "rv")["RNCARefine.Decisions"] == "None"
    panel.ui.undoButton.click()
    assert (heart.voxels("myo")[GAP] == heart.ring).all()
    assert panel.ui.reviewedSelector.currentText == "Heart / The myo"
    assert rows(panel)[GAP]["Accepted"] == "undecided"
    panel.ui.plotButton.click()
    table = heart.segmentation.GetNodeReference("RNCARefine.Report")
    assert table.GetDescription() == summary(panel)
    desktop.dialogs.answer(str(tmp_path / "report.json"))
    panel.ui.exportButton.click()
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["slices"][GAP]["finding_before"]
    assert found == "open"
    panel.ui.showChangesCheckBox.click()
    display = heart.segmentation.GetDisplayNode()
    assert [display.GetSegmentVisibility(note) for note in ("myo_added", "rv_added")] == [False, True]


def test_undoing_one_of_two_repairs_leaves_the_other_to_review(two_repaired: Any) -> None:
    two_repaired.ui.undoButton.click()
    assert entries(two_repaired.ui.reviewedSelector) == ["None", "Heart"]
    assert rows(two_repaired)[GAP]["Before"] == "open"


def test_a_row_that_only_got_the_keyboard_is_not_chosen(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    choose_slice(panel, GAP)
    assert panel.ui.rejectButton.enabled
    panel.ui.sliceTable.clearSelection()  # the row stays current, as the first one is when a table gets the keyboard
    panel.ui.rejectButton.click()
    assert rows(panel)[GAP]["Accepted"] == "undecided"
    assert (heart.voxels("myo", output_of(panel))[GAP] == heart.ring).all()
