"""Validation during training: rollouts on real failures of the validation set, without verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import Architecture, channel_names
from rncarefine.nca.channels import scale_intensities, stacked
from rncarefine.nca.fire import cell_keys, fires
from rncarefine.nca.neighbours import link

from ..config import Automaton
from .samples import KEPT_PIXELS, WALL, CroppedPrediction, CroppedStack, blank
from .tasks import training_task

BATCH = 32
COMPARED = ("dice", "cldice")
"""Metrics that are also reported without a rollout."""


class Validator(Protocol):
    """Interface of a validation."""

    def measure(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton
    ) -> dict[str, float]:
        """Roll out with these parameters and return metrics by name."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Slices with their truth; for a volumetric automaton, whole stacks.

    Attributes:
        channels: ``(n, inputs, j, i)``.
        truth: Masks, ``(n, j, i)``.
        broken: Slices to measure, ``(n,)``.
        stack: Stack index of each slice, ``(n,)``; slices of a stack are contiguous.
        k: Slice number in the stack, ``(n,)``.
        spacing_mm: Slice spacing of the stack, ``(n,)``.
    """

    channels: Tensor
    truth: NDArray[np.bool_]
    broken: NDArray[np.bool_]
    stack: NDArray[np.int64]
    k: NDArray[np.int64]
    spacing_mm: NDArray[np.float64]

    @classmethod
    def of(cls, stacks: list[CroppedStack], settings: Automaton, most: int, seed: int) -> Validation:
        """Draw about ``most`` broken slices; for a volumetric automaton, with all slices of their stacks.

        Raises:
            ValueError: There are no broken slices.
        """
        shown = [(stack, prediction) for stack in stacks for prediction in stack.predictions]
        places = [(number, int(k)) for number, (_, given) in enumerate(shown) for k in np.flatnonzero(given.broken)]
        if not places:
            raise ValueError("No base network broke a slice of the validation set: add subjects to it.")
        order = np.random.default_rng(seed).permutation(len(places))[:most]
        drawn = {places[index] for index in order}
        if settings.volumetric:
            drawn = _whole_stacks([places[index] for index in order], shown, most)
        kept = sorted(drawn)
        parts = [_slice(shown[number][0], shown[number][1], k, settings) for number, k in kept]
        return cls(
            torch.from_numpy(np.stack([channels for channels, _ in parts])).contiguous(
                memory_format=torch.channels_last
            ),
            np.stack([truth for _, truth in parts]),
            np.array([bool(shown[number][1].broken[k]) for number, k in kept]),
            np.array([number for number, _ in kept]),
            np.array([k for _, k in kept]),
            np.array([shown[number][0].spacing_mm for number, _ in kept]),
        )

    @torch.no_grad()
    def measure(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton
    ) -> dict[str, float]:
        """Roll out and compare with the truth.

        Returns:
            Means of the metrics of the task, such as ``dice``, ``dice_gain`` over the input, and ``rings``, the share
            of closed rings. Metrics in :data:`COMPARED` are also reported for the evidence, without a rollout
            (``one_pass_dice``), and for the evidence without masks (``image_dice``).
        """
        task, figures = training_task(settings), []
        for part in self._parts(architecture.volumetric):
            rolled, evidence, alone = self._roll(parameters, architecture, settings, part)
            for row, n in enumerate(part):
                if not self.broken[n]:
                    continue
                given = (self.channels[n, architecture.mask].numpy() >= 0.5).astype(np.uint8)
                truth = self.truth[n].astype(np.uint8)
                walls = [task.read(fields[row]) for fields in (rolled, evidence, alone)]
                after, once, from_image = (given if wall is None else wall for wall in walls)
                figure = task.score(after, given, truth)
                for kind, wall in (("one_pass", once), ("image", from_image)):
                    scored = task.score(wall, given, truth)
                    figure |= {f"{kind}_{name}": scored[name] for name in COMPARED if name in scored}
                figures.append(figure)
        return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}

    def _parts(self, volumetric: bool) -> list[NDArray[np.int64]]:
        """Split the slices into batches; for a volumetric automaton, one stack each."""
        if volumetric:
            return [np.flatnonzero(self.stack == number) for number in np.unique(self.stack)]
        return [np.arange(start, min(start + BATCH, len(self.k))) for start in range(0, len(self.k), BATCH)]

    def _roll(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton, part: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], ...]:
        """Return the supervised channels after the rollout, of the evidence, and of the evidence without masks.

        Each has the shape ``(n, fields, j, i)``.
        """
        device = next(iter(parameters.values())).device
        height, width = self.channels.shape[2:]
        channels = self.channels[part].to(device)
        features = backend_torch.encode(parameters, architecture, channels)
        evidence = backend_torch.evidence_logits(parameters, features).sigmoid()
        images = channels.clone()
        names = channel_names(architecture.inputs)
        images[:, [n for n, name in enumerate(names) if "mask" in name or name == "pool"]] = 0
        alone = backend_torch.evidence_logits(
            parameters, backend_torch.encode(parameters, architecture, images)
        ).sigmoid()
        constant = backend_torch.condition(parameters, features, evidence)
        state = backend_torch.seed(architecture, evidence, channels[:, [architecture.mask]])
        keys = cell_keys(part, height, width)
        neighbours = None
        if architecture.volumetric:
            links = link(self.stack[part], self.k[part], self.spacing_mm[part])
            neighbours = [torch.from_numpy(values).to(device) for values in links]
        for number in range(settings.steps):
            fire = torch.from_numpy(fires(keys, 0, number, settings.fire_rate)[:, None]).to(state)
            around = None if neighbours is None else backend_torch.neighbour_states(state, *neighbours)
            state = backend_torch.step(parameters, state, constant, fire, around)
        fields = architecture.fields
        return tuple(np.asarray(part[:, :fields].float().cpu().numpy()) for part in (state, evidence, alone))


def _slice(
    stack: CroppedStack, prediction: CroppedPrediction, k: int, settings: Automaton
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return channels and truth of one slice, cropped to the input size, without blood pool."""
    margin = (KEPT_PIXELS - settings.size) // 2
    inside = slice(margin, margin + settings.size)
    images = scale_intensities(stack.image[:, inside, inside].astype(np.float32))
    walls = prediction.wall[:, inside, inside].astype(np.float32) / np.float32(255)
    channels = stacked(images, walls, None, k)
    if settings.without:
        channels = blank(channels, settings)
    return channels.transpose(2, 0, 1), stack.truth[WALL, k, inside, inside] >= 128


def _whole_stacks(
    order: list[tuple[int, int]], shown: list[tuple[CroppedStack, CroppedPrediction]], most: int
) -> set[tuple[int, int]]:
    """Return all slices of stacks, until they contain ``most`` broken slices."""
    drawn: set[tuple[int, int]] = set()
    broken = 0
    for number, _ in order:
        stack, prediction = shown[number]
        if broken < most and (number, 0) not in drawn:
            drawn |= {(number, k) for k in range(len(stack.closed))}
            broken += int(prediction.broken.sum())
    return drawn
