"""Fit the automaton: the Lightning loop around the learner, which can be interrupted and resumed at any time."""

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

from rncarefine.nca.model import load_model

from ..config import Automaton, Config
from ..data.sources.entry import source_of
from ..networks.base import members
from ..networks.failures import REDRAWN
from ..progress import UpdatesBar
from ..resume import Remaining, SameTraining, check_same, load_checkpoint
from .learner import AutomatonLearner
from .pictures.windows import WindowSamples, load_pictures, validation_windows
from .samples import RepairSamples, Sample, load_stacks
from .validation import Validation

VALIDATION_SLICES = 160
CHANGEABLE = {"steps", "updates", "validate_every", "patience", "precision"}
"""Settings that may change when a training is resumed: its length and precision, and the steps in use."""


def training_sources(config: Config, last_only: bool = False) -> list[str]:
    """Return ``<member>@<fraction>`` of every network whose failures may be trained on, those from outside last."""
    sources = []
    for member in members(config):
        network = config.base.networks[member.kind]
        if not network.unseen:
            fractions = network.snapshots[-1:] if last_only else network.snapshots
            sources += [f"{member.name}@{fraction:g}" for fraction in fractions]
            if config.base.redrawn and not last_only:
                sources.append(f"{sources[-1]}{REDRAWN}")
    return sources + [source_of(name) for name in config.predictions.train]


def test_sources(config: Config) -> list[str]:
    """Return ``<member>@<fraction>`` of the first fully trained member of every kind, and the networks from outside."""
    trained = [
        f"{member.name}@{config.base.networks[member.kind].snapshots[-1]:g}"
        for member in members(config)
        if member.number == 0
    ]
    return trained + [source_of(name) for name in config.predictions.test]


def made_from(config: Config) -> dict[str, Any]:
    """Return what must be unchanged for a training to be resumed: seed, subjects, networks and settings."""
    return {
        "seed": config.seed,
        "list of subjects to train on": config.subjects.train,
        "list of networks to learn from": training_sources(config),
        **settings_made_from(config.automaton),
    }


def settings_made_from(settings: Automaton) -> dict[str, Any]:
    """Return the settings of an automaton that must be unchanged for its training to be resumed, by field."""
    kept = settings.model_dump(mode="json", exclude=CHANGEABLE)
    return {f"automaton.{name}": value for name, value in kept.items()}


class Patience(EarlyStopping):
    """Stops a training after some validations without a gain of Dice; a stopped training is not resumed.

    Args:
        validations: How many to wait for.
        warmup_updates: Until then no rollout is trained, and none of them counts.
    """

    def __init__(self, validations: int, warmup_updates: int) -> None:
        super().__init__("dice_gain", mode="max", patience=validations)
        self.warmup_updates = warmup_updates

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Do not resume what has stopped."""
        trainer.should_stop = self.wait_count >= self.patience

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Count a validation, unless the training is still in its warm-up."""
        if trainer.global_step > self.warmup_updates:
            super().on_validation_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume the count, with the patience of the present configuration."""
        super().load_state_dict(state_dict | {"patience": self.patience})


@dataclass(frozen=True)
class Machines:
    """The devices of a training.

    Attributes:
        accelerator: "auto", "cpu", "gpu" or "mps".
        devices: Processes on each machine, one for each GPU.
        nodes: Machines.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1

    @property
    def processes(self) -> int:
        """How many processes train together; each brings a batch of its own to every update."""
        return self.devices * self.nodes

    @property
    def strategy(self) -> str:
        """Lightning's strategy; the warm-up leaves the rollout's weights without gradient."""
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
        config: The training.
        cases: Folder of cases.
        predictions: Folder of predictions.
        folder: Where checkpoints and the TensorBoard log go.
        progress: Show a progress bar.
        machines: What to train on. Other devices and numbers of processes give other, equally good weights.

    Returns:
        The path of the last checkpoint; its weights are the exponential average of the training's.

    Raises:
        ValueError: There is nothing to learn from, or the checkpoint was made from something else.
    """
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    if (folder / "last.ckpt").exists():
        # Before minutes are spent on loading.
        check_same(load_checkpoint(folder / "last.ckpt"), made_from(config))
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
    if settings.start:
        learner.start_from(load_model(folder.parent.parent / "models" / f"{settings.start}.npz").parameters)
    return fit(learner, samples, config.name, folder, progress, machines, [SameTraining(made_from(config))])


def fit(
    learner: AutomatonLearner,
    samples: Dataset[Sample],
    name: str,
    folder: Path,
    progress: bool = True,
    machines: Machines = Machines(),
    watchers: Sequence[L.Callback] = (),
) -> Path:
    """Train a learner on samples; resume from its last checkpoint if there is one.

    Args:
        learner: Whose settings say how long.
        samples: As many as all updates of all processes take.
        name: Of the training, in the TensorBoard log.
        folder: Where checkpoints and the TensorBoard log go.
        progress: Show a progress bar.
        machines: What to train on.
        watchers: Further callbacks.

    Returns:
        The path of the last checkpoint; its weights are the exponential average of the training's.
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
        callbacks=[*_callbacks(folder, settings, progress), *watchers],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    trainer.fit(
        learner,
        DataLoader(samples, settings.batch, sampler=Remaining(total, settings.batch, last, machines.processes)),
        # The slices to validate on are the learner's own; Lightning wants one batch to call it once.
        DataLoader(TensorDataset(zeros(1))),
        ckpt_path=last if last.exists() else None,
        # Lightning's own checkpoint of this very training: it holds the replay buffer and the random state.
        weights_only=False,
    )
    trainer.save_checkpoint(last)
    return last


def _callbacks(folder: Path, settings: Automaton, progress: bool) -> list[L.Callback]:
    chosen: list[L.Callback] = [
        # Without a counter: in a folder that was moved, Lightning would leave last.ckpt and start a last-v1.ckpt.
        ModelCheckpoint(folder, filename="last", every_n_train_steps=100, enable_version_counter=False),
        EMAWeightAveraging(decay=0.995),
    ]
    if settings.patience:
        chosen.append(Patience(settings.patience, settings.warmup_updates))
    if progress:
        chosen.append(UpdatesBar(settings.warmup_updates + settings.updates))
    return chosen
