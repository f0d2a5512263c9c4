"""A table of paths: CSV with one labelled stack per line."""

from __future__ import annotations

import csv
from pathlib import Path

from ...spelling import nearest
from .entry import SPLITS, Entry, check_network, raise_all, subject_and_phase, tidy

REQUIRED = ("image", "label")
OPTIONAL = ("subject", "phase", "split", "fov")
PREDICTION = "prediction:"
"""A column ``prediction:NAME`` holds the label maps that network NAME made."""


def read_csv(path: Path, pattern: str | None = None) -> tuple[list[Entry], list[str]]:
    """Read a CSV with the columns ``image`` and ``label``; relative paths start from its folder.

    Optional columns are ``subject`` and ``phase`` (else inferred from the name of the image), ``split`` (train, select,
    test), ``fov`` (of pictures, the mask of the field of view), and any number of ``prediction:<network>``; an empty
    cell is a stack that the network has not segmented.

    Args:
        path: The table, UTF-8, comma or semicolon.
        pattern: Where the subject stands in the image's name, see
            :func:`rncarefine_training.data.sources.entry.subject_and_phase`.

    Returns:
        The entries in their order, and notes for the user: columns that were not used.

    Raises:
        ValueError: The table cannot be read, lacks a column, has a misspelt one, or a line is wrong.
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
        raise ValueError(f"{path} lists no stack. Add a line for each.")
    return entries, [f"Columns that are not used: {', '.join(unused)}."] if unused else []


def _check_columns(path: Path, columns: list[str]) -> list[str]:
    """Return the columns that mean nothing here, if no other is missing, misspelt or there twice."""
    networks = [name for name in columns if name.startswith(PREDICTION)]
    strangers = [name for name in columns if name and name not in (*REQUIRED, *OPTIONAL, *networks)]
    for name in REQUIRED:
        if name not in columns:
            raise ValueError(
                f"{path}: there is no column {name!r}{nearest(name, strangers)}. The table has the columns image and "
                f"label, and may have {', '.join(OPTIONAL)} and {PREDICTION}NETWORK."
            )
    for name in strangers:
        # A column of the lab's own may be called anything, a misspelt one must not go unnoticed.
        if nearest(name.replace("_", ":").partition(":")[0], [PREDICTION[:-1]], 0.8):
            raise ValueError(f"{path}: column {name!r} means nothing. Call it {PREDICTION}NETWORK.")
        meant = nearest(name, [known for known in OPTIONAL if known not in columns], 0.8)
        if meant:
            raise ValueError(f"{path}: column {name!r} means nothing{meant}. Rename it.")
    twice = [name for name in columns if name and columns.count(name) > 1]
    if twice:
        raise ValueError(f"{path}: column {twice[0]!r} is there twice. Remove one.")
    for name in networks:
        check_network(name.removeprefix(PREDICTION))
    return strangers


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
    """Return a column's name without spaces around, and in small letters if it is one that means something."""
    name = column.strip()
    if name.lower().startswith(PREDICTION):
        return PREDICTION + name[len(PREDICTION) :].strip()
    return name.lower() if name.lower() in (*REQUIRED, *OPTIONAL) else name


def image_stem(path: Path) -> str:
    """Return the name of an image without its ending and without nnU-Net's number of the channel."""
    stem = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return stem[:-5] if stem[-5:] == "_0000" else stem
