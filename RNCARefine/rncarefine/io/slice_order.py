"""Repair the slices of a case in one order, whichever end of the stack the file begins at.

What the automaton does depends on the numbers of the slices. Files of one heart may count them from either end; the
result must not depend on that, while report and files count the slices as the file does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ..refine.options import RepairOptions
from ..refine.records import Report
from ..stack import Stack
from ..words import Apex
from .files import Case

_Result = TypeVar("_Result")
_OTHER_END = {Apex.FIRST: Apex.LAST, Apex.LAST: Apex.FIRST, Apex.AUTO: Apex.AUTO}


def repair_case(
    repair: Callable[..., _Result], case: Case, model: Any, options: RepairOptions, progress: Any = None
) -> _Result:
    """Repair a case.

    Args:
        repair: :func:`rncarefine.refine.repair.repair`.
        case: The case.
        model: The weights.
        options: How to repair.
        progress: Called with how far the work is.

    Returns:
        What ``repair`` returns, slices in the order of the file; the notes about the files are in its report.
    """
    stack, others = case.stack, case.others
    if case.reversed:
        options = replace(options, apex=_OTHER_END[Apex(options.apex)])
        stack, others = flipped(stack, len(stack.mask)), flipped(others, len(stack.mask))
    result = repair(stack, model, options, progress, others)
    if case.reversed:
        result = flipped(result, len(stack.mask))
    report = getattr(result, "report", None)
    if case.notes and isinstance(report, Report):
        result = replace(result, report=with_notes(report, case.notes))  # type: ignore[type-var]
    return result


def with_notes(report: Report, notes: tuple[str, ...]) -> Report:
    """Return a report with notes about the files it was made from."""
    return replace(report, warnings=[*notes, *report.warnings])


def flipped(value: Any, count: int) -> Any:
    """Return masks, records and whatever is made of them with the slices in the opposite order.

    Args:
        value: An array ``(k, j, i)``, a stack, a report, values by slice, a dataclass of such, or anything else.
        count: Number of slices.
    """
    if isinstance(value, np.ndarray) and value.ndim == 3:
        return np.ascontiguousarray(value[::-1])
    if isinstance(value, Report):
        slices = [replace(record, k=count - 1 - record.k) for record in reversed(value.slices)]
        ends = {str(one): str(other) for one, other in _OTHER_END.items()}
        return replace(value, slices=slices, run=replace(value.run, apex=ends.get(value.run.apex, value.run.apex)))
    if isinstance(value, dict) and value and all(isinstance(key, int) for key in value):
        return {count - 1 - key: flipped(entry, count) for key, entry in sorted(value.items(), reverse=True)}
    if isinstance(value, Stack) or (is_dataclass(value) and not isinstance(value, type)):
        changed = {entry.name: flipped(getattr(value, entry.name), count) for entry in fields(value) if entry.init}
        return replace(value, **changed)
    return value
