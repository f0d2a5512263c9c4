"""The automaton in NumPy: needs nothing but what 3D Slicer ships.

Arrays are ``(n, j, i, channel)``. A 3x3 convolution is one matrix product: the rows of the matrix are the cells, its
columns the nine neighbours' channels. Slices are done one at a time, since one slice's matrix fits the cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .architecture import STATE_LIMIT, Architecture
from .neighbours import Links

Array = NDArray[np.float32]


class NumpyBackend:
    """Holds the parameters as matrices ready to multiply.

    Args:
        parameters: As :meth:`Architecture.shapes` names them.
        architecture: Sizes.
    """

    name = "numpy"
    device = "cpu"

    def __init__(self, parameters: dict[str, Array], architecture: Architecture) -> None:
        self.architecture = architecture
        self.parameters = parameters
        self._matrices = {
            name: np.ascontiguousarray(value.transpose(2, 3, 1, 0).reshape(-1, value.shape[0]))
            for name, value in parameters.items()
            if value.ndim == 4
        }
        self._condition = np.ascontiguousarray(parameters["condition.weight"].T)
        self._update = np.ascontiguousarray(parameters["update.weight"].T)
        if architecture.volumetric:
            self._across = np.ascontiguousarray(parameters["across.weight"].T)

    def put(self, values: Array) -> Array:
        """Take an array of ``(n, j, i, channel)`` into the backend's memory (here: a copy)."""
        return np.array(values, dtype=np.float32, order="C")

    def get(self, values: Array) -> Array:
        """Return an array of the backend to the caller."""
        return values

    def take(self, values: Array, items: NDArray[np.int64]) -> Array:
        """Return some items of the batch."""
        return values[items]

    def condition(self, planes: Array) -> Array:
        """Run the encoder and fold its features into the constant half of the hidden layer, once per rollout."""
        return np.stack([self._encode(item) for item in planes])

    def step(self, state: Array, constant: Array, fire: NDArray[np.bool_], links: Links | None = None) -> Array:
        """Let the cells perceive their neighbours and those that fire update, within the limit, in place."""
        around = None if links is None else _beside(state, links)
        for number, (item, base, firing) in enumerate(zip(state, constant, fire, strict=True)):
            cells = np.flatnonzero(firing)
            # Cells that do not fire keep their state: leave their rows out of the products.
            hidden = _neighbourhoods(item)[cells] @ self._matrices["perceive.weight"]
            hidden += base.reshape(-1, base.shape[-1])[cells]
            if around is not None:
                hidden += around[number].reshape(-1, item.shape[-1])[cells] @ self._across
            np.maximum(hidden, 0, out=hidden)
            item.reshape(-1, item.shape[-1])[cells] += hidden @ self._update
            np.clip(item, -STATE_LIMIT, STATE_LIMIT, out=item)
        return state

    def _encode(self, planes: Array) -> Array:
        levels = len(self.architecture.encoder)
        values, skips = planes, []
        for level in range(levels):
            values = self._convolve(self._convolve(values, f"down{level}a"), f"down{level}b")
            if level < levels - 1:
                skips.append(values)
                height, width, channels = values.shape
                values = values.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3), dtype=np.float32)
        for level in reversed(range(levels - 1)):
            values = values.repeat(2, axis=0).repeat(2, axis=1)
            values = self._convolve(np.concatenate([values, skips[level]], axis=-1), f"up{level}")
        return values @ self._condition + self.parameters["condition.bias"]

    def _convolve(self, values: Array, name: str) -> Array:
        result = _neighbourhoods(values) @ self._matrices[f"{name}.weight"]
        result += self.parameters[f"{name}.bias"]
        return np.maximum(result, 0, out=result).reshape(*values.shape[:2], -1)


def _beside(state: Array, links: Links) -> Array:
    """Return half the sum of the states in the slices below and above, times their closeness."""
    padded = np.concatenate([state, np.zeros_like(state[:1])])
    weight = (links.closeness / 2)[:, None, None, None]
    return (padded[links.below] + padded[links.above]) * weight


def _neighbourhoods(values: Array) -> Array:
    """Return every cell's 3x3 neighbourhood, zeros outside: ``(j, i, c)`` to ``(j * i, 9 * c)``."""
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
