"""Sequential repair of a cohort in this process, as used in Slicer; requires neither Slicer nor Dask."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..io.choice import StructureChoice
from ..nca.model import Model
from ..progress import Cancelled, Progress
from ..refine.options import RepairOptions
from ..refine.records import AnyReport
from .cases import CohortCase
from .cohort import Cohort, OutputError, settings_of
from .runs import BatchOutcome, BatchRun, CaseOutcome
from .work import CaseResult, FileWork, model_reference, result_name

WRITE_S = 1.0
"""Minimum interval in seconds between updates of the tables."""


class ResultBuffer:
    """Buffer of outcomes; the tables are written at most once per :data:`WRITE_S`."""

    def __init__(self, batch_run: BatchRun) -> None:
        self._batch_run = batch_run
        self._done: dict[str, AnyReport] = {}
        self._failed: dict[str, str] = {}
        self._written = time.monotonic()

    def add(self, result: CaseResult) -> None:
        """Report and record the outcome of a case.

        Raises:
            OutputError: The result or the tables cannot be written.
        """
        if result.unwritable:
            raise OutputError(result.reason)
        if result.trace:
            logging.error("RNCARefine: case %s failed\n%s", result.name, result.trace)
        if result.report is None:
            self._failed[result.name] = result.reason
            self._batch_run.failed(result.name, result.reason)
        else:
            self._done[result.name] = result.report
            self._batch_run.done(result.name, result.report)
        if time.monotonic() > self._written + WRITE_S:
            self.write()

    def write(self) -> None:
        """Write the pending outcomes to the tables.

        Raises:
            OutputError: The tables cannot be written.
        """
        done, failed = self._done, self._failed
        self._done, self._failed = {}, {}
        self._batch_run.cohort.add(done)
        self._batch_run.cohort.fail(failed)
        self._written = time.monotonic()


def repair_cases(
    cases: Sequence[CohortCase],
    output_folder: str | Path,
    model: Model,
    options: RepairOptions,
    *,
    segment: str | None = None,
    pool: str | None = None,
    right_ventricle: str | None = None,
    progress: Progress | None = None,
    on_case: Callable[[CaseOutcome], None] | None = None,
) -> BatchOutcome:
    """Repair cases sequentially and store the results in a folder (see :mod:`rncarefine.batch.cohort`).

    A failed case is reported and skipped. The same call resumes an interrupted batch and repeats failed cases; a case
    in which a previous run crashed is processed last.

    Args:
        cases: The cases, from :func:`rncarefine.batch.cases.find_cases` or
            :func:`rncarefine.batch.cases.read_cases`.
        output_folder: Folder of the results: one segmentation per case in the format of the input, ``cohort.csv``,
            ``failed.csv`` and ``reports``.
        model: The model, installed or loaded from the file that the options name.
        options: Options of the repair.
        segment: Myocardium of the cases without their own choice: names or IDs of segments, or labels of a label map,
            separated by commas; optional if there is only one.
        pool: Blood pool, like ``segment``; ``None`` for none.
        right_ventricle: Right ventricle, like ``segment``; only for the AHA segments in the reports.
        progress: Called with the progress; may cancel. The running case is then not finished.
        on_case: Called with the outcome of each case.

    Raises:
        ValueError: The folder contains results of other settings, or files that are not of this batch.
        OutputError: The results cannot be written, for instance on a full disk. Finished cases are kept.
    """
    if options.trim_pool and pool is None and not any(case.pool for case in cases):
        raise ValueError("There is no blood pool to trim. Give its segment.")
    rv = StructureChoice(rv_segment=right_ventricle)
    if right_ventricle is not None and right_ventricle.isdecimal():
        rv = replace(rv, rv_label=int(right_ventricle))
    chosen_rv = {} if right_ventricle is None else {"right_ventricle": right_ventricle}
    settings = settings_of(model.record(), options, segment=segment, pool=pool, **chosen_rv)
    cohort = Cohort(output_folder, settings, cases=cases)
    chosen = [
        replace(case, label=case.label or segment, segment=case.segment or segment, pool=case.pool or pool)
        for case in cases
    ]
    work = FileWork(cohort.folder, model_reference(options.model, model), model.record(), options, rv)
    batch_run = BatchRun(cohort, chosen, result_name, on_case)
    return run_sequentially(batch_run, work, progress)


def run_sequentially(
    batch_run: BatchRun, work: Callable[[CohortCase, Progress | None], CaseResult], progress: Progress | None = None
) -> BatchOutcome:
    """Process the unfinished cases of a run sequentially.

    Args:
        batch_run: The run.
        work: Repairs one case, such as a :class:`~.work.FileWork`.
        progress: Called with the progress; may cancel.

    Raises:
        OutputError: The results cannot be written. Finished cases are kept.
    """
    left = batch_run.begin()
    results, count = ResultBuffer(batch_run), len(batch_run.cases)
    stopped = False
    for number, case in enumerate(left, start=count - len(left)):
        try:
            results.add(work(case, _part(progress, number, count, case.name)))
        except Cancelled:
            stopped = True
            break
        finally:
            results.write()
    return batch_run.outcome(stopped)


def _part(progress: Progress | None, number: int, count: int, name: str) -> Progress | None:
    """Return the progress of one case as a part of the total."""
    if progress is None:
        return None
    head = f"Case {number + 1} of {count} ({name}): "
    return lambda fraction, text: progress((number + fraction) / count, head + text)
