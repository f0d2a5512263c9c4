"""The stand-ins of CTK's and Slicer's widgets do what the real ones do, the surprising parts included."""

from __future__ import annotations

from typing import Any

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
