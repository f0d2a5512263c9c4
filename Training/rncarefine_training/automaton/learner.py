"""Lightning module of the automaton: encoder first, then rollouts of random length with a replay buffer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.neighbours import link

from ..config import Automaton
from .samples import Sample
from .tasks import training_task
from .validation import Validator


def build_architecture(settings: Automaton) -> Architecture:
    """Return the architecture of a configuration."""
    task = training_task(settings)
    return Architecture(
        settings.channels, settings.hidden, tuple(settings.encoder), task.inputs, task.fields, settings.volumetric
    )


def check_start(settings: Automaton, start: Architecture) -> None:
    """Check that all weights of the model to start from can be copied.

    Raises:
        ValueError: Its architecture differs from that of the configuration. A volumetric automaton may start from a
            slice-wise one.
    """
    own = build_architecture(settings)
    if own.volumetric:
        start = replace(start, volumetric=True)
    theirs, ours = asdict(start), asdict(own)
    if changed := [name for name in ours if theirs[name] != ours[name]]:
        sizes = (", ".join(f"{name} {values[name]}" for name in changed) for values in (theirs, ours))
        raise ValueError(
            "automaton.start: {} has {}, but the configuration {}. Set section automaton to the architecture of {}, or "
            "start from another model.".format(settings.start, *sizes, settings.start)
        )


class AutomatonLearner(L.LightningModule):
    """Parameters, training and validation of the automaton.

    The forward pass uses the functions of the engine, so training and inference agree. The encoder is trained alone
    during the warm-up; its evidence stays supervised afterwards.

    Args:
        settings: Section ``automaton`` of the configuration.
        seed: Random seed for initial weights, rollout lengths and firing cells.
        validation: Validator; ``None`` trains without validation.
    """

    def __init__(self, settings: Automaton, seed: int, validation: Validator | None = None) -> None:
        super().__init__()
        self.settings, self.validation = settings, validation
        self.architecture, self.task = build_architecture(settings), training_task(settings)
        draws = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict(
            {_key(name): _initial(name, shape, draws) for name, shape in self.architecture.shapes().items()}
        )
        self.rng = np.random.default_rng([seed, 1])
        self.draws = torch.Generator().manual_seed(seed + 1)
        self.buffer: list[tuple[Sample, Tensor]] = []
        """Replay buffer of samples and the final states of their rollouts."""

    def parameters_for_use(self) -> dict[str, Tensor]:
        """Return the weights under the parameter names of the engine."""
        return {name.replace("_", "."): values for name, values in self.weights.items()}

    def start_from(self, parameters: Mapping[str, NDArray[np.float32]]) -> None:
        """Copy the weights of another automaton that :func:`check_start` accepts.

        A volumetric automaton that starts from a slice-wise one initially ignores adjacent slices (zero weights).
        """
        with torch.no_grad():
            if self.settings.volumetric:
                self.weights[_key("across.weight")].zero_()
            for name, values in parameters.items():
                self.weights[_key(name)].copy_(torch.from_numpy(values))

    def on_train_start(self) -> None:
        """Draw different firing cells in every process; the number of steps is the same in all."""
        if self.global_rank:
            self.draws.manual_seed(self.draws.initial_seed() + 1000 * self.global_rank + self.global_step)

    def training_step(self, batch: Sample, index: int) -> Tensor:
        """Return the loss: of the encoder during the warm-up, of encoder and rollout afterwards."""
        if self.global_step < self.settings.warmup_updates:
            loss = self._evidence_loss(self._evidence(self.parameters_for_use(), batch)[1], batch)
            self.log("loss_encoder", loss, prog_bar=True)
            return loss
        return self._train_rollout(Sample(*batch))

    def _train_rollout(self, fresh: Sample) -> Tensor:
        batch, resumed = self._resume_some(fresh)
        parameters = self.parameters_for_use()
        features, logits = self._evidence(parameters, batch)
        loss = 0.5 * self._evidence_loss(logits, batch)
        evidence = logits.float().sigmoid()
        constant = backend_torch.condition(parameters, features, evidence)
        least, most = self.settings.train_steps
        steps = int(self.rng.integers(least, most + 1))
        early = int(self.rng.integers(steps // 2, steps))
        mask = batch.channels.flatten(0, 1)[:, [self.architecture.mask]]
        state = backend_torch.seed(self.architecture, evidence, mask)
        if resumed is not None:
            state = torch.cat([resumed.flatten(0, 1).to(state), state[resumed.shape[0] * resumed.shape[1] :]])
        neighbours = self._slice_neighbours(batch)
        for number in range(steps):
            fire = torch.rand(len(state), 1, *state.shape[2:], generator=self.draws) < self.settings.fire_rate
            around = None if neighbours is None else backend_torch.neighbour_states(state, *neighbours)
            state = backend_torch.step(parameters, state, constant, fire.to(state), around)
            if number == early:
                loss = loss + 0.5 * self._loss(state, batch)
        final = self._loss(state, batch)
        # Penalise states outside [-2, 2], which would grow without bound.
        overflow = F.relu(state.abs() - 2).square().mean()
        self.log_dict({"loss": final, "overflow": overflow}, prog_bar=True)
        self._keep(batch, state.detach().reshape(*batch.channels.shape[:2], *state.shape[1:]))
        return loss + final + overflow

    def _evidence(self, parameters: dict[str, Tensor], batch: Sample) -> tuple[Tensor, Tensor]:
        """Return features and logits of the evidence."""
        channels = batch.channels.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        trained = self.settings.encoder_rate > 0 or self.global_step < self.settings.warmup_updates
        with torch.set_grad_enabled(trained and torch.is_grad_enabled()):
            features = backend_torch.encode(parameters, self.architecture, channels)
            return features, backend_torch.evidence_logits(parameters, features)

    def _evidence_loss(self, logits: Tensor, batch: Sample) -> Tensor:
        return self.task.evidence_loss(logits.float(), batch.target.flatten(0, 1), batch.weight.flatten(0, 1))

    def _loss(self, state: Tensor, batch: Sample) -> Tensor:
        supervised = state[:, : self.task.fields].float()
        return self.task.loss(supervised, batch.target.flatten(0, 1), batch.weight.flatten(0, 1))

    def _slice_neighbours(self, batch: Sample) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return indices of the slices below and above, and their weights; ``None`` for a slice-wise automaton."""
        if not self.settings.volumetric:
            return None
        samples, depth = batch.weight.shape[:2]
        owner, k = np.repeat(np.arange(samples), depth), np.tile(np.arange(depth), samples)
        below, above, _ = link(owner, k, np.ones(len(k)))
        near = batch.neighbour_weight.float().repeat_interleave(depth)
        return torch.from_numpy(below).to(near.device), torch.from_numpy(above).to(near.device), near

    def _resume_some(self, fresh: Sample) -> tuple[Sample, Tensor | None]:
        """Replace the first items of the batch by samples from the replay buffer, and return their states."""
        count = min(round(self.settings.from_buffer * len(fresh.weight)), len(self.buffer))
        if not count:
            return fresh, None
        chosen = [self.buffer[index] for index in self.rng.choice(len(self.buffer), count, replace=False)]
        old = [torch.stack(parts).to(fresh.channels) for parts in zip(*(item for item, _ in chosen), strict=True)]
        batch = Sample(*(torch.cat([kept, values[count:]]) for kept, values in zip(old, fresh, strict=True)))
        return batch, torch.stack([state for _, state in chosen]).to(fresh.channels.device)

    def _keep(self, batch: Sample, states: Tensor) -> None:
        for *parts, state in zip(*(values.cpu() for values in (*batch, states)), strict=True):
            kept = Sample(*(values.clone() for values in parts)), state.clone()
            if len(self.buffer) < self.settings.buffer:
                self.buffer.append(kept)
            else:
                self.buffer[int(self.rng.integers(len(self.buffer)))] = kept

    def validation_step(self, batch: Any, index: int) -> None:
        """Log the metrics of the validation set."""
        if self.validation is not None:
            parameters = {name: value.detach() for name, value in self.parameters_for_use().items()}
            self.log_dict(self.validation.measure(parameters, self.architecture, self.settings), batch_size=1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with two cosine cycles: one for the warm-up, one for encoder and rollout."""
        settings = self.settings
        encoder = [value for name, value in self.weights.items() if _of_encoder(name)]
        rule = [value for name, value in self.weights.items() if not _of_encoder(name)]
        optimizer = torch.optim.AdamW(
            [{"params": encoder}, {"params": rule}], settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4
        )

        def cosine(update: int, updates: int) -> float:
            done = min(1.0, update / max(1, updates))
            return min(1.0, (update + 1) / 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)

        def rate(update: int, scale: float) -> float:
            if update < settings.warmup_updates:
                return cosine(update, settings.warmup_updates)
            return scale * cosine(update - settings.warmup_updates, settings.updates)

        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, [lambda update: rate(update, settings.encoder_rate), lambda update: rate(update, 1.0)]
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store replay buffer and random state."""
        checkpoint["buffer"] = [(tuple(item), state) for item, state in self.buffer]
        checkpoint["rng"] = self.rng.bit_generator.state
        checkpoint["draws"] = self.draws.get_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore replay buffer and random state."""
        self.buffer = [(Sample(*item), state) for item, state in checkpoint["buffer"]]
        self.rng.bit_generator.state = checkpoint["rng"]
        self.draws.set_state(checkpoint["draws"])


def _key(name: str) -> str:
    """Return a parameter name without dots, which PyTorch does not allow."""
    return name.replace(".", "_")


def _of_encoder(key: str) -> bool:
    return key.startswith(("down", "up", "evidence")) and not key.startswith("update")


def _initial(name: str, shape: tuple[int, ...], draws: torch.Generator) -> nn.Parameter:
    """Return initial values: He normal; zero for biases and the update, so that untrained states do not change."""
    if name.endswith("scale"):
        return nn.Parameter(torch.ones(shape))
    if name.endswith(("bias", "shift")) or name.startswith("update"):
        return nn.Parameter(torch.zeros(shape))
    fan_in = math.prod(shape[1:])
    return nn.Parameter(torch.randn(shape, generator=draws) * math.sqrt(2 / fan_in))
