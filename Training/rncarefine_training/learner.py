"""Training the automaton: encoder first, then rollouts of random length that go on from a pool of states."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from RNCARefineLib import backend_torch
from RNCARefineLib.architecture import Architecture

from .config import Automaton
from .validation import Validation

Batch = tuple[Tensor, Tensor, Tensor]


def build_architecture(settings: Automaton) -> Architecture:
    """Return the sizes that the configuration asks for."""
    return Architecture(settings.channels, settings.hidden, tuple(settings.encoder))


class AutomatonLearner(L.LightningModule):
    """The automaton's parameters, how they are trained, and how well they do on the selecting subjects.

    The engine's own functions do the forward pass, so that what is trained is what is shipped. The encoder's
    convolutions are trained under weight standardisation (Qiao et al. 2019), which needs no batch statistics and
    leaves plain weights to export.

    Args:
        settings: The automaton's section of the configuration.
        seed: Decides initial weights, rollout lengths and which cells fire.
        validation: Slices to select on; ``None`` trains without.
    """

    def __init__(self, settings: Automaton, seed: int, validation: Validation | None = None) -> None:
        super().__init__()
        self.settings, self.validation = settings, validation
        self.architecture = build_architecture(settings)
        draws = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict(
            {_key(name): _initial(name, shape, draws) for name, shape in self.architecture.shapes().items()}
        )
        encoders = [name for name in self.weights if _standardised(name)]
        self.gains = nn.ParameterDict({name: torch.ones(self.weights[name].shape[0], 1, 1, 1) for name in encoders})
        self.auxiliary = nn.Conv2d(self.architecture.encoder[0], 3, 1)
        self.rng = np.random.default_rng([seed, 1])
        self.draws = torch.Generator().manual_seed(seed + 1)
        self.pool: list[Batch] = []

    def parameters_for_use(self) -> dict[str, Tensor]:
        """Return plain weights as the engine's rollout takes them."""
        plain = {}
        for name, values in self.weights.items():
            if _standardised(name):
                flat = values.flatten(1)
                deviation = flat.var(1, unbiased=False).mul(flat.shape[1]).add(1e-6).sqrt()[:, None, None, None]
                values = self.gains[name] * math.sqrt(2) * (values - flat.mean(1)[:, None, None, None]) / deviation
            plain[name.replace("_", ".")] = values
        return plain

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Train the encoder's features alone at first, then the rollout."""
        if self.global_step < self.settings.warmup_updates:
            planes, _, target = batch
            features = self._encode(self.parameters_for_use(), planes)
            loss = repair_loss(self.auxiliary(features), target)
            self.log("loss_encoder", loss, prog_bar=True)
            return loss
        return self._train_rollout(batch)

    def _train_rollout(self, batch: Batch) -> Tensor:
        planes, state, target = self._continue_some(batch)
        parameters = self.parameters_for_use()
        features = self._encode(parameters, planes)
        constant = backend_torch.condition(parameters, features)
        least, most = self.settings.train_steps
        steps = int(self.rng.integers(least, most + 1))
        early = int(self.rng.integers(steps // 2, steps))
        loss = 0.3 * repair_loss(self.auxiliary(features), target)
        state = state.contiguous(memory_format=torch.channels_last)
        for number in range(steps):
            fire = torch.rand(len(state), 1, *state.shape[2:], generator=self.draws) < self.settings.fire_rate
            state = backend_torch.step(parameters, state, constant, fire.to(state))
            if number == early:
                loss = loss + 0.5 * repair_loss(state[:, :3], target)
        final = repair_loss(state[:, :3], target)
        # States are free to be anything between -2 and 2; beyond that lies runaway growth.
        overflow = F.relu(state.abs() - 2).square().mean()
        self.log_dict({"loss": final, "overflow": overflow}, prog_bar=True)
        self._keep(planes, state.detach(), target)
        return loss + final + overflow

    def _encode(self, parameters: dict[str, Tensor], planes: Tensor) -> Tensor:
        return backend_torch.encode(parameters, self.architecture, planes.contiguous(memory_format=torch.channels_last))

    def _continue_some(self, batch: Batch) -> Batch:
        """Replace a part of the batch by states that earlier rollouts ended with."""
        count = min(round(self.settings.from_pool * len(batch[0])), len(self.pool))
        fresh = tuple(values[count:] for values in batch)
        if not count:
            return fresh[0], fresh[1], fresh[2]
        chosen = [self.pool[index] for index in self.rng.choice(len(self.pool), count, replace=False)]
        old = [torch.stack([item[part] for item in chosen]).to(batch[0]) for part in range(3)]
        return torch.cat([old[0], fresh[0]]), torch.cat([old[1], fresh[1]]), torch.cat([old[2], fresh[2]])

    def _keep(self, planes: Tensor, state: Tensor, target: Tensor) -> None:
        for item in zip(planes.cpu(), state.cpu(), target.cpu(), strict=True):
            kept = (item[0].clone(), item[1].clone(), item[2].clone())
            if len(self.pool) < self.settings.pool:
                self.pool.append(kept)
            else:
                self.pool[int(self.rng.integers(len(self.pool)))] = kept

    def validation_step(self, batch: Any, index: int) -> None:
        """Repair the failures of the selecting subjects and log how well that went."""
        if self.validation is not None:
            parameters = {name: value.detach() for name, value in self.parameters_for_use().items()}
            self.log_dict(self.validation.measure(parameters, self.architecture, self.settings), batch_size=1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW; the rate rises for 100 updates, stays through the warm-up and falls on a cosine to 1 %."""
        settings = self.settings
        # The auxiliary head is thrown away; all that is exported decays a little.
        decayed = [value for name, value in self.named_parameters() if name != "auxiliary.bias"]
        others = [self.auxiliary.bias]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}],
            settings.learning_rate,
            betas=(0.9, 0.99),
        )

        def rate(update: int) -> float:
            done = max(0, update - settings.warmup_updates) / settings.updates
            return min(1.0, (update + 1) / 100) * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what decides the next updates beside the weights: pool and random state."""
        checkpoint["pool"] = self.pool
        checkpoint["rng"] = self.rng.bit_generator.state
        checkpoint["draws"] = self.draws.get_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with pool and random state as they were."""
        self.pool = checkpoint["pool"]
        self.rng.bit_generator.state = checkpoint["rng"]
        self.draws.set_state(checkpoint["draws"])


def repair_loss(fields: Tensor, target: Tensor) -> Tensor:
    """Squared error and soft Dice of ring and both discs.

    Squared error keeps the state bounded, where cross-entropy would let it grow; soft Dice makes a thin wall count
    as much as the background.

    Args:
        fields: Shape ``(n, 3, j, i)``.
        target: 0 to 1, same shape.
    """
    bounded = fields.clamp(0, 1)
    overlap = 2 * (bounded * target).sum((2, 3)) + 1
    total = bounded.square().sum((2, 3)) + target.square().sum((2, 3)) + 1
    return 4 * F.mse_loss(fields, target) + (1 - overlap / total).mean()


def _key(name: str) -> str:
    """Module dictionaries take no dots in names."""
    return name.replace(".", "_")


def _standardised(key: str) -> bool:
    return key.startswith(("down", "up")) and not key.startswith("update") and key.endswith("weight")


def _initial(name: str, shape: tuple[int, ...], draws: torch.Generator) -> nn.Parameter:
    """Biases and the update start at zero, so that an untrained automaton leaves every state as it is."""
    if name.endswith("bias") or name.startswith("update"):
        return nn.Parameter(torch.zeros(shape))
    fan_in = math.prod(shape[1:])
    return nn.Parameter(torch.randn(shape, generator=draws) * math.sqrt(2 / fan_in))
