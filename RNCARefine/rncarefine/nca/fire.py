"""Which cells fire: a stateless integer hash, so that a rollout is the same on every device, crop, batch and order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UInt32 = NDArray[np.uint32]


def mix(values: UInt32) -> UInt32:
    """Scramble 32-bit integers, one to one: every input bit changes about half of the output bits.

    Two rounds of xor-shift and multiplication; the constants are those of Wellons' *lowbias32*
    (https://nullprogram.com/blog/2018/07/31/).
    """
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x7FEB352D)
    values = values ^ (values >> np.uint32(15))
    values = values * np.uint32(0x846CA68B)
    return values ^ (values >> np.uint32(16))


def cell_keys(k: NDArray[np.int64], height: int, width: int, origin: tuple[int, int] = (0, 0)) -> UInt32:
    """Return one number per cell, computed once per rollout.

    Args:
        k: Slice index of every item of the batch, shape ``(n,)``.
        height: Rows of the batch.
        width: Columns of the batch.
        origin: Row and column of the batch's first cell in the crop, for a rollout on a part of it.

    Returns:
        Shape ``(n, height, width)``.
    """
    rows = (np.arange(height) + origin[0]).astype(np.uint32)
    columns = (np.arange(width) + origin[1]).astype(np.uint32)
    key = mix(np.asarray(k).astype(np.uint32) + np.uint32(0x9E3779B9))
    key = mix(key[:, None] ^ rows[None, :])
    return mix(key[:, :, None] ^ columns[None, None, :])


def fires(keys: UInt32, seed: int, step: int, rate: float) -> NDArray[np.bool_]:
    """Return which cells fire in a step.

    Args:
        keys: From :func:`cell_keys`.
        seed: Seed of the rollout; any integer, its low 32 bits count.
        step: Number of the step.
        rate: Probability that a cell fires; 1 lets all fire.
    """
    if rate >= 1:
        return np.ones(keys.shape, dtype=bool)
    moment = mix(mix(np.array([seed & 0xFFFFFFFF], np.uint32)) ^ np.array([step & 0xFFFFFFFF], np.uint32))
    return mix(keys ^ moment) < np.uint32(rate * 2**32)
