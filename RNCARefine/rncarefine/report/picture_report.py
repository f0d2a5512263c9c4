"""The report of a picture as CSV, JSON or HTML, by the file extension."""

from __future__ import annotations

from pathlib import Path

from ..atomic import write_text_whole
from ..refine.place_records import PictureReport, PlaceRecord
from ..stack import Mask
from ..tasks.tubular.picture import Picture
from .picture_html import picture_page
from .report import Value, column_types, report_ending, table_rows, to_csv, to_json

COLUMNS = tuple(column_types(PlaceRecord))
"""Columns of the table of places."""


def place_rows(report: PictureReport) -> list[list[Value]]:
    """Return one row per place, in the order of :data:`COLUMNS`; unknown values are ``None``."""
    return table_rows(report)[1]


def write_picture_report(report: PictureReport, path: str | Path, picture: Picture, after: Mask) -> None:
    """Write the report atomically, in the format of the file extension.

    Args:
        report: The report.
        path: Output file, ``.csv``, ``.json`` or ``.html``.
        picture: The picture, with the mask before the repair.
        after: Mask after the repair, shape ``(j, i)``; the given mask after a check.

    Raises:
        ValueError: The extension is unknown.
        OSError: The file cannot be written.
    """
    ending = report_ending(path)
    if ending == ".csv":
        text = to_csv(report)
    elif ending == ".json":
        text = to_json(report)
    else:
        text = picture_page(report, picture, after)
    write_text_whole(path, text)
