"""Repair the real failures of base networks with every model and baseline: one row per slice and method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from numpy.typing import NDArray

from rncarefine.anatomy.heart import locate_heart, near_heart
from rncarefine.anatomy.topology import betti_2d
from rncarefine.nca.model import Model
from rncarefine.refine.metrics import dice, surface_distances
from rncarefine.refine.records import SliceRecord
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine.stack import Mask, Stack
from rncarefine.tasks.ring.diagnosis import diagnose_mask

from ..data.cases import MYOCARDIUM, POOL, TrainingCase, broken, load_prediction, mask_of, subject_of
from ..data.sources.entry import network_of
from .baselines import BASELINES

FULL_REPAIR = "RNCARefine"
"""The full repair."""
WITH_POOL = "RNCARefine, pool given"
"""The full repair with the blood pool of the base network."""
IMAGE_ALONE = "image alone"
"""Ring read from the evidence of the encoder without masks."""
ONE_PASS = "one pass"
"""Ring read from the evidence of the encoder with masks, without a rollout."""
ONE_PASS_DECIDED = "one pass, same decisions"
"""The full repair with a rollout of 0 steps, which isolates the effect of the automaton."""
NEAR = "input near the heart"
"""The input without components away from the heart. Their removal alone lowers distances, so the repair is also
compared with this input."""
NO_MODEL = "-"
"""Model in the rows of baselines."""
Job = TypeVar("Job")
Result = TypeVar("Result")

KEY = ["source", "case", "k"]
"""Columns that identify a slice of a prediction."""


@dataclass(frozen=True)
class Failure:
    """Prediction of one base network for one case: paths of both files, and the network."""

    case: Path
    prediction: Path
    source: str

    @property
    def network(self) -> str:
        """Kind of the network: ``weak`` for ``weak-0@1``, ``nnunet`` for ``nnunet@1``."""
        return network_of(self.source)

    @property
    def names(self) -> dict[str, str]:
        """Columns of network and case in a row."""
        case = self.case.stem
        return {"network": self.network, "source": self.source, "case": case, "subject": subject_of(case)}

    def load(self) -> LoadedFailure:
        """Read both files."""
        case, labels = TrainingCase.load(self.case), load_prediction(self.prediction)
        stack = Stack.create(case.image, mask_of(labels), case.spacing, None, case.name)
        return LoadedFailure(case, labels, stack, mask_of(case.labels))


@dataclass(frozen=True, eq=False)
class LoadedFailure:
    """Case with a prediction.

    Attributes:
        case: Case.
        labels: Predicted labels, shape ``(k, j, i)``.
        stack: Image with the predicted wall, without blood pool.
        truth: True wall, shape ``(k, j, i)``.
    """

    case: TrainingCase
    labels: NDArray[np.uint8]
    stack: Stack
    truth: Mask

    def broken(self) -> list[int]:
        """Return the slices that are real failures."""
        pairs = enumerate(zip(self.labels, self.case.labels, strict=True))
        return [k for k, (drawn, true) in pairs if broken(drawn, true, self.stack.pixel_area)]


def failures_of(cases: Path, predictions: Path, sources: Iterable[str], subjects: Sequence[str]) -> list[Failure]:
    """Return the predictions of base networks for subjects.

    Args:
        cases: Folder of cases.
        predictions: Folder of predictions.
        sources: ``<member>@<fraction>`` of the networks.
        subjects: Subjects to include.

    Raises:
        ValueError: There are no subjects or no predictions.
    """
    if not subjects:
        raise ValueError("The configuration has no subjects to evaluate on: add subjects.test or subjects.select.")
    found = [
        Failure(cases / path.name, path, source)
        for source in sources
        for subject in subjects
        for path in sorted((predictions / source).glob(f"{subject}_*.npz"))
    ]
    if not found:
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return found


def predicted_slices(failures: Iterable[Failure]) -> set[tuple[str, str, int]]:
    """Return the slices with a predicted wall, by :data:`KEY`, as in the rows of :func:`measure_repairs`."""
    return {
        (failure.source, failure.case.stem, int(k))
        for failure in failures
        for k in np.flatnonzero((load_prediction(failure.prediction) == MYOCARDIUM).any(axis=(1, 2)))
    }


def measure_repairs(
    failures: Sequence[Failure],
    models: Sequence[Model],
    *,
    device: str = "auto",
    workers: int = 1,
) -> Iterable[pd.DataFrame]:
    """Repair every stack with every model and every baseline.

    Args:
        failures: From :func:`failures_of`.
        models: Models to evaluate.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one stack, in the order of ``failures``; empty without a predicted wall. One row per predicted
        slice, model and method. ``broken``, ``correct``, ``has`` (share of the true wall present), ``place``,
        ``gap_deg`` and ``slice_mm`` describe the slice; ``valid``, ``flagged``, ``changed``, ``confidence``, ``dice``,
        ``hd`` and ``assd`` the result; ``dice_before``, ``hd_before`` and ``assd_before`` the input. Distances are
        measured in broken or changed slices only, Dice in all.

    Raises:
        ValueError: The same weights are given twice, or there are fewer than 1 workers.
    """
    labelled = list(zip(model_labels(models), models, strict=True))
    yield from in_parallel(partial(_measure, models=labelled, device=device), failures, workers)


def in_parallel(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yield the results of jobs in order, computed by single-threaded processes.

    Raises:
        ValueError: There are fewer than 1 workers.
    """
    if workers < 1:
        raise ValueError(f"--workers {workers}: there must be 1 or more.")
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        # Without memory-mapped weights, whose temporary folders outlive the workers.
        yield from Parallel(return_as="generator", max_nbytes=None)(delayed(function)(job) for job in jobs)


def model_labels(models: Sequence[Model]) -> list[str]:
    """Return a label per model: its name, with the start of the hash if the name is not unique.

    Raises:
        ValueError: The same weights are given twice.
    """
    shared = Counter(model.card.name for model in models)
    labels = [
        model.card.name if shared[model.card.name] == 1 else f"{model.card.name} ({model.card.sha256[:7]})"
        for model in models
    ]
    for label, times in Counter(labels).items():
        if times > 1:
            raise ValueError(
                f"The weights {label} are given {times} times. List every model once. To compare settings of a card, "
                "evaluate one after the other: rows of the same weights replace each other."
            )
    return labels


def _measure(failure: Failure, models: list[tuple[str, Model]], device: str) -> pd.DataFrame:
    given = failure.load()
    stack, truth, spacing = given.stack, given.truth, given.stack.spacing
    wall, pool, failed = stack.mask, mask_of(given.labels, POOL), given.broken()
    if not wall.any():
        return pd.DataFrame()
    attempts: list[Attempt] = []
    for number, (name, model) in enumerate(models):
        attempts += repairs(stack, pool if number == 0 else None, model, name, device)
    attempts += [Attempt(NO_MODEL, "", NEAR, near_the_heart(stack).mask, [])]
    attempts += [_baseline(stack, method) for method in BASELINES]
    gaps = {record.k: record.gap_deg_before for record in attempts[0].records} if models else {}
    places = place_of_slices(truth, spacing)
    rows: list[dict[str, object]] = []
    for k in np.flatnonzero(wall.any(axis=(1, 2)) & ~given.case.uncompleted):
        what = {
            **failure.names,
            "k": int(k),
            "broken": int(k) in failed,
            "correct": betti_2d(wall[k]) == (1, 1) and betti_2d(truth[k]) == (1, 1),
            "has": share_of_truth(wall[k], truth[k]),
            "place": places.get(int(k), "beyond"),
            "gap_deg": gaps.get(int(k), float("nan")),
            "slice_mm": spacing[0],
        }
        before = distances(wall[k], truth[k], stack.in_plane)
        for attempt in attempts:
            row = what | attempt.row(int(k), wall[k])
            measured = bool(row["broken"] or row["changed"])
            after = distances(attempt.mask[k], truth[k], stack.in_plane) if measured else {}
            nothing = float("nan")
            row |= {key: after.get(key, nothing) for key in before}
            row |= {f"{key}_before": value if measured else nothing for key, value in before.items()}
            if not measured:
                # Needed to evaluate the confidence of closed walls.
                row["dice"] = before["dice"]
            rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class Attempt:
    """Result of one method on a stack.

    Attributes:
        model: Name of the model, or :data:`NO_MODEL`.
        sha256: Hash of its weights.
        method: The full repair, a variant of it, or a baseline.
        mask: Result, shape ``(k, j, i)``.
        records: Slices of the report; empty for a baseline.
    """

    model: str
    sha256: str
    method: str
    mask: Mask
    records: list[SliceRecord]

    def row(self, k: int, before: Mask) -> dict[str, object]:
        """Return the columns of slice k that do not depend on the truth."""
        record = self.records[k] if self.records else None
        return {
            "model": self.model,
            "sha256": self.sha256,
            "method": self.method,
            "valid": betti_2d(self.mask[k]) == (1, 1),
            "verdict": "" if record is None else str(record.verdict),
            "flagged": record is not None and record.flagged,
            "changed": bool((self.mask[k] != before).any()),
            "confidence": float("nan") if record is None or record.confidence is None else record.confidence,
        }


def repairs(stack: Stack, pool: Mask | None, model: Model, name: str, device: str) -> list[Attempt]:
    """Repair a stack with a closed base, and with the baselines of the encoder.

    Baselines of the encoder keep closed slices and slices without a proposal.

    Args:
        stack: Stack without blood pool.
        pool: Predicted blood pool, to add the variants with pool and without rollout; ``None`` skips them.
        model: Model.
        name: Label of the model in the rows.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
    """
    options, sha256 = RepairOptions(close_base=True, remove_islands=True, device=device), model.card.sha256
    found = repair(stack, model, options)
    attempts = [Attempt(name, sha256, FULL_REPAIR, found.wall, found.report.slices)]
    if pool is not None:
        still = repair(stack, replace(model, card=replace(model.card, steps=0)), options)
        attempts.append(Attempt(name, sha256, ONE_PASS_DECIDED, still.wall, still.report.slices))
        if pool.any():
            given = repair(replace(stack, pool=pool), model, options)
            attempts.append(Attempt(name, sha256, WITH_POOL, given.wall, given.report.slices))
    for method in (IMAGE_ALONE, ONE_PASS):
        walls = stack.mask.copy()
        for k, wall in found.alternatives[method].items():
            if betti_2d(stack.mask[k]) != (1, 1):
                walls[k] = wall
        attempts.append(Attempt(name, sha256, method, walls, []))
    return attempts


def near_the_heart(stack: Stack) -> Stack:
    """Return a stack without components away from the heart; an empty stack is unchanged."""
    if not stack.mask.any():
        return stack
    heart = locate_heart(stack.mask, stack.pool, stack.in_plane)
    return replace(stack, mask=near_heart(stack.mask, heart, stack.in_plane))


def _baseline(stack: Stack, name: str) -> Attempt:
    method = BASELINES[name]
    walls = [method(part, stack.in_plane) if betti_2d(part) != (1, 1) else part for part in stack.mask]
    return Attempt(NO_MODEL, "", name, np.stack(walls), [])


def broken_slices(failure: Failure) -> tuple[Stack, Mask, list[int]]:
    """Load a failure without components away from the heart, as the full repair does.

    Returns:
        The stack, the true wall, and the broken slices that are not empty near the heart.
    """
    given = failure.load()
    stack = near_the_heart(given.stack)
    return stack, given.truth, [k for k in given.broken() if stack.mask[k].any()]


def distances(mask: Mask, truth: Mask, in_plane: tuple[float, float]) -> dict[str, float]:
    """Return Dice, and HD and ASSD in mm (NaN if one of the masks is empty)."""
    surface = surface_distances(mask, truth, in_plane)
    return {"dice": dice(mask, truth), "hd": surface.hd_mm, "assd": surface.assd_mm}


def share_of_truth(wall: Mask, truth: Mask) -> float:
    """Return the share of the true wall that a mask covers; NaN if the true wall is empty."""
    return float((wall & truth).sum() / truth.sum()) if truth.any() else float("nan")


def place_of_slices(truth: Mask, spacing: tuple[float, float, float]) -> dict[int, str]:
    """Return the third of the stack (base, middle or apex) of every slice with a true wall."""
    if not truth.any():
        return {}
    order = diagnose_mask(truth, None, spacing).base_to_apex
    thirds = ("base", "middle", "apex")
    return {k: thirds[min(2, 3 * rank // len(order))] for rank, k in enumerate(order)}
