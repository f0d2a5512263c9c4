"""Stacks with broken walls whose right repair is known."""

from __future__ import annotations

import numpy as np

from engine.shapes import STACK_SPACING, blob, heart, horseshoe
from rncarefine.stack import Image, Mask, Stack


def grey(walls: Mask, pools: Mask, seed: int = 0) -> Image:
    """Return an image that shows bright blood, darker myocardium and noise.

    The background is dark: :func:`engine.toy_models.seeing_model` sees the wall in it.
    """
    noise = np.random.default_rng(seed).normal(60, 10, walls.shape)
    return (300.0 * pools + 150.0 * walls + noise).astype(np.float32)


def gap(width: float, towards: float = 0.0) -> Mask:
    """Return a slice that is empty in a sector of the heart and 1 elsewhere."""
    return horseshoe(width, towards, inner=0, outer=1e3)


def broken_stack(pool: bool = True, rings: int = 8) -> Stack:
    """Return a heart with gaps in slices 2 and 5, of 80 and 120 degrees; its image shows all of the wall."""
    walls, pools = heart(rings)
    image = grey(walls, pools)
    walls[2] &= gap(80, 20)
    walls[5] &= gap(120, 200)
    return Stack.create(image, walls, STACK_SPACING, pools if pool else None)


def ruined_stack() -> Stack:
    """Return a heart with something wrong in most slices, each in its own way.

    Slice 0 is open (as a base may be), 1 is a ring, 2 has a gap, 3 a loose piece, 4 is a ring, 5 has a gap and a loose
    piece, 6 a pore, 7 is empty, 8 a disc.
    """
    walls, pools = heart()
    image = grey(walls, pools)
    walls[0] &= gap(90)
    walls[2] &= gap(80, 20)
    walls[3] |= blob((6, 6), 4)
    walls[5] = (walls[5] & gap(60, 100)) | blob((64, 10), 4)
    walls[6] &= 1 - blob((35.3, 40.6 + 14 / 1.25), 1.6)
    walls[7] = 0
    return Stack.create(image, walls, STACK_SPACING, pools)


def dice(a: Mask, b: Mask) -> float:
    """Return the Dice coefficient of two masks that are not empty, in the plainest way."""
    return 2 * float(np.logical_and(a, b).sum()) / float(np.sum(a > 0) + np.sum(b > 0))
