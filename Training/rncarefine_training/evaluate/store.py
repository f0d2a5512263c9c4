"""The files of an evaluation: its rows, the small tables made from them, and the record of openings of the test set."""

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
    """Return what the names of the files of an evaluation begin with; ``first`` subjects are no whole evaluation."""
    few = "" if first is None else f"-first{first}"
    return f"evaluation-{'test' if test else 'select'}{few}"


NAMES = ("network", "source", "case", "subject", "model", "sha256", "method", "verdict")
"""Columns of text, in which ``001`` is no number."""


def other_models(path: Path, slices: Collection[tuple[str, str, int]], models: Collection[str]) -> pd.DataFrame:
    """Return the rows that a file has of other models than those that are measured now.

    Args:
        path: An earlier file of rows; it need not exist.
        slices: What is measured now, by :data:`~rncarefine_training.evaluate.measure.KEY`.
        models: The models that are measured now.

    Raises:
        ValueError: The earlier rows are of other slices.
    """
    earlier = read_rows(path) if path.exists() else pd.DataFrame()
    if "model" not in earlier:
        return pd.DataFrame()
    others = earlier[~earlier.model.isin([*models, NO_MODEL])]
    for model, part in others.groupby("model"):
        if set(part[KEY].itertuples(index=False, name=None)) != set(slices):
            raise ValueError(
                f"{path} has the rows of {model} for other slices than those measured now: predictions or subjects "
                "have changed. Measure all models in one call with --fresh."
            )
    return others


def keep_other_models(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add to new rows those that a file has of other models, so that models measured one by one can be compared.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.
        path: An earlier file of rows; it need not exist.

    Raises:
        ValueError: The earlier rows are of other slices.
    """
    others = other_models(path, set(rows[KEY].itertuples(index=False, name=None)), models_of(rows))
    if others.empty:
        return rows
    models, baselines = rows[rows.model != NO_MODEL], rows[rows.model == NO_MODEL]
    return pd.concat([others, models, baselines], ignore_index=True)


def read_rows(path: Path) -> pd.DataFrame:
    """Read rows that :func:`write_evaluation` wrote.

    Raises:
        ValueError: There are none.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not there. Run `rncarefine-train evaluate` first.")
    rows = pd.read_csv(path, keep_default_na=True, dtype=dict.fromkeys(NAMES, str))
    return rows.fillna({"sha256": "", "verdict": ""})


def write_evaluation(rows: pd.DataFrame, run: Path, name: str) -> dict[str, pd.DataFrame]:
    """Write the rows and all that follows from them.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.
        run: Folder of the run.
        name: What the files' names begin with: ``<name>.csv`` is the table by network, ``<name>-<table>.csv`` the
            others.

    Returns:
        The tables: ``""`` (by network), ``subjects``, ``paired``, ``strata``, ``confidence``, ``reliability``,
        ``risk``; those that are empty have no file.
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
            # An earlier table must not stay, and one without columns could not be read.
            path.unlink(missing_ok=True)
        else:
            write_table(table, path)
    return tables


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, numbers with five digits, whole or not at all."""
    with written_whole(path) as (temporary,):
        table.to_csv(temporary, index=False, float_format="%.5g", lineterminator="\n")


def open_test_subjects(record: Path, models: Sequence[Model], command: str) -> list[str]:
    """Record an opening of the test set, before anything is measured.

    Args:
        record: The CSV that is added to; made if it is not there.
        models: Whose figures will be known afterwards.
        command: What was called.

    Returns:
        A sentence for every model whose weights had been measured on them before.
    """
    earlier = pd.read_csv(record, dtype=str) if record.exists() else pd.DataFrame(columns=["sha256", "date"])
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    cards = [model.card for model in models]
    lines = [{"model": card.name, "sha256": card.sha256, "date": now, "command": command} for card in cards]
    pd.DataFrame(lines).to_csv(record, mode="a", header=not record.exists(), index=False, lineterminator="\n")
    before = [(card, earlier.date[earlier.sha256 == card.sha256]) for card in cards]
    return [
        f"The test set was opened before for {card.name} ({card.sha256[:7]}): {', '.join(dates)}."
        for card, dates in before
        if len(dates)
    ]
