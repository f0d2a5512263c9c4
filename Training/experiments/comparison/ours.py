"""Our automaton on triplets of pictures: samples, training and inference."""

from __future__ import annotations

from pathlib import Path
from time import process_time
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from rncarefine.nca.channels import picture_channels, stacked
from rncarefine.nca.rollout import Runner
from rncarefine_training.automaton.fit import fit, settings_identity
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.automaton.samples import Sample, blank
from rncarefine_training.automaton.tasks import TrainingTask, training_task
from rncarefine_training.config import Automaton, Document, Name, Seed
from rncarefine_training.data.augment import random_contrast
from rncarefine_training.resume import SameTraining, check_same, load_checkpoint

from .triplets import Field, Triplets


class TripletConfig(Document):
    """Configuration of a training on triplets of pictures."""

    name: Name
    title: str
    seed: Seed
    automaton: Automaton = Automaton()


class TripletSamples(Dataset[Sample]):
    """Training samples, randomly rotated and mirrored; sample n depends only on the seed and n.

    Args:
        triplets: Square pictures.
        settings: Section ``automaton`` of the configuration.
        task: Task.
        length: Number of samples.
        seed: Random seed.

    Raises:
        ValueError: The pictures do not have the configured size.
    """

    def __init__(self, triplets: Triplets, settings: Automaton, task: TrainingTask, length: int, seed: int) -> None:
        if triplets.images.shape[1:] != (settings.size, settings.size):
            height, width = triplets.images.shape[1:]
            raise ValueError(f"The pictures have {height} x {width} pixels, automaton.size is {settings.size}.")
        self.settings, self.length, self.seed, self.count = settings, length, seed, len(triplets)
        truth = np.stack([task.target(label) for label in triplets.labels])
        # Image, mask and truth, with the damaged masks, and with the truth as mask.
        self.layers = [
            np.concatenate([triplets.images[:, None], masks[:, None], truth], axis=1)
            for masks in (triplets.states, triplets.labels)
        ]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        right = rng.random() < self.settings.already_right
        layers = self.layers[int(right)][rng.integers(self.count)]
        layers = np.rot90(layers, int(rng.integers(4)), axes=(1, 2))
        if rng.random() < 0.5:
            layers = layers[..., ::-1]
        image, mask, truth = torch.from_numpy(layers.copy()).split([1, 1, len(layers) - 2])
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        image = random_contrast(image[None], draws, self.settings.contrast)[0]
        channels = encoder_input(image.numpy(), mask.numpy(), self.settings)
        weight = torch.ones(1, len(truth))
        return Sample(torch.from_numpy(channels.transpose(0, 3, 1, 2)), truth[None], weight, torch.tensor(1.0))


def encoder_input(images: Field, masks: Field, settings: Automaton) -> Field:
    """Return the input of the encoder, shape ``(n, j, i, inputs)``; pictures have no adjacent slices.

    Args:
        images: Shape ``(n, j, i)``, 0 to 1.
        masks: Masks to repair, 0 to 1, same shape.
        settings: Section ``automaton`` of the configuration.
    """
    pairs = zip(images, masks, strict=True)
    if settings.task == "tubular":
        channels = np.stack([picture_channels(image, mask, np.ones_like(mask)) for image, mask in pairs])
    else:
        channels = np.stack([stacked(image[None], mask[None], None, 0) for image, mask in pairs])
    return blank(channels, settings)


class Clock(L.Callback):
    """Measure the CPU time of a training in seconds, including earlier parts of a resumed training."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._since = process_time()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock."""
        self.seconds, self._since = self._counted(), None

    def state_dict(self) -> dict[str, Any]:
        """Return the time to store in a checkpoint."""
        return {"processor": self._counted()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the time from a checkpoint."""
        self.seconds = state_dict["processor"]

    def _counted(self) -> float:
        return self.seconds + (0.0 if self._since is None else process_time() - self._since)


class PictureAutomaton:
    """Trained automaton, run by the engine."""

    def __init__(self, config: TripletConfig, checkpoint: Path) -> None:
        self.settings, self.task = config.automaton, training_task(config.automaton)
        learner = AutomatonLearner(config.automaton, config.seed)
        kept = load_checkpoint(checkpoint)
        learner.load_state_dict(kept["state_dict"])
        self.architecture = learner.architecture
        with torch.no_grad():
            self.parameters = {name: value.numpy() for name, value in learner.parameters_for_use().items()}
        self.updates = int(kept["global_step"])
        self.seconds = float(kept["callbacks"]["Clock"]["processor"])

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(values.size for values in self.parameters.values())

    def repair(self, images: Field, states: Field) -> tuple[Field, NDArray[np.bool_]]:
        """Return soft outputs (0 to 1) and masks, shape ``(n, j, i)``; unreadable masks are unchanged."""
        settings, task = self.settings, self.task
        runner = Runner(self.parameters, self.architecture, "cpu")
        encoding = runner.encode(encoder_input(images, states, settings))
        steps, fire_rate = settings.steps, settings.fire_rate
        ended = runner.roll(encoding, np.arange(len(images)), steps=steps, fire_rate=fire_rate, patience=None).state
        read = [task.read(fields.transpose(2, 0, 1)) for fields in ended[..., : task.fields]]
        masks = [old >= 0.5 if new is None else new > 0 for new, old in zip(read, states, strict=True)]
        return ended[..., 0].clip(0, 1), np.stack(masks)


def train_on_triplets(config: TripletConfig, train: Triplets, folder: Path, progress: bool = True) -> Path:
    """Train an automaton, or resume from its last checkpoint, and return the path of the last checkpoint.

    Checkpoints and the TensorBoard log are written to ``folder``.

    Raises:
        ValueError: The pictures do not match the configuration, or the checkpoint belongs to another training.
    """
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    last = folder / "last.ckpt"
    identity = {"seed": config.seed, **settings_identity(settings)}
    if last.exists():
        checkpoint = load_checkpoint(last)
        check_same(checkpoint, identity)
        if checkpoint["global_step"] >= total:
            return last
    L.seed_everything(config.seed, verbose=False)
    learner = AutomatonLearner(settings, config.seed)
    samples = TripletSamples(train, settings, training_task(settings), settings.batch * total, config.seed)
    return fit(learner, samples, config.name, folder, progress, callbacks=[Clock(), SameTraining(identity)])
