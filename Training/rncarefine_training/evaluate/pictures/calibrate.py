"""Calibrate a model of vessels: the confidence of its bridges, and the gate for pictures unlike those of the training.

A logistic regression of :data:`rncarefine.nca.card.BRIDGE_FEATURES`, fitted on the bridges that could be made in what
base networks made of the validation set. A bridge is true if 80 % of its centreline lie within two pixels of true
vessel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from sklearn.model_selection import LeaveOneGroupOut  # type: ignore[import-untyped]

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.card import BRIDGE_FEATURES
from rncarefine.nca.model import Model
from rncarefine.nca.rollout import Runner
from rncarefine.refine.tree_metrics import ON_VESSEL, TOLERANCE
from rncarefine.tasks.tubular.bridges import bridge_features, candidates
from rncarefine.tasks.tubular.familiar import picture_features
from rncarefine.tasks.tubular.pieces import Pieces
from rncarefine.tasks.tubular.settings import Settings
from rncarefine.tasks.tubular.windows import likelihood

from ...data.cases import VESSEL, load_prediction
from ...data.sources.entry import Entry
from ...data.sources.pictures import read_mask
from ..calibrate import fit_weights
from ..measure import Failure, in_parallel
from .measure import read_picture

MIN_BRIDGES = 30
"""True and false bridges, below which weights would only repeat chance."""
GATE_MARGIN = 1.5
"""A picture is unlike those of the training beyond this many times their own largest distance."""
MIN_SD = {"vessels": 0.03}
"""Networks differ more in how much they mark than the few that the calibration is made with."""


@dataclass(frozen=True)
class BridgeCalibration:
    """Weights for the model card, and how well they do on subjects left out of their fit.

    Attributes:
        weights: One for each feature, and ``intercept``.
        bridges: Bridges that it was fitted on.
        true: Share of them that were true.
        auroc: Area under the ROC curve over subjects left out in turn.
        precision: By threshold of the confidence, the share of true ones among the bridges between long pieces above
            it, over subjects left out.
        fragment_precision: The same among bridges to loose fragments.
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
    """Yield the features of all bridges that could be made in each picture, and those of the picture.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`.
        entries: The photographs, by the name of the case.
        model: The weights to calibrate.
        workers: Processes.

    Yields:
        One row per bridge, with ``subject``, whether it leads to a ``fragment`` and whether it is ``true``; and two
        rows of what the picture looks like: with the network's mask, and with the truth.
    """
    yield from in_parallel(partial(_bridges, entries=entries, model=model), failures, workers)


def fit_bridges(rows: pd.DataFrame) -> BridgeCalibration:
    """Fit the weights of the confidence.

    Args:
        rows: From :func:`bridges_of`, of several subjects.

    Raises:
        ValueError: There are too few bridges of either kind, or one subject alone.
    """
    least = min(int(rows.true.sum()), int((~rows.true).sum())) if len(rows) else 0
    if least < MIN_BRIDGES or rows.subject.nunique() < 2:
        raise ValueError(
            f"A confidence cannot be calibrated on {len(rows)} bridges, {least} of the rarer kind: it takes {MIN_BRIDGES} "
            "of each, and 2 subjects. Put more subjects into the validation set."
        )
    regression = LogisticRegression(C=0.3, max_iter=1000)
    weights, left_out = fit_weights(rows, BRIDGE_FEATURES, "true", regression, LeaveOneGroupOut())
    true, fragment = rows.true.to_numpy(bool), rows.fragment.to_numpy(bool)
    precision = [_precision(left_out[part], true[part]) for part in (~fragment, fragment)]
    auroc = float(roc_auc_score(true, left_out))
    return BridgeCalibration(weights, len(rows), float(true.mean()), auroc, *precision)


def _precision(sure: NDArray[np.float64], true: NDArray[np.bool_]) -> dict[str, float]:
    """Return, by threshold of the confidence, the share of true bridges among those above it."""
    thresholds = [float(least) for least in np.arange(0.2, 0.95, 0.05) if (sure >= least).any()]
    return {f"{least:.2f}": float(true[sure >= least].mean()) for least in thresholds}


def fit_domain_gate(pictures: pd.DataFrame) -> dict[str, object]:
    """Return mean and spread of what pictures look like, and from which distance on one is unlike them."""
    mean = pictures.mean()
    spread = pictures.std().clip(lower=pd.Series(MIN_SD).reindex(mean.index, fill_value=1e-3))
    far = float(((pictures - mean).abs() / spread).to_numpy().max())
    return {"mean": mean.to_dict(), "sd": spread.to_dict(), "most": GATE_MARGIN * far}


def _bridges(failure: Failure, entries: dict[str, Entry], model: Model) -> tuple[pd.DataFrame, pd.DataFrame]:
    entry = entries[failure.case.stem]
    picture = read_picture(entry, load_prediction(failure.prediction)[0] == VESSEL)
    settings = Settings.of(model.card)
    limits, pieces = settings.limits_at(picture.diameter), Pieces.of(picture.mask)
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), "auto")
    field = likelihood(picture, model, runner, pieces)
    grey = picture.grey(settings.channel, settings.polarity)
    found = candidates(pieces, field, picture.away_from_rim, limits, settings.join_likelihood)
    loose = pieces.fragments(limits.keep_px)
    far = ndimage.distance_transform_edt(~read_mask(entry.label))
    rows = [
        features
        | {"subject": entry.subject, "fragment": bool(loose[list(each.pieces)].any()), "true": is_true(each.path, far)}
        for each, features in zip(found, bridge_features(found, pieces, field, grey, limits), strict=True)
    ]
    looks = [picture_features(picture, pieces, field, grey)]
    # Masks of users lie between those of weak base networks and the truth.
    true = read_picture(entry, read_mask(entry.label))
    pieces = Pieces.of(true.mask)
    looks.append(picture_features(true, pieces, likelihood(true, model, runner, pieces), grey))
    return pd.DataFrame(rows), pd.DataFrame(looks)


def is_true(path: NDArray[np.int64], distance: NDArray[np.float64]) -> bool:
    """Return whether a bridge lies on true vessel.

    Args:
        path: Its centreline, ``(j, i)``, shape ``(n, 2)``.
        distance: Of every pixel to the nearest true vessel, shape ``(j, i)``.
    """
    return bool((distance[path[:, 0], path[:, 1]] <= TOLERANCE).mean() >= ON_VESSEL)
