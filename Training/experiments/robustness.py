"""Robustness: repair of stacks disturbed by :mod:`experiments.disturbances`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from rncarefine.anatomy.topology import betti_2d
from rncarefine.nca.model import Model
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine.stack import Stack
from rncarefine_training.data.cases import POOL, mask_of
from rncarefine_training.evaluate.measure import KEY, Failure, distances, in_parallel
from rncarefine_training.evaluate.statistics import mean, proportion
from rncarefine_training.evaluate.store import NAMES, write_table

from .disturbances import DISTURBANCES, Disturb, Disturbed

UNDISTURBED = "undisturbed"
"""Name of undisturbed stacks in the table."""


def disturb_and_repair(
    failures: Sequence[Failure], model: Model, folder: Path, *, device: str = "auto", workers: int = 1
) -> Iterator[pd.DataFrame]:
    """Repair every stack undisturbed and with every disturbance; existing results are reused.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`.
        model: Model.
        folder: Output folder for the rows of every stack; one folder per model.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one stack: metrics before and after the repair, per ``disturbance`` and slice that was broken
        undisturbed and whose true wall is still a ring.
    """
    yield from in_parallel(partial(_disturb_all, model=model, folder=folder, device=device), failures, workers)


def _disturb_all(failure: Failure, model: Model, folder: Path, device: str) -> pd.DataFrame:
    path = folder / f"{failure.source}-{failure.case.stem}.csv"
    modified = max(file.stat().st_mtime for file in (failure.case, failure.prediction))
    # Repeat the repair if case or prediction has changed since.
    if path.exists() and path.stat().st_mtime >= modified:
        return pd.read_csv(path, dtype=dict.fromkeys(NAMES, str))
    given = failure.load()
    case, wall, pool, wanted = given.case, given.stack.mask, mask_of(given.labels, POOL), set(given.broken())
    plain = Disturbed(case.image, wall, pool, given.truth, case.spacing, np.arange(len(wall)))
    disturbances: list[tuple[str, str, Disturb]] = [(UNDISTURBED, UNDISTURBED, lambda stack, rng: stack)]
    disturbances += [(group, name, how) for group, some in DISTURBANCES.items() for name, how in some.items()]
    rows: list[dict[str, object]] = []
    for group, name, how in disturbances if wanted else ():
        # Random numbers independent of other disturbances and their order.
        rng = np.random.default_rng(zlib.crc32(f"{failure.source} {case.name} {name}".encode()))
        for row in _repaired(how(plain, rng), wanted, model, device):
            rows.append(failure.names | {"group": group, "disturbance": name} | row)
    columns = ["network", *KEY, "subject", "group", "disturbance"]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    write_table(table, path)
    return table


def _repaired(stack: Disturbed, wanted: set[int], model: Model, device: str) -> Iterator[dict[str, object]]:
    given = Stack.create(
        stack.image, stack.wall, stack.spacing, stack.pool if stack.give_pool else None, "disturbed stack"
    )
    if not given.mask.any():
        return
    result = repair(given, model, RepairOptions(close_base=True, device=device))
    for here, k in enumerate(stack.slices):
        truth = stack.truth[here]
        if int(k) not in wanted or betti_2d(truth) != (1, 1):
            continue
        before = distances(stack.wall[here], truth, given.in_plane)
        yield {
            "k": int(k),
            "valid": betti_2d(result.wall[here]) == (1, 1),
            "flagged": result.report.slices[here].flagged,
            **distances(result.wall[here], truth, given.in_plane),
            **{f"{name}_before": value for name, value in before.items()},
        }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per disturbance, the undisturbed stacks first.

    Args:
        rows: From :func:`disturb_and_repair`, of all stacks.

    Returns:
        ``n`` slices of ``subjects``; ``valid`` with its interval; ``flagged``; mean ``dice before``, ``dice``,
        ``gain`` with ``low`` and ``high``; ``hd`` and ``assd`` in mm with bounds; and ``lost``, the loss of Dice
        against the same slices undisturbed, with ``lost low`` and ``lost high``.
    """
    plain = rows[rows.disturbance == UNDISTURBED].set_index(KEY).dice
    lines = []
    for (group, name), part in rows.groupby(["group", "disturbance"], sort=False):
        gain = mean(part.dice - part.dice_before, part.subject)
        lost = mean(plain.reindex(pd.MultiIndex.from_frame(part[KEY])).to_numpy() - part.dice, part.subject)
        hd, assd = mean(part.hd, part.subject), mean(part.assd, part.subject)
        valid = proportion(part.valid, part.subject)
        lines.append(
            {
                "group": group,
                "disturbance": name,
                "n": len(part),
                "subjects": part.subject.nunique(),
                "valid": valid.percent,
                "valid share": valid.value,
                "flagged": int(part.flagged.sum()),
                "dice before": part.dice_before.mean(),
                "dice": part.dice.mean(),
                **gain.columns("gain", ""),
                **hd.columns("hd"),
                **assd.columns("assd"),
                **lost.columns("lost"),
            }
        )
    return pd.DataFrame(lines)
