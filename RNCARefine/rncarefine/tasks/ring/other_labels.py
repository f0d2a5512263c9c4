"""Pixels that a repaired wall takes from labels other than the blood pool: right ventricle, scar, other organs."""

from __future__ import annotations

from ...reasons import Reason, ReasonCode
from ...stack import Mask

MAX_OTHER = 0.5
"""A wall that takes a larger share of its pixels from other labels is rejected: no good wall of the validation set."""
NOTABLE_SHARE = 0.1
"""A wall that takes a larger share from other labels is flagged: 1.5 % of the good walls of the validation set, where
the other label is the right ventricle (see :mod:`rncarefine.tasks.ring.wall_shape`)."""
NOTABLE_MM2 = 20.0
"""A smaller area is attributed to the edge of the other structure and is not flagged."""


def taken_share(wall: Mask, before: Mask, others: Mask | None) -> float:
    """Return the share of a wall that is taken from other labels.

    Args:
        wall: Repaired wall, shape ``(j, i)``.
        before: Wall before the repair.
        others: Union of all other labels, or ``None``.
    """
    if others is None or not wall.any():
        return 0.0
    return float(((wall > 0) & (before == 0) & (others > 0)).sum()) / float((wall > 0).sum())


def other_label_rejection(wall: Mask, before: Mask, others: Mask | None) -> Reason | None:
    """Return the reason to reject a wall that mostly consists of other labels; see :func:`taken_share`."""
    share = taken_share(wall, before, others)
    return Reason(ReasonCode.MOSTLY_OTHER_LABEL, share=share, most=MAX_OTHER) if share > MAX_OTHER else None


def taken_from_others(
    wall: Mask, before: Mask, others: Mask | None, in_plane: tuple[float, float]
) -> tuple[Reason, ...]:
    """Return the reason to flag a wall that takes a notable area from other labels.

    Args:
        wall: Repaired wall, shape ``(j, i)``.
        before: Wall before the repair.
        others: Union of all other labels, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    share = taken_share(wall, before, others)
    area = share * float((wall > 0).sum()) * in_plane[0] * in_plane[1]
    if share <= NOTABLE_SHARE or area <= NOTABLE_MM2:
        return ()
    return (Reason(ReasonCode.TAKEN_FROM_OTHERS, area_mm2=area, share=share),)
