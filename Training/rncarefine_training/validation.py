"""Quick validation while training: the automaton alone, in the frame, on real failures of the selecting subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from RNCARefineLib import backend_torch
from RNCARefineLib.architecture import Architecture
from RNCARefineLib.conditioning import planes, seed_state
from RNCARefineLib.fire import cell_keys, fires
from RNCARefineLib.readout import is_ring, read_wall

from .config import Automaton
from .samples import FRAME_PIXELS, FramedStack

BATCH = 32


@dataclass(frozen=True, eq=False)
class Validation:
    """Broken slices with their truth.

    Attributes:
        planes: ``(n, planes, j, i)``.
        state: ``(n, channels, j, i)``.
        truth: Walls, ``(n, j, i)``.
    """

    planes: Tensor
    state: Tensor
    truth: NDArray[np.bool_]

    @classmethod
    def of(cls, stacks: list[FramedStack], settings: Automaton, most: int, seed: int) -> Validation:
        """Draw up to ``most`` broken slices.

        Raises:
            ValueError: There is none.
        """
        margin = (FRAME_PIXELS - settings.size) // 2
        inside = slice(margin, margin + settings.size)
        places = [
            (stack, prediction, int(k))
            for stack in stacks
            for prediction in stack.predictions
            for k in np.flatnonzero(prediction.broken)
        ]
        if not places:
            raise ValueError("No base network broke a slice of the selecting subjects: select on more of them.")
        order = np.random.default_rng(seed).permutation(len(places))[:most]
        seen, states, truths = [], [], []
        for stack, prediction, k in (places[index] for index in order):
            walls = np.pad(prediction.wall, ((1, 1), (0, 0), (0, 0)))[k : k + 3, inside, inside]
            nothing = np.zeros_like(walls[0])
            seen.append(
                planes(stack.image[k][inside, inside], walls[1], walls[0], walls[2], nothing, settings.spacing_mm)
            )
            states.append(seed_state(walls[1], settings.channels))
            truths.append(stack.ring[k][inside, inside] >= 0.5)
        return cls(_batch(seen), _batch(states), np.stack(truths))

    @torch.no_grad()
    def measure(
        self, parameters: dict[str, Tensor], architecture: Architecture, settings: Automaton
    ) -> dict[str, float]:
        """Roll out and compare.

        Returns:
            ``rings``, share of closed rings; ``dice`` and ``dice_gain``, mean Dice and its rise against the input.
        """
        rings, after, before = [], [], []
        device = next(iter(parameters.values())).device
        height, width = self.planes.shape[2:]
        for start in range(0, len(self.planes), BATCH):
            part = slice(start, start + BATCH)
            state = self.state[part].to(device)
            features = backend_torch.encode(parameters, architecture, self.planes[part].to(device))
            constant = backend_torch.condition(parameters, features)
            keys = cell_keys(np.arange(start, start + len(state)), height, width)
            for number in range(settings.steps):
                fire = torch.from_numpy(fires(keys, 0, number, settings.fire_rate)[:, None]).to(state)
                state = backend_torch.step(parameters, state, constant, fire)
            for fields, seed, truth in zip(
                state.cpu().numpy(), self.state[part].numpy(), self.truth[part], strict=True
            ):
                wall = read_wall(fields[:3])
                rings.append(wall is not None and is_ring(wall))
                before.append(_dice(seed[0] >= 0.5, truth))
                after.append(before[-1] if wall is None else _dice(wall > 0, truth))
        return {
            "rings": float(np.mean(rings)),
            "dice": float(np.mean(after)),
            "dice_gain": float(np.mean(after) - np.mean(before)),
        }


def _batch(items: list[NDArray[np.float32]]) -> Tensor:
    return torch.from_numpy(np.stack(items).transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2.0 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum()))
