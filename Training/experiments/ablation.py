"""Ablation: train without each part of the design, and measure on the same slices."""

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
from rncarefine.nca.architecture import CHANNELS, ENDOCARDIUM, RING
from rncarefine.nca.model import Model, load_model
from rncarefine.refine.proposals import propose_around
from rncarefine.stack import Mask
from rncarefine.tasks.ring.readout import read_wall
from rncarefine_training.automaton.export import export
from rncarefine_training.automaton.fit import train_automaton
from rncarefine_training.automaton.samples import blank
from rncarefine_training.config import Automaton, Config
from rncarefine_training.evaluate.measure import KEY, Failure, broken_slices, distances, in_parallel
from rncarefine_training.evaluate.statistics import Interval, mean, paired
from rncarefine_training.evaluate.store import write_table

REFERENCE = "as it is"


@dataclass(frozen=True)
class Variation:
    """One training that differs from the configuration's.

    Attributes:
        name: What a table calls it.
        changes: Fields of the automaton's section.
        seed: What is added to the seed.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def slug(self) -> str:
        """Name of its folder."""
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
"""The first is what the others are compared with; the second shows how much is chance."""


def vary(config: Config, variation: Variation, share: float, start: str | None = None) -> Config:
    """Return the configuration of a variation, its schedule shortened.

    Args:
        config: The configuration to vary.
        variation: In what.
        share: Share of the updates that are made, above 0 and at most 1.
        start: Model in the run's folder ``models`` to start from; its encoder is not warmed up again. ``None`` trains
            from the beginning.

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
    """Train a variation and repair with it; what an earlier call has done is not done again.

    Args:
        config: The configuration to vary.
        variation: In what.
        share: Share of the updates that are made.
        run: Folder of the run; the variation's own is ``ablation/<slug>`` in it.
        failures: What to repair.
        start: See :func:`vary`.
        device: Where to roll out; the training chooses for itself.
        workers: Processes that repair.
        progress: Show a progress bar while training.

    Returns:
        One row per broken slice: ``ring``, ``dice``, ``hd``, ``assd`` of the automaton alone (where it found no wall,
        those of the input) and ``dice_before``.

    Raises:
        ValueError: The folder holds a training of another configuration.
    """
    training = vary(config, variation, share, start)
    rows = rows_of(variation, run, len(failures))
    folder = rows.parent
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder / "config.json", training)
    if not rows.exists():
        if not (folder / f"{training.name}.npz").exists():
            checkpoint = train_automaton(training, run / "cases", run / "predictions", folder, progress)
            export(training, checkpoint, folder)
        model = zero_unused_inputs(load_model(folder / f"{training.name}.npz"), training)
        repair = partial(_repair, model=model, without=tuple(training.automaton.without), device=device)
        jobs = in_parallel(repair, failures, workers)
        write_table(pd.concat([part for part in jobs if not part.empty], ignore_index=True), rows)
    return pd.read_csv(rows)


def rows_of(variation: Variation, run: Path, stacks: int) -> Path:
    """Return where the rows of a variation lie once it is trained and measured on so many stacks."""
    return run / "ablation" / variation.slug / f"rows-{stacks}.csv"


def _claim(path: Path, training: Config) -> None:
    """Keep the configuration next to its results, and refuse to resume with another one."""
    text = json.dumps(training.model_dump(mode="json"), indent=1, sort_keys=True)
    if not path.exists():
        write_text_whole(path, text)
    elif path.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"{path.parent} holds a training of another configuration or share of updates. Remove the folder to train "
            "again, or give another --run."
        )


def zero_unused_inputs(model: Model, training: Config) -> Model:
    """Return weights that do not see the channels that were empty while they were trained."""
    seen = blank(np.ones((1, 1, len(CHANNELS)), np.float32), training.automaton)[0, 0]
    first = model.parameters["down0a.weight"]
    return Model(model.card, model.parameters | {"down0a.weight": first * seen[:, None, None]})


def _repair(failure: Failure, model: Model, without: Sequence[str], device: str) -> pd.DataFrame:
    stack, truth, wanted = broken_slices(failure)
    if not wanted:
        return pd.DataFrame()
    heart = locate_heart(stack.mask, stack.pool, stack.in_plane)
    # The mask is also where a rollout starts from.
    given = replace(stack, mask=np.zeros_like(stack.mask)) if "mask" in without else stack
    steps = model.card.steps
    proposals = propose_around(given, heart, wanted, model, device=device, snapshots=(steps,))
    rows: list[dict[str, object]] = []
    for k in wanted:
        wall = _read(proposals.snapshots[steps][k], discs="discs" not in without)
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


def _read(fields: np.ndarray, discs: bool) -> Mask | None:
    """Read the wall; where the discs were not supervised, the ring channel is all there is."""
    if discs:
        return read_wall(fields[: ENDOCARDIUM + 1])
    wall = (fields[RING] > 0.5).astype(np.uint8)
    return wall if wall.any() else None


def summarise(rows: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one line per variation, compared with the reference on the same slices.

    Args:
        rows: From :func:`train_and_measure`, by the name of the variation; the reference may be missing.

    Returns:
        ``n`` slices; ``rings`` with its Wilson interval; ``dice before``, ``dice``, ``gain`` with ``low`` and
        ``high``; ``hd`` and ``assd``; ``over`` the reference: the paired difference of Dice (negative: the part that
        was left out helps) with ``over low``, ``over high``, ``p`` and ``effect``.
    """
    return pd.DataFrame(list(_lines(rows)))


def _lines(rows: dict[str, pd.DataFrame]) -> Iterator[dict[str, object]]:
    reference = rows[REFERENCE].set_index(KEY).dice if REFERENCE in rows else None
    for name, part in rows.items():
        gain = mean(part.dice - part.dice_before, part.subject)
        rings = Interval(int(part.ring.sum()), len(part))
        line: dict[str, object] = {
            "variation": name,
            "n": len(part),
            "rings": str(rings),
            "rings share": rings.share,
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
