"""Verification: whether a proposed wall may replace the one that was there, on the original grid."""

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
from .wall_shape import implausible, length_on_border

BORDER_MM = 5.0
"""The middle of a wall that runs no further than this from the border of the image is cut by it."""


@dataclass(frozen=True)
class Bounds:
    """How far a repair may go without review.

    Attributes:
        least_overlap: Share of the old wall's main piece that must lie on or inside the new wall's outline.
        least_pool: Share of the given blood pool's main piece that must lie on or inside the new wall's outline.
        most_of_pool: Most of the given blood pool's main piece that the new wall may take. Rejects 0.2 % of the good
            walls of the validation set (see :mod:`rncarefine.tasks.ring.wall_shape`).
        most_radius_mm: Largest radius of the new wall's outline, that of the circle with its area; no left ventricle
            is larger.
        most_off_axis_mm: Most distance of the outline's middle from the heart's axis.
        most_change_mm2: Most wall added and removed together in a slice, in mm2; ``None`` sets no limit.
    """

    least_overlap: float = 0.4
    least_pool: float = 0.5
    most_of_pool: float = 0.6
    most_radius_mm: float = 65.0
    most_off_axis_mm: float = 30.0
    most_change_mm2: float | None = None


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
    """Return why a proposed wall is rejected.

    Args:
        wall: The proposal, shape ``(j, i)``.
        before: The wall that was there.
        near: The same without the components that lie away from the heart.
        pool: The blood pool that was given, or ``None``.
        expectation: What the slice should be: a ring or a disc.
        axis: Where the heart's axis meets the slice, ``(j, i)`` in pixels.
        in_plane: In-plane spacing in mm, ``(j, i)``.
        bounds: How far a repair may go.

    Returns:
        The first reason against the wall, ``None`` if there is none.
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
    overlap = _share(near.main, outline)
    if overlap < bounds.least_overlap:
        return Reason(ReasonCode.AWAY_FROM_WALL, share=overlap, least=bounds.least_overlap)
    held = 1.0 if pool is None else _share(largest_component(pool) > 0, outline)
    if held < bounds.least_pool:
        return Reason(ReasonCode.POOL_LEFT_OUTSIDE, share=held, least=bounds.least_pool)
    through = 0.0 if pool is None else _share(largest_component(pool) > 0, (wall > 0) & (before == 0), nothing=0.0)
    if through > bounds.most_of_pool:
        return Reason(ReasonCode.THROUGH_POOL, share=through, most=bounds.most_of_pool)
    pixel_area = in_plane[0] * in_plane[1]
    radius = float(np.sqrt(inside.sum() * pixel_area / np.pi))
    if radius > bounds.most_radius_mm:
        return Reason(ReasonCode.TOO_LARGE, radius_mm=radius, most_mm=bounds.most_radius_mm)
    distance = float(np.hypot(*((np.argwhere(inside).mean(axis=0) - axis) * in_plane)))
    if distance > bounds.most_off_axis_mm:
        return Reason(ReasonCode.RING_OFF_AXIS, distance_mm=distance, most_mm=bounds.most_off_axis_mm)
    beyond = length_on_border((wall > 0) & (before == 0), in_plane)
    if beyond:
        return Reason(ReasonCode.CUT_BY_BORDER, length_mm=beyond)
    against = None if expectation is Expectation.DISC else implausible(wall, before, in_plane)
    if against is not None:
        return against
    change = float((wall != before).sum()) * pixel_area
    if bounds.most_change_mm2 is not None and change > bounds.most_change_mm2:
        return Reason(ReasonCode.CHANGE_TOO_LARGE, change_mm2=change, most_mm2=bounds.most_change_mm2)
    return None


def cut_by_border(near: WallFeatures) -> Reason | None:
    """Return why a wall is left as it is that the border of the image cuts: it goes on outside, where nothing is known.

    Its main piece lies on the border, and the circle that fits it runs there, too.

    Args:
        near: What the wall near the heart shows.
    """
    length, circle = length_on_border(near.main, near.spacing), near.circle
    if not length or circle is None:
        return None
    middle = np.array([circle.centre_j, circle.centre_i]) * near.spacing
    size = np.array(near.wall.shape) * near.spacing
    room = min(float(middle.min()), float((size - middle).min())) - circle.radius_mm
    return Reason(ReasonCode.CUT_BY_BORDER, length_mm=length) if room < BORDER_MM else None


def _share(component: NDArray[np.bool_], outline: NDArray[np.bool_], nothing: float = 1.0) -> float:
    """Return the share of a component that lies within an outline; ``nothing`` for an empty component."""
    return float(component[outline].sum()) / float(component.sum()) if component.any() else nothing
