"""Widen vessels where the likelihood says so, pixel by pixel and without any change of the topology."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.shape import EIGHT

Bools = NDArray[np.bool_]
_AROUND = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2))


def widened(mask: Bools, wanted: Bools, rounds: int) -> Bools:
    """Return the pixels by which a mask can be widened into ``wanted`` so that its topology stays.

    A pixel is added if it touches the mask and adding it changes neither components nor holes (a simple point). The
    picture is swept in four interleaved parts, so that no two pixels that are decided together are neighbours.

    Args:
        mask: Shape ``(j, i)``.
        wanted: Where pixels may be added, like ``mask``.
        rounds: How many pixels the mask may grow.
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
    """Return, for each of the 256 neighbourhoods, whether adding the middle keeps components and holes."""
    result = np.zeros(256, bool)
    for code in range(256):
        block = np.zeros((3, 3), bool)
        for bit, place in enumerate(_AROUND):
            block[place] = bool(code >> bit & 1)
        pieces = ndimage.label(block, EIGHT)[1]
        # Background of the eight neighbours, 4-connected, that touches the middle at a side.
        free, _ = ndimage.label(_ring(~block))
        sides = {int(free[place]) for place in ((0, 1), (1, 0), (1, 2), (2, 1))} - {0}
        result[code] = pieces == 1 and len(sides) == 1
    return result


def _ring(block: Bools) -> Bools:
    """Return a 3 x 3 block without its middle."""
    ring = block.copy()
    ring[1, 1] = False
    return ring
