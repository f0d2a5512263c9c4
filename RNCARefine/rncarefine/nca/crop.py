"""Crops: resampling of a region to the spacing of a model, and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Crop:
    """Grid of a crop, the same for every slice of a stack.

    Attributes:
        start: Position of the crop's first pixel, ``(j, i)`` in slice pixels, fractional.
        size: Rows and columns of the crop.
        spacing_mm: Isotropic in-plane spacing of the crop.
        in_plane: In-plane spacing of the slice in mm, ``(j, i)``.
        shape: Rows and columns of the slice.
    """

    start: tuple[float, float]
    size: tuple[int, int]
    spacing_mm: float
    in_plane: tuple[float, float]
    shape: tuple[int, int]

    @property
    def ratio(self) -> tuple[float, float]:
        """Slice pixels per crop pixel, ``(j, i)``."""
        return self.spacing_mm / self.in_plane[0], self.spacing_mm / self.in_plane[1]

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of the crop, ``(j, i)`` in slice pixels."""
        (j, i), (rows, columns), (per_j, per_i) = self.start, self.size, self.ratio
        return j + (rows - 1) / 2 * per_j, i + (columns - 1) / 2 * per_i

    def take(self, slices: NDArray[np.generic], outside: Literal["constant", "nearest"] = "constant") -> Field:
        """Resample slices to the crop linearly, with anti-aliasing if the crop is coarser.

        Args:
            slices: Slices, shape ``(n, j, i)``.
            outside: Padding outside the slice: "constant" (zeros, for masks) or "nearest" (for images).

        Returns:
            Resampled slices, shape ``(n, *size)``.
        """
        sigma = [max(0.0, (ratio - 1) / 2) for ratio in self.ratio]
        result = np.empty((len(slices), *self.size), np.float32)
        for n, values in enumerate(slices):
            smooth = values.astype(np.float32)
            if max(sigma) > 0:
                smooth = ndimage.gaussian_filter(smooth, sigma, mode="nearest" if outside == "nearest" else "constant")
            _resample(smooth, self.ratio, self.start, result[n], outside, 0.0)
        return result

    def put_back(self, fields: Field, outside: float = 0.0) -> Field:
        """Resample fields of the crop to the grid of the slice linearly.

        Args:
            fields: Fields on the crop, shape ``(n, *size)``.
            outside: Value outside the crop.

        Returns:
            Resampled fields, shape ``(n, *shape)``.
        """
        spans = [
            (max(0, int(np.floor(start))), min(sides, int(np.ceil(start + (count - 1) * ratio)) + 1))
            for start, count, ratio, sides in zip(self.start, self.size, self.ratio, self.shape, strict=True)
        ]
        result = np.full((len(fields), *self.shape), outside, np.float32)
        (top, bottom), (left, right) = spans
        if bottom <= top or right <= left:
            return result
        scale = 1 / self.ratio[0], 1 / self.ratio[1]
        offset = (top - self.start[0]) * scale[0], (left - self.start[1]) * scale[1]
        part = np.empty((bottom - top, right - left), np.float32)
        for n, values in enumerate(fields):
            _resample(values, scale, offset, part, "constant", outside)
            result[n, top:bottom, left:right] = part
        return result


def crop_around(
    middle: tuple[float, float],
    size: tuple[int, int],
    spacing_mm: float,
    in_plane: tuple[float, float],
    shape: tuple[int, ...],
) -> Crop:
    """Return a crop centred on a point.

    Args:
        middle: Centre, ``(j, i)`` in slice pixels.
        size: Rows and columns of the crop.
        spacing_mm: In-plane spacing of the crop.
        in_plane: In-plane spacing of the slice in mm, ``(j, i)``.
        shape: Rows and columns of the slice.
    """
    start = [m - (n - 1) / 2 * spacing_mm / mm for m, n, mm in zip(middle, size, in_plane, strict=True)]
    return Crop((start[0], start[1]), size, spacing_mm, in_plane, (shape[0], shape[1]))


def _resample(
    values: Field,
    scale: tuple[float, float],
    offset: tuple[float, float],
    result: Field,
    mode: Literal["constant", "nearest"],
    outside: float,
) -> None:
    """Resample ``values`` at ``scale * position + offset`` linearly into ``result``."""
    with warnings.catch_warnings():
        # SciPy up to 1.15 warns at every call that the meaning of scales changed in 0.18.
        warnings.filterwarnings("ignore", "The behavior of affine_transform", UserWarning)
        ndimage.affine_transform(
            values, scale, offset, output_shape=result.shape, output=result, order=1, mode=mode, cval=outside
        )
