"""Training an automaton on triplets of pictures, and its use on others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.rollout import Runner
from rncarefine_training.automaton.fit import fit, settings_made_from
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.automaton.tasks import Task, task_of
from rncarefine_training.config import Automaton, Document, Name, Seed
from rncarefine_training.resume import SameTraining, check_same, load_checkpoint

from .synthetic import Triplets
from .triplet_samples import TripletSamples, prepare

Field = NDArray[np.float32]


class TripletConfig(Document):
    """One training on triplets of pictures."""

    name: Name
    title: str
    seed: Seed
    automaton: Automaton = Automaton()


class Clock(L.Callback):
    """Counts the seconds of a training, by the wall and by the processor; a resumed one counts on."""

    def __init__(self) -> None:
        self.seconds = np.zeros(2)
        self._since: NDArray[np.float64] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin to count."""
        self._since = _now()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop."""
        self.seconds, self._since = self._counted(), None

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        wall, processor = self._counted()
        return {"wall": float(wall), "processor": float(processor)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from a checkpoint."""
        self.seconds = np.array([state_dict["wall"], state_dict["processor"]])

    def _counted(self) -> NDArray[np.float64]:
        return self.seconds if self._since is None else self.seconds + _now() - self._since


class PictureAutomaton:
    """A trained automaton as the engine runs it.

    Args:
        config: The training.
        checkpoint: Its checkpoint.
    """

    def __init__(self, config: TripletConfig, checkpoint: Path) -> None:
        self.settings, self.task = config.automaton, task_of(config.automaton)
        learner = AutomatonLearner(config.automaton, config.seed)
        kept = load_checkpoint(checkpoint)
        learner.load_state_dict(kept["state_dict"])
        self.architecture: Architecture = learner.architecture
        with torch.no_grad():
            self.parameters = {name: value.numpy() for name, value in learner.parameters_for_use().items()}
        self.updates = int(kept["global_step"])
        self.seconds: dict[str, float] = kept["callbacks"]["Clock"]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(values.size for values in self.parameters.values())

    def repair(self, images: Field, states: Field) -> tuple[Field, NDArray[np.bool_]]:
        """Return soft outputs and masks, 0 to 1, of shape ``(n, j, i)``; a mask that cannot be read stays as it was."""
        settings, task = self.settings, self.task
        runner = Runner(self.parameters, self.architecture, "cpu")
        encoding = runner.encode(prepare(images, states, settings))
        steps, fire_rate = settings.steps, settings.fire_rate
        ended = runner.roll(encoding, np.arange(len(images)), steps=steps, fire_rate=fire_rate, patience=None).state
        read = [task.read(fields.transpose(2, 0, 1)) for fields in ended[..., : task.fields]]
        masks = [old >= 0.5 if new is None else new > 0 for new, old in zip(read, states, strict=True)]
        return ended[..., 0].clip(0, 1), np.stack(masks)


def train_on_triplets(config: TripletConfig, train: Triplets, folder: Path, progress: bool = True) -> Path:
    """Train an automaton, or resume from its last checkpoint, and return the path of the last one.

    Checkpoints and the TensorBoard log go into ``folder``.

    Raises:
        ValueError: The pictures do not fit the configuration, or the checkpoint was made with another one.
    """
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    last = folder / "last.ckpt"
    made_from = {"seed": config.seed, **settings_made_from(settings)}
    if last.exists():
        checkpoint = load_checkpoint(last)
        check_same(checkpoint, made_from)
        if checkpoint["global_step"] >= total:
            return last
    task: Task = task_of(settings)
    L.seed_everything(config.seed, verbose=False)
    learner = AutomatonLearner(settings, config.seed)
    samples = TripletSamples(train, settings, task, settings.batch * total, config.seed)
    return fit(learner, samples, config.name, folder, progress, watchers=[Clock(), SameTraining(made_from)])


def _now() -> NDArray[np.float64]:
    return np.array([time.perf_counter(), time.process_time()])
