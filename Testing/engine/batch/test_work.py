"""Processing of one case: the result or a reason, and no incomplete files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine.cohort_samples import cut_off, file_work, listed, write_cohort
from engine.file_samples import MYOCARDIUM, POOL, labels, named_segment, write_labels, write_segmentation
from rncarefine.batch import work as cohort_work
from rncarefine.batch.cases import LONGEST_NAME, CohortCase
from rncarefine.batch.cohort import Cohort
from rncarefine.batch.runs import BatchRun
from rncarefine.batch.sources import case_source
from rncarefine.batch.work import choice_for, result_name
from rncarefine.io.choice import StructureChoice
from rncarefine.nca.card import ModelRecord
from rncarefine.refine.options import RepairOptions


@pytest.fixture
def case(tmp_path):
    folder = write_cohort(tmp_path / "in", ["p1"]) / "p1"
    return CohortCase("p1", folder / "image.nii.gz", folder / "segmentation.nii.gz")


def test_a_case_is_repaired_and_its_report_kept(case, tmp_path):
    work = file_work(tmp_path)
    result = work(case)
    assert result.report.stack.name == "p1"
    assert result.report.stack.closed_after == 4
    assert listed(work.folder) == ["p1.nii.gz", "reports/p1.json"]
    after = sitk.GetArrayFromImage(sitk.ReadImage(str(work.folder / "p1.nii.gz")))
    changed = after != labels()
    assert set(after[changed & (labels() != MYOCARDIUM)]) == {MYOCARDIUM}
    content = json.loads((work.folder / "reports/p1.json").read_text())
    assert content["source"] == case_source(case)
    assert content["report"]["stack"]["closed_after"] == 4


@pytest.mark.parametrize("named", [False, True])
def test_a_case_with_the_longest_name_is_written(case, tmp_path, named):
    if named:
        case = replace(case, segmentation=write_segmentation(tmp_path / "s.seg.nrrd"))
    choice = StructureChoice(MYOCARDIUM, "myocardium", POOL, "blood pool")
    result = file_work(tmp_path, choice=choice)(replace(case, name="n" * LONGEST_NAME))
    assert result.report is not None, result.reason


def test_a_segmentation_of_named_segments_stays_one(case, tmp_path):
    segmentation = write_segmentation(tmp_path / "s.seg.nrrd")
    work = file_work(tmp_path, choice=StructureChoice(label=2, segment="myocardium", pool_segment="blood pool"))
    assert work(replace(case, segmentation=segmentation)).report.stack.closed_after == 4
    work = replace(work, choice=StructureChoice(label=MYOCARDIUM, pool_label=POOL))
    assert work(case).report is not None
    wall = named_segment(work.folder / "p1.seg.nrrd", "myocardium")
    after = sitk.GetArrayFromImage(sitk.ReadImage(str(work.folder / "p1.nii.gz")))
    assert np.array_equal(wall, after == MYOCARDIUM)


def test_a_file_that_is_cut_off_is_the_reason_and_leaves_nothing(case, tmp_path):
    work = file_work(tmp_path)
    cut_off(case.segmentation)
    result = work(case)
    assert result.report is None
    assert "segmentation.nii.gz" in result.reason
    assert result.trace == ""
    assert listed(work.folder) == []


def test_an_error_of_the_program_itself_is_a_reason_with_a_trace(case, tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(cohort_work, "repair", broken)
    result = file_work(tmp_path)(case)
    assert result.reason == "ZeroDivisionError: division by zero"
    assert "in broken" in result.trace


def test_a_result_that_cannot_be_written_is_not_the_case_s_fault(case, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(cohort_work, "write_case", full)
    work = file_work(tmp_path)
    result = work(case)
    assert result.unwritable
    assert "No space left" in result.reason
    assert listed(work.folder) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"version": "9.9"}, "but the batch was started with 9.9"),
        ({"folder": Path("/none/out")}, "The worker cannot access"),
        ({"record": ModelRecord("tiny", "0" * 64, "CC0", "none")}, "differs from that of the batch"),
        ({"settings_hash": "0" * 12}, "differs from that of the batch"),
        ({"model": "none"}, "There is no model 'none'"),
        ({"options": RepairOptions(device="mps")}, "Device 'mps'"),
    ],
)
def test_invalid_worker_reports_the_problem(case, tmp_path, changes, complaint):
    work = file_work(tmp_path)
    hashed = {"record": replace(work.record, **changes)} if "settings_hash" in changes else changes
    work = replace(work, **hashed)
    assert complaint in work.problem()
    assert complaint in work(case).reason


def test_valid_worker_reports_no_problem(tmp_path):
    assert file_work(tmp_path).problem() == ""


@pytest.mark.parametrize(
    ("segmentation", "result"),
    [
        ("s.nii", "p1.nii"), ("s.NII.gz", "p1.nii.gz"), ("s.nrrd", "p1.nrrd"), ("s.seg.nrrd", "p1.seg.nrrd"),
        ("s.mha", "p1.mha"), ("s.mhd", "p1.mha"), ("s.nhdr", "p1.nrrd"), (None, "p1.seg.nrrd"),
    ]
)  # fmt: skip
def test_a_result_is_one_file_of_the_segmentation_s_kind(segmentation, result):
    assert result_name(CohortCase("p1", None, segmentation and Path(segmentation))) == result


def test_the_result_of_a_dicom_segmentation_of_any_name_is_one(tmp_path):
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    assert result_name(CohortCase("p1", None, tmp_path / "IM0001")) == "p1.dcm"


MAP, NAMED, SEG = Path("s.nii.gz"), Path("s.seg.nrrd"), Path("s.dcm")
ALL = StructureChoice(2, "myo", 3, "pool")


@pytest.mark.parametrize(
    ("path", "own", "common", "chosen"),
    [
        (MAP, (None, None), ALL, StructureChoice(label=2, pool_label=3)),
        (NAMED, (None, None), ALL, StructureChoice(segment="myo", pool_segment="pool")),
        (MAP, ("7", None, "8.0"), ALL, StructureChoice(label=7, pool_label=8)),
        (MAP, ("2;4", "wall", None), ALL, StructureChoice(label=(2, 4), pool_label=3)),
        (MAP, ("2, 4", None, "5"), ALL, StructureChoice(label=(2, 4), pool_label=5)),
        (NAMED, ("2", "wall", None), ALL, StructureChoice(segment="wall", pool_segment="pool")),
        (SEG, ("2", "wall", "9"), ALL, StructureChoice(segment="wall", pool_segment="9")),
        (NAMED, (None, "wall", None), StructureChoice(label=2), StructureChoice(segment="wall")),
        # What does not apply to the file is not read.
        (NAMED, ("wall", "wall", None), ALL, StructureChoice(segment="wall", pool_segment="pool")),
        # The options for all cases apply where a case has no choice of the kind of its file.
        (SEG, ("2", None, None), ALL, StructureChoice(segment="myo", pool_segment="pool")),
        (MAP, (None, "wall", None), ALL, StructureChoice(label=2, pool_label=3)),
        (MAP, (None, None), StructureChoice(), StructureChoice()),
        # Nothing that fits was chosen: reading the file then says so.
        (MAP, (None, None), StructureChoice(segment="myo"), StructureChoice(segment="myo")),
        (NAMED, (None, None), StructureChoice(label=2, pool_label=3), StructureChoice(label=2, pool_label=3)),
        (SEG, ("2", None, "9"), StructureChoice(), StructureChoice(label=2)),
        (MAP, (None, "wall", "9"), StructureChoice(), StructureChoice(segment="wall")),
    ],
)
def test_own_segments_take_precedence(path, own, common, chosen):
    assert choice_for(CohortCase("p1", None, path, *own), common) == chosen


@pytest.mark.parametrize(("path", "other"), [(MAP, "rv_segment"), (NAMED, "rv_label")])
def test_each_kind_of_file_takes_its_own_right_ventricle(path, other):
    chosen = choice_for(CohortCase("p1", None, path), StructureChoice(rv_label=1, rv_segment="RV"))
    assert (chosen.rv_label, chosen.rv_segment) == ((1, None) if path == MAP else (None, "RV"))
    # What does not fit is not passed over in silence.
    only = choice_for(CohortCase("p1", None, path), StructureChoice(**{other: "RV" if other == "rv_segment" else 1}))
    assert getattr(only, other)


def test_a_blood_pool_of_several_labels_is_refused():
    with pytest.raises(ValueError, match="one label"):
        choice_for(CohortCase("p1", None, MAP, "2", pool="3;4"), StructureChoice())


@pytest.mark.parametrize("text", ["myo", "2.5", "nan", "inf"])
def test_a_label_that_is_no_whole_number_is_refused(text):
    with pytest.raises(ValueError, match="whole number"):
        choice_for(CohortCase("p1", None, MAP, text), StructureChoice())


def test_a_case_with_a_name_that_no_file_can_have_fails_alone(tmp_path):
    work = file_work(tmp_path)
    write_cohort(tmp_path / "in", ["a"])
    files = [tmp_path / "in" / "a" / name for name in ("image.nii.gz", "segmentation.nii.gz")]
    cases = [CohortCase(name, *files) for name in ("n" * 300, "\u00f6" * 110, "good")]
    cohort = Cohort(work.folder, {})
    batch_run = BatchRun(cohort, cases, result_name)
    assert [case.name for case in batch_run.begin()] == ["good"]
    assert batch_run.outcome(False).failed.keys() == {"n" * 300, "\u00f6" * 110}
    assert "300 bytes" in cohort.failed["n" * 300]
    results = [work(case) for case in cases]
    assert [bool(result.report) for result in results] == [False, False, True]
    assert not any(result.unwritable for result in results)


def test_a_pool_that_one_case_lacks_is_noted_in_its_report(tmp_path):
    work = file_work(tmp_path, options=RepairOptions(device="numpy", trim_pool=True))
    write_cohort(tmp_path / "in", ["a"])
    values = labels()
    values[values == POOL] = 0
    write_labels(tmp_path / "in" / "a" / "segmentation.nii.gz", values)
    result = work(CohortCase("a", *(tmp_path / "in" / "a" / f"{name}.nii.gz" for name in ("image", "segmentation"))))
    assert result.report is not None, result.reason
    assert [doubt.code for doubt in result.report.doubts] == ["pool_not_found"]
    assert not result.report.run.trim_pool
