"""Going on after a cut-off: the samples that an interrupted training has not seen."""

from __future__ import annotations

from pathlib import Path

import torch


def remaining(length: int, batch: int, checkpoint: Path) -> range:
    """Return the indices of the samples that are left, in their order.

    Lightning restores weights, optimiser and counters, but begins the samples anew; starting where the checkpoint
    ends, a training that was cut off sees what it would have seen.

    Args:
        length: Samples of the whole training.
        batch: Samples an update.
        checkpoint: The last Lightning checkpoint; it need not exist.
    """
    if not checkpoint.exists():
        return range(length)
    done = torch.load(checkpoint, map_location="cpu", weights_only=False)["global_step"]
    return range(min(done * batch, length), length)
