"""Canonical form of a stack for a repair: one slice order, and images without constant padding.

The firing pattern of the automaton depends on slice numbers, but the result must not depend on the end at which a file
starts to count. Reports and files keep the numbers of the file. Padding is no part of the image: beyond the image the
encoder sees its outermost pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..anatomy.shape import View, field_of_view
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack
from ..words import Apex
from .options import RepairOptions
from .records import Report
from .result import Changes, Repaired

_OTHER_END = {Apex.FIRST: Apex.LAST, Apex.LAST: Apex.FIRST, Apex.AUTO: Apex.AUTO}


def flipped_stack(stack: Stack) -> Stack:
    """Return a stack with its slices in reverse order."""
    pool, ventricle = (None if mask is None else flipped(mask) for mask in (stack.pool, stack.right_ventricle))
    return replace(
        stack,
        image=np.ascontiguousarray(stack.image[::-1]),
        mask=flipped(stack.mask),
        pool=pool,
        reversed=not stack.reversed,
        right_ventricle=ventricle,
        right_handed=None if stack.right_handed is None else not stack.right_handed,
    )


def flipped_options(options: RepairOptions) -> RepairOptions:
    """Return the options for a stack with its slices in reverse order."""
    return replace(options, apex=_OTHER_END[options.apex])


def flipped_numbers(numbers: Collection[int] | None, count: int) -> set[int] | None:
    """Return slice numbers of a stack of ``count`` slices counted from the other end."""
    return None if numbers is None else {count - 1 - k for k in numbers}


def flipped_report(report: Report) -> Report:
    """Return the report of a stack with its slices in reverse order."""
    last = len(report.slices) - 1
    slices = [replace(record, k=last - record.k) for record in reversed(report.slices)]
    wall = report.wall
    if wall is not None:
        wall = replace(wall, slices=[replace(one, k=last - one.k) for one in reversed(wall.slices)])
    ends = {str(one): str(other) for one, other in _OTHER_END.items()}
    run = replace(report.run, apex=ends[report.run.apex])
    return replace(report, slices=slices, run=run, wall=wall, doubts=[_flipped_doubt(doubt) for doubt in report.doubts])


def _flipped_doubt(doubt: Reason) -> Reason:
    """Return a doubt about a stack with its slices in reverse order: an offset along the stack changes its sign."""
    if doubt.code is not ReasonCode.MASKS_SHIFTED:
        return doubt
    return Reason(doubt.code, slices=-doubt.values["slices"])


def flipped_result(result: Repaired, stack: Stack) -> Repaired:
    """Convert the result of a flipped stack to that of the stack.

    Args:
        result: Result of the repair of ``flipped_stack(stack)``.
        stack: The stack.
    """
    last = len(stack.mask) - 1
    turned = _with_masks(result, stack, flipped)
    return replace(
        turned,
        report=flipped_report(result.report),
        features={last - k: values for k, values in sorted(result.features.items(), reverse=True)},
        alternatives={
            name: {last - k: wall for k, wall in sorted(walls.items(), reverse=True)}
            for name, walls in result.alternatives.items()
        },
    )


def flipped(mask: Mask) -> Mask:
    """Return a mask ``(k, j, i)`` with its slices in reverse order."""
    return np.ascontiguousarray(mask[::-1])


def padding_of(stack: Stack) -> View | None:
    """Return the rows and columns inside the padding of the images; ``None`` without padding, or with masks in it."""
    rows, columns = view = field_of_view(stack.image)
    if (rows.stop - rows.start, columns.stop - columns.start) == stack.shape[1:]:
        return None
    masks = [mask for mask in (stack.mask, stack.pool, stack.right_ventricle) if mask is not None]
    inside = all(np.count_nonzero(mask) == np.count_nonzero(mask[:, rows, columns]) for mask in masks)
    return view if inside else None


def cropped(mask: Mask, view: View) -> Mask:
    """Return the part of a mask ``(k, j, i)`` inside the padding."""
    return np.ascontiguousarray(mask[(slice(None), *view)])


def cropped_stack(stack: Stack, view: View) -> Stack:
    """Return the part of a stack inside the padding."""
    pool, ventricle = (None if mask is None else cropped(mask, view) for mask in (stack.pool, stack.right_ventricle))
    image = np.ascontiguousarray(stack.image[(slice(None), *view)])
    return replace(stack, image=image, mask=cropped(stack.mask, view), pool=pool, right_ventricle=ventricle)


def padded_result(result: Repaired, stack: Stack, view: View) -> Repaired:
    """Convert the result of a cropped stack to that of the stack.

    Args:
        result: Result of the repair of ``cropped_stack(stack, view)``.
        stack: The stack.
        view: From :func:`padding_of`.
    """

    def padded(mask: Mask) -> Mask:
        whole = np.zeros((*mask.shape[:-2], *stack.shape[1:]), mask.dtype)
        whole[(..., *view)] = mask
        return whole

    alternatives = {name: {k: padded(wall) for k, wall in walls.items()} for name, walls in result.alternatives.items()}
    return replace(_with_masks(result, stack, padded), alternatives=alternatives)


def _with_masks(result: Repaired, stack: Stack, convert: Callable[[Mask], Mask]) -> Repaired:
    """Return the result for ``stack`` with every mask converted."""
    masks: dict[str, Any] = {
        entry.name: None if getattr(result, entry.name) is None else convert(getattr(result, entry.name))
        for entry in fields(Changes)
        if entry.name != "stack"
    }
    return replace(result, stack=stack, **masks)
