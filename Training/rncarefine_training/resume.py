"""Resume a training: the samples that each process has still to see, and a check that it is the same training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import distributed
from torch.utils.data import Sampler


class Remaining(Sampler[int]):
    """The samples that are left of a training, in their order.

    Lightning restores weights, optimiser and counters, but starts the samples again; starting where the checkpoint
    ends, a training that was interrupted sees what it would have seen. Of several processes each one sees its own part
    of every update's samples.

    Args:
        updates: Updates of the whole training.
        batch: Samples per update and process.
        checkpoint: The last Lightning checkpoint; it need not exist.
        processes: How many processes train together.
    """

    def __init__(self, updates: int, batch: int, checkpoint: Path, processes: int = 1) -> None:
        self.updates, self.batch, self.processes = updates, batch, processes
        self.done = updates_done(checkpoint)

    def __len__(self) -> int:
        # Lightning continues counting where it stopped, and starts again when it has counted to the end.
        return self.updates * self.batch

    def __iter__(self) -> Iterator[int]:
        rank = distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0
        for update in range(self.done, self.updates):
            first = (update * self.processes + rank) * self.batch
            yield from range(first, first + self.batch)


class SameTraining(L.Callback):
    """Writes into every checkpoint what it is made from, and refuses to resume from a different one.

    Without it, what is changed in a configuration after the training began would be ignored, and stand on the model
    card nevertheless.

    Args:
        made_from: Plain values by the names of their fields.
    """

    def __init__(self, made_from: Mapping[str, Any]) -> None:
        self.made_from = dict(made_from)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return self.made_from

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare with what the checkpoint was made from.

        Raises:
            ValueError: It was made from something else.
        """
        for name, value in self.made_from.items():
            earlier = state_dict.get(name, value)
            if earlier != value:
                raise ValueError(
                    f"The checkpoint was made with another {name} ({_short(earlier)}) than the configuration has now "
                    f"({_short(value)}). Set it back, give the configuration another name, or remove the checkpoint "
                    "to train from the beginning."
                )


def check_same(checkpoint: Mapping[str, Any], made_from: Mapping[str, Any]) -> None:
    """Check that a loaded Lightning checkpoint was made from this; one that does not say it passes.

    Raises:
        ValueError: It was made from something else.
    """
    SameTraining(made_from).load_state_dict(checkpoint.get("callbacks", {}).get("SameTraining", {}))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def updates_done(checkpoint: Path) -> int:
    """Return how many updates a Lightning checkpoint has behind it; 0 if there is none."""
    return int(load_checkpoint(checkpoint)["global_step"]) if checkpoint.exists() else 0


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a Lightning checkpoint of one's own training, with the states of random numbers and of the pool."""
    loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return loaded
