"""Input check: doubts that a volume is a short-axis stack and that its mask is the wall of the left ventricle.

Doubts follow from the masks and the spacing before the repair. In a stack with doubts every change is flagged. The
thresholds were measured on ACDC training subjects 1-80: 160 reference stacks raise no doubt. Of 142 network masks that
are real failures, 5 are open on the same side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.features import SURE_CAVITY_MM, SliceFeatures, WallFeatures, roundness
from ...anatomy.topology import fill_holes, holes
from ...reasons import Reason, ReasonCode

THICK = 1.25
"""If the in-plane spacing exceeds the slice spacing by this factor, the slice axis is not the thickest one."""
MIN_THICK = 0.5
"""Least share of wall pixels in 2 x 2 squares: at least 0.98 in ACDC references, at most 0.11 in their outlines."""
COARSE_MM = 3.0
"""With a larger in-plane spacing a wall may be one pixel thin."""
MIN_SLICES = 3
"""Fewer slices with myocardium raise no doubts, except for solid masks, outlines and a wide gap."""
MAX_GAP_OF_FEW_DEG = 60.0
"""In so few slices, none of them closed, a wider gap is in doubt: nothing tells a broken ring from another view."""
MIN_GAP_DEG = 20.0
"""A narrower gap does not count as open on one side."""
MIN_OPEN_SHARE = 1 / 3
"""Least share of slices that are open on the same side: fewer are damage."""
SAME_SIDE_DEG = 20.0
"""Gaps whose middles lie within this angle of one of them are on the same side."""
MIN_SAME_SIDE = 0.8
"""Least share of the gaps on the same side: one loose piece must not hide the gap of all other slices."""
MAX_TILT_DEG = 30.0
"""Largest tilt of the long axis from the slice normal: at most 15 degrees in ACDC references, 18 in network masks."""
MIN_DRIFT_MM = 20.0
"""A tilt over a shorter in-plane distance is noise."""
MIN_OUTLINE_ROUNDNESS = 0.6
"""Least median roundness of the filled outlines: at least 0.85 in ACDC references, 0.70 in network masks."""
MIN_LENGTH_MM = 30.0
"""A shorter heart with a spacing of 1 x 1 x 1 mm has a header without a spacing."""
DIAMETER_MM = (20.0, 130.0)
"""Plausible median outer diameter of closed walls, from an infant's heart to a dilated one."""

OF_BROKEN_MASKS = (ReasonCode.NO_SLICE_CLOSED, ReasonCode.CENTRE_DRIFTS, ReasonCode.ELONGATED)
"""Doubts that a badly broken mask also raises: if there are no others, the image evidence decides."""


def stack_doubts(features: Sequence[SliceFeatures], spacing: tuple[float, float, float]) -> tuple[Reason, ...]:
    """Return why a volume may not be a short-axis stack with the wall of the left ventricle.

    Args:
        features: Features of every slice near the heart, in the order of k.
        spacing: Spacing in mm, ``(k, j, i)``.

    Returns:
        The doubts, the most relevant first.
    """
    doubts = []
    in_plane = max(spacing[1:])
    if in_plane > THICK * spacing[0]:
        doubts.append(Reason(ReasonCode.NOT_THICKEST_AXIS, slice_spacing_mm=spacing[0], in_plane_mm=in_plane))
    shown = [(k, each) for k, each in enumerate(features) if each.b0]
    if set(spacing) == {1.0} and len(shown) < MIN_LENGTH_MM:
        doubts.append(Reason(ReasonCode.NO_SPACING, slices=len(shown)))
    walls = np.array([each.wall for _, each in shown])
    thick = float(ndimage.binary_opening(walls, np.ones((1, 2, 2), bool)).sum() / walls.sum()) if shown else 1.0
    if thick < MIN_THICK and in_plane <= COARSE_MM:
        doubts.append(Reason(ReasonCode.ONLY_OUTLINES, share=thick, least=MIN_THICK))
    areas = [fill_holes(each.of_wall.main).sum() * spacing[1] * spacing[2] for _, each in shown if each.closed]
    closed = bool(areas)
    diameter = float(np.sqrt(4 / np.pi * np.median(areas))) if closed else DIAMETER_MM[0]
    if not DIAMETER_MM[0] <= diameter <= DIAMETER_MM[1]:
        least, most = DIAMETER_MM
        doubts.append(Reason(ReasonCode.IMPLAUSIBLE_SIZE, diameter_mm=diameter, least_mm=least, most_mm=most))
    if not closed and 2 * sum(each.solid for _, each in shown) > len(shown):
        doubts.append(Reason(ReasonCode.FILLED_OUTLINE, slices=len(shown)))
    elif not closed and len(shown) >= MIN_SLICES:
        doubts.append(Reason(ReasonCode.NO_SLICE_CLOSED, slices=len(shown)))
    if len(shown) < MIN_SLICES:
        widest = max((each.gap.angle_deg for _, each in shown), default=0.0)
        if not closed and widest > MAX_GAP_OF_FEW_DEG:
            most = MAX_GAP_OF_FEW_DEG
            doubts.append(Reason(ReasonCode.WIDE_GAP_OF_FEW, slices=len(shown), angle_deg=widest, most_deg=most))
        return tuple(doubts)
    gaps = [each.gap for _, each in shown if not each.closed and each.gap.angle_deg >= MIN_GAP_DEG]
    same = _on_same_side([gap.towards_deg for gap in gaps])
    if same >= max(MIN_SLICES, MIN_OPEN_SHARE * len(shown), MIN_SAME_SIDE * len(gaps)):
        doubts.append(Reason(ReasonCode.SAME_GAP, slices=same))
    outlines = [fill_holes(each.of_wall.main) > 0 for _, each in shown]
    tilt, drift = _tilt([k for k, _ in shown], outlines, spacing)
    if tilt > MAX_TILT_DEG and drift > MIN_DRIFT_MM:
        doubts.append(Reason(ReasonCode.CENTRE_DRIFTS, angle_deg=tilt, most_deg=MAX_TILT_DEG))
    round_by = float(np.median([roundness(outline, spacing[1:]) for outline in outlines]))
    if round_by < MIN_OUTLINE_ROUNDNESS:
        doubts.append(Reason(ReasonCode.ELONGATED, roundness=round_by, least=MIN_OUTLINE_ROUNDNESS))
    return tuple(doubts)


def several_walls(walls: Sequence[WallFeatures]) -> tuple[Reason, ...]:
    """Return the doubt that the mask holds more than the wall of one ventricle.

    Args:
        walls: Features of the whole wall in every slice.

    Returns:
        The doubt if at least half of the slices with a cavity, and at least three, have several; else empty.
    """
    cavities = [_cavities(each) for each in walls]
    several = sum(count > 1 for count in cavities)
    if several < max(MIN_SLICES, 0.5 * sum(count > 0 for count in cavities)):
        return ()
    return (Reason(ReasonCode.SEVERAL_WALLS, slices=several),)


def confirmed_doubts(
    doubts: Sequence[Reason], image_features: Sequence[SliceFeatures], spacing: tuple[float, float, float]
) -> tuple[Reason, ...]:
    """Return the doubts that remain once the image is known to show a heart.

    A badly broken mask can be elongated, drift and have no closed slice although the image is a short-axis stack.

    Args:
        doubts: Doubts about the masks, from :func:`stack_doubts`.
        image_features: Features of the walls predicted from the image alone, in the order of k.
        spacing: Spacing in mm, ``(k, j, i)``.
    """
    shown = sum(each.closed for each in image_features)
    if any(doubt.code not in OF_BROKEN_MASKS for doubt in doubts) or 2 * shown < len(image_features):
        return tuple(doubts)
    return stack_doubts(image_features, spacing)


def _cavities(wall: WallFeatures) -> int:
    """Count the holes of a wall with an inscribed circle of at least ``SURE_CAVITY_MM``."""
    if wall.betti[1] < 2:
        return wall.betti[1]
    labels, count = holes(wall.wall)
    depths = ndimage.distance_transform_edt(labels > 0, sampling=wall.spacing)
    return int((ndimage.maximum(depths, labels, np.arange(1, count + 1)) >= SURE_CAVITY_MM).sum())


def _on_same_side(directions: Sequence[float]) -> int:
    """Return the largest number of directions, in degrees, within ``SAME_SIDE_DEG`` of one of them."""
    angles = np.asarray(directions, dtype=np.float64)
    apart = np.abs((angles[:, None] - angles[None] + 180) % 360 - 180)
    return int((apart <= SAME_SIDE_DEG).sum(axis=1).max(initial=0))


def _tilt(
    slices: Sequence[int], outlines: Sequence[NDArray[np.bool_]], spacing: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the tilt of the long axis in degrees and its in-plane drift over the stack in mm (Theil-Sen)."""
    places = np.asarray(slices) * spacing[0]
    centres = np.array([np.argwhere(outline).mean(axis=0) for outline in outlines]) * spacing[1:]
    one, other = np.triu_indices(len(places), 1)
    slope = np.median((centres[other] - centres[one]) / (places[other] - places[one])[:, None], axis=0)
    steepness = float(np.hypot(*slope))
    return float(np.degrees(np.arctan(steepness))), steepness * float(np.ptp(places))
