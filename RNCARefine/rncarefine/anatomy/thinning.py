"""Skeletonisation of a slice by topology-preserving Guo-Hall thinning.

Z. Guo and R. W. Hall, "Parallel thinning with two-subiteration algorithms", Communications of the ACM 32(3), 1989.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .shape import as_slice

_Bools = NDArray[np.bool_]
_AROUND = ((1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2))
"""Indices of the eight neighbours in a 3 x 3 window, counter-clockwise from the east."""


def thinned(mask: ArrayLike) -> _Bools:
    """Return the skeleton of a slice: lines one pixel wide with the topology of the mask.

    Example:
        >>> thinned([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]).astype(int).tolist()
        [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]

    Args:
        mask: 8-connected foreground, shape ``(j, i)``.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    padded = np.pad(as_slice(mask), 1)
    cells, columns = padded.astype(np.uint8).ravel(), padded.shape[1]
    offsets = [(j - 1) * columns + i - 1 for j, i in _AROUND]
    left = np.flatnonzero(cells)
    before = -1
    while before != (before := len(left)):
        for removable in _tables():
            around = np.zeros(len(left), np.uint8)
            for bit, offset in enumerate(offsets):
                around |= cells[left + offset] << np.uint8(bit)
            gone = removable[around]
            cells[left[gone]] = 0
            left = left[~gone]
    return np.ascontiguousarray(cells.reshape(padded.shape)[1:-1, 1:-1] > 0)


@cache
def _tables() -> tuple[_Bools, _Bools]:
    """Return, for each of the 256 neighbourhoods, whether the first and the second subiteration remove the pixel."""
    codes = np.arange(256)
    e, ne, n, nw, w, sw, s, se = x = [(codes >> bit & 1).astype(bool) for bit in range(8)]
    crossings = sum((~x[k] & (x[k + 1] | x[(k + 2) % 8])).astype(int) for k in range(0, 8, 2))
    pairs = [sum((x[(k + first) % 8] | x[(k + first + 1) % 8]).astype(int) for k in range(0, 8, 2)) for first in (0, 1)]
    thickness = np.minimum(*pairs)
    simple = (crossings == 1) & (thickness >= 2) & (thickness <= 3)
    return simple & ~((ne | n | ~se) & e), simple & ~((sw | s | ~nw) & w)
