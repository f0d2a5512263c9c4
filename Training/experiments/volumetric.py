"""Benefit of a volumetric automaton: slices with a poor image or mask, and smoothness across slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import torch

from rncarefine.anatomy.topology import betti_2d, fill_holes
from rncarefine.nca.channels import intensity_range
from rncarefine.nca.model import Model
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import repair
from rncarefine.stack import Mask, Stack
from rncarefine.tasks.ring.interpolation import between_slices
from rncarefine.tasks.ring.readout import is_ring
from rncarefine_training.automaton.samples import spoil
from rncarefine_training.evaluate.measure import NO_MODEL, Failure, distances, in_parallel, share_of_truth
from rncarefine_training.evaluate.statistics import paired
from rncarefine_training.evaluate.strata import stratify

MOSTLY_MISSING = 0.25
"""Share of the true wall present, below which a slice is mostly missing."""
INTERPOLATED = "interpolated from the neighbours"
"""Baseline: shape-based interpolation of the closest other slices by signed distances, in the first model's repair."""
OTHER, MISSING = "other broken slices", "mostly missing"
MISSING_BETWEEN = "mostly missing, closed walls on both sides"
SPOILED = ("image spoiled", "two adjacent images spoiled")
KINDS = (OTHER, MISSING, MISSING_BETWEEN, *SPOILED)
SMOOTHNESS = "smoothness"
MEASURES = ("dice", "hd", "assd")


def compare_models(
    failures: Sequence[Failure], models: Sequence[Model], *, device: str = "auto", workers: int = 1
) -> Iterator[pd.DataFrame]:
    """Repair stacks with slice-wise and volumetric models, unchanged and with one or two degraded slices.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`.
        models: Models, the slice-wise one first.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one stack: one per slice, kind (:data:`KINDS`) and method with ``dice``, ``hd`` and ``assd``; and
        one of kind :data:`SMOOTHNESS` per method with the mean second difference between slices of the enclosed area
        (``area``, relative to its mean) and of its centroid (``middle``, mm).
    """
    yield from in_parallel(partial(_compare, models=models, device=device), failures, workers)


def _compare(failure: Failure, models: Sequence[Model], device: str) -> pd.DataFrame:
    given = failure.load()
    stack, wall, truth = given.stack, given.stack.mask, given.truth
    if not wall.any():
        return pd.DataFrame()
    options = RepairOptions(close_base=True, device=device)
    rows: list[dict[str, object]] = []

    def row(method: str, kind: str, values: Mapping[str, float], k: int = -1) -> None:
        rows.append({**failure.names, "kind": kind, "k": int(k), "method": method, **values})

    repaired = {model.card.name: repair(stack, model, options).wall for model in models}
    first = repaired[models[0].card.name]
    for k in given.broken():
        kinds = [OTHER]
        if share_of_truth(wall[k], truth[k]) < MOSTLY_MISSING:
            kinds = [MISSING]
            if 0 < k < len(wall) - 1 and is_ring(first[k - 1]) and is_ring(first[k + 1]):
                kinds.append(MISSING_BETWEEN)
                between = between_slices(first[k - 1], first[k + 1], stack.in_plane)
                row(INTERPOLATED, MISSING_BETWEEN, distances(between, truth[k], stack.in_plane), k)
        for name, found in repaired.items():
            for kind in kinds:
                row(name, kind, distances(found[k], truth[k], stack.in_plane), k)
    for name, found in repaired.items():
        row(name, SMOOTHNESS, smoothness(found, stack))
    row("input", SMOOTHNESS, smoothness(wall, stack))
    row("truth", SMOOTHNESS, smoothness(truth, stack))
    rings = [betti_2d(part) == (1, 1) for part in truth]
    for count, kind in enumerate(SPOILED, 1):
        chosen = [k for k in range(1, len(truth) - count) if all(rings[k - 1 : k + count + 1])]
        if not chosen:
            continue
        start = chosen[len(chosen) // 2]
        slices = range(start, start + count)
        spoiled = spoil_slices(stack, slices)
        repaired = {model.card.name: repair(spoiled, model, options).wall for model in models}
        first = repaired[models[0].card.name]
        for k in slices:
            for name, found in repaired.items():
                row(name, kind, distances(found[k], truth[k], stack.in_plane), k)
            share = (k - start + 1) / (count + 1)
            between = between_slices(first[start - 1], first[start + count], stack.in_plane, share)
            row(INTERPOLATED, kind, distances(between, truth[k], stack.in_plane), k)
    return pd.DataFrame(rows)


def spoil_slices(stack: Stack, slices: Sequence[int]) -> Stack:
    """Return the stack with noise and ghosts in the images of some slices, and their masks removed."""
    image, mask = stack.image.astype(np.float32), stack.mask.copy()
    low, high = intensity_range(image)
    for k in slices:
        around = torch.from_numpy(np.stack([(image[k] - low) / (high - low)] * 3).astype(np.float32))
        spoiled, _ = spoil(around, torch.zeros_like(around), np.random.default_rng(k))
        image[k], mask[k] = low + (high - low) * spoiled[1].numpy(), 0
    return replace(stack, image=image, mask=mask)


def smoothness(wall: Mask, stack: Stack) -> dict[str, float]:
    """Return the mean second differences of enclosed area and centroid over all triples of adjacent closed slices."""
    areas, middles = [], []
    filled = [fill_holes(part) if betti_2d(part) == (1, 1) else None for part in wall]
    for three in zip(filled, filled[1:], filled[2:], strict=False):
        if any(part is None for part in three):
            continue
        size = [float(part.sum()) for part in three if part is not None]
        centre = [np.argwhere(part).mean(axis=0) * stack.in_plane for part in three if part is not None]
        areas.append(abs(size[0] - 2 * size[1] + size[2]) / np.mean(size))
        middles.append(float(np.hypot(*(centre[0] - 2 * centre[1] + centre[2]))))
    nothing = float("nan")
    return {
        "area": float(np.mean(areas)) if areas else nothing,
        "middle": float(np.mean(middles)) if middles else nothing,
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare every method with the last model, the volumetric one.

    Args:
        rows: From :func:`compare_models`, of all stacks.

    Returns:
        One line per kind and method: ``n``, means, and the gain of the volumetric model in Dice (for smoothness, in the
        centroid) with its interval; positive if the volumetric model is better.
    """
    lines = []
    volumetric = rows.method[(rows.kind == OTHER) | (rows.kind == MISSING)].iloc[-1]
    for kind, part in rows.groupby("kind", sort=False):
        measure, sign = ("middle", -1) if kind == SMOOTHNESS else ("dice", 1)
        key = ["source", "case", "k"]
        best = part[part.method == volumetric].set_index(key)
        for method, own in part.groupby("method", sort=False):
            own = own.set_index(key)
            gain = paired(sign * (best[measure].reindex(own.index) - own[measure]), own.subject).gain
            names = ("area", "middle") if kind == SMOOTHNESS else MEASURES
            lines.append(
                {"kind": kind, "method": method, "n": len(own)}
                | {name: own[name].mean() for name in names}
                | gain.columns("gain", "")
            )
    return pd.DataFrame(lines)


def compare_strata(rows: pd.DataFrame, slice_wise: str, volumetric: str) -> pd.DataFrame:
    """Compare two models by stratum in the rows of an evaluation.

    Args:
        rows: From :func:`rncarefine_training.evaluate.store.read_rows`.
        slice_wise: Name of the slice-wise model.
        volumetric: Name of the volumetric model.

    Returns:
        One line per stratum with broken slices: ``stratum``, ``slices``, ``n``, mean Dice of both models, and the
        paired ``gain`` with ``low`` and ``high``.

    Raises:
        ValueError: A model was not evaluated.
    """
    missing = [name for name in (slice_wise, volumetric) if name not in set(rows.model)]
    if missing:
        raise ValueError(f"The evaluation has no rows of {', '.join(missing)}. Run `rncarefine-train evaluate` first.")
    table = stratify(pd.concat([rows[rows.model == name] for name in (slice_wise, volumetric, NO_MODEL)]))
    ours, theirs = (table[table.model == name].reset_index(drop=True) for name in (volumetric, slice_wise))
    return ours[["stratum", "slices", "n"]].assign(
        **{
            f"dice {slice_wise}": theirs.dice,
            f"dice {volumetric}": ours.dice,
            "gain": ours["over first"],
            "low": ours["over low"],
            "high": ours["over high"],
        }
    )
