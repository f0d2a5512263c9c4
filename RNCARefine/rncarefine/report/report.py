"""The report as table, CSV and JSON, and the choice of the format by the file extension."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from ..atomic import write_text_whole
from ..refine.records import AnyReport, Report, ReviewStatus, SliceRecord
from ..stack import Mask, Stack
from ..words import strict_values
from .html import html_page

Value = str | int | float | bool | None
ENDINGS = (".csv", ".json", ".html")


def column_types(record: type[ReviewStatus] = SliceRecord) -> dict[str, Any]:
    """Return the columns of the table of slices or places with their types.

    They are the fields of the record, with the reasons as text in ``reason`` and their codes, separated by spaces,
    after ``accepted``. New columns are appended.
    """
    hints = get_type_hints(record)
    columns: dict[str, Any] = {}
    for entry in fields(record):  # type: ignore[arg-type]
        columns["reason" if entry.name == "reasons" else entry.name] = hints[entry.name]
        if entry.name == "accepted":
            columns["codes"] = str
    return {**columns, "reason": str}


def table_rows(report: AnyReport) -> tuple[list[str], list[list[Value]]]:
    """Return the slices or places as a table.

    Returns:
        The column names, see :func:`column_types`, and one row per slice or place. Unknown and non-finite numbers are
        ``None``.
    """
    columns = list(column_types(report.RECORD))
    return columns, [_row(record, columns) for record in report.records]


def _row(record: ReviewStatus, columns: Iterable[str]) -> list[Value]:
    return [" ".join(record.codes) if name == "codes" else strict_values(getattr(record, name)) for name in columns]


def to_json(report: AnyReport) -> str:
    """Return the report as strict JSON; non-finite numbers are ``null``."""
    return json_text(report.to_dict())


def json_text(values: dict[str, Any]) -> str:
    """Return values as indented strict JSON with a final newline."""
    return json.dumps(strict_values(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(report: AnyReport) -> str:
    """Return the slices or places as comma-separated values with a header line; yes/no for flags, empty for unknown."""
    columns, rows = table_rows(report)
    return csv_text([columns, *rows])


def csv_text(rows: Iterable[Sequence[Value]]) -> str:
    """Return rows as comma-separated values; lines end in ``\\n`` on every system, flags are yes or no."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [("yes" if value else "no") if isinstance(value, bool) else value for value in row] for row in rows
    )
    return text.getvalue().encode("utf-8", "backslashreplace").decode("utf-8")  # names may contain invalid Unicode


def report_ending(path: str | Path) -> str:
    """Return the file extension that determines the format of a report.

    Raises:
        ValueError: The extension is not one of ``ENDINGS``.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"{path}: the report must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}. Rename it.")
    return ending


def write_report(report: Report, path: str | Path, stack: Stack | None = None, after: Mask | None = None) -> None:
    """Write the report atomically, in the format of the file extension.

    Args:
        report: The report.
        path: Output file, ``.csv``, ``.json`` or ``.html``.
        stack: For HTML, the stack with the mask before the repair.
        after: For HTML, the mask after the repair; ``stack.mask`` after a check.

    Raises:
        ValueError: The extension is unknown, or the stack is missing for HTML.
        OSError: The file cannot be written.
    """
    ending = report_ending(path)
    if ending == ".csv":
        text = to_csv(report)
    elif ending == ".json":
        text = to_json(report)
    elif stack is None or after is None:
        raise ValueError(
            f"{path}: the HTML report needs the stack and the mask after the repair. Give both, or write .csv or .json."
        )
    else:
        text = html_page(report, stack, after)
    write_text_whole(path, text)
