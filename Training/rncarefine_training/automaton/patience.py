"""When to stop a training that no longer gets better."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import EarlyStopping


class Patience(EarlyStopping):
    """Stops a training after some validations without a gain of Dice; one that it has stopped stays stopped.

    Args:
        validations: How many to wait for.
        warmup_updates: Until then no rollout is trained, and none of them counts.
    """

    def __init__(self, validations: int, warmup_updates: int) -> None:
        super().__init__("dice_gain", mode="max", patience=validations)
        self.warmup_updates = warmup_updates

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Do not go on with what has stopped."""
        trainer.should_stop = self.wait_count >= self.patience

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at a validation, if there were rollouts to get better."""
        if trainer.global_step > self.warmup_updates:
            super().on_validation_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on waiting, for as long as the configuration says now."""
        super().load_state_dict(state_dict | {"patience": self.patience})
