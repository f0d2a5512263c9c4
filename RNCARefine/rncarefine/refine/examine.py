"""What is seen in a stack before anything is done: the heart, the features of every slice, and the diagnosis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..anatomy.features import SliceFeatures, WallFeatures
from ..anatomy.heart import Heart, locate_heart, near_heart
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis, diagnose_features
from ..tasks.ring.stack_check import several_walls, stack_doubts
from .options import RepairOptions


@dataclass(frozen=True, eq=False)
class Examined:
    """A stack, and what was seen in it before anything was done.

    Attributes:
        stack: The stack.
        heart: The axis of the left ventricle.
        focused: The stack without the wall and pool that lie away from the heart. They must neither mislead the repair
            nor be repaired; nothing is removed from a slice that is not repaired.
        features: What each slice shows: all of the wall, and the pool near the heart.
        near: What the wall near the heart shows.
        diagnosis: The diagnosis of the stack.
        doubts: Why this may not be a short-axis stack with the wall of the left ventricle.
        others: Every other label, as one mask of the stack's shape, or ``None``.
    """

    stack: Stack
    heart: Heart
    focused: Stack
    features: list[SliceFeatures]
    near: list[WallFeatures]
    diagnosis: Diagnosis
    doubts: tuple[Reason, ...]
    others: Mask | None

    @classmethod
    def of(
        cls,
        stack: Stack,
        options: RepairOptions,
        heart: Heart | None = None,
        walls: list[WallFeatures] | None = None,
        others: Mask | None = None,
    ) -> Examined:
        """Examine a stack.

        Args:
            stack: The stack; its mask is not empty.
            options: ``close_base`` and ``apex`` matter.
            heart: The axis of the left ventricle; by default, what the masks say.
            walls: From :func:`wall_features`, where they are known.
            others: Every other label of an exclusive label map, as one mask.
        """
        walls = walls or wall_features(stack)
        if heart is None:
            heart = locate_heart(stack.mask, stack.pool, stack.in_plane, walls)
        pool = None if stack.pool is None else near_heart(stack.pool, heart, stack.in_plane)
        focused = replace(stack, mask=near_heart(stack.mask, heart, stack.in_plane), pool=pool)
        features = [SliceFeatures(wall, None if pool is None else pool[k]) for k, wall in enumerate(walls)]
        of_heart = [each.with_masks(focused.mask[k], each.pool) for k, each in enumerate(features)]
        near = [each.of_wall for each in of_heart]
        found = _diagnose(features, near, stack.spacing[0], options)
        doubts = (*several_walls(walls), *stack_doubts(of_heart, stack.spacing))
        return cls(stack, heart, focused, features, near, found, doubts, others)

    def diagnosis_of(self, wall: Mask, pool: Mask | None, options: RepairOptions) -> Diagnosis:
        """Diagnose the same stack with another wall and pool."""
        walls = near_heart(wall, self.heart, self.stack.in_plane)
        features, near = [], []
        for k, each in enumerate(self.features):
            features.append(each.with_masks(wall[k], None if pool is None else pool[k]))
            same = np.array_equal(walls[k], self.near[k].wall)
            near.append(self.near[k] if same else features[k].with_masks(walls[k], None).of_wall)
        return _diagnose(features, near, self.stack.spacing[0], options)

    def off_axis(self, k: int) -> bool:
        """Whether there is wall in a slice and none of it lies where the heart is, however right it looks."""
        return bool(self.stack.mask[k].any() and not self.focused.mask[k].any())

    def others_of(self, k: int) -> Mask | None:
        """The other labels of a slice, shape ``(j, i)``, or ``None``."""
        return None if self.others is None else self.others[k]

    def reasons(self, entry: SliceDiagnosis) -> tuple[Reason, ...]:
        """Return the reasons of the diagnosis, and that none of the wall lies where the heart is."""
        if not self.off_axis(entry.k):
            return entry.reasons
        return (*(entry.reasons or (Reason(ReasonCode.CLOSED),)), Reason(ReasonCode.OFF_AXIS))


def wall_features(stack: Stack) -> list[WallFeatures]:
    """Return the features of the wall of every slice, in the order of k."""
    return [WallFeatures(wall, stack.in_plane) for wall in stack.mask]


def _diagnose(
    features: list[SliceFeatures], near: list[WallFeatures], slice_mm: float, options: RepairOptions
) -> Diagnosis:
    """Diagnose a stack; the gap is that of the wall about the heart's axis, whatever lies elsewhere."""
    found = diagnose_features(
        features,
        slice_mm,
        close_base=options.close_base,
        apex=options.apex,
        remove_islands=options.remove_islands,
        near=near,
    )
    return replace(found, slices=[replace(entry, gap=near[entry.k].gap) for entry in found.slices])
