"""Shape of a proposed ring: thin closures, lobes, implausible cavities, and walls along the border of the image.

The thresholds were chosen on the ACDC validation subjects (every fifth of 1-80) so that hardly any good wall (Dice of
at least 0.75 with the truth) is rejected, over rings proposed by the automaton, the image alone and one encoder pass
for slices broken by networks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.shape import deepest_notch
from ...anatomy.topology import largest_component
from ...reasons import Reason, ReasonCode
from ...stack import Mask

MIN_CLOSURE = 0.2
"""Least thickness of the added wall relative to the median thickness."""
THIN_CLOSURE = 0.35
"""A closure thinner than this needs review."""
MAX_NOTCH = 0.2
"""Largest notch depth of the filled outline relative to its radius."""
MIN_CAVITY, MAX_CAVITY = 0.03, 0.8
"""Share of the cavity in the filled outline."""

OPENINGS = (0.4, 0.7)
"""Radii of the structuring discs that open a lobed outline, relative to its radius, tried in order."""

_Bools = NDArray[np.bool_]


def closure_thickness(wall: Mask, before: Mask, in_plane: tuple[float, float]) -> float:
    """Return the least thickness of the added wall relative to the median thickness of the ring.

    Thickness is the distance from the edge of the cavity to the outside.

    Args:
        wall: A ring, shape ``(j, i)``.
        before: Wall before the repair.
        in_plane: In-plane spacing in mm, ``(j, i)``.

    Returns:
        The ratio; infinity if nothing is added at the edge of the cavity.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    edge = ndimage.binary_dilation(filled & (wall == 0)) & (wall > 0)
    added = edge & (before == 0)
    if not added.any():
        return float("inf")
    depth = _depth(filled, in_plane)
    return float(depth[added].min() / np.median(depth[edge]))


def shape_rejection(wall: Mask, before: Mask, in_plane: tuple[float, float]) -> Reason | None:
    """Return the reason to reject a ring for its shape, or ``None``.

    Args:
        wall: A ring, shape ``(j, i)``.
        before: Wall before the repair.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    share = 1 - float((wall > 0).sum()) / float(filled.sum())
    if not MIN_CAVITY <= share <= MAX_CAVITY:
        return Reason(ReasonCode.CAVITY_SHARE, share=share, least=MIN_CAVITY, most=MAX_CAVITY)
    relative = closure_thickness(wall, before, in_plane)
    if relative < MIN_CLOSURE:
        return Reason(ReasonCode.THREAD, relative=relative, least=MIN_CLOSURE)
    notch = deepest_notch(filled, in_plane).relative
    if notch > MAX_NOTCH:
        return Reason(ReasonCode.LOBED, notch=notch, most=MAX_NOTCH)
    return None


def reshape_ring(wall: Mask, in_plane: tuple[float, float], opening: float = OPENINGS[0]) -> Mask:
    """Remove the lobes of a ring and thicken its thin places.

    The filled outline is opened by a disc. The cavity is kept at least :data:`THIN_CLOSURE` times the median thickness
    away from the new outline.

    Args:
        wall: A ring, shape ``(j, i)``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        opening: Radius of the disc relative to the radius of the outline.

    Returns:
        The new wall; not a ring if the cavity lay in a lobe.
    """
    filled = ndimage.binary_fill_holes(wall > 0)
    cavity = filled & (wall == 0)
    edge = ndimage.binary_dilation(cavity) & (wall > 0)
    thickness = float(np.median(_depth(filled, in_plane)[edge])) if edge.any() else 0.0
    radius = opening * float(np.sqrt(filled.sum() * in_plane[0] * in_plane[1] / np.pi))
    core = np.pad(_depth(filled, in_plane) > radius, 1, constant_values=False)
    near_core = ndimage.distance_transform_edt(~core, sampling=in_plane)[1:-1, 1:-1] <= radius
    opened = largest_component(near_core & filled) > 0
    inner = largest_component(cavity & (_depth(opened, in_plane) > THIN_CLOSURE * thickness), connectivity=4) > 0
    return np.asarray(opened & ~inner, np.uint8)


def thin_closure(wall: Mask, before: Mask, in_plane: tuple[float, float]) -> tuple[Reason, ...]:
    """Return the reason to flag a ring with a thin closure; see :func:`closure_thickness`."""
    relative = closure_thickness(wall, before, in_plane)
    return (Reason(ReasonCode.THIN_CLOSURE, relative=relative, least=THIN_CLOSURE),) if relative < THIN_CLOSURE else ()


def length_on_border(mask: Mask | _Bools, in_plane: tuple[float, float]) -> float:
    """Return the length in mm over which a mask of shape ``(j, i)`` touches the border of its image."""
    rows = float(np.count_nonzero(mask[[0, -1], :])) * in_plane[1]
    return rows + float(np.count_nonzero(mask[1:-1, [0, -1]])) * in_plane[0]


def _depth(mask: _Bools, in_plane: tuple[float, float]) -> NDArray[np.float64]:
    """Return the distance of each mask pixel to the background in mm; outside the image is background."""
    return np.asarray(ndimage.distance_transform_edt(np.pad(mask, 1), sampling=in_plane)[1:-1, 1:-1])
