"""Loading of .ui files: what is in the module's file exists in the application, and anything else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import qt
import slicer

from harness.qt_loader import UiError, check_ui

UI_FILES = sorted((Path(__file__).resolve().parents[3] / "RNCARefine" / "Resources" / "UI").glob("*.ui"))

GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0">
 <class>Panel</class>
 <widget class="qMRMLWidget" name="Panel">
  <layout class="QFormLayout" name="layout">
   <property name="leftMargin"><number>3</number></property>
   <property name="fieldGrowthPolicy"><enum>QFormLayout::AllNonFixedFieldsGrow</enum></property>
   <item row="0" column="0">
    <widget class="QLabel" name="label">
     <property name="text"><string>Volume:</string></property>
     <property name="alignment"><set>Qt::AlignRight|Qt::AlignVCenter</set></property>
    </widget>
   </item>
   <item row="0" column="1">
    <widget class="qMRMLNodeComboBox" name="selector">
     <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
     <property name="noneEnabled"><bool>true</bool></property>
     <property name="SlicerParameterName" stdset="0"><string>volume</string></property>
    </widget>
   </item>
   <item row="1" column="0" colspan="2">
    <widget class="ctkCollapsibleButton" name="section">
     <property name="text"><string>Advanced</string></property>
     <property name="collapsed"><bool>true</bool></property>
     <layout class="QVBoxLayout" name="sectionLayout">
      <item><widget class="QCheckBox" name="box"/></item>
      <item>
       <widget class="QComboBox" name="choice">
        <item><property name="text"><string>first</string></property></item>
       </widget>
      </item>
      <item><spacer name="spacer"><property name="orientation"><enum>Qt::Vertical</enum></property></spacer></item>
     </layout>
    </widget>
   </item>
  </layout>
 </widget>
 <customwidgets>
  <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>ctkCollapsibleButton.h</header></customwidget>
  <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>qMRMLNodeComboBox.h</header></customwidget>
  <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>qMRMLWidget.h</header></customwidget>
 </customwidgets>
 <connections>
  <connection>
   <sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot>
  </connection>
 </connections>
</ui>
"""


def load(folder: Path, text: str = GOOD) -> Any:
    path = folder / "Panel.ui"
    path.write_text(text, encoding="utf-8")
    return slicer.util.loadUI(str(path))


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_everything_in_the_module_s_own_files_is_in_the_table(path: Path) -> None:
    check_ui(path)
    widget = slicer.util.loadUI(str(path))
    assert widget.className() == "qMRMLWidget"


def test_slicer_s_own_functions_load_a_file_and_find_its_widgets(tmp_path: Path) -> None:
    widget = load(tmp_path)
    ui = slicer.util.childWidgetVariables(widget)
    assert widget.className() == "qMRMLWidget"
    assert ui.label.text == "Volume:"
    assert ui.label.alignment == qt.Qt.AlignRight | qt.Qt.AlignVCenter
    assert type(ui.selector) is slicer.qMRMLNodeComboBox
    assert list(ui.selector.nodeTypes) == ["vtkMRMLScalarVolumeNode"]
    assert ui.selector.property("SlicerParameterName") == "volume"
    assert ui.choice.itemText(0) == "first"
    assert slicer.util.findChild(widget, "box") == ui.box


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('class="QCheckBox"', 'class="QCheckerBox"', "QCheckerBox"),
        ('class="QVBoxLayout"', 'class="QVerticalLayout"', "QVerticalLayout"),
        ('name="noneEnabled"', 'name="noneAllowed"', "noneAllowed"),
        ('name="collapsed"', 'name="folded"', "folded"),
        ('name="leftMargin"', 'name="margin"', "property margin"),
        ('name="orientation"', 'name="direction"', "property direction"),
        ("SlicerParameterName", "SlicerParametreName", "SlicerParametreName"),
        (' stdset="0"', "", "property SlicerParameterName"),
        ("<bool>true</bool>", "<string>true</string>", "is no <bool>"),
        ("Qt::AlignRight", "Qt::AlignRite", "unknown value Qt::AlignRite"),
        ("Qt::Vertical", "Qt::Orientation::Vertical", "unknown value Qt::Orientation::Vertical"),
        ("mrmlSceneChanged(vtk", "sceneChanged(vtk", "signal sceneChanged"),
        ("<slot>setMRMLScene(", "<slot>setScene(", "slot setScene"),
        ("<receiver>selector", "<receiver>selektor", "names selektor"),
        ('name="box"', 'name="label"', "called label"),
        ("<class>qMRMLWidget</class>", "<class>qMRMLPanel</class>", "qMRMLPanel"),
        ("<class>qMRMLNodeComboBox</class>", "<class>qMRMLWidget</class>", "qMRMLNodeComboBox is not among"),
        ("<extends>QWidget", "<extends>QFrame", "QFrame"),
        ("<header>qMRMLWidget.h", "<header>qMRMLWidgets.h", "header of qMRMLWidget"),
    ],
)
def test_a_file_with_a_fault_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    with pytest.raises(UiError, match=r"Panel\.ui") as error:
        load(tmp_path, GOOD.replace(old, new))
    assert fault in str(error.value)
