"""Firing pattern from a stateless integer hash: identical on every device and for every crop, batch and order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UInt32 = NDArray[np.uint32]


def mix(values: UInt32) -> UInt32:
    """Hash 32-bit integers bijectively: every input bit changes about half of the output bits.

    Two rounds of xor-shift and multiplication with the constants of Wellons' *lowbias32*
    (https://nullprogram.com/blog/2018/07/31/).
    """
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x7FEB352D)
    values = values ^ (values >> np.uint32(15))
    values = values * np.uint32(0x846CA68B)
    return values ^ (values >> np.uint32(16))


def cell_keys(k: NDArray[np.int64], height: int, width: int, origin: tuple[int, int] = (0, 0)) -> UInt32:
    """Return one hash key per cell, computed once per rollout.

    Args:
        k: Slice number of every item of the batch, shape ``(n,)``.
        height: Number of rows.
        width: Number of columns.
        origin: Row and column of the first cell in the crop, for a rollout on a part of it.

    Returns:
        Keys, shape ``(n, height, width)``.
    """
    rows = (np.arange(height) + origin[0]).astype(np.uint32)
    columns = (np.arange(width) + origin[1]).astype(np.uint32)
    key = mix(np.asarray(k).astype(np.uint32) + np.uint32(0x9E3779B9))
    key = mix(key[:, None] ^ rows[None, :])
    return mix(key[:, :, None] ^ columns[None, None, :])


def fires(keys: UInt32, seed: int, step: int, rate: float) -> NDArray[np.bool_]:
    """Return the cells that fire in a step.

    Args:
        keys: Result of :func:`cell_keys`.
        seed: Random seed of the rollout; the low 32 bits are used.
        step: Step number.
        rate: Fire rate, the probability that a cell fires; all cells fire at 1.
    """
    if rate >= 1:
        return np.ones(keys.shape, dtype=bool)
    moment = mix(mix(np.array([seed & 0xFFFFFFFF], np.uint32)) ^ np.array([step & 0xFFFFFFFF], np.uint32))
    return mix(keys ^ moment) < np.uint32(rate * 2**32)
