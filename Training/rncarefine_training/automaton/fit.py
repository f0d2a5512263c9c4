"""Train the automaton with Lightning; a training can be interrupted and resumed at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import zeros
from torch.utils.data import DataLoader, Dataset, TensorDataset

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.model import load_model

from ..config import Automaton, Config
from ..data.sources.entry import prediction_folder
from ..networks.failures import REDRAWN
from ..networks.members import check_predictions, members
from ..progress import UpdatesBar
from ..resume import RemainingSamples, SameTraining, check_same, load_checkpoint
from .learner import AutomatonLearner, check_start
from .pictures.windows import WindowSamples, load_pictures, validation_windows
from .samples import RepairSamples, Sample, load_stacks
from .validation import Validation

VALIDATION_SLICES = 160
CHANGEABLE = {"steps", "mask_weight", "updates", "validate_every", "patience", "precision"}
"""Settings that may change when a training is resumed: length, precision, and those of inference."""


def training_sources(config: Config, last_only: bool = False) -> list[str]:
    """Return ``<member>@<fraction>`` of every network used for training, external networks last."""
    sources = []
    for member in members(config):
        network = config.base.networks[member.kind]
        if not network.unseen:
            fractions = network.snapshots[-1:] if last_only else network.snapshots
            sources += [f"{member.name}@{fraction:g}" for fraction in fractions]
            if config.base.redrawn and not last_only:
                sources.append(f"{sources[-1]}{REDRAWN}")
    return sources + [prediction_folder(name) for name in config.predictions.train]


def test_sources(config: Config) -> list[str]:
    """Return ``<member>@<fraction>`` of the first fully trained member of every kind, and external networks."""
    trained = [
        f"{member.name}@{config.base.networks[member.kind].snapshots[-1]:g}"
        for member in members(config)
        if member.number == 0
    ]
    return trained + [prediction_folder(name) for name in config.predictions.test]


def training_identity(config: Config) -> dict[str, Any]:
    """Return the values that must not change when a training is resumed: seed, subjects, networks and settings."""
    return {
        "seed": config.seed,
        "list of subjects to train on": config.subjects.train,
        "list of networks to learn from": training_sources(config),
        **settings_identity(config.automaton),
    }


def settings_identity(settings: Automaton) -> dict[str, Any]:
    """Return the settings of an automaton that must not change when its training is resumed, by field."""
    kept = settings.model_dump(mode="json", exclude=CHANGEABLE)
    return {f"automaton.{name}": value for name, value in kept.items()}


class Patience(EarlyStopping):
    """Early stopping on the gain of Dice; a stopped training is not resumed.

    Args:
        validations: Number of validations without improvement before stopping.
        warmup_updates: Validations up to this update are ignored, since no rollout is trained yet.
    """

    def __init__(self, validations: int, warmup_updates: int) -> None:
        super().__init__("dice_gain", mode="max", patience=validations)
        self.warmup_updates = warmup_updates

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop again if the resumed training had stopped."""
        trainer.should_stop = self.wait_count >= self.patience

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check for improvement after the warm-up."""
        if trainer.global_step > self.warmup_updates:
            super().on_validation_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the count, but use the patience of the current configuration."""
        super().load_state_dict(state_dict | {"patience": self.patience})


@dataclass(frozen=True)
class Machines:
    """Devices of a training.

    Attributes:
        accelerator: "auto", "cpu", "gpu" or "mps".
        devices: Processes per machine, one per GPU.
        nodes: Number of machines.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1

    @property
    def processes(self) -> int:
        """Total number of processes; each contributes one batch to every update."""
        return self.devices * self.nodes

    @property
    def strategy(self) -> str:
        """Lightning strategy; the weights of the rollout have no gradient during the warm-up."""
        return "auto" if self.processes == 1 else "ddp_find_unused_parameters_true"


def train_automaton(
    config: Config,
    cases: Path,
    predictions: Path,
    folder: Path,
    progress: bool = True,
    machines: Machines = Machines(),
) -> Path:
    """Train the automaton; resume from its last checkpoint if there is one.

    Args:
        config: Training configuration.
        cases: Folder of cases.
        predictions: Folder of predictions.
        folder: Output folder for checkpoints and the TensorBoard log.
        progress: Show a progress bar.
        machines: Devices; the resulting weights depend on device and number of processes.

    Returns:
        Path of the last checkpoint, which holds exponential moving averages of the weights.

    Raises:
        ValueError: There is no training data, checkpoint or predictions belong to another training, or the
            model to start from has another architecture.
    """
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    if (folder / "last.ckpt").exists():
        # Fail before the slow loading of the data.
        check_same(load_checkpoint(folder / "last.ckpt"), training_identity(config))
    check_predictions(config, predictions)
    start = load_model(folder.parent.parent / "models" / f"{settings.start}.npz") if settings.start else None
    if start is not None:
        check_start(settings, Architecture.of(start.card.shapes))
    L.seed_everything(config.seed, verbose=False)
    sources, last_sources = training_sources(config), training_sources(config, last_only=True)
    spacing = settings.spacing_mm
    train, select = config.subjects.train, config.subjects.select
    length = settings.batch * total * machines.processes
    samples: Dataset[Sample]
    if settings.task == "tubular":
        pictures = load_pictures(cases, predictions, train, spacing, sources)
        held_pictures = load_pictures(cases, predictions, select, spacing, last_sources)
        validation = validation_windows(held_pictures, settings, VALIDATION_SLICES, config.seed)
        samples = WindowSamples(pictures, settings, length, config.seed)
    else:
        stacks = load_stacks(cases, predictions, train, spacing, sources)
        held = load_stacks(cases, predictions, select, spacing, last_sources)
        validation = Validation.of(held, settings, VALIDATION_SLICES, config.seed)
        samples = RepairSamples(stacks, settings, length, config.seed)
    learner = AutomatonLearner(settings, config.seed, validation)
    if start is not None:
        learner.start_from(start.parameters)
    return fit(learner, samples, config.name, folder, progress, machines, [SameTraining(training_identity(config))])


def fit(
    learner: AutomatonLearner,
    samples: Dataset[Sample],
    name: str,
    folder: Path,
    progress: bool = True,
    machines: Machines = Machines(),
    callbacks: Sequence[L.Callback] = (),
) -> Path:
    """Train a learner on samples; resume from its last checkpoint if there is one.

    Args:
        learner: Learner, whose settings define the number of updates.
        samples: One sample per item of every batch, update and process.
        name: Name of the training in the TensorBoard log.
        folder: Output folder for checkpoints and the TensorBoard log.
        progress: Show a progress bar.
        machines: Devices.
        callbacks: Additional callbacks.

    Returns:
        Path of the last checkpoint, which holds exponential moving averages of the weights.
    """
    settings = learner.settings
    total = settings.warmup_updates + settings.updates
    trainer = L.Trainer(
        max_steps=total,
        accelerator=machines.accelerator,
        devices=machines.devices,
        num_nodes=machines.nodes,
        strategy=machines.strategy,
        use_distributed_sampler=False,
        precision=settings.precision,
        gradient_clip_val=1.0,
        check_val_every_n_epoch=None,
        val_check_interval=settings.validate_every,
        num_sanity_val_steps=0,
        logger=TensorBoardLogger(folder, name="log", version=name),
        callbacks=[*_callbacks(folder, settings, progress), *callbacks],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    trainer.fit(
        learner,
        DataLoader(samples, settings.batch, sampler=RemainingSamples(total, settings.batch, last, machines.processes)),
        # The learner holds its validation data; Lightning needs one batch to run the validation step once.
        DataLoader(TensorDataset(zeros(1))),
        ckpt_path=last if last.exists() else None,
        # Trusted checkpoint of this training, with replay buffer and random state.
        weights_only=False,
    )
    trainer.save_checkpoint(last)
    return last


def _callbacks(folder: Path, settings: Automaton, progress: bool) -> list[L.Callback]:
    chosen: list[L.Callback] = [
        # With a version counter, Lightning would write last-v1.ckpt in a folder that was moved.
        ModelCheckpoint(folder, filename="last", every_n_train_steps=100, enable_version_counter=False),
        EMAWeightAveraging(decay=0.995),
    ]
    if settings.patience:
        chosen.append(Patience(settings.patience, settings.warmup_updates))
    if progress:
        chosen.append(UpdatesBar(settings.warmup_updates + settings.updates))
    return chosen
