"""Read-out of a wall from the automaton's state, closed by construction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.features import MIN_ISLAND_MM2, WallFeatures
from ...anatomy.topology import betti_2d, fill_holes, largest_component
from ...nca.architecture import ENDOCARDIUM, EPICARDIUM, RING
from ...stack import Mask
from .diagnosis import MIN_CAVITY_PIXELS

_CROSS = ndimage.generate_binary_structure(2, 1)
_SQUARE = ndimage.generate_binary_structure(2, 2)

THRESHOLDS = (0.5, 0.35, 0.2)
"""Thresholds, tried in order: a faint wall may only close below one half."""
MIN_CONTRAST = 0.1
"""Least contrast of the ring channel between wall and cavity below the first threshold."""


def read_wall(fields: NDArray[np.float32], smallest_pool: int = MIN_CAVITY_PIXELS) -> Mask | None:
    """Read the wall of one slice from the supervised channels.

    The mean of the ring channel and of the difference of the two discs is thresholded; it is more accurate than either.
    If the result is not closed, the difference of the thresholded discs is used: nested filled discs always enclose a
    ring. If there are no discs, both are tried at the next of :data:`THRESHOLDS`.

    Args:
        fields: Ring, epicardial and endocardial channel, shape ``(3, j, i)``, about 0 to 1, on any grid.
        smallest_pool: Least number of pixels of a cavity.

    Returns:
        The wall, a closed ring, or ``None`` if no threshold yields one.
    """
    between = fields[EPICARDIUM] - fields[ENDOCARDIUM]
    for level in THRESHOLDS:
        for wall in (_cleaned((fields[RING] + between) / 2 > level), _between_discs(fields, level)):
            if wall is None or not is_ring(wall, smallest_pool):
                continue
            if level == THRESHOLDS[0] or _has_contrast(wall, fields[RING]):
                return wall
    return None


def is_ring(wall: Mask, smallest_pool: int = MIN_CAVITY_PIXELS) -> bool:
    """Return whether a wall is a closed ring around a cavity of at least ``smallest_pool`` pixels.

    A wall connected only by pixel corners is closed for 8-connected foreground, so it must also be a ring for
    4-connected foreground and 8-connected background.
    """
    if betti_2d(wall) != (1, 1):
        return False
    _, components = ndimage.label(wall, structure=_CROSS)
    _, background = ndimage.label(np.pad(wall, 1) == 0, structure=_SQUARE)
    cavity = int(fill_holes(wall).sum()) - int(wall.sum())
    return components == 1 and background == 2 and cavity >= smallest_pool


def ring_of(wall: Mask) -> Mask:
    """Return the area between the outer contour of a wall and the contour of its largest hole.

    Islands in the cavity are left out and pores are filled.

    Args:
        wall: Wall of one slice, shape ``(j, i)``.
    """
    outer = fill_holes(wall)
    cavity = fill_holes(largest_component(outer & (1 - wall), connectivity=4))
    return np.asarray(outer & (1 - cavity), np.uint8)


def islands_in(wall: Mask, before: WallFeatures) -> Mask:
    """Return the islands to keep: components of the wall before that lie in the cavity and do not touch the ring.

    Args:
        wall: Repaired wall, a ring, shape ``(j, i)``.
        before: Features of the wall before; its main component is not an island.
    """
    loose, count = ndimage.label(before.wall & ~before.main, structure=_SQUARE)
    cavity = (fill_holes(wall) > 0) & ~ndimage.binary_dilation(wall, structure=_SQUARE)
    least = MIN_ISLAND_MM2 / (before.spacing[0] * before.spacing[1])
    stays = [n for n in range(1, count + 1) if cavity[loose == n].all() and (loose == n).sum() >= least]
    return np.isin(loose, stays).astype(np.uint8)


def _has_contrast(wall: Mask, ring: NDArray[np.float32]) -> bool:
    """Return whether the ring channel is lower in the cavity than in the wall; an uninformative encoder is uniform."""
    cavity = (fill_holes(wall) & (1 - wall)) > 0
    return float(ring[wall > 0].mean() - ring[cavity].mean()) > MIN_CONTRAST


def _cleaned(wall: NDArray[np.bool_]) -> Mask | None:
    """Keep the largest component and its largest hole."""
    main = largest_component(wall, connectivity=4)
    if not main.any():
        return None
    filled = fill_holes(main)
    pool = largest_component(filled & (1 - main), connectivity=4)
    return np.asarray(filled & (1 - pool), np.uint8)


def _between_discs(fields: NDArray[np.float32], level: float) -> Mask | None:
    """Return the epicardial disc minus the endocardial disc, which is kept one pixel inside its edge."""
    outer = fill_holes(largest_component(fields[EPICARDIUM] > level, connectivity=4))
    inside = ndimage.binary_erosion(outer, structure=_SQUARE)
    inner = fill_holes(largest_component((fields[ENDOCARDIUM] > level) & inside, connectivity=4))
    if not inner.any():
        return None
    return np.asarray(outer & (1 - inner), np.uint8)
