"""Pictures of a slice: the image, the wall before and after, and what was added and removed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..anatomy.topology import largest_component
from ..refine.records import Report, SliceRecord
from ..stack import Mask, Stack
from ..words import Verdict

Pixels = NDArray[np.uint8]
"""RGB, shape ``(rows, columns, 3)``."""

# Okabe and Ito's colours, which people with any colour vision tell apart.
WALL = (240, 228, 66)
ADDED = (86, 180, 233)
REMOVED = (230, 120, 20)
MARGIN_MM = 14.0
_LONG_SIDE = 288
"""Pixels of a picture's longer side."""


@dataclass(frozen=True, eq=False)
class SlicePictures:
    """Pictures of one slice, all of one size and cropped to the heart.

    Attributes:
        image: The grey image alone.
        before: The outline of the wall as it was.
        after: The outline of the wall as it is now.
        change: Added pixels blue, removed ones orange and striped, the wall that stayed outlined.
    """

    image: Pixels
    before: Pixels
    after: Pixels
    change: Pixels

    def strip(self) -> Pixels:
        """Return all four side by side, parted by white bars."""
        bar = np.full((self.image.shape[0], 6, 3), 255, dtype=np.uint8)
        return np.hstack([self.image, bar, self.before, bar, self.after, bar, self.change])


def worth_a_picture(report: Report) -> list[SliceRecord]:
    """Return the slices a person wants to see: changed, by hand too, to be repaired, or flagged."""
    return [
        record
        for record in report.slices
        if record.flagged or record.verdict is not Verdict.INTACT or record.added_mm2 > 0 or record.removed_mm2 > 0
    ]


def slice_pictures(stack: Stack, after: Mask, k: int) -> SlicePictures:
    """Draw one slice.

    Pixels are drawn square in mm, however anisotropic they are.

    Args:
        stack: The stack, with the mask as it was before.
        after: The mask after the repair, shape of ``stack.mask``.
        k: The slice.
    """
    rows, columns = heart_window(stack, after, k)
    size = _drawn_size(rows, columns, stack.in_plane)
    grey = _grey(stack, rows, columns, k, size)
    old = _drawn_mask(stack.mask[k, rows, columns], size)
    new = _drawn_mask(after[k, rows, columns], size)
    image = np.repeat(grey[:, :, None], 3, axis=2)
    before, now, change = image.copy(), image.copy(), image.copy()
    before[_outline(old)] = WALL
    now[_outline(new)] = WALL
    change[_outline(old & new)] = WALL
    _tint(change, new & ~old, ADDED)
    removed = old & ~new
    _tint(change, removed, REMOVED)
    # Stripes tell removed from added in black and white, too.
    change[removed & _stripes(size)] = (0, 0, 0)
    return SlicePictures(image, before, now, change)


def heart_window(stack: Stack, after: Mask, k: int) -> tuple[slice, slice]:
    """Return the rows and columns to draw of a slice: the heart with a margin, and all that was or is marked there.

    The heart is the largest piece of wall of every slice, so that slices are alike and a stray piece in one of them
    does not shrink the others.
    """
    heart: NDArray[np.bool_] = (stack.mask[k] | after[k]) > 0
    for wall in after:
        heart = heart | (largest_component(wall) > 0)
    if not heart.any():
        return slice(0, stack.shape[1]), slice(0, stack.shape[2])
    window = []
    for axis in (0, 1):
        used = np.flatnonzero(np.any(heart, axis=1 - axis))
        margin = math.ceil(MARGIN_MM / stack.in_plane[axis])
        window.append(slice(max(int(used[0]) - margin, 0), min(int(used[-1]) + margin + 1, heart.shape[axis])))
    return window[0], window[1]


def _drawn_size(rows: slice, columns: slice, spacing: tuple[float, float]) -> tuple[int, int]:
    height, width = (rows.stop - rows.start) * spacing[0], (columns.stop - columns.start) * spacing[1]
    scale = _LONG_SIDE / max(height, width)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _sources(size: tuple[int, int], shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the centres of the drawn pixels lie among the pixels of the slice."""
    j, i = ((np.arange(drawn) + 0.5) * length / drawn - 0.5 for drawn, length in zip(size, shape, strict=True))
    return j, i


def _grey(stack: Stack, rows: slice, columns: slice, k: int, size: tuple[int, int]) -> Pixels:
    """Return the slice, windowed between the 1st and the 99.5th percentile of the heart in all slices."""
    low, high = np.percentile(stack.image[:, rows, columns], (1.0, 99.5))
    crop = stack.image[k, rows, columns].astype(np.float64)
    j, i = _sources(size, crop.shape)
    drawn = ndimage.map_coordinates(crop, np.meshgrid(j, i, indexing="ij"), order=1, mode="nearest")
    return np.asarray(np.clip((drawn - low) / max(high - low, 1e-12), 0, 1) * 255).round().astype(np.uint8)


def _drawn_mask(mask: Mask, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Enlarge a mask as it is, pixel by pixel: a smoothed outline would hide a gap of one pixel."""
    j, i = _sources(size, mask.shape)
    return np.asarray(mask[np.ix_(j.round().astype(int), i.round().astype(int))] != 0)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(mask & ~ndimage.binary_erosion(mask, iterations=2))


def _tint(pixels: Pixels, where: NDArray[np.bool_], colour: tuple[int, int, int], opacity: float = 0.72) -> None:
    pixels[where] = (pixels[where] * (1 - opacity) + np.array(colour) * opacity).round().astype(np.uint8)


def _stripes(size: tuple[int, int]) -> NDArray[np.bool_]:
    j, i = np.indices(size)
    return np.asarray((j + i) % 6 == 0)
