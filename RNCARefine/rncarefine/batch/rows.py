"""Read CSV files as spreadsheets save them, with their separators, encodings and empty rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str | None, Any]
"""Fields by column, missing ones ``None``; further fields are a list under ``None``."""


def read_rows(path: Path, what: str, columns: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[int, Row]]:
    """Read the rows of a CSV file; columns may be in any order and separated by commas, semicolons or tabs.

    Args:
        path: The file, in UTF-8 or UTF-16.
        what: Name of the file in messages.
        columns: Required columns. Their case is ignored, and that of the optional ones.
        optional: Other known columns.

    Returns:
        The rows that are not empty, with their line numbers.

    Raises:
        ValueError: The file cannot be read, or a column is missing or occurs twice.
    """
    known = (*columns, *optional)
    try:
        with path.open(encoding=_encoding(path, what), newline="") as file:
            first = file.readline()
            hint = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)  # separator line of Excel
            if hint is None:
                file.seek(0)
            table = csv.DictReader(file, delimiter=_delimiter(first) if hint is None else hint[1])
            names = [_column(name, known) for name in table.fieldnames or []]
            if len(set(names) - {""}) != len([name for name in names if name]):
                raise ValueError(f"{path}: a column occurs twice ({', '.join(names)}). Delete one of the two.")
            table.fieldnames = names
            missing = [name for name in columns if name not in names]
            if missing:
                present = ", ".join(repr(name) for name in names) or "none"
                raise ValueError(
                    f"{path}: the column {missing[0]!r} is missing; the columns are {present}. Separate columns "
                    f"by commas or semicolons; give {' and '.join(columns)}"
                    + (f"; optionally {', '.join(optional)}." if optional else ".")
                )
            # Spreadsheets write rows of commas only.
            return [(table.line_num, row) for row in table if any((row[name] or "").strip() for name in names)]
    except UnicodeError as error:
        raise ValueError(
            f'{path}: the {what} is not encoded in UTF-8. Save it as CSV in UTF-8 (in Excel, "CSV UTF-8").'
        ) from error
    except (OSError, csv.Error) as error:
        raise ValueError(f"{path}: the {what} cannot be read ({error}). Give a CSV file in UTF-8.") from error


def _encoding(path: Path, what: str) -> str:
    """Return the encoding of a file: UTF-16 (Excel's "Unicode text"), or UTF-8 with or without a byte order mark."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in start:
        raise ValueError(f"{path}: the {what} is not a text file. Save it as CSV in UTF-8.")
    return "utf-8-sig"


def _delimiter(line: str) -> str:
    """Return the column separator in the first line of a file."""
    return max((",", ";", "\t"), key=line.count)


def _column(name: str, known: Sequence[str]) -> str:
    """Return the normalised name of a column: known names in lower case."""
    own = name.strip().casefold()
    return own if own in known else name.strip()
