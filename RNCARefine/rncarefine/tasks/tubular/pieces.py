"""Pieces of a vessel mask: connected components, centrelines and their ends, and vessel radii."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.shape import EIGHT
from ...anatomy.thinning import thinned
from ...stack import Mask
from .picture import Picture

Bools = NDArray[np.bool_]
LOOK_BACK = 12
"""Length of centreline, in pixels, over which the direction of an end is measured."""
MAX_PIECES = 5000
"""A mask with more components is noise; network masks have hundreds."""


@dataclass(frozen=True, eq=False)
class Ends:
    """End points of centrelines; ``n`` ends.

    Attributes:
        place: Last pixel of the centreline, ``(j, i)``, shape ``(n, 2)``.
        direction: Unit vector ``(j, i)`` in which the vessel points, shape ``(n, 2)``; zero for a single pixel.
        foot: First branch point, or the last pixel that was traced, ``(j, i)``, shape ``(n, 2)``.
        branch: Number of pixels from the end to the branch point, shape ``(n,)``; 0 without one within ``LOOK_BACK``.
        piece: Label of the piece, shape ``(n,)``.
    """

    place: NDArray[np.int64]
    direction: NDArray[np.float64]
    foot: NDArray[np.int64]
    branch: NDArray[np.int64]
    piece: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Connected components of a vessel mask.

    Attributes:
        mask: Vessel mask, shape ``(j, i)``.
        labels: 8-connected components, 0 for background and 1 to ``count``.
        count: Number of pieces.
        centreline: Skeleton of the mask.
        lengths: Centreline pixels per piece, shape ``(count + 1,)``; the first entry is 0.
        sizes: Pixels per piece, like ``lengths``.
        radius: Distance of each mask pixel to the background; 0 in the background.
        boxes: Bounding box of each piece, in label order.
        ends: End points of the centrelines.
    """

    mask: Bools
    labels: NDArray[np.int32]
    count: int
    centreline: Bools
    lengths: NDArray[np.int64]
    sizes: NDArray[np.int64]
    radius: NDArray[np.float64]
    boxes: list[tuple[slice, slice]]
    ends: Ends

    def pixels_of(self, label: int) -> tuple[tuple[slice, slice], Bools]:
        """Return the bounding box of a piece and its pixels in it."""
        window = self.boxes[label - 1]
        return window, self.labels[window] == label

    def fragments(self, keep_px: float) -> Bools:
        """Return, by label, which pieces have a centreline shorter than ``keep_px``; the longest piece is excluded."""
        short = np.asarray(self.lengths < keep_px, bool)
        short[[0, int(self.lengths.argmax())]] = False
        return short

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean of an image of shape ``(j, i)`` per piece, by label; 0 for the background."""
        total = np.bincount(self.labels[self.mask], values[self.mask], minlength=self.count + 1)
        return np.asarray(total / np.maximum(self.sizes, 1), np.float64)

    @classmethod
    def of(cls, mask: Mask | Bools) -> Pieces:
        """Label the pieces of a mask and measure them.

        Args:
            mask: Vessel mask, shape ``(j, i)``.
        """
        vessels = np.asarray(mask) != 0
        labels, count = _labelled(vessels)
        centreline = thinned(vessels)
        lengths = np.bincount(labels[centreline], minlength=count + 1)
        sizes = np.bincount(labels[vessels], minlength=count + 1)
        radius = ndimage.distance_transform_edt(np.pad(vessels, 1))[1:-1, 1:-1]
        boxes = [(rows, columns) for rows, columns in ndimage.find_objects(labels)]
        return cls(vessels, labels, count, centreline, lengths, sizes, radius, boxes, _ends(centreline, labels))


def pieces_of(picture: Picture) -> Pieces:
    """Return the pieces of a picture's mask.

    Raises:
        ValueError: The mask is empty, empty in the field of view, or noise.
    """
    name, mask = picture.mask_name or picture.name, picture.mask
    if not mask.any():
        raise ValueError(f"{name}: the vessel mask is empty. Check that it is the right file, and its label.")
    if not mask[picture.field_of_view].any():
        raise ValueError(
            f"{name}: no vessel of the mask lies in the field of view of {picture.name}. Check that the two belong "
            "together."
        )
    count = _labelled(mask > 0)[1]
    if count > MAX_PIECES:
        raise ValueError(
            f"{name}: the mask has {count:,} components, at most {MAX_PIECES:,} can be repaired. Check that it is a "
            "mask of vessels, and remove the smallest specks."
        )
    return Pieces.of(mask)


def _labelled(mask: Bools) -> tuple[NDArray[np.int32], int]:
    """Label the 8-connected components."""
    labels, count = ndimage.label(mask, structure=EIGHT)
    return labels.astype(np.int32, copy=False), int(count)


def _ends(centreline: Bools, labels: NDArray[np.int32]) -> Ends:
    """Find the end points of centrelines: pixels with at most one neighbour."""
    line = np.pad(centreline, 1)
    around = ndimage.convolve(line.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant")
    found = np.argwhere(line & (around <= 2))
    directions = np.zeros((len(found), 2))
    feet, branches = np.zeros((len(found), 2), np.int64), np.zeros(len(found), np.int64)
    for n, place in enumerate(found):
        foot, steps = _walk(line, (int(place[0]), int(place[1])))
        along = place - np.array(foot)
        length = float(np.hypot(*along))
        directions[n] = along / length if length else 0.0
        feet[n], branches[n] = foot, steps
    places = found - 1
    return Ends(places, directions, feet - 1, branches, labels[places[:, 0], places[:, 1]].astype(np.int64))


def _walk(line: Bools, place: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Trace the centreline from an end to the first branch point, at most :data:`LOOK_BACK` pixels.

    Returns:
        The last pixel, and the number of steps if it is a branch point, else 0.
    """
    before, here = place, place
    for step in range(LOOK_BACK):
        j, i = here
        near = [
            (j + dj, i + di)
            for dj, di in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
            if line[j + dj, i + di] and (j + dj, i + di) != before
        ]
        # Skip pixels that also touch the previous pixel: they belong to the part already traced.
        near = [(j, i) for j, i in near if before == here or max(abs(j - before[0]), abs(i - before[1])) > 1]
        if len(near) != 1:
            return here, step if near else 0
        before, here = here, near[0]
    return here, 0
