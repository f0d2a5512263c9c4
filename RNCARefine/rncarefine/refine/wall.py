"""Wall thickness before and after a repair, per direction and AHA segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..anatomy import aha
from ..anatomy.circle import near_wall
from ..anatomy.thickness import WallProfile, cavity_centre
from ..stack import Mask, Stack
from ..words import Apex, Expectation
from .metrics import lv_mass_g
from .records import SegmentRecord, SliceRecord, ThicknessRecord, WallRecord

BEFORE_REACH = 1.5
"""Length of the rays that measure the wall before, relative to the outer border of the wall after."""

_SURROUNDS = (Expectation.RING, Expectation.OPEN)
"""Expectations of slices whose wall surrounds a cavity."""


def measure(
    stack: Stack, wall: Mask, records: Sequence[SliceRecord], apex: Apex
) -> tuple[list[SliceRecord], WallRecord]:
    """Measure the wall of every slice before and after.

    Args:
        stack: The stack before the repair.
        wall: Current myocardium, shape ``(k, j, i)``.
        records: Slice records.
        apex: End at which the apex lies.

    Returns:
        The slice records with thickness and mass, and the thickness per direction.
    """
    measured = [measure_slice(stack, wall[record.k], record) for record in records]
    found = WallRecord([one for _, one in measured], _septum(stack, wall, records), _turn(stack, apex))
    found = replace(found, view_assumed=stack.right_handed is None)
    slices = [record for record, _ in measured]
    return slices, with_segments(found, slices, apex)


def measure_slice(stack: Stack, wall: Mask, record: SliceRecord) -> tuple[SliceRecord, ThicknessRecord]:
    """Measure one slice.

    Both walls are measured from the centre of the cavity after the repair, so that they are comparable.

    Args:
        stack: The stack before the repair.
        wall: Current myocardium of the slice, shape ``(j, i)``.
        record: Slice record.
    """
    before, after = _profiles(stack, wall, record)
    first, second = (None if each is None else each.thickness_mm() for each in (before, after))
    directions, length = np.zeros(0, dtype=bool), 0.0
    if after is not None and not np.array_equal(wall, stack.mask[record.k]):
        directions, length = after.invented(stack.mask[record.k], stack.in_plane)
    measured = replace(
        record,
        thickness_before_mm=_mean(first),
        thickness_after_mm=_mean(second),
        thinnest_before_mm=None if first is None else round(float(first.min()), 2),
        thinnest_after_mm=None if second is None else round(float(second.min()), 2),
        invented_mm=round(length, 1),
        mass_before_g=round(lv_mass_g(stack.mask[record.k], stack.spacing), 3),
        mass_after_g=round(lv_mass_g(wall, stack.spacing), 3),
    )
    return measured, ThicknessRecord(record.k, _listed(first), _listed(second), np.flatnonzero(directions).tolist())


def with_segments(found: WallRecord, records: Sequence[SliceRecord], apex: Apex) -> WallRecord:
    """Add the thickness of the AHA segments if the septum is known."""
    if found.septum_deg is None:
        return found
    rings = [record.k for record in records if record.expectation is Expectation.RING]
    from_base = rings if apex is Apex.LAST else rings[::-1]
    level = dict(zip(from_base, aha.levels(len(from_base)), strict=True))
    slices = [one for one in found.slices if one.k in level]
    before, after = (
        aha.segment_means([(level[one.k], each) for one, each in sides], found.septum_deg, found.turn)
        for sides in ([(one, one.before_mm) for one in slices], [(one, one.after_mm) for one in slices])
    )
    segments = [
        SegmentRecord(number, name, _rounded(old), _rounded(new))
        for number, (name, old, new) in enumerate(zip(aha.SEGMENTS, before, after, strict=True), start=1)
    ]
    return replace(found, segments=segments)


def _profiles(stack: Stack, wall: Mask, record: SliceRecord) -> tuple[WallProfile | None, WallProfile | None]:
    """Return the profiles of the wall before and after; ``None`` if it surrounds no cavity."""
    if record.expectation not in _SURROUNDS:
        return None, None
    old, spacing = stack.mask[record.k], stack.in_plane
    pool = None if stack.pool is None else stack.pool[record.k] & (1 - wall)
    centre = cavity_centre(wall, pool, spacing) if wall.any() else None
    if centre is None:
        return None, None
    after = WallProfile.of(near_wall(wall, spacing, centre), centre, spacing)
    if np.array_equal(old, wall):
        return after, after
    before = WallProfile.of(old, centre, spacing, BEFORE_REACH * float(np.nanmax(after.outer_mm)))
    return before, after


def _septum(stack: Stack, wall: Mask, records: Sequence[SliceRecord]) -> float | None:
    """Return the mean direction of the septum over all slices; ``None`` without a right ventricle."""
    if stack.right_ventricle is None:
        return None
    rays = []
    for record in records:
        _, profile = _profiles(stack, wall[record.k], record)
        if profile is not None:
            rays.append(aha.septal_rays(profile, stack.right_ventricle[record.k], stack.in_plane))
    return aha.mean_direction(np.concatenate(rays)) if rays else None


def _turn(stack: Stack, apex: Apex) -> int:
    """Return the sense of rotation of the AHA segments: counter-clockwise, viewed from the apex.

    If the patient orientation is unknown, the slices are assumed to be viewed from the apex, the usual convention.
    """
    if stack.right_handed is None:
        return -1
    return (1 if apex is Apex.LAST else -1) * (1 if stack.right_handed else -1)


def _mean(thickness: NDArray[np.float64] | None) -> float | None:
    return None if thickness is None or not thickness.any() else round(float(thickness[thickness > 0].mean()), 2)


def _listed(thickness: NDArray[np.float64] | None) -> list[float]:
    return [] if thickness is None else [round(float(value), 2) for value in thickness]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
