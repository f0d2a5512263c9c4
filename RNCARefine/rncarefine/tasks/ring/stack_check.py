"""Doubts whether a volume is a short-axis stack and its mask the wall of the left ventricle.

They follow from the masks and the spacing alone, before anything is repaired. A stack in doubt is repaired only with
every change flagged. The numbers in this file were measured on the ACDC training subjects 1-80: on 160 stacks of the
truth, none of which is in doubt, and on 250 masks of two networks, of which three are (two are open on the same side,
one shows no closed slice).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.circle import near_wall
from ...anatomy.features import SURE_CAVITY_MM, SliceFeatures, WallFeatures, roundness
from ...anatomy.topology import fill_holes, holes
from ...reasons import Reason, ReasonCode

THICK = 1.25
"""An in-plane spacing that is larger than the slice spacing by this factor belongs to the slice axis."""
LEAST_THICK = 0.5
"""Share of the wall's pixels in squares of 2 x 2: at least 0.98 in ACDC's truth, at most 0.11 in its outlines."""
COARSE_MM = 3.0
"""With larger pixels a wall may be as thin as one."""
LEAST_SLICES = 3
"""Fewer slices with myocardium raise no doubt about a stack, unless they are solid, or lines."""
LEAST_GAP_DEG = 20.0
"""A narrower gap does not count as open on one side."""
LEAST_OPEN_SHARE = 0.35
"""Share of the slices with wall that must be open for the side to matter."""
SAME_SIDE = 0.95
"""Length of the mean of the unit vectors towards the gaps: at 0.95 they are spread by about 18 degrees."""
MOST_TILT_DEG = 30.0
"""Tilt of the wall's axis against the slices' normal: at most 15 degrees in ACDC's truth, 18 in networks' masks."""
LEAST_DRIFT_MM = 20.0
"""A tilt over a shorter distance than this is noise."""
LEAST_ROUNDNESS = 0.6
"""Median over the slices of the outline's shortest over its longest axis: at least 0.85 in ACDC's truth, 0.70 in
networks' masks."""

OF_BROKEN_MASKS = (ReasonCode.NO_SLICE_CLOSED, ReasonCode.CENTRE_DRIFTS, ReasonCode.ELONGATED)
"""Doubts that a badly broken mask raises, too: without others they are judged by what is seen in the image."""


def stack_doubts(features: Sequence[SliceFeatures], spacing: tuple[float, float, float]) -> tuple[Reason, ...]:
    """Return why a volume may not be a short-axis stack with the wall of the left ventricle.

    Args:
        features: Those of every slice, in the order of k, without what lies away from the heart.
        spacing: mm along ``(k, j, i)``.

    Returns:
        The reasons, the most telling first; none for a stack that is beyond doubt.
    """
    doubts = []
    in_plane = max(spacing[1:])
    if in_plane > THICK * spacing[0]:
        doubts.append(Reason(ReasonCode.NOT_THICKEST_AXIS, slice_spacing_mm=spacing[0], in_plane_mm=in_plane))
    shown = [(k, each) for k, each in enumerate(features) if each.b0]
    walls = np.array([each.wall for _, each in shown])
    thick = float(ndimage.binary_opening(walls, np.ones((1, 2, 2), bool)).sum() / walls.sum()) if shown else 1.0
    if thick < LEAST_THICK and in_plane <= COARSE_MM:
        doubts.append(Reason(ReasonCode.ONLY_OUTLINES, share=thick, least=LEAST_THICK))
    closed = any(each.closed for _, each in shown)
    if not closed and 2 * sum(each.solid for _, each in shown) > len(shown):
        doubts.append(Reason(ReasonCode.FILLED_OUTLINE, slices=len(shown)))
    elif not closed and len(shown) >= LEAST_SLICES:
        doubts.append(Reason(ReasonCode.NO_SLICE_CLOSED, slices=len(shown)))
    if len(shown) < LEAST_SLICES:
        return tuple(doubts)
    sides = [_open_side(each.of_wall) for _, each in shown if not each.closed]
    directions = np.array([side for side in sides if side is not None])
    if len(directions) >= max(LEAST_SLICES, LEAST_OPEN_SHARE * len(shown)):
        if float(np.hypot(*directions.mean(axis=0))) >= SAME_SIDE:
            doubts.append(Reason(ReasonCode.SAME_GAP, slices=len(directions)))
    outlines = [fill_holes(each.of_wall.main) > 0 for _, each in shown]
    tilt, drift = _tilt([k for k, _ in shown], outlines, spacing)
    if tilt > MOST_TILT_DEG and drift > LEAST_DRIFT_MM:
        doubts.append(Reason(ReasonCode.CENTRE_DRIFTS, angle_deg=tilt, most_deg=MOST_TILT_DEG))
    round_by = float(np.median([roundness(outline, spacing[1:]) for outline in outlines]))
    if round_by < LEAST_ROUNDNESS:
        doubts.append(Reason(ReasonCode.ELONGATED, roundness=round_by, least=LEAST_ROUNDNESS))
    return tuple(doubts)


def several_walls(walls: Sequence[WallFeatures]) -> tuple[Reason, ...]:
    """Return the doubt that the myocardium is more than the wall of one ventricle.

    Args:
        walls: All of the wall in every slice, wherever it lies.

    Returns:
        The doubt where half of the slices with wall, and at least three, close around several cavities; else nothing.
    """
    several = sum(_cavities(each) > 1 for each in walls)
    if several < max(LEAST_SLICES, 0.5 * sum(each.betti[0] > 0 for each in walls)):
        return ()
    return (Reason(ReasonCode.SEVERAL_WALLS, slices=several),)


def confirmed_doubts(
    doubts: Sequence[Reason], seen: Sequence[SliceFeatures], spacing: tuple[float, float, float]
) -> tuple[Reason, ...]:
    """Return the doubts that remain where the image is known to show a heart.

    A badly broken mask is elongated, drifts and has no closed slice, whatever the image shows.

    Args:
        doubts: From :func:`stack_doubts`, about the masks.
        seen: Features of the walls that are seen in the image alone, in the order of k.
        spacing: mm along ``(k, j, i)``.
    """
    shown = sum(each.closed for each in seen)
    if any(doubt.code not in OF_BROKEN_MASKS for doubt in doubts) or 2 * shown < len(seen):
        return tuple(doubts)
    return stack_doubts(seen, spacing)


def _cavities(wall: WallFeatures) -> int:
    """Return how many holes of a wall are cavities for sure, by the circle that fits into them."""
    if wall.betti[1] < 2:
        return wall.betti[1]
    labels, count = holes(wall.wall)
    depths = ndimage.distance_transform_edt(labels > 0, sampling=wall.spacing)
    return int((ndimage.maximum(depths, labels, np.arange(1, count + 1)) >= SURE_CAVITY_MM).sum())


def _open_side(wall: WallFeatures) -> NDArray[np.float64] | None:
    """Return the unit vector ``(j, i)`` from the middle of the wall towards its gap; ``None`` without a gap."""
    circle = wall.circle
    if circle is None or wall.gap.angle_deg < LEAST_GAP_DEG:
        return None
    centre = np.array([circle.centre_j, circle.centre_i])
    own = np.argwhere(near_wall(wall.wall, wall.spacing, (circle.centre_j, circle.centre_i))).mean(axis=0)
    across = (centre - own) * wall.spacing
    length = float(np.hypot(*across))
    return None if length == 0 else np.asarray(across / length)


def _tilt(
    slices: Sequence[int], outlines: Sequence[NDArray[np.bool_]], spacing: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the tilt of the wall's axis in degrees, and how far it drifts over the stack in mm (Theil-Sen)."""
    places = np.asarray(slices) * spacing[0]
    centres = np.array([np.argwhere(outline).mean(axis=0) for outline in outlines]) * spacing[1:]
    one, other = np.triu_indices(len(places), 1)
    slope = np.median((centres[other] - centres[one]) / (places[other] - places[one])[:, None], axis=0)
    steepness = float(np.hypot(*slope))
    return float(np.degrees(np.arctan(steepness))), steepness * float(np.ptp(places))
