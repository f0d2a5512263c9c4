"""Expectation of each slice from its position between base and apex; limits in mm, independent of the slice spacing.

The thresholds were measured on the 1,828 reference slices of the ACDC training set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ...anatomy.features import SliceFeatures, WallFeatures
from ...anatomy.shape import hull
from ...reasons import Reason, ReasonCode
from ...words import Expectation

END_MM = 20.0
"""Length of the basal and of the apical end, in which a slice need not be a ring."""
MAX_DISC_TO_NEIGHBOUR = 0.9
"""Largest size ratio of an apical disc to the largest slice within ``END_MM`` above it: at most 0.68 in ACDC."""
MAX_DISC_TO_STACK = 0.6
"""Largest size ratio of an apical disc to the largest slice: at most 0.45 in ACDC."""
LARGE_DISC_MM = 38.0
"""A disc of a larger diameter needs review: four of the 20 reference discs of ACDC subjects 1-80, up to 49 mm."""
SMALL_DISC_MM = 12.0
"""A disc of a smaller diameter needs review: at least 17.6 mm in the reference discs of ACDC subjects 1-80."""
MAX_CAP_MM = 12.0
"""Several discs that are together longer need review: in 2 of 200 stacks of ACDC the apical cap is."""
MIN_BELOW_NEIGHBOUR = 0.5
"""Least share of a disc within the convex hull of its neighbour: at least 0.84 in ACDC subjects 1-80."""
CONTOUR_MM = 8.0
"""Open basal wall within this distance of the neighbouring wall lies on its contour."""
MIN_ON_CONTOUR = 0.5
"""Share of an open wall that must lie on the contour of its neighbour."""


def slice_count(length_mm: float, slice_mm: float) -> int:
    """Return the number of slices in a length, at least one."""
    return max(1, round(length_mm / slice_mm))


def expectations(
    features: Sequence[SliceFeatures], order: Sequence[int], slice_mm: float, close_base: bool
) -> list[Expectation]:
    """Return the expectation of every slice.

    Args:
        features: Features of every slice, in the order of k.
        order: Numbers of the slices with myocardium, from base to apex.
        slice_mm: Slice spacing in mm.
        close_base: Expect closed rings at the base too.
    """
    expected = [Expectation.EMPTY] * len(features)
    if not order:
        return expected
    for k in range(min(order), max(order) + 1):
        expected[k] = Expectation.RING
    reach = slice_count(END_MM, slice_mm)
    ends = min(reach, (len(order) - 1) // 2)
    if not close_base:
        for place, k in enumerate(order[:ends]):
            # An empty slice nearer the base was set to a ring above; no slice below it may be open.
            if features[k].closed or abs(k - order[0]) > place:
                break
            expected[k] = Expectation.OPEN
    for k in _apical_discs(features, order, ends, reach):
        expected[k] = Expectation.DISC
    return expected


def _apical_discs(features: Sequence[SliceFeatures], order: Sequence[int], ends: int, reach: int) -> list[int]:
    """Return the slices that may be discs: solid, small, without pool, and with no cavity nearer the apex.

    If the slice above them is also solid but large, none of them counts: the whole mask may be filled.
    """
    sizes = [features[k].of_wall.size_mm2 for k in order]
    found = []
    for place in range(len(order) - 1, len(order) - 1 - ends, -1):
        here = features[order[place]]
        above = max(sizes[max(place - reach, 0) : place])
        small = sizes[place] <= MAX_DISC_TO_NEIGHBOUR * above and sizes[place] <= MAX_DISC_TO_STACK * max(sizes)
        if here.solid and small and not here.has_pool:
            found.append(order[place])
        if here.closed:
            break
    place = len(order) - 1 - ends
    beyond, large = features[order[place]], sizes[place] > MAX_DISC_TO_STACK * max(sizes)
    return [] if len(found) == ends and large and beyond.solid and not beyond.has_pool else found


def doubts_about_exception(
    features: Sequence[SliceFeatures],
    order: Sequence[int],
    place: int,
    expected: Sequence[Expectation],
    slice_mm: float,
) -> tuple[Reason, ...]:
    """Return doubts about a slice that is expected to be a disc or open.

    Args:
        features: Features of every slice, in the order of k.
        order: Numbers of the slices with myocardium, from base to apex.
        place: Index of the slice in ``order``.
        expected: Expectation of every slice, in the order of k.
        slice_mm: Slice spacing in mm.
    """
    here, expectation = features[order[place]], expected[order[place]]
    if expectation is Expectation.DISC:
        discs = sum(each is Expectation.DISC for each in expected)
        long = discs > 1 and discs * slice_mm > MAX_CAP_MM
        cap = (Reason(ReasonCode.LONG_CAP, length_mm=discs * slice_mm, most_mm=MAX_CAP_MM),) if long else ()
        return (*_doubts_about_disc(here.of_wall, _neighbour(features, order[place - 1 :: -1])), *cap)
    if expectation is Expectation.OPEN:
        share = _share_on_contour(here, features, order[place + 1 :])
        if share < MIN_ON_CONTOUR:
            return (Reason(ReasonCode.OPEN_OFF_CONTOUR, share=share, least=MIN_ON_CONTOUR),)
    return ()


def _doubts_about_disc(disc: WallFeatures, neighbour: WallFeatures) -> tuple[Reason, ...]:
    """Return doubts about the size and the place of an apical disc, given its neighbour."""
    doubts = []
    diameter = 2 * float(np.sqrt(disc.size_mm2 / np.pi))
    if diameter > LARGE_DISC_MM:
        doubts.append(Reason(ReasonCode.LARGE_DISC, diameter_mm=diameter, most_mm=LARGE_DISC_MM))
    if diameter < SMALL_DISC_MM:
        doubts.append(Reason(ReasonCode.SMALL_DISC, diameter_mm=diameter, least_mm=SMALL_DISC_MM))
    # The convex hull stands for the filled outline of an open wall, and holds the heart beside larger loose components.
    sides = hull(neighbour.wall).equations
    share = float((np.argwhere(disc.main) @ sides[:, :2].T + sides[:, 2] <= 0).all(axis=1).mean())
    if share < MIN_BELOW_NEIGHBOUR:
        doubts.append(Reason(ReasonCode.DISC_OFF_NEIGHBOUR, share=share, least=MIN_BELOW_NEIGHBOUR))
    return tuple(doubts)


def _share_on_contour(here: SliceFeatures, features: Sequence[SliceFeatures], below: Sequence[int]) -> float:
    """Return the share of a wall near the wall of its neighbour below it."""
    distance = ndimage.distance_transform_edt(~_neighbour(features, below).main, sampling=here.spacing)
    return float((distance[here.wall] <= CONTOUR_MM).mean())


def _neighbour(features: Sequence[SliceFeatures], order: Sequence[int]) -> WallFeatures:
    """Return the wall of the first closed slice, or of the last slice if none is closed."""
    return next((features[k] for k in order if features[k].closed), features[order[-1]]).of_wall
