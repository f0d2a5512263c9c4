"""Check and repair of a stack: locate the heart, diagnose every slice, repair broken slices, verify and report."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ..anatomy.features import SliceFeatures, WallFeatures
from ..anatomy.heart import heart_candidates
from ..anatomy.shape import hull
from ..nca.architecture import Architecture
from ..nca.model import Model, choose_model
from ..nca.rollout import Runner
from ..progress import Progress, report_progress, subrange
from ..reasons import Reason, ReasonCode
from ..stack import Mask, Stack, numbers
from ..tasks.ring.diagnosis import Diagnosis, SliceDiagnosis, apex_end
from ..tasks.ring.stack_check import confirmed_doubts
from ..tasks.task import RING, check_task
from ..words import REPAIRED, Apex, Expectation, Finding, Verdict
from .between import from_neighbours
from .build_report import Run, SliceDecision, build_report
from .canonical import (
    cropped,
    cropped_stack,
    flipped,
    flipped_numbers,
    flipped_options,
    flipped_report,
    flipped_result,
    flipped_stack,
    padded_result,
    padding_of,
)
from .decide import MAX_LOOSE, Decided, counts_as_ring, decide
from .examine import Examined, wall_features
from .locate import CERTAIN_HEART, MIN_CERTAINTY, ImageEvidence, locate_heart_in_images
from .metrics import dice
from .options import RepairOptions
from .proposals import propose
from .records import Report
from .result import Changes, Repaired

__all__ = ["RepairOptions", "check", "repair"]

MIN_SHIFTED = 4
"""Fewer slices do not show whether the masks belong to the next slices."""
SHIFT_MARGIN = 0.06
"""The masks may belong to the next or previous slices if their mean Dice with the walls of these images is higher by
more than this, and at least :data:`MIN_OVERLAP`: in none of 100 network masks of the validation set, and in 95 of them
with the images of the next slices (``python -m experiments stack-rules``)."""
MIN_CONTRADICTED = 3
"""Fewer walls that the image contradicts raise no doubt about the stack."""
MIN_WALLS = 4
"""Least number of walls in the images that show the end at which the apex lies. With them the end is right in 96 of 100
stacks of the validation set, as by the given walls alone (``python -m experiments stack-rules``); of 32 stacks of late
enhancement in 32, by the given walls in 18."""
MIN_TAPER = 1.1
"""Least ratio of the mean sizes of the heart in both halves of the stack."""
MIN_OVERLAP = 0.6
"""Dice of given and image-alone walls in the median slice below which masks and image may not belong together. Of 100
stacks of the validation set three have less; with the images of other slices all have
(``python -m experiments stack-rules``)."""


def check(stack: Stack, options: RepairOptions | None = None) -> Report:
    """Diagnose a stack without changing it.

    Example:
        >>> import rncarefine as rr
        >>> from rncarefine.io.sample import sample_files
        >>> image, broken, _ = sample_files()
        >>> report = rr.check(rr.read_case(image, broken, segment="myocardium").stack)
        >>> report.stack.closed_before < report.stack.expected_rings
        True
        >>> [record.codes for record in report.slices if record.flagged][0]
        ['fragmented']

    Args:
        stack: The stack, arrays of shape ``(k, j, i)``, spacing in mm.
        options: Only ``close_base``, ``apex`` and ``remove_islands`` are used.

    Returns:
        A report; the verdict of each slice is "intact" or "to repair".

    Raises:
        ValueError: The mask is empty.
    """
    options = options or RepairOptions()
    if stack.reversed:
        return flipped_report(check(flipped_stack(stack), flipped_options(options)))
    if (view := padding_of(stack)) is not None:
        return check(cropped_stack(stack, view), options)
    started = time.perf_counter()
    _check_mask(stack)
    examined = Examined.of(stack, options)
    decisions = []
    for entry in examined.diagnosis.slices:
        verdict = Verdict.INTACT if examined.right[entry.k] else Verdict.TO_REPAIR
        decisions.append(SliceDecision(verdict, stack.mask[entry.k], examined.reasons(entry), doubtful=entry.doubtful))
    unchanged = Changes.compose(stack, stack.mask)
    elapsed = time.perf_counter() - started
    return build_report(
        unchanged, examined.diagnosis, examined.diagnosis, decisions, options, elapsed, stack_doubts=examined.doubts
    )


def repair(
    stack: Stack,
    model: Model | None = None,
    options: RepairOptions | None = None,
    progress: Progress | None = None,
    others: Mask | None = None,
    only: Collection[int] | None = None,
) -> Repaired:
    """Repair the broken slices of a stack; correct ones are returned unchanged (bit-identical).

    Example:
        >>> import rncarefine as rr
        >>> from rncarefine.io.sample import sample_files
        >>> image, broken, _ = sample_files()
        >>> case = rr.read_case(image, broken, segment="myocardium")
        >>> repaired = rr.repair(case.stack, options=rr.RepairOptions(device="numpy", samples=1))
        >>> repaired.report.stack.closed_after > repaired.report.stack.closed_before
        True
        >>> repaired.wall.shape == case.stack.shape, repaired.pool is None
        (True, True)

    Args:
        stack: The stack, arrays of shape ``(k, j, i)``, spacing in mm.
        model: Weights and card; by default the model named in the options.
        options: Options of the repair.
        progress: Called with the progress; may cancel.
        others: The other labels or segments, numbered from 1, or their union. Pixels that the wall shares with them
            are counted; a wall that shares many, or covers much of one, is flagged; one that mostly consists of them
            is rejected.
        only: Slices to repair, all by default; other broken slices are left unchanged with the verdict "to repair".

    Returns:
        The repaired stack: wall, blood pool, added, removed, taken and trimmed pixels, and the report.

    Raises:
        ValueError: The mask is empty, ``others`` does not have the stack's shape, there is no blood pool to trim,
            the device is not available, the model is for another task, or its weights do not fit.
        Cancelled: ``progress`` requested cancellation; nothing was changed.
    """
    options = options or RepairOptions()
    if model is None:
        model = choose_model(options.model, options.mode)
    check_task(model.card, RING, stack.name)
    if others is not None:
        others = numbers(others, stack.shape, f"{stack.name}: the array of the other labels")
    if options.trim_pool and stack.pool is None:
        if ReasonCode.POOL_NOT_FOUND not in [note.code for note in stack.notes]:
            raise ValueError(f"{stack.name}: there is no blood pool to trim. Give one, or leave trim_pool out.")
        options = replace(options, trim_pool=False)
    _check_mask(stack)
    if stack.reversed:
        others, only = None if others is None else flipped(others), flipped_numbers(only, len(stack.mask))
        result = repair(flipped_stack(stack), model, flipped_options(options), progress, others, only)
        return flipped_result(result, stack)
    if (view := padding_of(stack)) is not None:
        others = None if others is None else cropped(others, view)
        result = repair(cropped_stack(stack, view), model, options, progress, others, only)
        return padded_result(result, stack, view)
    started = time.perf_counter()
    report_progress(progress, 0.0, "Looking for the heart")
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), options.device)
    walls = wall_features(stack)
    hearts = heart_candidates(stack.mask, stack.pool, stack.in_plane, walls)
    evidence = locate_heart_in_images(stack, hearts, runner, model)
    report_progress(progress, 0.3, "Examining every slice")
    placed = replace(options, apex=apex_in(evidence, stack, options.apex))
    examined = Examined.of(stack, placed, evidence.heart, walls, others)
    before = examined.diagnosis
    proposals = propose(
        evidence,
        examined.focused,
        [entry.k for entry in before.slices if _needs_proposal(entry, only)],
        runner,
        model,
        seed=options.seed,
        samples=options.samples,
        steps=options.steps,
        progress=subrange(progress, 0.35, 0.9),
    )
    report_progress(progress, 0.9, "Verifying every slice")
    decided = []
    for entry in before.slices:
        if only is not None and entry.k not in only and not entry.right:
            left = SliceDecision(Verdict.TO_REPAIR, stack.mask[entry.k], entry.reasons)
            decided.append(Decided(left, {}))
        else:
            decided.append(decide(examined, entry, evidence, proposals, model, options))
    decided = [from_neighbours(examined, entry, decided, evidence, model, options) for entry in before.slices]
    doubts = (
        *_doubts(examined, evidence),
        *_contradicted(examined, evidence, [each.decision for each in decided]),
        *shifted_masks(examined, evidence),
    )
    decisions = [_with_doubts(each.decision, evidence.doubt is not None, doubts) for each in decided]
    wall = np.stack([decision.wall for decision in decisions]).astype(np.uint8)
    after = examined.diagnosis_of(wall, _judging_pool(examined.focused.pool, decisions), placed)
    trim_slices = _closed(after, decisions, only) if options.trim_pool else []
    changes = Changes.compose(stack, wall, others=others, trim_slices=trim_slices)
    report_progress(progress, 1.0, "Done")
    elapsed = time.perf_counter() - started
    run = Run(runner, model, proposals.steps, evidence.doubt)
    return Repaired(
        **vars(changes),
        report=build_report(changes, before, after, decisions, options, elapsed, run, doubts),
        features={k: each.features for k, each in enumerate(decided) if each.features},
        alternatives={"image alone": evidence.walls, "one pass": proposals.one_pass},
    )


def _check_mask(stack: Stack) -> None:
    if not stack.mask.any():
        raise ValueError(
            f"{stack.name}: the myocardium mask is empty, there is nothing to repair. Choose the segment or label "
            "that holds the wall."
        )


def apex_in(evidence: ImageEvidence, stack: Stack, chosen: Apex) -> Apex:
    """Return the end at which the images show the apex; the choice of the user, or automatic if they do not show it."""
    if Apex(chosen) is not Apex.AUTO or evidence.certainty < MIN_CERTAINTY or len(evidence.walls) < MIN_WALLS:
        return Apex(chosen)
    sizes = [float(hull(evidence.walls[k]).volume) if k in evidence.walls else 0.0 for k in range(len(stack.mask))]
    known = [size for size in sizes if size]
    halves = np.mean(known[: len(known) // 2]), np.mean(known[len(known) // 2 :])
    return apex_end(sizes) if max(halves) > MIN_TAPER * min(halves) else Apex.AUTO


def _doubts(examined: Examined, evidence: ImageEvidence) -> tuple[Reason, ...]:
    """Return the doubts about the stack; those about a broken mask are dropped if the location is certain."""
    if not examined.doubts or evidence.certainty < CERTAIN_HEART:
        return examined.doubts
    nothing = np.zeros(examined.stack.shape[1:], np.uint8)
    walls = [evidence.walls.get(k, nothing) for k in range(len(examined.stack.mask))]
    features = [SliceFeatures(WallFeatures(wall, examined.stack.in_plane), None) for wall in walls]
    return confirmed_doubts(examined.doubts, features, examined.stack.spacing)


def _contradicted(examined: Examined, evidence: ImageEvidence, decisions: list[SliceDecision]) -> tuple[Reason, ...]:
    """Return the doubt that image and masks belong together.

    The given walls near the heart and the walls of the image alone hardly overlap in the median slice. Or the image
    contradicts half of the closed walls (in a stack with next to nothing away from the heart, of the repaired ones,
    too); or half of all walls, if closed walls away from the heart are counted as contradicted.
    """
    overlaps = wall_overlaps(examined, evidence)
    if len(overlaps) >= MIN_CONTRADICTED and np.median(overlaps) < MIN_OVERLAP:
        return (Reason(ReasonCode.MASKS_CONTRADICTED, slices=sum(overlap < MIN_OVERLAP for overlap in overlaps)),)
    codes = {Verdict.INTACT: ReasonCode.IMAGE_DISAGREES}
    if examined.loose_share <= MAX_LOOSE:
        codes |= dict.fromkeys(REPAIRED, ReasonCode.MASK_DISREGARDED)
    judged = [each for each in decisions if each.verdict in codes and each.confidence is not None]
    against = sum(codes[each.verdict] in each.codes for each in judged)
    away = sum({ReasonCode.CLOSED, ReasonCode.OFF_AXIS} <= each.codes for each in decisions)
    walls = int(examined.stack.mask.any(axis=(1, 2)).sum())
    if against >= max(MIN_CONTRADICTED, 0.5 * len(judged)) or against + away >= max(MIN_CONTRADICTED, 0.5 * walls):
        return (Reason(ReasonCode.MASKS_CONTRADICTED, slices=against + away),)
    return ()


def shifted_masks(examined: Examined, evidence: ImageEvidence) -> tuple[Reason, ...]:
    """Return the doubt that the masks belong to the next or the previous slices of the image."""
    given, shown = examined.focused.mask, evidence.walls
    fits = {}
    for offset in (-1, 0, 1):
        pairs = [(given[k], shown[k + offset]) for k in shown if k + offset in shown and given[k].any()]
        if len(pairs) < MIN_SHIFTED:
            return ()
        fits[offset] = float(np.mean([dice(wall, other) for wall, other in pairs]))
    better = max((-1, 1), key=lambda offset: fits[offset])
    shifted = fits[better] > fits[0] + SHIFT_MARGIN and fits[better] >= MIN_OVERLAP
    return (Reason(ReasonCode.MASKS_SHIFTED, slices=better),) if shifted else ()


def wall_overlaps(examined: Examined, evidence: ImageEvidence) -> list[float]:
    """Return the Dice of the given and the image-alone wall of every slice that has both."""
    given = examined.focused.mask
    return [dice(given[k], wall) for k, wall in evidence.walls.items() if given[k].any()]


def _with_doubts(decision: SliceDecision, unsure: bool, doubts: tuple[Reason, ...]) -> SliceDecision:
    """Flag a repaired slice if there are doubts about the stack or about the location of the heart.

    If the masks may not belong to the image, walls that were left as they are need review, too.
    """
    foreign = any(doubt.code in (ReasonCode.MASKS_CONTRADICTED, ReasonCode.MASKS_SHIFTED) for doubt in doubts)
    if decision.verdict is Verdict.INTACT:
        doubted = foreign and decision.wall.any() and not decision.doubtful
    else:
        doubted = decision.verdict in REPAIRED and bool(unsure or doubts)
    if not doubted:
        return decision
    return decision.doubted(*((Reason(ReasonCode.STACK_IN_DOUBT),) if doubts else ()))


def _closed(after: Diagnosis, decisions: list[SliceDecision], only: Collection[int] | None) -> list[int]:
    """Return the slices whose wall is a closed ring after the repair, without those that were refused or not chosen."""
    left = (Verdict.REFUSED, Verdict.TO_REPAIR)
    return [
        entry.k
        for entry, decision in zip(after.slices, decisions, strict=True)
        if entry.finding is Finding.RING and decision.verdict not in left and (only is None or entry.k in only)
    ]


def _needs_proposal(entry: SliceDiagnosis, only: Collection[int] | None) -> bool:
    """Return whether the slice needs a proposal: a wall is expected, and the Betti numbers are not those of a ring."""
    chosen = only is None or entry.k in only
    walled = entry.expectation in (Expectation.RING, Expectation.DISC)
    return chosen and walled and not entry.right and not counts_as_ring(entry)


def _judging_pool(pool: Mask | None, decisions: list[SliceDecision]) -> Mask | None:
    """Return the blood pool by which walls are judged after the repair.

    Repaired walls were verified, some of them against a wrong pool: they are judged by their shape alone.
    """
    if pool is None:
        return None
    judging = np.asarray(pool).copy()
    for k, decision in enumerate(decisions):
        if decision.verdict in REPAIRED:
            judging[k] = 0
    return judging
