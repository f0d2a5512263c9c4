"""Parallel processing: one case per worker, and independent failures."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from distributed import Client, Future

from engine.cohort_samples import CountedWork, ToyWork, thread_workers
from rncarefine.batch import parallel as cohort_parallel
from rncarefine.batch import sequential
from rncarefine.batch.cases import CohortCase
from rncarefine.batch.cohort import Cohort
from rncarefine.batch.dask_backend import ClusterError
from rncarefine.batch.parallel import run_in_parallel
from rncarefine.batch.runs import BatchRun, CaseOutcome
from rncarefine.batch.work import result_name


@pytest.fixture(scope="module")
def client():
    """Two workers that are threads of this process, which is quicker."""
    with (
        thread_workers(2) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(cohort_parallel, "POLL_S", 0.01)


@pytest.fixture
def submitted(client, monkeypatch):
    """What is handed out, as it is handed out."""
    futures: list[Future] = []
    submit = client.submit

    def note(*arguments, **options):
        futures.append(submit(*arguments, **options))
        return futures[-1]

    monkeypatch.setattr(client, "submit", note)
    return futures


def cases(count=6):
    return [CohortCase(f"p{number:02}", Path("i.nii"), Path("s.nii")) for number in range(count)]


def run(client, folder, work=None, count=6, on_case=None, **options):
    batch_run = BatchRun(Cohort(folder, {}), cases(count), result_name, on_case)
    left = batch_run.begin()
    return batch_run.outcome(run_in_parallel(client, batch_run, left, work or ToyWork(folder), **options))


def table(folder):
    return [line.partition(",")[0] for line in (folder / "cohort.csv").read_text().splitlines()[1:]]


def test_as_many_cases_are_in_work_as_there_are_workers(client, tmp_path, submitted):
    """None waits at a worker, so that memory does not grow with the cohort."""
    waiting: list[int] = []
    on_case = lambda news: waiting.append(sum(not future.done() for future in submitted))  # noqa: E731
    run(client, tmp_path, CountedWork(tmp_path), 20, on_case=on_case)
    assert CountedWork.most == 2
    assert len(submitted) == 20
    assert max(waiting) <= 2


def test_nothing_is_left_with_the_scheduler(client, tmp_path):
    run(client, tmp_path)
    deadline = time.monotonic() + 30  # the scheduler learns of it a little later
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0
    assert not client.futures


def test_a_failed_case_is_noted_and_the_next_run_repeats_it_alone(client, tmp_path):
    outcome = run(client, tmp_path, ToyWork(tmp_path, {"p02": "fail", "p04": "raise"}))
    assert outcome.failed == {"p02": "The image is constant.", "p04": "KeyError: 'p04'"}
    assert len(outcome.repaired) == 4
    again = run(client, tmp_path)
    assert sorted(again.repaired) == ["p02", "p04"]
    assert len(again.skipped) == 4
    assert again.failed == {}


def test_an_error_of_the_program_is_logged_with_its_trace(client, tmp_path, caplog):
    class Traced(ToyWork):
        def __call__(self, case):
            from dataclasses import replace

            return replace(super().__call__(case), trace="in line 7")

    with caplog.at_level(logging.ERROR, logger="root"):
        run(client, tmp_path, Traced(tmp_path, {"p00": "fail"}), 1)
    assert "case p00 failed\nin line 7" in caplog.text


def test_a_stop_finishes_what_is_in_work_and_begins_nothing_else(client, tmp_path):
    done: list[str] = []

    def stop():
        if done:
            (tmp_path / "go").touch()
        return bool(done)

    orders = dict.fromkeys([case.name for case in cases()][1:], "wait")
    work = ToyWork(tmp_path, orders)
    outcome = run(client, tmp_path, work, stop=stop, on_case=lambda news: done.append(news.name))
    assert outcome.stopped
    assert sorted(outcome.repaired) == ["p00", "p01"]
    assert sorted(set(table(tmp_path))) == sorted(outcome.repaired)
    (tmp_path / "go").touch()
    assert len(run(client, tmp_path).repaired) == 6 - len(outcome.repaired)


def test_a_stop_that_comes_after_the_last_case_stops_nothing(client, tmp_path):
    done: list[CaseOutcome] = []
    assert not run(client, tmp_path, count=1, stop=lambda: bool(done), on_case=done.append).stopped


def test_a_stop_that_comes_before_the_first_case_begins_none(client, tmp_path, submitted):
    assert run(client, tmp_path, stop=lambda: True).stopped
    assert submitted == []


def test_tables_are_written_once_a_second_and_not_for_every_case(client, tmp_path, monkeypatch):
    added = []
    add = Cohort.add
    monkeypatch.setattr(sequential, "WRITE_S", 60)
    monkeypatch.setattr(Cohort, "add", lambda self, reports: [added.append(len(reports)), add(self, reports)])
    run(client, tmp_path, count=9)
    assert added == [9]
    monkeypatch.setattr(sequential, "WRITE_S", 0)
    run(client, tmp_path / "other", count=9)
    assert len(added) > 3


def test_lost_connection_raises_cluster_error(client, tmp_path, submitted):
    """Dask cancels what is out when it loses the scheduler."""
    work = ToyWork(tmp_path, {"p01": "wait"})
    try:
        with pytest.raises(ClusterError, match="command again"):
            run(client, tmp_path, work, on_case=lambda news: client.cancel(submitted[1]))
    finally:
        (tmp_path / "go").touch()


def test_worker_count_is_reported_on_change(client, tmp_path, monkeypatch):
    answers = iter([{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}])
    monkeypatch.setattr(cohort_parallel, "COUNT_S", 0)
    monkeypatch.setattr(client, "nthreads", lambda: next(answers, {}))
    told: list[int] = []
    run(client, tmp_path, count=12, on_workers=told.append)
    assert told[:2] == [1, 3]


def test_run_without_workers_raises_after_its_patience(client, tmp_path, monkeypatch):
    monkeypatch.setattr(cohort_parallel, "COUNT_S", 0)
    monkeypatch.setattr(client, "nthreads", dict)
    try:
        with pytest.raises(ClusterError, match="no other"):
            run(client, tmp_path, ToyWork(tmp_path, {"p00": "wait"}), patience_s=0.05)
    finally:
        (tmp_path / "go").touch()


def test_a_cluster_that_has_no_worker_yet_is_given_one_case(client, tmp_path, monkeypatch, submitted):
    """So that one that starts workers when there is work has a reason to."""
    counts = [2, 2]
    monkeypatch.setattr(cohort_parallel, "COUNT_S", 0)
    monkeypatch.setattr(client, "nthreads", lambda: {"a": counts.pop()} if counts and submitted else {})
    assert len(run(client, tmp_path).repaired) == 6


def test_connection_lost_while_counting_workers(client, tmp_path, monkeypatch):
    def broken():
        raise OSError("closed")

    monkeypatch.setattr(client, "nthreads", broken)
    with pytest.raises(ClusterError, match="scheduler was lost"):
        run(client, tmp_path)


def test_a_result_that_was_lost_with_its_worker_is_waited_for(client, tmp_path, monkeypatch):
    from distributed import TimeoutError

    result, times = Future.result, []

    def late(future, timeout=None):
        times.append(future.key)
        if len(times) in (1, 3):
            raise TimeoutError
        return result(future, timeout)

    monkeypatch.setattr(Future, "result", late)
    outcome = run(client, tmp_path, count=3)
    assert sorted(outcome.repaired) == ["p00", "p01", "p02"]
    assert len(times) == 5


def test_connection_lost_during_transfer_fails_no_case(client, tmp_path, monkeypatch):
    def broken(future, timeout=None):
        raise OSError("closed")

    monkeypatch.setattr(Future, "result", broken)
    with pytest.raises(ClusterError, match="scheduler was lost"):
        run(client, tmp_path)
    assert Cohort(tmp_path, {}).failed == {}
