"""Print progress and summary of a cohort."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..batch.runs import BatchOutcome, CaseOutcome
from ..refine.records import Report
from ..words import REPAIRED, Verdict, counted
from .status import note
from .tables import add_columns, out, plain_table, show_written

MAX_FAILURES = 10
"""Maximum number of failures printed during a batch; the table of failures lists all."""


class CohortBar:
    """Progress of a batch: a bar on a terminal, else one line per 10 %."""

    def __init__(self, total: int) -> None:
        """Prepare the bar.

        Args:
            total: Number of cases.
        """
        console = Console(stderr=True)
        self._total = total
        self._done = self._flagged = self._failed = 0
        self._status, self._final = "", False
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("Checking the cases", total=total, counts="")

    def __enter__(self) -> CohortBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def set_status(self, text: str, final: bool = False) -> None:
        """Update the progress.

        Args:
            text: Current activity.
            final: Whether the message is final.
        """
        if text != self._status and not self._final:
            self._status, self._final = text, final
            if self._bar.disable:
                note(f"{text}.")
            self._bar.update(self._task, description=text)

    def show_workers(self, count: int) -> None:
        """Show the number of workers."""
        self.set_status(f"Repairing, {counted(count, 'worker')}" if count else "Waiting for workers")

    def show_case(self, outcome: CaseOutcome) -> None:
        """Show the outcome of a case."""
        self._done += 1
        self._flagged += outcome.flagged
        if outcome.status == "failed":
            self._failed += 1
            if self._failed <= MAX_FAILURES + 1:
                note(outcome.line() if self._failed <= MAX_FAILURES else "Further failures are not printed here.")
        counts = f"{self._flagged:,} flagged, {self._failed:,} failed"
        self._bar.update(self._task, completed=self._done, counts=counts)
        if self._bar.disable and 10 * self._done // self._total > 10 * (self._done - 1) // self._total:
            note(f"{self._done:,} of {self._total:,} cases; {counts}.")


def show_outcome(outcome: BatchOutcome, seconds: float, existed: Collection[Path]) -> None:
    """Print the summary table, the first failures, and the paths of all files.

    Args:
        outcome: Outcome of the batch.
        seconds: Run time.
        existed: Files that existed before the batch, see :func:`~rncarefine.cli.tables.existing`.
    """
    console = out()
    console.print(outcome_table(outcome, seconds))
    for name, reason in islice(outcome.failed.items(), MAX_FAILURES):
        console.print(f"Failed: {name}: {reason}", markup=False, soft_wrap=True)
    if len(outcome.failed) > MAX_FAILURES:
        console.print(f"... and {len(outcome.failed) - MAX_FAILURES:,} more; all are in failed.csv.")
    if outcome.flagged:
        console.print(f"{outcome.rows.capitalize()} to review have yes (true) in the column flagged of the table.")
    show_written([outcome.table], existed)


def outcome_table(outcome: BatchOutcome, seconds: float) -> Table:
    """Return the outcome of a batch as a table."""
    totals = outcome.totals
    table = plain_table("cases")
    add_columns(table, "", numeric=True)
    table.add_row("done now", f"{len(outcome.repaired):,}")
    if outcome.repaired:
        table.add_row(
            "run time", f"{_duration(seconds)}, {60 * len(outcome.repaired) / max(seconds, 1e-3):,.0f} per minute"
        )
    if outcome.skipped:
        table.add_row("done before", f"{len(outcome.skipped):,}")
    table.add_row("failed", f"{len(outcome.failed):,}", style="red" if outcome.failed else "")
    title = "with flagged slices" if outcome.rows == Report.ROWS else "that need review"
    table.add_row(title, f"{len(outcome.flagged):,}", style="yellow" if outcome.flagged else "")
    table.add_row("with warnings (see reports/CASE.json)", f"{totals.noted_cases:,}")
    table.add_section()
    table.add_row(f"{outcome.rows} in the table", f"{totals.slices:,}", style="bold")
    if outcome.rows != Report.ROWS:
        return table
    rings = f"{totals.closed_before:,} -> {totals.closed_after:,} of {totals.expected_rings:,}"
    table.add_row("closed rings, of expected ones", rings)
    for verdict in (Verdict.INTACT, *REPAIRED, Verdict.REFUSED):
        table.add_row(str(verdict), f"{totals.verdicts[verdict]:,}")
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
