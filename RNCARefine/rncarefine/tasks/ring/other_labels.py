"""What a repaired wall takes from other labels than the blood pool: the right ventricle, a scar, another organ."""

from __future__ import annotations

from ...reasons import Reason, ReasonCode
from ...stack import Mask

MOST_OTHER = 0.5
"""A wall of which a larger share would be taken from other labels is refused: none of the good walls."""
NOTABLE_SHARE = 0.1
"""A wall of which a larger share is taken from other labels is flagged: 1.5 % of the good walls of the validation set,
where the other label is the right ventricle (see :mod:`rncarefine.tasks.ring.wall_shape`)."""
NOTABLE_MM2 = 20.0
"""A smaller area than this is no other structure, but the edge of one."""


def taken_share(wall: Mask, before: Mask, others: Mask | None) -> float:
    """Return the share of a wall that is taken from other labels.

    Args:
        wall: The repaired wall, shape ``(j, i)``.
        before: The wall that was there.
        others: Every other label as one mask, or ``None``.
    """
    if others is None or not wall.any():
        return 0.0
    return float(((wall > 0) & (before == 0) & (others > 0)).sum()) / float((wall > 0).sum())


def mostly_others(wall: Mask, before: Mask, others: Mask | None) -> Reason | None:
    """Return why a wall is rejected that would mostly be made of other labels; see :func:`taken_share`."""
    share = taken_share(wall, before, others)
    return Reason(ReasonCode.MOSTLY_OTHER_LABEL, share=share, most=MOST_OTHER) if share > MOST_OTHER else None


def taken_from_others(
    wall: Mask, before: Mask, others: Mask | None, in_plane: tuple[float, float]
) -> tuple[Reason, ...]:
    """Return the reason to flag a wall that takes more than a little from other labels.

    Args:
        wall: The repaired wall, shape ``(j, i)``.
        before: The wall that was there.
        others: Every other label as one mask, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    share = taken_share(wall, before, others)
    area = share * float((wall > 0).sum()) * in_plane[0] * in_plane[1]
    if share <= NOTABLE_SHARE or area <= NOTABLE_MM2:
        return ()
    return (Reason(ReasonCode.TAKEN_FROM_OTHERS, area_mm2=area, share=share),)
