"""Typed parameters: the stand-in of ``slicer.parameterNodeWrapper`` does what the real one does.

``python Testing/harness/check_against_real.py wrapper SLICER`` runs this file against the real one.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import pytest
import slicer
import vtk

REAL = os.environ.get("REAL_PARAMETER_NODE", "")


@pytest.fixture
def package(session: Any) -> Any:
    """Return the package to look at: the stand-in, or the real one."""
    if REAL:
        from harness.check_against_real import load_real_wrapper

        return load_real_wrapper(REAL)
    return slicer.parameterNodeWrapper


@pytest.fixture
def wrapper_class(package: Any) -> Any:
    """Return a class with a parameter of each type."""

    class Parameters:
        segmentation: slicer.vtkMRMLSegmentationNode
        count: Annotated[int, package.WithinRange(1, 25)] = 3
        share: Annotated[float, package.WithinRange(0, 1)] = 0.25
        plain: float
        closed: bool = True
        word: Annotated[str, package.Choice(["auto", "first", "last"])] = "auto"
        text: str

    # The annotations of this file are strings; a class in a function cannot find its own names in them.
    Parameters.__annotations__ = {
        name: eval(text, {**globals(), "package": package}) for name, text in Parameters.__annotations__.items()
    }
    return package.parameterNodeWrapper(Parameters)


@pytest.fixture
def node() -> Any:
    """Return a parameter node in the scene."""
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "Parameters")


@pytest.fixture
def parameters(wrapper_class: Any, node: Any) -> Any:
    """Return the wrapper of the node."""
    return wrapper_class(node)


def written(node: Any) -> dict[str, str]:
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_the_defaults_are_written_as_text(parameters: Any, node: Any) -> None:
    assert written(node) == {
        "segmentation": "",
        "count": "3",
        "share": "0.25",
        "plain": "0",
        "closed": "True",
        "word": "auto",
        "text": "",
    }


def test_the_defaults_are_read_with_their_types(parameters: Any) -> None:
    assert parameters.segmentation is None
    assert parameters.count == 3
    assert parameters.share == 0.25
    assert (parameters.plain, type(parameters.plain)) == (0.0, float)
    assert parameters.closed is True


def test_values_are_written_as_text_and_nodes_as_references(parameters: Any, node: Any) -> None:
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    parameters.segmentation = segmentation
    parameters.count = 7
    parameters.share = 1
    parameters.closed = False
    texts = written(node)
    assert node.GetNodeReferenceID("segmentation") == segmentation.GetID()
    assert (texts["count"], texts["share"], texts["closed"]) == ("7", "1", "False")
    assert parameters.segmentation is segmentation


def test_a_second_wrapper_reads_the_values_of_the_node(wrapper_class: Any, parameters: Any, node: Any) -> None:
    parameters.count = 9
    parameters.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    second = wrapper_class(node)
    assert second.count == 9
    assert second.segmentation is parameters.segmentation
    second.count = 10
    assert parameters.count == 10


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("count", 0, ValueError),
        ("count", 26, ValueError),
        ("count", 2.0, TypeError),
        ("count", "2", TypeError),
        ("count", None, ValueError),
        ("share", 1.01, ValueError),
        ("share", -0.01, ValueError),
        ("closed", 1, TypeError),
        ("word", "middle", ValueError),
        ("text", 5, TypeError),
        ("text", None, ValueError),
    ],
)
def test_an_invalid_value_is_refused_and_changes_nothing(
    parameters: Any, node: Any, name: str, value: Any, error: type[Exception]
) -> None:
    before, texts = getattr(parameters, name), written(node)
    with pytest.raises(error):
        setattr(parameters, name, value)
    assert getattr(parameters, name) == before
    assert written(node) == texts


def test_a_node_of_another_class_is_refused(parameters: Any) -> None:
    with pytest.raises(TypeError, match="vtkMRMLSegmentationNode"):
        parameters.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")


def test_a_default_that_does_not_fit_is_refused(package: Any, node: Any) -> None:
    class Parameters:
        count: int = 0

    Parameters.__annotations__ = {"count": Annotated[int, package.WithinRange(1, 5)]}
    with pytest.raises(ValueError, match="within range"):
        package.parameterNodeWrapper(Parameters)(node)


def test_a_parameter_cannot_be_named_like_a_wrapper_method(package: Any) -> None:
    class Parameters:
        def getValue(self) -> None: ...

    with pytest.raises(ValueError, match="reserved name 'getValue'"):
        package.parameterNodeWrapper(Parameters)


def test_an_unknown_type_is_refused(package: Any) -> None:
    class Parameters: ...

    Parameters.__annotations__ = {"thing": complex}
    with pytest.raises(Exception, match="thing"):
        package.parameterNodeWrapper(Parameters)


def test_observers_are_notified_once_and_see_the_new_value(parameters: Any) -> None:
    seen = []
    tag = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: seen.append(parameters.count))
    parameters.count = 12
    parameters.count = 12  # no change, no event
    assert seen == [12]
    with slicer.util.NodeModify(parameters):
        parameters.count = 13
        parameters.closed = False
        assert seen == [12]
    assert seen == [12, 13]
    parameters.RemoveObserver(tag)
    parameters.count = 14
    assert seen == [12, 13]


def test_a_node_that_is_removed_is_none(parameters: Any) -> None:
    parameters.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    slicer.mrmlScene.RemoveNode(parameters.segmentation)
    assert parameters.segmentation is None


def test_a_deleted_wrapper_stops_observing(wrapper_class: Any, node: Any) -> None:
    parameters = wrapper_class(node)
    parameters.count = 4
    del parameters
    node.SetParameter("count", "many")  # reading it would fail
    node.UnsetParameter("count")


class Ui:
    """Widgets as ``childWidgetVariables`` gives them."""


def make_ui() -> Any:
    import qt

    ui = Ui()
    widgets = {
        "segmentation": slicer.qMRMLNodeComboBox(),
        "count": qt.QSpinBox(),
        "share": qt.QDoubleSpinBox(),
        "plain": qt.QDoubleSpinBox(),
        "closed": qt.QCheckBox(),
        "word": qt.QComboBox(),
    }
    for name, widget in widgets.items():
        widget.setProperty("SlicerParameterName", name)
        setattr(ui, f"{name}Widget", widget)
    ui.label = qt.QLabel("no parameter")
    ui.segmentationWidget.noneEnabled = True
    ui.segmentationWidget.setMRMLScene(slicer.mrmlScene)
    return ui


def test_widgets_show_the_parameters(parameters: Any) -> None:
    ui = make_ui()
    parameters.count, parameters.word, parameters.closed = 8, "last", False
    parameters.connectGui(ui)
    assert ui.countWidget.value == 8
    assert (ui.countWidget.minimum, ui.countWidget.maximum) == (1, 25)
    assert (ui.shareWidget.value, ui.shareWidget.minimum, ui.shareWidget.maximum) == (0.25, 0.0, 1.0)
    assert ui.closedWidget.checked is False
    assert ui.wordWidget.currentText == "last"
    assert list(ui.segmentationWidget.nodeTypes) == ["vtkMRMLSegmentationNode"]
    parameters.plain = -3.5
    assert ui.plainWidget.value == -3.5


def test_changes_in_the_widgets_are_written(parameters: Any) -> None:
    ui = make_ui()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    parameters.connectGui(ui)
    ui.countWidget.value = 5
    ui.shareWidget.value = 1.0
    ui.plainWidget.value = 2.5
    ui.closedWidget.checked = False
    ui.wordWidget.currentIndex = 2
    ui.segmentationWidget.setCurrentNode(node)
    assert (parameters.count, parameters.share, parameters.plain, parameters.closed) == (5, 1.0, 2.5, False)
    assert parameters.word == "last"
    assert parameters.segmentation is node
    slicer.mrmlScene.RemoveNode(node)
    assert parameters.segmentation is None
    assert ui.segmentationWidget.currentNode() is None


def test_after_disconnecting_neither_side_follows_the_other(parameters: Any) -> None:
    ui = make_ui()
    tag = parameters.connectGui(ui)
    parameters.disconnectGui(tag)
    parameters.count = 6
    assert ui.countWidget.value == 3
    ui.closedWidget.checked = False
    assert parameters.closed is True
    parameters.disconnectGui(tag)  # nothing to do
    parameters.disconnectGui(None)


def test_a_name_that_is_no_parameter_is_refused(parameters: Any) -> None:
    ui = make_ui()
    ui.countWidget.setProperty("SlicerParameterName", "cuont")
    with pytest.raises(ValueError, match="cuont"):
        parameters.connectGui(ui)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("count", "QLineEdit"),
        ("text", "QComboBox"),  # no choices
        ("text", "QSpinBox"),
        ("closed", "QComboBox"),
        ("segmentation", "QComboBox"),
    ],
)
def test_a_widget_that_cannot_show_the_parameter_is_refused(parameters: Any, name: str, make: str) -> None:
    import qt

    widget = getattr(qt, make)()
    with pytest.raises((RuntimeError, TypeError)):
        parameters.connectParametersToGui({name: widget})
