"""The stack: a short-axis volume and its masks, validated once on creation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .reasons import Reason

Mask = NDArray[np.uint8]
Image = NDArray[np.float32]

MAX_NUMBER = 255
"""Further labels get this number."""
LARGEST = 1e15
"""Largest plausible intensity: its square does not overflow float32."""
_KINDS = {"c": "complex numbers", "O": "objects", "V": "records", "S": "text", "U": "text"}


@dataclass(frozen=True, eq=False)
class Stack:
    """A short-axis volume with the segmentation to repair.

    Create it with :meth:`create`, which validates the input.

    Attributes:
        image: Intensities, shape ``(k, j, i)``, finite.
        mask: Myocardium, same shape as ``image``, values 0 and 1.
        pool: Blood pool (LV cavity), like ``mask``, or ``None`` if not given.
        spacing: Slice, row and column spacing in mm, ``(k, j, i)``.
        name: Name of the stack in messages.
        reversed: Whether the slices are stored in reverse order. The firing pattern of the automaton depends on slice
            numbers; this flag makes the result independent of the storage order.
        notes: Reasons about the origin of the stack to include in the report.
        right_ventricle: Right ventricle, like ``mask``, or ``None`` if not given; used only to locate the septum for
            the report.
        right_handed: Whether the axes column, row, slice are right-handed in patient space; ``None`` if unknown.
    """

    image: Image
    mask: Mask
    pool: Mask | None
    spacing: tuple[float, float, float]
    name: str = "stack"
    reversed: bool = False
    notes: tuple[Reason, ...] = ()
    right_ventricle: Mask | None = None
    right_handed: bool | None = None

    @classmethod
    def create(
        cls,
        image: ArrayLike,
        mask: ArrayLike,
        spacing: tuple[float, float, float],
        pool: ArrayLike | None = None,
        name: str = "stack",
        reversed: bool = False,
        notes: Iterable[Reason] = (),
        *,
        right_ventricle: ArrayLike | None = None,
        right_handed: bool | None = None,
    ) -> Stack:
        """Validate the arrays and create a stack.

        Example:
            >>> image = np.arange(60.0).reshape(3, 4, 5)
            >>> stack = Stack.create(image, image > 30, (8.0, 1.5, 1.25))
            >>> stack.shape, stack.in_plane, stack.pool is None
            ((3, 4, 5), (1.5, 1.25), True)

        Args:
            image: Intensities, shape ``(k, j, i)``; any numeric type.
            mask: Myocardium, same shape as ``image``; bool, or numbers that are 0 or 1.
            spacing: Spacing in mm, ``(k, j, i)``.
            pool: Blood pool, like ``mask``.
            name: Name of the stack in messages.
            reversed: Whether the slices are stored in reverse order.
            notes: Reasons about the origin of the stack to include in the report.
            right_ventricle: Right ventricle, like ``mask``; used only to locate the septum for the report.
            right_handed: Whether the axes column, row, slice are right-handed in patient space; see
                :func:`~rncarefine.anatomy.aha.handedness`.

        Returns:
            The stack, with copies of the arrays (C-ordered float32 and uint8).

        Raises:
            ValueError: An input is invalid. The message names the input and the remedy.
        """
        pixels = np.asarray(image)
        if pixels.ndim != 3:
            raise ValueError(
                f"{name}: the image has {pixels.ndim} dimensions, a stack needs 3 (slice, row, column). "
                "Pick a single frame of a sequence, and a scalar rather than a vector volume."
            )
        if pixels.size == 0:
            raise ValueError(f"{name}: the image is empty (shape {pixels.shape}).")
        if pixels.dtype.kind not in "biuf":
            raise ValueError(
                f"{name}: the image holds {_KINDS.get(pixels.dtype.kind, 'no numbers')}, a stack has intensities. Save "
                "the magnitude as integers or floating-point numbers."
            )
        if not np.isfinite(pixels).all():
            count = int((~np.isfinite(pixels)).sum())
            raise ValueError(f"{name}: the image has {count} NaN or infinite values. Replace them before the repair.")
        largest = float(max(abs(float(pixels.min())), abs(float(pixels.max()))))
        if largest > LARGEST:
            raise ValueError(
                f"{name}: the image has values up to {largest:.3g}, far more than any scanner gives. Check its type "
                "and its scaling (slope and intercept)."
            )
        pixels = np.ascontiguousarray(pixels, dtype=np.float32)
        if float(pixels.min()) == float(pixels.max()):
            raise ValueError(
                f"{name}: the image is constant ({pixels.flat[0]:g}). Check that the right volume was chosen."
            )
        distances = tuple(float(value) for value in spacing)
        if len(distances) != 3 or not all(np.isfinite(value) and value > 0 for value in distances):
            raise ValueError(f"{name}: the spacing {distances} is not three positive numbers of mm.")
        return cls(
            image=np.array(pixels, dtype=np.float32, order="C"),
            mask=binary_mask(mask, pixels.shape, f"{name}: the myocardium mask"),
            pool=None if pool is None else binary_mask(pool, pixels.shape, f"{name}: the blood-pool mask"),
            spacing=(distances[0], distances[1], distances[2]),
            name=name,
            reversed=reversed,
            notes=tuple(notes),
            right_ventricle=(
                None
                if right_ventricle is None
                else binary_mask(right_ventricle, pixels.shape, f"{name}: the mask of the right ventricle")
            ),
            right_handed=right_handed,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of slices, rows and columns."""
        k, j, i = self.image.shape
        return k, j, i

    @property
    def in_plane(self) -> tuple[float, float]:
        """Row and column spacing in mm."""
        return self.spacing[1], self.spacing[2]

    @property
    def pixel_area(self) -> float:
        """Area of one pixel of a slice in mm2."""
        return self.spacing[1] * self.spacing[2]


def numbered(masks: Iterable[Mask]) -> Mask | None:
    """Number masks of the same shape from 1 where they hold a pixel; the first wins. ``None`` if there are no masks."""
    result: Mask | None = None
    for number, mask in enumerate(masks, start=1):
        result = np.zeros(mask.shape, np.uint8) if result is None else result
        result[(mask > 0) & (result == 0)] = min(number, MAX_NUMBER)
    return result


def numbers(values: ArrayLike, shape: tuple[int, ...], what: str) -> Mask:
    """Copy ``values`` to uint8.

    Args:
        values: bool, or whole numbers from 0 to :data:`MAX_NUMBER`.
        shape: Required shape.
        what: Name of the array in messages.

    Raises:
        ValueError: Wrong shape, or other values.
    """
    array = np.asarray(values)
    _check_shape(array, shape, what)
    if array.dtype != bool and not np.isin(array, range(MAX_NUMBER + 1)).all():
        raise ValueError(f"{what} has values other than the whole numbers 0 to {MAX_NUMBER}. Number its labels from 1.")
    return np.array(array, dtype=np.uint8, order="C")


def binary_mask(values: ArrayLike, shape: tuple[int, ...], what: str) -> Mask:
    """Copy ``values`` to a uint8 mask.

    Args:
        values: bool, or numbers that are exactly 0 or 1.
        shape: Required shape.
        what: Name of the mask in messages.

    Raises:
        ValueError: Wrong shape, or values other than 0 and 1.
    """
    mask = np.asarray(values)
    _check_shape(mask, shape, what)
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"{what} has values other than 0 and 1. Threshold probabilities, and choose one label of a label map."
        )
    return np.array(mask, dtype=np.uint8, order="C")


def _check_shape(array: NDArray[Any], shape: tuple[int, ...], what: str) -> None:
    if array.shape != tuple(shape):
        raise ValueError(
            f"{what} has shape {array.shape}, the image has {tuple(shape)}. Resample it to the image's grid first."
        )
