"""Doing many independent things in several processes, in their order, each process on one core."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yield what a function makes of every job, in the order of the jobs.

    Args:
        function: Importable by its name (a module's function, or a ``functools.partial`` of one).
        jobs: What to call it with.
        workers: Processes; 1 stays in this one.

    Raises:
        ValueError: There are fewer than 1 workers.
    """
    if workers < 1:
        raise ValueError(f"--workers {workers}: there must be 1 or more.")
    if workers == 1 or len(jobs) < 2:
        yield from map(function, jobs)
        return
    # A forked process would inherit PyTorch's threads, which do not survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_one_core) as executor:
        try:
            yield from executor.map(function, jobs)
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _one_core() -> None:
    import torch

    torch.set_num_threads(1)
