"""Import of a CSV table with one labelled stack per line."""

from __future__ import annotations

import csv
from pathlib import Path

from ...spelling import nearest
from .entry import SPLITS, Entry, check_network, raise_all, subject_and_phase, tidy

REQUIRED = ("image", "label")
OPTIONAL = ("subject", "phase", "split", "fov")
SYNONYMS = {"mask": "label", "prediction": "prediction:given"}
PREDICTION = "prediction:"
"""Prefix of columns with the segmentations of a network: ``prediction:NETWORK``."""


def read_csv(path: Path, pattern: str | None = None) -> tuple[list[Entry], list[str]]:
    """Read a CSV with the columns ``image`` and ``label``; paths are relative to its folder.

    Optional columns are ``subject`` and ``phase`` (by default inferred from the name of the image), ``split`` (train,
    select, test), ``fov`` (mask of the field of view of a picture), and any number of ``prediction:<network>``, whose
    cells may be empty.

    Args:
        path: Table in UTF-8, separated by commas or semicolons.
        pattern: Regular expression of the subject in the name of the image, see
            :func:`rncarefine_training.data.sources.entry.subject_and_phase`.

    Returns:
        The entries in order, and notes for the user on unused columns.

    Raises:
        ValueError: The table cannot be read, lacks a column, has a misspelt column, or a line is invalid.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: the table cannot be read ({error}). Give a CSV file in UTF-8.") from None
    lines = text.splitlines()
    head = lines[0] if lines else ""
    table = csv.DictReader(lines, delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
    columns = [_plain(name) for name in table.fieldnames or []]
    unused = _check_columns(path, columns)
    table.fieldnames = columns
    entries, problems = [], []
    try:
        for row in table:
            where = f"{path.name}, line {table.line_num}"
            try:
                entries.append(_entry(row, path.parent, where, pattern))
            except ValueError as error:
                problems.append(str(error))
    except csv.Error as error:
        raise ValueError(f"{path}, line {table.line_num}: {error}. Give a CSV file.") from None
    raise_all(problems)
    if not entries:
        raise ValueError(f"{path} lists no stack. Add a line per stack.")
    return entries, [f"Unused columns: {', '.join(unused)}."] if unused else []


def _check_columns(path: Path, columns: list[str]) -> list[str]:
    """Return unknown columns; raise ValueError for missing, misspelt or duplicate ones."""
    networks = [name for name in columns if name.startswith(PREDICTION)]
    unknown = [name for name in columns if name and name not in (*REQUIRED, *OPTIONAL, *networks)]
    for name in REQUIRED:
        if name not in columns:
            raise ValueError(
                f"{path}: there is no column {name!r}{nearest(name, unknown)}. The table has the columns image and "
                f"label, and may have {', '.join(OPTIONAL)} and {PREDICTION}NETWORK."
            )
    for name in unknown:
        # Other columns are allowed, unless they look like a misspelt known one.
        if nearest(name.replace("_", ":").partition(":")[0], [PREDICTION[:-1]], 0.8):
            raise ValueError(f"{path}: unknown column {name!r}. Rename it to {PREDICTION}NETWORK.")
        meant = nearest(name, [known for known in OPTIONAL if known not in columns], 0.8)
        if meant:
            raise ValueError(f"{path}: unknown column {name!r}{meant}. Rename it.")
    twice = [name for name in columns if name and columns.count(name) > 1]
    if twice:
        raise ValueError(f"{path}: duplicate column {twice[0]!r}. Remove one.")
    for name in networks:
        check_network(name.removeprefix(PREDICTION))
    return unknown


def _entry(row: dict[str | None, str | list[str] | None], folder: Path, where: str, pattern: str | None) -> Entry:
    if None in row:
        raise ValueError(f"{where}: more cells than columns. Put paths with commas in quotes.")
    cells = {str(name): str(value or "").strip() for name, value in row.items()}
    for name in REQUIRED:
        if not cells[name]:
            raise ValueError(f"{where}: no path in column {name!r}. Add it, or remove the line.")
    subject, phase = cells.get("subject", ""), cells.get("phase", "")
    if not (subject and phase):
        stem = image_stem(Path(cells["image"]))
        inferred = subject_and_phase(stem, pattern)
        subject, phase = subject or inferred[0], phase or inferred[1]
    split = cells.get("split", "").lower()
    if split and split not in SPLITS:
        raise ValueError(f"{where}: split is {split!r}{nearest(split, SPLITS)}. Give train, select or test.")
    networks = {name.removeprefix(PREDICTION): name for name in cells if name.startswith(PREDICTION)}
    return Entry(
        where,
        tidy(subject),
        tidy(phase),
        folder / cells["image"],
        folder / cells["label"],
        {network: folder / cells[column] for network, column in networks.items() if cells[column]},
        split or None,
        folder / cells["fov"] if cells.get("fov") else None,
    )


def _plain(column: str) -> str:
    """Return the name of a column without surrounding spaces, and in lower case if it is a known one."""
    name = column.strip()
    name = SYNONYMS.get(name.lower(), name)
    if name.lower().startswith(PREDICTION):
        return PREDICTION + name[len(PREDICTION) :].strip()
    return name.lower() if name.lower() in (*REQUIRED, *OPTIONAL) else name


def image_stem(path: Path) -> str:
    """Return the name of an image without extension and without the channel number of nnU-Net."""
    stem = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return stem[:-5] if stem[-5:] == "_0000" else stem
