"""Run a cohort: skip finished cases, record failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..refine.records import Report
from .cases import CohortCase, checked_cases
from .cohort import Cohort, Totals
from .files import CaseFiles


@dataclass(frozen=True)
class CaseNews:
    """The outcome of a case.

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
    """The outcome of a batch.

    Attributes:
        table: The path of the table of all slices.
        repaired: The cases that were done in this run.
        skipped: Those that a run before had finished.
        flagged: The cases, of this run or before, that have flagged slices, with their number.
        failed: The cases that could not be done, each with the reason.
        stopped: The run was interrupted; the next one resumes here.
        totals: What the table adds up to.
    """

    table: Path
    repaired: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    flagged: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    totals: Totals = field(default_factory=Totals)

    def summary(self) -> str:
        """Return the line that ends a batch."""
        done = f"{len(self.repaired)} case{'' if len(self.repaired) == 1 else 's'} done"
        if self.skipped:
            done += f" and {len(self.skipped)} before"
        return (
            f"{'Stopped: ' if self.stopped else ''}{done}, {len(self.flagged)} with flagged slices; "
            f"{len(self.failed)} failed"
        )


class Walk:
    """What a run has to do in a cohort, and what it has done.

    Attributes:
        cohort: Where the results are kept.
        cases: All cases; last those in which a run before has crashed.
        repaired: The cases done in this run.
        skipped: Those that a run before had finished.
    """

    def __init__(
        self,
        cohort: Cohort,
        cases: Sequence[CohortCase],
        result_of: Callable[[CohortCase], str],
        tell: Callable[[CaseNews], None] | None = None,
    ) -> None:
        """Look through the cases before the work.

        Args:
            cohort: Where the results are kept.
            cases: The cases.
            result_of: Returns the name of a case's result file.
            tell: Called with the news of each case.

        Raises:
            ValueError: Two cases have one name, or a result would overwrite a file that is none of this cohort.
        """
        self.cohort = cohort
        self.cases = sorted(checked_cases(cases), key=lambda case: case.name in cohort.interrupted)
        self.repaired: list[str] = []
        self.skipped: list[str] = []
        self._tell = tell or (lambda news: None)
        self._problems = {case.name: problem for case in cases if (problem := case.name_problem())}
        for case in self.cases:
            if case.name not in self._problems:  # such a case fails alone
                cohort.check_result(case.name, result_of(case))
        sweep(cohort, self.cases, result_of)

    def begin(self) -> list[CohortCase]:
        """Return the cases that are to be done; those that need not be, or cannot be, are reported.

        Raises:
            OutputError: It cannot be noted that a case has failed.
        """
        left: list[CohortCase] = []
        others = dict(self._problems)
        for case in self.cases:
            if case.name in others:
                continue
            if not self.cohort.is_finished(case.name):
                left.append(case)
            elif outdated := self.cohort.outdated(case):
                others[case.name] = outdated
            else:
                self.skipped.append(case.name)
        self.cohort.fail(others)
        self.cohort.forget_failures(self.skipped)
        for name in self.skipped:
            self._tell(CaseNews(name, "finished before"))
        for name, reason in others.items():
            self.failed(name, reason)
        return left

    def done(self, name: str, report: Report) -> None:
        """Report a case that was done."""
        self.repaired.append(name)
        self._tell(CaseNews(name, "flagged" if report.stack.flagged else "repaired", report.summary()))

    def failed(self, name: str, reason: str) -> None:
        """Report a case that could not be done."""
        self._tell(CaseNews(name, "failed", " ".join(reason.split())))

    def outcome(self, stopped: bool) -> BatchOutcome:
        """Make the table once more from all that is finished, and return what was done.

        Raises:
            OutputError: The table cannot be written.
        """
        self.cohort.write_table()
        names = {case.name for case in self.cases}
        return BatchOutcome(
            table=self.cohort.table,
            repaired=self.repaired,
            skipped=self.skipped,
            flagged={name: count for name, count in self.cohort.flagged.items() if count and name in names},
            failed={name: reason for name, reason in self.cohort.failed.items() if name in names},
            stopped=stopped,
            totals=self.cohort.totals,
        )


def sweep(cohort: Cohort, cases: Iterable[CohortCase], result_of: Callable[[CohortCase], str]) -> None:
    """Remove what was left half written of cases in which a process was killed; none of them may be in work."""
    marked = cohort.marked()
    for case in cases:
        if case.name in marked:
            files = CaseFiles(cohort.folder, case.name, result_of(case))
            files.sweep()
            if cohort.is_finished(case.name):
                files.mark.unlink(missing_ok=True)


def reason_of(error: BaseException) -> tuple[str, bool]:
    """Return the message about a failed case, and whether the error is a fault of the program."""
    reason = str(error)
    if isinstance(error, (ValueError, RuntimeError, OSError)) and reason:
        return reason, False
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__, True
