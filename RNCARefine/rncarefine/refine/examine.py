"""Examination of a stack before the repair: heart, features of every slice, diagnosis and doubts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..anatomy.features import SliceFeatures, WallFeatures
from ..anatomy.heart import Heart, locate_heart, near_heart
from ..anatomy.shape import field_of_view
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis, diagnose_features
from ..tasks.ring.stack_check import several_walls, stack_doubts
from .options import RepairOptions

MAX_CORRELATION = 0.95
"""Correlation of an image with its masks above which it may be a probability map: at most 0.42 in 41 images of ACDC and
late enhancement, at least 0.97 in blurred masks. Drawn phantoms can have more: only values from 0 to 1 are judged."""
LEAST_SIMILAR = 0.6
"""Blurring does not raise a lower correlation above the maximum."""
_BLURS = (0.0, 1.0, 2.0)
"""Standard deviations of the blurred masks, in pixels."""
BLANK = 0.05
"""The image of a slice is blank if its standard deviation is at most this share of the median slice's: at least 0.6 in
ACDC."""
MIN_LOOSE_MM2 = 25.0
"""A smaller component away from the heart is a speck, and not another organ."""


@dataclass(frozen=True, eq=False)
class Examined:
    """An examined stack.

    Attributes:
        stack: The stack.
        heart: Long axis of the left ventricle.
        focused: The stack without wall and pool away from the heart, as input of the repair. Unrepaired slices keep
            these components.
        features: Features of every slice: the whole wall, and the pool near the heart.
        near: Features of the wall near the heart.
        diagnosis: Diagnosis of the stack.
        doubts: Doubts that this is a short-axis stack with the wall of the left ventricle.
        others: The other labels or segments, numbered from 1, shape of the stack, or ``None``.
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
            stack: The stack, with a non-empty mask.
            options: ``close_base``, ``apex`` and ``remove_islands`` are used.
            heart: Long axis of the left ventricle; by default located from the masks.
            walls: Result of :func:`wall_features`; computed if not given.
            others: The other labels or segments, numbered from 1.
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
        doubts = (*_like_mask(stack), *several_walls(walls), *stack_doubts(of_heart, stack.spacing))
        return cls(stack, heart, focused, features, near, found, doubts, others)

    def diagnosis_of(self, wall: Mask, pool: Mask | None, options: RepairOptions) -> Diagnosis:
        """Diagnose the stack with a different wall and pool."""
        walls = near_heart(wall, self.heart, self.stack.in_plane)
        features, near = [], []
        for k, each in enumerate(self.features):
            features.append(each.with_masks(wall[k], None if pool is None else pool[k]))
            same = np.array_equal(walls[k], self.near[k].wall)
            near.append(self.near[k] if same else features[k].with_masks(walls[k], None).of_wall)
        return _diagnose(features, near, self.stack.spacing[0], options)

    @cached_property
    def loose_share(self) -> float:
        """Share of the myocardium in components away from the heart, specks left out; mean over the slices with any."""
        shares = []
        for given, near in zip(self.stack.mask, self.focused.mask, strict=True):
            if given.any():
                labels, _ = ndimage.label(given & (1 - near), structure=np.ones((3, 3)))
                areas = np.bincount(labels.ravel())[1:]
                shares.append(areas[areas * self.stack.pixel_area >= MIN_LOOSE_MM2].sum() / given.sum())
        return float(np.mean(shares))

    @cached_property
    def blank(self) -> NDArray[np.bool_]:
        """Slices whose image is nearly constant compared with the other slices; shape ``(k,)``."""
        spread = self.stack.image.std(axis=(1, 2))
        return np.asarray(spread <= BLANK * np.median(spread))

    @cached_property
    def has_islands(self) -> bool:
        """Whether a closed wall has components inside its cavity: the labels contain papillary muscles."""
        return any(reason.code is ReasonCode.ISLANDS for entry in self.diagnosis.slices for reason in entry.reasons)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Slices that are as expected, and whose wall is not away from the heart; shape ``(k,)``."""
        return np.array([entry.right and not self.off_axis(entry.k) for entry in self.diagnosis.slices])

    def off_axis(self, k: int) -> bool:
        """Return whether a slice has wall, but none near the heart."""
        return bool(self.stack.mask[k].any() and not self.focused.mask[k].any())

    def others_of(self, k: int) -> Mask | None:
        """Return the other labels of a slice, shape ``(j, i)``, or ``None``."""
        return None if self.others is None else self.others[k]

    def reasons(self, entry: SliceDiagnosis) -> tuple[Reason, ...]:
        """Return the reasons of the diagnosis, with ``OFF_AXIS`` if no wall lies near the heart."""
        if not self.off_axis(entry.k):
            return entry.reasons
        return (*(entry.reasons or (Reason(ReasonCode.CLOSED),)), Reason(ReasonCode.OFF_AXIS))


def _like_mask(stack: Stack) -> tuple[Reason, ...]:
    """Return the doubt that the image is a probability map of a structure that was segmented."""
    image = stack.image.astype(np.float32).ravel()
    if image.min() < 0 or image.max() > 1 or not np.ptp(image):
        return ()

    def correlation(mask: NDArray[np.float32]) -> float:
        return abs(float(np.corrcoef(image, mask.ravel())[0, 1]))

    pool = stack.mask if stack.pool is None else stack.pool
    masks = [mask.astype(np.float32) for mask in (stack.mask, pool, stack.mask | pool) if mask.any()]
    similar = [mask for mask in masks if correlation(mask) > LEAST_SIMILAR]
    most = max((correlation(ndimage.gaussian_filter(mask, (0, b, b))) for mask in similar for b in _BLURS), default=0.0)
    return (
        (Reason(ReasonCode.IMAGE_LIKE_MASK, correlation=most, most=MAX_CORRELATION),) if most > MAX_CORRELATION else ()
    )


def wall_features(stack: Stack) -> list[WallFeatures]:
    """Return the wall features of every slice, in the order of k."""
    view = field_of_view(stack.image)
    return [WallFeatures(wall, stack.in_plane, view) for wall in stack.mask]


def _diagnose(
    features: list[SliceFeatures], near: list[WallFeatures], slice_mm: float, options: RepairOptions
) -> Diagnosis:
    """Diagnose a stack; gaps are measured on the wall near the heart."""
    found = diagnose_features(
        features,
        slice_mm,
        close_base=options.close_base,
        apex=options.apex,
        remove_islands=options.remove_islands,
        near=near,
    )
    return replace(found, slices=[replace(entry, gap=near[entry.k].gap) for entry in found.slices])
