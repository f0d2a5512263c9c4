"""Split of the subjects into training, validation and test set, stored in a table next to the cases."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from rncarefine.atomic import write_text_whole

from ...spelling import nearest
from .entry import SPLITS, Split

FILE = "subjects.csv"
"""Table in the folder of a run."""
COLUMNS = ("subject", "split")


def read_split(path: Path) -> dict[str, Split]:
    """Read the table and return the split of every subject.

    Raises:
        ValueError: The table is missing or invalid, or has a contradictory or unknown split.
    """
    if not path.is_file():
        raise ValueError(f"{path}: the table does not exist. Run `rncarefine-train prepare`, which writes it.")
    found: dict[str, Split] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        # Some spreadsheets save CSV files with semicolons.
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
                raise ValueError(f"{path}: subject {subject} is {found[subject]} and {split}. Remove one line.")
    return found


def write_split(path: Path, split: Mapping[str, Split]) -> None:
    """Write the table, sorted by subject."""
    lines = [",".join(COLUMNS), *(f"{subject},{split[subject]}" for subject in sorted(split))]
    write_text_whole(path, "\n".join(lines) + "\n")


def complete(
    subjects: Iterable[str], known: Mapping[str, Split], test_share: float, select_share: float, seed: int
) -> dict[str, Split]:
    """Assign a split to every subject.

    Test and validation set are drawn at random only if they are empty. Subjects added later are thus assigned to the
    training set, and no subject changes its split.

    Args:
        subjects: All subjects.
        known: Splits from the data or an earlier table.
        test_share: Share of the subjects without split to draw for the test set.
        select_share: Share of the remaining subjects to draw for the validation set.
        seed: Random seed.

    Returns:
        The split of every subject.

    Raises:
        ValueError: A share is not in [0, 1), or the training set is empty.
    """
    for name, share in (("test", test_share), ("select", select_share)):
        if not 0 <= share < 1:
            raise ValueError(f"--{name}-share {share:g}: it must be 0 or more and below 1.")
    names = sorted(set(subjects))
    result = {subject: known[subject] for subject in names if subject in known}
    free = [subject for subject in names if subject not in known]
    free = [free[index] for index in np.random.default_rng(seed).permutation(len(free))]
    shares: dict[Split, float] = {"test": test_share, "select": select_share}
    drawn = [split for split in shares if shares[split] and split not in known.values()]
    for number, split in enumerate(drawn):
        # Leave at least one subject for each remaining split.
        most = max(1, len(free) - (len(drawn) - number))
        count = min(max(1, round(shares[split] * len(free))), most)
        result |= dict.fromkeys(free[:count], split)
        free = free[count:]
    result |= dict.fromkeys(free, "train")
    if "train" not in result.values() and "train" not in known.values():
        raise ValueError(
            f"None of {len(result)} subjects is left for training. Add subjects, or reduce --test-share and "
            "--select-share."
        )
    return result
