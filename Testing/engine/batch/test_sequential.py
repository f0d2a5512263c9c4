"""Sequential processing: failed cases are skipped, and a run can be interrupted and resumed."""

from pathlib import Path

import pytest

from engine.cohort_samples import ToyWork
from rncarefine.batch.cases import CohortCase
from rncarefine.batch.cohort import Cohort
from rncarefine.batch.files import CaseFiles
from rncarefine.batch.runs import BatchRun
from rncarefine.batch.sequential import run_sequentially
from rncarefine.batch.work import result_name

CASES = [CohortCase(name, Path("i"), Path("s.seg.nrrd")) for name in ("p1", "p2", "p3")]


class Worker:
    """Records the cases that were begun."""

    def __init__(self, folder, **orders):
        self.work, self.begun = ToyWork(folder, orders), list[str]()

    def __call__(self, case, progress):
        self.begun.append(case.name)
        return self.work(case, progress)


def run(folder, worker, cases=CASES, on_case=None, progress=None):
    batch_run = BatchRun(Cohort(folder, {"seed": 0}), cases, result_name, on_case)
    return run_sequentially(batch_run, worker, progress)


def test_stopped_run_can_be_resumed(tmp_path):
    worker = Worker(tmp_path)
    outcome = run(tmp_path, worker, progress=lambda fraction, text: fraction < 0.5)
    assert outcome.stopped
    assert outcome.repaired == ["p1"]
    assert worker.begun == ["p1", "p2"]
    assert not (tmp_path / "p2.seg.nrrd").exists()
    assert outcome.summary().startswith("Stopped: ")
    again = Worker(tmp_path)
    assert run(tmp_path, again).repaired == ["p2", "p3"]
    assert again.begun == ["p2", "p3"]


def test_foreign_files_raise_before_the_run(tmp_path):
    (tmp_path / "p3.seg.nrrd").touch()
    worker = Worker(tmp_path)
    with pytest.raises(ValueError, match=r"p3\.seg\.nrrd exists"):
        run(tmp_path, worker)
    assert worker.begun == []


def test_a_case_in_which_a_run_has_crashed_is_done_last(tmp_path):
    """Slicer itself may crash on a file; the next run must not end at the same case."""

    def crash(case, progress):
        with CaseFiles(tmp_path, case.name, result_name(case)).running():
            marks = [path.name for path in (tmp_path / "reports").iterdir()]
            assert marks == ["p1.begun"]
            (tmp_path / "reports" / "p2.begun").touch()  # as if this process had died in p2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, crash)
    worker = Worker(tmp_path)
    assert run(tmp_path, worker).repaired == ["p1", "p3", "p2"]
    assert worker.begun == ["p1", "p3", "p2"]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["p1.json", "p2.json", "p3.json"]


def test_progress_counts_the_cases_and_never_goes_back(tmp_path):
    told = []
    run(tmp_path, Worker(tmp_path), progress=lambda fraction, text: told.append((fraction, text)))
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert told[0] == (pytest.approx(0.5 / 3), "Case 1 of 3 (p1): Repairing")
    assert told[-1] == (pytest.approx(2.5 / 3), "Case 3 of 3 (p3): Repairing")


def test_the_outcome_is_about_the_cases_of_this_run(tmp_path):
    run(tmp_path, Worker(tmp_path, p1="fail"))
    outcome = run(tmp_path, Worker(tmp_path), CASES[2:])
    assert outcome.flagged.keys() == {"p3"}
    assert outcome.failed == {}


def test_changed_input_fails_and_keeps_the_result(tmp_path):
    for name in ("i", "s.seg.nrrd"):
        (tmp_path / name).write_bytes(b"voxels")
    case = CohortCase("p1", tmp_path / "i", tmp_path / "s.seg.nrrd")

    def go(worker):
        return run(tmp_path / "out", worker, [case])

    assert go(Worker(tmp_path / "out")).repaired == ["p1"]
    (tmp_path / "s.seg.nrrd").write_bytes(b"of another network")
    worker = Worker(tmp_path / "out")
    outcome = go(worker)
    assert worker.begun == []
    assert outcome.skipped == []
    assert "segmentation" in outcome.failed["p1"]
    assert "Delete its result" in outcome.failed["p1"]
    (tmp_path / "s.seg.nrrd").write_bytes(b"voxels")
    assert go(Worker(tmp_path / "out")).skipped == ["p1"]
    assert (tmp_path / "out" / "failed.csv").read_text() == "case,reason\n"


def test_temporary_files_of_a_killed_process_are_removed(tmp_path):
    run(tmp_path, Worker(tmp_path, p3="fail"))
    for name in (".0123abcd-new-p2.seg.nrrd", ".0123abcd-new-p3.seg.nrrd", "reports/.0123abcd-new-p3.json"):
        (tmp_path / name).touch()
    for name in ("p1", "p3"):
        (tmp_path / "reports" / f"{name}.begun").touch()
    run(tmp_path, Worker(tmp_path, p3="fail"))
    hidden = sorted(path.name for path in tmp_path.rglob(".*"))
    assert hidden == [".0123abcd-new-p2.seg.nrrd"]  # p2 has no mark: another run may have it in work
    assert not list(tmp_path.rglob("*.begun"))
