"""The result of a repair, composed once: files, nodes and reports only write what is here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..anatomy.topology import fill_holes
from ..stack import Mask, Stack
from .records import Report


@dataclass(frozen=True, eq=False)
class Changes:
    """A wall before and after, and what that means for the blood pool. All masks have the shape of the stack.

    Build it with :meth:`compose`.

    Attributes:
        stack: The stack as it was.
        wall: The myocardium afterwards, shape ``(k, j, i)``, 0 and 1.
        pool: The blood pool afterwards; ``None`` if none was given.
        added: Pixels that are wall now and were not.
        removed: Pixels that were wall and are not any more.
        taken_from_pool: Added pixels that were blood pool.
        taken_from_others: Added pixels that belonged to other labels.
        trimmed: Blood pool that was removed because it lies outside a closed ring.
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
        """Compare a wall with that of a stack.

        Example:
            >>> image = np.arange(8.0).reshape(1, 1, 8)
            >>> stack = Stack.create(image, image < 2, (8.0, 1.5, 1.5), pool=image > 4)
            >>> changes = Changes.compose(stack, (image < 6).astype(np.uint8))
            >>> changes.added[0, 0].tolist(), changes.pool[0, 0].tolist()
            ([0, 0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1])

        The pool gives what the wall has newly taken; where both overlapped before, they still do. What the wall gives
        up becomes neither pool nor any other label.

        Args:
            stack: The stack as it was.
            wall: The myocardium afterwards, shape of the stack, 0 and 1.
            others: Every other label of an exclusive label map, as one mask, or ``None``.
            trim_slices: Slices whose wall is a closed ring, and in which blood pool outside of it is removed. A slice
                whose pool would vanish keeps it.

        Raises:
            ValueError: The wall has another shape than the stack.
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
        """Whether the blood pool is another one than before."""
        return bool(self.taken_from_pool.any() or self.trimmed.any())

    @property
    def trimmed_mm2(self) -> float:
        """Area of the blood pool that was trimmed, all slices together, in mm2."""
        return float(self.trimmed.sum(dtype=int)) * self.stack.pixel_area


@dataclass(frozen=True, eq=False)
class Repaired(Changes):
    """A repaired stack and its report; see :class:`Changes` for the masks.

    Attributes:
        report: What was found and done.
        features: What each confidence is computed from, by slice; see :mod:`rncarefine.refine.confidence`.
        alternatives: Other walls that were at hand, by name and slice: ``image alone`` and ``one pass``. They show what
            the automaton adds.
    """

    report: Report
    features: dict[int, dict[str, float]] = field(default_factory=dict)
    alternatives: dict[str, dict[int, Mask]] = field(default_factory=dict)


def outside_of(wall: Mask) -> NDArray[np.bool_]:
    """Return which pixels of a slice lie neither on its wall nor in a hole of it, shape ``(j, i)``."""
    return np.asarray(fill_holes(wall) == 0)


def _mask(values: NDArray[np.bool_]) -> Mask:
    return values.astype(np.uint8)
