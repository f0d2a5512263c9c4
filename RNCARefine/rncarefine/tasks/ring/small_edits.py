"""Small edits of a wall: loose components, pores and gaps, while the rest of the wall stays."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.features import SURE_CAVITY_MM
from ...anatomy.topology import fill_holes, largest_component
from ...stack import Mask
from .diagnosis import cavity
from .readout import is_ring

SECTORS = 72
"""Angular sectors about the centre of the cavity."""
SEAMS = (1, 3)
"""Sectors by which a gap is widened at both ends, tried in turn, so that the parts are connected."""
CONNECTIVITIES = (8, 4)
"""Connectivity of the wall, tried in turn: a speck at a corner of the wall is part of it only for the first."""
MIN_AGREEMENT = 0.5
"""Lowest Dice of the given and the proposed wall outside the gaps."""
MAX_PORES = 0.1
"""Largest share of the wall in filled pores."""
MAX_MISSING = 0.25
"""Largest share of the sectors in gaps."""
_SQUARE = np.ones((3, 3), bool)


def clean(near: Mask, pool: Mask | None, in_plane: tuple[float, float]) -> Mask | None:
    """Remove loose components and fill pores, if that yields a closed ring.

    Args:
        near: Wall near the heart before the repair, shape ``(j, i)``.
        pool: Blood pool, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.

    Returns:
        The closed ring, or ``None``.
    """
    for connectivity in CONNECTIVITIES:
        main = largest_component(near, connectivity=connectivity)
        hole = cavity(main, pool, in_plane)
        if hole is None:
            continue
        wall = np.asarray(fill_holes(main) & ~hole, np.uint8)
        if is_ring(wall) and _only_pores(wall & (1 - main), wall, in_plane):
            return wall
    return None


def close_gaps(near: Mask, proposed: Mask, in_plane: tuple[float, float]) -> Mask | None:
    """Close the gaps of a wall with a proposed wall, and keep the rest; remove loose components and fill pores.

    Args:
        near: Wall near the heart before the repair, shape ``(j, i)``.
        proposed: Proposed wall.
        in_plane: In-plane spacing in mm, ``(j, i)``.

    Returns:
        The closed ring; ``None`` if the proposed wall is no ring, if more than :data:`MAX_MISSING` is missing, if the
        agreement elsewhere is below :data:`MIN_AGREEMENT`, or if the parts do not yield a ring.
    """
    if not is_ring(proposed):
        return None
    kept, other = _on_wall(near, proposed), proposed > 0
    sector = _sectors(proposed, in_plane)
    missing = np.bincount(sector[kept], minlength=SECTORS) == 0
    opposite = other & ~missing[sector]
    agreement = 2 * (kept & opposite).sum() / max(1, kept.sum() + opposite.sum())
    if missing.mean() > MAX_MISSING or agreement < MIN_AGREEMENT:
        return None
    for seam, connectivity in product(SEAMS, CONNECTIVITIES):
        gaps = ndimage.binary_dilation(np.pad(missing, SECTORS, mode="wrap"), iterations=seam)[SECTORS:-SECTORS]
        wall = largest_component(kept | (other & gaps[sector]), connectivity=connectivity) > 0
        filled = fill_holes(wall)
        closed = np.asarray(filled & (1 - largest_component(filled & ~wall, connectivity=4)), np.uint8)
        if is_ring(closed) and _only_pores(np.asarray(closed & ~wall), closed, in_plane):
            return closed
    return None


def _only_pores(filled: Mask, wall: Mask, in_plane: tuple[float, float]) -> bool:
    """Return whether filled holes are pores, and none a cavity such as that of the right ventricle."""
    depth = ndimage.distance_transform_edt(np.pad(filled, 1), sampling=in_plane)
    return float(depth.max()) < SURE_CAVITY_MM and filled.sum() <= MAX_PORES * wall.sum()


def _sectors(ring: Mask, in_plane: tuple[float, float]) -> NDArray[np.int64]:
    """Return the sector of every pixel about the cavity of a ring, shape ``(j, i)``."""
    centre = np.argwhere(fill_holes(ring) & (1 - ring)).mean(axis=0)
    y, x = (np.arange(side) - at for side, at in zip(ring.shape, centre, strict=True))
    turn = np.arctan2(y[:, None] * in_plane[0], x * in_plane[1]) / (2 * np.pi) % 1
    return np.asarray(turn * SECTORS, np.int64) % SECTORS


def _on_wall(near: Mask, proposed: Mask) -> NDArray[np.bool_]:
    """Return the components with at least half of their area on the proposed wall or adjacent to it."""
    labels, count = ndimage.label(near, structure=_SQUARE)
    if not count:
        return labels > 0
    share = ndimage.mean(ndimage.binary_dilation(proposed, structure=_SQUARE), labels, np.arange(count + 1))
    return np.concatenate([[False], share[1:] >= 0.5])[labels]
