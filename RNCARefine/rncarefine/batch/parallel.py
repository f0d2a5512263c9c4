"""Repair the cases of a cohort in parallel, one per worker.

Each worker writes the files of its cases and returns only the report. One case per worker is submitted at a time, so
that memory does not grow with the number of cases.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from secrets import token_hex
from typing import TYPE_CHECKING

from .cases import CohortCase
from .dask_backend import ClusterError
from .files import CaseFiles
from .runs import BatchRun, reason_of
from .sequential import ResultBuffer
from .work import CaseResult, FileWork

if TYPE_CHECKING:
    from distributed import Client, Future

POLL_S = 0.2
"""Seconds between checks for an interrupt."""
COUNT_S = 2.0
"""Seconds between counts of the workers."""
TRIES = 3
"""Maximum number of retries of a case whose worker died before the case was started."""
GATHER_S = 1.0
"""Timeout in seconds for the transfer of one result before others are checked."""
_DIED = (
    "The processes that repaired it crashed or were killed, most likely because memory ran out. Run the batch again "
    "with fewer workers."
)
_ALONE = (
    "All worker processes have ended, and no other could be started. Run the same command again to resume; finished "
    "cases are kept."
)
_LOST = "The connection to the Dask scheduler was lost. Run the same command again to resume; finished cases are kept."


def run_in_parallel(
    client: Client,
    batch_run: BatchRun,
    cases: Sequence[CohortCase],
    work: FileWork,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_workers: Callable[[int], None] = lambda count: None,
    patience_s: float = math.inf,
) -> bool:
    """Process cases in parallel, one per worker.

    Args:
        client: Dask client, see :mod:`rncarefine.batch.dask_backend`.
        batch_run: The run.
        cases: Result of :meth:`BatchRun.begin`, with absolute paths.
        work: Repairs one case.
        stop: Polled; if it returns true, running cases are finished and no other is started.
        on_workers: Called with the number of workers at first and on every change.
        patience_s: Timeout in seconds without any worker.

    Returns:
        Whether the run was stopped before all cases were finished.

    Raises:
        OutputError: The results cannot be written. Finished cases are kept.
        ClusterError: The connection to the scheduler was lost, or no workers are left. Finished cases are kept.
    """
    left = deque(cases)
    workers = _Workers(client, work, batch_run.result_of, on_workers, patience_s)
    buffer = ResultBuffer(batch_run)
    stopped = False
    try:
        while left or workers.busy:
            if left and stop():
                stopped = True
                left.clear()
            workers.count()
            while left and workers.has_room():
                workers.submit(left.popleft())
            for result in workers.results():
                buffer.add(result)
    finally:
        buffer.write()
    return stopped


class _Workers:
    """The workers and their running cases."""

    def __init__(
        self,
        client: Client,
        work: FileWork,
        result_of: Callable[[CohortCase], str],
        on_workers: Callable[[int], None],
        patience_s: float,
    ) -> None:
        self._client = client
        self._work, self._result_of = work, result_of
        self._on_workers, self._patience = on_workers, patience_s
        self._running: dict[Future, CohortCase] = {}
        self._finished: SimpleQueue[Future] = SimpleQueue()
        self._tries: Counter[str] = Counter()
        # One name for all cases, so that the scheduler keeps one set of statistics.
        self._name, self._number = f"rncarefine-{token_hex(4)}", itertools.count()
        self._workers, self._counted, self._seen = -1, -math.inf, time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether any case is running."""
        return bool(self._running)

    def count(self) -> None:
        """Count the workers, at most once per :data:`COUNT_S`.

        Raises:
            ClusterError: The connection was lost, or there was no worker before the timeout.
        """
        now = time.monotonic()
        if now < self._counted + COUNT_S:
            return
        try:
            workers = sum(self._client.nthreads().values())
        except OSError as error:
            raise ClusterError(_LOST) from error
        if workers != self._workers:
            self._on_workers(workers)
        if workers:
            self._seen = now
        elif now > self._seen + self._patience:
            raise ClusterError(_ALONE)
        self._workers, self._counted = workers, now

    def has_room(self) -> bool:
        """Whether a worker is idle. No case is queued at a worker, since it would be lost if the worker died.

        Without workers, one case is submitted, since a cluster may start a worker for it.
        """
        return len(self._running) < max(self._workers, 1)

    def submit(self, case: CohortCase) -> None:
        """Submit a case."""
        future = self._client.submit(self._work, case, key=(self._name, next(self._number)), pure=False)
        self._running[future] = case
        future.add_done_callback(self._finished.put)

    def results(self) -> Iterator[CaseResult]:
        """Yield the available results, waiting up to :data:`POLL_S` for the first.

        Raises:
            ClusterError: The connection was lost.
        """
        wait = POLL_S
        while True:
            try:
                future = self._finished.get(timeout=wait) if wait else self._finished.get_nowait()
            except Empty:
                return
            result = self._result(future, self._running[future])
            if result is None:  # its worker has died, and Dask repeats it
                self._finished.put(future)
                return
            case = self._running.pop(future)
            future.release()
            if result.report is None and self._retry(case, result):
                self.submit(case)
            else:
                yield result
            wait = 0

    def _result(self, future: Future, case: CohortCase) -> CaseResult | None:
        """Return the result of a case, or ``None`` if it is not available yet.

        Raises:
            ClusterError: The connection was lost.
        """
        from distributed import CancelledError, KilledWorker, TimeoutError

        try:
            result: CaseResult = future.result(timeout=GATHER_S)
        except TimeoutError:
            return None
        except CancelledError as error:
            raise ClusterError(_LOST) from error
        except KilledWorker:
            return CaseResult(case.name, reason=_DIED)
        except Exception as error:  # any error in a worker is the reason of the failure
            if future.status != "error":
                raise ClusterError(_LOST) from error
            return CaseResult(case.name, reason=reason_of(error)[0])
        return result

    def _retry(self, case: CohortCase, result: CaseResult) -> bool:
        """Return whether to retry a case whose worker died: it was not started, so another case caused the crash."""
        if result.reason != _DIED:
            return False
        files = CaseFiles(self._work.folder, case.name, self._result_of(case))
        self._tries[case.name] += 1
        if not files.mark.exists() and self._tries[case.name] < TRIES:
            return True
        files.sweep()
        return False
