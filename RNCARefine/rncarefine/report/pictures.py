"""Figures of a slice: the image, the wall before and after, and the changes."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..anatomy.heart import REACH_MM, locate_heart, near_heart
from ..refine.records import Report, SliceRecord
from ..stack import Mask, Stack
from ..words import Verdict

Pixels = NDArray[np.uint8]
"""RGB, shape ``(rows, columns, 3)``."""

# Colours of Okabe and Ito, suitable for colour-blind readers.
WALL = (240, 228, 66)
ADDED = (86, 180, 233)
REMOVED = (230, 120, 20)
MARGIN_MM = 10.0
SIDE = 288
"""Rows and columns of a picture."""


@dataclass(frozen=True, eq=False)
class SlicePictures:
    """Pictures of one slice, all of one size and cropped to the heart.

    Attributes:
        image: The image without overlay.
        before: Outline of the wall before the repair.
        after: Outline of the current wall.
        change: Added pixels blue, removed ones orange and striped, outline of the unchanged wall.
    """

    image: Pixels
    before: Pixels
    after: Pixels
    change: Pixels

    def strip(self) -> Pixels:
        """Return all four side by side, separated by white bars."""
        bar = np.full((self.image.shape[0], 6, 3), 255, dtype=np.uint8)
        return np.hstack([self.image, bar, self.before, bar, self.after, bar, self.change])


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a picture as PNG, 8 bits per channel.

    Args:
        pixels: uint8, shape ``(rows, columns)`` for grey or ``(rows, columns, 3)`` for RGB.

    Raises:
        ValueError: Shape or type is invalid, or there are no pixels.
    """
    values = np.asarray(pixels)
    if values.dtype != np.uint8 or values.size == 0 or not (values.ndim == 2 or values.shape[2:] == (3,)):
        raise ValueError(
            f"A picture of shape {values.shape} and type {values.dtype} cannot be a PNG: "
            "it needs uint8 pixels of shape (rows, columns) or (rows, columns, 3)."
        )
    return _encoded(values, ".png", 6)


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """Return a picture (see :func:`encode_png`) as a ``data:`` URI for an HTML page."""
    return _data_uri("png", encode_png(pixels))


def jpeg_uri(pixels: Pixels) -> str:
    """Return a picture as JPEG in a ``data:`` URI for an HTML page."""
    return _data_uri("jpeg", _encoded(np.ascontiguousarray(pixels), ".jpg", 88))


def _encoded(values: NDArray[np.uint8], ending: str, level: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:  # SimpleITK writes files only
        path = Path(folder, "picture" + ending)
        image = sitk.GetImageFromArray(values, isVector=values.ndim == 3)
        sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=level)
        return path.read_bytes()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def slices_to_show(report: Report) -> list[SliceRecord]:
    """Return the slices that were changed (also by hand), are to be repaired, or are flagged."""
    return [each for each in report.slices if each.flagged or each.verdict is not Verdict.INTACT or each.changed]


@dataclass(frozen=True, eq=False)
class HeartView:
    """Common view of the pictures of a stack: squares of one size around the heart axis, with one contrast.

    Attributes:
        centres: Centre of the picture of each slice, ``(j, i)`` in pixels, shape ``(k, 2)``.
        half_mm: Half the side of a picture in mm.
        black: Intensity displayed as black.
        white: Intensity displayed as white.
    """

    centres: NDArray[np.float64]
    half_mm: float
    black: float
    white: float

    @classmethod
    def of(cls, stack: Stack, after: Mask) -> HeartView:
        """Return the view that the heart fills; false walls elsewhere are ignored.

        The heart is located by the wall after the repair. The contrast ranges from the 1st to the 99.5th percentile of
        the visible intensities.

        Args:
            stack: The stack, with the mask before the repair.
            after: Mask after the repair, shape of ``stack.mask``.
        """
        wall = after if after.any() else stack.mask
        if not wall.any():
            half = max(stack.shape[1] * stack.in_plane[0], stack.shape[2] * stack.in_plane[1]) / 2
            middle = (np.array(stack.shape[1:]) - 1) / 2
            return cls(np.tile(middle, (stack.shape[0], 1)), half, *np.percentile(stack.image, (1.0, 99.5)))
        heart = locate_heart(wall, stack.pool, stack.in_plane)
        k, *places = np.nonzero(near_heart(wall, heart, stack.in_plane))
        away = (np.stack(places, axis=1) - heart.centres[k]) * stack.in_plane
        reach = float(np.abs(away).max(initial=0.0))
        half = float(np.clip(reach, heart.radius_mm, heart.radius_mm + REACH_MM)) + MARGIN_MM
        view = cls(heart.centres, half, 0.0, 1.0)
        shown = [_drawn(stack.image[n], view._places(stack, n), np.nan) for n in range(stack.shape[0])]
        return replace(view, **dict(zip(("black", "white"), np.nanpercentile(shown, (1.0, 99.5)), strict=True)))

    def grey(self, stack: Stack, k: int) -> NDArray[np.uint8]:
        """Draw the image of a slice; black outside the image."""
        drawn = _drawn(stack.image[k].astype(np.float64), self._places(stack, k), self.black)
        scaled = np.clip((drawn - self.black) / max(self.white - self.black, 1e-12), 0, 1)
        return np.asarray((scaled * 255).round().astype(np.uint8))

    def mask(self, stack: Stack, mask: Mask, k: int) -> NDArray[np.bool_]:
        """Draw a mask without smoothing, which would hide a gap of one pixel."""
        return np.asarray(_drawn(mask[k], [np.rint(axis) for axis in self._places(stack, k)], 0) > 0)

    def hidden_mm2(self, stack: Stack, mask: Mask, k: int) -> float:
        """Return the area of a mask that lies outside the picture of a slice."""
        j, i = np.nonzero(mask[k])
        away = np.abs((np.stack([j, i], axis=1) - self.centres[k]) * stack.in_plane).max(axis=1, initial=0.0)
        return float((away > self.half_mm).sum()) * stack.pixel_area

    def _places(self, stack: Stack, k: int) -> list[NDArray[np.float64]]:
        """Return the rows and columns of the slice that are sampled for the picture."""
        steps = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) * self.half_mm
        return [self.centres[k, axis] + steps / stack.in_plane[axis] for axis in (0, 1)]


def slice_pictures(stack: Stack, after: Mask, k: int, view: HeartView | None = None) -> SlicePictures:
    """Draw one slice.

    The scale is isotropic in mm.

    Args:
        stack: The stack, with the mask before the repair.
        after: Mask after the repair, shape of ``stack.mask``.
        k: Number of the slice.
        view: View of the stack; computed if not given.
    """
    view = view or HeartView.of(stack, after)
    image = np.repeat(view.grey(stack, k)[:, :, None], 3, axis=2)
    old, new = view.mask(stack, stack.mask, k), view.mask(stack, after, k)
    before, now, change = image.copy(), image.copy(), image.copy()
    before[_outline(old)] = WALL
    now[_outline(new)] = WALL
    change[_outline(old & new)] = WALL
    _tint(change, new & ~old, ADDED)
    removed = old & ~new
    _tint(change, removed, REMOVED)
    # Stripes distinguish removed from added pixels in black and white.
    change[removed & _stripes(removed.shape)] = (0, 0, 0)
    return SlicePictures(image, before, now, change)


def _drawn(values: NDArray[np.generic], places: Sequence[NDArray[np.float64]], outside: float) -> NDArray[np.float64]:
    """Interpolate linearly at rows and columns; ``outside`` is the value outside the image."""
    inside = [(axis >= -0.5) & (axis <= size - 0.5) for axis, size in zip(places, values.shape, strict=True)]
    drawn = ndimage.map_coordinates(
        values.astype(np.float64), np.meshgrid(*places, indexing="ij"), order=1, mode="nearest"
    )
    return np.where(np.logical_and.outer(*inside), drawn, outside)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(mask & ~ndimage.binary_erosion(mask, iterations=2))


def _tint(pixels: Pixels, where: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    pixels[where] = (pixels[where] * 0.28 + np.array(colour) * 0.72).round().astype(np.uint8)


def _stripes(size: tuple[int, ...]) -> NDArray[np.bool_]:
    j, i = np.indices(size)
    return np.asarray((j + i) % 6 == 0)
