"""Results of a cohort: complete rows of complete cases, also after an interruption."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow import parquet

from engine.cohort_samples import listed, table_rows
from engine.report_samples import broken_report
from rncarefine import __version__
from rncarefine.batch import table as cohort_table
from rncarefine.batch.cases import CohortCase, read_cases
from rncarefine.batch.cohort import Cohort, OutputError, settings_of
from rncarefine.batch.files import CaseFiles
from rncarefine.batch.runs import BatchRun
from rncarefine.batch.work import result_name
from rncarefine.nca.card import ModelRecord
from rncarefine.refine.options import RepairOptions

MODEL = ModelRecord("toy", "0" * 64, "CC0", "none")
SETTINGS = settings_of(MODEL, RepairOptions(), segment="myo", pool=None)
SLICES = 4


def write(path):
    path.write_bytes(b"voxels")


def finish(folder, name, write=write, source=None, ending=".seg.nrrd", **changes):
    report = broken_report(**changes)
    CaseFiles(folder.folder, name, f"{name}{ending}").save(report, write, source)
    folder.add({name: report})


def rows(folder):
    return table_rows(folder / "cohort.csv")


def test_a_finished_case_has_its_result_its_report_and_a_row_a_slice(tmp_path):
    results = Cohort(tmp_path / "deep" / "out", SETTINGS)
    finish(results, "p1")
    assert listed(results.folder) == ["cohort.csv", "p1.seg.nrrd", "reports/p1.json", "settings.json"]
    table = rows(results.folder)
    assert [(row["case"], row["k"]) for row in table] == [("p1", str(k)) for k in range(SLICES)]
    assert list(table[0])[:4] == ["case", "k", "finding_before", "finding_after"]
    assert [row["flagged"] for row in table] == ["yes" if record.flagged else "no" for record in broken_report().slices]
    assert results.flagged == {"p1": broken_report().stack.flagged}
    assert json.loads((results.folder / "reports/p1.json").read_text())["report"]["stack"]["slices"] == SLICES


def test_rows_are_sorted_when_the_folder_is_reopened(tmp_path):
    results = Cohort(tmp_path, SETTINGS)
    finish(results, "p2")
    finish(results, "p1")
    assert [row["case"] for row in rows(tmp_path)] == ["p2"] * SLICES + ["p1"] * SLICES
    again = Cohort(tmp_path, SETTINGS)
    assert [row["case"] for row in rows(tmp_path)] == ["p1"] * SLICES + ["p2"] * SLICES
    assert again.is_finished("p1")
    assert again.is_finished("p2")
    assert not again.is_finished("p3")
    assert again.flagged == results.flagged


@pytest.mark.parametrize("lost", ["p1.seg.nrrd", "reports/p1.json"])
def test_a_case_that_lost_a_file_is_not_finished(tmp_path, lost):
    finish(Cohort(tmp_path, SETTINGS), "p1")
    (tmp_path / lost).unlink()
    results = Cohort(tmp_path, SETTINGS)
    assert not results.is_finished("p1")
    assert rows(tmp_path) == []


def test_truncated_rows_are_rewritten(tmp_path):
    finish(Cohort(tmp_path, SETTINGS), "p1")
    table = tmp_path / "cohort.csv"
    table.write_bytes(table.read_bytes()[:-50])
    (tmp_path / "reports" / ".1234-new-p2.json").write_text("half a rep")  # what a killed run leaves
    Cohort(tmp_path, SETTINGS)
    assert len(rows(tmp_path)) == SLICES


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_result_that_cannot_be_written_leaves_neither_file_nor_row(tmp_path, error):
    results = Cohort(tmp_path, SETTINGS)
    before = listed(tmp_path)

    def fail(path):
        path.write_bytes(b"half")
        raise error

    kind, message = (OutputError, f"{tmp_path.name} .*disk full") if isinstance(error, OSError) else (type(error), None)
    with pytest.raises(kind, match=message):
        finish(results, "p1", fail)
    assert listed(tmp_path) == before
    assert rows(tmp_path) == []
    assert not results.is_finished("p1")


def test_rows_that_cannot_be_added_whole_are_not_added(tmp_path, monkeypatch):
    results = Cohort(tmp_path, SETTINGS)
    finish(results, "p1")
    before = (tmp_path / "cohort.csv").read_bytes()

    def full(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr(cohort_table.os, "fsync", full)
    with pytest.raises(OutputError, match="No space"):
        results.add({"p2": broken_report()})
    assert (tmp_path / "cohort.csv").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="written to"):
        Cohort(tmp_path / "file" / "out", SETTINGS)


def test_failed_cases_are_logged_with_the_reason_until_they_succeed(tmp_path):
    results = Cohort(tmp_path, SETTINGS)
    results.fail({"p2": 'The image is\n constant, "really".'})
    results.fail({"p1": "No segment."})
    assert (tmp_path / "failed.csv").read_text() == (
        'case,reason\np1,No segment.\np2,"The image is constant, ""really""."\n'
    )
    again = Cohort(tmp_path, SETTINGS)
    assert again.failed == results.failed
    finish(again, "p2")
    assert (tmp_path / "failed.csv").read_text() == "case,reason\np1,No segment.\n"
    assert not again.is_finished("p1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_failures_saved_by_a_spreadsheet_are_read(tmp_path, encoding, between):
    Cohort(tmp_path, SETTINGS)
    text = f"case{between}reason\r\nGr\u00f6\u00dfe{between}No segment.\r\np2{between}\r\n{between}\r\n"
    (tmp_path / "failed.csv").write_text(text, encoding=encoding)
    results = Cohort(tmp_path, SETTINGS)
    assert results.failed == {"Gr\u00f6\u00dfe": "No segment.", "p2": ""}
    results.fail({"p3": "No segment."})
    assert [row["case"] for row in table_rows(tmp_path / "failed.csv")] == ["Gr\u00f6\u00dfe", "p2", "p3"]


@pytest.mark.parametrize("content", [b"", b"name;reason\n", "case,reason\nM\u00fcller,x\n".encode("cp1252"), b"PK\0"])
def test_failures_that_cannot_be_read_are_named(tmp_path, content):
    Cohort(tmp_path, SETTINGS)
    (tmp_path / "failed.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"failed\.csv.*delete"):
        Cohort(tmp_path, SETTINGS)
    assert (tmp_path / "failed.csv").read_bytes() == content


def test_foreign_result_is_never_overwritten(tmp_path):
    (tmp_path / "p1.seg.nrrd").write_bytes(b"drawn by hand")
    results = Cohort(tmp_path, SETTINGS)
    with pytest.raises(ValueError, match=r"p1\.seg\.nrrd exists"):
        results.check_result("p1", "p1.seg.nrrd")
    results.check_result("p2", "p2.seg.nrrd")
    finish(results, "p2")
    results.check_result("p2", "p2.seg.nrrd")


@pytest.mark.parametrize("name", ["cohort.csv", "failed.csv", "settings.json"])
@pytest.mark.parametrize("resumed", [False, True])
def test_the_list_of_cases_is_never_overwritten(tmp_path, name, resumed):
    if resumed:
        Cohort(tmp_path, SETTINGS)
    (tmp_path / name).write_text("image,segmentation\ni.nrrd,s.nrrd\n")
    (tmp_path / "link").symlink_to(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in listed(tmp_path)}
    cases = read_cases(tmp_path / "link" / name)
    with pytest.raises(ValueError, match=f"{name} is the list of cases"):
        Cohort(tmp_path, SETTINGS, cases=cases)
    with pytest.raises(ValueError, match="is the list of cases"):
        Cohort(tmp_path / "out", SETTINGS, tmp_path / name, cases=cases)
    assert {name: (tmp_path / name).read_bytes() for name in listed(tmp_path)} == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["cohort.csv", "failed.csv"])
def test_tables_of_others_are_never_overwritten(tmp_path, name):
    (tmp_path / name).write_bytes(b"made by hand")
    with pytest.raises(ValueError, match=f"{name} exists"):
        Cohort(tmp_path, SETTINGS)
    assert listed(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"made by hand"


def test_report_is_written_before_the_result(tmp_path, monkeypatch):
    """The report is moved into place first: then there is no result that would look like somebody else's."""
    moved = []
    replace_file = os.replace

    def note(source, target):
        moved.append(Path(target).name)
        replace_file(source, target)

    results = Cohort(tmp_path, SETTINGS)
    monkeypatch.setattr("rncarefine.atomic.os.replace", note)
    finish(results, "p1")
    assert moved == ["p1.json", "p1.seg.nrrd"]


def test_device_may_change_between_runs(tmp_path):
    Cohort(tmp_path, settings_of(MODEL, RepairOptions(device="cuda"), segment="myo", pool=None))
    Cohort(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (settings_of(MODEL, RepairOptions(seed=5), segment="myo", pool=None), r"\(seed was 0, is 5\)"),
        (settings_of(MODEL, RepairOptions(), segment="wall", pool=None), "segment was 'myo', is 'wall'"),
        (settings_of(replace(MODEL, sha256="1" * 64), RepairOptions(), segment="myo", pool=None), "sha256 was '000"),
        (
            settings_of(replace(MODEL, settings_hash="1"), RepairOptions(), segment="myo", pool=None),
            "settings_hash was '', is '1'",
        ),
        (
            settings_of(MODEL, RepairOptions(max_change_mm2=9.0), segment="myo", pool=None),
            r"max_change_mm2 was None, is 9.0",
        ),
        ({**SETTINGS, "version": "0.0.9"}, f"version was '{__version__}', is '0.0.9'"),
        ({key: value for key, value in SETTINGS.items() if key != "apex"}, "apex was 'auto', is None"),
    ],
)
def test_other_settings_are_refused_and_named(tmp_path, settings, message):
    finish(Cohort(tmp_path, SETTINGS), "p1")
    before = {name: (tmp_path / name).read_bytes() for name in listed(tmp_path)}
    with pytest.raises(ValueError, match=message):
        Cohort(tmp_path, settings)
    assert {name: (tmp_path / name).read_bytes() for name in listed(tmp_path)} == before


def test_settings_without_results_may_change(tmp_path):
    mended = settings_of(MODEL, RepairOptions(seed=5), segment="myo", pool=None)
    Cohort(tmp_path, SETTINGS).fail({"p1": "There is no segment."})
    finish(Cohort(tmp_path, mended), "p1")
    with pytest.raises(ValueError, match=r"\(seed was 5, is 0\)"):
        Cohort(tmp_path, SETTINGS)


def test_settings_in_use_are_not_replaced(tmp_path):
    (tmp_path / "settings.json").write_text('{"editor.fontSize": 12}')
    with pytest.raises(ValueError, match="other settings"):
        Cohort(tmp_path, SETTINGS)
    begun = Cohort(tmp_path / "out", SETTINGS)
    with CaseFiles(begun.folder, "p1", "").running(), pytest.raises(ValueError, match="other settings"):
        Cohort(tmp_path / "out", {**SETTINGS, "seed": 5})


DAMAGED = [
    "{",
    "[]",
    '{"case": "p1"}',
    '{"case": "p1", "result": "x", "report": {}}',
    '{"case": "p1", "result": "", "report": 2}',
]


@pytest.mark.parametrize("content", [*DAMAGED, "p2", "\0\xff"])
def test_a_damaged_report_fails_its_case_until_it_is_deleted_with_the_result(tmp_path, content):
    results = Cohort(tmp_path, SETTINGS)
    finish(results, "p1")
    finish(results, "p2")
    report = tmp_path / "reports" / "p1.json"
    other = (tmp_path / "reports" / "p2.json").read_text()  # a copy of another report
    report.write_bytes((other if content == "p2" else content).encode("latin-1"))
    cases = [CohortCase(name, Path("i.nrrd"), Path("s.seg.nrrd")) for name in ("p1", "p2", "p3")]
    batch_run = BatchRun(Cohort(tmp_path, SETTINGS), cases, result_name)
    assert [case.name for case in batch_run.begin()] == ["p3"]
    outcome = batch_run.outcome(False)
    assert (outcome.skipped, list(outcome.failed)) == (["p2"], ["p1"])
    assert str(report) in outcome.failed["p1"]
    assert {row["case"] for row in rows(tmp_path)} == {"p2"}
    report.unlink()
    (tmp_path / "p1.seg.nrrd").unlink()
    batch_run = BatchRun(Cohort(tmp_path, SETTINGS), cases, result_name)
    assert [case.name for case in batch_run.begin()] == ["p1", "p3"]


def test_settings_that_cannot_be_read_are_named(tmp_path):
    Cohort(tmp_path, SETTINGS)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match=r"settings\.json"):
        Cohort(tmp_path, SETTINGS)


def test_a_table_of_parquet_is_made_whenever_the_folder_is_opened(tmp_path):
    path = tmp_path / "slices.parquet"
    results = Cohort(tmp_path / "out", SETTINGS, path)
    finish(results, "p1")
    assert parquet.read_table(path).num_rows == 0
    assert Cohort(tmp_path / "out", SETTINGS, path).totals.slices == SLICES
    assert parquet.read_table(path).column("case").to_pylist() == ["p1"] * SLICES
    assert not (tmp_path / "out" / "cohort.csv").exists()


def test_a_result_whose_report_was_lost_with_the_power_is_done_again(tmp_path):
    """Only where the mark says that the case was in work; else the file is somebody else's."""
    results = Cohort(tmp_path, SETTINGS)
    finish(results, "p1")
    (tmp_path / "reports" / "p1.json").unlink()
    with pytest.raises(ValueError, match="another folder"):
        Cohort(tmp_path, SETTINGS).check_result("p1", "p1.seg.nrrd")
    (tmp_path / "reports" / "p1.begun").touch()
    Cohort(tmp_path, SETTINGS).check_result("p1", "p1.seg.nrrd")
