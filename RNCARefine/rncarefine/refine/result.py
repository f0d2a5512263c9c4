"""Result of a repair, composed once; files, nodes and reports only write it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..anatomy.topology import fill_holes
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from .records import Report


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes of the wall and the blood pool by a repair. All masks have the shape of the stack.

    Create it with :meth:`compose`.

    Attributes:
        stack: The stack before the repair.
        wall: Repaired myocardium, shape ``(k, j, i)``, 0 and 1.
        pool: Blood pool after the repair; ``None`` if not given.
        added: Pixels added to the wall.
        removed: Pixels removed from the wall.
        taken_from_pool: Added pixels that were blood pool.
        taken_from_others: Added pixels that belonged to other labels or segments.
        trimmed: Blood pool removed because it lies outside a closed ring.
    """

    stack: Stack
    wall: Mask
    pool: Mask | None
    added: Mask
    removed: Mask
    taken_from_pool: Mask
    taken_from_others: Mask
    trimmed: Mask

    @classmethod
    def compose(
        cls, stack: Stack, wall: Mask, *, others: Mask | None = None, trim_slices: Collection[int] = ()
    ) -> Changes:
        """Compare a repaired wall with that of the stack.

        Example:
            >>> image = np.arange(8.0).reshape(1, 1, 8)
            >>> stack = Stack.create(image, image < 2, (8.0, 1.5, 1.5), pool=image > 4)
            >>> changes = Changes.compose(stack, (image < 6).astype(np.uint8))
            >>> changes.added[0, 0].tolist(), changes.pool[0, 0].tolist()
            ([0, 0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1])

        Pixels added to the wall are removed from the pool; an overlap that existed before remains. Pixels removed from
        the wall get no label.

        Args:
            stack: The stack before the repair.
            wall: Repaired myocardium, shape of the stack, 0 and 1.
            others: The other labels or segments, not 0, or ``None``.
            trim_slices: Slices with a closed ring in which blood pool outside the ring is removed, unless the whole
                pool of the slice would be removed.

        Raises:
            ValueError: The shape of the wall differs from that of the stack.
        """
        if wall.shape != stack.shape:
            raise ValueError(f"{stack.name}: the wall has shape {wall.shape}, the stack {stack.shape}.")
        old, new = stack.mask > 0, wall > 0
        added = new & ~old
        blood = np.zeros_like(old) if stack.pool is None else stack.pool > 0
        elsewhere = np.zeros_like(old) if others is None else others > 0
        left = blood & ~added
        trimmed = np.zeros_like(old)
        for k in trim_slices:
            outside = left[k] & outside_of(wall[k])
            if (left[k] & ~outside).any():
                trimmed[k] = outside
        return cls(
            stack=stack,
            wall=_mask(new),
            pool=None if stack.pool is None else _mask(left & ~trimmed),
            added=_mask(added),
            removed=_mask(old & ~new),
            taken_from_pool=_mask(added & blood),
            taken_from_others=_mask(added & elsewhere),
            trimmed=_mask(trimmed),
        )

    @property
    def pool_changed(self) -> bool:
        """Whether the repair changed the blood pool."""
        return bool(self.taken_from_pool.any() or self.trimmed.any())

    @property
    def trimmed_mm2(self) -> float:
        """Total area of the trimmed blood pool in mm2."""
        return float(self.trimmed.sum(dtype=int)) * self.stack.pixel_area


@dataclass(frozen=True, eq=False)
class Repaired(Changes):
    """A repaired stack and its report; see :class:`Changes` for the masks.

    Attributes:
        report: Report of findings and verdicts.
        features: Features of each confidence, by slice; see :mod:`rncarefine.refine.confidence`.
        alternatives: Baseline walls by name and slice: ``image alone`` and ``one pass``.
    """

    report: Report
    features: dict[int, dict[str, float]] = field(default_factory=dict)
    alternatives: dict[str, dict[int, Mask]] = field(default_factory=dict)


def with_overlap(report: Report) -> Report:
    """Return a report that notes where the new wall overlaps other segments, which keep their voxels."""
    covered = [record.taken_from_others_mm2 for record in report.slices if record.taken_from_others_mm2 > 0]
    if not covered:
        return report
    note = Reason(ReasonCode.OVERLAP, area_mm2=sum(covered), slices=len(covered))
    return replace(report, doubts=[*report.doubts, note])


def outside_of(wall: Mask) -> NDArray[np.bool_]:
    """Return the pixels of a slice outside the filled wall, shape ``(j, i)``."""
    return np.asarray(fill_holes(wall) == 0)


def _mask(values: NDArray[np.bool_]) -> Mask:
    return values.astype(np.uint8)
