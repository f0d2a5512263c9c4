"""The files of an evaluation: one of rows, and the small tables that are made from it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]

from RNCARefineLib.atomic import written_whole

from .confidence import curves, summary
from .measure import KEY, NO_MODEL
from .paired import against
from .strata import stratify
from .tables import models_of, summarise
from .targets import targets

ROWS = "slices"
UNDISTURBED = "undisturbed"
"""What a table of disturbances calls stacks as they are."""


def base_name(test: bool, with_pool: bool) -> str:
    """Return what the names of the files of an evaluation begin with."""
    return f"evaluation-{'test' if test else 'select'}{'-pool' if with_pool else ''}"


def keep_other_models(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add to new rows those that a file has of other models, so that models measured one by one can be compared.

    Args:
        rows: From :func:`rncarefine_training.evaluation.measure.evaluate`.
        path: An earlier file of rows; it need not exist.

    Raises:
        ValueError: The earlier rows are of other slices.
    """
    if not path.exists():
        return rows
    earlier = read_rows(path)
    others = earlier[~earlier.model.isin([*models_of(rows), NO_MODEL])] if "model" in earlier else earlier.iloc[:0]
    if others.empty:
        return rows
    for model, part in others.groupby("model"):
        if set(map(tuple, part[KEY].values)) != set(map(tuple, rows[KEY].values)):
            raise ValueError(
                f"{path} has the rows of {model} for other slices than those measured now: predictions or subjects "
                "have changed. Measure all models in one call with --fresh."
            )
    models, baselines = rows[rows.model != NO_MODEL], rows[rows.model == NO_MODEL]
    return pd.concat([others, models, baselines], ignore_index=True)


def read_rows(path: Path) -> pd.DataFrame:
    """Read rows that :func:`write_evaluation` wrote.

    Raises:
        ValueError: There are none.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not there. Run `rncarefine-train evaluate` first.")
    return pd.read_csv(path, keep_default_na=True, dtype={"sha256": str, "verdict": str}).fillna(
        {"sha256": "", "verdict": ""}
    )


def write_evaluation(rows: pd.DataFrame, run: Path, name: str, unseen: Collection[str]) -> dict[str, pd.DataFrame]:
    """Write the rows and all that follows from them.

    Args:
        rows: From :func:`rncarefine_training.evaluation.measure.evaluate`.
        run: Folder of the run.
        name: What the files' names begin with: ``<name>.csv`` is the table by network, ``<name>-<table>.csv`` the
            others.
        unseen: Networks whose failures were never trained on.

    Returns:
        The tables: ``""`` (by network), ``targets``, ``paired``, ``strata``, ``confidence``, ``reliability``, ``risk``.
    """
    bins, curve = curves(rows)
    tables = {
        "": summarise(rows),
        "targets": targets(rows, unseen),
        "paired": against(rows),
        "strata": stratify(rows),
        "confidence": summary(rows),
        "reliability": bins,
        "risk": curve,
    }
    write_table(rows, run / f"{name}-{ROWS}.csv")
    for ending, table in tables.items():
        write_table(table, run / f"{name}{'-' if ending else ''}{ending}.csv")
    return tables


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, numbers with five digits, whole or not at all."""
    with written_whole(path) as (temporary,):
        table.to_csv(temporary, index=False, float_format="%.5g", lineterminator="\n")
