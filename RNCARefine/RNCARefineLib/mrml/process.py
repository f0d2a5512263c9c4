"""Check and repair in Slicer: options and weights, guard, read, compute, write."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import slicer

from rncarefine.nca.card import is_permissive, terms_of_use
from rncarefine.nca.model import Model, choose_model
from rncarefine.progress import Progress, report_progress, subrange
from rncarefine.refine.options import camel_case, from_camel_case, option_infos
from rncarefine.refine.records import Report
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.result import Repaired, with_overlap

from . import orientation as engine
from .nodes.guards import Selection, changed_during, check_destination
from .nodes.reader import Reading, read
from .nodes.scene import unchanged_on_failure
from .nodes.volume_grid import VolumeGrid
from .nodes.writer import add_to_scene, copy_into, draft, refer_to_volume, write_repaired
from .review.table import existing_table, put_table
from .review.undo import UndoSteps

_logged_licences: set[str] = set()


@dataclass(frozen=True, eq=False)
class Destination:
    """Destination of a result.

    Attributes:
        output_node: The segmentation node to overwrite; ``None`` for a new one.
        in_place: Change the input itself.
        undo: Adds an undo step for a change in place.
    """

    output_node: Any
    in_place: bool
    undo: UndoSteps


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a repair: the report and the nodes it wrote."""

    report: Report
    segmentation_node: Any
    table_node: Any


def options_among(given: Mapping[str, Any]) -> RepairOptions:
    """Return the options of the repair among the arguments of a method, spelled as in Slicer."""
    names = [camel_case(name) for name in option_infos()]
    return from_camel_case({name: given[name] for name in names if name in given})


def chosen_weights(options: RepairOptions) -> Model:
    """Return the weights of the options; their terms are logged once per session."""
    weights = choose_model(options.model, options.mode)
    record = weights.record()
    if not is_permissive(record.licence) and record.licence not in _logged_licences:
        _logged_licences.add(record.licence)
        logging.info(f"RNCARefine, terms of the weights: {terms_of_use(record.name, record.licence)}")
    return weights


def check(selection: Selection, options: RepairOptions) -> Report:
    """Diagnose the selected segment; nothing is changed.

    Raises:
        ValueError: The nodes cannot be read; the message names node and remedy.
    """
    reading = read(selection)
    return _with_doubts(engine.check(reading, options), reading)


def process(
    selection: Selection,
    model: Model,
    options: RepairOptions,
    destination: Destination,
    progress: Progress | None = None,
) -> Outcome:
    """Repair the selected segment and write the result; on failure nothing is written.

    Args:
        selection: Checked nodes and segments.
        model: The weights.
        options: How to repair.
        destination: Where the result goes.
        progress: Called with the progress; may cancel.

    Raises:
        ValueError: The nodes cannot be read or written; the message names node and remedy.
        Cancelled: ``progress`` returned ``False``. As after any error, the scene is restored.
    """
    check_destination(selection, destination.output_node, destination.in_place)
    repaired, reading = compute(selection, model, options, subrange(progress, 0.0, 0.9))
    report_progress(progress, 0.9, "Writing the segmentation")
    _check_unchanged(selection, reading, destination)
    return _write(selection, repaired, reading.grid, destination, progress)


def compute(
    selection: Selection, model: Model, options: RepairOptions, progress: Progress | None = None
) -> tuple[Repaired, Reading]:
    """Repair the selected segment without writing; the nodes need not be in the scene. See :func:`process`.

    Returns:
        The repaired stack and the data read from the nodes.
    """
    if options.trim_pool and selection.pool_id is None:
        raise ValueError("trimPool needs a blood-pool segment. Give its segment ID.")
    reading = read(selection)
    report_progress(progress, 0.0, "Reading the segmentation")  # the user may change the nodes from here on
    repaired = engine.repair(reading, model, options, subrange(progress, 0.05, 1.0))
    return replace(repaired, report=_with_doubts(repaired.report, reading)), reading


def _check_unchanged(selection: Selection, reading: Reading, destination: Destination) -> None:
    """Check that the nodes are unchanged since they were read.

    Raises:
        ValueError: A node was changed or removed.
    """
    again = selection.again()
    check_destination(again, destination.output_node, destination.in_place)
    if not reading.same_voxels(read(again)):
        raise changed_during(again)


def _write(
    selection: Selection, repaired: Repaired, grid: VolumeGrid, destination: Destination, progress: Progress | None
) -> Outcome:
    report = repaired.report
    target = selection.segmentation_node if destination.in_place else destination.output_node
    table = None if target is None else existing_table(target)
    step = destination.undo.step(target) if destination.in_place else nullcontext()
    with slicer.util.RenderBlocker(), step, unchanged_on_failure(target, table):
        if destination.in_place:
            write_repaired(target, selection, repaired, grid)
            refer_to_volume(target, selection.volume_node)
        else:
            result = draft(selection, repaired, grid)
            target = add_to_scene(result, selection) if target is None else copy_into(target, result, selection)
        table = put_table(report, target)
        # Inside, so that cancelling at the last moment restores the scene.
        report_progress(progress, 1.0, "Done")
    return Outcome(report, target, table)


def _with_doubts(report: Report, reading: Reading) -> Report:
    return with_overlap(replace(report, doubts=[*reading.doubts, *report.doubts]))
