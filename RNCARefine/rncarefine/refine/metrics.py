"""Evaluation metrics: Dice, clDice, surface distances in mm, Betti numbers and errors, LV mass.

All tables use these definitions. Slices are compared in 2D, stacks in 3D. Non-zero mask values are foreground; the
spacing is in mm along the axes of the mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ..anatomy.thinning import thinned
from ..anatomy.topology import betti_2d, betti_3d
from .tree_metrics import bridge_precision, connectivity, patch_betti_error

__all__ = [
    "SliceMetrics",
    "StackMetrics",
    "SurfaceDistances",
    "betti_2d",
    "betti_3d",
    "betti_error",
    "bridge_precision",
    "cldice",
    "connectivity",
    "dice",
    "evaluate",
    "lv_mass_g",
    "patch_betti_error",
    "surface_distances",
]

MYOCARDIUM_G_PER_ML = 1.05
"""Density of myocardium."""

_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between the borders of two masks in mm.

    All are 0 if both masks are empty and NaN if one is; report the number of such cases along with a mean over the
    others.

    Attributes:
        assd_mm: Average symmetric surface distance: mean over the border pixels of both masks.
        hd_mm: Hausdorff distance: the maximum.
        hd95_mm: The larger of the two directed 95th percentiles.
    """

    assd_mm: float
    hd_mm: float
    hd95_mm: float


@dataclass(frozen=True)
class SliceMetrics:
    """Metrics of one slice. For empty slices see :func:`dice` and :class:`SurfaceDistances`.

    Attributes:
        k: Slice number.
        dice: Dice coefficient.
        assd_mm: See :class:`SurfaceDistances`.
        hd_mm: See :class:`SurfaceDistances`.
        hd95_mm: See :class:`SurfaceDistances`.
        b0_error: Absolute difference of the numbers of components.
        b1_error: Absolute difference of the numbers of holes.
        ring: Whether the prediction is a closed ring (b0 = 1, b1 = 1).
        truth_ring: Whether the truth is a closed ring.
        empty: Whether prediction and truth are empty in this slice.
    """

    k: int
    dice: float
    assd_mm: float
    hd_mm: float
    hd95_mm: float
    b0_error: int
    b1_error: int
    ring: bool
    truth_ring: bool
    empty: bool


@dataclass(frozen=True)
class StackMetrics:
    """Metrics of a stack.

    Attributes:
        slices: Number of slices with prediction or truth; the means are over these.
        dice: Dice coefficient of the volumes.
        mean_slice_dice: Mean Dice coefficient of the slices; 1 if all are empty.
        assd_mm: Between the surfaces of the volumes, see :class:`SurfaceDistances`.
        hd_mm: See :class:`SurfaceDistances`.
        hd95_mm: See :class:`SurfaceDistances`.
        mean_b0_error: Mean absolute difference of the numbers of components.
        mean_b1_error: Mean absolute difference of the numbers of holes.
        truth_rings: Number of slices whose truth is a closed ring.
        rings: Number of these whose prediction is also a closed ring.
        lv_mass_g: LV mass of the prediction.
        truth_lv_mass_g: LV mass of the truth.
        lv_mass_error_percent: (prediction - truth) / truth; 0 if both are empty, NaN if only the truth is.
    """

    slices: int
    dice: float
    mean_slice_dice: float
    assd_mm: float
    hd_mm: float
    hd95_mm: float
    mean_b0_error: float
    mean_b1_error: float
    truth_rings: int
    rings: int
    lv_mass_g: float
    truth_lv_mass_g: float
    lv_mass_error_percent: float


def dice(a: ArrayLike, b: ArrayLike) -> float:
    """Return the Dice coefficient of two masks: 1 if both are empty, 0 if one is.

    Example:
        >>> dice([[1, 1, 0, 0]], [[0, 1, 1, 0]])
        0.5

    Args:
        a: Mask of any number of dimensions.
        b: Mask of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    one, other = _pair(a, b)
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def cldice(a: ArrayLike, b: ArrayLike) -> float:
    """Return the centreline Dice of two slices (Shit et al., CVPR 2021): 1 if both are empty, 0 if one is.

    It is the harmonic mean of the share of the skeleton of ``a`` inside ``b`` and the share of the skeleton of ``b``
    inside ``a``. Skeletons are computed by :func:`rncarefine.anatomy.thinning.thinned`.

    Example:
        >>> cldice([[1, 1, 1, 1]], [[1, 1, 0, 0]])  # shares 0.5 and 1
        0.6666666666666666

    Args:
        a: Mask of shape ``(j, i)``.
        b: Mask of the same shape.

    Raises:
        ValueError: The shapes differ, or the masks are not two-dimensional.
    """
    one, other = _pair(a, b)
    if one.ndim != 2:
        raise ValueError(f"The masks have {one.ndim} dimensions, a slice needs 2 (row, column). Pass one slice.")
    if not one.any() or not other.any():
        return float(one.any() == other.any())
    inside, covered = _share(thinned(one), other), _share(thinned(other), one)
    return 2 * inside * covered / (inside + covered) if inside + covered else 0.0


def surface_distances(a: ArrayLike, b: ArrayLike, spacing: tuple[float, ...]) -> SurfaceDistances:
    """Measure the distances between the borders of two masks: ASSD, HD and HD95.

    Example:
        >>> surface_distances([[1, 0, 0, 0]], [[0, 0, 0, 1]], (1.5, 1.25)).hd_mm
        3.75

    Border pixels are mask pixels with a background pixel, or the border of the array, at one of their 4 sides (6 in
    3D). Distances are between pixel centres.

    Args:
        a: Mask of two or three dimensions.
        b: Mask of the same shape.
        spacing: Spacing in mm along each axis.

    Returns:
        The distances; 0 if both masks are empty, NaN if one is.

    Raises:
        ValueError: The shapes differ, or the spacing does not match the number of axes.
    """
    one, other = _pair(a, b)
    if len(spacing) != one.ndim:
        raise ValueError(f"The spacing {spacing} has {len(spacing)} numbers, the masks have {one.ndim} axes.")
    if not one.any() and not other.any():
        return SurfaceDistances(0.0, 0.0, 0.0)
    if not one.any() or not other.any():
        return SurfaceDistances(np.nan, np.nan, np.nan)
    window = ndimage.find_objects((one | other).astype(np.uint8))[0]
    one, other = _border(one[window]), _border(other[window])
    there = ndimage.distance_transform_edt(~other, sampling=spacing)[one]
    back = ndimage.distance_transform_edt(~one, sampling=spacing)[other]
    return SurfaceDistances(
        assd_mm=float((there.sum() + back.sum()) / (there.size + back.size)),
        hd_mm=float(max(there.max(), back.max())),
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
    )


def betti_error(a: ArrayLike, b: ArrayLike) -> tuple[int, int]:
    """Return the absolute differences of the numbers of components (8-connected) and holes (4-connected) of two slices.

    Example:
        >>> betti_error([[1, 0, 1]], [[1, 1, 1]])
        (1, 0)

    Args:
        a: Mask of shape ``(j, i)``.
        b: Mask of the same shape.

    Raises:
        ValueError: The shapes differ, or the masks are not two-dimensional.
    """
    one, other = _pair(a, b)
    (b0, b1), (other_b0, other_b1) = betti_2d(one), betti_2d(other)
    return abs(b0 - other_b0), abs(b1 - other_b1)


def lv_mass_g(mask: ArrayLike, spacing: tuple[float, float, float]) -> float:
    """Return the mass of the myocardium in g, at 1.05 g/ml.

    Example:
        >>> round(lv_mass_g(np.ones((10, 10, 10)), (8.0, 1.5, 1.5)), 2)
        18.9

    Args:
        mask: Myocardium, shape ``(k, j, i)``.
        spacing: Spacing in mm, ``(k, j, i)``; the slice spacing, not the slice thickness.
    """
    cell_mm3 = float(np.prod(spacing))
    return int(np.count_nonzero(mask)) * cell_mm3 / 1000.0 * MYOCARDIUM_G_PER_ML


def evaluate(
    prediction: ArrayLike, truth: ArrayLike, spacing: tuple[float, float, float]
) -> tuple[list[SliceMetrics], StackMetrics]:
    """Compare the myocardium of a stack with the truth.

    Example:
        >>> truth = np.zeros((2, 9, 9), int)
        >>> truth[:, 2:7, 2:7] = 1
        >>> truth[:, 3:6, 3:6] = 0
        >>> broken = truth.copy()
        >>> broken[1, 4, 6] = 0
        >>> slices, stack = evaluate(broken, truth, (8.0, 1.5, 1.5))
        >>> [one.ring for one in slices], stack.rings, stack.truth_rings
        ([True, False], 1, 2)

    Args:
        prediction: Mask, shape ``(k, j, i)``.
        truth: Mask of the same shape.
        spacing: Spacing in mm, ``(k, j, i)``.

    Returns:
        The metrics of every slice and of the stack.

    Raises:
        ValueError: The shapes differ, or the masks are not three-dimensional.
    """
    ours, theirs = _pair(prediction, truth)
    if ours.ndim != 3:
        raise ValueError(f"The masks have {ours.ndim} dimensions, a stack needs 3 (slice, row, column).")
    slices = [
        _evaluate_slice(k, one, other, (spacing[1], spacing[2]))
        for k, (one, other) in enumerate(zip(ours, theirs, strict=True))
    ]
    used = [each for each in slices if not each.empty]
    distances = surface_distances(ours, theirs, spacing)
    mass, truth_mass = lv_mass_g(ours, spacing), lv_mass_g(theirs, spacing)
    if truth_mass:
        mass_error = 100.0 * (mass - truth_mass) / truth_mass
    else:
        mass_error = 0.0 if mass == 0 else np.nan
    return slices, StackMetrics(
        slices=len(used),
        dice=dice(ours, theirs),
        mean_slice_dice=float(np.mean([each.dice for each in used])) if used else 1.0,
        **vars(distances),
        mean_b0_error=float(np.mean([each.b0_error for each in used])) if used else 0.0,
        mean_b1_error=float(np.mean([each.b1_error for each in used])) if used else 0.0,
        truth_rings=sum(each.truth_ring for each in slices),
        rings=sum(each.ring and each.truth_ring for each in slices),
        lv_mass_g=mass,
        truth_lv_mass_g=truth_mass,
        lv_mass_error_percent=mass_error,
    )


def _evaluate_slice(k: int, ours: _Bools, theirs: _Bools, spacing: tuple[float, float]) -> SliceMetrics:
    """Compare one slice."""
    distances = surface_distances(ours, theirs, spacing)
    numbers, truth_numbers = betti_2d(ours), betti_2d(theirs)
    return SliceMetrics(
        k=k,
        dice=dice(ours, theirs),
        **vars(distances),
        b0_error=abs(numbers[0] - truth_numbers[0]),
        b1_error=abs(numbers[1] - truth_numbers[1]),
        ring=numbers == (1, 1),
        truth_ring=truth_numbers == (1, 1),
        empty=not ours.any() and not theirs.any(),
    )


def _share(skeleton: _Bools, mask: _Bools) -> float:
    """Return the share of a skeleton that lies in a mask."""
    return int((skeleton & mask).sum()) / int(skeleton.sum())


def _border(mask: _Bools) -> _Bools:
    """Return the border pixels of a mask."""
    border: _Bools = mask & ~ndimage.binary_erosion(mask)
    return border


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[_Bools, _Bools]:
    """Return two masks as boolean arrays of the same shape."""
    one, other = np.asarray(a) != 0, np.asarray(b) != 0
    if one.shape != other.shape:
        raise ValueError(f"The masks have shapes {one.shape} and {other.shape}. Resample one to the other's grid.")
    return one, other
