"""Calibrate a vessel model: the confidence of bridges, and the domain gate for pictures unlike the training data.

A logistic regression of :data:`rncarefine.nca.card.BRIDGE_FEATURES` is fitted on candidate bridges in predictions for
the validation set. A bridge is true if 80 % of its centreline are within two pixels of a true vessel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from sklearn.model_selection import LeaveOneGroupOut  # type: ignore[import-untyped]

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.card import BRIDGE_FEATURES
from rncarefine.nca.model import Model
from rncarefine.nca.rollout import Runner
from rncarefine.tasks.tubular.familiar import picture_features
from rncarefine.tasks.tubular.pieces import Pieces
from rncarefine.tasks.tubular.settings import Settings
from rncarefine.tasks.tubular.windows import likelihood

from ...data.cases import VESSEL, load_prediction
from ...data.sources.entry import Entry
from ...data.sources.pictures import read_mask
from ..calibrate import fit_weights
from ..measure import Failure, in_parallel
from .measure import candidate_bridges, picture_of

MIN_BRIDGES = 30
"""Minimum number of true bridges, and of false ones, for a fit."""
GATE_MARGIN = 1.5
"""Threshold of the domain gate, relative to the largest distance in the training data."""
MIN_SD = {"vessels": 0.03}
"""Minimum standard deviations of features: vessel area varies more between networks than in the calibration data."""


@dataclass(frozen=True)
class BridgeCalibration:
    """Weights for the model card, with cross-validated metrics (leave one subject out).

    Attributes:
        weights: Weight per feature, and ``intercept``.
        bridges: Number of bridges.
        true: Share of true bridges.
        auroc: Area under the ROC curve.
        precision: Precision of bridges between large components, by threshold of the confidence.
        fragment_precision: Precision of bridges to fragments, by threshold of the confidence.
    """

    weights: dict[str, float]
    bridges: int
    true: float
    auroc: float
    precision: dict[str, float] = field(default_factory=dict)
    fragment_precision: dict[str, float] = field(default_factory=dict)


def bridges_of(
    failures: Sequence[Failure], entries: dict[str, Entry], model: Model, workers: int = 1
) -> Iterable[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the features of all candidate bridges of each picture, and of the picture itself.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`.
        entries: Photographs by name of the case.
        model: Model to calibrate.
        workers: Number of processes.

    Yields:
        One row per bridge, with ``subject``, ``fragment`` (leads to a fragment) and ``true``; and two rows of features
        of the picture, with the predicted and with the true mask.
    """
    yield from in_parallel(partial(_bridges, entries=entries, model=model), failures, workers)


def fit_bridges(rows: pd.DataFrame) -> BridgeCalibration:
    """Fit the weights of the confidence.

    Args:
        rows: Bridges from :func:`bridges_of`.

    Raises:
        ValueError: There are too few true or false bridges, or fewer than 2 subjects.
    """
    least = min(int(rows.true.sum()), int((~rows.true).sum())) if len(rows) else 0
    if least < MIN_BRIDGES or rows.subject.nunique() < 2:
        raise ValueError(
            f"A confidence cannot be calibrated on {len(rows)} bridges, {least} of the rarer kind: at least "
            f"{MIN_BRIDGES} of each and 2 subjects are needed. Add subjects to the validation set."
        )
    regression = LogisticRegression(C=0.3, max_iter=1000)
    weights, left_out = fit_weights(rows, BRIDGE_FEATURES, "true", regression, LeaveOneGroupOut())
    true, fragment = rows.true.to_numpy(bool), rows.fragment.to_numpy(bool)
    precision = [_precision(left_out[part], true[part]) for part in (~fragment, fragment)]
    auroc = float(roc_auc_score(true, left_out))
    return BridgeCalibration(weights, len(rows), float(true.mean()), auroc, *precision)


def _precision(confidence: NDArray[np.float64], true: NDArray[np.bool_]) -> dict[str, float]:
    """Return the precision of bridges by threshold of the confidence."""
    thresholds = [float(least) for least in np.arange(0.2, 0.95, 0.05) if (confidence >= least).any()]
    return {f"{least:.2f}": float(true[confidence >= least].mean()) for least in thresholds}


def fit_domain_gate(pictures: pd.DataFrame) -> dict[str, object]:
    """Return mean and standard deviation of picture features, and the maximum distance from the mean."""
    mean = pictures.mean()
    sd = pictures.std().clip(lower=pd.Series(MIN_SD).reindex(mean.index, fill_value=1e-3))
    largest = float(((pictures - mean).abs() / sd).to_numpy().max())
    return {"mean": mean.to_dict(), "sd": sd.to_dict(), "most": GATE_MARGIN * largest}


def _bridges(failure: Failure, entries: dict[str, Entry], model: Model) -> tuple[pd.DataFrame, pd.DataFrame]:
    entry = entries[failure.case.stem]
    picture = picture_of(entry, load_prediction(failure.prediction)[0] == VESSEL)
    settings = Settings.of(model.card)
    pieces = Pieces.of(picture.mask)
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), "auto")
    field = likelihood(picture, model, runner, pieces)
    grey = picture.grey(settings.channel, settings.polarity)
    rows = candidate_bridges(picture, pieces, field, settings, entry)
    picture_rows = [picture_features(picture, pieces, field, grey)]
    # Masks of users are between those of weak networks and the truth.
    true = picture_of(entry, read_mask(entry.label))
    pieces = Pieces.of(true.mask)
    picture_rows.append(picture_features(true, pieces, likelihood(true, model, runner, pieces), grey))
    return pd.DataFrame(rows), pd.DataFrame(picture_rows)
