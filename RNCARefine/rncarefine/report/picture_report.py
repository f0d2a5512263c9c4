"""The report of a picture as CSV, JSON or HTML, by the file extension."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from ..atomic import write_text_whole
from ..refine.place_records import PictureReport, PlaceRecord
from ..stack import Mask
from ..tasks.tubular.picture import Picture
from .picture_html import picture_page
from .report import Value, csv_text, json_text, report_ending, row_of

COLUMNS = (
    *("reason" if entry.name == "reasons" else entry.name for entry in fields(PlaceRecord)),
    "codes",
)
"""Columns of the table of places: fields of a record, reasons as text, and their codes separated by spaces."""


def place_rows(report: PictureReport) -> list[list[Value]]:
    """Return one row per place, in the order of :data:`COLUMNS`; unknown values are ``None``."""
    return [row_of(place, COLUMNS) for place in report.places]


def places_csv(report: PictureReport) -> str:
    """Return the places as comma-separated values with a header line; yes/no for flags, empty for unknown."""
    return csv_text([COLUMNS, *place_rows(report)])


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
        text = places_csv(report)
    elif ending == ".json":
        text = json_text(report.to_dict())
    else:
        text = picture_page(report, picture, after)
    write_text_whole(path, text)
