"""Calibrate the confidence: the probability that a repaired wall is good.

A logistic regression on :func:`rncarefine.refine.confidence.evidence`, fitted on real failures of the validation set,
on which the automaton was not trained. Its weights go onto the model card. "Good" is a Dice of at least 0.75 with the
truth. Whether Dice rose would be another question, but a poor one: it rises nearly always, and where it falls then
mostly by less than 0.02, in slices that were and stay good.
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
from sklearn.model_selection import GroupKFold, cross_val_predict  # type: ignore[import-untyped]
from sklearn.pipeline import Pipeline, make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

from rncarefine.nca.card import EVIDENCE
from rncarefine.nca.model import Model
from rncarefine.refine.metrics import dice
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine.stack import Stack

from ..data.cases import MYOCARDIUM, Case
from ..data.predictions import load_prediction
from .measure import Failure, in_parallel

GOOD_DICE = 0.75
FOLDS = 5
FEWEST = 20
"""Good repairs, and others, below which weights would only repeat chance."""


@dataclass(frozen=True)
class Calibration:
    """Weights for the model card, and how well they do on subjects left out of their fit.

    Attributes:
        weights: One for each kind of evidence, and ``intercept``.
        repairs: Repaired slices that were looked at.
        good: Share of them that were good.
        auroc: Area under the ROC curve for "good", over subjects left out in turn.
    """

    weights: dict[str, float]
    repairs: int
    good: float
    auroc: float


def collect_evidence(failures: Sequence[Failure], model: Model, workers: int = 1) -> Iterable[pd.DataFrame]:
    """Repair what base networks broke, and yield the evidence of one stack's repairs, and whether they are good.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`, of the validation set.
        model: The weights to calibrate.
        workers: Processes.
    """
    yield from in_parallel(partial(_evidence_of, model=model), failures, workers)


def _evidence_of(failure: Failure, model: Model) -> pd.DataFrame:
    case = Case.load(failure.case)
    wall = (load_prediction(failure.prediction) == MYOCARDIUM).astype(np.uint8)
    if not wall.any():
        return pd.DataFrame()
    truth = case.labels == MYOCARDIUM
    stack = Stack.create(case.image, wall, case.spacing, None, case.name)
    result = repair(stack, model, RepairOptions(close_base=True))
    return pd.DataFrame(
        {**found, "subject": case.subject, "good": dice(result.mask[k], truth[k]) >= GOOD_DICE}
        for k, found in result.evidence.items()
    )


def fit_confidence(rows: pd.DataFrame) -> Calibration:
    """Fit the weights.

    Args:
        rows: From :func:`collect_evidence`, of several subjects.

    Raises:
        ValueError: There are too few repairs of either kind, or too few subjects.
    """
    least = min(int(rows.good.sum()), int((~rows.good).sum())) if len(rows) else 0
    if least < FEWEST or rows.subject.nunique() < FOLDS:
        raise ValueError(
            f"A confidence cannot be calibrated on {len(rows)} repairs, {least} of the rarer kind: it takes {FEWEST} "
            f"good ones, {FEWEST} others, and {FOLDS} subjects. Enlarge the "
            "validation set, or skip the calibration."
        )
    found, good = rows[list(EVIDENCE)].to_numpy(np.float64), rows.good.to_numpy(bool)
    left_out = cross_val_predict(
        _regression(), found, good, groups=rows.subject, cv=GroupKFold(FOLDS), method="predict_proba"
    )[:, 1]
    return Calibration(_weights(found, good), len(rows), float(good.mean()), float(roc_auc_score(good, left_out)))


def _regression() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0))


def _weights(found: NDArray[np.float64], good: NDArray[np.bool_]) -> dict[str, float]:
    """Fit all, and fold the scaling into the weights."""
    fitted = _regression().fit(found, good)
    scaler, regression = fitted[0], fitted[1]
    slopes = regression.coef_[0] / scaler.scale_
    intercept = float(regression.intercept_[0] - slopes @ scaler.mean_)
    return {"intercept": intercept} | dict(zip(EVIDENCE, map(float, slopes), strict=True))
