"""Ablation: train without individual parts of the design, and evaluate on the same slices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from rncarefine.anatomy.heart import locate_heart
from rncarefine.anatomy.topology import betti_2d
from rncarefine.atomic import write_text_whole
from rncarefine.nca.architecture import CHANNELS
from rncarefine.nca.model import Model, load_model
from rncarefine.refine.proposals import propose_around
from rncarefine_training.automaton.export import export
from rncarefine_training.automaton.fit import train_automaton
from rncarefine_training.automaton.samples import blank
from rncarefine_training.automaton.tasks import training_task
from rncarefine_training.config import Automaton, Config
from rncarefine_training.evaluate.measure import KEY, Failure, broken_slices, distances, in_parallel
from rncarefine_training.evaluate.statistics import mean, paired, proportion
from rncarefine_training.evaluate.store import write_table

REFERENCE = "as it is"


@dataclass(frozen=True)
class Variation:
    """Variation of a training.

    Attributes:
        name: Name in tables.
        changes: Changed fields of section ``automaton``.
        seed: Number added to the random seed.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def slug(self) -> str:
        """Name of the folder."""
        return self.name.replace(" ", "-")


VARIATIONS = (
    Variation(REFERENCE),
    Variation("another seed", seed=1),
    Variation("no image", {"without": ["image"]}),
    Variation("no neighbours", {"without": ["neighbours"]}),
    Variation("mask withheld", {"without": ["mask"]}),
    Variation("ring alone supervised", {"without": ["discs"]}),
    Variation("no replay buffer", {"from_buffer": 0.0}),
    Variation("8 steps", {"steps": 8, "train_steps": [4, 8]}),
    Variation("48 steps", {"steps": 48, "train_steps": [16, 40]}),
    Variation("every cell fires", {"fire_rate": 1.0}),
)
"""The first variation is the reference; the second one shows the random variation between trainings."""


def vary(config: Config, variation: Variation, share: float, start: str | None = None) -> Config:
    """Return the configuration of a variation, with a shortened schedule.

    Args:
        config: Reference configuration.
        variation: Variation to apply.
        share: Length of the schedule relative to the reference, above 0 and at most 1.
        start: Model in the run's folder ``models`` to start from, without warm-up; ``None`` trains from the
            beginning.

    Raises:
        ValueError: The share is out of range, or a changed field does not fit the others.
    """
    if not 0 < share <= 1:
        raise ValueError(f"--share {share}: it must be above 0 and at most 1.")
    settings = config.automaton.model_dump()
    for name in ("warmup_updates", "updates", "validate_every"):
        settings[name] = max(1, round(settings[name] * share))
    if start is not None:
        settings |= {"start": start, "warmup_updates": 0, "validate_every": settings["updates"]}
    automaton = Automaton.model_validate(settings | variation.changes)
    name, seed = f"{config.name}-{variation.slug}", config.seed + variation.seed
    return config.model_copy(update={"name": name, "seed": seed, "automaton": automaton})


def pending_updates(
    config: Config, variations: Sequence[Variation], share: float, run: Path, stacks: int, start: str | None = None
) -> list[int]:
    """Return the number of updates of each training that has not finished yet; arguments as for :func:`rows_of`.

    Raises:
        ValueError: See :func:`vary`.
    """
    found = []
    for variation in variations:
        training, rows = vary(config, variation, share, start), rows_of(variation, run, stacks, start)
        if not rows.exists() and not (rows.parent / f"{training.name}.npz").exists():
            found.append(training.automaton.warmup_updates + training.automaton.updates)
    return found


def train_and_measure(
    config: Config,
    variation: Variation,
    share: float,
    run: Path,
    failures: Sequence[Failure],
    *,
    start: str | None = None,
    device: str = "auto",
    workers: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Train a variation and evaluate it; existing results are reused.

    Args:
        config: Reference configuration.
        variation: Variation to train.
        share: See :func:`vary`.
        run: Folder of the run; results are written to a folder of :func:`results_folder`.
        failures: Failures to repair.
        start: See :func:`vary`.
        device: Device of the rollouts, not of the training.
        workers: Number of processes of the evaluation.
        progress: Show a progress bar during the training.

    Returns:
        One row per broken slice: ``ring``, ``dice``, ``hd``, ``assd`` of the automaton alone (of the input, if no wall
        was found) and ``dice_before``.

    Raises:
        ValueError: The folder contains a training with another configuration.
    """
    training = vary(config, variation, share, start)
    rows = rows_of(variation, run, len(failures), start)
    folder = rows.parent
    folder.mkdir(parents=True, exist_ok=True)
    _check_configuration(folder / "config.json", training)
    if not rows.exists():
        if not (folder / f"{training.name}.npz").exists():
            checkpoint = train_automaton(training, run / "cases", run / "predictions", folder, progress)
            export(training, checkpoint, folder)
        model = zero_unused_inputs(load_model(folder / f"{training.name}.npz"), training)
        repair = partial(_repair, model=model, settings=training.automaton, device=device)
        jobs = in_parallel(repair, failures, workers)
        write_table(pd.concat([part for part in jobs if not part.empty], ignore_index=True), rows)
    return pd.read_csv(rows)


def results_folder(run: Path, start: str | None = None) -> Path:
    """Return the folder of the results: ``ablation``, or ``ablation-rollout`` if only the rollout is trained."""
    return run / ("ablation" if start is None else "ablation-rollout")


def rows_of(variation: Variation, run: Path, stacks: int, start: str | None = None) -> Path:
    """Return the path of the rows of a variation, evaluated on a number of stacks."""
    return results_folder(run, start) / variation.slug / f"rows-{stacks}.csv"


def _check_configuration(path: Path, training: Config) -> None:
    """Store the configuration with the results, and raise ValueError if another one is stored."""
    text = json.dumps(training.model_dump(mode="json"), indent=1, sort_keys=True)
    if not path.exists():
        write_text_whole(path, text)
    elif path.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"{path.parent} contains a training with another configuration or share of updates. Remove the folder to "
            "train again, or use another --run."
        )


def zero_unused_inputs(model: Model, training: Config) -> Model:
    """Return the model with zero weights for input channels that were empty during training."""
    seen = blank(np.ones((1, 1, len(CHANNELS)), np.float32), training.automaton)[0, 0]
    first = model.parameters["down0a.weight"]
    return Model(model.card, model.parameters | {"down0a.weight": first * seen[:, None, None]})


def _repair(failure: Failure, model: Model, settings: Automaton, device: str) -> pd.DataFrame:
    stack, truth, wanted = broken_slices(failure)
    if not wanted:
        return pd.DataFrame()
    heart = locate_heart(stack.mask, stack.pool, stack.in_plane)
    # The mask is also the initial state of a rollout.
    given = replace(stack, mask=np.zeros_like(stack.mask)) if "mask" in settings.without else stack
    task = training_task(settings)
    steps = model.card.steps
    proposals = propose_around(given, heart, wanted, model, device=device, snapshots=(steps,))
    rows: list[dict[str, object]] = []
    for k in wanted:
        wall = task.read(proposals.snapshots[steps][k])
        before = distances(stack.mask[k], truth[k], stack.in_plane)
        rows.append(
            {
                **failure.names,
                "k": k,
                "ring": wall is not None and betti_2d(wall) == (1, 1),
                **(before if wall is None else distances(wall, truth[k], stack.in_plane)),
                "dice_before": before["dice"],
            }
        )
    return pd.DataFrame(rows)


def summarise(rows: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one line per variation, compared with the reference on the same slices.

    Args:
        rows: From :func:`train_and_measure`, by variation; the reference may be missing.

    Returns:
        ``n`` slices; ``rings`` with its interval; ``dice before``, ``dice``, ``gain`` with ``low`` and
        ``high``; ``hd`` and ``assd``; ``over``, the paired difference of Dice from the reference (negative: the removed
        part helps) with ``over low``, ``over high``, ``p`` and ``effect``.
    """
    return pd.DataFrame(list(_lines(rows)))


def _lines(rows: dict[str, pd.DataFrame]) -> Iterator[dict[str, object]]:
    reference = rows[REFERENCE].set_index(KEY).dice if REFERENCE in rows else None
    for name, part in rows.items():
        gain = mean(part.dice - part.dice_before, part.subject)
        rings = proportion(part.ring, part.subject)
        line: dict[str, object] = {
            "variation": name,
            "n": len(part),
            "rings": rings.percent,
            "rings share": rings.value,
            "dice before": part.dice_before.mean(),
            "dice": part.dice.mean(),
            **gain.columns("gain", ""),
            "hd": part.hd.mean(),
            "assd": part.assd.mean(),
        }
        if reference is not None and name != REFERENCE:
            ours = part.set_index(KEY).dice
            found = paired((ours - reference.reindex(ours.index)).to_numpy(), part.subject)
            line |= {**found.gain.columns("over"), "p": found.p, "effect": found.effect}
        yield line
