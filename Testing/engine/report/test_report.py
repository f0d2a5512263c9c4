"""The report as table, CSV and JSON."""

import csv
import json

import numpy as np
import pytest

from engine.report_samples import broken_report, broken_stack, slice_record
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.records import SliceRecord
from rncarefine.report.report import ENDINGS, table_rows, to_csv, to_json, write_report
from rncarefine.sentences import sentence

PROMISED = (
    "k finding_before finding_after expectation verdict b0_before b1_before b0_after b1_after gap_deg_before "
    "added_mm2 removed_mm2 confidence"
).split()

ADDED_LATER = (
    "thickness_before_mm thickness_after_mm thinnest_before_mm thinnest_after_mm invented_mm mass_before_g mass_after_g"
).split()
"""Columns of a later version come last: scripts may count on the places of the others."""


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_table_has_rows_per_slice_and_plain_values():
    columns, rows = table_rows(broken_report())
    fields = ["reason" if name == "reasons" else name for name in SliceRecord.__dataclass_fields__]
    assert [column for column in columns if column != "codes"] == fields
    assert columns[-len(ADDED_LATER) :] == ADDED_LATER
    assert [row[0] for row in rows] == [0, 1, 2, 3]
    repaired = dict(zip(columns, rows[1], strict=True))
    assert repaired["verdict"] == "repaired by the automaton"
    assert type(repaired["verdict"]) is str
    assert repaired["added_mm2"] == pytest.approx(4 * 4 * 1.5 * 1.25)
    assert repaired["flagged"] is False
    assert dict(zip(columns, rows[0], strict=True))["confidence"] is None


def test_the_json_has_what_was_promised(tmp_path):
    write_report(broken_report(doubts=[Reason(ReasonCode.ONE_SLICE)]), tmp_path / "r.json")
    content = strict((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert set(content) == {"model", "stack", "slices", "run", "warnings", "doubts", "wall"}
    assert all(set(PROMISED) <= set(entry) for entry in content["slices"])
    assert content["slices"][2]["finding_before"] == "open"
    assert content["slices"][2]["verdict"] == "refused"
    assert content["slices"][1]["confidence"] == 0.93
    assert content["stack"]["closed_before"] == 1
    assert content["stack"]["closed_after"] == 3
    assert content["stack"]["spacing_mm"] == [8.0, 1.5, 1.25]
    assert content["model"]["sha256"] == "ab" * 32
    assert content["model"]["settings_hash"] == "5e771465"
    assert content["run"]["seed"] == 0
    assert content["warnings"] == [sentence(Reason(ReasonCode.ONE_SLICE))]
    assert content["doubts"] == [{"code": "one_slice", "values": {}}]


def test_json_of_non_finite_and_numpy_numbers():
    report = broken_report(
        slices=[slice_record(np.int64(0), confidence=float("nan"), added_mm2=np.float32(1.5), flagged=np.True_)],
        model=None,
    )
    content = strict(to_json(report))
    assert content["model"] is None
    assert content["slices"][0]["confidence"] is None
    assert content["slices"][0]["added_mm2"] == 1.5
    assert content["slices"][0]["flagged"] is True


def test_the_csv_reads_back_as_the_table(tmp_path):
    report = broken_report(
        slices=[
            slice_record(0, reasons=[Reason(ReasonCode.CLOSED), Reason(ReasonCode.OFF_AXIS)]),
            slice_record(1, flagged=True),
        ]
    )
    write_report(report, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == table_rows(report)[0]
    assert [line["k"] for line in lines] == ["0", "1"]
    assert lines[0]["reason"] == report.slices[0].reason != ""
    assert [line["codes"] for line in lines] == ["closed off_axis", ""]
    assert [line["flagged"] for line in lines] == ["no", "yes"]
    assert lines[0]["confidence"] == ""
    assert lines[0]["finding_before"] == "ring"


def test_decisions_are_yes_no_or_not_known():
    slices = [slice_record(k, accepted=answer) for k, answer in enumerate((True, False, None))]
    report = broken_report(slices=slices)
    columns, rows = table_rows(report)
    place = columns.index("accepted")
    assert columns[place + 1] == "codes"
    assert [row[place] for row in rows] == [True, False, None]
    assert [line["accepted"] for line in csv.DictReader(to_csv(report).splitlines())] == ["yes", "no", ""]
    assert [entry["accepted"] for entry in strict(to_json(report))["slices"]] == [True, False, None]


@pytest.mark.parametrize("ending", [*ENDINGS, ".HTML"])
def test_format_by_extension(tmp_path, ending):
    stack, after = broken_stack()
    path = tmp_path / f"report{ending}"
    write_report(broken_report(), path, stack, after)
    start = path.read_text(encoding="utf-8")[:9]
    assert start.startswith({".csv": "k,finding", ".json": "{", ".html": "<!DOCTYPE"}[ending.lower()])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_another_ending_and_html_without_pictures_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"report\.pdf.*\.csv.*\.json.*\.html"):
        write_report(broken_report(), tmp_path / "report.pdf")
    with pytest.raises(ValueError, match="needs the stack"):
        write_report(broken_report(), tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
