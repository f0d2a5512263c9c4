"""Quick validation while training: the automaton alone, in the frame, on real failures of the selecting subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.channels import planes
from rncarefine.nca.fire import cell_keys, fires
from rncarefine.nca.neighbours import link

from ..config import Automaton
from .samples import FRAME_PIXELS, FramedPrediction, FramedStack, leave_out
from .tasks import task_of

BATCH = 32


class Measures(Protocol):
    """What a learner asks of its validation."""

    def measure(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton
    ) -> dict[str, float]:
        """Roll out with these parameters and return the task's figures."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Slices with their truth, those of a volumetric automaton with the rest of their stacks.

    Attributes:
        planes: ``(n, planes, j, i)``.
        state: ``(n, channels, j, i)``.
        truth: Walls, ``(n, j, i)``.
        broken: Which slices are looked at, ``(n,)``.
        stack: Which stack each slice belongs to, ``(n,)``; a stack's slices follow each other.
        k: Number of each slice in its stack, ``(n,)``.
        distance_mm: Distance of the slices of its stack, ``(n,)``.
    """

    planes: Tensor
    state: Tensor
    truth: NDArray[np.bool_]
    broken: NDArray[np.bool_]
    stack: NDArray[np.int64]
    k: NDArray[np.int64]
    distance_mm: NDArray[np.float64]

    @classmethod
    def of(cls, stacks: list[FramedStack], settings: Automaton, most: int, seed: int) -> Validation:
        """Draw about ``most`` broken slices, of a volumetric automaton whole stacks until there are so many.

        Raises:
            ValueError: There is none.
        """
        shown = [(stack, prediction) for stack in stacks for prediction in stack.predictions]
        places = [(number, int(k)) for number, (_, given) in enumerate(shown) for k in np.flatnonzero(given.broken)]
        if not places:
            raise ValueError("No base network broke a slice of the selecting subjects: select on more of them.")
        order = np.random.default_rng(seed).permutation(len(places))[:most]
        drawn = {places[index] for index in order}
        if settings.volumetric:
            drawn = _whole_stacks([places[index] for index in order], shown, most)
        seen, states, truths, looked_at = [], [], [], []
        kept = sorted(drawn)
        for number, k in kept:
            stack, prediction = shown[number]
            given, state, truth = _slice(stack, prediction, k, settings)
            seen.append(given)
            states.append(state)
            truths.append(truth)
            looked_at.append(bool(prediction.broken[k]))
        return cls(
            _batch(seen),
            _batch(states),
            np.stack(truths),
            np.array(looked_at),
            np.array([number for number, _ in kept]),
            np.array([k for _, k in kept]),
            np.array([shown[number][0].distance_mm for number, _ in kept]),
        )

    @torch.no_grad()
    def measure(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton
    ) -> dict[str, float]:
        """Roll out and compare.

        Returns:
            The means of what the task judges by, of a ring ``rings``, share of closed rings; always ``dice`` and
            ``dice_gain``, mean Dice and its rise against the input.
        """
        task, figures = task_of(settings), []
        for part in self._parts(architecture.volumetric):
            for fields, n in zip(self._roll(parameters, architecture, settings, part), part, strict=True):
                if not self.broken[n]:
                    continue
                given = (self.state[n, 0].numpy() >= 0.5).astype(np.uint8)
                wall = task.read(fields)
                figures.append(task.score(given if wall is None else wall, given, self.truth[n].astype(np.uint8)))
        return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}

    def _parts(self, volumetric: bool) -> list[NDArray[np.int64]]:
        """Split the slices into batches; a volumetric automaton's stacks stay whole."""
        if volumetric:
            return [np.flatnonzero(self.stack == number) for number in np.unique(self.stack)]
        return [np.arange(start, min(start + BATCH, len(self.k))) for start in range(0, len(self.k), BATCH)]

    def _roll(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton, part: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the first channels of some slices at the end, shape ``(n, 3, j, i)``."""
        device = next(iter(parameters.values())).device
        height, width = self.planes.shape[2:]
        state = self.state[part].to(device)
        features = backend_torch.encode(parameters, architecture, self.planes[part].to(device))
        constant = backend_torch.condition(parameters, features)
        keys = cell_keys(part, height, width)
        beside = None
        if architecture.volumetric:
            links = link(self.stack[part], self.k[part], self.distance_mm[part])
            beside = [torch.from_numpy(values).to(device) for values in links]
        for number in range(settings.steps):
            fire = torch.from_numpy(fires(keys, 0, number, settings.fire_rate)[:, None]).to(state)
            around = None if beside is None else backend_torch.beside(state, *beside)
            state = backend_torch.step(parameters, state, constant, fire, around)
        return np.asarray(state[:, :3].float().cpu().numpy())


def _slice(
    stack: FramedStack, prediction: FramedPrediction, k: int, settings: Automaton
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return planes, seed state and truth of one slice, cut to the sample's size, without pool."""
    margin = (FRAME_PIXELS - settings.size) // 2
    inside = slice(margin, margin + settings.size)
    walls = np.pad(prediction.wall, ((1, 1), (0, 0), (0, 0)))[k : k + 3, inside, inside]
    nothing = np.zeros_like(walls[0])
    distance = stack.distance_mm if settings.volumetric else None
    given = planes(stack.image[k][inside, inside], walls[1], walls[0], walls[2], nothing, settings.spacing_mm, distance)
    state = task_of(settings).seed(walls[1], settings.channels)
    return leave_out(given, settings), state, stack.ring[k][inside, inside] >= 0.5


def _whole_stacks(
    order: list[tuple[int, int]], shown: list[tuple[FramedStack, FramedPrediction]], most: int
) -> set[tuple[int, int]]:
    """Return all slices of so many stacks that about ``most`` broken ones are among them."""
    drawn: set[tuple[int, int]] = set()
    broken = 0
    for number, _ in order:
        stack, prediction = shown[number]
        if broken < most and (number, 0) not in drawn:
            drawn |= {(number, k) for k in range(len(stack.ring))}
            broken += int(prediction.broken.sum())
    return drawn


def _batch(items: list[NDArray[np.float32]]) -> Tensor:
    return torch.from_numpy(np.stack(items).transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
