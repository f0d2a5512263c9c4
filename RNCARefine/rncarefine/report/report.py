"""The report as table, CSV and JSON, and the choice of the kind by a file's ending."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from ..atomic import write_text_whole
from ..refine.records import Report, SliceRecord
from ..stack import Mask, Stack
from ..words import strict_values
from .html import html_page

Value = str | int | float | bool | None
ENDINGS = (".csv", ".json", ".html")


def column_types() -> dict[str, Any]:
    """Return the columns of the table of slices and the type of each.

    They are the fields of :class:`~rncarefine.refine.records.SliceRecord`, except that the reasons are text in
    ``reason``, and that their codes, separated by spaces, follow ``accepted``. New columns come last.
    """
    hints = get_type_hints(SliceRecord)
    columns: dict[str, Any] = {}
    for entry in fields(SliceRecord):
        columns["reason" if entry.name == "reasons" else entry.name] = hints[entry.name]
        if entry.name == "accepted":
            columns["codes"] = str
    return {**columns, "reason": str}


def table_rows(report: Report) -> tuple[list[str], list[list[Value]]]:
    """Return the slices as a table.

    Returns:
        The column names, see :func:`column_types`, and one row per slice. Words are plain text; a number that is not
        known or not finite is ``None``.
    """
    columns = list(column_types())
    return columns, [[_cell(record, name) for name in columns] for record in report.slices]


def _cell(record: SliceRecord, column: str) -> Value:
    value: Value = strict_values(getattr(record, column)) if column != "codes" else " ".join(record.codes)
    return value


def to_json(report: Report) -> str:
    """Return the report as strict JSON: what is not a finite number is ``null``."""
    return json_text(report.to_dict())


def json_text(values: dict[str, Any]) -> str:
    """Return values as indented strict JSON with a final line end."""
    return json.dumps(strict_values(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(report: Report) -> str:
    """Return the slices as comma-separated values with a header line; yes/no for flags, empty for unknown."""
    columns, rows = table_rows(report)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([("yes" if value else "no") if isinstance(value, bool) else value for value in row])
    return text.getvalue()


def write_csv(report: Report, path: str | Path) -> None:
    """Write the slices as CSV (see :func:`to_csv`), whole or not at all."""
    write_text_whole(path, to_csv(report))


def write_json(report: Report, path: str | Path) -> None:
    """Write the report as JSON (see :func:`to_json`), whole or not at all."""
    write_text_whole(path, to_json(report))


def write_html(report: Report, stack: Stack, after: Mask, path: str | Path) -> None:
    """Write the page with pictures (see :func:`~rncarefine.report.html.html_page`), whole or not at all.

    Args:
        report: The report.
        stack: The stack it is about, with the mask as it was before.
        after: The mask after the repair, shape ``(k, j, i)``; ``stack.mask`` if it was only checked.
        path: The file to write.
    """
    write_text_whole(path, html_page(report, stack, after))


def report_ending(path: str | Path) -> str:
    """Return the ending that decides the kind of a report.

    Raises:
        ValueError: It is none of ``ENDINGS``.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"{path}: a report ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}. Rename it.")
    return ending


def write_report(report: Report, path: str | Path, stack: Stack | None = None, after: Mask | None = None) -> None:
    """Write the report in the kind of the file's ending, whole or not at all.

    Raises:
        ValueError: Another ending, or HTML without the stack.
        OSError: The file cannot be written.
    """
    ending = report_ending(path)
    if ending == ".csv":
        write_csv(report, path)
    elif ending == ".json":
        write_json(report, path)
    elif stack is None or after is None:
        raise ValueError(f"{path}: an HTML report has pictures and needs the stack and its mask after the repair.")
    else:
        write_html(report, stack, after, path)
