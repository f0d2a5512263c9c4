"""PyTorch backend of the automaton for CUDA, MPS and CPU; the training package uses the same functions.

Tensors are ``(n, channel, j, i)`` in channels-last memory. PyTorch is imported inside functions only.
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
        parameters: Parameters, named as in :meth:`Architecture.shapes`.
        architecture: Architecture of the automaton.
        channels: Input channels, shape ``(n, inputs, j, i)``; j and i are multiples of the architecture's stride.

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
    """Return the constant half of the hidden layer from features and evidence, shape ``(n, hidden, j, i)``."""
    import torch
    from torch.nn import functional as F

    both = torch.cat([features, evidence.to(features.dtype)], 1)
    return F.conv2d(both, parameters["condition.weight"][:, :, None, None], parameters["condition.bias"])


def seed(architecture: Architecture, evidence: Tensor, mask: Tensor) -> Tensor:
    """Return the initial states of a rollout, shape ``(n, channels, j, i)``.

    Args:
        architecture: Architecture of the automaton.
        evidence: Evidence of the encoder, 0 to 1, shape ``(n, fields, j, i)``.
        mask: Mask to repair, 0 to 1, shape ``(n, 1, j, i)``.
    """
    import torch

    rest = architecture.channels - architecture.fields - 1
    zeros = torch.zeros_like(mask).expand(-1, rest, -1, -1)
    return torch.cat([evidence.to(mask.dtype), mask, zeros], 1).contiguous(memory_format=torch.channels_last)


def neighbour_states(state: Tensor, below: Tensor, above: Tensor, weight: Tensor) -> Tensor:
    """Return half the sum of the states of the slices below and above, times their weight.

    Args:
        state: States, shape ``(n, channels, j, i)``.
        below: Index of the slice below, n without one, shape ``(n,)``.
        above: Index of the slice above, like ``below``.
        weight: Weight of the adjacent slices, shape ``(n,)``.

    Returns:
        Shape ``(n, channels, j, i)``.
    """
    import torch

    padded = torch.cat([state, torch.zeros_like(state[:1])])
    return (padded[below] + padded[above]) * (weight / 2)[:, None, None, None]


def step(parameters: Parameters, state: Tensor, constant: Tensor, fire: Tensor, around: Tensor | None = None) -> Tensor:
    """Update the firing cells from their perception.

    Args:
        parameters: Parameters, named as in :meth:`Architecture.shapes`.
        state: States, shape ``(n, channels, j, i)``.
        constant: Result of :func:`condition`.
        fire: 1 for firing cells, else 0, shape ``(n, 1, j, i)``.
        around: Result of :func:`neighbour_states`, for a volumetric automaton.

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
    """PyTorch backend.

    Args:
        parameters: NumPy arrays, named as in :meth:`Architecture.shapes`.
        architecture: Architecture of the automaton.
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
        """Copy an array of ``(n, j, i, channel)`` to the device."""
        import torch

        # NHWC memory viewed as NCHW is channels_last: no copy besides the transfer.
        return torch.from_numpy(np.array(values, np.float32, order="C")).to(self.device).permute(0, 3, 1, 2)

    def get(self, values: Tensor) -> NDArray[np.float32]:
        """Return a tensor as an array of ``(n, j, i, channel)``."""
        return np.asarray(values.permute(0, 2, 3, 1).cpu().numpy())

    def take(self, values: Tensor, items: NDArray[np.int64]) -> Tensor:
        """Select items of a batch."""
        import torch

        return _channels_last(values[torch.from_numpy(items).to(self.device)])

    def join(self, values: Sequence[Tensor]) -> Tensor:
        """Concatenate batches."""
        import torch

        return torch.cat(list(values))

    def encode(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Run the encoder; return the constant half of the hidden layer and the evidence."""
        import torch

        with torch.inference_mode():
            features = encode(self.parameters, self.architecture, channels)
            evidence = evidence_logits(self.parameters, features).sigmoid()
            return condition(self.parameters, features, evidence), evidence

    def step(self, state: Tensor, constant: Tensor, fire: NDArray[np.bool_], links: Links | None = None) -> Tensor:
        """Update the firing cells from their perception, clipped to the state limit."""
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
    """Return whether an exception is a GPU out-of-memory error; if so, empty the CUDA cache."""
    import torch

    if not (isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()):
        return False
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True


def _channels_last(values: Tensor) -> Tensor:
    import torch

    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values
