"""What a repair changes, as masks on the volume's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rncarefine.refine.records import Report
from rncarefine.stack import Mask, Stack

from .masks import RepairMasks


@dataclass(frozen=True, eq=False)
class Edits:
    """The voxels that a repair writes; shape ``(k, j, i)``, values 0 and 1.

    Attributes:
        wall: The myocardium afterwards.
        pool: The blood pool afterwards, ``None`` if it stays as it is.
        added: Voxels that are wall now and were not.
        removed: Voxels that were wall and are not any more.
        wall_before: The myocardium as it was.
        pool_before: The blood pool as it was, ``None`` if none was given.
    """

    wall: Mask
    pool: Mask | None
    added: Mask
    removed: Mask
    wall_before: Mask
    pool_before: Mask | None

    @classmethod
    def between(cls, stack: Stack, wall: Mask, report: Report, *, trim_pool: bool = False) -> Edits:
        """Return what changes when ``wall`` replaces the myocardium of ``stack``.

        The pool gives what the wall has newly taken; where both overlapped before, they still do.

        Args:
            stack: Before the repair.
            wall: The myocardium afterwards, shape of the stack.
            report: Of this repair; says in which slices pool lies outside the ring.
            trim_pool: Remove that pool, too.
        """
        added = _less(wall, stack.mask)
        removed = _less(stack.mask, wall)
        pool = None
        if stack.pool is not None:
            after = _less(stack.pool, added)
            if trim_pool:
                _trim(after, wall, report)
            pool = None if np.array_equal(after, stack.pool) else after
        return cls(wall, pool, added, removed, stack.mask, stack.pool)

    def masks(self) -> RepairMasks:
        """Return what a review restores rejected and accepted slices from."""
        pool = self.pool_before if self.pool is None else self.pool
        return RepairMasks(self.wall_before, self.wall, self.pool_before, pool)


def _less(mask: Mask, other: Mask) -> Mask:
    """Return the voxels of ``mask`` that are not in ``other``."""
    return ((mask > 0) & (other == 0)).astype(np.uint8)


def _trim(pool: Mask, wall: Mask, report: Report) -> None:
    """Remove, in place, the pool outside the ring from the slices in which the report found some."""
    for record in report.slices:
        if record.pool_outside_mm2 > 0:
            pool[record.k] &= ndimage.binary_fill_holes(wall[record.k])
