"""Results of a cohort in one folder.

==================  ==================================================================================================
the result files    one per finished case, such as ``<case>.seg.nrrd``
``reports/``        ``<case>.json`` per finished case: the report; a case with both files is finished
``cohort.csv``      one row per slice of each finished case: the case, then the columns of the report
``failed.csv``      the failed cases, each with the reason
``settings.json``   the settings of the batch
==================  ==================================================================================================

An interrupted run can be resumed. The two files of a case are written together atomically, and the table is rebuilt
from the reports whenever the folder is opened. The table may be in another folder, or be Parquet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..atomic import real_path, write_text_whole
from ..io.label_map import check_path
from ..nca.card import ModelRecord
from ..refine.options import RepairOptions
from ..refine.records import AnyReport, Report
from ..report.report import csv_text, json_text
from ..words import Verdict, strict_values
from .cases import CohortCase
from .files import BEGUN, REPORTS, OutputError, output, read_reports
from .rows import read_rows
from .sources import difference
from .table import append_text, check_table, csv_rows, is_parquet, written_table

__all__ = ["Cohort", "OutputError", "Totals", "settings_of"]

TABLE, FAILED, SETTINGS = "cohort.csv", "failed.csv", "settings.json"
_FAILURE = ("case", "reason")
"""Columns of the table of failures."""


def settings_of(model: ModelRecord, options: RepairOptions, **choices: str | int | bool | None) -> dict[str, Any]:
    """Return the settings that determine the results.

    The device is excluded, since results do not depend on it. The model is identified by the hashes of its weights and
    of the settings on its card.

    Args:
        model: The model.
        options: Options of the repair.
        choices: Other settings, such as the segment.
    """
    chosen = {name: value for name, value in asdict(options).items() if name not in ("device", "model", "mode")}
    of_model = {"model": model.name, "sha256": model.sha256, "settings_hash": model.settings_hash}
    return dict(strict_values({"version": __version__, **of_model, **chosen, **choices}))


@dataclass
class Totals:
    """Sums over the finished cases of a cohort.

    Attributes:
        cases: Finished cases.
        flagged_cases: Cases with slices that need review.
        noted_cases: Cases with warnings in the report.
        slices: Number of slices, or of places in pictures.
        expected_rings: Slices expected to be rings.
        closed_before: Number of these that are rings before the repair.
        closed_after: Number of these that are rings after the repair.
        verdicts: Number of slices per verdict.
    """

    cases: int = 0
    flagged_cases: int = 0
    noted_cases: int = 0
    slices: int = 0
    expected_rings: int = 0
    closed_before: int = 0
    closed_after: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    def add(self, report: AnyReport) -> None:
        """Add a case."""
        self.cases += 1
        self.flagged_cases += bool(report.review_count)
        self.noted_cases += bool(report.warnings)
        self.slices += len(report.records)
        if not isinstance(report, Report):
            return
        stack = report.stack
        self.expected_rings += stack.expected_rings
        self.closed_before += stack.closed_before
        self.closed_after += stack.closed_after
        self.verdicts.update(record.verdict for record in report.slices)


class Cohort:
    """The folder of the results.

    Attributes:
        folder: The folder.
        table: Path of the table of all slices.
        kind: Type of the reports.
        totals: Totals of the table when it was last rebuilt.
        flagged: Finished cases, each with the number of its flagged slices.
        failed: Failed cases, each with the reason.
        damaged: Cases whose report cannot be read, each with the reason and the remedy.
        interrupted: Cases that were running when a previous run was killed or crashed.
    """

    def __init__(
        self,
        folder: str | Path,
        settings: Mapping[str, Any],
        table: str | Path | None = None,
        kind: type[AnyReport] = Report,
        *,
        cases: Iterable[CohortCase] = (),
    ) -> None:
        """Open a folder, creating it if necessary.

        Args:
            folder: Folder of the results.
            settings: Settings of the results, see :func:`settings_of`.
            table: Table of all slices, ``.csv`` or ``.parquet``; by default ``cohort.csv`` in the folder.
            kind: Type of the reports.
            cases: The cases; their list is never overwritten.

        Raises:
            ValueError: The folder contains results of other settings, or files of the same names that are not of a
                batch, or the table cannot be written. Nothing has been written then.
            OutputError: The folder is not writable.
        """
        self.folder = Path(folder)
        self.table = self.folder / TABLE if table is None else Path(table)
        self.kind = kind
        self.totals = Totals()
        self.flagged: dict[str, int] = {}
        self.damaged: dict[str, str] = {}
        self._sources: dict[str, dict[str, Any]] = {}
        self._check_outputs({case.listed for case in cases if case.listed is not None})
        with output(self.folder):
            (self.folder / REPORTS).mkdir(parents=True, exist_ok=True)
            self._check_settings(dict(settings))
            self.failed = self._read_failed()
            self.interrupted = self.marked()
            self.write_table()

    def is_finished(self, name: str) -> bool:
        """Whether a case is finished, in this run or a previous one."""
        return name in self.flagged

    def outdated(self, case: CohortCase) -> str:
        """Return why the result of a finished case is outdated; empty if it is up to date."""
        found = difference(case, self._sources.get(case.name, {}))
        if not found:
            return ""
        return (
            f"The case was finished before, but {found}. Delete its result in {self.folder} to repair it again, or "
            "choose another folder for the results."
        )

    def check_result(self, name: str, result: str) -> None:
        """Check in advance that the result of a case does not overwrite other files.

        Args:
            name: Name of the case.
            result: Name of its result file.

        Raises:
            ValueError: The file exists and is not a result of this cohort, for instance an input.
        """
        path = self.folder / result
        # A file of a case that was running when the process was killed is its own result.
        if path.exists() and not self.is_finished(name) and name not in self.interrupted:
            raise ValueError(
                f"{path} exists and is not a result of this batch, or its report is missing. Choose another folder for "
                "the results, or move the file away."
            )

    def marked(self) -> set[str]:
        """Return the cases that are marked as running."""
        return {path.name.removesuffix(BEGUN) for path in (self.folder / REPORTS).glob(f"*{BEGUN}")}

    def add(self, reports: Mapping[str, AnyReport]) -> None:
        """Record finished cases, and append their slices to the table if it is CSV.

        Raises:
            OutputError: The table cannot be written.
        """
        with output(self.folder):
            self.flagged.update({name: report.review_count for name, report in reports.items()})
            if reports and not is_parquet(self.table):
                append_text(self.table, "".join(csv_rows(name, report) for name, report in reports.items()))
        self.forget_failures(reports)

    def fail(self, reasons: Mapping[str, str]) -> None:
        """Record failed cases with the reasons; the next run tries them again.

        Raises:
            OutputError: The table of failures cannot be written.
        """
        if not reasons:
            return
        self.failed.update({name: " ".join(reason.split()) for name, reason in reasons.items()})
        with output(self.folder):
            self._write_failed()

    def forget_failures(self, names: Collection[str]) -> None:
        """Remove cases from the failures that are no longer failed.

        Raises:
            OutputError: The table of failures cannot be written.
        """
        if self.failed.keys() & set(names):
            self.failed = {name: reason for name, reason in self.failed.items() if name not in names}
            with output(self.folder):
                self._write_failed()

    def write_table(self) -> None:
        """Rebuild the table from the reports, in the order of the cases.

        Cases whose report cannot be read are left out, see :attr:`damaged`.

        Raises:
            OutputError: The table cannot be written.
        """
        self.flagged, self._sources, self.totals, self.damaged = {}, {}, Totals(), {}
        with output(self.folder), written_table(self.table, self.kind.RECORD) as add:
            for files, report, source in read_reports(self.folder, self.kind, self.damaged):
                self.flagged[files.name] = report.review_count
                self._sources[files.name] = source
                self.totals.add(report)
                add(files.name, report)

    def _check_outputs(self, lists: Collection[Path]) -> None:
        """Check in advance that the tables and the settings do not overwrite other files."""
        check_path(self.folder)
        failed, settings = self.folder / FAILED, self.folder / SETTINGS
        for path in (self.table, failed, settings):
            if any(real_path(path) == real_path(listed) for listed in lists):
                raise ValueError(
                    f"{path} is the list of cases, and the batch writes a file of this name. Rename the list, or "
                    "choose another folder for the results."
                )
        check_table(self.table, self.folder, (*lists, failed))
        if settings.exists() or (self.folder / REPORTS).exists():
            return
        for path in (self.folder / TABLE, failed):
            if path.exists() and path in (self.table, failed):
                raise ValueError(
                    f"{path} exists and is not a result of this batch. Choose another folder for the results, or "
                    "rename it."
                )

    def _check_settings(self, settings: dict[str, Any]) -> None:
        """Check that the settings match those of existing results; store them if there are none."""
        path = self.folder / SETTINGS
        if not path.is_file():
            write_text_whole(path, json_text(settings))
            return
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} cannot be read ({error}). Choose another folder for the results.") from error
        changed = [key for key in {**before, **settings} if before.get(key) != settings.get(key)]
        if changed and before.keys() == settings.keys() and not any((self.folder / REPORTS).iterdir()):
            write_text_whole(path, json_text(settings))  # no case was started with the previous settings
        elif changed:
            listed = "; ".join(f"{key} was {before.get(key)!r}, is {settings.get(key)!r}" for key in changed)
            raise ValueError(
                f"{self.folder} contains results of other settings ({listed}). "
                "Choose another folder for the results, or the previous settings."
            )

    def _read_failed(self) -> dict[str, str]:
        path = self.folder / FAILED
        if not path.is_file():
            return {}
        try:  # people look at it with a spreadsheet, and save it
            rows = read_rows(path, "table of failures", _FAILURE)
        except ValueError as error:
            raise ValueError(f"{error} Or delete it: failed cases are repeated in any case.") from error
        return {row["case"]: row["reason"] or "" for _, row in rows if row["case"]}

    def _write_failed(self) -> None:
        write_text_whole(self.folder / FAILED, csv_text([_FAILURE, *sorted(self.failed.items())]))
