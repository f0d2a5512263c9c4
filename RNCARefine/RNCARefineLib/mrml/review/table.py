"""The report as a table node: one row per slice, typed columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import slicer
import vtk

from rncarefine.refine.records import Report
from rncarefine.report.report import Value, column_types, table_rows

from ..nodes.scene import place_next_to, referred_node

REPORT_ROLE = "RNCARefine.Report"
"""Role of the reference from a repaired segmentation to its table."""


def existing_table(segmentation_node: Any) -> Any:
    """Return the table of an earlier repair into the same segmentation, or ``None``."""
    return segmentation_node.GetNodeReference(REPORT_ROLE)


def put_table(report: Report, segmentation_node: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode:
    """Write the report into the table of a segmentation; the table is added if missing.

    Args:
        report: The report; its summary becomes the description of the table.
        segmentation_node: The result of the repair, in the scene; it gets a reference to the table.
    """
    node = referred_node(segmentation_node, REPORT_ROLE, "vtkMRMLTableNode", "report")
    fill_table(node, report)
    place_next_to(node, segmentation_node)
    return node


def put_rows(
    segmentation_node: slicer.vtkMRMLSegmentationNode, names: list[str], rows: list[list[Value]], summary: str
) -> slicer.vtkMRMLTableNode:
    """Write rows of text into the table of a segmentation; the table is added if missing.

    Args:
        segmentation_node: The result of the repair, in the scene; it gets a reference to the table.
        names: The columns.
        rows: One per place.
        summary: Becomes the description of the table.
    """
    node = referred_node(segmentation_node, REPORT_ROLE, "vtkMRMLTableNode", "report")
    _fill(node, dict.fromkeys(names, str), rows, summary)
    place_next_to(node, segmentation_node)
    return node


def fill_table(node: slicer.vtkMRMLTableNode, report: Report) -> None:
    """Replace the content of a table node by the slices of the report.

    Columns are integers, floats or text. Yes and no are text because Slicer writes byte columns to CSV as raw
    characters. An unknown number is NaN, an undecided value an empty text.
    """
    _fill(node, column_types(), table_rows(report)[1], report.summary())


def _fill(node: slicer.vtkMRMLTableNode, hints: Mapping[str, Any], rows: list[list[Value]], summary: str) -> None:
    was_modifying = node.StartModify()
    node.RemoveAllColumns()
    for index, (name, hint) in enumerate(hints.items()):
        node.AddColumn(_column(name, hint, [row[index] for row in rows]))
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetDescription(summary)
    node.EndModify(was_modifying)


def _column(name: str, hint: Any, values: list[Value]) -> vtk.vtkAbstractArray:
    """Return a typed column; ``hint`` is the type of the column's values."""
    column: Any
    plain: list[Any] = values
    if hint is int:
        column = vtk.vtkIntArray()
    elif hint in (float, float | None):
        column = vtk.vtkDoubleArray()
        plain = [math.nan if value is None else value for value in values]
    else:
        column = vtk.vtkStringArray()
        words = {None: "", True: "yes", False: "no"}
        plain = [words[value] if value is None or isinstance(value, bool) else str(value) for value in values]
    column.SetName(name)
    for value in plain:
        column.InsertNextValue(value)
    return column
