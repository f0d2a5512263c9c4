"""Measure whether the confidence discriminates good repairs: AUROC, calibration, and risk against coverage.

The confidence is calibrated as the probability that a repaired wall is good, a Dice of at least
:data:`~rncarefine_training.evaluate.calibrate.GOOD_DICE` with the truth: that is the first question. The second one is
whether Dice rose. Judged are the slices that a model repaired and gave a confidence, whatever the truth looks like
there: a wall drawn where there is none is neither good nor has it raised Dice. Of closed slices, which are never
changed, only the first question is asked.
"""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .calibrate import GOOD_DICE
from .measure import FULL_REPAIR
from .statistics import Estimate, Values, bootstrap
from .tables import ALL, models_of

BINS = 10
BROKEN, REPAIRED, CLOSED = "broken slices", "all repaired slices", "closed slices"
POPULATIONS = (BROKEN, REPAIRED, CLOSED)
"""Repaired slices that were broken, all repaired ones, and closed ones that no repair has touched."""
GOOD, ROSE = "good", "Dice rose"
QUESTIONS = (GOOD, ROSE)
POINTS = 50
"""Points of a risk-coverage curve in a table."""


def slices_with_confidence(rows: pd.DataFrame, model: str, population: str) -> pd.DataFrame:
    """Return the slices whose confidence is slices_with_confidence, with a column for each of :data:`QUESTIONS`, and ``fell``."""
    ours = rows[(rows.model == model) & (rows.method == FULL_REPAIR) & rows.confidence.notna()]
    ours = ours[~ours.changed] if population == CLOSED else ours[ours.changed]
    ours = ours[ours.broken] if population == BROKEN else ours
    answers = {GOOD: ours.dice >= GOOD_DICE, ROSE: ours.dice > ours.dice_before}
    return ours.assign(**answers, fell=ours.dice < ours.dice_before)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per model, population, question and network, and over all networks.

    Returns:
        ``n`` slices; ``share`` of which the answer is yes; ``auroc`` with ``low`` and ``high`` (bootstrap over
        subjects); ``ece`` and ``brier`` of the confidence as the probability of a yes; ``aurc``, the area under the
        curve of risk (1 - Dice) against coverage, the same for both questions; ``fell``, share whose Dice did.
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
    """Return the probability that a positive has a higher score than a negative, ties counting half.

    Args:
        score: One number per slice, shape ``(n,)``.
        positive: What the score should discriminate, same shape.
        weights: Several ways to weigh the slices, shape ``(draws, n)``; a weight is a repetition.

    Returns:
        0 to 1 per draw; nan if all are positive, or none.
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


def reliability(score: Values, positive: NDArray[np.bool_]) -> pd.DataFrame:
    """Compare confidence and outcome in bins of equal width from 0 to 1.

    Returns:
        One line per bin that holds a slice: ``n``, mean ``confidence``, and the share of yes, ``came``.
    """
    index = np.clip((score * BINS).astype(int), 0, BINS - 1)
    frame = pd.DataFrame({"bin": index, "confidence": score, "came": positive.astype(float)})
    grouped = frame.groupby("bin")
    return grouped.agg(n=("came", "size"), confidence=("confidence", "mean"), came=("came", "mean")).reset_index()


def calibration_error(score: Values, positive: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: mean distance of confidence and outcome in :func:`reliability`'s bins."""
    table = reliability(score, positive)
    return float((table.n * (table.confidence - table.came).abs()).sum() / len(score)) if len(score) else float("nan")


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
        The bins of :func:`reliability` by ``question``, and up to :data:`POINTS` points of the risk-coverage curves:
        ``coverage``; of the slices that are kept the ``risk`` (mean 1 - Dice), the share that is not good (``poor``)
        and the share whose Dice ``fell``; and ``threshold``, the least confidence among them.
    """
    bins, points = [], []
    for model in models_of(rows):
        for population in POPULATIONS:
            ours = slices_with_confidence(rows, model, population)
            if ours.empty:
                continue
            score = ours.confidence.to_numpy(np.float64)
            for question in QUESTIONS[:1] if population == CLOSED else QUESTIONS:
                table = reliability(score, ours[question].to_numpy(bool))
                bins.append(table.assign(model=model, slices=population, question=question))
            at = np.unique(np.linspace(1, len(ours), min(POINTS, len(ours))).round().astype(int)) - 1
            risks = {"risk": 1 - ours.dice, "poor": ~ours[GOOD], "fell": ours.fell}
            curve = {name: risk_coverage(score, risk.to_numpy(np.float64))[at] for name, risk in risks.items()}
            curve |= {"coverage": (at + 1) / len(ours), "threshold": np.sort(score)[::-1][at]}
            points.append(pd.DataFrame(curve).assign(model=model, slices=population))
    empty = pd.DataFrame()
    return pd.concat(bins, ignore_index=True) if bins else empty, pd.concat(points) if points else empty
