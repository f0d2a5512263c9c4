"""Split the subjects into training, validation and test set, once, in a table next to the cases."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from rncarefine.atomic import write_text_whole

from ...spelling import nearest
from .entry import SPLITS, Split

FILE = "subjects.csv"
"""The table in a run's folder."""
COLUMNS = ("subject", "split")


def read_split(path: Path) -> dict[str, Split]:
    """Read the table: the split of every subject.

    Raises:
        ValueError: It is missing, is no such table, has a subject twice, or a word that is no split.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such table. `rncarefine-train prepare` writes it to the run's folder.")
    found: dict[str, Split] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        # Some spreadsheets save what they were given with commas with semicolons.
        table = csv.DictReader(file, delimiter=";" if ";" in head else ",")
        if not set(COLUMNS) <= set(table.fieldnames or []):
            raise ValueError(f"{path}: the table must have the columns {' and '.join(COLUMNS)}.")
        for row in table:
            subject, word = (str(row[column] or "").strip() for column in COLUMNS)
            split = next((known for known in SPLITS if known == word), None)
            if split is None:
                raise ValueError(
                    f"{path}, line {table.line_num}: split is {word!r}{nearest(word, SPLITS)}. Use {', '.join(SPLITS)}."
                )
            if found.setdefault(subject, split) != split:
                raise ValueError(f"{path}: subject {subject} is for {found[subject]} and for {split}. Remove one line.")
    return found


def write_split(path: Path, split: Mapping[str, Split]) -> None:
    """Write the table, sorted by subject."""
    lines = [",".join(COLUMNS), *(f"{subject},{split[subject]}" for subject in sorted(split))]
    write_text_whole(path, "\n".join(lines) + "\n")


def complete(
    subjects: Iterable[str], said: Mapping[str, Split], test_share: float, select_share: float, seed: int
) -> dict[str, Split]:
    """Give every subject a split.

    Where no subject is marked for the test, a share of the subjects is drawn for it; where none is marked to select, a
    share of the remaining ones is. Subjects that come later are thus trained on and never change sides.

    Args:
        subjects: All of them.
        said: Those whose split is known, from the data or an earlier table.
        test_share: Share of all subjects to draw for the test.
        select_share: Share of the remaining subjects to draw for the selection.
        seed: Decides the draw.

    Returns:
        The split of every subject.

    Raises:
        ValueError: A share is not below 1, or no subject is left to train on.
    """
    for name, share in (("test", test_share), ("select", select_share)):
        if not 0 <= share < 1:
            raise ValueError(f"The share to {name} on is {share:g}, it must be 0 or more and below 1.")
    names = sorted(set(subjects))
    result = {subject: said[subject] for subject in names if subject in said}
    free = [subject for subject in names if subject not in said]
    free = [free[index] for index in np.random.default_rng(seed).permutation(len(free))]
    shares: dict[Split, float] = {"test": test_share, "select": select_share}
    drawn = [split for split in shares if shares[split] and split not in said.values()]
    for number, split in enumerate(drawn):
        # Few subjects: one for each side that is still to come.
        most = max(1, len(free) - (len(drawn) - number))
        count = min(max(1, round(shares[split] * len(free))), most)
        result |= dict.fromkeys(free[:count], split)
        free = free[count:]
    result |= dict.fromkeys(free, "train")
    if "train" not in result.values() and "train" not in said.values():
        raise ValueError(
            f"Of {len(result)} subjects none is left to train on. Add subjects, or take smaller shares for test and "
            "selection."
        )
    return result
