"""A batch run: skip finished cases, and record outcomes and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..refine.records import AnyReport
from ..words import counted
from .cases import CohortCase, checked_cases
from .cohort import Cohort, Totals
from .files import CaseFiles


@dataclass(frozen=True)
class CaseOutcome:
    """The outcome of a case.

    Attributes:
        name: Name of the case.
        status: "repaired", "flagged", "failed" or "finished before".
        text: Summary of the report, or reason of the failure.
        flagged: Whether the case needs review, also if it was finished before.
    """

    name: str
    status: str
    text: str = ""
    flagged: bool = False

    def line(self) -> str:
        """Return the outcome as one line of text."""
        return f"{self.name}: {self.status}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True)
class BatchOutcome:
    """The outcome of a batch.

    Attributes:
        table: Path of the table of all slices.
        repaired: Cases finished in this run.
        skipped: Cases finished in a previous run.
        flagged: Finished cases with the number of their flagged slices, if any.
        failed: Failed cases with the reasons.
        stopped: Whether the run was interrupted.
        totals: Totals of the table.
        rows: What the rows of the table are, "slices" or "places".
    """

    table: Path
    repaired: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    flagged: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    totals: Totals = field(default_factory=Totals)
    rows: str = "slices"

    def summary(self) -> str:
        """Return a summary of one line."""
        done = f"{counted(len(self.repaired), 'case')} done"
        if self.skipped:
            done += f" and {len(self.skipped)} before"
        return (
            f"{'Stopped: ' if self.stopped else ''}{done}, {len(self.flagged)} with flagged slices; "
            f"{len(self.failed)} failed"
        )


class BatchRun:
    """A run over the cases of a cohort.

    Attributes:
        cohort: Folder of the results.
        cases: All cases; those in which a previous run crashed are last.
        result_of: Returns the name of a case's result file.
        repaired: Cases finished in this run.
        skipped: Cases finished in a previous run.
    """

    def __init__(
        self,
        cohort: Cohort,
        cases: Sequence[CohortCase],
        result_of: Callable[[CohortCase], str],
        on_case: Callable[[CaseOutcome], None] | None = None,
    ) -> None:
        """Check the cases.

        Args:
            cohort: Folder of the results.
            cases: The cases.
            result_of: Returns the name of a case's result file.
            on_case: Called with the outcome of each case.

        Raises:
            ValueError: Two cases have the same name, or a result would overwrite a file that is not of this cohort.
        """
        self.cohort = cohort
        self.cases = sorted(checked_cases(cases), key=lambda case: case.name in cohort.interrupted)
        self.repaired: list[str] = []
        self.skipped: list[str] = []
        self.result_of = result_of
        self._on_case = on_case or (lambda outcome: None)
        problems = {case.name: case.name_problem() or cohort.damaged.get(case.name, "") for case in cases}
        self._problems = {name: problem for name, problem in problems.items() if problem}
        for case in self.cases:
            if case.name not in self._problems:  # such a case fails
                cohort.check_result(case.name, result_of(case))
        sweep(cohort, self.cases, result_of)

    def begin(self) -> list[CohortCase]:
        """Return the cases to process; finished and invalid cases are reported.

        Raises:
            OutputError: The table of failures cannot be written.
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
        self.cohort.fail({**self.cohort.damaged, **others})
        self.cohort.forget_failures(self.skipped)
        for name in self.skipped:
            self._on_case(CaseOutcome(name, "finished before", flagged=self.cohort.flagged[name] > 0))
        for name, reason in others.items():
            self.failed(name, reason)
        return left

    def done(self, name: str, report: AnyReport) -> None:
        """Record and report a finished case."""
        self.repaired.append(name)
        flagged = report.review_count > 0
        self._on_case(CaseOutcome(name, "flagged" if flagged else "repaired", report.summary(), flagged))

    def failed(self, name: str, reason: str) -> None:
        """Report a failed case."""
        self._on_case(CaseOutcome(name, "failed", " ".join(reason.split())))

    def outcome(self, stopped: bool) -> BatchOutcome:
        """Rebuild the table, and return the outcome of the run.

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
            rows=self.cohort.kind.ROWS,
        )


def sweep(cohort: Cohort, cases: Iterable[CohortCase], result_of: Callable[[CohortCase], str]) -> None:
    """Remove incomplete files of cases whose process was killed; none of the cases may be running."""
    marked = cohort.marked()
    for case in cases:
        if case.name in marked:
            files = CaseFiles(cohort.folder, case.name, result_of(case))
            files.sweep()
            if cohort.is_finished(case.name):
                files.mark.unlink(missing_ok=True)


def reason_of(error: BaseException) -> tuple[str, bool]:
    """Return the reason of a failure, and whether the error was unexpected."""
    reason = str(error)
    if isinstance(error, (ValueError, RuntimeError, OSError)) and reason:
        return reason, False
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__, True
