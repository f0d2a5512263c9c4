"""Confidence: the calibrated probability that the wall in a slice is good (Dice of at least 0.75 with the truth).

The model card holds two logistic regressions, fitted by ``rncarefine-train calibrate`` on the validation set: one for
*repaired* walls, on the automaton's likelihood and the encoder's evidence from the images alone, and one for *closed*
walls that were not repaired, on the evidence and on the other slices of the stack.
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
"""Pixels with a lower likelihood are ignored in the sharpness."""


def expected_dice(wall: NDArray[np.bool_] | Mask, likelihood: Field) -> float:
    """Return the expected Dice of a wall with the truth under a calibrated likelihood."""
    inside = wall > 0
    total = float(likelihood.sum()) + float(inside.sum())
    return 2 * float(likelihood[inside].sum()) / total if total else 0.0


def soft_dice(one: Field, other: Field) -> float:
    """Return the soft Dice of two likelihoods."""
    total = float(one.sum()) + float(other.sum())
    return 2 * float(np.minimum(one, other).sum()) / total if total else 0.0


def sharpness(likelihood: Field) -> float:
    """Return the sharpness of a likelihood: 1 if all values are 0 or 1, 0 if all are 0.5."""
    values = likelihood[likelihood > SOMEWHERE]
    return float(np.abs(2 * values - 1).mean()) if values.size else 0.0


def repaired_features(
    before: Mask, wall: Mask, likelihood: Field, image_likelihood: Field, largest: int, in_plane: tuple[float, float]
) -> dict[str, float]:
    """Compute the features of the confidence in a repaired wall.

    Args:
        before: Wall near the heart before the repair, shape ``(j, i)``.
        wall: Repaired wall.
        likelihood: Wall probability by the automaton.
        image_likelihood: Wall probability by the encoder from the images alone.
        largest: Largest area within an outline that the encoder draws in the stack, in pixels; 0 if it draws none.
            Walls with a much smaller outline, near the apex, are less often good. Without any outline, the feature
            ``area`` is 0, as for the largest.
        in_plane: In-plane spacing in mm, ``(j, i)``.

    Returns:
        The values of :data:`rncarefine.nca.card.REPAIRED_FEATURES`.
    """
    old, new = before > 0, wall > 0
    size = float(new.sum()) + float(old.sum())
    return {
        "likelihood": expected_dice(new, likelihood),
        "seen": expected_dice(new, image_likelihood),
        "agreement": soft_dice(likelihood, image_likelihood),
        "sharpness": sharpness(likelihood),
        "sharpness_seen": sharpness(image_likelihood),
        "kept": 2 * float((old & new).sum()) / size if size else 0.0,
        "thinnest": thinnest(wall, in_plane),
        "area": math.log((1 + float(ndimage.binary_fill_holes(new).sum())) / (1 + largest)) if largest else 0.0,
    }


def closed_features(k: int, walls: Mask, right: NDArray[np.bool_], image_likelihood: Field) -> dict[str, float]:
    """Compute the features of the confidence in a closed wall that was not repaired.

    The other slices show how reliable the masks of this stack are.

    Args:
        k: Slice of the wall.
        walls: Given walls of the stack, shape ``(k, j, i)``.
        right: Slices that are as expected and not away from the heart, shape ``(k,)``.
        image_likelihood: Wall probability by the encoder from the images alone, shape ``(k, j, i)``.

    Returns:
        The values of :data:`rncarefine.nca.card.CLOSED_FEATURES`.
    """
    wall, own = walls[k], image_likelihood[k]
    seen = expected_dice(wall, own)
    neighbours = [image_likelihood[n] for n in (k - 1, k + 1) if 0 <= n < len(walls)]
    others = [n for n in range(len(walls)) if n != k and walls[n].any()]
    supported = [expected_dice(walls[n], image_likelihood[n]) for n in others if right[n]]
    return {
        "seen": seen,
        "sharpness_seen": sharpness(own),
        "size": math.log((1 + float((wall > 0).sum())) / (1 + float((own > 0.5).sum()))),
        "neighbours": max((expected_dice(wall, field) for field in neighbours), default=0.0),
        "others_seen": float(np.mean(supported)) if supported else seen,
        "others_right": len(supported) / len(others) if others else 0.5,
    }


def wall_confidence(found: Mapping[str, float], weights: Mapping[str, float], uncalibrated: str = "seen") -> float:
    """Compute a confidence.

    Args:
        found: Features from :func:`repaired_features` or :func:`closed_features`.
        weights: Weights of the model card, for some or all features, and ``intercept``. If empty, the feature
            ``uncalibrated`` (an expected Dice) is returned.
        uncalibrated: Name of that feature.

    Returns:
        A probability.
    """
    if not weights:
        return found[uncalibrated]
    score = weights["intercept"] + sum(weights[name] * found[name] for name in weights if name != "intercept")
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def thinnest(wall: Mask, in_plane: tuple[float, float]) -> float:
    """Return the least thickness of a ring relative to its median thickness, 0 to 1; 0 without a ring.

    Thickness is the distance from the edge of the cavity to the outside.

    Args:
        wall: A ring, shape ``(j, i)``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    cavity = filled & ~(wall > 0)
    if not cavity.any():
        return 0.0
    edge = ndimage.binary_dilation(cavity) & (wall > 0)
    depth = ndimage.distance_transform_edt(np.pad(filled, 1), sampling=in_plane)[1:-1, 1:-1][edge]
    return float(depth.min() / np.median(depth)) if depth.size else 0.0


__all__ = [
    "CLOSED_FEATURES",
    "REPAIRED_FEATURES",
    "closed_features",
    "expected_dice",
    "repaired_features",
    "sharpness",
    "soft_dice",
    "thinnest",
    "wall_confidence",
]
