"""Workers of a batch: local processes or a Dask cluster."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .work import FileWork

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_S = 15
_SETTINGS = {
    # Dask stores no data here, so these memory limits are useless. A process that needs too much memory is restarted.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # Profiling costs time and memory.
    "distributed.worker.profile.enabled": False,
    # Starting a process may take long on a busy machine.
    "distributed.comm.timeouts.connect": "120s",
    # Keep the scheduler's logs small.
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.system-monitor.log-length": 100,
}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class ClusterError(OSError):
    """The workers cannot be reached."""


@contextmanager
def local_workers(count: int) -> Iterator[Client]:
    """Start local worker processes with one thread each, and stop them at the end of the block.

    Args:
        count: Number of processes.

    Yields:
        The client of the workers.
    """
    import dask
    from distributed import Client, LocalCluster

    threads = {f"distributed.nanny.pre-spawn-environ.{name}": 1 for name in _THREADS}
    with dask.config.set({**_SETTINGS, **threads}):
        with _sigint_blocked():
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                # A case fails if two processes die with it. Any free port, since another batch may use the default.
                scheduler_kwargs={"allowed_failures": 1, "dashboard_address": "127.0.0.1:0"},
                preload=[f"{__package__}.worker"],
            )
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block Ctrl-C in the threads started in the block, and in all of their child processes.

    A terminal sends it to all processes, and one that is starting would be killed.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it later would unblock Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def cluster_workers(address: str) -> Iterator[Client]:
    """Connect to a running Dask scheduler.

    Args:
        address: Address of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Yields:
        The client of its workers.

    Raises:
        ClusterError: No scheduler answers.
    """
    from distributed import Client
    from distributed.comm import get_address_host_port
    from distributed.utils import silence_logging_cmgr

    with silence_logging_cmgr(logging.CRITICAL):  # a failure is reported below
        try:
            if not address.startswith("inproc://"):  # which has no port
                get_address_host_port(address)  # a client with an invalid address hangs when it is closed
            client = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"No Dask scheduler answers at {address!r} ({error}). Check the address, or run: dask scheduler"
            ) from error
        with client:
            yield client


def check_workers(client: Client, work: FileWork) -> None:
    """Check that all current workers can process a case.

    Raises:
        ValueError: A worker cannot; the message states the reason.
    """
    answers = client.run(work.problem, on_error="return")
    for address, answer in answers.items():
        if isinstance(answer, ModuleNotFoundError):
            answer = f"{answer}. Install the same version of rncarefine there."
        if answer:
            raise ValueError(f"Worker {address}: {answer}" if len(answers) > 1 else str(answer))
