"""Compare our automata with the published recipe on the same pictures, including CPU times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor

from rncarefine_training.evaluate.statistics import Interval, mean

from .ours import PictureAutomaton, TripletConfig, train_on_triplets
from .released.automaton import PUBLISHED, PublishedAutomaton, roll_out_literally, seed_state
from .released.training import VALIDATION_STEPS, PublishedTraining, roll_out_masks
from .triplets import SCORES, Field, Triplets, score

Notify = Callable[[str], None]
Repair = Callable[[Field, Field], tuple[Field, NDArray[np.bool_]]]
TIMED = 24
"""Number of pictures for timing; the median is reported."""
INPUT = "input"


@dataclass(frozen=True, eq=False)
class Method:
    """A trained method.

    Attributes:
        name: Name in tables and pictures.
        repair: Function from images and damaged masks, both ``(n, j, i)``, to soft outputs and masks.
        parameters: Number of parameters.
        updates: Number of training updates.
        seconds: CPU time of the training in seconds.
    """

    name: str
    repair: Repair
    parameters: int = 0
    updates: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results of all methods on the same pictures.

    Attributes:
        rows: One row per method and picture, with :data:`~experiments.comparison.triplets.SCORES`.
        table: One row per method, means with 95 % intervals: bootstrap over pictures, Wilson for ``ring``.
        masks: Masks by method, shape ``(n, j, i)``.
    """

    rows: pd.DataFrame
    table: pd.DataFrame
    masks: dict[str, NDArray[np.bool_]]


def unrepaired(images: Field, states: Field) -> tuple[Field, NDArray[np.bool_]]:
    """Return the damaged masks unchanged."""
    return states, states > 0.5


def all_methods(
    train: Triplets, held: Triplets, configs: Sequence[Path], folder: Path, published_updates: int, notify: Notify
) -> tuple[list[Method], pd.DataFrame]:
    """Train all methods that are not trained yet.

    Args:
        train: Pictures for training.
        held: Pictures for comparison; the published recipe also selects its best epoch on them.
        configs: Configurations of our automata.
        folder: Output folder, with a subfolder per training.
        published_updates: Number of updates of the published recipe.
        notify: Called with status messages.

    Returns:
        The methods, and the log of the published recipe, one row per epoch.
    """
    methods = [Method(INPUT, unrepaired)]
    ours = []
    for path in configs:
        config = TripletConfig.load(path)
        notify(f"{config.title}: {config.automaton.warmup_updates + config.automaton.updates} updates")
        trained = PictureAutomaton(config, train_on_triplets(config, train, folder / config.name))
        seconds = trained.seconds
        ours.append(Method(config.title, trained.repair, trained.size, trained.updates, seconds))
    training = PublishedTraining(train, held, folder / "published", measure=lambda soft: _figures(soft, held))
    notify(f"Published recipe: {training.done} of {min(published_updates, PUBLISHED.updates)} updates are done")
    training.run(published_updates, lambda row: notify(_epoch(row)))
    log = pd.DataFrame(training.log)
    model = PublishedAutomaton(0)
    model.load_state_dict(training.best)
    size = sum(values.numel() for values in model.parameters())
    name = "published" if training.done >= PUBLISHED.updates else "published, stopped"
    # The released threshold gives slightly too thick masks, so 0.5 is reported as well.
    for label, threshold in ((name, PUBLISHED.alive), (f"{name}, mask above 0.5", 0.5)):
        methods.append(Method(label, _repair_with(model, threshold), size, training.done, training.cpu_seconds))
    return methods + ours, log


def _repair_with(model: PublishedAutomaton, threshold: float) -> Repair:
    def repair(images: Field, states: Field) -> tuple[Field, NDArray[np.bool_]]:
        soft = roll_out_masks(model, torch.from_numpy(states), torch.from_numpy(images)).numpy()
        return soft, soft > threshold

    return repair


def _figures(soft: Tensor, held: Triplets) -> dict[str, float]:
    values = soft.numpy()
    means = score(values, values > PUBLISHED.alive, held.labels).mean()
    return {str(name): float(value) for name, value in means.items()}


def _epoch(row: dict[str, float]) -> str:
    return (
        f"{row['updates']:.0f} updates, {row['cpu_seconds']:.0f} s: squared error {row['mse']:.5f}, "
        f"Dice {row['dice']:.4f}, rings {row['ring']:.2f}"
    )


def compare(methods: list[Method], triplets: Triplets) -> Comparison:
    """Repair all pictures with all methods on one thread, and compare with the truth."""
    parts, lines, masks = [], [], {}
    with single_thread():
        for method in methods:
            soft, masks[method.name] = method.repair(triplets.images, triplets.states)
            part = score(soft, masks[method.name], triplets.labels)
            lines.append({"method": method.name, **_summary(part), **_costs(method, triplets)})
            parts.append(part.assign(method=method.name, picture=np.arange(len(part))))
    return Comparison(pd.concat(parts, ignore_index=True), pd.DataFrame(lines), masks)


@contextmanager
def single_thread() -> Iterator[None]:
    """Run PyTorch on one thread, for comparable times."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def time_literally(triplets: Triplets) -> tuple[float, float]:
    """Return the CPU time in seconds of one update and one repair with the arithmetic of the released code.

    Takes about half a minute. The batch is split into parts of two to save memory; the gradients are the same.
    """
    model, batch = PublishedAutomaton(0), triplets[slice(0, PUBLISHED.batch)]
    state = seed_state(torch.from_numpy(batch.states))
    image, target = torch.from_numpy(batch.images), torch.from_numpy(batch.labels)
    with single_thread():
        start = time.process_time()
        for part in (slice(first, first + 2) for first in range(0, len(batch), 2)):
            count = len(image[part])
            # All steps are computed, independent of the step of the loss.
            kept = torch.rand(PUBLISHED.steps, count, *image.shape[1:]) >= PUBLISHED.dropout
            ended = roll_out_literally(model, state[part], image[part], torch.full((count,), PUBLISHED.steps), kept)
            (ended[:, 1] - target[part]).square().mean().backward()
        middle = time.process_time()
        with torch.no_grad():
            roll_out_literally(model, state[:1], image[:1], torch.tensor([VALIDATION_STEPS]))
        return middle - start, time.process_time() - middle


def _summary(part: pd.DataFrame) -> dict[str, float]:
    values: dict[str, float] = {"n": len(part)}
    for name in SCORES:
        if name == "ring":
            rings = Interval(int(part[name].sum()), len(part))
            values |= dict(zip((name, f"{name} low", f"{name} high"), (rings.share, *rings.bounds), strict=True))
        else:
            values |= mean(part[name], np.arange(len(part)).astype(str)).columns(name)
    return values


def _costs(method: Method, triplets: Triplets) -> dict[str, float]:
    seconds = []
    for n in range(min(TIMED, len(triplets))):
        one = triplets[slice(n, n + 1)]
        start = time.process_time()
        method.repair(one.images, one.states)
        seconds.append(time.process_time() - start)
    return {
        "parameters": method.parameters,
        "updates": method.updates,
        "training s": method.seconds,
        "ms per picture": 1000 * float(np.median(seconds)),
    }
