"""Confidence: the probability that the wall in a slice is good, that is, has a Dice of at least 0.75 with the truth.

Two questions, two logistic regressions on the model card, fitted by ``rncarefine-train calibrate`` on the validation
set: is a *repaired* wall good, by the automaton's likelihood and by what the encoder sees in the images alone; and is a
*closed* wall, which no repair touches, good, by the images alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from ..stack import Mask

Field = NDArray[np.float32]
SOMEWHERE = 0.05
"""Least likelihood of wall for a pixel to count in the sharpness."""


def expected_dice(wall: NDArray[np.bool_] | Mask, likelihood: Field) -> float:
    """Return the Dice that a wall is expected to have with the truth, if the likelihood is right."""
    inside = wall > 0
    total = float(likelihood.sum()) + float(inside.sum())
    return 2 * float(likelihood[inside].sum()) / total if total else 0.0


def soft_dice(one: Field, other: Field) -> float:
    """Return the Dice of two likelihoods, 0 to 1."""
    total = float(one.sum()) + float(other.sum())
    return 2 * float(np.minimum(one, other).sum()) / total if total else 0.0


def sharpness(likelihood: Field) -> float:
    """Return how sure a likelihood is: 1 where it is 0 or 1 everywhere, 0 where it is 0.5."""
    values = likelihood[likelihood > SOMEWHERE]
    return float(np.abs(2 * values - 1).mean()) if values.size else 0.0


def repaired_features(before: Mask, wall: Mask, likelihood: Field, seen: Field) -> dict[str, float]:
    """Collect what the confidence in a repaired wall is computed from.

    Args:
        before: The wall that was there about the heart, shape ``(j, i)``.
        wall: The repaired wall.
        likelihood: The automaton's probability of wall.
        seen: The encoder's, from the images alone.

    Returns:
        The values of :data:`rncarefine.nca.card.REPAIRED_FEATURES`.
    """
    old, new = before > 0, wall > 0
    size = float(new.sum()) + float(old.sum())
    return {
        "likelihood": expected_dice(new, likelihood),
        "seen": expected_dice(new, seen),
        "agreement": soft_dice(likelihood, seen),
        "sharpness": sharpness(likelihood),
        "sharpness_seen": sharpness(seen),
        "kept": 2 * float((old & new).sum()) / size if size else 0.0,
        "thinnest": thinnest(wall),
    }


def closed_features(wall: Mask, seen: Field, neighbours: list[Field]) -> dict[str, float]:
    """Collect what the confidence in a closed wall is computed from that no repair has touched.

    Args:
        wall: The wall, shape ``(j, i)``.
        seen: The encoder's probability of wall, from the images alone.
        neighbours: The same in the slices below and above, as far as there are any.

    Returns:
        The values of :data:`rncarefine.nca.card.CLOSED_FEATURES`.
    """
    return {
        "seen": expected_dice(wall, seen),
        "sharpness_seen": sharpness(seen),
        "size": math.log((1 + float((wall > 0).sum())) / (1 + float((seen > 0.5).sum()))),
        "neighbours": max((expected_dice(wall, field) for field in neighbours), default=0.0),
    }


def confidence(found: Mapping[str, float], weights: Mapping[str, float], uncalibrated: str = "seen") -> float:
    """Compute a confidence.

    Args:
        found: From :func:`repaired_features` or :func:`closed_features`.
        weights: The model card's: one for each feature, and ``intercept``. Without any, one feature, the Dice that the
            wall is expected to have, stands for the confidence.
        uncalibrated: Which feature.

    Returns:
        A probability.
    """
    if not weights:
        return found[uncalibrated]
    score = weights["intercept"] + sum(weights[name] * found[name] for name in weights if name != "intercept")
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def thinnest(wall: Mask) -> float:
    """Return the thinnest place of a ring over its median thickness, 0 to 1; 0 where there is no ring.

    Thickness is measured at the cavity's edge: the distance from there to the outside.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    cavity = filled & ~(wall > 0)
    if not cavity.any():
        return 0.0
    edge = ndimage.binary_dilation(cavity) & (wall > 0)
    depth = ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1][edge]
    return float(depth.min() / np.median(depth)) if depth.size else 0.0


__all__ = [
    "CLOSED_FEATURES",
    "REPAIRED_FEATURES",
    "closed_features",
    "confidence",
    "expected_dice",
    "repaired_features",
    "sharpness",
    "soft_dice",
    "thinnest",
]
