"""What each slice of a stack is, and what it should be: finding and expectation.

The finding is read from one slice alone, the expectation from the slice's place between base and apex. The numbers in
this file were measured on the 1,828 slices of the ACDC training truth; Testing/engine/test_diagnosis_acdc.py repeats
the measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ...anatomy.circle import fit_circle, near_wall
from ...anatomy.shape import MAX_HOLLOW, as_slice, deepest_notch, hull
from ...anatomy.topology import Gap, betti_2d, fill_holes, gap, holes, largest_component
from ...stack import Stack
from ...words import Apex, Expectation, Finding

MIN_CAVITY_PIXELS = 3
"""A smaller hole is a pore, less of blood pool is noise. The smallest cavity of an ACDC ring has 6 pixels."""
MIN_ROUNDNESS = 0.5
"""Shortest over longest axis of a solid shape: at least 0.65 in ACDC's discs and filled rings."""
MAX_DISC_TO_NEIGHBOUR = 0.9
"""Size of an apical disc over that of the larger of the two slices above it: at most 0.68 in ACDC."""
MAX_DISC_TO_STACK = 0.6
"""Size of an apical disc over that of the largest slice: at most 0.45 in ACDC."""

SURE_CAVITY_MM = 5.0
"""A hole in which a circle of this radius fits is a cavity, whatever the shape of the wall outside."""

_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SliceDiagnosis:
    """What one slice is and should be.

    Attributes:
        k: Number of the slice.
        finding: What it is.
        expectation: What it should be.
        b0: Components, 8-connected.
        b1: Holes, 4-connected.
        gap: The widest gap in the wall.
        reason: Why it is not right, or why something other than a ring is right; empty for a right ring and for an
            empty slice beyond the heart.
    """

    k: int
    finding: Finding
    expectation: Expectation
    b0: int
    b1: int
    gap: Gap
    reason: str

    @property
    def right(self) -> bool:
        """Tell whether the slice is what it should be."""
        return self.finding is _FINDING_OF[self.expectation]


@dataclass(frozen=True)
class Diagnosis:
    """What the slices of a stack are and should be.

    Attributes:
        slices: One diagnosis for every slice, in the order of k.
        apex: The end at which the apex lies, ``Apex.FIRST`` or ``Apex.LAST``.
        base_to_apex: Numbers of the slices with myocardium, from base to apex.
    """

    slices: list[SliceDiagnosis]
    apex: Apex
    base_to_apex: list[int]


def find(mask: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> Finding:
    """Tell what the myocardium of a slice is, from the slice alone.

    Beyond the Betti numbers: a closed wall is a ring only if its hole is the cavity (see :func:`cavity`), else it is
    open, or porous where it has no gap. A solid piece is a disc only if it is round, without a deep notch, and no blood
    pool lies beside it; else it is open.

    Args:
        mask: Myocardium, shape ``(j, i)``, zero and non-zero.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: mm along ``(j, i)``.

    Raises:
        ValueError: A mask is not two-dimensional, or the two differ in shape.
    """
    wall, blood = _masks(mask, pool)
    b0, b1 = betti_2d(wall)
    if b0 == 0:
        return Finding.EMPTY
    if b0 > 1:
        return Finding.FRAGMENTED
    if b1 > 1:
        return Finding.POROUS
    if b1 == 1:
        if cavity(wall, blood, spacing) is not None:
            return Finding.RING
        return Finding.POROUS if _is_solid(fill_holes(wall) > 0, spacing) else Finding.OPEN
    beside = blood & ndimage.binary_dilation(wall)
    if _is_solid(wall, spacing) and not (beside.any() and blood.sum() >= MIN_CAVITY_PIXELS):
        return Finding.DISC
    return Finding.OPEN


def cavity(mask: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> _Bools | None:
    """Return the hole of a wall that is its cavity, and not a pore in the wall.

    It is the hole with the largest inscribed circle or, with a pool, with most of the pool. It must have three pixels,
    hold some of the pool if that has three, and either leave a solid shape when filled, or be wider than the deepest
    notch that remains or than 5 mm: the pore of a horseshoe does neither.

    Args:
        mask: Myocardium, shape ``(j, i)``, zero and non-zero.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: mm along ``(j, i)``.

    Returns:
        Boolean mask of the cavity, shape ``(j, i)``, or ``None`` if no wall closes around one.

    Raises:
        ValueError: A mask is not two-dimensional, or the two differ in shape.
    """
    wall, blood = _masks(mask, pool)
    labels, count = holes(wall)
    if count == 0:
        return None
    numbers = np.arange(1, count + 1)
    radii = np.asarray(ndimage.maximum(ndimage.distance_transform_edt(labels > 0, sampling=spacing), labels, numbers))
    share = radii
    if blood.sum() >= MIN_CAVITY_PIXELS:
        share = np.asarray(ndimage.sum_labels(blood, labels, numbers))
        if not share.any():
            return None
    best = int(share.argmax())
    hole: _Bools = labels == best + 1
    if hole.sum() < MIN_CAVITY_PIXELS:
        return None
    pieces, _ = ndimage.label(wall, structure=np.ones((3, 3)))
    touching = pieces[ndimage.binary_dilation(hole) & wall]
    filled = fill_holes(pieces == int(np.bincount(touching).argmax())) > 0
    notch = deepest_notch(filled, spacing)
    return hole if notch.relative < MAX_HOLLOW or radii[best] >= min(notch.depth_mm, SURE_CAVITY_MM) else None


def diagnose(stack: Stack, *, close_base: bool = False, apex: Apex = Apex.AUTO) -> Diagnosis:
    """Tell for every slice of a stack what it is and what it should be.

    Args:
        stack: The stack; its image is not looked at.
        close_base: Expect closed rings at the base too. By default the one or two most basal slices may be open on
            purpose (outflow tract).
        apex: The end at which the apex lies; by default told from the taper of the heart (see :func:`apex_end`).
    """
    return diagnose_mask(stack.mask, stack.pool, stack.spacing, close_base=close_base, apex=apex)


def diagnose_mask(
    mask: ArrayLike,
    pool: ArrayLike | None,
    spacing: tuple[float, float, float],
    *,
    close_base: bool = False,
    apex: Apex = Apex.AUTO,
) -> Diagnosis:
    """Tell for every slice of a mask what it is and what it should be.

    A slice with myocardium should be a ring, with two exceptions that its place allows:

    * a disc: solid, small, without pool, one of the two most apical slices, and no slice nearer the apex has a cavity;
    * open on purpose, unless ``close_base``: the most basal slice if its wall closes around no cavity, and then the
      second most basal one too. A fragmented slice can be open on purpose, but is not right.

    The exceptions need a place: of n slices with myocardium at most (n - 1) // 2 at either end can be one, so that one
    or two slices are always expected to be rings. An empty slice between others should be a ring, too.

    Args:
        mask: Myocardium, shape ``(k, j, i)``, zero and non-zero.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: mm along ``(k, j, i)``.
        close_base: Expect closed rings at the base too.
        apex: The end at which the apex lies.

    Raises:
        ValueError: A mask is not three-dimensional, or the two differ in shape.
    """
    walls = np.asarray(mask) != 0
    if walls.ndim != 3:
        raise ValueError(f"The myocardium mask has {walls.ndim} dimensions, a stack needs 3 (slice, row, column).")
    bloods = np.zeros_like(walls) if pool is None else np.asarray(pool) != 0
    if bloods.shape != walls.shape:
        raise ValueError(f"The blood pool has shape {bloods.shape}, the myocardium {walls.shape}. Resample the pool.")
    in_plane = (spacing[1], spacing[2])
    looks = [_Look.at(wall, blood, in_plane) for wall, blood in zip(walls, bloods, strict=True)]
    end = apex_end([look.size for look in looks]) if Apex(apex) is Apex.AUTO else Apex(apex)
    order = [k for k, look in enumerate(looks) if look.finding is not Finding.EMPTY]
    if end is Apex.FIRST:
        order.reverse()
    expected = _expectations(looks, order, close_base)
    slices = []
    for k, look in enumerate(looks):
        reason = _reason(look, expected[k])
        slices.append(SliceDiagnosis(k, look.finding, expected[k], look.b0, look.b1, look.gap, reason))
    return Diagnosis(slices, end, order)


def apex_end(sizes: list[float]) -> Apex:
    """Tell from the taper of the heart at which end of a stack the apex lies.

    The sign of the Theil-Sen slope of the sizes decides, so that single slices with a wrong size do not matter. Right
    for 199 of ACDC's 200 volumes (the other is an apical aneurysm), and for 196 after heavy damage: slices dropped,
    sectors cut out, false blobs added.

    Args:
        sizes: Area of the convex hull of the wall in each slice, any unit; slices with 0 do not count.

    Returns:
        ``Apex.FIRST`` or ``Apex.LAST``; ``Apex.LAST`` if the stack does not taper.
    """
    values = np.asarray(sizes, dtype=np.float64)
    known = np.flatnonzero(values > 0)
    if known.size < 2:
        return Apex.LAST
    one, other = np.triu_indices(known.size, 1)
    slopes = (values[known[other]] - values[known[one]]) / (known[other] - known[one])
    return Apex.FIRST if float(np.median(slopes)) > 0 else Apex.LAST


@dataclass(frozen=True)
class _Look:
    """Everything about one slice that its expectation depends on."""

    finding: Finding
    b0: int
    b1: int
    gap: Gap
    closed: bool
    """A wall closes around a cavity, whatever else there is."""
    solid: bool
    """The main part, at least three quarters of the myocardium, is a disc."""
    bloody: bool
    """There is blood pool in the slice."""
    size: float
    """Area in mm2 of the convex hull of the wall without loose pieces."""

    @classmethod
    def at(cls, wall: _Bools, blood: _Bools, spacing: tuple[float, float]) -> _Look:
        """Look at one slice, cropped to what is in it: nothing here depends on where in the slice it lies."""
        window = ndimage.find_objects((wall | blood).astype(np.uint8))
        if window:
            wall, blood = wall[window[0]], blood[window[0]]
        main = largest_component(wall) > 0
        closed = cavity(wall, blood, spacing) is not None
        solid = bool(main.sum() >= max(1, 0.75 * wall.sum())) and _is_solid(fill_holes(main) > 0, spacing)
        circle = fit_circle(wall, spacing)
        near = main if circle is None else near_wall(wall, spacing, (circle.centre_j, circle.centre_i))
        size = float(hull(near).volume) * spacing[0] * spacing[1] if near.any() else 0.0
        bloody = bool(blood.sum() >= MIN_CAVITY_PIXELS)
        b0, b1 = betti_2d(wall)
        found = find(wall, blood, spacing)
        return cls(found, b0, b1, gap(wall, spacing), closed, solid and not closed, bloody, size)


def _expectations(looks: list[_Look], order: list[int], close_base: bool) -> list[Expectation]:
    """Return the expectation for every slice; ``order`` are the slices with myocardium, from base to apex."""
    expected = [Expectation.EMPTY] * len(looks)
    if not order:
        return expected
    for k in range(min(order), max(order) + 1):
        expected[k] = Expectation.RING
    ends = min(2, (len(order) - 1) // 2)
    if not close_base:
        for k in order[:ends]:
            if looks[k].closed:
                break
            expected[k] = Expectation.OPEN
    largest = max(look.size for look in looks)
    for place in range(len(order) - 1, len(order) - 1 - ends, -1):
        look = looks[order[place]]
        above = max(looks[k].size for k in order[max(place - 2, 0) : place])
        small = look.size <= MAX_DISC_TO_NEIGHBOUR * above and look.size <= MAX_DISC_TO_STACK * largest
        if look.solid and small and not look.bloody:
            expected[order[place]] = Expectation.DISC
        if look.closed:
            break
    return expected


def _reason(look: _Look, expectation: Expectation) -> str:
    """Return one sentence on why the slice is not right, or why something other than a ring is right."""
    wide = f"a gap of {look.gap.angle_deg:.0f} degrees ({look.gap.width_mm:.0f} mm)"
    state = {
        Finding.RING: "",
        Finding.DISC: "The myocardium is solid.",
        Finding.OPEN: f"The wall has {wide}." if look.gap.angle_deg > 0 else "The wall does not close.",
        Finding.FRAGMENTED: f"The myocardium is in {look.b0} pieces.",
        Finding.POROUS: f"The wall has {look.b1} hole{'s' if look.b1 > 1 else ''} and is not a plain ring.",
        Finding.EMPTY: "There is no myocardium, but there is in slices on both sides.",
    }[look.finding]
    if look.finding is Finding.DISC and look.bloody:
        state = "The myocardium is solid, but there is blood pool in the slice."
    if look.finding is Finding.POROUS and look.b1 == 1:
        state = "The only hole in the wall is a pore, or holds none of the blood pool."
    if look.finding is Finding.OPEN and look.b1 == 1 and look.gap.angle_deg == 0:
        state = "The wall closes around no cavity: its only hole is narrower than the notch beside it."
    if expectation is Expectation.DISC:
        return f"{state} A disc is expected at the apical end."
    if expectation is Expectation.OPEN:
        return f"{state} It may be open on purpose at the base."
    return "" if expectation is Expectation.EMPTY else state


def _is_solid(shape: _Bools, spacing: tuple[float, float]) -> bool:
    """Tell whether a shape of at least one pixel is round and without a deep notch."""
    j, i = np.nonzero(shape)
    # Pixels have an extent of their own: without it a single one would have no shape.
    spread = np.cov(np.stack([j * spacing[0], i * spacing[1]]), bias=True) + np.diag(np.square(spacing)) / 12
    short, long = np.linalg.eigvalsh(spread)
    return bool(np.sqrt(short / long) >= MIN_ROUNDNESS) and deepest_notch(shape, spacing).relative < MAX_HOLLOW


def _masks(mask: ArrayLike, pool: ArrayLike | None) -> tuple[_Bools, _Bools]:
    """Return myocardium and pool of a slice as boolean masks; the pool empty where none was given."""
    wall = as_slice(mask)
    blood = np.zeros_like(wall) if pool is None else as_slice(pool)
    if blood.shape != wall.shape:
        raise ValueError(f"The blood pool has shape {blood.shape}, the myocardium {wall.shape}. Resample the pool.")
    return wall, blood


_FINDING_OF = {
    Expectation.RING: Finding.RING,
    Expectation.DISC: Finding.DISC,
    Expectation.OPEN: Finding.OPEN,
    Expectation.EMPTY: Finding.EMPTY,
}
