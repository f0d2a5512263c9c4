"""The automaton in PyTorch: CUDA, MPS or CPU; also what the training package trains through.

Tensors are ``(n, channel, j, i)`` in channels-last memory. PyTorch is imported only inside functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .architecture import LEAK, NORM_EPSILON, STATE_LIMIT, Architecture
from .neighbours import Links

if TYPE_CHECKING:
    from torch import Tensor

    Parameters = dict[str, Tensor]


def encode(parameters: Parameters, architecture: Architecture, channels: Tensor) -> Tensor:
    """Run the image encoder.

    Args:
        parameters: As :meth:`Architecture.shapes` names them.
        architecture: Sizes.
        channels: Shape ``(n, inputs, j, i)``, sides multiples of the architecture's stride.

    Returns:
        Features, shape ``(n, encoder[0], j, i)``.
    """
    import torch
    from torch.nn import functional as F

    def convolve(values: Tensor, name: str) -> Tensor:
        values = F.conv2d(values, parameters[f"{name}.weight"], padding=1)
        values = F.instance_norm(
            values, weight=parameters[f"{name}.scale"], bias=parameters[f"{name}.shift"], eps=NORM_EPSILON
        )
        return F.leaky_relu(values, LEAK, inplace=True)

    skips: list[Tensor] = []
    values = channels
    levels = len(architecture.encoder)
    for level in range(levels):
        values = convolve(convolve(values, f"down{level}a"), f"down{level}b")
        if level < levels - 1:
            skips.append(values)
            values = F.max_pool2d(values, 2)
    for level in reversed(range(levels - 1)):
        values = F.interpolate(values, scale_factor=2.0, mode="nearest")
        values = convolve(convolve(torch.cat([values, skips[level]], 1), f"up{level}a"), f"up{level}b")
    return values


def evidence_logits(parameters: Parameters, features: Tensor) -> Tensor:
    """Return the encoder's own estimate of the supervised channels as logits, shape ``(n, fields, j, i)``."""
    from torch.nn import functional as F

    return F.conv2d(features, parameters["evidence.weight"][:, :, None, None], parameters["evidence.bias"])


def condition(parameters: Parameters, features: Tensor, evidence: Tensor) -> Tensor:
    """Fold features and evidence into the constant half of the hidden layer, shape ``(n, hidden, j, i)``."""
    import torch
    from torch.nn import functional as F

    both = torch.cat([features, evidence.to(features.dtype)], 1)
    return F.conv2d(both, parameters["condition.weight"][:, :, None, None], parameters["condition.bias"])


def seed(architecture: Architecture, evidence: Tensor, mask: Tensor) -> Tensor:
    """Return the states a rollout starts from, shape ``(n, channels, j, i)``.

    Args:
        architecture: Sizes.
        evidence: 0 to 1, shape ``(n, fields, j, i)``.
        mask: What is repaired, 0 to 1, shape ``(n, 1, j, i)``.
    """
    import torch

    rest = architecture.channels - architecture.fields - 1
    zeros = torch.zeros_like(mask).expand(-1, rest, -1, -1)
    return torch.cat([evidence.to(mask.dtype), mask, zeros], 1).contiguous(memory_format=torch.channels_last)


def neighbour_states(state: Tensor, below: Tensor, above: Tensor, weight: Tensor) -> Tensor:
    """Return half the sum of the states of both neighbours, times their weight.

    Args:
        state: Shape ``(n, channels, j, i)``.
        below: Index of the slice below each one, n where there is none, shape ``(n,)``.
        above: The same for the slice above.
        weight: Of each one's neighbours, shape ``(n,)``.

    Returns:
        Shape ``(n, channels, j, i)``.
    """
    import torch

    padded = torch.cat([state, torch.zeros_like(state[:1])])
    return (padded[below] + padded[above]) * (weight / 2)[:, None, None, None]


def step(parameters: Parameters, state: Tensor, constant: Tensor, fire: Tensor, around: Tensor | None = None) -> Tensor:
    """Let the cells perceive their neighbours and those that fire update.

    Args:
        parameters: As :meth:`Architecture.shapes` names them.
        state: Shape ``(n, channels, j, i)``.
        constant: From :func:`condition`.
        fire: 0 or 1, shape ``(n, 1, j, i)``.
        around: From :func:`beside`, for a volumetric automaton.

    Returns:
        The next state.
    """
    from torch.nn import functional as F

    perceived = F.conv2d(state, parameters["perceive.weight"], padding=1)
    perceived += constant
    if around is not None:
        perceived += F.conv2d(around, parameters["across.weight"][:, :, None, None])
    return state + fire * F.conv2d(F.relu(perceived, inplace=True), parameters["update.weight"][:, :, None, None])


SLICES_AT_ONCE = {"cpu": 4, "mps": 64, "cuda": 64}
"""Slices per pass: on a CPU the hidden layers stay in its cache, on a GPU they fit its memory."""


class TorchBackend:
    """Runs rollouts on a PyTorch device.

    Args:
        parameters: NumPy arrays as :meth:`Architecture.shapes` names them.
        architecture: Sizes.
        device: "cpu", "cuda" or "mps".
    """

    name = "torch"

    def __init__(self, parameters: dict[str, NDArray[np.float32]], architecture: Architecture, device: str) -> None:
        import torch

        self.architecture, self.device, self.at_once = architecture, device, SLICES_AT_ONCE[device]
        self.parameters = {
            name: _channels_last(torch.from_numpy(np.ascontiguousarray(value)).to(device))
            for name, value in parameters.items()
        }

    def put(self, values: NDArray[np.float32]) -> Tensor:
        """Take an array of ``(n, j, i, channel)`` to the device."""
        import torch

        # NHWC memory seen as NCHW is just what channels_last means: no copy beside the transfer.
        return torch.from_numpy(np.array(values, np.float32, order="C")).to(self.device).permute(0, 3, 1, 2)

    def get(self, values: Tensor) -> NDArray[np.float32]:
        """Return an array of ``(n, j, i, channel)`` to the caller."""
        return np.asarray(values.permute(0, 2, 3, 1).cpu().numpy())

    def take(self, values: Tensor, items: NDArray[np.int64]) -> Tensor:
        """Return some items of the batch."""
        import torch

        return _channels_last(values[torch.from_numpy(items).to(self.device)])

    def join(self, values: Sequence[Tensor]) -> Tensor:
        """Join batches."""
        import torch

        return torch.cat(list(values))

    def encode(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Run the encoder: the constant half of the hidden layer, and the evidence."""
        import torch

        with torch.inference_mode():
            features = encode(self.parameters, self.architecture, channels)
            evidence = evidence_logits(self.parameters, features).sigmoid()
            return condition(self.parameters, features, evidence), evidence

    def step(self, state: Tensor, constant: Tensor, fire: NDArray[np.bool_], links: Links | None = None) -> Tensor:
        """Let the cells perceive their neighbours and those that fire update, within the limit."""
        import torch

        with torch.inference_mode():
            around = None
            if links is not None:
                below, above, weight = (torch.from_numpy(part).to(self.device) for part in links)
                around = neighbour_states(state, below, above, weight)
            firing = torch.from_numpy(fire[:, None]).to(self.device, torch.float32)
            parts = [part.split(self.at_once) for part in (state, constant, firing)]
            beside = [None] * len(parts[0]) if around is None else around.split(self.at_once)
            states = [step(self.parameters, *part) for part in zip(*parts, beside, strict=True)]
            return torch.cat(states).clamp_(-STATE_LIMIT, STATE_LIMIT)


def out_of_memory(error: Exception) -> bool:
    """Whether an exception says that a GPU has too little memory; what it still holds is released."""
    import torch

    if not (isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()):
        return False
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True


def _channels_last(values: Tensor) -> Tensor:
    import torch

    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values
