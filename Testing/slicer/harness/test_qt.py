"""The stand-ins of Qt behave as PythonQt does, and refuse what it would refuse."""

from __future__ import annotations

import gc
from typing import Any

import ctk
import pytest
import qt
import slicer

from harness.qt_errors import expect_error


def test_properties_are_attributes_and_functions_are_called() -> None:
    label = qt.QLabel("before")
    assert label.text == "before"
    label.text = "after"
    label.setText(label.text + "wards")
    assert label.text == "afterwards"
    assert label.isVisible() is False
    assert label.enabled is True
    with pytest.raises(TypeError, match="not callable"):
        label.text()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: qt.QLabel(), "txt"),
        (lambda: qt.QLabel(), "isChecked"),
        (lambda: qt.QPushButton(), "setMinimum"),
        (lambda: qt.QSpinBox(), "textFromValue"),  # protected
        (lambda: qt.QComboBox(), "labelDrawingMode"),  # Qt 6 only
        (lambda: qt.QCheckBox(), "checkStateChanged"),  # Qt 6 only
        (lambda: ctk.ctkSliderWidget(), "setRange"),  # public, not invokable
        (lambda: ctk.ctkCollapsibleButton(), "setCollapsed"),
        (lambda: slicer.qMRMLNodeComboBox(), "nodes"),
        (lambda: slicer.qMRMLNodeComboBox(), "count"),
    ],
)
def test_what_the_class_does_not_have_is_an_error_that_names_both(make: Any, name: str) -> None:
    widget = make()
    with pytest.raises(AttributeError, match=f"{widget.className()} .*'{name}'"):
        getattr(widget, name)
    with pytest.raises(AttributeError, match=f"'{name}'.*{widget.className()}"):
        setattr(widget, name, 1)


@pytest.mark.parametrize("name", ["QLabell", "QQuickWidget", "QTextCodec", "QRegExp"])
def test_an_unknown_class_is_an_error(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(qt, name)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda: qt.QLabel(), "text", 5),
        (lambda: qt.QLabel(), "text", None),
        (lambda: qt.QSpinBox(), "value", 1.5),
        (lambda: qt.QSpinBox(), "value", "1"),
        (lambda: qt.QPushButton(), "enabled", "yes"),
        (lambda: qt.QLabel(), "sizePolicy", "Expanding"),
        (lambda: qt.QPushButton(), "shortcut", "Ctrl+R"),
        (lambda: slicer.qMRMLNodeComboBox(), "nodeTypes", "vtkMRMLSegmentationNode"),
    ],
)
def test_a_property_takes_only_values_of_its_type(make: Any, name: str, value: Any) -> None:
    widget = make()
    before = widget.property(name)
    with pytest.raises(AttributeError, match=name):
        setattr(widget, name, value)
    assert widget.property(name) == before


def test_a_property_that_can_only_be_read_says_so() -> None:
    with pytest.raises(AttributeError, match="'wasCanceled' of QProgressDialog"):
        qt.QProgressDialog().wasCanceled = True


def test_wrong_arguments_are_an_error_that_names_the_function() -> None:
    with pytest.raises(ValueError, match=r"QLabel\.setText"):
        qt.QLabel().setText(5)
    with pytest.raises(ValueError, match="QLabel"):
        qt.QLabel(5, 6, 7)
    with pytest.raises(ValueError, match="QShortcut"):
        qt.QShortcut("Ctrl+N", qt.QWidget())
    with pytest.raises(ValueError, match="ctkCollapsibleButton"):
        ctk.ctkCollapsibleButton("Title")
    with pytest.raises(TypeError, match="keyword"):
        qt.QLabel(text="no keywords")


def test_enumerators_are_numbers_that_functions_and_properties_take() -> None:
    label = qt.QLabel()
    label.setAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignVCenter == 0x82
    label.alignment = qt.Qt.AlignLeft
    assert label.alignment & qt.Qt.AlignLeft
    table = qt.QTableWidget()
    table.setSelectionBehavior(qt.QTableWidget.SelectRows)
    assert table.selectionBehavior == qt.QAbstractItemView.SelectRows == 1
    item = qt.QTableWidgetItem("x")
    item.setData(qt.Qt.UserRole + 1, 7)
    assert item.data(qt.Qt.UserRole + 1) == 7
    for holder, name in ((qt.Qt, "AlignLft"), (qt.QSizePolicy, "Policy"), (qt.QMessageBox, "StandardButton")):
        with pytest.raises(AttributeError, match=name):
            getattr(holder, name)


def test_classes_are_not_subclassed_nor_changed() -> None:
    with pytest.raises(TypeError, match="subclassed"):
        type("Mine", (qt.QLabel,), {})
    with pytest.raises(AttributeError, match="extra"):
        qt.QLabel.extra = 1


def test_a_slot_gets_as_many_arguments_as_it_takes() -> None:
    button = qt.QPushButton()
    button.checkable = True
    calls: list[Any] = []

    class Panel:
        def one(self, checked: bool) -> None:
            calls.append(("one", checked))

        def none(self) -> None:
            calls.append("none")

    panel = Panel()
    button.connect("clicked(bool)", panel.one)
    button.connect("clicked(bool)", panel.none)
    button.connect("clicked()", lambda *values: calls.append(values))
    button.clicked.connect(lambda checked, more="default": calls.append((checked, more)))
    button.click()
    assert calls == [("one", True), "none", (), (True, "default")]


def test_default_arguments_are_filled_by_the_signal() -> None:
    """A trap of PythonQt, too: ``lambda row=row: ...`` gets what the signal carries."""
    button = qt.QPushButton()
    seen = []
    for row in range(2):
        button.connect("clicked(bool)", lambda row=row: seen.append(row))
        button.connect("clicked()", lambda row=row: seen.append(row))
    button.click()
    assert seen == [False, 0, False, 1]


@pytest.mark.parametrize(
    ("make", "signal"),
    [
        (lambda: qt.QPushButton(), "clicked(int)"),
        (lambda: qt.QPushButton(), "clicked"),
        (lambda: qt.QPushButton(), "clickedd()"),
        (lambda: qt.QComboBox(), "currentIndexChanged(QString)"),  # Qt 5 only
        (lambda: qt.QCheckBox(), "checkStateChanged(Qt::CheckState)"),  # Qt 6 only
        (lambda: ctk.ctkSliderWidget(), "valueChanged(int)"),
        (lambda: slicer.qMRMLNodeComboBox(), "currentNodeChanged(vtkMRMLSegmentationNode*)"),
        (lambda: slicer.qMRMLNodeComboBox(), "currentIndexChanged(int)"),
    ],
)
def test_an_unknown_signal_is_an_error(make: Any, signal: str) -> None:
    widget = make()
    for connect in (widget.connect, widget.disconnect):
        with pytest.raises(AttributeError, match=widget.className()):
            connect(signal, lambda: None)


def test_what_is_connected_must_be_a_function() -> None:
    with pytest.raises(ValueError, match="not a function"):
        qt.QPushButton().connect("clicked()", None)


def test_disconnecting_takes_one_connection_away() -> None:
    button = qt.QPushButton()
    calls = []

    def slot() -> None:
        calls.append(1)

    button.connect("clicked()", slot)
    button.connect("clicked( )", slot)  # blanks do not matter
    assert button.disconnect("clicked()", slot)
    button.click()
    assert len(calls) == 1
    assert button.clicked.disconnect(slot) is False  # that is another signal, clicked(bool)
    assert button.disconnect("clicked()", slot)
    assert button.disconnect("clicked()", slot) is False
    button.click()
    assert len(calls) == 1


def test_an_error_in_a_slot_stops_nothing_and_is_kept() -> None:
    button = qt.QPushButton()
    calls = []

    def wrong() -> None:
        raise ValueError("a wrong slot")

    button.connect("clicked()", wrong)
    button.connect("clicked()", lambda: calls.append(1))
    with expect_error(ValueError, "wrong slot"):
        button.click()
    assert calls == [1]
    with pytest.raises(AssertionError, match="KeyError"), expect_error(KeyError):
        pass


def test_an_object_that_nobody_holds_is_deleted() -> None:
    calls = []
    timer = qt.QTimer()
    timer.connect("destroyed()", lambda: calls.append(1))
    del timer
    gc.collect()
    assert calls == [1]


def test_using_a_deleted_object_is_an_error() -> None:
    parent = qt.QWidget()
    child = qt.QLabel("x", parent)
    parent.delete()
    for use in (lambda: child.text, lambda: child.setText("y"), lambda: setattr(child, "text", "y")):
        with pytest.raises(ValueError, match="QLabel"):
            use()


def test_dynamic_properties_are_read_and_changed_as_attributes() -> None:
    widget = qt.QWidget()
    assert widget.property("SlicerParameterName") is None
    assert widget.setProperty("SlicerParameterName", "count") is False
    assert widget.SlicerParameterName == widget.property("SlicerParameterName") == "count"
    widget.SlicerParameterName = "seed"
    assert widget.property("SlicerParameterName") == "seed"
    assert widget.setProperty("toolTip", "static") is True
    with pytest.raises(AttributeError, match="no property 'accessibleIdentifier'"):  # Qt 6 only
        widget.setProperty("accessibleIdentifier", "x")


@pytest.mark.parametrize("value", [1, 2])
def test_settings_are_empty_at_the_start_of_each_session(value: int) -> None:
    settings = qt.QSettings()
    assert settings.allKeys() == []
    settings.setValue("RNCARefine/key", value)
    assert int(slicer.app.userSettings().value("RNCARefine/key")) == value
    assert slicer.util.settingsValue("RNCARefine/key", 0, converter=int) == value
