"""The frame: the crop around the heart, resampled to the pixel spacing that a model was trained at, and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..stack import Mask

Field = NDArray[np.float32]

MARGIN_MM = 22.0
"""Room around the wall, so that a repair has image to look at and the zero padding stays far away."""
SMALLEST = 64
LARGEST = 128
"""Least and most rows and columns of a frame, in its own pixels."""
MAIN_PIECE = 0.15
"""Pieces smaller than this share of their slice's largest one do not decide where the heart is."""
REACH_MM = 80.0
"""Pieces further than this from the heart's centre are not heart."""


@dataclass(frozen=True)
class Frame:
    """A square grid of its own over every slice of a stack.

    Attributes:
        start: Position of the frame's first pixel in pixels of the slice, ``(j, i)``, not rounded.
        size: Rows and columns of the frame.
        spacing_mm: Pixel spacing of the frame, the same along both axes.
        in_plane: Pixel spacing of the slice in mm, ``(j, i)``.
        shape: Rows and columns of the slice.
    """

    start: tuple[float, float]
    size: tuple[int, int]
    spacing_mm: float
    in_plane: tuple[float, float]
    shape: tuple[int, int]

    @property
    def ratio(self) -> tuple[float, float]:
        """Slice pixels per frame pixel, ``(j, i)``."""
        return self.spacing_mm / self.in_plane[0], self.spacing_mm / self.in_plane[1]

    def take(self, slices: NDArray[np.generic], outside: Literal["constant", "nearest"] = "constant") -> Field:
        """Resample slices into the frame, linearly, smoothed first where the frame is coarser.

        Args:
            slices: Shape ``(n, j, i)``.
            outside: What lies beyond the slice: "constant" (zeros, for masks) or "nearest" (for images).

        Returns:
            Shape ``(n, *size)``.
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
        """Resample fields of the frame back to the slice's grid, linearly.

        Args:
            fields: Shape ``(n, *size)``.
            outside: Value beyond the frame.

        Returns:
            Shape ``(n, *shape)``.
        """
        scale = 1 / self.ratio[0], 1 / self.ratio[1]
        offset = -self.start[0] * scale[0], -self.start[1] * scale[1]
        result = np.empty((len(fields), *self.shape), np.float32)
        for n, values in enumerate(fields):
            _resample(values, scale, offset, result[n], "constant", outside)
        return result


def fit_frame(mask: Mask, in_plane: tuple[float, float], spacing_mm: float, stride: int = 8) -> Frame:
    """Lay a frame around the heart of a stack.

    Args:
        mask: Myocardium (and pool, if there is one), shape ``(k, j, i)``.
        in_plane: Pixel spacing in mm, ``(j, i)``.
        spacing_mm: Pixel spacing of the frame.
        stride: Rows and columns of the frame are multiples of this.

    Returns:
        One frame for all slices, so that the heart does not jump from slice to slice.

    Raises:
        ValueError: The mask is empty.
    """
    boxes = [_box(piece) for piece in mask if piece.any()]
    if not boxes:
        raise ValueError("The myocardium mask is empty: there is nothing to repair. Choose the segment with the wall.")
    spacing = np.asarray(in_plane)
    corners = np.array(boxes) * spacing
    heart = np.median(corners.mean(axis=1), axis=0)
    near = corners[np.abs(corners - heart).max(axis=(1, 2)) <= REACH_MM]
    if not len(near):
        near = corners
    low, high = near[:, 0].min(axis=0) - MARGIN_MM, near[:, 1].max(axis=0) + MARGIN_MM
    pixels = np.clip(np.ceil((high - low) / spacing_mm), SMALLEST, LARGEST)
    size = (np.ceil(pixels / stride) * stride).astype(int)
    start = ((low + high) / 2 - (size - 1) / 2 * spacing_mm) / spacing
    return Frame(
        start=(float(start[0]), float(start[1])),
        size=(int(size[0]), int(size[1])),
        spacing_mm=float(spacing_mm),
        in_plane=(float(in_plane[0]), float(in_plane[1])),
        shape=(mask.shape[1], mask.shape[2]),
    )


def _resample(
    values: Field,
    scale: tuple[float, float],
    offset: tuple[float, float],
    result: Field,
    mode: Literal["constant", "nearest"],
    outside: float,
) -> None:
    """Fill ``result`` with ``values`` at ``scale * position + offset``, linearly."""
    with warnings.catch_warnings():
        # SciPy 1.15 and older warn, at every call, that scales were understood otherwise before 0.18.
        warnings.filterwarnings("ignore", "The behavior of affine_transform", UserWarning)
        ndimage.affine_transform(
            values, scale, offset, output_shape=result.shape, output=result, order=1, mode=mode, cval=outside
        )


def _box(mask: Mask) -> NDArray[np.int64]:
    """Return first and last row and column of the main pieces of a slice, ``[[j0, i0], [j1, i1]]``."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    main = np.isin(labels, 1 + np.flatnonzero(sizes >= MAIN_PIECE * sizes.max()))
    rows, columns = np.nonzero(main)
    return np.array([[rows.min(), columns.min()], [rows.max(), columns.max()]])
