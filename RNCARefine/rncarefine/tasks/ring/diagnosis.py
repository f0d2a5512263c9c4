"""Diagnosis of a stack: finding and expectation of every slice.

The finding depends on the slice alone, the expectation on its position between base and apex. The thresholds were
measured on the 1,828 reference slices of the ACDC training set; Testing/engine/tasks/test_diagnosis_acdc.py repeats the
measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...anatomy.features import MIN_CAVITY_PIXELS, SliceFeatures, WallFeatures, cavity, find
from ...anatomy.topology import Gap
from ...reasons import Reason, ReasonCode
from ...words import Apex, Expectation, Finding
from .expectation import doubts_about_exception, expectations

__all__ = [
    "MIN_CAVITY_PIXELS",
    "Diagnosis",
    "SliceDiagnosis",
    "apex_end",
    "cavity",
    "diagnose_features",
    "diagnose_mask",
    "find",
]


@dataclass(frozen=True)
class SliceDiagnosis:
    """Diagnosis of one slice.

    Attributes:
        k: Slice number.
        finding: Class of the slice.
        expectation: Expected class.
        b0: Number of components, 8-connected.
        b1: Number of holes, 4-connected background.
        gap: The widest gap in the wall.
        reasons: Why the slice is not as expected, or why a finding other than a ring is accepted; empty for a correct
            ring and for an empty slice outside the heart without blood pool.
    """

    k: int
    finding: Finding
    expectation: Expectation
    b0: int
    b1: int
    gap: Gap
    reasons: tuple[Reason, ...]

    @property
    def right(self) -> bool:
        """Whether the finding is the expected one."""
        return self.finding is _FINDING_OF[self.expectation]

    @property
    def doubtful(self) -> bool:
        """Whether the slice needs review although the finding is the expected one."""
        return self.right and bool({reason.code for reason in self.reasons} & _DOUBTS)


@dataclass(frozen=True)
class Diagnosis:
    """Diagnosis of a stack.

    Attributes:
        slices: One diagnosis per slice, in the order of k.
        apex: End of the stack at which the apex lies, ``Apex.FIRST`` or ``Apex.LAST``.
        base_to_apex: Numbers of the slices with myocardium, from base to apex.
    """

    slices: list[SliceDiagnosis]
    apex: Apex
    base_to_apex: list[int]


def diagnose_mask(
    mask: ArrayLike,
    pool: ArrayLike | None,
    spacing: tuple[float, float, float],
    *,
    close_base: bool = False,
    apex: Apex = Apex.AUTO,
    remove_islands: bool = False,
) -> Diagnosis:
    """Diagnose every slice of a mask.

    The expectation of a slice with myocardium is a ring, with two exceptions:

    * disc: solid, small, without pool, within the most apical 20 mm, and no slice nearer the apex has a cavity;
    * open (outflow tract), unless ``close_base``: within the most basal 20 mm, as long as no slice nearer the base
      has a cavity or is an empty slice between others. A fragmented slice there is expected to be open, but is not as
      expected.

    Of n slices with myocardium, at most (n - 1) // 2 at either end can be exceptions, so that at least one or two
    slices are expected to be rings. An empty slice between others is expected to be a ring.

    A ring may have components inside its cavity (papillary muscles, trabeculae), unless ``remove_islands``.

    Args:
        mask: Myocardium, shape ``(k, j, i)``.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: Spacing in mm, ``(k, j, i)``.
        close_base: Expect closed rings at the base too.
        apex: End at which the apex lies.
        remove_islands: Treat a closed wall with components inside its cavity as not as expected.

    Raises:
        ValueError: A mask is not three-dimensional, or the shapes differ.
    """
    walls = np.asarray(mask) != 0
    if walls.ndim != 3:
        raise ValueError(f"The myocardium mask has {walls.ndim} dimensions, a stack needs 3 (slice, row, column).")
    bloods = np.zeros_like(walls) if pool is None else np.asarray(pool) != 0
    if bloods.shape != walls.shape:
        raise ValueError(f"The blood pool has shape {bloods.shape}, the myocardium {walls.shape}. Resample the pool.")
    in_plane = (spacing[1], spacing[2])
    features = [SliceFeatures.of(wall, blood, in_plane) for wall, blood in zip(walls, bloods, strict=True)]
    return diagnose_features(features, spacing[0], close_base=close_base, apex=apex, remove_islands=remove_islands)


def diagnose_features(
    features: Sequence[SliceFeatures],
    slice_mm: float,
    *,
    close_base: bool = False,
    apex: Apex = Apex.AUTO,
    remove_islands: bool = False,
    near: Sequence[WallFeatures] | None = None,
) -> Diagnosis:
    """Diagnose a stack from its features, see :func:`diagnose_mask`.

    Args:
        features: Features of every slice, in the order of k.
        slice_mm: Slice spacing in mm.
        close_base: Expect closed rings at the base too.
        apex: End at which the apex lies.
        remove_islands: Treat a closed wall with components inside its cavity as not as expected.
        near: Features of the wall near the heart; if given, the apical end is inferred from these.
    """
    end = Apex(apex)
    if end is Apex.AUTO:
        own = [each.of_wall for each in features]
        walls = own if near is None or not any(wall.betti[0] for wall in near) else near
        end = apex_end([wall.size_mm2 for wall in walls])
    order = [k for k, each in enumerate(features) if each.finding is not Finding.EMPTY]
    if end is Apex.FIRST:
        order.reverse()
    expected = expectations(features, order, slice_mm, close_base)
    places = {k: place for place, k in enumerate(order)}
    slices = []
    for k, each in enumerate(features):
        finding = Finding.RING if each.islands and not remove_islands else each.finding
        doubts = doubts_about_exception(features, order, places[k], expected, slice_mm) if k in places else ()
        reasons = (*_reasons(each, finding, expected[k]), *doubts)
        slices.append(SliceDiagnosis(k, finding, expected[k], each.b0, each.b1, each.gap, reasons))
    return Diagnosis(slices, end, order)


def apex_end(sizes: list[float]) -> Apex:
    """Infer the apical end of a stack from the taper of the heart.

    The result is the sign of the Theil-Sen slope of the sizes, which is robust to outlier slices. It is correct for
    199 of the 200 ACDC volumes (the exception is an apical aneurysm), and for 196 after heavy corruption: slices
    dropped, sectors removed, false blobs added.

    Args:
        sizes: Area of the wall's convex hull per slice, any unit; zeros are ignored.

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


def _reasons(features: SliceFeatures, finding: Finding, expectation: Expectation) -> tuple[Reason, ...]:
    """Return why the slice is not as expected, or why a finding other than a ring is accepted."""
    if expectation is Expectation.EMPTY:
        return (Reason(ReasonCode.WALL_MISSING),) if features.has_pool else ()
    state = _state(features, finding)
    allowed = {Expectation.DISC: ReasonCode.DISC_EXPECTED, Expectation.OPEN: ReasonCode.OPEN_ALLOWED}.get(expectation)
    return (*state, *(() if allowed is None else (Reason(allowed),)))


def _state(features: SliceFeatures, finding: Finding) -> tuple[Reason, ...]:
    """Return why a slice is not a plain ring; empty if it is one."""
    gap = features.gap
    if finding is Finding.RING:
        return (Reason(ReasonCode.ISLANDS, components=features.islands),) if features.islands else ()
    if finding is Finding.DISC:
        return (Reason(ReasonCode.SOLID_WITH_POOL if features.has_pool else ReasonCode.SOLID),)
    if finding is Finding.FRAGMENTED:
        return (Reason(ReasonCode.FRAGMENTED, components=features.b0),)
    if finding is Finding.POROUS:
        return (Reason(ReasonCode.PORE_ONLY) if features.b1 == 1 else Reason(ReasonCode.POROUS, holes=features.b1),)
    if finding is Finding.EMPTY:
        return (Reason(ReasonCode.EMPTY),)
    if gap.angle_deg > 0:
        return (Reason(ReasonCode.GAP, angle_deg=gap.angle_deg, width_mm=gap.width_mm),)
    return (Reason(ReasonCode.NO_CAVITY if features.b1 == 1 else ReasonCode.NOT_CLOSED),)


_FINDING_OF = {
    Expectation.RING: Finding.RING,
    Expectation.DISC: Finding.DISC,
    Expectation.OPEN: Finding.OPEN,
    Expectation.EMPTY: Finding.EMPTY,
}
_DOUBTS = {
    ReasonCode.LARGE_DISC,
    ReasonCode.SMALL_DISC,
    ReasonCode.LONG_CAP,
    ReasonCode.WALL_MISSING,
    ReasonCode.DISC_OFF_NEIGHBOUR,
    ReasonCode.OPEN_OFF_CONTOUR,
}
"""Codes that flag a slice although its finding is the expected one."""
