"""Betti numbers along the stack, before and after, as a plot chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from .scene import place_beside

PLOT_ROLE = "RNCARefine.Plot"
"""Role of the reference from a repaired segmentation to its plot chart."""

_Series = slicer.vtkMRMLPlotSeriesNode


@dataclass(frozen=True)
class _Line:
    """A column of the report's table as a line; told apart by marker and dashes, not by colour alone."""

    column: str
    title: str
    colour: tuple[float, float, float]
    line_style: int
    line_width: int
    marker_style: int
    marker_size: int


# Light and dark shades of Okabe and Ito's blue and vermilion. Lines often lie on each other: what is drawn later is
# smaller and darker, so that nothing hides what is behind it.
_LINES = (
    _Line("b0_before", "b0 before", (0.45, 0.70, 0.88), _Series.LineStyleDash, 2, _Series.MarkerStyleSquare, 17),
    _Line("b1_before", "b1 before", (0.96, 0.65, 0.40), _Series.LineStyleDash, 2, _Series.MarkerStyleCircle, 13),
    _Line("b0_after", "b0 after", (0.0, 0.27, 0.50), _Series.LineStyleSolid, 5, _Series.MarkerStyleDiamond, 12),
    _Line("b1_after", "b1 after", (0.78, 0.30, 0.0), _Series.LineStyleSolid, 2, _Series.MarkerStyleCross, 9),
)


def put_plot(segmentation_node: Any, table_node: slicer.vtkMRMLTableNode) -> slicer.vtkMRMLPlotChartNode:
    """Plot the numbers of pieces (b0) and holes (b1) of each slice, before and after.

    Args:
        segmentation_node: The result of the repair, in the scene; it gets a reference to the chart.
        table_node: Its report.

    Returns:
        The chart, made once for each segmentation and updated afterwards; its series follow the table by themselves.
    """
    chart = segmentation_node.GetNodeReference(PLOT_ROLE)
    if chart is None:
        name = slicer.mrmlScene.GenerateUniqueName(f"{segmentation_node.GetName()} plot")
        chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", name)
        segmentation_node.SetNodeReferenceID(PLOT_ROLE, chart.GetID())
    was_modifying = chart.StartModify()
    for index, line in enumerate(_LINES):
        series = chart.GetNthPlotSeriesNode(index)
        if series is None:
            series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", line.title)
            chart.SetAndObserveNthPlotSeriesNodeID(index, series.GetID())
        _dress_series(series, line, table_node)
        place_beside(series, segmentation_node)
    _dress_chart(chart, table_node)
    chart.EndModify(was_modifying)
    place_beside(chart, segmentation_node)
    return chart


def remove_plot(segmentation_node: Any) -> None:
    """Remove the plot chart of a segmentation and its series, if there is one."""
    chart = segmentation_node.GetNodeReference(PLOT_ROLE)
    if chart is None:
        return
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    for node in (*filter(None, series), chart):
        slicer.mrmlScene.RemoveNode(node)


def _dress_series(series: slicer.vtkMRMLPlotSeriesNode, line: _Line, table_node: slicer.vtkMRMLTableNode) -> None:
    was_modifying = series.StartModify()
    series.SetPlotType(_Series.PlotTypeScatter)
    series.SetAndObserveTableNodeID(table_node.GetID())
    series.SetXColumnName("k")
    series.SetYColumnName(line.column)
    series.SetColor(*line.colour)
    series.SetLineStyle(line.line_style)
    series.SetLineWidth(line.line_width)
    series.SetMarkerStyle(line.marker_style)
    series.SetMarkerSize(line.marker_size)
    series.EndModify(was_modifying)


def _dress_chart(chart: slicer.vtkMRMLPlotChartNode, table_node: slicer.vtkMRMLTableNode) -> None:
    chart.SetTitle("A closed ring: b0 = 1, b1 = 1")
    chart.SetXAxisTitle("slice")
    chart.SetYAxisTitle("b0: pieces, b1: holes")
    # A whole number at either end, so that the ticks are whole numbers; room for the legend above.
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(-1, table_node.GetNumberOfRows())
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(-1, _largest(table_node) + 2)
    chart.SetTitleFontSize(15)
    chart.SetAxisTitleFontSize(13)
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(True)


def _largest(table_node: slicer.vtkMRMLTableNode) -> int:
    columns = [table_node.GetTable().GetColumnByName(line.column) for line in _LINES]
    values = [column.GetValue(row) for column in columns for row in range(column.GetNumberOfValues())]
    return max(2, *values)
