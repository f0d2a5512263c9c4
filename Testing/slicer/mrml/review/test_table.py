"""The report as a table node."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import slicer
import vtk

from harness import toy_engine
from harness.hearts import Heart, node_census
from rncarefine.refine.records import Report
from rncarefine.refine.repair import RepairOptions
from rncarefine.report.report import table_rows
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.reader import read
from RNCARefineLib.mrml.review.table import existing_table, put_table


@pytest.fixture
def report(heart: Heart) -> Report:
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).stack
    return toy_engine.repair(stack, None, RepairOptions()).report


def test_a_row_a_slice_and_a_column_a_field(heart: Heart, report: Report) -> None:
    table = put_table(report, heart.segmentation)
    names, rows = table_rows(report)
    assert [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())] == names
    assert table.GetNumberOfRows() == len(rows) == 5
    assert table.GetCellText(2, names.index("finding_before")) == "open"
    assert table.GetCellText(2, names.index("verdict")) == "repaired by the automaton"


def test_columns_are_typed_and_none_is_of_bytes(heart: Heart, report: Report) -> None:
    table = put_table(report, heart.segmentation).GetTable()
    types = {table.GetColumnName(i): table.GetColumn(i).GetClassName() for i in range(table.GetNumberOfColumns())}
    assert types["k"] == types["b0_before"] == "vtkIntArray"
    assert types["added_mm2"] == types["confidence"] == "vtkDoubleArray"
    assert (
        types["verdict"]
        == types["flagged"]
        == types["reason"]
        == types["codes"]
        == types["accepted"]
        == "vtkStringArray"
    )
    assert set(types.values()) == {"vtkIntArray", "vtkDoubleArray", "vtkStringArray"}


def test_the_table_of_the_segmentation_is_updated(heart: Heart, report: Report) -> None:
    assert existing_table(heart.segmentation) is None
    table = put_table(report, heart.segmentation)
    before = node_census()
    assert put_table(report, heart.segmentation) == table == existing_table(heart.segmentation)
    assert node_census() == before
    assert table.GetNumberOfRows() == 5


def test_the_csv_file_that_slicer_writes_has_the_same_values(heart: Heart, report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    assert slicer.util.exportNode(put_table(report, heart.segmentation), str(path), properties={})
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 5
    for line, record in zip(lines, report.slices, strict=True):
        assert int(line["k"]) == record.k
        assert float(line["added_mm2"]) == pytest.approx(record.added_mm2)
        assert line["finding_after"] == "ring"
        assert line["flagged"] == "no"
        assert line["accepted"] == ""
        assert line["verdict"] == record.verdict
        assert line["confidence"] == "nan"


def test_the_table_is_restored_from_a_bundle_with_its_types(heart: Heart, report: Report, tmp_path: Path) -> None:
    put_table(report, heart.segmentation)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path, properties={})
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(path, properties={"clear": True})
    table = existing_table(slicer.util.getNode("Heart"))
    assert table.GetNumberOfRows() == 5
    assert table.GetTable().GetColumnByName("k").GetDataType() == vtk.VTK_INT
    assert table.GetTable().GetColumnByName("added_mm2").GetDataType() == vtk.VTK_DOUBLE
    assert table.GetTable().GetColumnByName("verdict").GetDataType() == vtk.VTK_STRING
    assert table.GetTable().GetColumnByName("added_mm2").GetValue(2) == pytest.approx(report.slices[2].added_mm2)


def test_reasons_are_shown_in_the_language_of_the_application(
    heart: Heart, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slicer.app, "translate", lambda context, text: text.replace("The wall", "Die Wand"))
    table = put_table(report, heart.segmentation).GetTable()
    assert "Die Wand" in table.GetColumnByName("reason").GetValue(2)
    assert table.GetColumnByName("codes").GetValue(2) == "not_closed"
