"""Training by the published recipe: replay buffer, loss at one random step, AdamW, selection of the best epoch."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import torch
from torch import Tensor

from rncarefine.atomic import written_whole

from ..triplets import Triplets
from .automaton import PUBLISHED, PublishedAutomaton, Recipe, roll_out, seed_state

VALIDATION_STEPS = 255
"""Steps of the released validation, which uses the last of 256 states including the seed."""
Measure = Callable[[Tensor], dict[str, float]]


class PublishedTraining:
    """Training that can be interrupted after any epoch and resumed.

    Args:
        train: Triplets for training.
        select: Triplets to select the best epoch on; the released code uses the test data.
        folder: Output folder for ``published.pt`` and ``published.csv`` (one row per epoch).
        seed: Random seed for weights, samples, rollout lengths and dropout.
        measure: Additional metrics for the log, from soft masks of shape ``(n, j, i)``.
        recipe: Settings.
    """

    def __init__(
        self,
        train: Triplets,
        select: Triplets,
        folder: Path,
        seed: int = 0,
        measure: Measure | None = None,
        recipe: Recipe = PUBLISHED,
    ) -> None:
        self.select, self.folder, self.recipe, self.measure = select, folder, recipe, measure
        self.image, self.target = torch.from_numpy(train.images), torch.from_numpy(train.labels)
        self.seeds = seed_state(torch.from_numpy(train.states), recipe)
        self.draws = torch.Generator().manual_seed(seed)
        self.model = PublishedAutomaton(seed, recipe)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), recipe.learning_rate, weight_decay=1e-4)
        self.samples = torch.randperm(len(self.image), generator=self.draws)[: recipe.pool]
        self.pool = self.seeds[self.samples]
        self.log: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = copy.deepcopy(self.model.state_dict())
        self.done, self.seconds, self.cpu_seconds = 0, 0.0, 0.0
        if self.path.exists():
            self._load()

    @property
    def path(self) -> Path:
        """Path of the checkpoint."""
        return self.folder / "published.pt"

    def run(self, updates: int, notify: Callable[[dict[str, float]], None] = lambda row: None) -> None:
        """Train up to ``updates``, at most to the end of the recipe; validate and save after every epoch."""
        goal = min(updates, self.recipe.updates)
        while self.done < goal:
            self._train(min(goal - self.done, self.recipe.updates_per_epoch))
            self.log.append({"updates": self.done, "seconds": self.seconds, "cpu_seconds": self.cpu_seconds})
            self.log[-1] |= self._validated()
            if self.log[-1]["mse"] <= np.nanmin([row["mse"] for row in self.log]):
                self.best = copy.deepcopy(self.model.state_dict())
            self._save()
            notify(self.log[-1])

    def _train(self, count: int) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        # As in the released code, an epoch takes every picture twice, two per update.
        order = torch.cat([torch.randperm(len(self.image), generator=self.draws) for _ in range(self.recipe.seeded)])
        fresh = order[: count * self.recipe.seeded].view(-1, self.recipe.seeded)
        for samples in fresh:
            self._update(samples)
        self.done += len(fresh)
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu

    def _update(self, fresh: Tensor) -> None:
        recipe, draws = self.recipe, self.draws
        places = torch.randperm(len(self.pool), generator=draws)[: recipe.batch]
        self.samples[places[: len(fresh)]] = fresh
        self.pool[places[: len(fresh)]] = self.seeds[fresh]
        chosen = self.samples[places]
        ends = torch.randint(recipe.steps // 2, recipe.steps, (len(places),), generator=draws)
        shape = (int(ends.max()), len(places), *self.image.shape[1:])
        kept = torch.rand(shape, generator=draws) >= recipe.dropout
        state = roll_out(self.model, self.pool[places], self.image[chosen], ends, kept)
        loss = (state[:, 1] - self.target[chosen]).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.pool[places] = state.detach()

    def _validated(self) -> dict[str, float]:
        soft = roll_out_masks(self.model, torch.from_numpy(self.select.states), torch.from_numpy(self.select.images))
        row = {"mse": float((soft - torch.from_numpy(self.select.labels)).square().mean())}
        return row | (self.measure(soft) if self.measure else {})

    def _save(self) -> None:
        kept: dict[str, Any] = {name: getattr(self, name) for name in _KEPT}
        kept |= {name: getattr(self, name).state_dict() for name in _MODULES}
        kept["draws"] = self.draws.get_state()
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self.path, self.path.with_suffix(".csv")) as (state, table):
            torch.save(kept, state)
            pd.DataFrame(self.log).to_csv(table, index=False)

    def _load(self) -> None:
        kept = torch.load(self.path, weights_only=True)
        for name in _KEPT:
            setattr(self, name, kept[name])
        for name in _MODULES:
            getattr(self, name).load_state_dict(kept[name])
        self.draws.set_state(kept["draws"])


_KEPT = ("samples", "pool", "log", "best", "done", "seconds", "cpu_seconds")
_MODULES = ("model", "optimizer")


@torch.no_grad()
def roll_out_masks(model: PublishedAutomaton, state: Tensor, image: Tensor) -> Tensor:
    """Return the mask channel after a rollout without dropout; all shapes are ``(n, j, i)``."""
    ends = torch.full((len(image),), VALIDATION_STEPS)
    return roll_out(model, seed_state(state, model.recipe), image, ends)[:, 1]
