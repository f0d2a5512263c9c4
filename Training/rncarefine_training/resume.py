"""Resume a training: the remaining samples of each process, and a check that the configuration is unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import distributed
from torch.utils.data import Sampler


class RemainingSamples(Sampler[int]):
    """Sample indices that remain after a checkpoint, in order.

    Lightning restores weights, optimiser and counters, but restarts the sampler. Continuing after the last completed
    update gives an interrupted training the same samples as an uninterrupted one. With several processes, each one
    gets its own part of the samples of every update.

    Args:
        updates: Total number of updates.
        batch: Samples per update and process.
        checkpoint: The last Lightning checkpoint; it need not exist.
        processes: Number of processes.
    """

    def __init__(self, updates: int, batch: int, checkpoint: Path, processes: int = 1) -> None:
        self.updates, self.batch, self.processes = updates, batch, processes
        self.done = updates_done(checkpoint)

    def __len__(self) -> int:
        # Lightning continues its batch counter after a restart and expects the length of the whole training.
        return self.updates * self.batch

    def __iter__(self) -> Iterator[int]:
        rank = distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0
        for update in range(self.done, self.updates):
            first = (update * self.processes + rank) * self.batch
            yield from range(first, first + self.batch)


class SameTraining(L.Callback):
    """Store seed, data and settings in every checkpoint, and refuse to resume with different ones.

    Otherwise a configuration changed after the start would be ignored by the training, but written to the model card.

    Args:
        identity: Values that must not change, by field.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self.identity = dict(identity)

    def state_dict(self) -> dict[str, Any]:
        """Return the values to store."""
        return self.identity

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare the stored values with the current ones.

        Raises:
            ValueError: A value differs.
        """
        if change := find_change(state_dict, self.identity):
            raise ValueError(
                f"The checkpoint was made with {change}. Set it back, give the configuration another name, or remove "
                "the checkpoint to train from the beginning."
            )


def check_same(checkpoint: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Check that a checkpoint belongs to this training; checkpoints without stored values are accepted.

    Raises:
        ValueError: A value differs.
    """
    SameTraining(identity).load_state_dict(checkpoint.get("callbacks", {}).get("SameTraining", {}))


def find_change(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return the first changed value, as part of a sentence; values that were not stored are not compared."""
    for name, value in now.items():
        before = earlier.get(name, value)
        if before != value:
            return f"another {name} ({_short(before)}) than the configuration has now ({_short(value)})"
    return None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def updates_done(checkpoint: Path) -> int:
    """Return the number of updates of a Lightning checkpoint; 0 if there is none."""
    return int(load_checkpoint(checkpoint)["global_step"]) if checkpoint.exists() else 0


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a trusted Lightning checkpoint on the CPU, including replay buffer and random state."""
    loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return loaded
