"""How well a soft mask of any topology agrees with the truth: squared error, Dice, Betti errors, ring, clDice."""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray
from skimage.morphology import skeletonize

from rncarefine.anatomy.topology import betti_2d
from rncarefine.refine.metrics import betti_error, dice

SCORES = ("mse", "dice", "b0 error", "b1 error", "ring", "cldice")


def cldice(a: ArrayLike, b: ArrayLike) -> float:
    """Return the centreline Dice of two masks (Shit et al., CVPR 2021).

    The harmonic mean of the share of the first mask's skeleton inside the second mask, and the other way round:
    1 if both are empty, 0 if one is.

    Args:
        a: Shape ``(j, i)``, zero and non-zero.
        b: Same shape.

    Raises:
        ValueError: The shapes differ.
    """
    one, other = np.asarray(a) != 0, np.asarray(b) != 0
    if one.shape != other.shape:
        raise ValueError(f"The masks have shapes {one.shape} and {other.shape}. Resample one to the other's grid.")
    if not one.any() or not other.any():
        return float(one.any() == other.any())
    precision, sensitivity = _share(skeletonize(one), other), _share(skeletonize(other), one)
    both = precision + sensitivity
    return 2 * precision * sensitivity / both if both else 0.0


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


def _share(skeleton: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    return float((skeleton & mask).sum() / skeleton.sum())
