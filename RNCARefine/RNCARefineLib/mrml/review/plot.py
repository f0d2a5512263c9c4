"""Plot charts along the stack, before and after: the wall's thickness, and its Betti numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import slicer

from ..nodes.scene import place_next_to, referred_node

_Series = slicer.vtkMRMLPlotSeriesNode


@dataclass(frozen=True)
class _Line:
    """A column of the report's table as a line; distinguished by marker and dashes, not by colour alone."""

    column: str
    title: str
    colour: tuple[float, float, float]
    line_style: int
    line_width: int
    marker_style: int
    marker_size: int


@dataclass(frozen=True)
class Plot:
    """A chart of a repaired segmentation.

    Attributes:
        role: Role of the reference from the segmentation to the chart.
        suffix: Suffix of the chart's name after the segmentation's name.
        title: Title of the chart.
        axis: Title of the vertical axis.
        lowest: Lower end of the vertical axis.
        min_upper: Smallest upper end of the vertical axis.
        lines: Lines, from back to front.
    """

    role: str
    suffix: str
    title: str
    axis: str
    lowest: int
    min_upper: int
    lines: tuple[_Line, ...]


# Light and dark shades of Okabe and Ito's blue and vermilion. Lines often coincide: later ones are smaller and darker,
# so that all remain visible.
_STYLES = (
    ((0.45, 0.70, 0.88), _Series.LineStyleDash, 2, _Series.MarkerStyleSquare, 17),
    ((0.96, 0.65, 0.40), _Series.LineStyleDash, 2, _Series.MarkerStyleCircle, 13),
    ((0.0, 0.27, 0.50), _Series.LineStyleSolid, 5, _Series.MarkerStyleDiamond, 12),
    ((0.78, 0.30, 0.0), _Series.LineStyleSolid, 2, _Series.MarkerStyleCross, 9),
)


def _lines(*columns: tuple[str, str]) -> tuple[_Line, ...]:
    return tuple(_Line(column, title, *style) for (column, title), style in zip(columns, _STYLES, strict=True))


TOPOLOGY = Plot(
    "RNCARefine.Plot",
    "plot",
    "A closed ring: b0 = 1, b1 = 1",
    "b0: components, b1: holes",
    -1,
    4,
    _lines(("b0_before", "b0 before"), ("b1_before", "b1 before"), ("b0_after", "b0 after"), ("b1_after", "b1 after")),
)
THICKNESS = Plot(
    "RNCARefine.ThicknessPlot",
    "wall thickness",
    "Wall thickness; thinnest 0: a gap",
    "mm",
    -1,
    12,
    _lines(
        ("thickness_before_mm", "mean before"),
        ("thinnest_before_mm", "thinnest before"),
        ("thickness_after_mm", "mean after"),
        ("thinnest_after_mm", "thinnest after"),
    ),
)
PLOTS = (TOPOLOGY, THICKNESS)


def put_plot(
    segmentation_node: Any, table_node: slicer.vtkMRMLTableNode, plot: Plot = TOPOLOGY
) -> slicer.vtkMRMLPlotChartNode:
    """Plot columns of the report over the slices.

    Args:
        segmentation_node: The result of the repair, in the scene; it gets a reference to the chart.
        table_node: Its report.
        plot: What to draw.

    Returns:
        The chart, created once per segmentation and then updated; its series follow the table automatically.
    """
    chart = referred_node(segmentation_node, plot.role, "vtkMRMLPlotChartNode", plot.suffix)
    was_modifying = chart.StartModify()
    for index, line in enumerate(plot.lines):
        series = chart.GetNthPlotSeriesNode(index)
        if series is None:
            series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", line.title)
            chart.SetAndObserveNthPlotSeriesNodeID(index, series.GetID())
        _format_series(series, line, table_node)
        place_next_to(series, segmentation_node)
    _format_chart(chart, plot, table_node)
    chart.EndModify(was_modifying)
    place_next_to(chart, segmentation_node)
    return chart


def remove_plots(segmentation_node: Any) -> None:
    """Remove the plot charts of a segmentation and their series, if there are any."""
    for plot in PLOTS:
        chart = segmentation_node.GetNodeReference(plot.role)
        if chart is None:
            continue
        series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
        for node in (*filter(None, series), chart):
            slicer.mrmlScene.RemoveNode(node)


def _format_series(series: slicer.vtkMRMLPlotSeriesNode, line: _Line, table_node: slicer.vtkMRMLTableNode) -> None:
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


def _format_chart(chart: slicer.vtkMRMLPlotChartNode, plot: Plot, table_node: slicer.vtkMRMLTableNode) -> None:
    chart.SetTitle(plot.title)
    chart.SetXAxisTitle("slice")
    chart.SetYAxisTitle(plot.axis)
    # Integer limits give integer ticks; the margin above is for the legend.
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(-1, table_node.GetNumberOfRows())
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(plot.lowest, max(plot.min_upper, math.ceil(_largest(plot, table_node)) + 2))
    chart.SetTitleFontSize(15)
    chart.SetAxisTitleFontSize(13)
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(True)


def _largest(plot: Plot, table_node: slicer.vtkMRMLTableNode) -> float:
    columns = [table_node.GetTable().GetColumnByName(line.column) for line in plot.lines]
    values = [column.GetValue(row) for column in columns for row in range(column.GetNumberOfValues())]
    return max((value for value in values if math.isfinite(value)), default=0)
