"""The stand-ins of CTK's and Slicer's widgets do what the real ones do, the surprising parts included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctk
import pytest
import qt
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
    selector.showHidden = True
    assert names(selector) == ["one", "hidden"]


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
    selector.connect("currentNodeIDChanged(QString)", heard.append)
    selector.currentNodeChanged.connect(heard.append)
    selector.currentNodeID = node.GetID()
    assert heard == [node, node, True, node.GetID()]
    heard.clear()
    selector.setCurrentNode(None)
    assert heard == [None, None, False, ""]
    assert selector.currentNodeID == ""


def test_a_node_asked_for_before_there_is_a_scene_is_remembered() -> None:
    add("first")
    node = add("second")
    selector = make_selector(noneEnabled=True)
    selector.setCurrentNodeID(node.GetID())
    assert selector.currentNode() is None
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.currentNode() is node


def test_a_selector_can_ask_for_an_attribute() -> None:
    for name, value in (("without", None), ("no", "0"), ("yes", "1")):
        node = add(name)
        if value:
            node.SetAttribute("wanted", value)
    selector = make_selector(noneEnabled=True)
    selector.setMRMLScene(slicer.mrmlScene)
    selector.addAttribute("vtkMRMLScalarVolumeNode", "wanted")
    assert names(selector) == ["no", "yes"]
    selector.addAttribute("vtkMRMLScalarVolumeNode", "wanted", 1)
    assert names(selector) == ["yes"]
    selector.removeAttribute("vtkMRMLScalarVolumeNode", "wanted")
    assert names(selector) == ["without", "no", "yes"]


def test_a_selector_adds_and_removes_nodes() -> None:
    selector = make_selector(noneEnabled=True, baseName="Result")
    selector.setMRMLScene(slicer.mrmlScene)
    node = selector.addNode()
    assert node.GetName() == "Result"
    assert selector.currentNode() is node
    selector.removeCurrentNode()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    assert selector.addNode("vtkMRMLTableNode") is None


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


def make_segments(*segment_ids: str) -> Any:
    node = add("Heart", "vtkMRMLSegmentationNode")
    for segment_id in segment_ids:
        node.GetSegmentation().AddEmptySegment(segment_id, f"The {segment_id}")
    return node


def test_a_segment_selector_takes_the_first_segment_unless_there_is_none_to_select() -> None:
    node = make_segments("myo", "pool")
    chosen = []
    for none_enabled in (False, True):
        selector = slicer.qMRMLSegmentSelectorWidget()
        selector.noneEnabled = none_enabled
        selector.setMRMLScene(slicer.mrmlScene)
        selector.setCurrentNode(node)
        chosen.append(selector.currentSegmentID())
        selector.setCurrentSegmentID("pool")
        assert selector.currentSegmentID() == "pool"
        selector.setCurrentSegmentID("not there")
        assert selector.currentSegmentID() == "pool"
    assert chosen == ["myo", ""]


def test_a_segment_selector_follows_the_segments() -> None:
    node = make_segments("myo", "pool")
    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(slicer.mrmlScene)
    heard: list[str] = []
    selector.connect("currentSegmentChanged(QString)", heard.append)
    assert selector.currentNode() is node  # without "None" to select, the first
    assert selector.currentSegmentID() == "myo"
    selector.setCurrentSegmentID("pool")
    node.GetSegmentation().AddEmptySegment("rv")
    assert selector.currentSegmentID() == "pool"
    node.GetSegmentation().RemoveSegment("pool")
    assert selector.currentSegmentID() == "myo"
    assert heard == ["pool", "myo"]


def test_a_segment_selector_without_a_node_keeps_its_last_segment_as_the_real_one_does() -> None:
    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.noneEnabled = True
    selector.setMRMLScene(slicer.mrmlScene)
    selector.setCurrentNode(make_segments("myo"))
    selector.setCurrentSegmentID("myo")
    selector.setCurrentNode(None)
    assert selector.currentNode() is None
    assert selector.currentSegmentID() == "myo"


def test_a_slider_holds_a_real_number_within_its_bounds() -> None:
    slider = ctk.ctkSliderWidget()
    slider.minimum, slider.maximum, slider.singleStep, slider.decimals = 0.0, 1.0, 0.1, 2
    heard: list[float] = []
    slider.connect("valueChanged(double)", heard.append)
    slider.value = 0.25
    slider.setValue(5)
    assert heard == [0.25, 1.0]
    assert slider.value == 1.0
    assert slicer.qMRMLSliderWidget().inherits("ctkSliderWidget")


def test_a_path_is_typed_or_browsed_for(desktop: Any, tmp_path: Path) -> None:
    edit = ctk.ctkPathLineEdit()
    edit.filters = ctk.ctkPathLineEdit.Dirs
    heard: list[Any] = []
    edit.connect("currentPathChanged(QString)", heard.append)
    edit.connect("validInputChanged(bool)", heard.append)
    edit.currentPath = "nowhere"
    desktop.dialogs.answer(str(tmp_path), "")
    edit.browse()
    edit.browse()  # cancelled
    assert edit.currentPath == str(tmp_path)
    assert heard == ["nowhere", True, str(tmp_path)]
    assert [shown.kind for shown in desktop.dialogs.shown] == ["folder", "folder"]


def test_a_browser_folds_its_details() -> None:
    browser = ctk.ctkFittedTextBrowser()
    browser.setCollapsibleHtml("summary<br>details")
    assert "details" not in browser.plainText.replace(browser.showDetailsText, "")
    browser.collapsed = False
    assert "details" in browser.plainText
    assert browser.collapsibleText() == "summary<br>details"


@pytest.mark.parametrize("make", [lambda: ctk.ctkComboBox(), lambda: qt.QComboBox()])
def test_combo_boxes_have_properties_where_pythonqt_has_them(make: Any) -> None:
    combo = make()
    combo.addItem("auto", "a")
    combo.addItems(["first", "last"])
    heard: list[Any] = []
    combo.connect("currentIndexChanged(int)", heard.append)
    combo.currentIndex = 2
    assert (combo.count, combo.currentText, combo.currentData) == (3, "last", None)
    assert combo.itemData(0) == "a"
    assert combo.findText("first") == 1
    assert heard == [2]
