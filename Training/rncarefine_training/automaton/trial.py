"""A few updates on this machine, timed: what the whole training is estimated from."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import lightning as L
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from ..config import BaseNetwork, Config
from ..data.cases import Case
from ..networks.base import BaseLearner, HeartCrops
from .fit import fit
from .learner import AutomatonLearner
from .samples import FramedStack, RepairSamples, frame_case
from .validation import Validation

UPDATES = 5
"""Updates that are timed, after a first one that is not."""


@dataclass(frozen=True)
class AutomatonTrial:
    """What parts of a training take, in seconds.

    Attributes:
        case: Framing a case without predictions.
        prediction: Framing one prediction.
        warmup: An update of the encoder alone.
        rollout: An update with a rollout of middling length.
        validated: Validating on one slice.
        checkpoint_bytes: Size of the checkpoint once the pool is full.
    """

    case: float
    prediction: float
    warmup: float
    rollout: float
    validated: float
    checkpoint_bytes: int


class Stopwatch(L.Callback):
    """Takes the time from the end of one update to the end of the next, and that of validations."""

    def __init__(self) -> None:
        self.updates: list[float] = []
        self.validations: list[float] = []
        self.last = time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, learner: L.LightningModule, *_: object) -> None:
        """Note one update, drawing its samples included."""
        self.updates.append(self._lap())

    def on_validation_start(self, *_: object) -> None:
        """Begin a validation."""
        self._lap()

    def on_validation_end(self, *_: object) -> None:
        """Note one validation."""
        self.validations.append(self._lap())

    def _lap(self) -> float:
        now = time.perf_counter()
        lap, self.last = now - self.last, now
        return lap


def try_automaton(config: Config, cases: Sequence[Case]) -> AutomatonTrial:
    """Train an automaton for a few updates on some cases and throw it away.

    Args:
        config: The training.
        cases: A few of its cases, with closed rings.

    Raises:
        ValueError: No case has a closed ring and slices enough.
    """
    least, most = config.automaton.train_steps
    middle = round((least + most) / 2)
    first = UPDATES + 1 if config.automaton.warmup_updates else 0
    total = first + UPDATES + 1
    settings = config.automaton.model_copy(
        update={
            "warmup_updates": first,
            "updates": total - first,
            "train_steps": (middle, middle),
            "validate_every": total,
            "patience": None,
        }
    )
    began = time.perf_counter()
    for case in cases:
        _framed(case, config, [])
    without = (time.perf_counter() - began) / len(cases)
    began = time.perf_counter()
    stacks = [_framed(case, config, [_cut(case.labels)]) for case in cases]
    with_one = (time.perf_counter() - began) / len(cases)
    validation = Validation.of(stacks, settings, 2 * UPDATES, config.seed)
    learner = AutomatonLearner(settings, config.seed, validation)
    samples = RepairSamples(stacks, settings, settings.batch * total, config.seed)
    watch = Stopwatch()
    with _quiet(), TemporaryDirectory() as folder:
        fit(learner, samples, config.name, Path(folder), progress=False, watchers=[watch])
    pooled = sum(part.nbytes for part in learner.pool[0]) * settings.pool
    return AutomatonTrial(
        without,
        max(0.0, with_one - without),
        float(np.mean(watch.updates[1:first])) if first else 0.0,
        float(np.mean(watch.updates[first + 1 :])),
        watch.validations[-1] / len(validation.k),
        # Weights, their average, and AdamW's two moments.
        pooled + 4 * 4 * sum(values.numel() for values in learner.parameters()),
    )


def try_base(config: Config, description: BaseNetwork, cases: Sequence[Case]) -> float:
    """Train a base network for a few updates; return the seconds that one takes."""
    total = UPDATES + 1
    crops = HeartCrops(list(cases), config.base, config.base.batch * total, config.seed)
    learner = BaseLearner(description.model_copy(update={"updates": total}), config.base, config.seed)
    watch = Stopwatch()
    with _quiet():
        trainer = L.Trainer(
            max_steps=total,
            accelerator="auto",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[watch],
        )
        trainer.fit(learner, DataLoader(crops, config.base.batch))
    return float(np.mean(watch.updates[1:]))


def _framed(case: Case, config: Config, predictions: list[NDArray[np.uint8]]) -> FramedStack:
    settings = config.automaton
    return frame_case(case, [("trial", labels) for labels in predictions], settings.spacing_mm, settings.focus)


def _cut(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Open every ring by a cut from its middle to the right: a prediction that is broken in any case."""
    result = labels.copy()
    for piece in result:
        rows, columns = np.nonzero(piece)
        if len(rows):
            j, i = int(rows.mean()), int(columns.mean())
            piece[max(0, j - 1) : j + 2, i:] = 0
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning from introducing itself for a few updates."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
