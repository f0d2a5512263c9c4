"""The panel on a picture of vessels: places instead of slices, each shown, accepted or rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from engine.vessel_models import saved
from engine.vessels import tree, with_gap
from harness.hearts import add_segment, segment_voxels
from harness.panel_steps import entries, open_module, select
from harness.panels import close_panel
from rncarefine.nca import model as model_module
from RNCARefineLib.mrml.review.vessels import VESSELS_TAG, VesselReview

WHOLE = tree()
BROKEN = with_gap(WHOLE, 30, 10)


@pytest.fixture
def panel(desktop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the panel on a colour photograph with broken vessels, and a model of vessels next to the shipped ones."""
    saved(tmp_path)
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (*model_module.MODEL_FOLDERS, tmp_path))
    noise = np.random.default_rng(3).normal(0, 4, (1, 80, 80, 3))
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Retina")
    pixels = np.clip(150 - 60 * WHOLE[None, ..., None] + noise, 0, 255).astype(np.uint8)
    slicer.util.updateVolumeFromArray(volume, pixels)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Vessels")
    add_segment(segmentation, "vessels", BROKEN[None].astype(np.uint8), volume)
    opened = open_module()
    assert opened.ui.volumeSelector.currentNode() is volume
    select(opened.ui.modelSelector, "toy-vessels")
    select(opened.ui.deviceSelector, "numpy")
    return opened


def verdicts(panel: Any) -> list[str]:
    table = panel.ui.placeTable
    return [table.item(row, 2).text() for row in range(table.rowCount)]


def output(panel: Any) -> Any:
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return next(node for node in nodes if node.GetName() != "Vessels")


def test_a_photograph_shows_places_and_vessel_models_only(panel: Any) -> None:
    assert panel.ui.placesCollapsibleButton.visible
    assert not panel.ui.reviewCollapsibleButton.visible
    assert entries(panel.ui.modelSelector) == ["retina-vessels-2d", "toy-vessels"]


def test_a_volumetric_mode_is_refused_for_a_photograph(panel: Any) -> None:
    select(panel.ui.modeSelector, "volumetric")
    assert entries(panel.ui.modelSelector) == []
    assert not panel.ui.repairButton.enabled
    assert "picture" in panel.ui.repairButton.toolTip


def test_a_stack_shows_slices_and_offers_no_model_of_vessels(panel: Any, heart: Any) -> None:
    panel.ui.segmentationSelector.setCurrentNode(heart.segmentation)
    panel.ui.volumeSelector.setCurrentNode(heart.volume)
    assert panel.ui.reviewCollapsibleButton.visible
    assert not panel.ui.placesCollapsibleButton.visible
    assert "toy-vessels" not in entries(panel.ui.modelSelector)


def test_places_are_repaired_rejected_accepted_and_exported(panel: Any, desktop: Any, tmp_path: Path) -> None:
    panel.ui.repairButton.click()
    assert verdicts(panel)[0] == "bridged"
    assert "1 bridge," in panel.ui.placesSummaryLabel.text
    volume = panel.ui.volumeSelector.currentNode()
    joined = segment_voxels(output(panel), "vessels", volume)[0]
    assert joined[30, 30:40].all()
    panel.ui.placeTable.setCurrentCell(0, 0)
    assert panel.ui.rejectPlaceButton.enabled
    panel.ui.rejectPlaceButton.click()
    assert not segment_voxels(output(panel), "vessels", volume)[0][30, 31:39].any()
    assert panel.ui.placeTable.item(0, 6).text() == "no"
    panel.ui.acceptPlaceButton.click()
    np.testing.assert_array_equal(segment_voxels(output(panel), "vessels", volume)[0], joined)
    assert panel.ui.placeTable.item(0, 6).text() == "yes"
    desktop.dialogs.answer(str(tmp_path / "report.html"))
    panel.ui.exportPlacesButton.click()
    assert "accepted in the review" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_click_centres_the_views_on_the_place(panel: Any) -> None:
    panel.ui.repairButton.click()
    panel.ui.placeTable.setCurrentCell(0, 0)
    view = slicer.util.getNodesByClass("vtkMRMLSliceNode")[0]
    middle = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 3]
    # A volume without a geometry of its own: i and j are mm.
    assert 28 <= abs(middle[0]) <= 42
    assert 28 <= abs(middle[1]) <= 33


def test_a_check_lists_places_and_there_is_nothing_to_decide(panel: Any) -> None:
    panel.ui.checkButton.click()
    assert "components" in panel.ui.placesSummaryLabel.text
    assert not panel.ui.acceptPlaceButton.enabled
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_a_check_after_a_repair_keeps_the_review(panel: Any) -> None:
    panel.ui.repairButton.click()
    panel.ui.placeTable.setCurrentCell(0, 0)
    panel.ui.acceptPlaceButton.click()
    repaired = verdicts(panel)
    panel.ui.checkButton.click()
    assert verdicts(panel) != repaired
    assert entries(panel.ui.reviewedPictureSelector) == ["Check of Vessels", "Vessels repaired"]
    assert not panel.ui.acceptPlaceButton.enabled
    select(panel.ui.reviewedPictureSelector, "Vessels repaired")
    assert verdicts(panel) == repaired
    assert panel.ui.placeTable.item(0, 6).text() == "yes"
    select(panel.ui.reviewedPictureSelector, "Check of Vessels")
    assert verdicts(panel) != repaired


def test_the_review_of_the_repaired_segment_is_shown(panel: Any, desktop: Any) -> None:
    volume, segmentation = panel.ui.volumeSelector.currentNode(), panel.ui.segmentationSelector.currentNode()
    panel.ui.repairButton.click()
    first = output(panel)
    add_segment(first, "veins", BROKEN[None].astype(np.uint8), volume)
    panel.ui.segmentationSelector.setCurrentNode(first)
    select(panel.ui.myocardiumSelector, "The veins")
    panel.ui.repairButton.click()
    assert panel.ui.reviewedPictureSelector.currentText == "Vessels repaired repaired / The veins"
    (gap,) = [row for row, verdict in enumerate(verdicts(panel)) if verdict == "bridged"]
    panel.ui.placeTable.setCurrentCell(gap, 0)
    panel.ui.rejectPlaceButton.click()
    last = panel.logic.outputSegmentationNode()
    assert not segment_voxels(last, "veins", volume)[0][30, 31:39].any()
    assert segment_voxels(last, "vessels", volume)[0][30, 30:40].all()
    assert not segmentation.GetDisplayVisibility()


def test_a_loaded_result_is_reviewed_with_the_chosen_picture(panel: Any, desktop: Any, tmp_path: Path) -> None:
    panel.ui.repairButton.click()
    panel.ui.placeTable.setCurrentCell(0, 0)
    panel.ui.acceptPlaceButton.click()
    path = str(tmp_path / "result.seg.nrrd")
    assert slicer.util.saveNode(output(panel), path, properties={})
    slicer.mrmlScene.RemoveNode(output(panel))
    desktop.wait_until(lambda: panel.ui.placeTable.rowCount == 0)
    node = slicer.util.loadSegmentation(path)
    desktop.wait_until(lambda: panel.ui.placeTable.rowCount > 0)
    assert panel.ui.placeTable.item(0, 6).text() == "yes"
    panel.ui.placeTable.setCurrentCell(0, 0)
    panel.ui.rejectPlaceButton.click()
    assert not segment_voxels(node, "vessels", panel.ui.volumeSelector.currentNode())[0][30, 31:39].any()


def test_a_damaged_review_is_named(panel: Any, desktop: Any) -> None:
    panel.ui.repairButton.click()
    output(panel).GetSegmentation().GetSegment("vessels").SetTag(VESSELS_TAG, "{")
    desktop.wait_until(lambda: panel.ui.placeTable.rowCount == 0)
    assert VESSELS_TAG in panel.ui.placesSummaryLabel.text
    assert not panel.ui.acceptPlaceButton.enabled


def test_a_pending_review_is_restored_with_the_scene(panel: Any, tmp_path: Path) -> None:
    panel.ui.repairButton.click()
    panel.ui.placeTable.setCurrentCell(0, 0)
    panel.ui.acceptPlaceButton.click()
    expected = verdicts(panel)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path, properties={})
    close_panel(panel)
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(path, properties={"clear": True})
    again = open_module()
    again.ui.volumeSelector.setCurrentNode(slicer.util.getNodesByClass("vtkMRMLVectorVolumeNode")[0])
    assert verdicts(again) == expected
    assert again.ui.placeTable.item(0, 6).text() == "yes"
    again.ui.placeTable.setCurrentCell(0, 0)
    again.ui.rejectPlaceButton.click()
    volume = again.ui.volumeSelector.currentNode()
    assert not segment_voxels(output(again), "vessels", volume)[0][30, 31:39].any()


def test_the_table_follows_external_decisions_and_removal(panel: Any, desktop: Any) -> None:
    panel.ui.repairButton.click()
    VesselReview.of(output(panel)).reject(0)
    desktop.wait_until(lambda: panel.ui.placeTable.item(0, 6).text() == "no")
    slicer.mrmlScene.RemoveNode(output(panel))
    desktop.wait_until(lambda: panel.ui.placeTable.rowCount == 0)
    assert not panel.ui.acceptPlaceButton.enabled
    assert panel.ui.placesSummaryLabel.text == ""
