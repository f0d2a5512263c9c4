"""The table of a cohort has the same content as CSV and Parquet, and is written atomically."""

import csv
import math

import pytest
from pyarrow import parquet

from engine.report_samples import broken_report, slice_record
from rncarefine.batch import table as cohort_table
from rncarefine.batch.table import check_table, written_table
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.report.report import column_types
from rncarefine.words import Verdict

COLUMNS = ("case", *column_types())
GAP = Reason(ReasonCode.GAP, angle_deg=80, width_mm=21)
CASES = {
    "p1": broken_report(),
    "p2": broken_report(slices=[slice_record(0, gap_deg_before=math.nan, accepted=True, reasons=[GAP])]),
}


def write(path, cases=CASES):
    with written_table(path) as add:
        for name, report in cases.items():
            add(name, report)
    return path


def as_csv(value):
    words = {None: "", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def test_parquet_has_the_rows_of_csv_with_types(tmp_path):
    rows = parquet.read_table(write(tmp_path / "t.parquet")).to_pylist()
    with write(tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [tuple(row) for row in rows] == [COLUMNS] * 5
    assert [tuple(line) for line in lines] == [COLUMNS] * 5
    assert [[as_csv(value) for value in row.values()] for row in rows] == [list(line.values()) for line in lines]
    assert rows[0]["case"] == "p1"
    assert rows[1]["verdict"] == str(Verdict.AUTOMATON)
    assert rows[1]["confidence"] == 0.93
    assert rows[4]["codes"] == "gap"
    assert "(21 mm)" in rows[4]["reason"]


def test_parquet_columns_have_types_without_values(tmp_path):
    report = broken_report(slices=[slice_record(0)])
    kinds = {field.name: str(field.type) for field in parquet.read_schema(write(tmp_path / "t.parquet", {"a": report}))}
    assert [kinds[name] for name in ("case", "k", "verdict", "flagged", "confidence", "accepted")] == [
        "string", "int64", "string", "bool", "double", "bool",
    ]  # fmt: skip


def test_a_number_that_is_not_finite_is_unknown(tmp_path):
    assert parquet.read_table(write(tmp_path / "t.parquet")).to_pylist()[4]["gap_deg_before"] is None


def test_an_empty_parquet_table_has_its_columns(tmp_path):
    table = parquet.read_table(write(tmp_path / "t.parquet", {}))
    assert table.num_rows == 0
    assert tuple(table.column_names) == COLUMNS


def test_a_long_parquet_table_is_written_part_by_part_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(cohort_table, "_ROWS", 10)
    path = write(tmp_path / "t.parquet", {f"p{number:02}": broken_report() for number in range(20)})
    names = parquet.read_table(path).column("case").to_pylist()
    assert names == [f"p{number:02}" for number in range(20) for _ in range(4)]
    assert parquet.ParquetFile(path).num_row_groups == 7  # 12 rows each, the last time the rest


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_that_cannot_be_finished_leaves_the_one_before(tmp_path, name):
    before = write(tmp_path / name).read_bytes()
    with pytest.raises(AttributeError):
        write(tmp_path / name, {"p1": broken_report(), "p2": None})
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("t.xlsx", "must end in .csv or .parquet"), ("none/t.csv", "does not exist"), (".csv", "must end in")],
)
def test_a_table_that_cannot_be_written_is_refused_before_the_work(tmp_path, name, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_table(tmp_path / name, tmp_path / "out")


def test_a_table_may_lie_in_the_folder_that_is_made_later(tmp_path):
    check_table(tmp_path / "out" / "t.csv", tmp_path / "out")


def test_parquet_without_pyarrow_raises(tmp_path, monkeypatch):
    monkeypatch.setattr(cohort_table, "find_spec", lambda name: None)
    check_table(tmp_path / "t.csv", tmp_path)
    with pytest.raises(ValueError, match=r'pyarrow.*\.venv/bin/pip install -c constraints\.txt "\.\[cli,cohort\]"'):
        check_table(tmp_path / "t.parquet", tmp_path)
