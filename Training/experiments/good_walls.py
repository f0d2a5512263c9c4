"""Repair of true walls, unchanged or with a small defect: are the intact parts preserved, and which are flagged?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from rncarefine.anatomy.topology import betti_2d
from rncarefine.nca.model import Model
from rncarefine.refine.metrics import dice
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import repair
from rncarefine.stack import Mask, Stack
from rncarefine_training.data.cases import TrainingCase, mask_of, subject_of
from rncarefine_training.evaluate.baselines import BASELINES
from rncarefine_training.evaluate.measure import IMAGE_ALONE, ONE_PASS, in_parallel
from rncarefine_training.evaluate.statistics import mean

DEFECTS = ("gap of 20 to 60 degrees", "pores, 5 % of the wall", "specks")
UNCHANGED = "none"
"""The true walls as they are; they are never changed, but may be flagged."""
SPECKS = 0.002
"""Share of pixels of a slice that become specks."""
INPUT = "input"


def repair_good_walls(
    cases: Sequence[Path], models: Sequence[Model], *, device: str = "auto", workers: int = 1
) -> Iterator[pd.DataFrame]:
    """Repair every closed slice of the truth, as it is and with a small defect.

    Args:
        cases: Files of cases.
        models: Models to compare.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one case: slice, defect, method, ``dice`` and ``flagged``; also for the unchanged walls.
    """
    yield from in_parallel(partial(_repair, models=models, device=device), cases, workers)


def _repair(path: Path, models: Sequence[Model], device: str) -> pd.DataFrame:
    case = TrainingCase.load(path)
    truth = mask_of(case.labels)
    rng = np.random.default_rng([*case.name.encode()])
    given, defects = truth.copy(), {}
    for k, wall in enumerate(truth):
        if betti_2d(wall) == (1, 1):
            defects[k] = DEFECTS[int(rng.integers(len(DEFECTS)))]
            given[k] = damage_slightly(wall, defects[k], rng)
    stack = Stack.create(case.image, given, case.spacing, name=case.name)
    rows = [row(case.name, k, defects[k], INPUT, given[k], truth[k]) for k in defects]
    for name, repaired in BASELINES.items():
        rows += [row(case.name, k, defects[k], name, repaired(given[k], stack.in_plane), truth[k]) for k in defects]
    for model in models:
        options = RepairOptions(close_base=True, device=device)
        unchanged = repair(Stack.create(case.image, truth, case.spacing, name=case.name), model, options)
        result = repair(stack, model, options)
        for k, defect in defects.items():
            for name, found in ((UNCHANGED, unchanged), (defect, result)):
                flagged = found.report.slices[k].flagged
                rows.append(row(case.name, k, name, model.card.name, found.wall[k], truth[k], flagged))
            for method in (IMAGE_ALONE, ONE_PASS):
                wall = result.alternatives[method].get(k, given[k])
                rows.append(row(case.name, k, defect, f"{model.card.name}, {method}", wall, truth[k]))
    return pd.DataFrame(rows)


def row(
    case: str, k: int, defect: str, method: str, wall: Mask, truth: Mask, flagged: bool = False
) -> dict[str, object]:
    """Return one row of the table of slices."""
    return {
        "case": case,
        "subject": subject_of(case),
        "k": k,
        "defect": defect,
        "method": method,
        "dice": dice(wall, truth),
        "flagged": flagged,
    }


def damage_slightly(wall: Mask, defect: str, rng: np.random.Generator) -> Mask:
    """Add one of :data:`DEFECTS` to a closed wall."""
    if defect == DEFECTS[1]:
        return np.asarray(wall & (rng.random(wall.shape) > 0.05), np.uint8)
    if defect == DEFECTS[2]:
        return np.asarray(wall | (rng.random(wall.shape) < SPECKS), np.uint8)
    j, i = np.indices(wall.shape) - np.argwhere(wall).mean(axis=0)[:, None, None]
    width = float(rng.uniform(20, 60))
    inside = (np.degrees(np.arctan2(j, i)) - rng.uniform(0, 360)) % 360 < width
    return np.asarray(wall & ~inside, np.uint8)


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per defect and method: ``n``, mean Dice with its interval, and the worse and flagged slices.

    Args:
        rows: From :func:`repair_good_walls`, of all cases.
    """
    key = ["case", "k"]
    before = rows[rows.method == INPUT].set_index(key).dice
    lines = []
    rows = rows.sort_values("defect", kind="stable")
    for (defect, method), part in rows.groupby(["defect", "method"], sort=False):
        own = part.set_index(key)
        given = 1.0 if defect == UNCHANGED else before.reindex(own.index)
        worse, flagged = int((own.dice < given - 0.01).sum()), int(own.flagged.sum())
        lines.append(
            {"defect": defect, "method": method, "n": len(own), "worse": worse, "flagged": flagged}
            | mean(own.dice, own.subject).columns("dice")
        )
    return pd.DataFrame(lines)
