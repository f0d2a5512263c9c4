"""The shape of a proposed ring: thin closures, lobes, implausible cavities, and walls along the border of the image.

The thresholds were chosen on the validation subjects of ACDC (every fifth one of 1-80), on 1,193 rings that the
automaton, the image alone, and one pass of the encoder suggest for slices that two networks broke: 1,108 of them are
good (Dice of at least 0.75), 20 are bad (below 0.6). The truth of 756 slices that four networks broke, taken as a
proposal, is rejected by these rules in 1.2 % of the slices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.shape import deepest_notch
from ...reasons import Reason, ReasonCode
from ...stack import Mask

LEAST_CLOSURE = 0.2
"""Thinnest place of what is added over the wall's median thickness. Rejects 0.3 % of the good walls."""
THIN_CLOSURE = 0.35
"""A closure thinner than this needs review: 2.7 % of the good walls, 45 % of the bad ones."""
MOST_NOTCH = 0.2
"""Deepest notch of the filled outline in its own radii. Rejects 0.2 % of the good walls, 55 % of the bad ones."""
LEAST_CAVITY, MOST_CAVITY = 0.03, 0.8
"""Share of the cavity in the filled outline. Rejects none of the good walls, whose cavities take up 3.6 to 70 %."""

_Bools = NDArray[np.bool_]


def closure_thickness(wall: Mask, before: Mask, in_plane: tuple[float, float]) -> float:
    """Return the thinnest place of what closes a ring over the median thickness of its wall.

    Thickness is measured at the edge of the cavity: the distance from there to the outside.

    Args:
        wall: A ring, shape ``(j, i)``.
        before: The wall that was there.
        in_plane: In-plane spacing in mm, ``(j, i)``.

    Returns:
        1 or less where the closure is the thinner part; infinity where nothing is added at the cavity's edge.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    edge = ndimage.binary_dilation(filled & (wall == 0)) & (wall > 0)
    added = edge & (before == 0)
    if not added.any():
        return float("inf")
    depth = ndimage.distance_transform_edt(np.pad(filled, 1), sampling=in_plane)[1:-1, 1:-1]
    return float(depth[added].min() / np.median(depth[edge]))


def implausible(wall: Mask, before: Mask, in_plane: tuple[float, float]) -> Reason | None:
    """Return why a ring is rejected by its shape.

    Args:
        wall: A ring, shape ``(j, i)``.
        before: The wall that was there.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    share = 1 - float((wall > 0).sum()) / float(filled.sum())
    if not LEAST_CAVITY <= share <= MOST_CAVITY:
        return Reason(ReasonCode.CAVITY_SHARE, share=share, least=LEAST_CAVITY, most=MOST_CAVITY)
    relative = closure_thickness(wall, before, in_plane)
    if relative < LEAST_CLOSURE:
        return Reason(ReasonCode.THREAD, relative=relative, least=LEAST_CLOSURE)
    notch = deepest_notch(filled, in_plane).relative
    if notch > MOST_NOTCH:
        return Reason(ReasonCode.LOBED, notch=notch, most=MOST_NOTCH)
    return None


def thin_closure(wall: Mask, before: Mask, in_plane: tuple[float, float]) -> tuple[Reason, ...]:
    """Return the reason to flag a ring whose closure is thin, but no thread; see :func:`closure_thickness`."""
    relative = closure_thickness(wall, before, in_plane)
    return (Reason(ReasonCode.THIN_CLOSURE, relative=relative, least=THIN_CLOSURE),) if relative < THIN_CLOSURE else ()


def length_on_border(mask: Mask | _Bools, in_plane: tuple[float, float]) -> float:
    """Return over which length in mm a mask of shape ``(j, i)`` lies on the border of its image."""
    rows = float(np.count_nonzero(mask[[0, -1], :])) * in_plane[1]
    return rows + float(np.count_nonzero(mask[1:-1, [0, -1]])) * in_plane[0]
