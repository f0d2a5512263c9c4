"""Verification of a proposed wall on the original grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.features import WallFeatures
from ...anatomy.topology import fill_holes, largest_component
from ...reasons import Reason, ReasonCode
from ...stack import Mask
from ...words import Expectation, Finding
from .diagnosis import find
from .readout import is_ring
from .wall_shape import length_on_border, shape_rejection

BORDER_MM = 5.0
"""A wall whose fitted circle comes this close to the border of the image counts as cut by it."""


@dataclass(frozen=True)
class Bounds:
    """Limits of a repair.

    Attributes:
        min_overlap: Least share of the old wall's main component on or inside the new outline.
        min_pool: Least share of the given blood pool's main component on or inside the new outline.
        max_pool_taken: Largest share of the given blood pool's main component that the new wall may take.
        max_radius_mm: Largest equivalent radius of the new outline; no left ventricle is larger.
        max_off_axis_mm: Largest distance of the outline's centroid from the long axis.
        max_change_mm2: Largest sum of added and removed area in a slice; ``None`` sets no limit.
    """

    min_overlap: float = 0.4
    min_pool: float = 0.5
    max_pool_taken: float = 0.6
    max_radius_mm: float = 65.0
    max_off_axis_mm: float = 30.0
    max_change_mm2: float | None = None


def rejection(
    wall: Mask,
    before: Mask,
    near: WallFeatures,
    pool: Mask | None,
    expectation: Expectation,
    axis: tuple[float, float],
    in_plane: tuple[float, float],
    bounds: Bounds,
) -> Reason | None:
    """Verify a proposed wall.

    Args:
        wall: Proposed wall, shape ``(j, i)``.
        before: Wall before the repair.
        near: Features of the wall before, near the heart.
        pool: Given blood pool, or ``None``.
        expectation: Expectation of the slice: ring or disc.
        axis: Intersection of the long axis with the slice, ``(j, i)`` in pixels.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        bounds: Limits of the repair.

    Returns:
        The first reason to reject the wall, or ``None`` if it passes.
    """
    remaining = None if pool is None else pool & (1 - wall)
    if expectation is Expectation.DISC:
        if find(wall, remaining, in_plane) is not Finding.DISC:
            return Reason(ReasonCode.NO_DISC)
    elif not is_ring(wall):
        return Reason(ReasonCode.NO_RING)
    elif find(wall, remaining, in_plane) is not Finding.RING:
        return Reason(ReasonCode.RING_AROUND_PORE)
    inside = fill_holes(wall)
    outline = ndimage.binary_dilation(inside)
    overlap = share_within(near.main, outline)
    if overlap < bounds.min_overlap:
        return Reason(ReasonCode.AWAY_FROM_WALL, share=overlap, least=bounds.min_overlap)
    held = 1.0 if pool is None else share_within(largest_component(pool) > 0, outline)
    if held < bounds.min_pool:
        return Reason(ReasonCode.POOL_LEFT_OUTSIDE, share=held, least=bounds.min_pool)
    through = (
        0.0 if pool is None else share_within(largest_component(pool) > 0, (wall > 0) & (before == 0), nothing=0.0)
    )
    if through > bounds.max_pool_taken:
        return Reason(ReasonCode.THROUGH_POOL, share=through, most=bounds.max_pool_taken)
    pixel_area = in_plane[0] * in_plane[1]
    radius = float(np.sqrt(inside.sum() * pixel_area / np.pi))
    if radius > bounds.max_radius_mm:
        return Reason(ReasonCode.TOO_LARGE, radius_mm=radius, most_mm=bounds.max_radius_mm)
    distance = float(np.hypot(*((np.argwhere(inside).mean(axis=0) - axis) * in_plane)))
    if distance > bounds.max_off_axis_mm:
        return Reason(ReasonCode.RING_OFF_AXIS, distance_mm=distance, most_mm=bounds.max_off_axis_mm)
    beyond = length_on_border(((wall > 0) & (before == 0))[near.view], in_plane)
    if beyond:
        return Reason(ReasonCode.CUT_BY_BORDER, length_mm=beyond)
    reason = None if expectation is Expectation.DISC else shape_rejection(wall, before, in_plane)
    if reason is not None:
        return reason
    change = float((wall != before).sum()) * pixel_area
    if bounds.max_change_mm2 is not None and change > bounds.max_change_mm2:
        return Reason(ReasonCode.CHANGE_TOO_LARGE, change_mm2=change, most_mm2=bounds.max_change_mm2)
    return None


def displaced(wall: Mask, near: WallFeatures, pool: Mask | None, bounds: Bounds) -> tuple[Reason, ...]:
    """Return the reasons to review a wall that the image supports and that lies away from the given masks.

    Args:
        wall: Accepted wall, shape ``(j, i)``.
        near: Features of the wall before, near the heart.
        pool: Given blood pool, near the heart if there is any, else anywhere in the slice; or ``None``.
        bounds: The limits that a wall without this support has to keep.
    """
    outline = ndimage.binary_dilation(fill_holes(wall))
    found = []
    overlap = share_within(near.main, outline)
    if overlap < bounds.min_overlap:
        found.append(Reason(ReasonCode.MOVED, share=overlap, least=bounds.min_overlap))
    held = 1.0 if pool is None else share_within(largest_component(pool) > 0, outline)
    if held < bounds.min_pool:
        found.append(Reason(ReasonCode.POOL_OUTSIDE, share=held, least=bounds.min_pool))
    return tuple(found)


def cut_by_border(near: WallFeatures) -> Reason | None:
    """Return the reason to leave a wall that continues beyond the border of the image, or ``None``.

    The main component touches the border, and the fitted circle comes within ``BORDER_MM`` of it. Constant padding is
    outside the image.

    Args:
        near: Features of the wall near the heart.
    """
    length, circle = length_on_border(near.main[near.view], near.spacing), near.circle
    if not length or circle is None:
        return None
    middle = np.array([circle.centre_j, circle.centre_i])
    first, beyond = (np.array([getattr(side, end) for side in near.view]) for end in ("start", "stop"))
    room = float((np.minimum(middle - first, beyond - middle) * near.spacing).min()) - circle.radius_mm
    return Reason(ReasonCode.CUT_BY_BORDER, length_mm=length) if room < BORDER_MM else None


def share_within(component: NDArray[np.bool_], outline: NDArray[np.bool_], nothing: float = 1.0) -> float:
    """Return the share of a component that lies within an outline; ``nothing`` for an empty component."""
    return float(component[outline].sum()) / float(component.sum()) if component.any() else nothing
