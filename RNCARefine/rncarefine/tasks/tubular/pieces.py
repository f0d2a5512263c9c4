"""The pieces of a vessel mask: components, centrelines, the ends of these, and how thick the vessels are."""

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
"""Pixels of centreline that the direction of an end is measured over."""
MOST_PIECES = 5000
"""A mask of more components is noise; masks of networks have hundreds."""


@dataclass(frozen=True, eq=False)
class Ends:
    """Where centrelines end; ``n`` ends.

    Attributes:
        place: ``(j, i)`` of the last pixel of the centreline, shape ``(n, 2)``.
        direction: Unit vectors ``(j, i)`` in which the vessel points, shape ``(n, 2)``; zero where it is one pixel.
        foot: ``(j, i)`` where the centreline first branches, or where it was followed to, shape ``(n, 2)``.
        branch: Pixels from the end back to the foot, shape ``(n,)``; 0 where the centreline does not branch so near.
        piece: Label of the piece, shape ``(n,)``.
    """

    place: NDArray[np.int64]
    direction: NDArray[np.float64]
    foot: NDArray[np.int64]
    branch: NDArray[np.int64]
    piece: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of a mask.

    Attributes:
        mask: The mask, shape ``(j, i)``.
        labels: 8-connected components, 0 for background and 1 to ``count``.
        count: How many there are.
        centreline: Skeleton of the mask.
        lengths: Pixels of centreline of each piece, shape ``(count + 1,)``; the first is 0.
        sizes: Pixels of each piece, like ``lengths``.
        radius: Distance of each pixel of the mask to the background; 0 in the background.
        boxes: Rows and columns of each piece, in the order of the labels.
        ends: Where centrelines end.
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
        """Return the rows and columns of a piece, and its pixels in them."""
        window = self.boxes[label - 1]
        return window, self.labels[window] == label

    def fragments(self, keep_px: float) -> Bools:
        """Return which pieces have a centreline shorter than ``keep_px``, by label; the longest piece is none."""
        short = np.asarray(self.lengths < keep_px, bool)
        short[[0, int(self.lengths.argmax())]] = False
        return short

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean of an image of shape ``(j, i)`` over each piece, by label; 0 for the background."""
        total = np.bincount(self.labels[self.mask], values[self.mask], minlength=self.count + 1)
        return np.asarray(total / np.maximum(self.sizes, 1), np.float64)

    @classmethod
    def of(cls, mask: Mask | Bools) -> Pieces:
        """Take a mask apart.

        Args:
            mask: Shape ``(j, i)``, zero and non-zero.
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
    """Return the pieces of a picture's mask if that can be one of vessels.

    Raises:
        ValueError: It is empty, or empty in the field of view, or noise.
    """
    name, mask = picture.name, picture.mask
    if not mask.any():
        raise ValueError(f"{name}: the vessel mask is empty, there is nothing to repair. Choose its label.")
    if not mask[picture.field_of_view].any():
        raise ValueError(
            f"{name}: no vessel of the mask lies in the field of view. Check that the two belong together."
        )
    count = _labelled(mask > 0)[1]
    if count > MOST_PIECES:
        raise ValueError(
            f"{name}: the mask has {count:,} components, at most {MOST_PIECES:,} can be repaired. Check that it is a "
            "mask of vessels, and remove the smallest specks."
        )
    return Pieces.of(mask)


def _labelled(mask: Bools) -> tuple[NDArray[np.int32], int]:
    """Number the 8-connected components."""
    labels, count = ndimage.label(mask, structure=EIGHT)
    return labels.astype(np.int32, copy=False), int(count)


def _ends(centreline: Bools, labels: NDArray[np.int32]) -> Ends:
    """Find the ends of centrelines: pixels with at most one neighbour."""
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
    """Walk from an end along the centreline, to its first branching and no farther than :data:`LOOK_BACK`.

    Returns:
        Where the walk ended, and its steps if it ended at a branching, else 0.
    """
    before, here = place, place
    for step in range(LOOK_BACK):
        j, i = here
        near = [
            (j + dj, i + di)
            for dj, di in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
            if line[j + dj, i + di] and (j + dj, i + di) != before
        ]
        # What touches the pixel before as well was passed on the way.
        near = [(j, i) for j, i in near if before == here or max(abs(j - before[0]), abs(i - before[1])) > 1]
        if len(near) != 1:
            return here, step if near else 0
        before, here = here, near[0]
    return here, 0
