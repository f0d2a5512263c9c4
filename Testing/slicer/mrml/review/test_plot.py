"""The plots along the stack: Betti numbers, and the thickness of the wall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import slicer

from harness.hearts import Heart, node_census
from harness.runs import process
from RNCARefineLib.mrml.review.decisions import Review
from RNCARefineLib.mrml.review.plot import THICKNESS, put_plot


@pytest.fixture
def review(logic: Any, heart: Heart) -> Review:
    process(logic, heart)
    return Review.of(logic.outputSegmentationNode())


def plot(review: Review) -> Any:
    return put_plot(review.segmentation_node, review.table_node)


def series_of(chart: Any) -> list[Any]:
    return [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]


def values(series: Any) -> list[tuple[int, int]]:
    """Return what a view draws: the points of a series."""
    table = series.GetTableNode().GetTable()
    x, y = (table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName()))
    return [(x.GetValue(row), y.GetValue(row)) for row in range(x.GetNumberOfValues())]


def test_components_and_holes_are_plotted_before_and_after(review: Review) -> None:
    series = series_of(plot(review))
    assert [one.GetName() for one in series] == ["b0 before", "b1 before", "b0 after", "b1 after"]
    assert [values(one) for one in series] == [
        [(0, 1), (1, 1), (2, 1), (3, 2), (4, 1)],  # slice 3 has a loose piece
        [(0, 1), (1, 1), (2, 0), (3, 1), (4, 1)],  # slice 2 has a gap
        [(k, 1) for k in range(5)],
        [(k, 1) for k in range(5)],
    ]
    assert all(type(number) is int for one in series for point in values(one) for number in point)
    assert len({one.GetMarkerStyle() for one in series}) == 4  # distinguished without colour


def test_the_thickness_is_plotted_over_the_slices_before_and_after(review: Review) -> None:
    chart = put_plot(review.segmentation_node, review.table_node, THICKNESS)
    mean, thinnest, mean_after, thinnest_after = map(values, series_of(chart))
    slices = review.report().slices
    assert mean == [(record.k, record.thickness_before_mm) for record in slices]
    assert thinnest_after == [(record.k, record.thinnest_after_mm) for record in slices]
    assert thinnest[2] == (2, 0)  # the gap
    assert 0 < thinnest_after[2][1] <= mean_after[2][1]
    assert chart.GetXAxisRange() == (-1, 5)
    lowest, highest = chart.GetYAxisRange()
    assert lowest < 0
    assert highest > max(value for _, value in mean_after)


def test_a_slice_that_was_not_measured_does_not_hide_the_others(review: Review) -> None:
    column = review.table_node.GetTable().GetColumnByName("thickness_before_mm")
    column.SetValue(0, float("nan"))
    column.SetValue(1, 30.0)
    chart = put_plot(review.segmentation_node, review.table_node, THICKNESS)
    assert chart.GetYAxisRange() == (-1, 32)


def test_a_segmentation_has_one_plot_that_is_updated(review: Review) -> None:
    chart, series = plot(review), series_of(plot(review))
    before = node_census()
    review.reject(2)
    assert values(series[3])[2] == (2, 0)  # it follows the table by itself
    assert plot(review) == chart
    assert series_of(chart) == series
    assert node_census() == before
    assert values(series[3])[2] == (2, 0)
    assert review.segmentation_node.GetNodeReference("RNCARefine.Plot") == chart


def test_deleted_plot_and_table_are_created_again(review: Review) -> None:
    slicer.mrmlScene.RemoveNode(plot(review))
    chart = plot(review)
    assert slicer.mrmlScene.IsNodePresent(chart)
    slicer.mrmlScene.RemoveNode(review.table_node)
    assert plot(review) == chart
    assert all(one.GetTableNode() == review.table_node for one in series_of(chart))


def test_each_segmentation_has_a_plot_of_its_own(logic: Any, heart: Heart) -> None:
    charts = []
    for _ in range(2):
        process(logic, heart)
        charts.append(plot(Review.of(logic.outputSegmentationNode())))
    assert charts[0] != charts[1]
    assert charts[0].GetName() != charts[1].GetName()
    assert not set(series_of(charts[0])) & set(series_of(charts[1]))


def test_the_plot_is_restored_with_the_scene(review: Review, tmp_path: Path) -> None:
    plot(review)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path, properties={})
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(path, properties={"clear": True})
    loaded = Review.of(slicer.util.getNode("Heart repaired"))
    chart = loaded.segmentation_node.GetNodeReference("RNCARefine.Plot")
    before = node_census()
    assert plot(loaded) == chart
    assert node_census() == before
    assert values(series_of(chart)[0])[3] == (3, 2)
