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
from ..refine.records import Report
from .cases import CohortCase
from .cohort import Cohort, OutputError, settings_of
from .runs import BatchOutcome, CaseNews, Walk
from .work import CaseResult, FileWork, place_of, result_name

NOTE_S = 1.0
"""How often what was done is noted in the tables, where many cases are done at once."""


class Notes:
    """Buffer of outcomes; the tables are written at most once per second."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._done: dict[str, Report] = {}
        self._failed: dict[str, str] = {}
        self._written = time.monotonic()

    def take(self, result: CaseResult) -> None:
        """Report and record the outcome of a case.

        Raises:
            OutputError: The result could not be written, or the tables cannot.
        """
        if result.unwritable:
            raise OutputError(result.reason)
        if result.trace:
            logging.error("RNCARefine: case %s failed\n%s", result.name, result.trace)
        if result.report is None:
            self._failed[result.name] = result.reason
            self._walk.failed(result.name, result.reason)
        else:
            self._done[result.name] = result.report
            self._walk.done(result.name, result.report)
        if time.monotonic() > self._written + NOTE_S:
            self.write()

    def write(self) -> None:
        """Write the pending outcomes into the tables.

        Raises:
            OutputError: They cannot be written.
        """
        done, failed = self._done, self._failed
        self._done, self._failed = {}, {}
        self._walk.cohort.add(done)
        self._walk.cohort.fail(failed)
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
    tell: Callable[[CaseNews], None] | None = None,
) -> BatchOutcome:
    """Repair cases sequentially and store the results in a folder (see :mod:`rncarefine.batch.cohort`).

    A failed case is reported and skipped. The same call resumes an interrupted batch and repeats failed cases; a case
    in which a previous run crashed is processed last.

    Args:
        cases: The cases, see :func:`rncarefine.batch.cases.find_cases` and ``read_cases`` beside it.
        output_folder: Where the results go: a segmentation of the kind of the input for each case, ``cohort.csv``,
            ``failed.csv`` and ``reports``.
        model: The weights, installed or loaded from the file that the options name.
        options: How to repair.
        segment: The myocardium in every case that does not name its own: names or IDs of segments, or labels of a label
            map, with commas between them. May be left out where there is only one.
        pool: The blood pool, in the same way; ``None`` for none.
        right_ventricle: The right ventricle, in the same way; only for the AHA's segments in the reports.
        progress: Called with the progress; may cancel. The case in work is then not finished.
        tell: Called with the news of each case.

    Raises:
        ValueError: The folder holds results that were made with other settings, or files that are none of this batch.
        OutputError: The results cannot be written, for instance because the disk is full. What is finished is kept.
    """
    if options.trim_pool and pool is None and not any(case.pool for case in cases):
        raise ValueError("The blood pool is to be trimmed, but none was given. Give its segment.")
    rv = StructureChoice(rv_segment=right_ventricle)
    if right_ventricle is not None and right_ventricle.isdecimal():
        rv = replace(rv, rv_label=int(right_ventricle))
    chosen_rv = {} if right_ventricle is None else {"right_ventricle": right_ventricle}
    settings = settings_of(model.record(), options, segment=segment, pool=pool, **chosen_rv)
    cohort = Cohort(output_folder, settings)
    chosen = [replace(case, segment=case.segment or segment, pool=case.pool or pool) for case in cases]
    work = FileWork(cohort.folder, place_of(options.model, model), model.card.sha256, options, rv)
    walk = Walk(cohort, chosen, result_name, tell)
    return do_in_turn(walk, work, progress)


def do_in_turn(
    walk: Walk, work: Callable[[CohortCase, Progress | None], CaseResult], progress: Progress | None = None
) -> BatchOutcome:
    """Do the cases of a walk that are not finished yet.

    Args:
        walk: The run that they belong to.
        work: Repairs one of them, such as a :class:`~.work.FileWork`.
        progress: Called with the progress; may cancel.

    Raises:
        OutputError: The results cannot be written. What is finished is kept.
    """
    left = walk.begin()
    notes, count = Notes(walk), len(walk.cases)
    stopped = False
    for number, case in enumerate(left, start=count - len(left)):
        try:
            notes.take(work(case, _part(progress, number, count, case.name)))
        except Cancelled:
            stopped = True
            break
        finally:
            notes.write()
    return walk.outcome(stopped)


def _part(progress: Progress | None, number: int, count: int, name: str) -> Progress | None:
    """Return the progress of one case as a part of the whole."""
    if progress is None:
        return None
    head = f"Case {number + 1} of {count} ({name}): "
    return lambda fraction, text: progress((number + fraction) / count, head + text)
