"""Metrics of a vessel mask against the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..anatomy.thinning import thinned
from .metrics import betti_error, cldice, dice
from .tree_metrics import bridge_precision, connectivity, patch_betti_error


@dataclass(frozen=True)
class PictureMetrics:
    """Metrics of a vessel mask; see :mod:`rncarefine.refine.tree_metrics`.

    Attributes:
        dice: Dice coefficient.
        cldice: Centreline Dice.
        connectivity: Share of the pairs of points joined in the truth that are joined in the prediction.
        b0_error: Absolute difference of the numbers of components.
        b1_error: Absolute difference of the numbers of holes.
        patch_b0_error: Mean of ``b0_error`` over patches.
        patch_b1_error: Mean of ``b1_error`` over patches.
        bridges: Number of bridges added by the repair; 0 if ``before`` was not given.
        bridge_precision: Share of the bridges on true vessel; NaN without bridges.
        centreline_removed: Share of the true centreline that the repair removed; NaN if ``before`` was not given.
    """

    dice: float
    cldice: float
    connectivity: float
    b0_error: int
    b1_error: int
    patch_b0_error: float
    patch_b1_error: float
    bridges: int
    bridge_precision: float
    centreline_removed: float


def evaluate_picture(prediction: ArrayLike, truth: ArrayLike, before: ArrayLike | None = None) -> PictureMetrics:
    """Compare a vessel mask with the truth.

    Example:
        >>> truth = np.zeros((9, 30), int)
        >>> truth[3:6] = 1
        >>> broken = truth.copy()
        >>> broken[:, 14:16] = 0
        >>> found = evaluate_picture(truth, truth, before=broken)
        >>> found.dice, found.b0_error, found.bridges, found.bridge_precision
        (1.0, 0, 1, 1.0)

    Args:
        prediction: Mask, shape ``(j, i)``.
        truth: Mask of the same shape.
        before: Mask before the repair, to evaluate bridges and removed pixels.

    Raises:
        ValueError: The shapes differ, or the masks are not two-dimensional.
    """
    b0_error, b1_error = betti_error(prediction, truth)
    patch_b0_error, patch_b1_error = patch_betti_error(prediction, truth)
    bridges, precision, gone = 0, math.nan, math.nan
    if before is not None:
        score = bridge_precision(before, prediction, truth)
        bridges, precision = score.bridges, score.precision
        line = thinned(np.asarray(truth) != 0)
        lost = line & (np.asarray(before) != 0) & (np.asarray(prediction) == 0)
        gone = float(lost.sum() / line.sum()) if line.any() else 0.0
    return PictureMetrics(
        dice=dice(prediction, truth),
        cldice=cldice(prediction, truth),
        connectivity=connectivity(prediction, truth),
        b0_error=b0_error,
        b1_error=b1_error,
        patch_b0_error=patch_b0_error,
        patch_b1_error=patch_b1_error,
        bridges=bridges,
        bridge_precision=precision,
        centreline_removed=gone,
    )
