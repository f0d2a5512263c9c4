"""The rollout: an automaton applied over and over to every cell and its neighbours, until nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, report_progress
from .architecture import ENDOCARDIUM, Architecture
from .backend_numpy import NumpyBackend
from .fire import cell_keys, fires
from .neighbours import Links

Array = NDArray[np.float32]

DEVICES = ("auto", "numpy", "cpu", "cuda", "mps")
PATIENCE = 8
"""Steps for which the masks must stay as they are before a rollout stops early."""
LOOK_EVERY = 4
"""Steps between looks at whether the masks still change; a look costs a GPU a round trip."""


class Backend(Protocol):
    """What a rollout needs of NumPy or PyTorch; values are the backend's own arrays."""

    name: str
    device: str

    def put(self, values: Array) -> Any: ...
    def get(self, values: Any) -> Array: ...
    def take(self, values: Any, items: NDArray[np.int64]) -> Any: ...
    def condition(self, planes: Any) -> Any: ...
    def step(self, state: Any, constant: Any, fire: NDArray[np.bool_], links: Links | None = None) -> Any: ...


@dataclass(frozen=True, eq=False)
class Rollout:
    """What a rollout ended with.

    Attributes:
        state: Final states, shape ``(n, j, i, channels)``.
        steps: Steps that each item took, shape ``(n,)``.
        backend: "numpy" or "torch".
        device: "cpu", "cuda" or "mps".
        notes: What a person should know, for example that the GPU had too little memory.
        looks: Supervised channels at the steps that were asked for, by step, shape ``(n, j, i, 3)``.
    """

    state: Array
    steps: NDArray[np.int64]
    backend: str
    device: str
    notes: list[str] = field(default_factory=list)
    looks: dict[int, Array] = field(default_factory=dict)


def choose_device(device: str) -> str:
    """Resolve "auto" to the best there is: CUDA, else PyTorch on the CPU, else NumPy.

    Apple's MPS is never chosen on its own, since it lacks operations in some versions; it can be asked for.

    Raises:
        ValueError: The device is unknown, or not there.
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


def rollout(
    parameters: dict[str, Array],
    architecture: Architecture,
    planes: Array,
    state: Array,
    k: NDArray[np.int64],
    *,
    steps: int,
    fire_rate: float,
    seed: int = 0,
    device: str = "auto",
    patience: int | None = PATIENCE,
    origin: tuple[int, int] = (0, 0),
    links: Links | None = None,
    looks: Sequence[int] = (),
    progress: Progress | None = None,
) -> Rollout:
    """Roll the automaton out on a batch of slices.

    Args:
        parameters: As :meth:`Architecture.shapes` names them.
        architecture: Sizes.
        planes: Conditioning planes, shape ``(n, j, i, planes)``; sides multiples of ``architecture.stride``.
        state: Seed states, shape ``(n, j, i, channels)``.
        k: Slice index of each item in its stack; it decides which cells fire, whatever the order of the batch.
        steps: Most steps to take.
        fire_rate: Probability that a cell fires in a step.
        seed: Decides which cells fire.
        device: One of :data:`DEVICES`.
        patience: Stop an item whose masks have not changed for this many steps; ``None`` never stops early. Linked
            items stop together.
        origin: Row and column of the first cell in the frame, for a rollout on a part of it.
        links: Which slices lie beside each other; a volumetric automaton needs them, another takes none.
        looks: Steps after which to keep what the supervised channels are, 0 the seed; needs ``patience`` None.
        progress: Told after every step; may cancel.

    Returns:
        The final states; the arguments are left as they were.

    Raises:
        ValueError: The device is not there, or the shapes do not fit.
        Cancelled: ``progress`` asked to stop.
    """
    stride = architecture.stride
    if planes.ndim != 4 or planes.shape[1] % stride or planes.shape[2] % stride:
        raise ValueError(f"The planes have shape {planes.shape}; rows and columns must be multiples of {stride}.")
    for what, values, size in (("planes", planes, architecture.planes), ("state", state, architecture.channels)):
        if values.shape != (*planes.shape[:3], size):
            raise ValueError(f"The {what} have shape {values.shape}; they must have {(*planes.shape[:3], size)}.")
    if len(k) != len(planes):
        raise ValueError(f"There are {len(k)} slice indices for {len(planes)} slices.")
    if architecture.volumetric != (links is not None):
        raise ValueError("A volumetric automaton needs the links between its slices, a slice-wise one takes none.")
    if looks and patience is not None:
        raise ValueError("A rollout that is looked at on its way must not stop early: give patience=None.")
    resolved = choose_device(device)
    places = np.asarray(k, np.int64)
    arguments = (planes, state, places, steps, fire_rate, seed, patience, origin, links, looks, progress)
    if resolved == "numpy":
        return _roll(NumpyBackend(parameters, architecture), *arguments)
    from .backend_torch import TorchBackend, out_of_memory

    try:
        return _roll(TorchBackend(parameters, architecture, resolved), *arguments)
    except Exception as error:
        if resolved == "cpu" or not out_of_memory(error):
            raise
    ended = _roll(TorchBackend(parameters, architecture, "cpu"), *arguments)
    ended.notes.append(f"The {resolved} device ran out of memory; the repair went on on the CPU.")
    return ended


def _roll(
    backend: Backend,
    planes: Array,
    state: Array,
    k: NDArray[np.int64],
    steps: int,
    fire_rate: float,
    seed: int,
    patience: int | None,
    origin: tuple[int, int],
    links: Links | None,
    looks: Sequence[int],
    progress: Progress | None,
) -> Rollout:
    count, height, width = planes.shape[:3]
    final = np.array(state, np.float32)
    taken = np.zeros(count, np.int64)
    items = np.arange(count)
    keys = cell_keys(k, height, width, origin)
    cells = backend.put(state)
    constant = backend.condition(backend.put(planes)) if count else None
    seen = _masks(final)
    still = np.zeros(count, np.int64)
    kept = {0: final[..., : ENDOCARDIUM + 1].copy()} if 0 in looks else {}
    for number in range(steps):
        if not len(items):
            break
        cells = backend.step(cells, constant, fires(keys[items], seed, number, fire_rate), links)
        taken[items] += 1
        if number + 1 in looks:
            kept[number + 1] = backend.get(cells)[..., : ENDOCARDIUM + 1].copy()
        report_progress(progress, (number + 1) / steps, f"Step {number + 1} of {steps}, {len(items)} slices")
        if patience is None or (number + 1) % LOOK_EVERY:
            continue
        masks = _masks(backend.get(cells))
        same = (masks == seen).all(axis=(1, 2, 3))
        still = np.where(same, still + LOOK_EVERY, 0)
        seen = masks
        done = still >= patience
        if links is not None:
            done[:] = done.all()
        if done.any():
            final[items[done]] = backend.get(cells)[done]
            left = np.flatnonzero(~done)
            items, seen, still = items[left], seen[left], still[left]
            cells, constant = backend.take(cells, left), backend.take(constant, left)
    if len(items):
        final[items] = backend.get(cells)
    return Rollout(final, taken, backend.name, backend.device, looks=kept)


def _masks(state: Array) -> NDArray[np.bool_]:
    """What the early stop watches: the supervised channels, thresholded."""
    return np.asarray(state[..., : ENDOCARDIUM + 1] > 0.5)


def _working_torch() -> Any | None:
    """Return the torch module if it is there and works; a half-installed one counts as absent."""
    try:
        import torch

        return torch if float(torch.ones(2).sum()) == 2.0 else None
    except Exception:
        # Absent, or broken in a way that cannot be foreseen (missing DLLs, namespace packages, ABI mismatch).
        return None
