"""NumPy backend of the automaton; requires only packages that 3D Slicer ships.

Arrays are ``(n, j, i, channel)``. A 3x3 convolution is one matrix product (im2col): rows are cells, columns the
channels of the nine neighbours. Slices are computed one at a time so that the matrix fits the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .architecture import LEAK, NORM_EPSILON, STATE_LIMIT, Architecture
from .neighbours import Links

Array = NDArray[np.float32]


class NumpyBackend:
    """NumPy backend with the parameters as matrices.

    Args:
        parameters: Parameters, named as in :meth:`Architecture.shapes`.
        architecture: Architecture of the automaton.
    """

    name = "numpy"
    device = "cpu"
    at_once = 64

    def __init__(self, parameters: dict[str, Array], architecture: Architecture) -> None:
        self.architecture = architecture
        self.parameters = parameters
        self._matrices = {
            name: np.ascontiguousarray(value.transpose(2, 3, 1, 0).reshape(-1, value.shape[0]))
            for name, value in parameters.items()
            if value.ndim == 4
        }
        self._transposed = {
            name: np.ascontiguousarray(value.T) for name, value in parameters.items() if value.ndim == 2
        }

    def put(self, values: Array) -> Array:
        """Copy an array of ``(n, j, i, channel)`` to the backend."""
        return np.array(values, dtype=np.float32, order="C")

    def get(self, values: Array) -> Array:
        """Return an array of the backend."""
        return values

    def take(self, values: Array, items: NDArray[np.int64]) -> Array:
        """Select items of a batch."""
        return values[items]

    def join(self, values: Sequence[Array]) -> Array:
        """Concatenate batches."""
        return np.concatenate(values)

    def encode(self, channels: Array) -> tuple[Array, Array]:
        """Run the encoder.

        Returns:
            The constant half of the hidden layer, shape ``(n, j, i, hidden)``, and the evidence, 0 to 1, shape
            ``(n, j, i, fields)``.
        """
        constants, evidence = [], []
        for item in channels:
            features = self._features(item)
            seen = _sigmoid(features @ self._transposed["evidence.weight"] + self.parameters["evidence.bias"])
            both = np.concatenate([features, seen], axis=-1)
            constants.append(both @ self._transposed["condition.weight"] + self.parameters["condition.bias"])
            evidence.append(seen)
        return np.stack(constants), np.stack(evidence)

    def step(self, state: Array, constant: Array, fire: NDArray[np.bool_], links: Links | None = None) -> Array:
        """Update the firing cells from their perception, clipped to the state limit, in place."""
        around = None if links is None else _neighbour_states(state, links)
        for number, (item, base, firing) in enumerate(zip(state, constant, fire, strict=True)):
            cells = np.flatnonzero(firing)
            # Only firing cells change: skip the other rows in the matrix products.
            hidden = _neighbourhoods(item)[cells] @ self._matrices["perceive.weight"]
            hidden += base.reshape(-1, base.shape[-1])[cells]
            if around is not None:
                hidden += around[number].reshape(-1, item.shape[-1])[cells] @ self._transposed["across.weight"]
            np.maximum(hidden, 0, out=hidden)
            item.reshape(-1, item.shape[-1])[cells] += hidden @ self._transposed["update.weight"]
            np.clip(item, -STATE_LIMIT, STATE_LIMIT, out=item)
        return state

    def _features(self, channels: Array) -> Array:
        levels = len(self.architecture.encoder)
        values, skips = channels, []
        for level in range(levels):
            values = self._convolve(self._convolve(values, f"down{level}a"), f"down{level}b")
            if level < levels - 1:
                skips.append(values)
                height, width, depth = values.shape
                values = values.reshape(height // 2, 2, width // 2, 2, depth).max(axis=(1, 3))
        for level in reversed(range(levels - 1)):
            values = values.repeat(2, axis=0).repeat(2, axis=1)
            values = self._convolve(np.concatenate([values, skips[level]], axis=-1), f"up{level}a")
            values = self._convolve(values, f"up{level}b")
        return values

    def _convolve(self, values: Array, name: str) -> Array:
        """Apply convolution, instance normalisation and leaky ReLU."""
        result = _neighbourhoods(values) @ self._matrices[f"{name}.weight"]
        mean = result.mean(axis=0, dtype=np.float64)
        variance = np.square(result).mean(axis=0, dtype=np.float64) - mean * mean
        scale = self.parameters[f"{name}.scale"] / np.sqrt(np.maximum(variance, 0) + NORM_EPSILON)
        result *= scale.astype(np.float32)
        result += (self.parameters[f"{name}.shift"] - mean * scale).astype(np.float32)
        return np.maximum(result, LEAK * result, out=result).reshape(*values.shape[:2], -1)


def _sigmoid(values: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float32)


def _neighbour_states(state: Array, links: Links) -> Array:
    """Return half the sum of the states of the slices below and above, times their weight."""
    padded = np.concatenate([state, np.zeros_like(state[:1])])
    weight = (links.neighbour_weight / 2)[:, None, None, None]
    return (padded[links.below] + padded[links.above]) * weight


def _neighbourhoods(values: Array) -> Array:
    """Return the zero-padded 3x3 neighbourhood of every cell: ``(j, i, c)`` to ``(j * i, 9 * c)``."""
    height, width, channels = values.shape
    padded = np.zeros((height + 2, width + 2, channels), np.float32)
    padded[1:-1, 1:-1] = values
    result = np.empty((height, width, 3, 3 * channels), np.float32)
    rows = np.lib.stride_tricks.as_strided(
        padded, (height + 2, width, 3 * channels), (padded.strides[0], padded.strides[1], padded.strides[2])
    )
    for offset in range(3):
        result[:, :, offset] = rows[offset : offset + height]
    return result.reshape(height * width, 9 * channels)
