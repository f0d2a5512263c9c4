"""Fitting the automaton: the Lightning loop around the learner, resumable at any time."""

from __future__ import annotations

from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import zeros
from torch.utils.data import DataLoader, TensorDataset

from .base import members
from .config import Config
from .learner import AutomatonLearner
from .resume import remaining
from .samples import RepairSamples, load_stacks
from .validation import Validation

VALIDATION_SLICES = 160


def training_sources(config: Config, last_only: bool = False) -> list[str]:
    """Return ``<member>@<fraction>`` of every base network whose failures may be trained on."""
    sources = []
    for member in members(config):
        network = config.base.networks[member.kind]
        if not network.unseen:
            fractions = network.snapshots[-1:] if last_only else network.snapshots
            sources += [f"{member.name}@{fraction:g}" for fraction in fractions]
    return sources


def test_sources(config: Config) -> list[str]:
    """Return ``<member>@<fraction>`` of the first fully trained member of every kind of base network."""
    return [
        f"{member.name}@{config.base.networks[member.kind].snapshots[-1]:g}"
        for member in members(config)
        if member.number == 0
    ]


def train_automaton(config: Config, cases: Path, predictions: Path, folder: Path, progress: bool = True) -> Path:
    """Train the automaton, going on from its last checkpoint if there is one.

    Args:
        config: The training.
        cases: Folder of cases.
        predictions: Folder of predictions.
        folder: Where checkpoints and the TensorBoard log go.
        progress: Show a progress bar.

    Returns:
        The path of the last checkpoint; its weights are the exponential average of the training's.
    """
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    L.seed_everything(config.seed, verbose=False)
    stacks = load_stacks(cases, predictions, config.subjects.train, settings.spacing_mm, training_sources(config))
    held = load_stacks(cases, predictions, config.subjects.select, settings.spacing_mm, training_sources(config, True))
    validation = Validation.of(held, settings, VALIDATION_SLICES, config.seed)
    learner = AutomatonLearner(settings, config.seed, validation)
    samples = RepairSamples(stacks, settings, settings.batch * total, config.seed)
    checkpoint = ModelCheckpoint(folder, filename="last", every_n_train_steps=100)
    trainer = L.Trainer(
        max_steps=total,
        accelerator="auto",
        devices=1,
        gradient_clip_val=1.0,
        check_val_every_n_epoch=None,
        val_check_interval=settings.validate_every,
        num_sanity_val_steps=0,
        logger=TensorBoardLogger(folder, name="log", version=config.name),
        callbacks=[
            checkpoint,
            EMAWeightAveraging(decay=0.995),
            *([RichProgressBar()] if progress else []),
        ],
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    trainer.fit(
        learner,
        DataLoader(samples, settings.batch, sampler=remaining(len(samples), settings.batch, last)),
        # The slices to validate on are the learner's own; Lightning wants one batch to call it once.
        DataLoader(TensorDataset(zeros(1))),
        ckpt_path=last if last.exists() else None,
    )
    trainer.save_checkpoint(last)
    return last
