"""Train base networks on a subset of the subjects, and segment the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from monai.losses import DiceCELoss
from monai.networks.nets import AttentionUnet, BasicUNet, SegResNet, UNet
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from rncarefine.atomic import written_whole
from rncarefine.nca.channels import intensity_range

from ..config import Base, BaseNetwork, Config
from ..data.augment import random_affine, random_contrast
from ..data.cases import TrainingCase
from ..progress import UpdatesBar
from ..resume import RemainingSamples, updates_done
from .members import Member, check_network, write_record

STRIDE = 16
"""Images are padded to a multiple of this, as the architectures require."""


def build_network(description: BaseNetwork, classes: int) -> nn.Module:
    """Build a base network with one input channel and one logit per class, background first."""
    channels = description.channels
    strides = [2] * (len(channels) - 1)
    if description.architecture == "unet":
        return UNet(2, 1, classes, channels, strides, num_res_units=len(channels) - 2, norm="batch")
    if description.architecture == "attentionunet":
        return AttentionUnet(2, 1, classes, channels, strides)
    if description.architecture == "segresnet":
        return SegResNet(2, channels[0], 1, classes, blocks_down=(1, 2, 2, 2), blocks_up=(1, 1, 1))
    features = (channels[0], *channels[:4], channels[0]) if len(channels) == 4 else tuple(channels)
    return BasicUNet(2, 1, classes, features)


def normalise(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale intensities so that the 1st and 99th percentile of the stack are 0 and 1."""
    low, high = intensity_range(image)
    return ((image - low) / (high - low)).astype(np.float32)


def resample(slices: Tensor, spacing: tuple[float, float], target_mm: float, mode: str) -> Tensor:
    """Resample ``(n, channel, j, i)`` in plane from ``spacing`` (mm along j, i) to square pixels."""
    size = [max(1, round(side * mm / target_mm)) for side, mm in zip(slices.shape[2:], spacing, strict=True)]
    if mode == "nearest":
        return F.interpolate(slices, size, mode="nearest-exact")
    return F.interpolate(slices, size, mode="bilinear", align_corners=False, antialias=True)


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Random crops around labels, at the spacing of the base networks; slices without labels are included.

    Args:
        cases: Cases to crop.
        settings: Section ``base`` of the configuration.
        length: Number of crops.
        seed: Random seed.
        scattered: Centre crops near a random labelled pixel instead of the centroid of all (the heart).
    """

    def __init__(
        self, cases: list[TrainingCase], settings: Base, length: int, seed: int, scattered: bool = False
    ) -> None:
        self.length, self.seed, self.crop, self.scattered = length, seed, settings.crop, scattered
        self.slices: list[tuple[Tensor, Tensor]] = []
        for case in cases:
            image = resample(
                torch.from_numpy(normalise(case.image))[:, None], case.spacing[1:], settings.spacing_mm, "bilinear"
            )
            labels = resample(
                torch.from_numpy(case.labels)[:, None].float(), case.spacing[1:], settings.spacing_mm, "nearest"
            )
            self.slices += [(image[k, 0], labels[k, 0]) for k in range(len(image))]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        image, labels = self.slices[int(rng.integers(len(self.slices)))]
        where = torch.nonzero(labels)
        if self.scattered and len(where):
            where = where[int(rng.integers(len(where)))][None]
        middle = where.float().mean(0) if len(where) else torch.tensor(labels.shape) / 2
        jitter = torch.from_numpy(rng.uniform(-0.25, 0.25, 2) * self.crop)
        start = (middle + jitter - self.crop / 2).round().int().tolist()
        return cut(image, start, self.crop), cut(labels, start, self.crop)


def cut(image: Tensor, start: list[int], size: int) -> Tensor:
    """Crop a square of ``size`` from an image ``(j, i)`` at ``start``, zero-padded."""
    j, i = start
    before = [max(0, -i), max(0, -j)]
    after = [max(0, i + size - image.shape[1]), max(0, j + size - image.shape[0])]
    padded = F.pad(image, (before[0], after[0], before[1], after[1]))
    return padded[j + before[1] : j + before[1] + size, i + before[0] : i + before[0] + size]


class BaseLearner(L.LightningModule):
    """Lightning module of a base network, trained with soft Dice and cross-entropy."""

    def __init__(self, description: BaseNetwork, settings: Base, seed: int, classes: int) -> None:
        super().__init__()
        self.description, self.settings, self.classes = description, settings, classes
        self.network = _channels_last(build_network(description, classes))
        self.loss = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)
        self.draws = torch.Generator().manual_seed(seed)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Augment the crops and return the loss."""
        image, labels = batch[0][:, None], batch[1]
        planes = torch.cat([image, F.one_hot(labels.long(), self.classes).permute(0, 3, 1, 2).float()], 1).cpu()
        planes = random_affine(planes, self.draws, rotation_deg=25, scale=0.15, shear=0.05, shift=0.0)
        image = random_contrast(planes[:, :1], self.draws, 0.4).to(batch[0].device)
        truth = planes[:, 1:].argmax(1, keepdim=True).to(batch[0].device)
        loss = self.loss(self.network(image.contiguous(memory_format=torch.channels_last)), truth)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a one-cycle learning rate."""
        rate, updates = self.settings.learning_rate, self.description.updates
        optimizer = torch.optim.AdamW(self.parameters(), rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=updates + 1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the random state of the augmentation."""
        checkpoint["draws"] = self.draws.get_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the random state of the augmentation."""
        self.draws.set_state(checkpoint["draws"])


def train_member(
    config: Config, member: Member, cases: list[TrainingCase], folder: Path, progress: bool = True
) -> list[Path]:
    """Train one base network, or resume from its last checkpoint.

    Args:
        config: Training configuration.
        member: Network to train.
        cases: Cases of ``member.subjects``.
        folder: Output folder for checkpoints and the TensorBoard log.
        progress: Show a progress bar.

    Returns:
        One file of network weights per snapshot, in the order of the configuration.

    Raises:
        ValueError: The folder holds a network of this name that was trained on other subjects, or otherwise.
    """
    description = config.base.networks[member.kind]
    check_network(config, member, folder)
    paths = snapshot_paths(description, folder / member.name)
    if all(path.exists() for path in paths):
        return paths
    last = folder / member.name / "last.ckpt"
    if not updates_kept(description, folder / member.name):
        last.unlink(missing_ok=True)
        write_record(config, member, folder / member.name)
    seed = int(np.random.default_rng([config.seed, *member.name.encode()]).integers(2**31))
    L.seed_everything(seed, verbose=False)
    scattered = config.automaton.task == "tubular"
    crops = Crops(cases, config.base, config.base.batch * description.updates, seed, scattered)
    learner = BaseLearner(description, config.base, seed, config.classes)
    checkpoints = ModelCheckpoint(
        folder / member.name, filename="last", every_n_train_steps=100, save_top_k=1, enable_version_counter=False
    )
    trainer = L.Trainer(
        max_steps=description.updates,
        accelerator="auto",
        devices=1,
        logger=TensorBoardLogger(folder, name="log", version=member.name),
        callbacks=[
            checkpoints,
            Snapshots(paths, description),
            *([UpdatesBar(description.updates)] if progress else []),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    left = RemainingSamples(description.updates, config.base.batch, last)
    loader = DataLoader(crops, config.base.batch, sampler=left)
    trainer.fit(learner, loader, ckpt_path=last if last.exists() else None)
    return paths


def snapshot_paths(description: BaseNetwork, folder: Path) -> list[Path]:
    """Return the paths of a member's snapshots, in the order of the configuration."""
    return [folder / f"snapshot-{fraction:g}.pt" for fraction in description.snapshots]


def updates_kept(description: BaseNetwork, folder: Path) -> int:
    """Return the number of updates of a member's checkpoint.

    Returns 0 if an earlier snapshot is missing, since it requires training from the beginning.
    """
    done = updates_done(folder / "last.ckpt")
    paths = snapshot_paths(description, folder)
    missed = any(update <= done and not path.exists() for update, path in _due(description, paths).items())
    return 0 if missed else done


def _due(description: BaseNetwork, paths: list[Path]) -> dict[int, Path]:
    """Return the paths of the snapshots by the update after which they are written."""
    return {
        max(1, round(fraction * description.updates)): path
        for fraction, path in zip(description.snapshots, paths, strict=True)
    }


class Snapshots(L.Callback):
    """Write the weights of the network at the configured fractions of the training."""

    def __init__(self, paths: list[Path], description: BaseNetwork) -> None:
        self.due = _due(description, paths)

    def on_train_batch_end(self, trainer: L.Trainer, learner: L.LightningModule, *_: object) -> None:
        """Write a snapshot if one is due."""
        path = self.due.get(trainer.global_step)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # torch.save writes the name of a file given by path into it; an open file keeps the bytes reproducible.
            with written_whole(path) as (temporary,), temporary.open("wb") as file:
                torch.save(learner.network.state_dict(), file)  # type: ignore[union-attr]


@torch.inference_mode()
def predict(network: torch.nn.Module, case: TrainingCase, spacing_mm: float) -> NDArray[np.uint8]:
    """Segment a case on its own grid.

    Args:
        network: A trained base network.
        case: Case; its labels are not used.
        spacing_mm: In-plane spacing of the network's training.

    Returns:
        Labels like ``case.labels``.
    """
    image = torch.from_numpy(normalise(case.image))[:, None]
    small = resample(image, case.spacing[1:], spacing_mm, "bilinear")
    height, width = small.shape[2:]
    padded = F.pad(small, (0, -width % STRIDE, 0, -height % STRIDE)).contiguous(memory_format=torch.channels_last)
    logits = network(padded)[:, :, :height, :width]
    return (
        F.interpolate(logits, image.shape[2:], mode="bilinear", align_corners=False).argmax(1).numpy().astype(np.uint8)
    )


def load_network(description: BaseNetwork, path: Path, classes: int) -> torch.nn.Module:
    """Build a base network and load one of its snapshots.

    Raises:
        ValueError: The snapshot does not exist.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such snapshot of a base network. Run `rncarefine-train base` first.")
    network = build_network(description, classes)
    network.load_state_dict(torch.load(path, weights_only=True))
    return _channels_last(network.eval())


def _channels_last(network: torch.nn.Module) -> torch.nn.Module:
    """Convert a network to channels-last memory format, which is faster on CPUs."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
