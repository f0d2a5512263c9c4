"""Verification: whether a proposed wall may replace the one that was there, on the original grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.topology import fill_holes, largest_component
from ...stack import Mask
from ...words import Expectation, Finding
from .diagnosis import find
from .readout import is_ring


@dataclass(frozen=True)
class Bounds:
    """How far a repair may go before a person must decide.

    Attributes:
        least_overlap: Share of the old wall's main piece that must lie on or inside the new wall's outline.
        least_pool: Share of the given blood pool's main piece that must lie on or inside the new wall's outline.
        most_radius_mm: Largest radius of the new wall's outline, that of the circle with its area; no left ventricle
            is larger.
        most_off_axis_mm: Most distance of the outline's middle from the heart's axis.
        most_change_mm2: Most wall added and removed together in a slice, in mm2; ``None`` sets no limit.
    """

    least_overlap: float = 0.4
    least_pool: float = 0.5
    most_radius_mm: float = 65.0
    most_off_axis_mm: float = 30.0
    most_change_mm2: float | None = None


def objection(
    wall: Mask,
    before: Mask,
    near: Mask,
    pool: Mask | None,
    expectation: Expectation,
    axis: tuple[float, float],
    in_plane: tuple[float, float],
    bounds: Bounds,
) -> str:
    """Say what speaks against a proposed wall.

    Args:
        wall: The proposal, shape ``(j, i)``.
        before: The wall that was there.
        near: The same without the pieces that lie away from the heart.
        pool: The blood pool that was given, or ``None``.
        expectation: What the slice should be: a ring or a disc.
        axis: Where the heart's axis meets the slice, ``(j, i)`` in pixels.
        in_plane: Pixel spacing in mm, ``(j, i)``.
        bounds: How far a repair may go.

    Returns:
        One sentence, or an empty string if nothing speaks against it.
    """
    remaining = None if pool is None else pool & (1 - wall)
    if expectation is Expectation.DISC:
        if find(wall, remaining, in_plane) is not Finding.DISC:
            return "No single solid disc could be made."
    elif not is_ring(wall):
        return "No closed ring with a wall of at least a pixel could be made."
    elif find(wall, remaining, in_plane) is not Finding.RING:
        return "The wall would close around a pore, and not around the cavity."
    outline = ndimage.binary_dilation(fill_holes(wall))
    if _share(largest_component(near), outline) < bounds.least_overlap:
        return "The closed wall would lie away from the wall that was there."
    if pool is not None and _share(largest_component(pool), outline) < bounds.least_pool:
        return "The closed wall would leave most of the blood pool outside."
    pixel_area = in_plane[0] * in_plane[1]
    inside = fill_holes(wall)
    if np.sqrt(inside.sum() * pixel_area / np.pi) > bounds.most_radius_mm:
        return "The closed wall would be larger than any left ventricle."
    off_axis = (np.argwhere(inside).mean(axis=0) - axis) * in_plane
    if float(np.hypot(*off_axis)) > bounds.most_off_axis_mm:
        return "The closed wall would not lie about the heart's axis."
    change = float((wall != before).sum()) * pixel_area
    if bounds.most_change_mm2 is not None and change > bounds.most_change_mm2:
        return f"The repair would change {change:.0f} mm2, more than the {bounds.most_change_mm2:.0f} mm2 allowed."
    return ""


def _share(piece: Mask, outline: NDArray[np.bool_]) -> float:
    """Share of a piece that lies within an outline; an empty piece lies within any."""
    return float((piece > 0)[outline].sum()) / float(piece.sum()) if piece.any() else 1.0
