"""Files of one case in the folder of a cohort, written together by the worker process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic import written_whole
from ..io.raw import one_line
from ..refine.records import AnyReport, Report
from ..report.report import json_text

REPORTS = "reports"
BEGUN = ".begun"
"""File extension of the mark of a running case."""


class OutputError(OSError):
    """Results cannot be written; this ends the batch."""


@contextmanager
def output(folder: Path) -> Iterator[None]:
    """Convert write errors in the block to an :class:`OutputError` with folder and remedy.

    Raises:
        OutputError: An ``OSError`` was raised in the block.
    """
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"The results cannot be written to {folder} ({error}). Free space, or choose another folder, and run the "
            "batch again; finished cases are kept."
        ) from error


@dataclass(frozen=True)
class CaseFiles:
    """Paths of the result and the report of a case.

    Attributes:
        folder: Folder of the cohort, which contains ``reports``.
        name: Name of the case.
        result: Name of its result file.
    """

    folder: Path
    name: str
    result: str

    @property
    def report_path(self) -> Path:
        """Path of the report, which names the result file."""
        return self.folder / REPORTS / f"{self.name}.json"

    @property
    def result_path(self) -> Path:
        """Path of the result."""
        return self.folder / self.result

    @property
    def mark(self) -> Path:
        """Path of the mark, which exists while the case is running."""
        return self.folder / REPORTS / f"{self.name}{BEGUN}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark the case as running during the block; if the process dies, the next run processes it last.

        Raises:
            OutputError: The mark cannot be written.
        """
        with output(self.folder):
            self.mark.touch()
        try:
            yield
        finally:
            self.mark.unlink(missing_ok=True)

    def save(self, report: AnyReport, write: Callable[[Path], object], source: Mapping[str, Any] | None = None) -> None:
        """Write the result and the report atomically.

        Args:
            report: The report.
            write: Writes the result to a path; raises ``OSError`` on failure.
            source: Source of the case, see :func:`rncarefine.batch.sources.case_source`.

        Raises:
            OutputError: The files cannot be written.
        """
        values = report.to_dict()
        content = {"case": self.name, "result": self.result, "source": source}
        content |= {"report": values} if isinstance(report, Report) else values  # that of a picture is not nested
        # The report is moved first: a result without a report is treated as foreign and never overwritten.
        with output(self.folder), written_whole(self.report_path, self.result_path) as (new_report, new_result):
            write(new_result)
            new_report.write_text(json_text(content), encoding="utf-8", newline="\n")

    def sweep(self) -> None:
        """Remove temporary files of a process that was killed while writing this case."""
        for path in (self.report_path, self.result_path):
            for kind in ("new", "old"):
                for left in path.parent.glob(f".{'[0-9a-f]' * 8}-{kind}-{_literal(path.name)}"):
                    left.unlink(missing_ok=True)


def read_reports(
    folder: Path, kind: type[AnyReport], damaged: dict[str, str]
) -> Iterator[tuple[CaseFiles, AnyReport, dict[str, Any]]]:
    """Yield the finished cases of a cohort, sorted by name.

    Args:
        folder: Folder of the cohort.
        kind: Type of the reports.
        damaged: Filled with the cases whose report cannot be read, each with the reason and the remedy.

    Yields:
        Files, report and source of the case; the source is empty if unknown.
    """
    for path in sorted((folder / REPORTS).glob("*.json")):
        if path.name.startswith("."):  # left by a killed run
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            files = CaseFiles(folder, str(content["case"]), str(content["result"]))
            if files.report_path != path:
                raise ValueError(f"it is that of the case {files.name!r}")
            report, source = kind.from_dict(content.get("report", content)), dict(content.get("source") or {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            damaged[path.stem] = (
                f"{path} is not a report of this case ({one_line(error)}). Delete it, and the result of the case in "
                f"{folder}, to repair the case again."
            )
            continue
        if files.result_path.is_file():
            yield files, report, source


def _literal(name: str) -> str:
    """Return a glob pattern that matches only this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
