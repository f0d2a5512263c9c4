"""Evaluate the confidence: AUROC, calibration, and risk-coverage.

The confidence is the calibrated probability that a wall is good (Dice of at least
:data:`~rncarefine_training.evaluate.calibrate.GOOD_DICE`). For repaired slices, it is also evaluated as a predictor of
a gain of Dice. All slices with a confidence are included: a wall where the truth has none is neither good nor a gain.
"""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .calibrate import GOOD_DICE
from .measure import FULL_REPAIR
from .statistics import Estimate, Values, bootstrap, proportion
from .tables import ALL, models_of

BINS = 10
BROKEN, REPAIRED, CLOSED = "broken slices", "all repaired slices", "closed slices"
POPULATIONS = (BROKEN, REPAIRED, CLOSED)
"""Repaired slices that were broken, all repaired slices, and unchanged closed slices."""
GOOD, ROSE = "good", "Dice rose"
QUESTIONS = (GOOD, ROSE)
POINTS = 50
"""Maximum number of points of a risk-coverage curve."""


def slices_with_confidence(rows: pd.DataFrame, model: str, population: str) -> pd.DataFrame:
    """Return the slices with a confidence, with a column for each of :data:`QUESTIONS`, and ``fell``."""
    ours = rows[(rows.model == model) & (rows.method == FULL_REPAIR) & rows.confidence.notna()]
    ours = ours[~ours.changed] if population == CLOSED else ours[ours.changed]
    ours = ours[ours.broken] if population == BROKEN else ours
    answers = {GOOD: ours.dice >= GOOD_DICE, ROSE: ours.dice > ours.dice_before}
    return ours.assign(**answers, fell=ours.dice < ours.dice_before)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per model, population, question and network, and over all networks.

    Returns:
        ``n`` slices; ``share`` of positives; ``auroc`` with ``low`` and ``high`` (bootstrap over subjects); ``ece`` and
        ``brier`` of the confidence as a probability; ``aurc``, the area under the risk-coverage curve (risk 1 - Dice),
        the same for both questions; ``fell``, the share with a lower Dice than the input.
    """
    lines = []
    for model in models_of(rows):
        for population in POPULATIONS:
            ours = slices_with_confidence(rows, model, population)
            for question in QUESTIONS[:1] if population == CLOSED else QUESTIONS:
                for network in [*ours.network.unique(), ALL]:
                    part = ours if network == ALL else ours[ours.network == network]
                    where = {"model": model, "slices": population, "question": question, "network": network}
                    lines.append(where | _figures(part, question))
    return pd.DataFrame(lines)


def _figures(part: pd.DataFrame, question: str) -> dict[str, float | int]:
    score, answer = part.confidence.to_numpy(np.float64), part[question].to_numpy(bool)
    area = auroc_estimate(score, answer, part.subject.to_numpy(str))
    coverage = risk_coverage(score, 1 - part.dice.to_numpy(np.float64))
    return {
        "n": len(part),
        "share": part[question].mean(),
        **area.columns("auroc", ""),
        "ece": calibration_error(score, answer),
        "brier": float(((score - answer) ** 2).mean()) if len(part) else float("nan"),
        "aurc": float(coverage.mean()) if len(part) else float("nan"),
        "fell": part.fell.mean(),
    }


def auroc_estimate(score: Values, positive: NDArray[np.bool_], subjects: NDArray[np.str_]) -> Estimate:
    """Return the area under the ROC curve with its bootstrap interval over subjects."""
    return bootstrap(subjects, lambda weights: weighted_aurocs(score, positive, weights))


def weighted_aurocs(score: Values, positive: NDArray[np.bool_], weights: Values) -> Values:
    """Return the AUROC for several weightings of the slices; ties count one half.

    Args:
        score: Score per slice, shape ``(n,)``.
        positive: Boolean target, same shape.
        weights: Weights of the slices, shape ``(draws, n)``.

    Returns:
        AUROC, shape ``(draws,)``; nan if all slices are positive, or none.
    """
    if not len(score):
        return np.full(len(weights), np.nan)
    order = np.argsort(score, kind="stable")
    ties = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    hits, misses = (
        np.add.reduceat(weights[:, order] * chosen[order], ties, axis=1) for chosen in (positive, ~positive)
    )
    below = np.cumsum(misses, axis=1) - misses
    pairs = hits.sum(1) * misses.sum(1)
    won = (hits * (below + misses / 2)).sum(1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0))


def reliability(score: Values, positive: NDArray[np.bool_], subjects: NDArray[np.str_] | None = None) -> pd.DataFrame:
    """Compare confidence and outcome in bins of equal width from 0 to 1.

    Returns:
        One line per non-empty bin: ``n``, mean ``confidence``, and ``came``, the share of positives; with subjects also
        its interval, ``low`` and ``high``.
    """
    index = np.clip((score * BINS).astype(int), 0, BINS - 1)
    frame = pd.DataFrame({"bin": index, "confidence": score, "came": positive.astype(float)})
    grouped = frame.groupby("bin")
    table = grouped.agg(n=("came", "size"), confidence=("confidence", "mean"), came=("came", "mean")).reset_index()
    if subjects is None:
        return table
    shares = [proportion(positive[index == number], subjects[index == number]) for number in table.bin]
    return table.assign(low=[share.low for share in shares], high=[share.high for share in shares])


def calibration_error(score: Values, positive: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over the bins of :func:`reliability`."""
    table = reliability(score, positive)
    return float((table.n * (table.confidence - table.came).abs()).sum() / len(score)) if len(score) else float("nan")


def risk_coverage(score: Values, risk: Values) -> Values:
    """Return the mean risk of the n most confident slices, for n = 1 to all.

    Slices of equal confidence are assigned their mean risk.
    """
    order = np.argsort(-score, kind="stable")
    _, place = np.unique(-score[order], return_inverse=True)
    tied = np.bincount(place, risk[order]) / np.bincount(place) if len(score) else np.zeros(0)
    return np.cumsum(tied[place]) / np.arange(1, len(score) + 1)


def curves(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of reliability and risk-coverage curves, per model and population, over all networks.

    Returns:
        The bins of :func:`reliability` by ``question``, and up to :data:`POINTS` points of the risk-coverage curves:
        ``coverage``; of the retained slices, the ``risk`` (mean 1 - Dice), the share that is not good (``poor``) and
        the share whose Dice ``fell``; and ``threshold``, their minimum confidence.
    """
    bins, points = [], []
    for model in models_of(rows):
        for population in POPULATIONS:
            ours = slices_with_confidence(rows, model, population)
            if ours.empty:
                continue
            score = ours.confidence.to_numpy(np.float64)
            for question in QUESTIONS[:1] if population == CLOSED else QUESTIONS:
                table = reliability(score, ours[question].to_numpy(bool), ours.subject.to_numpy(str))
                bins.append(table.assign(model=model, slices=population, question=question))
            at = np.unique(np.linspace(1, len(ours), min(POINTS, len(ours))).round().astype(int)) - 1
            risks = {"risk": 1 - ours.dice, "poor": ~ours[GOOD], "fell": ours.fell}
            curve = {name: risk_coverage(score, risk.to_numpy(np.float64))[at] for name, risk in risks.items()}
            curve |= {"coverage": (at + 1) / len(ours), "threshold": np.sort(score)[::-1][at]}
            points.append(pd.DataFrame(curve).assign(model=model, slices=population))
    empty = pd.DataFrame()
    return pd.concat(bins, ignore_index=True) if bins else empty, pd.concat(points) if points else empty
