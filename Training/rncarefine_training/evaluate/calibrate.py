"""Calibrate the confidence: the probability that a wall is good, from its features.

Two logistic regressions, for walls that a repair changed (:func:`rncarefine.refine.confidence.repaired_features`) and
for walls that were closed already (:func:`~rncarefine.refine.confidence.closed_features`), fitted on what base networks
made of the validation set, which the automaton was not trained on. The weights go onto the model card. "Good" is a Dice
of at least 0.75 with the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from sklearn.model_selection import BaseCrossValidator, GroupKFold, cross_val_predict  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

from rncarefine.nca.model import Model
from rncarefine.refine.metrics import dice
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine.words import REPAIRED

from .measure import Failure, in_parallel

GOOD_DICE = 0.75
FOLDS = 5
MIN_WALLS = 12
"""Good repairs, and others, below which weights would only repeat chance."""


@dataclass(frozen=True)
class Calibration:
    """Weights for the model card, and how well they do on subjects left out of their fit.

    Attributes:
        weights: One for each feature, and ``intercept``.
        walls: Walls that it was fitted on.
        good: Share of them that were good.
        auroc: Area under the ROC curve for "good", over subjects left out in turn.
    """

    weights: dict[str, float]
    walls: int
    good: float
    auroc: float


def collect_features(failures: Sequence[Failure], model: Model, workers: int = 1) -> Iterable[pd.DataFrame]:
    """Repair the predictions of base networks for some subjects, and yield the features of each stack's walls.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`, of the validation set.
        model: The weights to calibrate.
        workers: Processes.

    Yields:
        One row per wall: its features, ``subject``, whether it is ``repaired`` (else closed) and ``good``.
    """
    yield from in_parallel(partial(_features_of, model=model), failures, workers)


def _features_of(failure: Failure, model: Model) -> pd.DataFrame:
    given = failure.load()
    if not given.stack.mask.any():
        return pd.DataFrame()
    result = repair(given.stack, model, RepairOptions(close_base=True))
    return pd.DataFrame(
        {
            **found,
            "subject": given.case.subject,
            "repaired": result.report.slices[k].verdict in REPAIRED,
            "good": dice(result.wall[k], given.truth[k]) >= GOOD_DICE,
        }
        for k, found in result.features.items()
    )


def fit_confidence(rows: pd.DataFrame, features: Sequence[str]) -> Calibration:
    """Fit the weights of one kind of wall.

    Args:
        rows: From :func:`collect_features`, of several subjects.
        features: :data:`rncarefine.nca.card.REPAIRED_FEATURES` or :data:`~rncarefine.nca.card.CLOSED_FEATURES`.

    Raises:
        ValueError: There are too few walls of either kind, or too few subjects.
    """
    least = min(int(rows.good.sum()), int((~rows.good).sum())) if len(rows) else 0
    if least < MIN_WALLS or rows.subject.nunique() < FOLDS:
        raise ValueError(
            f"A confidence cannot be calibrated on {len(rows)} walls, {least} of the rarer kind: it takes {MIN_WALLS} "
            f"good ones, {MIN_WALLS} others, and {FOLDS} subjects. Put more subjects into the validation set, or leave it "
            "out."
        )
    weights, left_out = fit_weights(rows, features, "good", LogisticRegression(C=1.0), GroupKFold(FOLDS))
    good = rows.good.to_numpy(bool)
    return Calibration(weights, len(rows), float(good.mean()), float(roc_auc_score(good, left_out)))


def fit_weights(
    rows: pd.DataFrame, features: Sequence[str], answer: str, logistic: LogisticRegression, folds: BaseCrossValidator
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Fit a logistic regression of scaled features, and fold the scaling into the weights.

    Args:
        rows: With the features, ``subject`` and the answer.
        features: Their columns.
        answer: Column of what they should discriminate.
        logistic: The regression, not fitted yet.
        folds: How subjects are left out.

    Returns:
        A weight per feature, and ``intercept``; and the probability of every row, its subject left out of the fit.
    """
    found, truth = rows[list(features)].to_numpy(np.float64), rows[answer].to_numpy(bool)
    regression = make_pipeline(StandardScaler(), logistic)
    left_out = cross_val_predict(regression, found, truth, groups=rows.subject, cv=folds, method="predict_proba")
    scaler, logistic = regression.fit(found, truth)
    slopes = logistic.coef_[0] / scaler.scale_
    intercept = float(logistic.intercept_[0] - slopes @ scaler.mean_)
    return {"intercept": intercept} | dict(zip(features, map(float, slopes), strict=True)), left_out[:, 1]
