"""Metrics of branching structures, such as retinal vessels, that complement Dice.

All are computed on one picture, in pixels. All tables use these definitions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ..anatomy.shape import EIGHT
from ..anatomy.thinning import thinned
from ..anatomy.topology import betti_2d

PATCH = 64
"""Rows and columns of the patches in which Betti errors are averaged."""
TOLERANCE = 2.0
"""A centreline pixel matches a mask that has a pixel within this distance."""
ON_VESSEL = 0.8
"""Least share of the centreline of a true bridge on true vessel."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class BridgeScore:
    """Counts of added and true bridges.

    Attributes:
        bridges: Number of added bridges.
        true: Number of these whose centreline lies on true vessel.
    """

    bridges: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the bridges on true vessel; NaN without bridges."""
        return self.true / self.bridges if self.bridges else float("nan")


def patch_betti_error(a: ArrayLike, b: ArrayLike, patch: int = PATCH) -> tuple[float, float]:
    """Return the mean absolute differences of the numbers of components and holes over patches.

    Patches do not overlap; patches that are empty in both masks are ignored.

    Example:
        >>> patch_betti_error([[1, 0, 1, 1]], [[1, 1, 1, 1]], patch=2)
        (0.0, 0.0)
        >>> patch_betti_error([[1, 0, 1, 1]], [[1, 1, 1, 1]], patch=4)
        (1.0, 0.0)

    Args:
        a: Mask, shape ``(j, i)``.
        b: Mask of the same shape.
        patch: Rows and columns of a patch; the last ones may be smaller.

    Raises:
        ValueError: The shapes differ, or the masks are not two-dimensional.
    """
    one, other = _pictures(a, b)
    errors = []
    for j in range(0, one.shape[0], patch):
        for i in range(0, one.shape[1], patch):
            window = slice(j, j + patch), slice(i, i + patch)
            if one[window].any() or other[window].any():
                (b0, b1), (other_b0, other_b1) = betti_2d(one[window]), betti_2d(other[window])
                errors.append((abs(b0 - other_b0), abs(b1 - other_b1)))
    mean = np.mean(errors, axis=0) if errors else np.zeros(2)
    return float(mean[0]), float(mean[1])


def connectivity(prediction: ArrayLike, truth: ArrayLike, tolerance: float = TOLERANCE) -> float:
    """Return the share of the point pairs connected in the truth that are also connected in the prediction.

    The points are the centreline pixels of the truth. A pair is connected if both points lie within ``tolerance``
    pixels of the same component of the prediction. Breaks and missing vessels reduce it.

    Example:
        >>> connectivity([[1, 1, 0, 0, 0, 0, 0, 0, 1, 1]], [[1] * 10], tolerance=0)
        0.08

    Args:
        prediction: Mask, shape ``(j, i)``.
        truth: Mask of the same shape.
        tolerance: Distance in pixels.

    Returns:
        0 to 1; 1 if the truth is empty.

    Raises:
        ValueError: The shapes differ, or the masks are not two-dimensional.
    """
    ours, theirs = _pictures(prediction, truth)
    line = thinned(theirs)
    if not line.any():
        return 1.0
    trees, count = ndimage.label(theirs, structure=EIGHT)
    tree, piece = trees[line], _nearest_label(ours, tolerance)[line]
    joined = pairs = 0.0
    for number in range(1, count + 1):
        found = piece[tree == number]
        pairs += float(found.size) ** 2
        joined += float((np.bincount(found)[1:].astype(float) ** 2).sum())
    return joined / pairs


def bridge_precision(
    before: ArrayLike, after: ArrayLike, truth: ArrayLike, tolerance: float = TOLERANCE
) -> BridgeScore:
    """Count the bridges added by a repair, and those on true vessel.

    A bridge is a component of added pixels that touches two or more components of the mask before. It is true if at
    least 80 % of its centreline lies within ``tolerance`` pixels of true vessel.

    Example:
        >>> bridge_precision([[1, 0, 1]], [[1, 1, 1]], [[1, 1, 1]])
        BridgeScore(bridges=1, true=1)

    Args:
        before: Mask before the repair, shape ``(j, i)``.
        after: Mask after the repair.
        truth: True mask.
        tolerance: Distance in pixels.

    Raises:
        ValueError: The shapes differ, or the masks are not two-dimensional.
    """
    old, new = _pictures(before, after)
    _, real = _pictures(before, truth)
    pieces, _ = ndimage.label(old, structure=EIGHT)
    added, count = ndimage.label(new & ~old, structure=EIGHT)
    far = ndimage.distance_transform_edt(~real) if real.any() else np.full(old.shape, np.inf)
    bridges = true = 0
    for number, (rows, columns) in enumerate(ndimage.find_objects(added, max_label=count), 1):
        window = slice(max(rows.start - 1, 0), rows.stop + 1), slice(max(columns.start - 1, 0), columns.stop + 1)
        bridge = added[window] == number
        touched = np.unique(pieces[window][ndimage.binary_dilation(bridge, EIGHT)])
        if (touched > 0).sum() < 2:
            continue
        bridges += 1
        true += float((far[window][thinned(bridge)] <= tolerance).mean()) >= ON_VESSEL
    return BridgeScore(bridges, true)


def _nearest_label(mask: Bools, tolerance: float) -> NDArray[np.int64]:
    """Return the label of the nearest component within the tolerance for each pixel, 0 without one."""
    labels, count = ndimage.label(mask, structure=EIGHT)
    if not count or tolerance <= 0:
        return labels.astype(np.int64)
    distance, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    return np.where(distance <= tolerance, labels[nearest[0], nearest[1]], 0).astype(np.int64)


def _pictures(a: ArrayLike, b: ArrayLike) -> tuple[Bools, Bools]:
    """Return two masks as boolean arrays of the same two-dimensional shape."""
    one, other = np.asarray(a) != 0, np.asarray(b) != 0
    if one.shape != other.shape:
        raise ValueError(f"The masks have shapes {one.shape} and {other.shape}. Resample one to the other's grid.")
    if one.ndim != 2:
        raise ValueError(f"The masks have {one.ndim} dimensions, a picture needs 2 (row, column).")
    return one, other
