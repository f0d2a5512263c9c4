"""Does the confidence tell good repairs from bad ones: AUROC, calibration, and risk against coverage.

Judged are the slices that a model repaired and gave a confidence, whatever the truth looks like there: a wall drawn
where there is none counts as a repair that did not raise Dice.
"""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .measure import WHOLE
from .statistics import Estimate, Values, bootstrap, mean
from .tables import ALL, models_of

BINS = 10
DRAWS = 500
BROKEN, REPAIRED = "broken slices", "all repaired slices"
POINTS = 50
"""Points of a risk-coverage curve in a table."""


def judged(rows: pd.DataFrame, model: str, only_broken: bool) -> pd.DataFrame:
    """Return the slices whose confidence is judged, with ``rose``: whether Dice did."""
    ours = rows[(rows.model == model) & (rows.method == WHOLE) & rows.changed & rows.confidence.notna()]
    ours = ours[ours.broken] if only_broken else ours
    return ours.assign(rose=ours.dice > ours.dice_before, fell=ours.dice < ours.dice_before)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per model, population and network, and over all networks, with intervals over subjects.

    Returns:
        ``n``, share of slices whose Dice ``rose`` and ``fell``, ``auroc`` with ``low`` and ``high``, ``ece`` and
        ``brier`` of the confidence as the probability that Dice rose, ``aurc``.
    """
    lines = []
    for model in models_of(rows):
        for population, only_broken in ((BROKEN, True), (REPAIRED, False)):
            ours = judged(rows, model, only_broken)
            for network in [*ours.network.unique(), ALL]:
                part = ours if network == ALL else ours[ours.network == network]
                lines.append({"model": model, "slices": population, "network": network, **_figures(part)})
    return pd.DataFrame(lines)


def _figures(part: pd.DataFrame) -> dict[str, float | int]:
    score, rose = part.confidence.to_numpy(np.float64), part.rose.to_numpy(bool)
    area = auroc_estimate(score, rose, part.subject.to_numpy(str))
    coverage = risk_coverage(score, 1 - part.dice.to_numpy(np.float64))
    return {
        "n": len(part),
        "rose": mean(part.rose, part.subject).value,
        "fell": mean(part.fell, part.subject).value,
        "auroc": area.value,
        "low": area.low,
        "high": area.high,
        "ece": calibration_error(score, rose),
        "brier": float(((score - rose) ** 2).mean()) if len(part) else float("nan"),
        "aurc": float(coverage.mean()) if len(part) else float("nan"),
    }


def auroc(score: Values, positive: NDArray[np.bool_], weights: Values | None = None) -> float:
    """Return the probability that a positive has a higher score than a negative, ties counting half.

    Args:
        score: One number a slice.
        positive: What the score should tell, same shape.
        weights: How much a slice counts; 1 by default.

    Returns:
        0 to 1; nan if all are positive, or none.
    """
    weight = np.ones(len(score)) if weights is None else weights
    _, place = np.unique(score, return_inverse=True)
    hits = np.bincount(place, weight * positive)
    misses = np.bincount(place, weight * ~positive)
    pairs = hits.sum() * misses.sum()
    below = np.cumsum(misses) - misses
    return float((hits * (below + misses / 2)).sum() / pairs) if pairs else float("nan")


def auroc_estimate(score: Values, positive: NDArray[np.bool_], subjects: NDArray[np.str_]) -> Estimate:
    """Return :func:`auroc` with its bootstrap interval over subjects."""
    return bootstrap(subjects, lambda draws: np.array([auroc(score, positive, weights) for weights in draws]), DRAWS)


def reliability(score: Values, positive: NDArray[np.bool_], bins: int = BINS) -> pd.DataFrame:
    """Compare what was promised with what came, in bins of equal width from 0 to 1.

    Returns:
        One line a bin that holds a slice: ``n``, mean ``confidence``, and the share ``rose``.
    """
    index = np.clip((score * bins).astype(int), 0, bins - 1)
    frame = pd.DataFrame({"bin": index, "confidence": score, "rose": positive.astype(float)})
    grouped = frame.groupby("bin")
    return grouped.agg(n=("rose", "size"), confidence=("confidence", "mean"), rose=("rose", "mean")).reset_index()


def calibration_error(score: Values, positive: NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the expected calibration error: mean distance of promise and outcome in :func:`reliability`'s bins."""
    table = reliability(score, positive, bins)
    return float((table.n * (table.confidence - table.rose).abs()).sum() / len(score)) if len(score) else float("nan")


def risk_coverage(score: Values, risk: Values) -> Values:
    """Return the mean risk of the n most confident slices, for n = 1 ... all.

    Where several have the same confidence, each counts with their mean, so that no order among them is made up.
    """
    order = np.argsort(-score, kind="stable")
    _, place = np.unique(-score[order], return_inverse=True)
    tied = np.bincount(place, risk[order]) / np.bincount(place) if len(score) else np.zeros(0)
    return np.cumsum(tied[place]) / np.arange(1, len(score) + 1)


def curves(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables behind the two diagrams, per model and population, over all networks.

    Returns:
        The bins of :func:`reliability`, and up to :data:`POINTS` points of the risk-coverage curves: ``coverage``,
        the ``risk`` (mean 1 - Dice) and the share ``fell`` of the slices that are kept, and ``threshold``, the least
        confidence among them.
    """
    bins, points = [], []
    for model in models_of(rows):
        for population, only_broken in ((BROKEN, True), (REPAIRED, False)):
            ours = judged(rows, model, only_broken)
            if ours.empty:
                continue
            score = ours.confidence.to_numpy(np.float64)
            table = reliability(score, ours.rose.to_numpy(bool))
            bins.append(table.assign(model=model, slices=population))
            at = np.unique(np.linspace(1, len(ours), min(POINTS, len(ours))).round().astype(int)) - 1
            curve = {
                "coverage": (at + 1) / len(ours),
                "risk": risk_coverage(score, 1 - ours.dice.to_numpy(np.float64))[at],
                "fell": risk_coverage(score, ours.fell.to_numpy(np.float64))[at],
                "threshold": np.sort(score)[::-1][at],
            }
            points.append(pd.DataFrame(curve).assign(model=model, slices=population))
    empty = pd.DataFrame()
    return pd.concat(bins, ignore_index=True) if bins else empty, pd.concat(points) if points else empty
