"""The results of a cohort in one folder, kept so that a run that was stopped at any moment can go on.

==================  ==================================================================================================
the result files    one for each finished case, named by whoever writes it (``<case>.seg.nrrd`` in Slicer)
``reports/``        ``<case>.json`` for each finished case: the whole report; a case with both files is finished
``cohort.csv``      a row for each slice of each finished case: the case, then the columns of the report
``failed.csv``      the cases that could not be done, each with the reason
``settings.json``   what all of them were made with
==================  ==================================================================================================

A case's two files appear together or not at all, and the table is made again from the reports whenever the folder is
opened, so that it always has whole rows of whole cases.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from . import __version__
from .atomic import write_text_whole, written_whole
from .options import RepairOptions
from .records import ModelRecord, Report, SliceRecord
from .report import json_text, strict_values, to_csv

TABLE, FAILED, SETTINGS, REPORTS = "cohort.csv", "failed.csv", "settings.json", "reports"
_BEGUN = ".begun"


class OutputError(OSError):
    """The results cannot be written, so that it makes no sense to go on with other cases."""


def settings_of(model: ModelRecord, options: RepairOptions, **choices: str | bool | None) -> dict[str, Any]:
    """Return what decides how a case turns out, to be kept with the results.

    The device does not: the same seed gives the same result on each.

    Args:
        model: The weights.
        options: How to repair.
        choices: What else a person has chosen, such as the segment.
    """
    chosen = asdict(options)
    del chosen["device"]
    bounds = chosen.pop("bounds")
    values = {"version": __version__, "model": model.name, "sha256": model.sha256, **chosen, **bounds, **choices}
    return dict(strict_values(values))


class Cohort:
    """The folder of the results.

    Attributes:
        folder: The folder.
        flagged: The finished cases, each with the number of its flagged slices.
        failed: The cases that could not be done, each with the reason.
        interrupted: The cases that were in work when a run before was ended from outside, or crashed.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any]) -> None:
        """Open a folder, making it if it is not there.

        Args:
            folder: Where the results are, or shall be.
            settings: What they are made with, see :func:`settings_of`.

        Raises:
            ValueError: The folder holds results that were made with other settings, or that cannot be read.
            OutputError: Nothing can be written there.
        """
        self.folder = Path(folder)
        self.flagged: dict[str, int] = {}
        with _output(self.folder):
            (self.folder / REPORTS).mkdir(parents=True, exist_ok=True)
            self._agree(dict(settings))
            self.failed = self._read_failed()
            self.interrupted = {path.stem for path in (self.folder / REPORTS).glob(f"*{_BEGUN}")}
            self.write_table()

    @property
    def table(self) -> Path:
        """The path of the table of all slices."""
        return self.folder / TABLE

    def is_finished(self, name: str) -> bool:
        """Whether a case was done, in this run or in one before."""
        return name in self.flagged

    def check_result(self, name: str, result: str) -> None:
        """Check before the work that the result of a case overwrites nothing.

        Args:
            name: The case.
            result: Name of its result file.

        Raises:
            ValueError: A file is there that is none of the results of this cohort, for instance an input.
        """
        path = self.folder / result
        if path.exists() and not self.is_finished(name):
            raise ValueError(f"{path} exists and is not a result of this batch. Choose another folder for the results.")

    @contextmanager
    def in_work(self, name: str) -> Iterator[None]:
        """Leave a mark for the next run if this one dies inside the block: a case that crashes is then done last."""
        mark = self.folder / REPORTS / f"{name}{_BEGUN}"
        with _output(self.folder):
            mark.touch()
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def finish(self, name: str, report: Report, result: str, write: Callable[[Path], None]) -> None:
        """Write the result and the report of a case, both or neither, and add its slices to the table.

        Args:
            name: The case.
            report: Its report.
            result: Name of its result file.
            write: Writes the result to the path that it is given; raises ``OSError`` where it cannot.

        Raises:
            OutputError: They cannot be written.
        """
        with _output(self.folder):
            # The report goes first: a result without one is somebody else's file and never overwritten.
            paths = self.folder / REPORTS / f"{name}.json", self.folder / result
            with written_whole(*paths) as (new_report, new_result):
                write(new_result)
                content = {"case": name, "result": result, "report": report.to_dict()}
                new_report.write_text(json_text(content), encoding="utf-8", newline="\n")
            self.flagged[name] = report.stack.flagged
            _append(self.table, _rows(name, report))
            if self.failed.pop(name, None) is not None:
                self._write_failed()

    def fail(self, name: str, reason: str) -> None:
        """Note that a case could not be done; the next run tries it again.

        Raises:
            OutputError: It cannot be noted.
        """
        self.failed[name] = " ".join(reason.split())
        with _output(self.folder):
            self._write_failed()

    def write_table(self) -> None:
        """Make the table again from the reports, in the order of the cases.

        Raises:
            ValueError: A report cannot be read.
            OutputError: The table cannot be written.
        """
        self.flagged = {}
        with _output(self.folder), written_whole(self.table) as (temporary,):
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.write(_text([("case", *(column.name for column in fields(SliceRecord)))]))
                for name, report in self._reports():
                    self.flagged[name] = report.stack.flagged
                    file.write(_rows(name, report))

    def _reports(self) -> Iterator[tuple[str, Report]]:
        """Yield the finished cases and their reports, one at a time."""
        for path in sorted((self.folder / REPORTS).glob("*.json")):
            if path.name.startswith("."):  # left by a run that was killed
                continue
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                name, result, report = content["case"], content["result"], Report.from_dict(content["report"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path} is not a report of a case ({error}). Delete it, and the case is done again."
                ) from error
            if (self.folder / result).is_file():
                yield name, report

    def _agree(self, settings: dict[str, Any]) -> None:
        """Refuse settings other than those of the results that are there; keep them where there are none yet."""
        path = self.folder / SETTINGS
        if not path.is_file():
            write_text_whole(path, json_text(settings))
            return
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} cannot be read ({error}). Choose another folder for the results.") from error
        changed = [key for key in {**before, **settings} if before.get(key) != settings.get(key)]
        if changed:
            listed = "; ".join(f"{key} was {before.get(key)!r}, is {settings.get(key)!r}" for key in changed)
            raise ValueError(
                f"{self.folder} holds results that were made with other settings ({listed}). "
                "Choose another folder for the results, or the settings of before."
            )

    def _read_failed(self) -> dict[str, str]:
        path = self.folder / FAILED
        if not path.is_file():
            return {}
        with path.open(encoding="utf-8", newline="") as file:
            return {row["case"]: row["reason"] for row in csv.DictReader(file)}

    def _write_failed(self) -> None:
        write_text_whole(self.folder / FAILED, _text([("case", "reason"), *sorted(self.failed.items())]))


def _rows(name: str, report: Report) -> str:
    """Return the rows of a case as they stand in the table."""
    _, *rows = csv.reader(io.StringIO(to_csv(report)))
    return _text([name, *row] for row in rows)


def _text(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _append(path: Path, text: str) -> None:
    """Add whole rows to a file, or nothing."""
    with path.open("ab", buffering=0) as file:  # a buffer would try once more when the file is closed
        size = file.tell()
        rest = memoryview(text.encode("utf-8"))
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(size)
            raise


@contextmanager
def _output(folder: Path) -> Iterator[None]:
    """Say where nothing could be written, and what to do."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"The results cannot be written to {folder} ({error}). Make room, or choose another folder, and run the "
            "batch again: what is finished is kept."
        ) from error
