"""Tables of an evaluation as a person reads them in a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd  # type: ignore[import-untyped]
from rich.table import Table

from ..evaluate.tables import ALL
from .options import console

Cell = Callable[[dict[str, object]], str]


def show(frame: pd.DataFrame, title: str, columns: Mapping[str, Cell | str]) -> None:
    """Print a frame.

    Args:
        frame: What to print; nothing is printed of an empty one.
        title: Above the table.
        columns: By heading, the name of a column, or what to make of a line.
    """
    if frame.empty:
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading, cell in columns.items():
        numeric = callable(cell) or pd.api.types.is_numeric_dtype(frame[cell])
        table.add_column(heading, justify="right" if numeric else "left")
    for line in frame.to_dict("records"):
        table.add_row(*(cell(line) if callable(cell) else str(line[cell]) for cell in columns.values()))
    console.print(table)


def between(value: str, low: str, high: str, digits: int, percent: bool = False) -> Cell:
    """Return a cell of a number with its interval."""
    scale = 100 if percent else 1

    def cell(line: dict[str, object]) -> str:
        number, least, most = (scale * float(str(line.get(name, "nan"))) for name in (value, low, high))
        if math.isnan(number):
            return ""
        if math.isnan(least):
            return f"{number:+.{digits}f}"
        return f"{number:+.{digits}f} ({least:+.{digits}f} to {most:+.{digits}f})"

    return cell


def number(name: str, digits: int) -> Cell:
    """Return a cell of a number."""
    return lambda line: f"{float(str(line[name])):.{digits}f}"


def p_value(name: str = "p") -> Cell:
    """Return a cell of a p value; nothing where nothing was compared."""

    def cell(line: dict[str, object]) -> str:
        value = float(str(line.get(name, "nan")))
        return "" if math.isnan(value) else f"{value:.1e}"

    return cell


def before_after(name: str, digits: int) -> Cell:
    """Return a cell of a measure before and after."""
    return lambda line: f"{float(str(line[f'{name} before'])):.{digits}f} {float(str(line[name])):.{digits}f}"


def show_networks(table: pd.DataFrame) -> None:
    """Print one narrow table a network."""
    for network, part in table.groupby("network", sort=False):
        show(
            part,
            f"Base network {network}, broken slices before and after",
            {
                "model": "model",
                "method": "method",
                "broken": "broken",
                "refused": "refused",
                "flagged": "flagged",
                "valid": "valid",
                "Dice": before_after("dice", 3),
                "HD mm": before_after("hd", 1),
                "ASSD mm": before_after("assd", 2),
                "changed of correct": lambda line: f"{line['correct changed']} of {line['correct']}",
            },
        )


def show_targets(table: pd.DataFrame) -> None:
    """Print what was aimed at, and what was reached."""

    def target(line: dict[str, object]) -> str:
        return f"{line['bound']} {float(str(line['target'])):g}"

    for model, part in table.groupby("model", sort=False):
        value = between("value", "low", "high", 3)
        columns: dict[str, Cell | str] = {"network": "network", "what": "what", "n": "n"}
        columns |= {"value (95 %)": value, "target": target, "reached": "reached"}
        show(part, f"Targets, {model}", columns)


def show_paired(table: pd.DataFrame) -> None:
    """Print the paired comparison."""
    for (model, other), part in table.groupby(["model", "against"], sort=False):
        show(
            part,
            f"{model} against {other}, slice by slice; positive: better",
            {
                "network": "network",
                "measure": "measure",
                "n": "n",
                "mean gain (95 %)": between("gain", "low", "high", 3),
                "better": lambda line: f"{100 * float(str(line['better'])):.0f} %",
                "p": p_value(),
                "p, subjects": p_value("p subjects"),
                "rank-biserial": number("effect", 2),
            },
        )


def show_strata(table: pd.DataFrame) -> None:
    """Print the strata, the models side by side; there are none where no slice was broken."""
    if table.empty:
        return
    for kind, part in table.groupby("stratum", sort=False):
        show(
            part,
            f"By {kind}",
            {
                "slices": "slices",
                "model": lambda line: str(line["method"] if line["model"] == "-" else line["model"]),
                "n": "n",
                "valid": "valid",
                "Dice": before_after("dice", 3),
                "gain (95 %)": between("gain", "low", "high", 3),
                "HD": lambda line: f"{100 * float(str(line['hd change'])):+.0f} %",
                "ASSD": lambda line: f"{100 * float(str(line['assd change'])):+.0f} %",
                "over the first model": between("over first", "over low", "over high", 3),
            },
        )


def show_confidence(table: pd.DataFrame) -> None:
    """Print how well the confidence tells good repairs from bad ones, over all networks."""
    show(
        table[table.network == ALL],
        "Confidence: does it tell good repairs (Dice of at least 0.75), and those that raised Dice?",
        {
            "model": "model",
            "slices": "slices",
            "n": "n",
            "question": "question",
            "yes": number("share", 3),
            "AUROC (95 %)": between("auroc", "low", "high", 3),
            "ECE": number("ece", 3),
            "Brier": number("brier", 3),
            "AURC": number("aurc", 3),
            "fell": number("fell", 3),
        },
    )
