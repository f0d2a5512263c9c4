"""The tables of an evaluation as Markdown, so that no figure of a document is typed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import pandas as pd  # type: ignore[import-untyped]

from .measure import ALONE, NO_MODEL, OPEN_BASE, WHOLE
from .store import UNDISTURBED


def networks(table: pd.DataFrame) -> str:
    """By base network and method, from :func:`rncarefine_training.evaluate.tables.summarise`."""
    head = [
        "base network",
        "method",
        "refused",
        "flagged",
        "closed rings % (95 %)",
        "Dice",
        "HD mm",
        "ASSD mm",
        "correct changed",
    ]
    rows: list[list[str]] = []
    for network, part in table.groupby("network", sort=False):
        first = part.iloc[0]
        rows.append(
            [f"{network}, n = {first.broken}", "input", "", "", "0", *_means(first, " before"), f"of {first.correct}"]
        )
        for line in part.to_dict("records"):
            counts = ["", ""] if line["model"] == NO_MODEL else [str(line["refused"]), str(line["flagged"])]
            means = _means(pd.Series(line), "")
            rows.append(["", _method(line), *counts, _share(line["valid"]), *means, str(line["correct changed"])])
    return _table(head, rows, left=2)


def _means(line: pd.Series, which: str) -> list[str]:
    return [f"{line[f'dice{which}']:.3f}", f"{line[f'hd{which}']:.1f}", f"{line[f'assd{which}']:.2f}"]


def _method(line: dict[str, object]) -> str:
    names = {WHOLE: f"**{line['model']}**", ALONE: f"{line['model']}, automaton alone"}
    names[OPEN_BASE] = f"{line['model']}, base left open"
    return str(line["method"] if line["model"] == NO_MODEL else names[str(line["method"])])


def targets(table: pd.DataFrame) -> str:
    """What was aimed at and reached, from :func:`rncarefine_training.evaluate.targets.targets`."""
    head = ["model", "base network", "target", "aimed at", "n", "measured (95 %)", "reached"]
    rows = []
    for line in table.itertuples():
        share, relative = line.what.startswith("closed rings"), "relative" in line.what
        level = share and "against" not in line.what
        aim = f"{100 * line.target:g} %" if share or relative else f"{line.target:g}"
        sign = "-" if level or "AUROC" in line.what else "+"
        value = _interval(line.value, line.low, line.high, 1 if share or relative else 3, share or relative, sign)
        rows.append([line.model, line.network, line.what, f"{line.bound} {aim}", str(line.n), value, line.reached])
    return _table(head, _blanked(rows, 2), left=4)


def paired(table: pd.DataFrame) -> str:
    """Against another method, from :func:`rncarefine_training.evaluate.paired.against`."""
    head = ["model", "base network", "measure", "n", "mean gain (95 %)", "better in", "p, slices", "p, subjects"]
    head.append("rank-biserial r")
    units = {"dice": "Dice", "assd": "ASSD, mm", "hd": "HD, mm"}
    rows = [
        [
            line["model"],
            line["network"],
            units[line["measure"]],
            str(line["n"]),
            _interval(line["gain"], line["low"], line["high"], 3 if line["measure"] == "dice" else 2),
            f"{100 * line['better']:.0f} %",
            f"{line['p']:.1e}",
            f"{line['p subjects']:.1e}",
            f"{line['effect']:.2f}",
        ]
        for line in table.to_dict("records")
    ]
    return _table(head, _blanked(rows, 2), left=3)


def strata(table: pd.DataFrame) -> str:
    """By kind of slice, from :func:`rncarefine_training.evaluate.strata.stratify`."""
    head = ["stratum", "slices", "method", "n", "closed rings % (95 %)", "Dice before", "Dice", "gain (95 %)"]
    head += ["HD", "ASSD", "over the first model (95 %), p"]
    rows = []
    for line in table.to_dict("records"):
        over = line.get("over first", math.nan)
        beside = ""
        if not math.isnan(over):
            beside = f"{_interval(over, line['over low'], line['over high'], 3)}, {line['over p']:.1e}"
        gain = _interval(line["gain"], line["low"], line["high"], 3)
        name = str(line["method"] if line["model"] == NO_MODEL else line["model"])
        dices = [f"{line[name]:.3f}" for name in ("dice before", "dice")]
        changes = [_percent(line["hd change"]), _percent(line["assd change"])]
        rows.append(
            [
                line["stratum"],
                line["slices"],
                name,
                str(line["n"]),
                _share(line["valid"]),
                *dices,
                gain,
                *changes,
                beside,
            ]
        )
    return _table(head, _blanked(rows, 2), left=3)


def confidence(table: pd.DataFrame) -> str:
    """Does it tell good repairs from bad ones, from :func:`rncarefine_training.evaluate.confidence.summary`."""
    head = [
        "model",
        "slices",
        "question",
        "base network",
        "n",
        "yes",
        "AUROC (95 %)",
        "ECE",
        "Brier",
        "AURC",
        "Dice fell",
    ]
    rows = [
        [
            line["model"],
            line["slices"],
            line["question"],
            line["network"],
            str(line["n"]),
            _share_of(line["share"]),
            _interval(line["auroc"], line["low"], line["high"], 2, sign="-"),
            *(f"{line[name]:.3f}" for name in ("ece", "brier", "aurc")),
            _share_of(line["fell"]),
        ]
        for line in table.to_dict("records")
    ]
    return _table(head, _blanked(rows, 3), left=4)


def horizon(table: pd.DataFrame) -> str:
    """What becomes of the walls, from :func:`experiments.horizon.summarise`."""
    head = ["steps", "closed rings (95 %)", "Dice (95 %)", "area / true area (95 %)", "pixels changed since the last"]
    rows = []
    for line in table.to_dict("records"):
        rings, *others = (
            _interval(line[name], line[f"{name} low"], line[f"{name} high"], digits, name == "ring", "-")
            for name, digits in (("ring", 1), ("dice", 3), ("area", 3))
        )
        rows.append([str(line["steps"]), rings, *others, _share_of(line["moved"])])
    return _table(head, rows, left=0)


def robustness(table: pd.DataFrame) -> str:
    """Disturbed stacks, from :func:`experiments.robustness.summarise`."""
    head = ["what", "disturbance", "n", "closed rings % (95 %)", "flagged", "gain of Dice (95 %)", "Dice"]
    head += ["against undisturbed (95 %)", "HD mm (95 %)", "ASSD mm (95 %)"]
    rows = []
    for line in table.to_dict("records"):
        lost = "" if line["disturbance"] == UNDISTURBED else _interval(*_negated(line), 3)
        rows.append(
            [
                "" if line["group"] == UNDISTURBED else line["group"],
                line["disturbance"],
                str(line["n"]),
                _share(line["valid"]),
                str(line["flagged"]),
                _interval(line["gain"], line["low"], line["high"], 3),
                f"{line['dice']:.3f}",
                lost,
                _interval(line["hd"], line["hd low"], line["hd high"], 1, sign="-"),
                _interval(line["assd"], line["assd low"], line["assd high"], 2, sign="-"),
            ]
        )
    return _table(head, _blanked(rows, 1), left=2)


def ablation(table: pd.DataFrame) -> str:
    """What the parts are worth, from :func:`experiments.ablation.summarise`."""
    head = ["variation", "n", "closed rings % (95 %)", "gain of Dice (95 %)", "HD mm", "ASSD mm"]
    head += ["Dice against as it is (95 %)", "p", "rank-biserial r"]
    rows = []
    for line in table.to_dict("records"):
        row = [line["variation"], str(line["n"]), _share(line["rings"])]
        row += [_interval(line["gain"], line["low"], line["high"], 3), f"{line['hd']:.1f}", f"{line['assd']:.2f}"]
        if math.isnan(line.get("over", math.nan)):
            row += ["", "", ""]
        else:
            row += [_interval(line["over"], line["over low"], line["over high"], 3)]
            row += [f"{line['p']:.1e}", f"{line['effect']:.2f}"]
        rows.append(row)
    return _table(head, rows, left=1)


def compare_published(table: pd.DataFrame) -> str:
    """Beside the published recipe, from :func:`experiments.comparison.compare`."""
    figures = {"mse": ("squared error", 5), "dice": ("Dice", 4), "b0 error": ("b0 error", 3)}
    figures |= {"b1 error": ("b1 error", 3), "ring": ("closed rings", 1), "cldice": ("clDice", 4)}
    head = ["method", "parameters", "updates", "training, s", "ms a picture"]
    head += [f"{name} (95 %)" for name, _ in figures.values()]
    rows = []
    for line in table.to_dict("records"):
        trained = line["training s"] > 0
        costs = (
            f"{line['parameters']:,}",
            f"{line['updates']:,}",
            f"{line['training s']:,.0f}",
            f"{line['ms per picture']:.1f}",
        )
        row = [line["method"], *(costs if trained else [""] * len(costs))]
        for name, (_, digits) in figures.items():
            values = line[name], line[f"{name} low"], line[f"{name} high"]
            row.append(_interval(*values, digits, percent=name == "ring", sign="-"))
        rows.append(row)
    return _table(head, rows, left=1)


def opened(table: pd.DataFrame) -> str:
    """When the test subjects were looked at, from :mod:`rncarefine_training.evaluate.opened`."""
    rows = [[line.model, f"`{line.sha256[:12]}`", str(line.date)] for line in table.itertuples()]
    return _table(["model", "SHA-256", "opened"], rows, left=3)


MARKDOWN: dict[str, Callable[[pd.DataFrame], str]] = {
    "networks": networks,
    "targets": targets,
    "paired": paired,
    "strata": strata,
    "confidence": confidence,
    "horizon": horizon,
    "robustness": robustness,
    "ablation": ablation,
    "compare-published": compare_published,
    "opened": opened,
}
"""By the kind of table."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """Return a Markdown table whose first ``left`` columns are aligned to the left, the others to the right."""
    rule = ["---" if number < left else "---:" for number in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def _blanked(rows: list[list[str]], columns: int) -> list[list[str]]:
    """Leave out what the line above says already in the first columns."""
    result = []
    above: list[str] = []
    for row in rows:
        same = next((n for n in range(columns) if row[n : n + 1] != above[n : n + 1]), columns)
        result.append(["" if n < same else cell for n, cell in enumerate(row)])
        above = row
    return result


def _share(text: str) -> str:
    """Write ``98.1 % (95.0-99.2)`` without the sign that the heading has."""
    return str(text).replace(" % (", " (").replace("-", " to ")


def _share_of(value: float) -> str:
    return f"{100 * value:.1f} %"


def _percent(value: float) -> str:
    return f"{100 * value:+.0f} %"


def _interval(value: float, low: float, high: float, digits: int, percent: bool = False, sign: str = "+") -> str:
    """Write a number with its interval, where it has one; nothing for nan."""
    if math.isnan(value):
        return ""
    scale, unit = (100, " %") if percent else (1, "")
    number = f"{scale * value:{sign}.{digits}f}{unit}"
    if math.isnan(low):
        return number
    return f"{number} ({scale * low:{sign}.{digits}f} to {scale * high:{sign}.{digits}f})"


def _negated(line: dict[str, float]) -> tuple[float, float, float]:
    return -line["lost"], -line["lost high"], -line["lost low"]
