"""Topology-preserving widening of vessels."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.shape import EIGHT

Bools = NDArray[np.bool_]
_AROUND = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2))


def widened(mask: Bools, wanted: Bools, rounds: int) -> Bools:
    """Return the pixels by which a mask grows into ``wanted`` without a change of its topology.

    Only simple points are added. The picture is processed in four interleaved subfields, so that no two pixels of a
    pass are neighbours.

    Args:
        mask: Vessel mask, shape ``(j, i)``.
        wanted: Pixels that may be added, like ``mask``.
        rounds: Number of iterations, each of one pixel.
    """
    now = np.pad(mask, 1)
    rows, columns = now.shape
    wanted_there = np.pad(wanted & ~mask, 1).ravel()
    front = np.flatnonzero(wanted_there & ndimage.binary_dilation(now, EIGHT).ravel())
    now = now.ravel()
    around = np.array([(dj - 1) * columns + di - 1 for dj, di in _AROUND])
    weights = 1 << np.arange(len(_AROUND))
    simple = _simple()
    for _ in range(rounds):
        if not len(front):
            break
        before = front
        for part in range(4):
            chosen = front[(front // columns % 2) * 2 + front % columns % 2 == part]
            now[chosen[simple[now[chosen[:, None] + around] @ weights]]] = True
        added = before[now[before]]
        near = np.unique(np.concatenate([before, (added[:, None] + around).ravel()]))
        front = near[wanted_there[near] & ~now[near]]
    result: Bools = now.reshape(rows, columns)[1:-1, 1:-1] & ~mask
    return result


@cache
def _simple() -> Bools:
    """Return, for each of the 256 neighbourhoods, whether the central pixel is a simple point."""
    result = np.zeros(256, bool)
    for code in range(256):
        block = np.zeros((3, 3), bool)
        for bit, place in enumerate(_AROUND):
            block[place] = bool(code >> bit & 1)
        pieces = ndimage.label(block, EIGHT)[1]
        # 4-connected background components among the eight neighbours that share a side with the central pixel.
        free, _ = ndimage.label(_ring(~block))
        sides = {int(free[place]) for place in ((0, 1), (1, 0), (1, 2), (2, 1))} - {0}
        result[code] = pieces == 1 and len(sides) == 1
    return result


def _ring(block: Bools) -> Bools:
    """Return a 3 x 3 block without its central pixel."""
    ring = block.copy()
    ring[1, 1] = False
    return ring
