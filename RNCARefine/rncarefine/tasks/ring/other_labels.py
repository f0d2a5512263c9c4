"""Pixels that a repaired wall takes from labels other than the blood pool: right ventricle, scar, other organs."""

from __future__ import annotations

import numpy as np

from ...reasons import Reason, ReasonCode
from ...stack import Mask

MAX_OTHER = 0.5
"""A wall that takes a larger share of its pixels from other labels is rejected: no good wall of the validation set."""
NOTABLE_SHARE = 0.1
"""A wall that takes a larger share from other labels is flagged: 1.5 % of the good walls of the validation set, where
the other label is the right ventricle (see :mod:`rncarefine.tasks.ring.wall_shape`)."""
NOTABLE_MM2 = 20.0
"""A smaller area is attributed to the edge of the other structure and is not flagged."""
NOTABLE_LOSS = 0.25
"""A wall that covers a larger share of another label in the slice is flagged, however small its own share: a small scar
may vanish."""


def taken_share(wall: Mask, before: Mask, others: Mask | None) -> float:
    """Return the share of a wall that is taken from other labels.

    Args:
        wall: Repaired wall, shape ``(j, i)``.
        before: Wall before the repair.
        others: The other labels, numbered from 1, or ``None``.
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
    """Return the reasons to flag a wall that takes a notable area from other labels.

    The area is notable as a share of the wall, or as a share of another label.

    Args:
        wall: Repaired wall, shape ``(j, i)``.
        before: Wall before the repair.
        others: The other labels, numbered from 1, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    share, pixel = taken_share(wall, before, others), in_plane[0] * in_plane[1]
    area = share * float((wall > 0).sum()) * pixel
    if others is None or area <= NOTABLE_MM2:
        return ()
    found = [Reason(ReasonCode.TAKEN_FROM_OTHERS, area_mm2=area, share=share)] if share > NOTABLE_SHARE else []
    whole = np.bincount(others.ravel())[1:]
    lost = np.bincount(others[(wall > 0) & (before == 0)], minlength=len(whole) + 1)[1:]
    covered = (lost * pixel > NOTABLE_MM2) & (lost > NOTABLE_LOSS * whole)
    if covered.any():
        taken = float(lost[covered].sum())
        found.append(Reason(ReasonCode.COVERS_OTHER, area_mm2=taken * pixel, share=taken / float(whole[covered].sum())))
    return tuple(found)
