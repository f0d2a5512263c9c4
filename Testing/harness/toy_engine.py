"""A repair that one can check by hand, in the place of the engine: it knows where the drawn heart is.

Every slice with myocardium becomes the annulus between the least and the greatest radius of its largest piece, about
the centre of the drawn heart, which may be turned. Types and report are the engine's own.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage

from rncarefine import __version__
from rncarefine.anatomy.topology import betti_2d, largest_component
from rncarefine.nca.card import ModelRecord
from rncarefine.progress import Progress, report_progress
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.build_report import stack_record
from rncarefine.refine.records import Report, RunRecord, SliceRecord
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.result import Changes, Repaired
from rncarefine.refine.wall import measure
from rncarefine.stack import Mask, Stack
from rncarefine.words import Apex, Expectation, Finding, Verdict

from .hearts import CENTRE, SHAPE

MODEL = ModelRecord("toy", "0" * 64, licence="CC0 | public domain", training_data="none", settings_hash="5e")


class ToyModel(str):
    """The model that the toy has loaded: its name, and the record for the report."""

    def record(self) -> ModelRecord:
        return MODEL


def repair(
    stack: Stack,
    model: Any,
    options: RepairOptions,
    progress: Progress | None = None,
    others: Mask | None = None,
    only: Collection[int] | None = None,
) -> Repaired:
    """Stand in for ``rncarefine.refine.repair.repair``."""
    after = stack.mask.copy()
    chosen = [k for k in range(len(after)) if only is None or k in only]
    for k in range(len(after)):
        report_progress(progress, k / len(after), f"Repairing slice {k}")
        if after[k].any() and k in chosen:
            after[k] = _annulus(after[k])
    rings = [k for k in chosen if options.trim_pool and _finding(after[k]) == Finding.RING]
    changes = Changes.compose(stack, after, others=others, trim_slices=rings)
    return Repaired(**vars(changes), report=_report(stack, after, options, others, MODEL))


def check(stack: Stack, options: RepairOptions) -> Report:
    """Stand in for ``rncarefine.refine.repair.check``."""
    return _report(stack, stack.mask, options, None, None)


def _annulus(wall: Mask) -> Mask:
    rows, columns = wall.shape
    row, column = CENTRE[::-1] if wall.shape == SHAPE[:0:-1] else CENTRE
    pixels = np.indices(wall.shape)
    largest = largest_component(wall, 8) > 0
    # Turned back, the centre is a pixel next to where it was: it is where the wall is thinnest.
    centres = product((row, rows - 1 - row), (column, columns - 1 - column))
    distances = [np.hypot(pixels[0] - j, pixels[1] - i) for j, i in centres]
    distance = min(distances, key=lambda field: np.ptp(field[largest]))
    radii = distance[largest]
    return ((distance >= radii.min()) & (distance <= radii.max())).astype(np.uint8)


def _finding(wall: Mask) -> Finding:
    b0, b1 = betti_2d(wall)
    if b0 == 0:
        return Finding.EMPTY
    if b0 > 1:
        return Finding.FRAGMENTED
    return (Finding.OPEN, Finding.RING)[b1] if b1 < 2 else Finding.POROUS


def _record(stack: Stack, after: Mask, others: Mask | None, k: int, checked: bool) -> SliceRecord:
    old, new, area = stack.mask[k], after[k], stack.pixel_area
    added, removed = (new > old), (old > new)
    right = _finding(old) == Finding.RING
    pool = np.zeros_like(new) if stack.pool is None else stack.pool[k]
    return SliceRecord(
        k=k,
        finding_before=_finding(old),
        finding_after=_finding(new),
        expectation=Expectation.RING,
        verdict=Verdict.INTACT if right else Verdict.TO_REPAIR if checked else Verdict.AUTOMATON,
        flagged=False,
        b0_before=betti_2d(old)[0],
        b1_before=betti_2d(old)[1],
        b0_after=betti_2d(new)[0],
        b1_after=betti_2d(new)[1],
        gap_deg_before=0.0,
        gap_deg_after=0.0,
        gap_mm_before=0.0,
        added_mm2=float(added.sum() * area),
        removed_mm2=float(removed.sum() * area),
        taken_from_pool_mm2=float((added & (pool > 0)).sum() * area),
        taken_from_others_mm2=0.0 if others is None else float((added & (others[k] > 0)).sum() * area),
        pool_outside_mm2=float(((pool > 0) & ~ndimage.binary_fill_holes(new) & (new == 0)).sum() * area),
        confidence=None,
        reasons=[] if right else [Reason(ReasonCode.NOT_CLOSED)],
    )


def _report(
    stack: Stack, after: Mask, options: RepairOptions, others: Mask | None, model: ModelRecord | None
) -> Report:
    slices = [_record(stack, after, others, k, model is None) for k in range(len(after))]
    slices, wall = measure(stack, after, slices, Apex.LAST)
    totals = stack_record(stack, after, slices)
    run = RunRecord(
        version=__version__,
        backend="toy",
        device="cpu",
        seed=options.seed,
        samples=options.samples,
        steps=0,
        close_base=options.close_base,
        add_only=options.add_only,
        geometry=options.geometry,
        apex=str(Apex.LAST),
        seconds=0.0,
    )
    return Report(stack=totals, slices=slices, model=model, run=run, wall=wall)
