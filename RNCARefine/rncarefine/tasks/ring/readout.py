"""Reading a wall out of the automaton's state: a closed ring by construction, wherever there is one to read."""

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


LEVELS = (0.5, 0.35, 0.2)
"""Where the wall is faint, nothing closes at one half; a lower level then shows its course, for review."""
LEAST_CONTRAST = 0.1
"""What the ring channel of a faint wall has at least over that of its cavity."""


def read_wall(fields: NDArray[np.float32], smallest_pool: int = MIN_CAVITY_PIXELS) -> Mask | None:
    """Read the wall of one slice from the supervised channels, on whatever grid they are given.

    The ring channel and the difference of the two discs say the same thing in two ways; their mean is more accurate
    than either. Where it does not close, the discs alone are taken: the ring between two filled discs, one inside the
    other, cannot be open. Where there are no discs, both are tried at the lower :data:`LEVELS`.

    Args:
        fields: Ring, epicardial and endocardial channel, shape ``(3, j, i)``, about 0 to 1.
        smallest_pool: A cavity of fewer pixels than this is none.

    Returns:
        The wall, a closed ring; ``None`` if the discs are missing.
    """
    between = fields[EPICARDIUM] - fields[ENDOCARDIUM]
    for level in LEVELS:
        for wall in (_cleaned((fields[RING] + between) / 2 > level), _between_discs(fields, level)):
            if wall is None or not is_ring(wall, smallest_pool):
                continue
            if level == LEVELS[0] or _stands_out(wall, fields[RING]):
                return wall
    return None


def is_ring(wall: Mask, smallest_pool: int = MIN_CAVITY_PIXELS) -> bool:
    """Whether a wall is closed, nowhere only by a corner, around a cavity of at least this many pixels.

    A wall that hangs together by corners counts as closed for 8-connected foreground, and its break is hardly visible:
    it must be a ring for 4-connected foreground and 8-connected background as well.
    """
    if betti_2d(wall) != (1, 1):
        return False
    _, pieces = ndimage.label(wall, structure=_CROSS)
    _, outsides = ndimage.label(np.pad(wall, 1) == 0, structure=_SQUARE)
    cavity = int(fill_holes(wall).sum()) - int(wall.sum())
    return pieces == 1 and outsides == 2 and cavity >= smallest_pool


def islands_in(wall: Mask, before: WallFeatures) -> Mask:
    """Return the components of the wall before that stay: they lie in the cavity of the ring and do not touch it.

    Args:
        wall: The repaired wall, a ring, shape ``(j, i)``.
        before: The wall that was there; its main component is no island.
    """
    loose, count = ndimage.label(before.wall & ~before.main, structure=_SQUARE)
    cavity = (fill_holes(wall) > 0) & ~ndimage.binary_dilation(wall, structure=_SQUARE)
    least = MIN_ISLAND_MM2 / (before.spacing[0] * before.spacing[1])
    stays = [n for n in range(1, count + 1) if cavity[loose == n].all() and (loose == n).sum() >= least]
    return np.isin(loose, stays).astype(np.uint8)


def _stands_out(wall: Mask, ring: NDArray[np.float32]) -> bool:
    """Whether the ring channel is fainter in the cavity than in the wall: an encoder that knows nothing is even."""
    cavity = (fill_holes(wall) & (1 - wall)) > 0
    return float(ring[wall > 0].mean() - ring[cavity].mean()) > LEAST_CONTRAST


def _cleaned(wall: NDArray[np.bool_]) -> Mask | None:
    """Keep the largest piece, and of its holes the largest one."""
    main = largest_component(wall, connectivity=4)
    if not main.any():
        return None
    filled = fill_holes(main)
    pool = largest_component(filled & (1 - main), connectivity=4)
    return np.asarray(filled & (1 - pool), np.uint8)


def _between_discs(fields: NDArray[np.float32], level: float) -> Mask | None:
    """Return the epicardial disc without the endocardial disc, which is kept a pixel away from its edge."""
    outer = fill_holes(largest_component(fields[EPICARDIUM] > level, connectivity=4))
    inside = ndimage.binary_erosion(outer, structure=_SQUARE)
    inner = fill_holes(largest_component((fields[ENDOCARDIUM] > level) & inside, connectivity=4))
    if not inner.any():
        return None
    return np.asarray(outer & (1 - inner), np.uint8)
