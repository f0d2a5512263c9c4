"""The stand-ins of CTK's and Slicer's widgets do what the real ones do, the surprising parts included."""

from __future__ import annotations

from typing import Any

import ctk
import slicer


def add(name: str, kind: str = "vtkMRMLScalarVolumeNode") -> Any:
    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


def make_selector(**properties: Any) -> Any:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    for name, value in properties.items():
        setattr(selector, name, value)
    return selector


def names(selector: Any) -> list[str]:
    return [selector.nodeFromIndex(index).GetName() for index in range(selector.nodeCount())]


def test_a_selector_lists_the_nodes_of_its_types_in_the_order_of_the_scene() -> None:
    add("one")
    add("labels", "vtkMRMLLabelMapVolumeNode")
    add("table", "vtkMRMLTableNode")
    add("hidden").SetHideFromEditors(True)
    selector = make_selector(noneEnabled=True)
    assert selector.enabled is False
    assert selector.nodeCount() == 0
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.enabled is True
    assert names(selector) == ["one", "labels"]
    selector.showChildNodeTypes = False
    assert names(selector) == ["one"]


def test_a_selector_follows_the_scene() -> None:
    selector = make_selector(noneEnabled=True)
    selector.setMRMLScene(slicer.mrmlScene)
    heard: list[Any] = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    first, second = add("first"), add("second")
    assert names(selector) == ["first", "second"]
    assert heard == []
    selector.setCurrentNode(first)
    assert heard == [first]
    first.SetName("renamed")
    assert names(selector) == ["renamed", "second"]
    assert selector.currentNode() is first
    second.SetHideFromEditors(True)
    assert names(selector) == ["renamed"]
    slicer.mrmlScene.RemoveNode(first)
    assert selector.currentNode() is None
    assert heard[-1] is None


def test_with_none_nothing_is_selected_by_itself_and_without_the_first_node_is() -> None:
    node = add("first")
    add("second")
    chosen = []
    for none_enabled in (True, False):
        selector = make_selector(noneEnabled=none_enabled)
        selector.setMRMLScene(slicer.mrmlScene)
        chosen.append(selector.currentNode())
    assert chosen == [None, node]


def test_the_signals_of_a_selector_carry_what_their_signatures_say() -> None:
    node = add("first")
    selector = make_selector(noneEnabled=True)
    selector.setMRMLScene(slicer.mrmlScene)
    heard: list[Any] = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    selector.connect("currentNodeChanged(bool)", heard.append)
    selector.currentNodeChanged.connect(heard.append)
    selector.setCurrentNodeID(node.GetID())
    assert heard == [node, node, True]
    heard.clear()
    selector.setCurrentNode(None)
    assert heard == [None, None, False]


def test_a_node_asked_for_before_there_is_a_scene_is_remembered() -> None:
    add("first")
    node = add("second")
    selector = make_selector(noneEnabled=True)
    selector.setCurrentNodeID(node.GetID())
    assert selector.currentNode() is None
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.currentNode() is node


def test_a_selector_survives_the_closing_of_the_scene() -> None:
    selector = make_selector(noneEnabled=True)
    selector.setMRMLScene(slicer.mrmlScene)
    selector.setCurrentNode(add("first"))
    heard: list[Any] = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    slicer.mrmlScene.Clear(False)
    assert selector.nodeCount() == 0
    assert heard[-1] is None
    add("next")
    assert names(selector) == ["next"]


def test_a_deleted_selector_no_longer_observes_the_scene() -> None:
    selector = make_selector(noneEnabled=True)
    selector.setMRMLScene(slicer.mrmlScene)
    node = add("first")
    selector.delete()
    node.SetName("renamed")
    add("second")


def test_a_scene_widget_hands_its_scene_on_once() -> None:
    widget = slicer.qMRMLWidget()
    heard: list[Any] = []
    widget.connect("mrmlSceneChanged(vtkMRMLScene*)", heard.append)
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLScene(slicer.mrmlScene)
    assert heard == [slicer.mrmlScene]
    assert widget.mrmlScene() is slicer.mrmlScene


def test_a_slider_holds_a_real_number_within_its_bounds() -> None:
    slider = ctk.ctkSliderWidget()
    slider.minimum, slider.maximum, slider.singleStep, slider.decimals = 0.0, 1.0, 0.1, 2
    heard: list[float] = []
    slider.connect("valueChanged(double)", heard.append)
    slider.value = 0.25
    slider.setValue(5)
    assert heard == [0.25, 1.0]
    assert slider.value == 1.0
