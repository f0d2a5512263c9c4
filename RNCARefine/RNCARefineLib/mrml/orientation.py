"""Calls of the engine in screen orientation, so that a result does not depend on how a volume is stored.

The command line reorients files in the same way. In Slicer, nodes, masks and tags stay on the grid of the volume: the
input of the engine is turned, and its output is turned back. Pictures and directions in the report are those of the
screen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

from rncarefine.io.grid import Turn, stack_turn
from rncarefine.nca.model import Model
from rncarefine.progress import Progress
from rncarefine.refine import repair as engine
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.records import Report
from rncarefine.refine.result import Changes, Repaired
from rncarefine.stack import Stack

from .nodes.reader import Reading
from .nodes.volume_grid import VolumeGrid


def check(reading: Reading, options: RepairOptions) -> Report:
    """Diagnose a stack; see :func:`rncarefine.refine.repair.check`."""
    stack = reading.stack
    return with_spacing(engine.check(turned(stack, screen_turn(reading.grid)), options), stack.spacing)


def repair(
    reading: Reading,
    model: Model,
    options: RepairOptions,
    progress: Progress | None = None,
    only: Collection[int] | None = None,
) -> Repaired:
    """Repair a stack; see :func:`rncarefine.refine.repair.repair`.

    Returns:
        The repaired stack on the volume's grid, without the alternatives, which Slicer does not use.
    """
    turn = screen_turn(reading.grid)
    stack, others = turned(reading.stack, turn), _applied(turn, reading.others)
    found = engine.repair(stack, model, options, progress=progress, others=others, only=only)
    names = [entry.name for entry in fields(Changes) if entry.name != "stack"]
    masks: dict[str, Any] = {name: _applied(turn.inverse, getattr(found, name)) for name in names}
    report = with_spacing(found.report, reading.stack.spacing)
    return replace(found, stack=reading.stack, **masks, report=report, alternatives={})


def screen_turn(grid: VolumeGrid) -> Turn:
    """Return the turn after which a volume lies in plane as on a screen."""
    return stack_turn(grid.as_file_grid())


def turned(stack: Stack, turn: Turn) -> Stack:
    """Return a stack turned in plane."""
    i, j, k = (stack.spacing[2 - axis] for axis in turn.axes)
    mirrored = (turn.axes[0] > turn.axes[1]) ^ turn.flips[0] ^ turn.flips[1]
    return replace(
        stack,
        image=turn.apply(stack.image),
        mask=turn.apply(stack.mask),
        pool=_applied(turn, stack.pool),
        right_ventricle=_applied(turn, stack.right_ventricle),
        spacing=(k, j, i),
        right_handed=None if stack.right_handed is None else stack.right_handed ^ mirrored,
    )


def with_spacing(report: Report, spacing: tuple[float, float, float]) -> Report:
    """Return a report with the spacing in mm along ``(k, j, i)`` of the volume."""
    return replace(report, stack=replace(report.stack, spacing_mm=spacing))


def _applied(turn: Turn, mask: Any) -> Any:
    return None if mask is None else turn.apply(mask)
