"""The methods that are compared: input, published recipe in full and at equal time, and ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor

from .comparison import INPUT, Method, unrepaired
from .published import PUBLISHED, PublishedAutomaton
from .published_fit import PublishedTraining, use
from .synthetic import Triplets, score
from .triplet_fit import PictureAutomaton, TripletConfig, train_on_triplets

Field = NDArray[np.float32]
Tell = Callable[[str], None]


def all_methods(
    train: Triplets, held: Triplets, configs: Sequence[Path], folder: Path, published_updates: int, tell: Tell
) -> tuple[list[Method], pd.DataFrame]:
    """Train what is not trained yet.

    Args:
        train: Pictures to train on.
        held: Pictures to compare on. The published recipe chooses its best epoch by them, ours chooses nothing.
        configs: Trainings of ours.
        folder: Gets a folder for each training.
        published_updates: Where to stop the published recipe.
        tell: Called with a line on what is being done.

    Returns:
        The methods, and the published recipe's log, one row per epoch.
    """
    methods = [Method(INPUT, unrepaired)]
    ours = []
    for path in configs:
        config = TripletConfig.load(path)
        tell(f"{config.title}: {config.automaton.warmup_updates + config.automaton.updates} updates")
        trained = PictureAutomaton(config, train_on_triplets(config, train, folder / config.name))
        seconds = trained.seconds["processor"]
        ours.append(Method(config.title, trained.repair, trained.size, trained.updates, seconds))
    training = PublishedTraining(train, held, folder / "published", measure=lambda soft: _figures(soft, held))
    tell(f"Published recipe: {training.done} of {min(published_updates, PUBLISHED.updates)} updates are done")
    training.run(published_updates, lambda row: tell(_epoch(row)))
    log = pd.DataFrame(training.log)
    model = PublishedAutomaton(0)
    model.load_state_dict(training.best)
    size = sum(values.numel() for values in model.parameters())
    name = "published" if training.done >= PUBLISHED.updates else "published, stopped"
    # The released threshold makes masks a little too thick, so the usual one has a line of its own.
    for label, threshold in ((name, PUBLISHED.alive), (f"{name}, mask above 0.5", 0.5)):
        methods.append(Method(label, _user(model, threshold), size, training.done, training.cpu_seconds))
    return methods + ours, log


def _user(model: PublishedAutomaton, threshold: float) -> Callable[[Field, Field], tuple[Field, NDArray[np.bool_]]]:
    def repair(images: Field, states: Field) -> tuple[Field, NDArray[np.bool_]]:
        soft = use(model, torch.from_numpy(states), torch.from_numpy(images)).numpy()
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
