"""Table of a cohort, one row per slice: CSV or Parquet, by the file extension."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from ..atomic import check_writable, written_whole
from ..io.label_map import check_path
from ..refine.records import AnyReport, ReviewStatus, SliceRecord
from ..report.report import column_types, csv_text, table_rows

ENDINGS = (".csv", ".parquet")
INSTALL = '.venv/bin/pip install -c constraints.txt ".[cli,cohort]"'
"""Installation command in a clone."""
_ROWS = 20_000
"""Rows per Parquet write."""

Add = Callable[[str, AnyReport], None]
"""Adds the slices or places of a case to a table."""


def check_table(path: Path, folder: Path, used: Iterable[Path] = ()) -> None:
    """Check in advance that a table can be written.

    Args:
        path: Path of the table.
        folder: A folder that will be created.
        used: Files that must not be overwritten.

    Raises:
        ValueError: The extension is unknown, the table cannot be written, or pyarrow is not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"{path}: the table must end in {' or '.join(ENDINGS)}. Rename it.")
    check_path(path)
    check_writable(path, used, folder)
    if is_parquet(path) and find_spec("pyarrow") is None:
        raise ValueError(
            f"{path}: Parquet needs pyarrow. Choose a .csv file, or install it from a clone with: {INSTALL}"
        )


def is_parquet(path: Path) -> bool:
    """Return whether a table is Parquet, by its extension."""
    return path.suffix.lower() == ".parquet"


@contextmanager
def written_table(path: Path, record: type[ReviewStatus] = SliceRecord) -> Iterator[Add]:
    """Write a table atomically; the block adds its cases. Memory does not grow with the number of cases.

    Args:
        path: Path of the table; the extension determines the format.
        record: Type of the rows.

    Yields:
        The function that adds the slices or places of a case.

    Raises:
        OSError: The table cannot be written.
    """
    columns = {"case": str, **column_types(record)}
    with written_whole(path) as (temporary,), (_parquet if is_parquet(path) else _csv)(temporary, columns) as add:
        yield add


def csv_rows(name: str, report: AnyReport) -> str:
    """Return the rows of a case in CSV."""
    return csv_text([name, *row] for row in table_rows(report)[1])


def append_text(path: Path, text: str) -> None:
    """Append text to a file completely, or not at all."""
    with path.open("ab", buffering=0) as file:  # a buffer would retry when the file is closed
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
def _csv(path: Path, columns: Mapping[str, Any]) -> Iterator[Add]:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_text([list(columns)]))

        def add(name: str, report: AnyReport) -> None:
            file.write(csv_rows(name, report))

        yield add


@contextmanager
def _parquet(path: Path, columns: Mapping[str, Any]) -> Iterator[Add]:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([_field(pa, name, kind) for name, kind in columns.items()])
    pending: list[list[Any]] = []
    with parquet.ParquetWriter(path, schema) as writer:

        def write() -> None:
            of_columns = zip(*pending, strict=True)
            arrays = [pa.array(values, kind) for values, kind in zip(of_columns, schema.types, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            pending.clear()

        def add(name: str, report: AnyReport) -> None:
            pending.extend([name, *row] for row in table_rows(report)[1])
            if len(pending) >= _ROWS:
                write()

        yield add
        if pending:
            write()


def _field(pa: Any, name: str, kind: Any) -> Any:
    """Return the Parquet column of a field of a record."""
    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    if get_origin(kind) in (types.UnionType, Union):
        (kind,) = (argument for argument in get_args(kind) if argument is not type(None))
    return pa.field(name, pa.string() if issubclass(kind, Enum) else kinds[kind])
