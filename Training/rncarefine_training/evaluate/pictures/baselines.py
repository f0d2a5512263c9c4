"""Baselines for vessels without an automaton. Masks have the shape ``(j, i)``, bool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from rncarefine.anatomy.shape import EIGHT
from rncarefine.anatomy.topology import holes
from rncarefine.tasks.tubular.pieces import Pieces

Bools = NDArray[np.bool_]
Field = NDArray[np.float32]

MAX_LENGTH_PX, MAX_ANGLE_DEG, MIN_SOURCE_PX = 25.0, 60.0, 30
"""Geometric bridges: maximum length, maximum angle to the direction of the vessel end, minimum size of both
components."""
MIN_COMPONENT_PX, MAX_HOLE_PX = 300, 20
"""Smaller components are removed, smaller holes are filled."""
HIGH, LOW = 0.7, 0.35
"""Hysteresis thresholds."""


def geometric(mask: Bools) -> Bools:
    """Join every vessel end to the nearest other component ahead of it by a straight line."""
    pieces = Pieces.of(mask)
    rim = np.argwhere(pieces.mask & ~ndimage.binary_erosion(pieces.mask, EIGHT))
    result = mask.copy()
    if pieces.count < 2:
        return result
    label, tree, ends = pieces.labels[rim[:, 0], rim[:, 1]], cKDTree(rim), pieces.ends
    starting = np.flatnonzero(pieces.sizes[ends.piece] >= MIN_SOURCE_PX)
    for end, near in zip(starting, tree.query_ball_point(ends.place[starting], MAX_LENGTH_PX), strict=True):
        others = np.array(near, np.int64)
        others = others[(label[others] != ends.piece[end]) & (pieces.sizes[label[others]] >= MIN_SOURCE_PX)]
        way = rim[others] - ends.place[end]
        distance = np.hypot(way[:, 0], way[:, 1])
        ahead = way @ ends.direction[end] >= np.cos(np.radians(MAX_ANGLE_DEG)) * distance
        if ahead.any():
            target = rim[others[ahead][distance[ahead].argmin()]]
            _draw(result, ends.place[end], target)
    return result


def cleaned(mask: Bools, fill: bool = True) -> Bools:
    """Remove components below :data:`MIN_COMPONENT_PX` pixels and fill holes below :data:`MAX_HOLE_PX`."""
    labels, count = ndimage.label(mask, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    result = np.asarray(mask & (sizes >= MIN_COMPONENT_PX)[labels])
    if fill:
        gaps, number = holes(result)
        areas = np.bincount(gaps.ravel(), minlength=number + 1)
        small = areas < MAX_HOLE_PX
        small[0] = False
        result = result | small[gaps]
    return result


def b_star(mask: Bools, fill: bool = True) -> Bools:
    """Apply :func:`geometric`, then :func:`cleaned`."""
    return cleaned(geometric(mask), fill)


def hysteresis(probability: Field) -> Bools:
    """Apply hysteresis thresholding with :data:`LOW` and :data:`HIGH`, then :func:`b_star`."""
    return b_star(ndimage.binary_propagation(probability >= HIGH, EIGHT, mask=probability >= LOW))


def _draw(mask: Bools, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
    """Draw a line of three pixels width, in place."""
    count = int(np.abs(end - start).max()) + 1
    j, i = np.round(np.linspace(start, end, count)).astype(int).T
    for dj, di in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)):
        mask[np.clip(j + dj, 0, mask.shape[0] - 1), np.clip(i + di, 0, mask.shape[1] - 1)] = True
