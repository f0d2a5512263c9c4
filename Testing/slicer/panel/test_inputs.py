"""Inputs: what is offered, what is prefilled, and messages about missing inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import slicer

import RNCARefineLib.panel.model_choice
from engine.model_folders import cine_2d, install
from harness.hearts import Heart, add_segment, draw_heart
from harness.panel_steps import MODULE_FILE, entries, open_module, open_on, repaired, select
from harness.panels import leave_panel, open_panel
from rncarefine.nca.model import DEFAULT_MODEL, available_models


def enter_again(panel: Any) -> None:
    """Go to another module and come back."""
    leave_panel(panel)
    open_panel(MODULE_FILE)


def only_segment(heart: Heart, *segment_ids: str) -> None:
    """Remove the other segments."""
    segmentation = heart.segmentation.GetSegmentation()
    for segment_id in list(segmentation.GetSegmentIDs()):
        if segment_id not in segment_ids:
            segmentation.RemoveSegment(segment_id)


# Chosen without asking


def test_the_only_segmentation_and_the_only_volume_are_chosen(heart: Heart) -> None:
    panel = open_module()
    assert panel.ui.segmentationSelector.currentNode() is heart.segmentation
    assert panel.ui.volumeSelector.currentNode() is heart.volume


def test_the_reference_volume_of_the_segmentation_is_selected(heart: Heart) -> None:
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Another")
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(heart.volume)
    assert open_module().ui.volumeSelector.currentNode() is heart.volume


def test_a_segment_is_never_guessed_from_its_name(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().GetSegment("myo").SetName("Left ventricular myocardium")
    heart.segmentation.GetSegmentation().GetSegment("pool").SetName("LV blood pool")
    panel = open_module()
    assert panel.ui.myocardiumSelector.currentText == "Select the wall"
    assert panel.ui.poolSelector.currentText == "None"


def test_the_only_segment_is_the_myocardium(heart: Heart) -> None:
    only_segment(heart, "myo")
    panel = open_module()
    assert panel.ui.myocardiumSelector.currentText == "The myo"
    assert panel.ui.poolSelector.currentText == "None"


def test_a_selection_is_kept_when_the_panel_is_entered_again(heart: Heart) -> None:
    other = draw_heart()
    panel = open_module()
    panel.ui.segmentationSelector.setCurrentNode(other.segmentation)
    slicer.mrmlScene.RemoveNode(heart.volume)
    enter_again(panel)
    assert panel.ui.segmentationSelector.currentNode() is other.segmentation
    assert panel.ui.volumeSelector.currentNode() is other.volume


def test_data_loaded_in_another_module_are_selected_on_entering() -> None:
    panel = open_module()
    leave_panel(panel)
    heart = draw_heart()
    open_panel(MODULE_FILE)
    assert panel.ui.segmentationSelector.currentNode() is heart.segmentation


@pytest.mark.parametrize("sample", ["SunnybrookBroken", "ChaseBroken"])
def test_data_loaded_while_the_panel_is_open_are_chosen(desktop: Any, sample: str) -> None:
    from RNCARefineLib.mrml.sample_data import load

    panel = open_module()
    volume, segmentation = load(sample)
    desktop.wait_until(lambda: panel.ui.segmentationSelector.currentNode() is segmentation)
    assert panel.ui.volumeSelector.currentNode() is volume


def test_none_that_was_chosen_stays_when_other_data_are_loaded(desktop: Any, heart: Heart) -> None:
    panel = open_on(heart)
    panel.ui.segmentationSelector.setCurrentNode(None)
    panel.ui.volumeSelector.setCurrentNode(None)
    for class_name in ("vtkMRMLModelNode", "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"):
        node = slicer.mrmlScene.AddNewNodeByClass(class_name)
        desktop.wait()
        slicer.mrmlScene.RemoveNode(node)
        desktop.wait()
    assert panel.ui.segmentationSelector.currentNode() is None
    assert panel.ui.volumeSelector.currentNode() is None


def test_a_choice_that_was_made_stays_when_other_data_are_loaded(desktop: Any, heart: Heart) -> None:
    panel = open_on(heart)
    draw_heart()
    desktop.wait()
    assert panel.ui.segmentationSelector.currentNode() is heart.segmentation
    assert panel.ui.volumeSelector.currentNode() is heart.volume


def test_of_two_nodes_with_the_same_name_the_selected_one_is_used(heart: Heart) -> None:
    other = draw_heart()
    panel = open_on(heart)
    for selector, node in (
        (panel.ui.segmentationSelector, other.segmentation),
        (panel.ui.volumeSelector, other.volume),
    ):
        selector.setCurrentNode(node)
        selector.nodeActivated.emit(node)  # what picking from the list does besides
    parameters = panel.logic.getParameterNode()
    assert parameters.inputSegmentation is other.segmentation
    assert parameters.inputVolume is other.volume


# Offered


def test_review_segments_of_a_repair_are_no_candidates(heart: Heart, toy_engine: None) -> None:
    panel = repaired(heart)
    output = panel.logic.outputSegmentationNode()
    assert output.GetSegmentation().GetNumberOfSegments() > 4
    panel.ui.segmentationSelector.setCurrentNode(output)
    names = ["The myo", "The pool", "The rv", "The scar"]
    assert entries(panel.ui.myocardiumSelector) == ["Select the wall", *names]
    assert entries(panel.ui.poolSelector) == ["None", *names]


def test_review_segments_are_no_candidates_for_the_only_segment(heart: Heart, toy_engine: None) -> None:
    only_segment(heart, "myo")
    panel = open_module()
    panel.ui.repairButton.click()
    panel.ui.segmentationSelector.setCurrentNode(panel.logic.outputSegmentationNode())
    assert panel.ui.myocardiumSelector.currentText == "The myo"


def test_label_maps_and_most_vector_volumes_are_not_prefilled(heart: Heart) -> None:
    for class_name in ("vtkMRMLLabelMapVolumeNode", "vtkMRMLVectorVolumeNode"):
        slicer.mrmlScene.AddNewNodeByClass(class_name, class_name)
    panel = open_module()
    assert panel.ui.volumeSelector.nodeCount() == 2
    assert panel.ui.volumeSelector.currentNode() is heart.volume


def test_segments_added_renamed_and_removed_elsewhere_are_followed(desktop: Any, heart: Heart) -> None:
    panel = open_on(heart)
    add_segment(heart.segmentation, "atrium", heart.masks["rv"], heart.volume)
    desktop.wait_until(lambda: "The atrium" in entries(panel.ui.myocardiumSelector))
    heart.segmentation.GetSegmentation().GetSegment("atrium").SetName("Left atrium")
    desktop.wait_until(lambda: "Left atrium" in entries(panel.ui.myocardiumSelector))
    heart.segmentation.GetSegmentation().RemoveSegment("myo")
    desktop.wait_until(lambda: panel.ui.myocardiumSelector.currentText == "Select the wall")
    assert panel.logic.getParameterNode().myocardiumSegmentID == ""
    assert panel.ui.poolSelector.currentText == "The pool"


def test_segments_missing_in_another_segmentation_are_deselected(heart: Heart) -> None:
    other = draw_heart()
    other.segmentation.SetName("Other")
    only_segment(other, "myo", "rv")
    panel = open_on(heart)
    panel.ui.segmentationSelector.setCurrentNode(other.segmentation)
    assert panel.ui.myocardiumSelector.currentText == "The myo"
    assert panel.ui.poolSelector.currentText == "None"


def test_removing_the_segmentation_disables_the_buttons(desktop: Any, heart: Heart) -> None:
    panel = open_on(heart)
    assert panel.ui.checkButton.enabled
    slicer.mrmlScene.RemoveNode(heart.segmentation)
    desktop.wait_until(lambda: not panel.ui.checkButton.enabled)
    assert panel.ui.checkButton.toolTip == "Choose a segmentation."


# Missing


def test_tooltips_of_disabled_buttons_name_what_is_missing() -> None:
    panel = open_module()
    heart = draw_heart()
    draw_heart()  # of two, none is chosen without asking
    ui = panel.ui
    steps = [
        (lambda: None, "Choose a segmentation and the volume."),
        (lambda: ui.segmentationSelector.setCurrentNode(heart.segmentation), "the myocardium segment and the volume."),
        (lambda: ui.volumeSelector.setCurrentNode(heart.volume), "Choose the myocardium segment."),
    ]
    for step, missing in steps:
        step()
        for button in (ui.checkButton, ui.repairButton):
            assert not button.enabled
            assert button.toolTip.endswith(missing)
    select(ui.myocardiumSelector, "The myo")
    assert ui.checkButton.enabled
    assert ui.repairButton.enabled
    assert "Nothing is changed" in ui.checkButton.toolTip


def test_wall_pool_and_right_ventricle_must_differ(heart: Heart) -> None:
    panel = open_on(heart)
    for name, fine in (("The myo", False), ("The pool", False), ("The rv", True), ("None", True)):
        select(panel.ui.rvSelector, name)
        assert panel.ui.checkButton.enabled is panel.ui.repairButton.enabled is fine, name
    select(panel.ui.poolSelector, "The myo")
    assert "same segment" in panel.ui.checkButton.toolTip


def test_a_segmentation_without_segments_is_named(heart: Heart) -> None:
    only_segment(heart)
    panel = open_module()
    assert panel.ui.repairButton.toolTip.startswith("Heart ")


def test_the_pool_can_be_trimmed_only_where_one_is_chosen(heart: Heart) -> None:
    panel = open_on(heart, pool=False)
    assert not panel.ui.trimPoolCheckBox.enabled
    assert panel.ui.trimPoolCheckBox.toolTip == "Choose the blood-pool segment first."
    select(panel.ui.poolSelector, "The pool")
    assert panel.ui.trimPoolCheckBox.enabled


# Mode and model


@pytest.fixture
def three_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two models for slices and one for volumes, each under its own licence."""
    card = next(card for card in available_models() if card.name == "sax-cine-2d")
    cards = [
        replace(card, name="sax-a", licence="MIT"),
        replace(card, licence="CC BY-NC-SA 4.0"),
        replace(card, name="sax-3d", mode="volumetric", licence="Apache-2.0"),
    ]
    monkeypatch.setattr(RNCARefineLib.panel.model_choice, "available_models", lambda: cards)


def test_the_models_of_the_mode_are_offered_with_their_licence(three_models: None, heart: Heart) -> None:
    panel = open_on(heart)
    assert entries(panel.ui.modelSelector) == ["sax-a", "sax-cine-2d"]
    assert panel.ui.modelSelector.currentText == "sax-cine-2d"
    assert panel.ui.licenceLabel.text == "Licence: CC BY-NC-SA 4.0"
    select(panel.ui.modelSelector, "sax-a")
    assert panel.ui.licenceLabel.text == "Licence: MIT"
    assert panel.logic.getParameterNode().model == "sax-a"
    select(panel.ui.modeSelector, "volumetric")
    assert entries(panel.ui.modelSelector) == ["sax-3d"]
    assert panel.ui.licenceLabel.text == "Licence: Apache-2.0"
    select(panel.ui.modeSelector, "slice-wise")
    assert panel.ui.modelSelector.currentText == "sax-a"


def test_the_tooltip_of_the_model_names_the_training_data(heart: Heart) -> None:
    card = next(card for card in available_models() if card.name == DEFAULT_MODEL)
    tip = open_module().ui.modelSelector.toolTip
    assert card.title in tip
    assert card.training_data in tip


def test_without_a_model_of_the_mode_only_check_is_enabled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heart: Heart
) -> None:
    install(monkeypatch, tmp_path / "models", cine_2d())
    panel = open_on(heart)
    panel.ui.modeSelector.setCurrentText("volumetric")
    assert panel.ui.checkButton.enabled
    assert not panel.ui.repairButton.enabled
    assert panel.ui.repairButton.toolTip == "No volumetric model is installed. Choose another mode."
    assert panel.ui.licenceLabel.text == panel.ui.repairButton.toolTip
    assert not panel.ui.modelSelector.enabled
