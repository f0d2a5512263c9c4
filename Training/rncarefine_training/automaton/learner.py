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

from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import PLANES, VOLUMETRIC_PLANES, Architecture
from rncarefine.nca.neighbours import link

from ..config import Automaton
from .samples import Sample
from .tasks import task_of
from .validation import Measures


def build_architecture(settings: Automaton) -> Architecture:
    """Return the sizes that the configuration asks for."""
    planes = len(VOLUMETRIC_PLANES if settings.volumetric else PLANES)
    return Architecture(settings.channels, settings.hidden, tuple(settings.encoder), planes, settings.volumetric)


class AutomatonLearner(L.LightningModule):
    """The automaton's parameters, how they are trained, and how well they do on the selecting subjects.

    The engine's own functions do the forward pass, so that what is trained is what is shipped. The encoder's
    convolutions are trained under weight standardisation (Qiao et al. 2019), which needs no batch statistics and
    leaves plain weights to export.

    Args:
        settings: The automaton's section of the configuration.
        seed: Decides initial weights, rollout lengths and which cells fire.
        validation: What measures how well it does; ``None`` trains without.
    """

    def __init__(self, settings: Automaton, seed: int, validation: Measures | None = None) -> None:
        super().__init__()
        self.settings, self.validation = settings, validation
        self.architecture, self.task = build_architecture(settings), task_of(settings)
        draws = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict(
            {_key(name): _initial(name, shape, draws) for name, shape in self.architecture.shapes().items()}
        )
        encoders = [name for name in self.weights if _standardised(name)]
        self.gains = nn.ParameterDict({name: torch.ones(self.weights[name].shape[0], 1, 1, 1) for name in encoders})
        self.auxiliary = nn.Conv2d(self.architecture.encoder[0], self.task.fields, 1)
        self.rng = np.random.default_rng([seed, 1])
        self.draws = torch.Generator().manual_seed(seed + 1)
        self.pool: list[Sample] = []

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

    def on_train_start(self) -> None:
        """Let the cells of every process fire at their own times; all take as many steps."""
        if self.global_rank:
            self.draws.manual_seed(self.draws.initial_seed() + 1000 * self.global_rank + self.global_step)

    def training_step(self, batch: Sample, index: int) -> Tensor:
        """Train the encoder's features alone at first, then the rollout."""
        if self.global_step < self.settings.warmup_updates:
            features = self._encode(self.parameters_for_use(), batch.planes.flatten(0, 1))
            loss = self._loss(self.auxiliary(features), batch)
            self.log("loss_encoder", loss, prog_bar=True)
            return loss
        return self._train_rollout(Sample(*batch))

    def _train_rollout(self, fresh: Sample) -> Tensor:
        batch = self._continue_some(fresh)
        parameters = self.parameters_for_use()
        features = self._encode(parameters, batch.planes.flatten(0, 1))
        constant = backend_torch.condition(parameters, features)
        least, most = self.settings.train_steps
        steps = int(self.rng.integers(least, most + 1))
        early = int(self.rng.integers(steps // 2, steps))
        loss = 0.3 * self._loss(self.auxiliary(features), batch)
        state = batch.state.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        links = self._links(batch)
        for number in range(steps):
            fire = torch.rand(len(state), 1, *state.shape[2:], generator=self.draws) < self.settings.fire_rate
            around = None if links is None else backend_torch.beside(state, *links)
            state = backend_torch.step(parameters, state, constant, fire.to(state), around)
            if number == early:
                loss = loss + 0.5 * self._loss(state, batch)
        final = self._loss(state, batch)
        # States are free to be anything between -2 and 2; beyond that lies runaway growth.
        overflow = F.relu(state.abs() - 2).square().mean()
        self.log_dict({"loss": final, "overflow": overflow}, prog_bar=True)
        self._keep(batch._replace(state=state.detach().reshape(batch.state.shape)))
        return loss + final + overflow

    def _loss(self, fields: Tensor, batch: Sample) -> Tensor:
        supervised = fields[:, : self.task.fields].float()
        return self.task.loss(supervised, batch.target.flatten(0, 1), batch.weight.flatten())

    def _links(self, batch: Sample) -> tuple[Tensor, Tensor, Tensor] | None:
        """Link the slices within each sample; ``None`` for a slice-wise automaton."""
        if not self.settings.volumetric:
            return None
        samples, depth = batch.weight.shape
        owner, k = np.repeat(np.arange(samples), depth), np.tile(np.arange(depth), samples)
        below, above, _ = link(owner, k, np.ones(len(k)))
        near = batch.closeness.float().repeat_interleave(depth)
        return torch.from_numpy(below).to(near.device), torch.from_numpy(above).to(near.device), near

    def _encode(self, parameters: dict[str, Tensor], planes: Tensor) -> Tensor:
        return backend_torch.encode(parameters, self.architecture, planes.contiguous(memory_format=torch.channels_last))

    def _continue_some(self, fresh: Sample) -> Sample:
        """Replace a part of the batch by states that earlier rollouts ended with."""
        count = min(round(self.settings.from_pool * len(fresh.weight)), len(self.pool))
        if not count:
            return fresh
        chosen = [self.pool[index] for index in self.rng.choice(len(self.pool), count, replace=False)]
        old = [torch.stack(parts).to(fresh.planes.device) for parts in zip(*chosen, strict=True)]
        return Sample(*(torch.cat([kept, values[count:]]) for kept, values in zip(old, fresh, strict=True)))

    def _keep(self, batch: Sample) -> None:
        for item in zip(*(values.cpu() for values in batch), strict=True):
            kept = Sample(*(values.clone() for values in item))
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
        checkpoint["pool"] = [tuple(item) for item in self.pool]
        checkpoint["rng"] = self.rng.bit_generator.state
        checkpoint["draws"] = self.draws.get_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with pool and random state as they were."""
        self.pool = [Sample(*item) for item in checkpoint["pool"]]
        self.rng.bit_generator.state = checkpoint["rng"]
        self.draws.set_state(checkpoint["draws"])


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
