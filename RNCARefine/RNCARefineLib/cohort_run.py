"""The walk through a cohort, one case after another: what is finished is skipped, what fails is noted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .cohort import Cohort, OutputError
from .cohort_cases import CohortCase, checked_cases
from .progress import Cancelled, Progress, report_progress
from .records import Report


class Finish(Protocol):
    """Keeps the result of a case; see :meth:`RNCARefineLib.cohort.Cohort.finish`."""

    def __call__(self, report: Report, write: Callable[[Path], None]) -> None:
        """Write the result and the report of the case, both or neither."""


Work = Callable[[CohortCase, "Progress | None", Finish], None]
"""Repairs one case and hands the result to ``Finish``; whatever it raises is the reason why the case failed."""


@dataclass(frozen=True)
class CaseNews:
    """What became of a case.

    Attributes:
        name: The case.
        word: "repaired", "flagged", "failed" or "finished before".
        text: The summary of its report, or the reason why it failed.
    """

    name: str
    word: str
    text: str = ""

    def line(self) -> str:
        """Return what is printed about the case."""
        return f"{self.name}: {self.word}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True)
class BatchOutcome:
    """What a batch has done.

    Attributes:
        table: The path of the table of all slices.
        repaired: The cases that were done in this run.
        skipped: Those that a run before had finished.
        flagged: The cases, of this run or before, that have flagged slices, with their number.
        failed: The cases that could not be done, each with the reason.
        stopped: Somebody stopped the run; the next one goes on from here.
    """

    table: Path
    repaired: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    flagged: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def summary(self) -> str:
        """Return the line that ends a batch."""
        done = f"{len(self.repaired)} case{'' if len(self.repaired) == 1 else 's'} done"
        if self.skipped:
            done += f" and {len(self.skipped)} before"
        return (
            f"{'Stopped: ' if self.stopped else ''}{done}, {len(self.flagged)} with flagged slices; "
            f"{len(self.failed)} failed"
        )


def run_cohort(
    cohort: Cohort,
    cases: Sequence[CohortCase],
    work: Work,
    *,
    ending: str,
    progress: Progress | None = None,
    tell: Callable[[CaseNews], None] | None = None,
) -> BatchOutcome:
    """Do the cases that are not finished yet, one after another; last the one in which a run before has crashed.

    Args:
        cohort: Where the results are kept.
        cases: The cases.
        work: Repairs one of them.
        ending: What follows a case's name in the name of its result, such as ``.seg.nrrd``.
        progress: Told how far the batch is; returning ``False`` stops it. The case in work is then not finished.
        tell: Called with the news of each case.

    Raises:
        ValueError: Two cases have one name, or a result would overwrite a file that is none of this cohort.
        OutputError: The results cannot be written. What is finished is kept.
    """
    cases = sorted(checked_cases(cases), key=lambda case: case.name in cohort.interrupted)
    for case in cases:
        cohort.check_result(case.name, case.name + ending)
    repaired: list[str] = []
    skipped = [case.name for case in cases if cohort.is_finished(case.name)]
    stopped = False
    for number, case in enumerate(cases):
        news = CaseNews(case.name, "finished before")
        if not cohort.is_finished(case.name):
            try:
                news = _do(cohort, case, work, ending, _part(progress, number, len(cases), case.name))
            except Cancelled:
                stopped = True
                break
            if news.word != "failed":
                repaired.append(case.name)
        if tell is not None:
            tell(news)
    cohort.write_table()
    names = {case.name for case in cases}
    return BatchOutcome(
        table=cohort.table,
        repaired=repaired,
        skipped=skipped,
        flagged={name: count for name, count in cohort.flagged.items() if count and name in names},
        failed={name: reason for name, reason in cohort.failed.items() if name in names},
        stopped=stopped,
    )


def _do(cohort: Cohort, case: CohortCase, work: Work, ending: str, progress: Progress | None) -> CaseNews:
    """Do one case and return what became of it."""
    kept: list[Report] = []

    def finish(report: Report, write: Callable[[Path], None]) -> None:
        cohort.finish(case.name, report, case.name + ending, write)
        kept.append(report)

    try:
        report_progress(progress, 0.0, "Reading the files")
        with cohort.in_work(case.name):
            work(case, progress, finish)
        if not kept:
            raise RuntimeError("The case was not finished.")
    except (OutputError, Cancelled):
        raise
    except Exception as error:
        if kept:  # the case is done; what went wrong came after it
            raise
        # One broken case, whatever is wrong with it, must not end a night's work. Its reason is kept.
        reason = str(error)
        if not isinstance(error, (ValueError, RuntimeError, OSError)) or not reason:
            logging.exception("RNCARefine: case %s failed", case.name)
            reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        cohort.fail(case.name, reason)
        return CaseNews(case.name, "failed", cohort.failed[case.name])
    report = kept[0]
    return CaseNews(case.name, "flagged" if report.stack.flagged else "repaired", report.summary())


def _part(progress: Progress | None, number: int, count: int, name: str) -> Progress | None:
    """Return the progress of one case as a part of the whole."""
    if progress is None:
        return None
    head = f"Case {number + 1} of {count} ({name}): "
    return lambda fraction, text: progress((number + fraction) / count, head + text)
