"""Repair the cases of a cohort in parallel, one per worker.

Every worker writes the files of its cases itself and sends back only the report. As many cases are handed out as there
are workers, so that memory is the same for ten cases as for ten thousand.
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
from .in_turn import Notes
from .runs import Walk, reason_of
from .work import CaseResult, FileWork, result_name

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
    "The processes that repaired it crashed or were ended from outside, most likely because memory ran out. Run the "
    "batch again with fewer workers."
)
_ALONE = (
    "Every process that repaired cases has ended, and no other could be started. Run the same command again to resume: "
    "what is finished is kept."
)
_LOST = "The connection to the Dask scheduler was lost. Run the same command again to resume: what is finished is kept."


def do_side_by_side(
    client: Client,
    walk: Walk,
    cases: Sequence[CohortCase],
    work: FileWork,
    *,
    stop: Callable[[], bool] = lambda: False,
    tell_workers: Callable[[int], None] = lambda count: None,
    patience_s: float = math.inf,
) -> bool:
    """Process cases in parallel, one per worker.

    Args:
        client: Of Dask, see :mod:`rncarefine.batch.dask_backend`.
        walk: The run that they belong to.
        cases: What :meth:`Walk.begin` returned, with absolute paths.
        work: Repairs one of them.
        stop: Asked often whether to stop; the cases that are in work are then finished, and no other is begun.
        tell_workers: Called with the number of workers at first, and when it has changed.
        patience_s: How long to wait where there is no worker. A cluster may send new ones after hours.

    Returns:
        Whether it was stopped before all cases were done.

    Raises:
        OutputError: The results cannot be written. What is finished is kept.
        ClusterError: The connection to the scheduler was lost, or there are no workers any more. What is finished is
            kept.
    """
    left = deque(cases)
    crew = _Crew(client, work, tell_workers, patience_s)
    notes = Notes(walk)
    stopped = False
    try:
        while left or crew.busy:
            if left and stop():
                stopped = True
                left.clear()
            crew.count()
            while left and crew.has_room():
                crew.give(left.popleft())
            for result in crew.results():
                notes.take(result)
    finally:
        notes.write()
    return stopped


class _Crew:
    """The workers, and the cases that they have in work."""

    def __init__(self, client: Client, work: FileWork, tell_workers: Callable[[int], None], patience_s: float) -> None:
        self._client = client
        self._work = work
        self._tell_workers, self._patience = tell_workers, patience_s
        self._out: dict[Future, CohortCase] = {}
        self._back: SimpleQueue[Future] = SimpleQueue()
        self._tries: Counter[str] = Counter()
        # One name for all, so that the scheduler keeps one set of statistics.
        self._name, self._number = f"rncarefine-{token_hex(4)}", itertools.count()
        self._workers, self._counted, self._seen = -1, -math.inf, time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether any case is in work."""
        return bool(self._out)

    def count(self) -> None:
        """Count the workers now and then.

        Raises:
            ClusterError: The connection was lost, or there has been no worker for too long.
        """
        now = time.monotonic()
        if now < self._counted + COUNT_S:
            return
        try:
            workers = sum(self._client.nthreads().values())
        except OSError as error:
            raise ClusterError(_LOST) from error
        if workers != self._workers:
            self._tell_workers(workers)
        if workers:
            self._seen = now
        elif now > self._seen + self._patience:
            raise ClusterError(_ALONE)
        self._workers, self._counted = workers, now

    def has_room(self) -> bool:
        """Whether a worker has nothing to do. No case waits at a worker: if that died, it would take the case along.

        Where there is no worker, one case is handed out all the same: a cluster may start a worker for it.
        """
        return len(self._out) < max(self._workers, 1)

    def give(self, case: CohortCase) -> None:
        """Submit a case."""
        future = self._client.submit(self._work, case, key=(self._name, next(self._number)), pure=False)
        self._out[future] = case
        future.add_done_callback(self._back.put)

    def results(self) -> Iterator[CaseResult]:
        """Yield what has come back, after waiting a little for the first.

        Raises:
            ClusterError: The connection was lost.
        """
        wait = POLL_S
        while True:
            try:
                future = self._back.get(timeout=wait) if wait else self._back.get_nowait()
            except Empty:
                return
            result = self._result(future, self._out[future])
            if result is None:  # a worker has died with it, and it is being done again
                self._back.put(future)
                return
            case = self._out.pop(future)
            future.release()
            if result.report is None and self._is_innocent(case, result):
                self.give(case)
            else:
                yield result
            wait = 0

    def _result(self, future: Future, case: CohortCase) -> CaseResult | None:
        """Return what became of a case, or ``None`` if it is not there yet.

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
        except Exception as error:  # whatever came up in a worker is the reason why the case failed
            if future.status != "error":
                raise ClusterError(_LOST) from error
            return CaseResult(case.name, reason=reason_of(error)[0])
        return result

    def _is_innocent(self, case: CohortCase, result: CaseResult) -> bool:
        """Whether a case that has died with its worker had not even been begun, so that another one was to blame."""
        if result.reason != _DIED:
            return False
        files = CaseFiles(self._work.folder, case.name, result_name(case))
        self._tries[case.name] += 1
        if not files.mark.exists() and self._tries[case.name] < TRIES:
            return True
        files.sweep()
        return False
