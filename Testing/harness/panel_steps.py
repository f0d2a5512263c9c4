"""User actions in the module's panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from PySide6.QtTest import QTest

from .hearts import Heart
from .panels import open_panel
from .pythonqt.values import to_native

MODULE_FILE = Path(__file__).resolve().parents[2] / "RNCARefine" / "RNCARefine.py"


def open_module() -> Any:
    """Open the module as from the menu, with the terms of all shipped models agreed to; return its widget class."""
    import qt

    from rncarefine.nca.model import available_models
    from RNCARefineLib.panel.dialogs import SETTING

    qt.QSettings().setValue(SETTING, "\n".join({card.licence for card in available_models()}))
    return open_panel(MODULE_FILE)


def open_on(heart: Heart, *, pool: bool = True) -> Any:
    """Open the module and choose the segments of a heart; its nodes are chosen already if they are the only ones."""
    panel = open_module()
    panel.ui.segmentationSelector.setCurrentNode(heart.segmentation)
    panel.ui.volumeSelector.setCurrentNode(heart.volume)
    select(panel.ui.myocardiumSelector, "The myo")
    if pool:
        select(panel.ui.poolSelector, "The pool")
    return panel


def repaired(heart: Heart, **options: bool) -> Any:
    panel = open_on(heart, **options)
    panel.ui.repairButton.click()
    assert panel.ui.summaryLabel.text, panel.ui.noticeLabel.text
    return panel


def select(combo: Any, text: str) -> None:
    """Select an entry of a combo box by its text."""
    index = combo.findText(text)
    assert index >= 0, f"{combo.name} has no {text!r}, but {entries(combo)}"
    combo.setCurrentIndex(index)


def entries(combo: Any) -> list[str]:
    return [combo.itemText(index) for index in range(combo.count)]


def rows(panel: Any) -> dict[int, dict[str, str]]:
    """Return what the slice table shows: number of the slice to heading of each visible column to its text."""
    table = panel.ui.sliceTable
    shown = [number for number in range(table.columnCount) if not table.isColumnHidden(number)]
    headings = {number: table.horizontalHeaderItem(number).text().replace("\n", " ") for number in shown}
    listed = [row for row in range(table.rowCount) if not table.isRowHidden(row)]
    texts = {row: {headings[number]: table.item(row, number).text() for number in shown} for row in listed}
    return {int(texts[row]["Slice"]): texts[row] for row in listed}


def summary(panel: Any) -> str:
    """Return the summary with plain spaces, as the report has it."""
    return str(panel.ui.summaryLabel.text).replace("\u00a0", " ")


def choose_slice(panel: Any, k: int) -> None:
    panel.ui.sliceTable.setCurrentCell(k, 0)


def chosen_slice(panel: Any) -> int | None:
    row = panel.ui.sliceTable.currentRow()
    return None if row < 0 else int(panel.ui.sliceTable.item(row, 0).text())


def tags_of(node: Any, segment_id: str) -> dict[str, str]:
    from RNCARefineLib.mrml.review.kept import tag_of

    segment = node.GetSegmentation().GetSegment(segment_id)
    names = ("RNCARefine.Decisions", "RNCARefine.Report", "Segmentation.Status")
    return {name: str(tag_of(segment, name)) for name in names}


def parameter_node() -> Any:
    """Return the plain parameter node of the module, ``None`` if there is none."""
    return slicer.mrmlScene.GetSingletonNode("RNCARefine", "vtkMRMLScriptedModuleNode")


def decide(panel: Any, k: int, button: str) -> None:
    choose_slice(panel, k)
    assert getattr(panel.ui, button).enabled, getattr(panel.ui, button).toolTip
    getattr(panel.ui, button).click()


def slices_shown(heart: Heart) -> set[int]:
    """Return the slices that are shown by the views which are parallel to the stack."""
    from RNCARefineLib.mrml.review.views import slice_shown

    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return {k for node in nodes if (k := slice_shown(node, heart.volume)) is not None}


def output_of(panel: Any) -> Any:
    return panel.logic.getParameterNode().reviewedSegmentation


def press(widget: Any, letter: str) -> None:
    """Give a widget the focus and type a letter; shortcuts get it as Qt sends it."""
    widget.window().activateWindow()
    widget.setFocus()
    slicer.app.processEvents()
    QTest.keyClick(to_native(widget), letter.lower())
