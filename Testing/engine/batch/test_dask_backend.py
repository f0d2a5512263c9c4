"""Real worker processes: a crash fails only its case; handling of Ctrl-C and threads."""

import os
import signal
from pathlib import Path

import pytest
import SimpleITK as sitk

from engine.cohort_samples import ToyWork, file_work, thread_workers
from rncarefine.batch.cases import CohortCase
from rncarefine.batch.cohort import Cohort
from rncarefine.batch.dask_backend import ClusterError, check_workers, cluster_workers, local_workers
from rncarefine.batch.parallel import run_in_parallel
from rncarefine.batch.runs import BatchRun
from rncarefine.batch.work import result_name

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")


@pytest.fixture(scope="module")
def client():
    """Two worker processes."""
    with local_workers(2) as client:
        yield client


@pytest.fixture
def mortals():
    """Two worker processes that a test may end; how soon others take their place is up to the machine."""
    with local_workers(2) as client:
        yield client


def run(client, folder, count, orders):
    cases = [CohortCase(f"p{number}", Path("i.nii"), Path("s.nii")) for number in range(count)]
    batch_run = BatchRun(Cohort(folder, {}), cases, result_name)
    return batch_run.outcome(run_in_parallel(client, batch_run, batch_run.begin(), ToyWork(folder, orders)))


def test_crash_fails_only_its_case(mortals, tmp_path):
    outcome = run(mortals, tmp_path, 8, {"p3": "die"})
    assert list(outcome.failed) == ["p3"]
    assert "memory" in outcome.failed["p3"]
    assert len(outcome.repaired) == 7
    assert sorted(path.name for path in tmp_path.glob(".*")) == []
    mortals.wait_for_workers(2, timeout=300)  # another one has taken its place
    # The mark makes the next run do it last, and alone.
    again = run(mortals, tmp_path, 8, {})
    assert again.repaired == ["p3"]
    assert again.failed == {}
    assert not list(tmp_path.rglob("*.begun"))


def test_case_is_retried_if_its_worker_died_before(mortals, tmp_path):
    outcome = run(mortals, tmp_path, 2, {"p0": "die before"})
    assert list(outcome.failed) == ["p0"]
    assert outcome.repaired == ["p1"]


def test_workers_have_one_thread_and_ignore_sigint(client):
    def state():
        return (
            os.environ.get("OMP_NUM_THREADS"),
            sitk.ProcessObject.GetGlobalDefaultNumberOfThreads(),
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        )

    assert set(client.run(state).values()) == {("1", 1, True)}
    assert len(client.nthreads()) == 2
    assert set(client.nthreads().values()) == {1}


def test_the_processes_keep_no_diary_that_grows_with_the_cohort(client, tmp_path):
    run(client, tmp_path, 30, {})

    def kept(dask_worker):
        return len(dask_worker.profile_history), dask_worker.profile_recent["count"], dask_worker.state.log.maxlen

    for profiles, looks, steps in client.run(kept).values():
        assert (profiles, looks) == (0, 0)
        assert steps <= 100


def test_every_worker_is_asked_whether_it_can_do_the_work(client, tmp_path):
    check_workers(client, file_work(tmp_path))
    with pytest.raises(ValueError, match=r"Worker tcp://.*Install the same version"):
        check_workers(client, file_work(tmp_path, version="9.9"))


def test_worker_without_the_package_raises(tmp_path):
    class Answer:
        def run(self, function, on_error):
            return {"tcp://a": ModuleNotFoundError("No module named 'rncarefine'")}

    with pytest.raises(ValueError, match="Install the same version"):
        check_workers(Answer(), file_work(tmp_path))


def test_a_scheduler_that_is_there_is_used_and_outlives_the_batch(tmp_path):
    with thread_workers(1) as cluster:
        for _ in range(2):
            with cluster_workers(cluster.scheduler_address) as client:
                assert client.submit(int, "7").result() == 7


def test_missing_scheduler_raises(monkeypatch):
    monkeypatch.setattr("rncarefine.batch.dask_backend._CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match=r"'tcp://127\.0\.0\.1:9'"):
        cluster_workers("tcp://127.0.0.1:9").__enter__()


@pytest.mark.parametrize("address", ["nonsense://x", "head", "tcp://10.0.0.1", "tcp://10.0.0.1:port", ""])
def test_invalid_address_raises_before_connecting(monkeypatch, address):
    monkeypatch.setattr("distributed.Client", None)
    with pytest.raises(ClusterError, match=f"'{address}'"):
        cluster_workers(address).__enter__()
