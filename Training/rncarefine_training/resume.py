"""Which samples are still to be seen: by a training that was cut off, and by each of several processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import distributed
from torch.utils.data import Sampler


class Remaining(Sampler[int]):
    """The samples that are left of a training, in their order.

    Lightning restores weights, optimiser and counters, but begins the samples anew; starting where the checkpoint
    ends, a training that was cut off sees what it would have seen. Of several processes each one sees its own part of
    every update's samples.

    Args:
        updates: Updates of the whole training.
        batch: Samples an update, of one process.
        checkpoint: The last Lightning checkpoint; it need not exist.
        processes: How many processes train together.
    """

    def __init__(self, updates: int, batch: int, checkpoint: Path, processes: int = 1) -> None:
        self.updates, self.batch, self.processes = updates, batch, processes
        self.done = updates_done(checkpoint)

    def __len__(self) -> int:
        # Lightning goes on counting where it stopped, and begins anew when it has counted to the end.
        return self.updates * self.batch

    def __iter__(self) -> Iterator[int]:
        rank = distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0
        for update in range(self.done, self.updates):
            first = (update * self.processes + rank) * self.batch
            yield from range(first, first + self.batch)


def updates_done(checkpoint: Path) -> int:
    """Return how many updates a Lightning checkpoint has behind it; 0 if there is none."""
    if not checkpoint.exists():
        return 0
    return int(torch.load(checkpoint, map_location="cpu", weights_only=False)["global_step"])
