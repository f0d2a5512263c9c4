"""Confidence: how likely a repaired wall is good, that is, has a Dice of at least 0.75 with the truth.

The automaton ends with an estimate of where the wall is. What that estimate thinks of the wall before and after, and
how far the two are apart, are weighed as on the model card: a logistic regression that ``rncarefine-train calibrate``
fits on real failures of subjects the automaton was not trained on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..nca.card import EVIDENCE
from ..stack import Mask


def evidence(before: Mask, wall: Mask, likelihood: NDArray[np.float32]) -> dict[str, float]:
    """Collect what speaks for and against a repair.

    Args:
        before: The wall that was there about the heart, shape ``(j, i)``.
        wall: The repaired wall.
        likelihood: The automaton's estimate of where the wall is, 0 to 1, shape ``(j, i)``.

    Returns:
        ``after`` and ``before``, the Dice that either wall is expected to have if the estimate is right; ``gain``, the
        difference; ``kept``, the Dice between the two; ``change``, the logarithm of the area that changes, as a share
        of the wall; ``sharpness`` of the estimate, 1 where it is everywhere sure.
    """
    old, new = before > 0, wall > 0
    after, former = _expected_dice(new, likelihood), _expected_dice(old, likelihood)
    size = max(1.0, float(new.sum()))
    somewhere = likelihood > 0.05
    sure = np.abs(2 * likelihood[somewhere] - 1)
    return {
        "after": after,
        "before": former,
        "gain": after - former,
        "kept": 2 * float((old & new).sum()) / (size + float(old.sum())),
        "change": math.log(0.01 + float((old ^ new).sum()) / size),
        "sharpness": float(sure.mean()) if sure.size else 0.0,
    }


def confidence(found: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Weigh the evidence.

    Args:
        found: From :func:`evidence`.
        weights: The model card's: one weight for each kind of evidence, and ``intercept``. Without any, the Dice that
            the repaired wall is expected to have stands for the confidence.

    Returns:
        A probability.
    """
    if not weights:
        return found["after"]
    score = weights["intercept"] + sum(weights[name] * found[name] for name in EVIDENCE)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def _expected_dice(wall: NDArray[np.bool_], likelihood: NDArray[np.float32]) -> float:
    total = float(likelihood.sum()) + float(wall.sum())
    return 2 * float(likelihood[wall].sum()) / total if total else 0.0
