"""Summary tables of an evaluation on pictures, with bootstrap intervals over subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from rncarefine.refine.decide_places import SURE

from ..confidence import auroc_estimate, calibration_error
from ..statistics import Estimate, Values, bootstrap, mean
from ..tables import ALL
from .measure import INPUT, METHODS, REPAIRED

METRICS = {
    "dice": "Dice",
    "cldice": "clDice",
    "connectivity": "connectivity",
    "patch_b0_error": "patch b0 error",
    "patch_b1_error": "patch b1 error",
    "b0_error": "b0 error",
    "b1_error": "b1 error",
    "centreline_removed": "true centreline removed",
}
"""Columns of the rows and their names in the tables."""
PRECISION = "bridge precision"


def summarise_pictures(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per group and method: the mean of every metric with its 95 % interval over subjects.

    Args:
        rows: From :func:`rncarefine_training.evaluate.pictures.measure.evaluate_pictures`.

    Returns:
        ``group`` (site and network, or all), ``method``, ``n`` pictures, ``subjects``, ``bridges``; every metric with
        ``<metric> low`` and ``<metric> high``; and ``<metric> change`` against the input with its bounds.
    """
    named = rows.assign(group=rows.site + ", " + rows.network)
    groups = [(name, part) for name, part in named.groupby("group", sort=False)]
    lines = []
    for group, part in [*groups, (ALL, named)]:
        before = part[part.method == INPUT].set_index(["network", "case"])
        for method in (method for method in METHODS if (part.method == method).any()):
            ours = part[part.method == method]
            line = {"group": group, "method": method, "n": len(ours), "subjects": ours.subject.nunique()}
            given = before.loc[list(zip(ours.network, ours.case, strict=True))]
            for metric, name in METRICS.items():
                values, inputs = ours[metric].to_numpy(float), given[metric].to_numpy(float)
                line |= mean(values, ours.subject).columns(name)
                line |= mean(values - inputs, ours.subject).columns(f"{name} change")
                line[f"{name} worst"] = float((values - inputs).min())
            line |= _ratio(ours.true_bridges, ours.bridges, ours.subject).columns(PRECISION)
            lines.append(line | {"bridges": int(ours.bridges.sum())})
    return pd.DataFrame(lines)


def summarise_bridges(bridges: pd.DataFrame) -> pd.DataFrame:
    """Return how well the confidence discriminates candidate bridges, by site and over all.

    Args:
        bridges: From :func:`rncarefine_training.evaluate.pictures.measure.evaluate_pictures`.

    Returns:
        ``site``, ``n`` bridges, ``share`` of true ones, ``auroc`` with ``low`` and ``high`` (bootstrap over subjects),
        ``ece``, and ``sure`` bridges (confidence of at least 0.75) with ``sure share`` of true ones.
    """
    lines = []
    for site, part in [*bridges.groupby("site", sort=False), (ALL, bridges)]:
        score, true = part.confidence.to_numpy(float), part.true.to_numpy(bool)
        sure = score >= SURE
        lines.append(
            {
                "site": site,
                "n": len(part),
                "share": float(true.mean()),
                **auroc_estimate(score, true, part.subject.to_numpy(str)).columns("auroc", ""),
                "ece": calibration_error(score, true),
                "sure": int(sure.sum()),
                "sure share": float(true[sure].mean()) if sure.any() else float("nan"),
            }
        )
    return pd.DataFrame(lines)


def picture_card_metrics(rows: pd.DataFrame, sha256: str) -> dict[str, dict[str, float]]:
    """Return the metrics for the model card, by site and network, before and after the repair.

    Args:
        rows: From :func:`~rncarefine_training.evaluate.pictures.measure.evaluate_pictures`.
        sha256: Hash of the weights; rows of other weights are ignored.
    """
    ours = rows[(rows.sha256 == sha256) & rows.method.isin([INPUT, REPAIRED])]
    found: dict[str, dict[str, float]] = {}
    for (site, network, method), part in ours.groupby(["site", "network", "method"], sort=False):
        ending = "" if method == REPAIRED else "_before"
        line = found.setdefault(f"{site}, {network}", {"pictures": len(part)})
        for metric in ("dice", "cldice", "connectivity"):
            line[metric + ending] = round(float(part[metric].mean()), 4)
        if method == REPAIRED and part.bridges.sum():
            line["bridge_precision"] = round(float(part.true_bridges.sum() / part.bridges.sum()), 4)
    return found


def _ratio(part: pd.Series, whole: pd.Series, subjects: pd.Series) -> Estimate:
    above, below = part.to_numpy(float), whole.to_numpy(float)

    def statistic(weights: Values) -> Values:
        total = weights @ below
        return np.asarray(np.divide(weights @ above, total, out=np.full(len(total), np.nan), where=total > 0))

    return bootstrap(subjects.to_numpy(str), statistic)
