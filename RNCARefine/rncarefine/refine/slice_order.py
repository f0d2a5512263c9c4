"""Canonical slice order of a repair, independent of the storage order.

The firing pattern of the automaton depends on slice numbers, but the result must not depend on the end at which a file
starts to count. Reports and files keep the numbers of the file.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

import numpy as np

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
    return replace(report, slices=slices, run=replace(report.run, apex=ends[report.run.apex]), wall=wall)


def flipped_result(result: Repaired, stack: Stack) -> Repaired:
    """Convert the result of a flipped stack to that of the stack.

    Args:
        result: Result of the repair of ``flipped_stack(stack)``.
        stack: The stack.
    """
    last = len(stack.mask) - 1
    masks: dict[str, Any] = {
        entry.name: None if getattr(result, entry.name) is None else flipped(getattr(result, entry.name))
        for entry in fields(Changes)
        if entry.name != "stack"
    }
    return Repaired(
        stack=stack,
        **masks,
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
