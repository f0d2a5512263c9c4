"""Files of an evaluation: rows, derived tables, and the log of evaluations on the test set."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]

from rncarefine.atomic import written_whole
from rncarefine.nca.model import Model

from .confidence import curves, summary
from .measure import KEY, NO_MODEL, ONE_PASS
from .strata import stratify
from .tables import ALL, BOTH_DRAW, COMPARED, against, by_subject, models_of, summarise

ROWS = "slices"


def base_name(test: bool, first: int | None = None) -> str:
    """Return the prefix of the files of an evaluation; ``first`` marks an evaluation of the first subjects only."""
    few = "" if first is None else f"-first{first}"
    return f"evaluation-{'test' if test else 'select'}{few}"


NAMES = ("network", "source", "case", "subject", "model", "sha256", "method", "verdict")
"""Columns to read as text, such as ``001``."""


def other_models(path: Path, slices: Collection[tuple[str, str, int]], models: Collection[str]) -> pd.DataFrame:
    """Return the earlier rows of models that are not evaluated now.

    Args:
        path: Earlier file of rows; it need not exist.
        slices: Slices that are evaluated now, by :data:`~rncarefine_training.evaluate.measure.KEY`.
        models: Models that are evaluated now.

    Raises:
        ValueError: The earlier rows belong to other slices.
    """
    earlier = read_rows(path) if path.exists() else pd.DataFrame()
    if "model" not in earlier:
        return pd.DataFrame()
    others = earlier[~earlier.model.isin([*models, NO_MODEL])]
    for model, part in others.groupby("model"):
        if set(part[KEY].itertuples(index=False, name=None)) != set(slices):
            raise ValueError(
                f"{path} has rows of {model} for other slices: predictions or subjects have changed. Evaluate all "
                "models in one call with --fresh."
            )
    return others


def keep_other_models(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add the earlier rows of other models to new rows, to compare models evaluated one by one.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.
        path: Earlier file of rows; it need not exist.

    Raises:
        ValueError: The earlier rows belong to other slices.
    """
    others = other_models(path, set(rows[KEY].itertuples(index=False, name=None)), models_of(rows))
    if others.empty:
        return rows
    models, baselines = rows[rows.model != NO_MODEL], rows[rows.model == NO_MODEL]
    return pd.concat([others, models, baselines], ignore_index=True)


def read_rows(path: Path) -> pd.DataFrame:
    """Read the rows written by :func:`write_evaluation`.

    Raises:
        ValueError: The file does not exist.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist. Run `rncarefine-train evaluate` first.")
    rows = pd.read_csv(path, keep_default_na=True, dtype=dict.fromkeys(NAMES, str))
    return rows.fillna({"sha256": "", "verdict": ""})


def write_evaluation(rows: pd.DataFrame, run: Path, name: str) -> dict[str, pd.DataFrame]:
    """Write the rows and all derived tables.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.
        run: Folder of the run.
        name: Prefix of the files: ``<name>.csv`` is the table by network, ``<name>-<table>.csv`` the others.

    Returns:
        The tables: ``""`` (by network), ``subjects``, ``paired``, ``strata``, ``confidence``, ``reliability``,
        ``risk``; empty tables are not written.
    """
    bins, curve = curves(rows)
    pairs = [(other, ALL) for other in COMPARED] + [(ONE_PASS, BOTH_DRAW)]
    tables = {
        "": summarise(rows),
        "subjects": by_subject(rows),
        "paired": pd.concat([against(rows, other, slices=slices) for other, slices in pairs]),
        "strata": stratify(rows),
        "confidence": summary(rows),
        "reliability": bins,
        "risk": curve,
    }
    write_table(rows, run / f"{name}-{ROWS}.csv")
    for ending, table in tables.items():
        path = run / f"{name}{'-' if ending else ''}{ending}.csv"
        if table.empty:
            # Remove an outdated table; a file without columns could not be read.
            path.unlink(missing_ok=True)
        else:
            write_table(table, path)
    return tables


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table atomically as CSV, numbers with five significant digits."""
    with written_whole(path) as (temporary,):
        table.to_csv(temporary, index=False, float_format="%.5g", lineterminator="\n")


def open_test_subjects(record: Path, models: Sequence[Model], command: str) -> list[str]:
    """Log an evaluation on the test set, before it starts.

    Args:
        record: CSV file to append to; created if needed.
        models: Models to evaluate.
        command: Command line.

    Returns:
        A warning for every model that was evaluated on the test set before.
    """
    columns = ["model", "sha256", "settings_hash", "date", "command"]
    earlier = pd.read_csv(record, dtype=str) if record.exists() else pd.DataFrame(columns=columns)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    cards = [model.card for model in models]
    lines = [
        {"model": c.name, "sha256": c.sha256, "settings_hash": c.settings_hash, "date": now, "command": command}
        for c in cards
    ]
    if record.exists() and list(earlier) != columns:
        write_table(earlier.reindex(columns=columns), record)
    added = pd.DataFrame(lines, columns=columns)
    # Evaluations that run at the same time may both append.
    added.to_csv(record, mode="a", header=not record.exists(), index=False, lineterminator="\n")
    before = [(card, earlier.date[earlier.sha256 == card.sha256]) for card in cards]
    return [
        f"The test set was opened before for {card.name} ({card.sha256[:7]}): {', '.join(dates)}."
        for card, dates in before
        if len(dates)
    ]
