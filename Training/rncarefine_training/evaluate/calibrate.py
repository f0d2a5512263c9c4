"""Calibrate the confidence: the probability that a wall is good (Dice of at least 0.75).

Two logistic regressions, for repaired walls (:func:`rncarefine.refine.confidence.repaired_features`) and for walls that
were closed already (:func:`~rncarefine.refine.confidence.closed_features`), are fitted on predictions of base networks
for the validation set. The weights are stored in the model card.
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
"""Minimum number of good walls, and of others, for a fit."""


@dataclass(frozen=True)
class Calibration:
    """Weights for the model card, with their cross-validated AUROC.

    Attributes:
        weights: Weight per feature, and ``intercept``.
        walls: Number of walls.
        good: Share of good walls.
        auroc: Area under the ROC curve for good walls, cross-validated by subject.
    """

    weights: dict[str, float]
    walls: int
    good: float
    auroc: float


def collect_features(failures: Sequence[Failure], model: Model, workers: int = 1) -> Iterable[pd.DataFrame]:
    """Repair predictions of base networks, and yield the features of the walls, stack by stack.

    Args:
        failures: Validation set, from :func:`rncarefine_training.evaluate.measure.failures_of`.
        model: Model to calibrate.
        workers: Number of processes.

    Yields:
        One row per wall: features, ``subject``, ``repaired`` (otherwise closed already) and ``good``.
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
        if not given.case.uncompleted[k]
    )


def fit_confidence(rows: pd.DataFrame, features: Sequence[str]) -> Calibration:
    """Fit the weights for repaired or closed walls.

    Args:
        rows: Rows of :func:`collect_features`.
        features: :data:`rncarefine.nca.card.REPAIRED_FEATURES` or :data:`~rncarefine.nca.card.CLOSED_FEATURES`.

    Raises:
        ValueError: There are too few good or other walls, or too few subjects.
    """
    least = min(int(rows.good.sum()), int((~rows.good).sum())) if len(rows) else 0
    if least < MIN_WALLS or rows.subject.nunique() < FOLDS:
        raise ValueError(
            f"A confidence cannot be calibrated on {len(rows)} walls, {least} of the rarer kind: at least "
            f"{MIN_WALLS} good ones, {MIN_WALLS} others and {FOLDS} subjects are needed. Add subjects to the "
            "validation set, or skip the calibration."
        )
    weights, left_out = fit_weights(rows, features, "good", LogisticRegression(C=1.0), GroupKFold(FOLDS))
    good = rows.good.to_numpy(bool)
    return Calibration(weights, len(rows), float(good.mean()), float(roc_auc_score(good, left_out)))


def fit_weights(
    rows: pd.DataFrame, features: Sequence[str], answer: str, logistic: LogisticRegression, folds: BaseCrossValidator
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Fit a logistic regression on standardised features, and return weights for the original features.

    Args:
        rows: Table with features, ``subject`` and answer.
        features: Columns of the features.
        answer: Column of the boolean target.
        logistic: Unfitted regression.
        folds: Cross-validation by subject.

    Returns:
        Weight per feature, with ``intercept``; and the cross-validated probability of every row.
    """
    found, truth = rows[list(features)].to_numpy(np.float64), rows[answer].to_numpy(bool)
    regression = make_pipeline(StandardScaler(), logistic)
    left_out = cross_val_predict(regression, found, truth, groups=rows.subject, cv=folds, method="predict_proba")
    scaler, logistic = regression.fit(found, truth)
    slopes = logistic.coef_[0] / scaler.scale_
    intercept = float(logistic.intercept_[0] - slopes @ scaler.mean_)
    return {"intercept": intercept} | dict(zip(features, map(float, slopes), strict=True)), left_out[:, 1]
