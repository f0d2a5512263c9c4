"""Print the progress of a training, without Lightning's own output."""

from __future__ import annotations

import logging
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

WINDOW = 50
"""Number of updates over which the remaining time is estimated."""
LINES = 10
"""Lines printed per training if the output is not a terminal."""


class UpdatesBar(L.Callback):
    """Show the current update, the loss and the remaining time.

    A progress bar on a terminal, :data:`LINES` lines otherwise. Only the first of several processes prints.
    """

    def __init__(self, total: int, console: Console | None = None) -> None:
        self.total, self.console = total, console or Console()
        self.ends: deque[float] = deque(maxlen=WINDOW + 1)
        self.bar: Progress | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the device and the bar."""
        if not trainer.is_global_zero:
            return
        self.console.print(f"Training on {pl_module.device}")
        if self.console.is_terminal:
            self.bar = Progress(BarColumn(20), TextColumn("{task.description}"), console=self.console)
            self.bar.add_task(self._text(trainer), total=self.total, completed=trainer.global_step)
            self.bar.start()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Count one update."""
        self.ends.append(time.perf_counter())
        step = trainer.global_step
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=step, description=self._text(trainer))
        elif trainer.is_global_zero and (step % max(1, self.total // LINES) == 0 or step == self.total):
            self.console.print(self._text(trainer), highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the bar; it stays on screen."""
        if self.bar is not None:
            self.bar.stop()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Stop the bar."""
        self.on_train_end(trainer, pl_module)

    def _text(self, trainer: L.Trainer) -> str:
        step = trainer.global_step
        parts = [f"update {step:,} of {self.total:,}"]
        losses = [float(value) for name, value in trainer.progress_bar_metrics.items() if "loss" in name]
        if losses:
            # The warm-up loss is listed first and stays in the metrics after the warm-up.
            parts.append(f"loss {losses[-1]:.3f}")
        if len(self.ends) > WINDOW and step < self.total:
            parts.append(f"{_format_duration((self.ends[-1] - self.ends[0]) / WINDOW * (self.total - step))} left")
        return ", ".join(parts)


def _format_duration(seconds: float) -> str:
    """Format a duration in s, min or h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


@contextmanager
def suppress_lightning_messages() -> Iterator[None]:
    """Suppress Lightning's info messages and known warnings; errors are still shown."""
    logs = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Deprecated PyTorch calls, few workers, few batches, non-empty checkpoint folder.
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
