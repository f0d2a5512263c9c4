"""Figures of a repaired photograph: an overview, and a close-up per place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..refine.place_records import PlaceRecord
from ..stack import Mask
from ..tasks.tubular.picture import Picture
from .pictures import ADDED, REMOVED, WALL, Pixels

CLOSE_UP = 0.09
"""Side of a close-up as a share of the diameter of the field of view; larger for long bridges."""
_SIDE = 176
"""Side of a close-up in pixels."""
_OVERVIEW = 1000
"""Maximum length of the overview's longer side in pixels."""


def to_rgb(picture: Picture) -> Pixels:
    """Return a picture as 8-bit RGB, scaled to the 1st to 99.8th percentile of the field of view."""
    low, high = np.percentile(picture.image[picture.field_of_view], (1, 99.8))
    scaled = np.clip((picture.image - low) / max(float(high - low), 1e-6), 0, 1) * 255
    return np.repeat(scaled, 3, axis=2)[..., :3].astype(np.uint8) if picture.channels == 1 else scaled.astype(np.uint8)


def close_up(picture: Picture, colours: Pixels, after: Mask, record: PlaceRecord) -> tuple[Pixels, Pixels]:
    """Return a close-up of a place without and with its edit, of the same size."""
    side = int(max(CLOSE_UP * picture.diameter, 1.6 * (record.length_px or record.size_px), 16))
    j = min(max(record.row - side // 2, 0), max(picture.shape[0] - side, 0))
    i = min(max(record.column - side // 2, 0), max(picture.shape[1] - side, 0))
    window = slice(j, j + side), slice(i, i + side)
    crop = _stretched(colours[window])
    size = max(1, round(_SIDE / max(crop.shape[:2])))
    large = ndimage.zoom(crop, (size, size, 1), order=1) if size > 1 else crop.copy()
    marked = _marked(large, _enlarged(picture.mask[window], size), _enlarged(after[window], size))
    return large, marked


def overview(picture: Picture, colours: Pixels, after: Mask) -> Pixels:
    """Return the picture with the added and removed pixels and the outline of the unchanged mask."""
    step = int(np.ceil(max(picture.shape) / _OVERVIEW))
    old, new = picture.mask > 0, after > 0
    drawn = colours.copy()
    drawn[old & new & ~ndimage.binary_erosion(old & new)] = WALL
    for where, colour in ((new & ~old, ADDED), (old & ~new, REMOVED)):
        drawn[ndimage.binary_dilation(where)] = colour
    return drawn[::step, ::step]


def _stretched(crop: Pixels) -> Pixels:
    """Stretch the contrast of a part of a picture, so that thin vessels are visible in dark regions."""
    low, high = np.percentile(crop, (0.5, 99.5), axis=(0, 1))
    scaled = np.clip((crop - low) / np.maximum(high - low, 24) * 255, 0, 255)
    return np.asarray(scaled, np.uint8)


def _enlarged(mask: Mask, size: int) -> NDArray[np.bool_]:
    return np.kron(mask, np.ones((size, size), np.uint8)) > 0


def _marked(image: Pixels, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> Pixels:
    """Draw the outline of the unchanged mask, added pixels in blue and removed pixels in orange."""
    result = image.copy()
    unchanged = old & new
    result[unchanged & ~ndimage.binary_erosion(unchanged)] = WALL
    for where, colour in ((new & ~old, ADDED), (old & ~new, REMOVED)):
        result[where] = (0.35 * result[where] + 0.65 * np.array(colour)).astype(np.uint8)
    return result
