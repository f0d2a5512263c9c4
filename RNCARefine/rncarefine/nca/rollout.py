"""Rollout: repeated application of the automaton until the masks no longer change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, report_progress
from .architecture import Architecture
from .backend_numpy import NumpyBackend
from .fire import cell_keys, fires
from .neighbours import Links

Array = NDArray[np.float32]
Result = TypeVar("Result")

DEVICES = ("auto", "numpy", "cpu", "cuda", "mps")
PATIENCE = 8
"""Number of steps without a change of the masks before a rollout stops early."""
CHECK_EVERY = 4
"""Steps between convergence checks; a check costs a GPU round trip."""


class Backend(Protocol):
    """Backend interface of a rollout; values are arrays of the backend."""

    name: str
    device: str
    at_once: int

    def put(self, values: Array) -> Any: ...
    def get(self, values: Any) -> Array: ...
    def take(self, values: Any, items: NDArray[np.int64]) -> Any: ...
    def join(self, values: Sequence[Any]) -> Any: ...
    def encode(self, channels: Any) -> tuple[Any, Any]: ...
    def step(self, state: Any, constant: Any, fire: NDArray[np.bool_], links: Links | None = None) -> Any: ...


@dataclass(frozen=True, eq=False)
class Encoding:
    """Output of the encoder for a batch of slices.

    Attributes:
        channels: Input channels, shape ``(n, j, i, inputs)``.
        evidence: The encoder's own estimate of the supervised channels, 0 to 1, shape ``(n, j, i, fields)``.
        constant: Backend and its array with the constant half of the hidden layer.
    """

    channels: Array
    evidence: Array
    constant: Any


@dataclass(frozen=True, eq=False)
class Rollout:
    """Result of a rollout.

    Attributes:
        state: Final states, shape ``(n, j, i, channels)``.
        steps: Number of steps of each item, shape ``(n,)``.
        snapshots: States at the requested steps, by step, like ``state``.
    """

    state: Array
    steps: NDArray[np.int64]
    snapshots: dict[int, Array] = field(default_factory=dict)


def choose_device(device: str) -> str:
    """Resolve "auto" to the fastest available device: CUDA, else PyTorch on the CPU, else NumPy.

    "auto" never selects Apple's MPS, which lacks operations in some versions; it can be requested.

    Raises:
        ValueError: The device is unknown or not available.
    """
    if device not in DEVICES:
        raise ValueError(f"Unknown device {device!r}. Choose one of {', '.join(DEVICES)}.")
    if device == "numpy":
        return device
    working = _working_torch()
    if device == "auto":
        if working is None:
            return "numpy"
        return "cuda" if working.cuda.is_available() else "cpu"
    if working is None:
        raise ValueError(f"Device {device!r} needs PyTorch, which is not installed. Install it, or use device 'numpy'.")
    if device == "cuda" and not working.cuda.is_available():
        raise ValueError("Device 'cuda': PyTorch finds no usable NVIDIA GPU. Update its driver, or use device 'auto'.")
    if device == "mps" and not working.backends.mps.is_available():
        raise ValueError("Device 'mps': PyTorch finds no Apple GPU. Use device 'auto'.")
    return device


class Runner:
    """Runs an automaton on a device; falls back to the CPU if a GPU runs out of memory.

    Args:
        parameters: Parameters, named as in :meth:`Architecture.shapes`.
        architecture: Architecture of the automaton.
        device: One of :data:`DEVICES`.

    Attributes:
        out_of_memory: Whether the GPU ran out of memory.

    Raises:
        ValueError: The device is unknown or not available.
    """

    def __init__(self, parameters: dict[str, Array], architecture: Architecture, device: str = "auto") -> None:
        self.parameters, self.architecture = parameters, architecture
        self.out_of_memory = False
        self._backend = self._start(choose_device(device))

    @property
    def backend(self) -> str:
        """ "numpy" or "torch"."""
        return self._backend.name

    @property
    def device(self) -> str:
        """ "cpu", "cuda" or "mps"."""
        return self._backend.device

    def encode(self, channels: Array) -> Encoding:
        """Run the encoder.

        Args:
            channels: Input channels, shape ``(n, j, i, inputs)``; j and i are multiples of ``architecture.stride``.

        Raises:
            ValueError: The shape does not fit.
        """
        stride, inputs = self.architecture.stride, self.architecture.inputs
        _, *sides, depth = channels.shape
        if len(sides) != 2 or depth != inputs or any(side % stride for side in sides):
            raise ValueError(
                f"The channels have shape {channels.shape}; it must be (n, j, i, {inputs}), with j and i multiples of "
                f"{stride}."
            )
        return self._with_cpu_fallback(lambda: self._encode(channels))

    def combine(self, parts: Sequence[tuple[Encoding, int]]) -> Encoding:
        """Combine slices of several encodings into one.

        Args:
            parts: Source encoding of each slice, and its index there.
        """
        channels = np.stack([encoding.channels[n] for encoding, n in parts])
        evidence = np.stack([encoding.evidence[n] for encoding, n in parts])
        if not all(self._owns(encoding) for encoding, _ in parts):
            return Encoding(channels, evidence, (None, None))  # encoded again by `roll`
        take = self._backend.take
        constant = self._backend.join([take(encoding.constant[1], np.array([n])) for encoding, n in parts])
        return Encoding(channels, evidence, (self._backend, constant))

    def roll(
        self,
        encoding: Encoding,
        k: NDArray[np.int64],
        *,
        steps: int,
        fire_rate: float,
        seed: int = 0,
        patience: int | None = PATIENCE,
        origin: tuple[int, int] = (0, 0),
        links: Links | None = None,
        snapshots: Sequence[int] = (),
        progress: Progress | None = None,
    ) -> Rollout:
        """Roll out the automaton on a batch of slices, starting from their evidence and masks.

        Args:
            encoding: Result of :meth:`encode`.
            k: Slice number of each item in its stack; determines the firing pattern independently of the batch order.
            steps: Maximum number of steps.
            fire_rate: Probability that a cell fires in a step.
            seed: Random seed of the firing pattern.
            patience: Stop an item whose masks have not changed for this many steps; ``None`` disables early stopping.
                Linked items stop together.
            origin: Row and column of the first cell in the crop, for a rollout on a part of it.
            links: Adjacent slices; required for a volumetric automaton, not allowed for others.
            snapshots: Steps at which to keep the states, 0 for the initial ones; requires ``patience=None``.
            progress: Called after every step; may cancel.

        Returns:
            The final states.

        Raises:
            ValueError: The arguments are inconsistent.
            Cancelled: ``progress`` requested cancellation.
        """
        if len(k) != len(encoding.channels):
            raise ValueError(f"There are {len(k)} slice indices for {len(encoding.channels)} slices.")
        if self.architecture.volumetric != (links is not None):
            raise ValueError("A volumetric automaton needs the links between its slices, a slice-wise one takes none.")
        if snapshots and patience is not None:
            raise ValueError("Snapshots need a rollout that does not stop early: give patience=None.")
        places = np.asarray(k, np.int64)
        watched = self.architecture.fields
        options = (steps, fire_rate, seed, patience, origin, links, snapshots, progress, watched)

        def attempt() -> Rollout:
            # After a fallback to the CPU, the constant is still on the GPU.
            constant = encoding.constant if self._owns(encoding) else self._encode(encoding.channels).constant
            return _roll(self._backend, self._seed(encoding), constant, places, *options)

        return self._with_cpu_fallback(attempt)

    def _start(self, device: str) -> Backend:
        if device == "numpy":
            return NumpyBackend(self.parameters, self.architecture)
        from .backend_torch import TorchBackend

        return TorchBackend(self.parameters, self.architecture, device)

    def _encode(self, channels: Array) -> Encoding:
        parts = [
            self._backend.encode(self._backend.put(channels[start : start + self._backend.at_once]))
            for start in range(0, len(channels), self._backend.at_once)
        ]
        if not parts:
            nothing = np.zeros((*channels.shape[:3], self.architecture.fields), np.float32)
            return Encoding(channels, nothing, None)
        evidence = np.concatenate([self._backend.get(seen) for _, seen in parts])
        return Encoding(channels, evidence, (self._backend, self._backend.join([constant for constant, _ in parts])))

    def _owns(self, encoding: Encoding) -> bool:
        return encoding.constant is None or encoding.constant[0] is self._backend

    def _seed(self, encoding: Encoding) -> Array:
        state = np.zeros((*encoding.channels.shape[:3], self.architecture.channels), np.float32)
        fields = self.architecture.fields
        state[..., :fields] = encoding.evidence
        state[..., fields] = encoding.channels[..., self.architecture.mask]
        return state

    def _with_cpu_fallback(self, attempt: Callable[[], Result]) -> Result:
        """Run a task; repeat it on the CPU if a GPU runs out of memory."""
        try:
            return attempt()
        except Exception as error:
            if self.device == "cpu":
                raise
            from .backend_torch import out_of_memory

            if not out_of_memory(error):
                raise
        self.out_of_memory = True
        self._backend = self._start("cpu")
        return attempt()


def _roll(
    backend: Backend,
    state: Array,
    constant: Any,
    k: NDArray[np.int64],
    steps: int,
    fire_rate: float,
    seed: int,
    patience: int | None,
    origin: tuple[int, int],
    links: Links | None,
    snapshots: Sequence[int],
    progress: Progress | None,
    watched: int,
) -> Rollout:
    count, height, width = state.shape[:3]
    final = state.copy()
    taken = np.zeros(count, np.int64)
    items = np.arange(count)
    keys = cell_keys(k, height, width, origin)
    cells = backend.put(state)
    held = constant[1] if constant is not None else None
    seen = _masks(final, watched)
    still = np.zeros(count, np.int64)
    kept = {0: final.copy()} if 0 in snapshots else {}
    for number in range(steps):
        if not len(items):
            break
        cells = backend.step(cells, held, fires(keys[items], seed, number, fire_rate), links)
        taken[items] += 1
        if number + 1 in snapshots:
            kept[number + 1] = backend.get(cells).copy()
        report_progress(progress, (number + 1) / steps, f"Step {number + 1} of {steps}, {len(items)} slices")
        if patience is None or (number + 1) % CHECK_EVERY:
            continue
        masks = _masks(backend.get(cells), watched)
        same = (masks == seen).all(axis=(1, 2, 3))
        still = np.where(same, still + CHECK_EVERY, 0)
        seen = masks
        done = still >= patience
        if links is not None:
            done[:] = done.all()
        if done.any():
            final[items[done]] = backend.get(cells)[done]
            left = np.flatnonzero(~done)
            items, seen, still = items[left], seen[left], still[left]
            cells, held = backend.take(cells, left), backend.take(held, left)
    if len(items):
        final[items] = backend.get(cells)
    return Rollout(final, taken, kept)


def _masks(state: Array, watched: int) -> NDArray[np.bool_]:
    """Return the thresholded supervised channels, which early stopping compares."""
    return np.asarray(state[..., :watched] > 0.5)


def _working_torch() -> Any | None:
    """Return the torch module if it is installed and works, else ``None``."""
    try:
        import torch

        return torch if float(torch.ones(2).sum()) == 2.0 else None
    except Exception:
        # Not installed, or broken (missing DLLs, namespace packages, ABI mismatch).
        return None
