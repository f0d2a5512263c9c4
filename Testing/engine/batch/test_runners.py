"""What holds of every batch, whether its cases are processed one after the other or in parallel."""

from pathlib import Path

import pytest
from distributed import Client

from engine.cohort_samples import ToyWork, table_rows, thread_workers
from engine.report_samples import broken_report
from rncarefine.batch import parallel
from rncarefine.batch.cases import CohortCase
from rncarefine.batch.cohort import Cohort, OutputError
from rncarefine.batch.parallel import run_in_parallel
from rncarefine.batch.runs import BatchRun, CaseOutcome
from rncarefine.batch.sequential import run_sequentially
from rncarefine.batch.work import result_name

NAMES = ["p1", "p2", "p3"]
CASES = [CohortCase(name, Path("i"), Path("s.seg.nrrd")) for name in NAMES]


@pytest.fixture(scope="module")
def client():
    with thread_workers(1) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(params=["sequential", "parallel"])
def run(request, client, monkeypatch):
    """Return a function that runs the cases with orders (see ToyWork) and returns the outcome."""
    monkeypatch.setattr(parallel, "POLL_S", 0.01)

    def run(folder, on_case=None, **orders):
        batch_run = BatchRun(Cohort(folder, {"seed": 0}), CASES, result_name, on_case)
        work = ToyWork(folder, orders)
        if request.param == "sequential":
            return run_sequentially(batch_run, work)
        return batch_run.outcome(run_in_parallel(client, batch_run, batch_run.begin(), work))

    return run


def test_all_cases_are_repaired_reported_and_tabulated(run, tmp_path):
    news = []
    outcome = run(tmp_path, news.append)
    assert sorted(outcome.repaired) == NAMES
    assert sorted(news, key=lambda one: one.name) == [
        CaseOutcome(name, "flagged", broken_report().summary(), flagged=True) for name in NAMES
    ]
    assert [row["case"] for row in table_rows(tmp_path / "cohort.csv")] == [name for name in NAMES for _ in range(4)]
    assert (outcome.totals.cases, outcome.stopped) == (3, False)
    assert outcome.summary() == "3 cases done, 3 with flagged slices; 0 failed"


def test_failed_case_is_skipped_and_repeated_by_the_next_run(run, tmp_path):
    news = []
    outcome = run(tmp_path, news.append, p2="fail")
    assert sorted(outcome.repaired) == ["p1", "p3"]
    assert outcome.failed == Cohort(tmp_path, {"seed": 0}).failed == {"p2": "The image is constant."}
    assert sorted(one.status for one in news) == ["failed", "flagged", "flagged"]
    news.clear()
    outcome = run(tmp_path, news.append)
    assert (outcome.repaired, sorted(outcome.skipped), outcome.failed) == (["p2"], ["p1", "p3"], {})
    assert sorted(outcome.flagged) == NAMES
    assert sorted(one.status for one in news) == ["finished before", "finished before", "flagged"]
    assert all(one.flagged for one in news)
    assert outcome.summary() == "1 case done and 2 before, 3 with flagged slices; 0 failed"


def test_unwritable_result_ends_the_run_without_a_failed_case(run, tmp_path):
    with pytest.raises(OutputError, match="No space left"):
        run(tmp_path, p2="unwritable")
    results = Cohort(tmp_path, {"seed": 0})
    assert results.is_finished("p1")
    assert results.failed == {}


def test_interrupt_keeps_finished_cases(run, tmp_path):
    def interrupt(news):
        if news.name == "p2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupt)
    assert {"p1", "p2"} <= set(run(tmp_path).skipped)
