"""How well a soft mask of any topology agrees with the truth: squared error, Dice, Betti errors, ring, clDice."""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from rncarefine.anatomy.topology import betti_2d
from rncarefine.refine.metrics import betti_error, cldice, dice

__all__ = ["SCORES", "cldice", "score"]

SCORES = ("mse", "dice", "b0 error", "b1 error", "ring", "cldice")


def score(soft: NDArray[np.float32], masks: NDArray[np.bool_], truths: NDArray[np.float32]) -> pd.DataFrame:
    """Compare masks with the truth.

    Args:
        soft: Outputs from about 0 to 1 whose squared error counts, shape ``(n, j, i)``.
        masks: What was made of them, same shape.
        truths: 0 and 1, same shape.

    Returns:
        One row a mask; the columns are :data:`SCORES`, ``ring`` being whether (b0, b1) = (1, 1).
    """
    rows = []
    for output, mask, truth in zip(soft, masks, truths, strict=True):
        square = float(np.mean((output.astype(float) - truth) ** 2))
        ring = float(betti_2d(mask) == (1, 1))
        rows.append((square, dice(mask, truth), *betti_error(mask, truth), ring, cldice(mask, truth)))
    return pd.DataFrame(rows, columns=list(SCORES))
