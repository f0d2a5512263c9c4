"""Repair the real failures of base networks, with every model and baseline: one row per slice and method."""

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

from ..data.cases import MYOCARDIUM, POOL, TrainingCase, broken, load_prediction, mask_of
from ..data.sources.entry import network_of
from .baselines import BASELINES

FULL_REPAIR = "RNCARefine"
"""The whole repair."""
WITH_POOL = "RNCARefine, pool given"
"""The same with the base network's blood pool."""
IMAGE_ALONE = "image alone"
"""The same encoder with the images alone, made a ring: what one has without any mask."""
ONE_PASS = "one pass"
"""The same encoder with mask and images, made a ring, without a rollout: what the automaton is held against."""
ONE_PASS_DECIDED = "one pass, same decisions"
"""The whole repair with a rollout of no steps: what the automaton adds, and nothing else."""
NEAR = "input near the heart"
"""The input without what lies away from the heart. Networks also draw walls on other organs; the repair takes them away
where it draws, which lowers distances without any repair of a wall. Against this input that does not count."""
NO_MODEL = "-"
"""What stands for the model in a baseline's rows."""
Job = TypeVar("Job")
Result = TypeVar("Result")

KEY = ["source", "case", "k"]
"""What names a slice of a base network."""


@dataclass(frozen=True)
class Failure:
    """Prediction of one base network for one case: paths of both files, and the network."""

    case: Path
    prediction: Path
    source: str

    @property
    def network(self) -> str:
        """The kind of base network: ``weak`` of ``weak-0@1``, ``nnunet`` of ``nnunet@1``."""
        return network_of(self.source)

    @property
    def names(self) -> dict[str, str]:
        """The columns that name network and case in a row."""
        case = self.case.stem
        return {"network": self.network, "source": self.source, "case": case, "subject": case.partition("_")[0]}

    def load(self) -> LoadedFailure:
        """Read both files."""
        case, labels = TrainingCase.load(self.case), load_prediction(self.prediction)
        stack = Stack.create(case.image, mask_of(labels), case.spacing, None, case.name)
        return LoadedFailure(case, labels, stack, mask_of(case.labels))


@dataclass(frozen=True, eq=False)
class LoadedFailure:
    """A case with what a network drew in it.

    Attributes:
        case: The case.
        labels: The network's labels.
        stack: The image with the network's wall, without blood pool.
        truth: The true wall, shape ``(k, j, i)``.
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
        sources: ``<member>@<fraction>`` of the base networks.
        subjects: Which subjects.

    Raises:
        ValueError: There is nothing.
    """
    if not subjects:
        raise ValueError("The configuration names no subjects to measure on: add subjects.test or subjects.select.")
    found = [
        Failure(cases / path.name, path, source)
        for source in sources
        for subject in subjects
        for path in sorted((predictions / source).glob(f"{subject}_*.npz"))
    ]
    if not found:
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return found


def slices_of(failures: Iterable[Failure]) -> set[tuple[str, str, int]]:
    """Return by :data:`KEY` the slices that :func:`measure_repairs` will have rows of: those with a predicted wall."""
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
        models: The weights to measure.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Processes.

    Yields:
        The rows of one stack, in the order of ``failures``; empty if the network drew no wall at all. One row per
        slice with a prediction, model and method: ``broken`` and ``correct`` say which question the slice answers;
        ``has`` (share of the true wall that was there), ``place``, ``gap_deg`` and ``slice_mm`` what kind of slice it
        is; ``valid``, ``flagged``, ``changed``, ``confidence``, ``dice``, ``hd``, ``assd`` describe the result and
        ``dice_before``, ``hd_before``, ``assd_before`` the input. Distances are measured in slices that were broken
        or changed, Dice in all.

    Raises:
        ValueError: The same weights are given twice, or there are fewer than 1 workers.
    """
    labelled = list(zip(labels_of(models), models, strict=True))
    yield from in_parallel(partial(_measure, models=labelled, device=device), failures, workers)


def in_parallel(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yield the result of every job, in the order of the jobs; each of several processes uses one core.

    Raises:
        ValueError: There are fewer than 1 workers.
    """
    if workers < 1:
        raise ValueError(f"--workers {workers}: there must be 1 or more.")
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        # Without memory maps of the weights: their folders outlive the workers.
        yield from Parallel(return_as="generator", max_nbytes=None)(delayed(function)(job) for job in jobs)


def labels_of(models: Sequence[Model]) -> list[str]:
    """Return a label per model: its name, with the start of its hash where two share one.

    Raises:
        ValueError: The same weights are given twice; every slice would count twice.
    """
    shared = Counter(model.card.name for model in models)
    labels = [
        model.card.name if shared[model.card.name] == 1 else f"{model.card.name} ({model.card.sha256[:7]})"
        for model in models
    ]
    for label, times in Counter(labels).items():
        if times > 1:
            raise ValueError(f"The weights {label} are given {times} times. Give every model once.")
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
    for k in np.flatnonzero(wall.any(axis=(1, 2))):
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
                # Whether the confidence discriminates good closed walls needs their Dice.
                row["dice"] = before["dice"]
            rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class Attempt:
    """Result of one method on a stack.

    Attributes:
        model: Name of the model, or :data:`NO_MODEL`.
        sha256: Hash of its weights.
        method: The whole repair or a variant of it, or a baseline.
        mask: Shape ``(k, j, i)``.
        records: The report's slices; none of a baseline.
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
    """Repair a stack with closed base, and by the encoder alone; the first model also with pool, and without a rollout.

    Slices that the baselines of the encoder do not draw, or need not, are those of the input.

    Args:
        stack: The stack, without blood pool.
        pool: The network's blood pool, for the first model of several; ``None`` for the others.
        model: Weights and card.
        name: What the rows call the model.
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
    """Return a stack without what lies away from the heart; an empty one as it is."""
    if not stack.mask.any():
        return stack
    heart = locate_heart(stack.mask, stack.pool, stack.in_plane)
    return replace(stack, mask=near_heart(stack.mask, heart, stack.in_plane))


def _baseline(stack: Stack, name: str) -> Attempt:
    method = BASELINES[name]
    walls = [method(piece, stack.in_plane) if betti_2d(piece) != (1, 1) else piece for piece in stack.mask]
    return Attempt(NO_MODEL, "", name, np.stack(walls), [])


def broken_slices(failure: Failure) -> tuple[Stack, Mask, list[int]]:
    """Load a failure for the automaton alone: without what lies away from the heart, as a whole repair does.

    Returns:
        What the network drew about the heart; the true wall; and the broken slices of which something is left there.
    """
    given = failure.load()
    stack = near_the_heart(given.stack)
    return stack, given.truth, [k for k in given.broken() if stack.mask[k].any()]


def distances(mask: Mask, truth: Mask, in_plane: tuple[float, float]) -> dict[str, float]:
    """Return Dice, and HD and ASSD in mm (NaN where one of the two masks is empty)."""
    surface = surface_distances(mask, truth, in_plane)
    return {"dice": dice(mask, truth), "hd": surface.hd_mm, "assd": surface.assd_mm}


def share_of_truth(wall: Mask, truth: Mask) -> float:
    """Return the share of the true wall that a mask covers; NaN if there is none."""
    return float((wall & truth).sum() / truth.sum()) if truth.any() else float("nan")


def place_of_slices(truth: Mask, spacing: tuple[float, float, float]) -> dict[int, str]:
    """Return for every slice with a true wall the third of the stack that it lies in: base, middle or apex."""
    if not truth.any():
        return {}
    order = diagnose_mask(truth, None, spacing).base_to_apex
    thirds = ("base", "middle", "apex")
    return {k: thirds[min(2, 3 * rank // len(order))] for rank, k in enumerate(order)}
