"""Rollouts from no step to far beyond the number of steps at inference: what they change, and their stability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from rncarefine.anatomy.heart import locate_heart
from rncarefine.nca.model import Model
from rncarefine.refine.metrics import dice
from rncarefine.refine.proposals import propose_around
from rncarefine.refine.views import likelihood_of
from rncarefine.tasks.ring.readout import is_ring, read_wall
from rncarefine_training.evaluate.measure import Failure, broken_slices, in_parallel
from rncarefine_training.evaluate.statistics import mean

STEPS = (0, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
SEEDS = (0, 1, 2)


def long_rollouts(
    failures: Sequence[Failure],
    model: Model,
    *,
    steps: Sequence[int] = STEPS,
    seeds: Sequence[int] = SEEDS,
    device: str = "auto",
    workers: int = 1,
) -> Iterator[pd.DataFrame]:
    """Roll the automaton out once per stack and seed, without early stop, and keep snapshots.

    Args:
        failures: From :func:`rncarefine_training.evaluate.measure.failures_of`.
        model: Model.
        steps: Steps of the snapshots.
        seeds: Random seeds.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one stack: one per broken slice, seed and snapshot, with ``bare`` (the thresholded wall is a closed
        ring before the read-out), ``ring`` (a closed ring can be read), ``dice`` (0 without one), ``area`` (relative to
        the true wall; 0 without one) and ``moved``: 1 - IoU with the wall of the previous snapshot. Step 0 is the
        evidence of the encoder.
    """
    job = partial(_roll_out, model=model, steps=tuple(sorted(set(steps))), seeds=seeds, device=device)
    yield from in_parallel(job, failures, workers)


def _roll_out(
    failure: Failure, model: Model, steps: tuple[int, ...], seeds: Sequence[int], device: str
) -> pd.DataFrame:
    stack, truth, wanted = broken_slices(failure)
    if not wanted:
        return pd.DataFrame()
    heart = locate_heart(stack.mask, stack.pool, stack.in_plane)
    rows: list[dict[str, object]] = []
    for seed in seeds:
        proposals = propose_around(
            stack, heart, wanted, model, device=device, seed=seed, steps=steps[-1], snapshots=steps
        )
        for k in wanted:
            before = stack.mask[k]
            for number in steps:
                fields = proposals.snapshots[number][k]
                found = read_wall(fields)
                now = np.zeros_like(before) if found is None else found
                either = int((now | before).sum())
                rows.append(
                    {
                        "source": failure.source,
                        **failure.names,
                        "k": k,
                        "seed": seed,
                        "steps": number,
                        "bare": is_ring(np.asarray(likelihood_of(fields) > 0.5, np.uint8)),
                        "ring": found is not None and is_ring(found),
                        "dice": dice(now, truth[k]),
                        "area": float(now.sum() / truth[k].sum()),
                        "moved": float((now ^ before).sum() / either) if either else 0.0,
                    }
                )
                before = now
    return pd.DataFrame(rows)


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per number of steps.

    Args:
        rows: From :func:`long_rollouts`, of all stacks.

    Returns:
        ``n`` slices and ``seeds``, and for each of ``bare``, ``ring``, ``dice``, ``area`` and ``moved`` its mean,
        ``low`` and ``high`` (bootstrap over subjects, slices averaged over seeds), ``least`` and ``most`` (minimum and
        maximum over the means of single seeds).
    """
    lines = []
    for steps, part in rows.groupby("steps"):
        by_slice = part.groupby(["source", "case", "subject", "k"]).mean(numeric_only=True).reset_index()
        by_seed = part.groupby("seed").mean(numeric_only=True)
        line: dict[str, object] = {"steps": steps, "n": len(by_slice), "seeds": len(by_seed)}
        for measure in ("bare", "ring", "dice", "area", "moved"):
            found = mean(by_slice[measure], by_slice.subject)
            line |= found.columns(measure)
            line |= {f"{measure} least": by_seed[measure].min(), f"{measure} most": by_seed[measure].max()}
        lines.append(line)
    return pd.DataFrame(lines)
