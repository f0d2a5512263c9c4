"""Training tasks: everything that differs between rings and other thin structures.

A task defines the targets of the supervised channels, their loss, how a mask is read from them, and the validation
metrics. It is selected by ``automaton.task``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from monai.losses.cldice import soft_skel
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rncarefine.anatomy.topology import fill_holes
from rncarefine.nca.architecture import CHANNELS, PICTURE_CHANNELS
from rncarefine.refine.metrics import betti_error, cldice, dice
from rncarefine.stack import Mask
from rncarefine.tasks.ring.readout import is_ring, read_wall

from ..config import Automaton

Field = NDArray[np.float32]
SKELETON_ROUNDS = 3
"""Iterations of the soft skeleton, sufficient for structures up to seven pixels wide."""


class TrainingTask(Protocol):
    """Interface of a task.

    Attributes:
        fields: Number of supervised channels, the first ones of the state.
        inputs: Number of input channels of the encoder.
    """

    fields: int
    inputs: int

    def target(self, truth: Field) -> Field:
        """Return the targets of the supervised channels, shape ``(fields, j, i)``, from a mask of 0 to 1."""

    def loss(self, fields: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the loss of supervised channels ``(n, fields, j, i)``, weighted by ``weight`` of ``(n, fields)``."""

    def evidence_loss(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the loss of the evidence, given as logits; other arguments as for :meth:`loss`."""

    def read(self, fields: Field) -> Mask | None:
        """Read the mask from supervised channels ``(fields, j, i)``; ``None`` if there is no mask."""

    def score(self, mask: Mask, given: Mask, truth: Mask) -> dict[str, float]:
        """Return the metrics of one repaired mask, including ``dice_gain``."""


class Ring:
    """Closed ring, supervised as ring, filled disc and cavity, and read as the ring between the discs.

    Args:
        discs: Use the discs; without them the ring channel is thresholded (ablation).
    """

    fields, inputs = 3, len(CHANNELS)

    def __init__(self, discs: bool = True) -> None:
        self.discs = discs

    def target(self, truth: Field) -> Field:
        """See :class:`TrainingTask`; ring, filled disc and cavity."""
        filled = fill_holes(truth >= 0.5).astype(np.float32)
        return np.stack([truth, np.maximum(truth, filled), filled * (truth < 0.5)]).astype(np.float32)

    def loss(self, fields: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """See :class:`TrainingTask`: squared error and soft Dice of every supervised channel."""
        supervised = self.fields if self.discs else 1
        return repair_loss(fields[:, :supervised], target[:, :supervised], weight[:, :supervised])

    def evidence_loss(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """See :class:`TrainingTask`: cross-entropy and soft Dice of every supervised channel."""
        if self.discs:
            return segmentation_loss(logits, target, weight)
        return segmentation_loss(logits[:, :1], target[:, :1], weight[:, :1])

    def read(self, fields: Field) -> Mask | None:
        """See :class:`TrainingTask`: a closed ring by construction; without discs, the thresholded ring channel."""
        return read_wall(fields) if self.discs else _thresholded(fields)

    def score(self, mask: Mask, given: Mask, truth: Mask) -> dict[str, float]:
        """See :class:`TrainingTask`: whether the ring is closed, and Dice."""
        return {"rings": float(is_ring(mask)), **_overlap(mask, given, truth)}


class Tubular:
    """Thin structure of any topology, such as vessels: a single channel, thresholded."""

    fields, inputs = 1, len(PICTURE_CHANNELS)

    def target(self, truth: Field) -> Field:
        """See :class:`TrainingTask`: the mask."""
        return truth[None].astype(np.float32)

    def loss(self, fields: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """See :class:`TrainingTask`: squared error, soft Dice and soft clDice."""
        broken = 1 - soft_cldice(fields.clamp(0, 1), target)
        return repair_loss(fields, target, weight) + _weighted(broken[:, None], weight)

    def evidence_loss(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """See :class:`TrainingTask`: cross-entropy and soft Dice."""
        return segmentation_loss(logits, target, weight)

    def read(self, fields: Field) -> Mask | None:
        """See :class:`TrainingTask`; threshold 0.5."""
        return _thresholded(fields)

    def score(self, mask: Mask, given: Mask, truth: Mask) -> dict[str, float]:
        """See :class:`TrainingTask`: errors of components and holes against the truth, clDice and Dice."""
        b0, b1 = betti_error(mask, truth)
        return {"b0_error": b0, "b1_error": b1, "cldice": cldice(mask, truth), **_overlap(mask, given, truth)}


def training_task(settings: Automaton) -> TrainingTask:
    """Return the task of a configuration."""
    return Ring("discs" not in settings.without) if settings.task == "ring" else Tubular()


def repair_loss(fields: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return squared error plus soft Dice loss of supervised channels.

    Squared error keeps the state bounded, unlike cross-entropy; soft Dice balances thin wall and background.

    Args:
        fields: Supervised channels, shape ``(n, f, j, i)``.
        target: Truth, 0 to 1, like ``fields``.
        weight: Weight of each field of each item, shape ``(n, f)``.
    """
    bounded = fields.clamp(0, 1)
    overlap = 2 * (bounded * target).sum((2, 3)) + 1
    total = bounded.square().sum((2, 3)) + target.square().sum((2, 3)) + 1
    return _weighted(4 * (fields - target).square().mean((2, 3)) + 1 - overlap / total, weight)


def segmentation_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return cross-entropy plus soft Dice loss of logits; other arguments as for :func:`repair_loss`."""
    likely = logits.sigmoid()
    overlap = 2 * (likely * target).sum((2, 3)) + 1
    total = likely.sum((2, 3)) + target.sum((2, 3)) + 1
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((2, 3))
    return _weighted(4 * entropy + 1 - overlap / total, weight)


def soft_cldice(soft: Tensor, target: Tensor) -> Tensor:
    """Return the soft centreline Dice (Shit et al., CVPR 2021) of every item, shape ``(n,)``.

    Uses MONAI's soft skeletons; its loss would average over the batch and ignore weights.

    Args:
        soft: Soft mask, 0 to 1, shape ``(n, 1, j, i)``.
        target: True mask, 0 or 1, same shape.
    """
    thin, true_thin = soft_skel(soft, SKELETON_ROUNDS), soft_skel(target, SKELETON_ROUNDS)
    precision = ((thin * target).sum((1, 2, 3)) + 1) / (thin.sum((1, 2, 3)) + 1)
    sensitivity = ((true_thin * soft).sum((1, 2, 3)) + 1) / (true_thin.sum((1, 2, 3)) + 1)
    return 2 * precision * sensitivity / (precision + sensitivity)


def _weighted(each: Tensor, weight: Tensor) -> Tensor:
    return (each * weight).sum() / weight.sum().clamp_min(1)


def _thresholded(fields: Field) -> Mask | None:
    mask = (fields[0] > 0.5).astype(np.uint8)
    return mask if mask.any() else None


def _overlap(mask: Mask, given: Mask, truth: Mask) -> dict[str, float]:
    after = dice(mask, truth)
    return {"dice": after, "dice_gain": after - dice(given, truth)}
