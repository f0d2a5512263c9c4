"""The command ``rncarefine batch``: repair a folder or a list of stacks on all cores or on a cluster."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..batch.cases import CohortCase, find_cases, read_cases
from ..batch.cohort import TABLE, Cohort, settings_of
from ..batch.dask_backend import check_workers, cluster_workers, local_workers
from ..batch.parallel import run_in_parallel
from ..batch.picture_work import PictureWork
from ..batch.runs import BatchOutcome, BatchRun, sweep
from ..batch.sequential import run_sequentially
from ..batch.table import INSTALL
from ..batch.work import FileWork, model_reference
from ..io.choice import StructureChoice
from ..nca.card import TUBULAR
from ..nca.model import choose_model
from ..refine.options import RepairOptions
from ..refine.place_records import PictureReport
from ..refine.records import Report
from . import picture_jobs
from .cohort import CohortBar, show_outcome
from .status import FINE, FLAGGED, STOPPED, note
from .tables import existing, show_licence
from .terms import show_terms

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S = 300.0
"""Timeout in seconds for local processes to restart after all have ended."""


def run_batch(
    source: Path,
    image: str | None,
    segmentation: str | None,
    choice: StructureChoice,
    output: Path,
    table: Path | None,
    workers: int | None,
    scheduler: str | None,
    options: RepairOptions,
) -> int:
    """Run the command ``batch`` with its arguments, and return the exit status."""
    if workers is not None and scheduler is not None:
        raise ValueError("--workers is for this machine and --scheduler for a cluster. Give only one.")
    cases = _cases(source, image, segmentation, output)
    first = next((case.image for case in cases if case.image is not None), None)
    of_pictures = first is not None and picture_jobs.is_for_pictures(first, options)
    in_parallel = _has_dask(needed=not of_pictures or (workers or 1) > 1 or scheduler is not None)
    if of_pictures:
        weights = choose_model(options.model, task=TUBULAR)
        settings = picture_jobs.settings_of_pictures(weights, choice, options)
    else:
        if options.trim_pool and not (choice.pool_label or choice.pool_segment or any(case.pool for case in cases)):
            raise ValueError("There is no blood pool to trim. Give it with --pool-label or --pool-segment.")
        weights = choose_model(options.model, options.mode)
        settings = settings_of(weights.record(), options, **asdict(choice))
    existed = existing([output / TABLE if table is None else table])
    cohort = Cohort(output, settings, table, PictureReport if of_pictures else Report, cases=cases)
    kind = PictureWork if of_pictures else FileWork
    work = kind(output.absolute(), model_reference(options.model, weights), weights.record(), options, choice)
    show_terms(weights.card)
    began = time.monotonic()
    if in_parallel:
        outcome = _run(cohort, cases, work, workers, scheduler)
    else:
        with CohortBar(len(cases)) as bar:
            outcome = run_sequentially(BatchRun(cohort, cases, work.result_name, bar.show_case), work)
    show_outcome(outcome, time.monotonic() - began, existed)
    status = FLAGGED if outcome.flagged or outcome.failed else FINE
    if outcome.stopped:
        note("Stopped. Run the same command again to resume.")
        status = STOPPED
    show_licence(weights.card)
    return status


def _run(
    cohort: Cohort, cases: list[CohortCase], work: FileWork, workers: int | None, scheduler: str | None
) -> BatchOutcome:
    """Repair the cases in parallel, and return the outcome."""
    with CohortBar(len(cases)) as bar, _Interrupts(bar) as interrupts:
        batch_run = BatchRun(cohort, cases, work.result_name, bar.show_case)
        left = batch_run.begin()
        stopped = False
        if left:
            bar.set_status("Starting")
            try:
                with ExitStack() as stack:
                    client = stack.enter_context(_workers(min(workers or _cores(), len(left)), scheduler))
                    stack.callback(interrupts.ignore)  # let the workers end properly
                    check_workers(client, work)
                    stopped = run_in_parallel(
                        client,
                        batch_run,
                        left,
                        work,
                        stop=interrupts.wanted,
                        on_workers=bar.show_workers,
                        patience_s=PATIENCE_S if scheduler is None else math.inf,
                    )
            except KeyboardInterrupt:  # the second one
                stopped = True
            finally:
                if scheduler is None:  # all processes have ended
                    sweep(cohort, left, work.result_name)
        return batch_run.outcome(stopped)


def _has_dask(needed: bool) -> bool:
    """Return whether the requirements of a parallel batch are installed.

    Raises:
        ValueError: They are needed, but one is missing; the message states how to install it.
    """
    try:
        import distributed  # noqa: F401
    except ModuleNotFoundError as error:
        if needed:
            raise ValueError(f"A batch needs {error.name}. Install it from a clone with: {INSTALL}") from error
        note(f"One picture is repaired at a time. To repair several, install {error.name} from a clone with: {INSTALL}")
        return False
    return True


def _cases(source: Path, image: str | None, segmentation: str | None, output: Path) -> list[CohortCase]:
    """Return the cases with absolute paths, since a worker may run in another folder."""
    if source.is_file():
        if image or segmentation:
            raise ValueError(
                "--image and --segmentation are patterns for a folder. Leave them out for a list of cases."
            )
        cases = read_cases(source)
    else:
        cases = find_cases(source, image, segmentation, leave_out=output)
    return [
        replace(
            case,
            image=case.image and case.image.absolute(),
            segmentation=case.segmentation and case.segmentation.absolute(),
        )
        for case in cases
    ]


def _cores() -> int:
    from dask.system import CPU_COUNT  # respects the limits of containers

    return int(CPU_COUNT)


@contextmanager
def _workers(count: int, scheduler: str | None) -> Iterator[Client]:
    with local_workers(count) if scheduler is None else cluster_workers(scheduler) as client:
        yield client


class _Interrupts:
    """Handler of Ctrl-C: the first one finishes running cases, the second one interrupts them."""

    def __init__(self, bar: CohortBar) -> None:
        self._bar = bar
        self._count = 0
        self._ignored = False

    def __enter__(self) -> _Interrupts:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def wanted(self) -> bool:
        """Whether Ctrl-C was pressed."""
        if self._count:
            self._bar.set_status("Stopping after the running cases. Press Ctrl-C again to interrupt them", final=True)
        return bool(self._count)

    def ignore(self) -> None:
        """Ignore Ctrl-C from now on."""
        self._ignored = True

    def _interrupt(self, number: int, frame: object) -> None:
        self._count += 1
        if self._count > 1 and not self._ignored:
            self._ignored = True
            raise KeyboardInterrupt
