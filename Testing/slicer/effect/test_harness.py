"""The stand-ins of Segment Editor are as strict as the application, or stricter."""

from __future__ import annotations

from typing import Any

import pytest
import slicer

from harness.scripted_effect import ScriptedEffect, qSlicerSegmentEditorAbstractEffect


@pytest.fixture
def effect(session: Any) -> ScriptedEffect:
    effect = ScriptedEffect(None)
    effect.name = "Trial"
    effect.setParameterSetNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    return effect


def test_what_the_real_class_has_not_is_an_error(effect: ScriptedEffect) -> None:
    with pytest.raises(AttributeError):
        effect.proposal = None  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        effect.applyProposal()  # type: ignore[attr-defined]


def test_parameters_are_kept_under_the_effect_s_name_as_the_application_writes_them(effect: ScriptedEffect) -> None:
    node = effect.parameterSetNode()
    effect.setParameter("Share", 1 / 3)
    effect.setParameterDefault("Count", 2)
    effect.setParameterDefault("Count", 3)
    assert node.GetAttribute("Trial.Share") == "0.333333"
    assert effect.integerParameter("Count") == 2
    with pytest.raises(KeyError, match=r"Trial.*Other"):
        effect.parameter("Other")
    with pytest.raises(TypeError, match="overloads"):
        effect.setParameter("Flag", True)


def test_an_empty_text_is_no_definition_of_a_parameter(effect: ScriptedEffect) -> None:
    effect.setParameterDefault("Pool", "")
    assert not effect.parameterDefined("Pool")
    with pytest.raises(KeyError):
        effect.parameter("Pool")
    effect.setParameter("Pool", "rv")
    effect.setParameter("Pool", "")
    assert effect.parameter("Pool") == ""
    assert not effect.parameterDefined("Pool")


def test_a_parameter_is_told_by_its_own_event_and_only_if_it_has_changed(effect: ScriptedEffect) -> None:
    node, events = effect.parameterSetNode(), []
    node.AddObserver(node.EffectParameterModified, lambda *_: events.append("parameter"))
    node.AddObserver("ModifiedEvent", lambda *_: events.append("modified"))
    effect.setParameter("Count", 1)
    effect.setParameter("Count", 1)
    assert events == ["parameter"]


def test_the_person_is_asked_only_for_a_hidden_segment(effect: ScriptedEffect, heart: Any) -> None:
    answers = qSlicerSegmentEditorAbstractEffect
    effect.parameterSetNode().SetAndObserveSegmentationNode(heart.segmentation)
    effect.parameterSetNode().SetSelectedSegmentID("myo")
    assert effect.confirmCurrentSegmentVisible() == answers.ConfirmedWithoutDialog
    heart.segmentation.GetDisplayNode().SetSegmentVisibility("myo", False)
    assert effect.confirmCurrentSegmentVisible() == answers.NotConfirmed
