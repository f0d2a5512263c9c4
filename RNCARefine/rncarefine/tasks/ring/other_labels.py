"""Pixels that a repaired wall takes from labels other than the blood pool: right ventricle, scar, other organs."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

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
"""A wall that covers a larger share of a piece of the other labels near it is flagged, however small its own share: a
small scar may vanish."""
NEAR_MM = 4.0
"""Other labels up to this distance from the wall are near it. A scar that touches the right ventricle is one piece with
the part of it that is near."""


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
    """Return the reasons to flag a wall that takes a notable area from other labels.

    The area is notable as a share of the wall, or as a share of a piece of the other labels near it.

    Args:
        wall: Repaired wall, shape ``(j, i)``.
        before: Wall before the repair.
        others: Union of all other labels, or ``None``.
        in_plane: In-plane spacing in mm, ``(j, i)``.
    """
    share, pixel = taken_share(wall, before, others), in_plane[0] * in_plane[1]
    area = share * float((wall > 0).sum()) * pixel
    if others is None or area <= NOTABLE_MM2:
        return ()
    found = [Reason(ReasonCode.TAKEN_FROM_OTHERS, area_mm2=area, share=share)] if share > NOTABLE_SHARE else []
    near = ndimage.distance_transform_edt(wall == 0, sampling=in_plane) <= NEAR_MM
    lost, whole = _lost(wall, before, others * near)
    if lost * pixel > NOTABLE_MM2 and lost > NOTABLE_LOSS * whole:
        found.append(Reason(ReasonCode.COVERS_OTHER, area_mm2=lost * pixel, share=lost / whole))
    return tuple(found)


def _lost(wall: Mask, before: Mask, others: Mask) -> tuple[int, int]:
    """Return how many pixels the pieces that lose more than their notable share lose together, and how many they have.

    The pieces are the components of the other labels, 4-connected.
    """
    pieces, _ = ndimage.label(others > 0)
    whole = np.bincount(pieces.ravel())[1:]
    taken = np.bincount(pieces[(wall > 0) & (before == 0)], minlength=len(whole) + 1)[1:]
    losing = taken > NOTABLE_LOSS * whole
    return int(taken[losing].sum()), int(whole[losing].sum())
