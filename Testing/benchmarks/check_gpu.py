"""Check and time the automaton on a GPU, in under five minutes and without a network.

    python Testing/benchmarks/check_gpu.py [--device cuda] [--stacks 100] [--quick]

Needs NumPy and PyTorch only. It compares the masks of the device with those of NumPy, makes the device run out of
memory once to see that the CPU takes over, times one stack of 10 slices, many stacks in one batch, and a training
update in 32 and 16 bit, and prints a table. The exit status is 1 if a check fails. ``--device cpu`` tests the script.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "RNCARefine"))

from rncarefine.nca.architecture import CHANNELS, Architecture
from rncarefine.nca.model import Model, load_model
from rncarefine.nca.rollout import Runner

Array = NDArray[np.float32]
SLICES = 10
FIRE_RATE = 0.5


def drawn_channels(count: int, size: int, seed: int = 0) -> Array:
    """Return the channels of drawn slices with a broken wall, shape ``(count, size, size, inputs)``."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size))
    result = np.zeros((count, size, size, len(CHANNELS)), np.float32)
    for item in result:
        centre = size / 2 + rng.uniform(-4, 4, 2)
        radius = rng.uniform(0.14, 0.26) * size
        distance = np.hypot(rows - centre[0], columns - centre[1])
        angle = np.arctan2(rows - centre[0], columns - centre[1])
        wall = np.abs(distance - radius) < 3.5
        image = 0.2 + 0.6 * (distance < radius) - 0.1 * wall + rng.normal(0, 0.05, (size, size))
        gap = np.abs((angle - rng.uniform(-np.pi, np.pi) + np.pi) % (2 * np.pi) - np.pi) < rng.uniform(0.2, 1.0)
        item[..., :3] = image[..., None]
        item[..., 3:6] = (wall & ~gap)[..., None]
    return result


def repaired(model: Model, channels: Array, device: str) -> tuple[Array, Runner]:
    """Encode and roll out all slices; return the supervised channels, and the runner."""
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), device)
    encoding = runner.encode(channels)
    k = np.arange(len(channels)) % SLICES
    ended = runner.roll(encoding, k, steps=model.card.steps, fire_rate=model.card.fire_rate, patience=None)
    return ended.state[..., : runner.architecture.fields], runner


def check_masks(model: Model, device: str) -> tuple[bool, str]:
    """Compare the masks of the device with those of NumPy."""
    channels = drawn_channels(SLICES, model.card.crop)
    reference, found = (repaired(model, channels, name)[0] for name in ("numpy", device))
    # Where a state lies on the threshold, rounding may decide.
    differ = (reference > 0.5) != (found > 0.5)
    decided = np.abs(reference - 0.5) > 1e-2
    wrong = int((differ & decided).sum())
    furthest = float(np.abs(reference - found).max())
    return wrong == 0, f"{wrong} of {differ.size} cells differ beyond rounding; largest difference {furthest:.1e}"


def check_out_of_memory(model: Model, device: str) -> tuple[bool, str]:
    """Let the device run out of memory in its first encoding, and see that the CPU takes over."""
    import torch

    from rncarefine.nca import backend_torch

    channels = drawn_channels(2, model.card.crop)
    expected, _ = repaired(model, channels, "cpu")
    original = backend_torch.encode
    if device == "cuda":
        # Really: what is left after this does not hold the activations.
        torch.cuda.set_per_process_memory_fraction(1e-6)
    else:

        def fail(*_: object) -> None:
            raise torch.OutOfMemoryError("out of memory")

        backend_torch.encode = fail  # type: ignore[assignment]
    try:
        runner = Runner(model.parameters, Architecture.of(model.card.shapes), "cpu")
        if device == "cuda":
            found, runner = repaired(model, channels, "cuda")
            same = runner.out_of_memory and bool((np.abs(found - expected) < 1e-4).all())
            return same, f"continued on {runner.device}"
        # On the CPU there is nothing to fall back to: the error must come through.
        try:
            runner.encode(channels)
        except torch.OutOfMemoryError:
            return True, "no GPU: the error comes through"
        return False, "the error was swallowed"
    finally:
        backend_torch.encode = original
        if device == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0)


def seconds_of(action: Callable[[], object], repeats: int) -> float:
    """Return the median time of an action, after one run to warm up."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def training_update(model: Model, device: str, dtype: str, batch: int = 8, steps: int = 14) -> Callable[[], None]:
    """Return an action that makes one training update of encoder and rule."""
    import torch

    from rncarefine.nca import backend_torch

    architecture = Architecture.of(model.card.shapes)
    weights = {
        name: torch.from_numpy(values.copy()).to(device).requires_grad_() for name, values in model.parameters.items()
    }
    optimizer = torch.optim.AdamW(weights.values(), 1e-5)
    channels = torch.from_numpy(drawn_channels(batch, model.card.crop)).to(device).permute(0, 3, 1, 2)
    mask = channels[:, 3:4]
    target = torch.cat([mask] * architecture.fields, 1)

    def update() -> None:
        with torch.autocast(device, getattr(torch, dtype), enabled=dtype != "float32"):
            features = backend_torch.encode(weights, architecture, channels)
            evidence = backend_torch.evidence_logits(weights, features).float().sigmoid()
            constant = backend_torch.condition(weights, features, evidence)
            state = backend_torch.seed(architecture, evidence, mask)
            for _ in range(steps):
                fire = (torch.rand_like(mask) < FIRE_RATE).to(state)
                state = backend_torch.step(weights, state, constant, fire)
            loss = (state[:, : architecture.fields].float() - target).square().mean() + (
                evidence - target
            ).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return update


def main() -> int:
    """Run all checks and timings, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, mps or cpu")
    parser.add_argument("--model", default=None, help="name or path; the default model if not given")
    parser.add_argument("--stacks", type=int, default=100, help="stacks in the large batch")
    parser.add_argument("--quick", action="store_true", help="one repeat of everything")
    arguments = parser.parse_args()
    import torch

    device, repeats = arguments.device, 1 if arguments.quick else 5
    if device == "cuda" and not torch.cuda.is_available():
        print("PyTorch finds no NVIDIA GPU. Try --device cpu.")
        return 2
    model = load_model(arguments.model) if arguments.model else load_model()
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    print(f"{name}, PyTorch {torch.__version__}, model {model.card.name} {model.card.sha256[:8]}\n")
    failed = 0
    for what, (right, found) in {
        "same mask as NumPy": check_masks(model, device),
        "out of memory falls back": check_out_of_memory(model, device),
    }.items():
        failed += not right
        print(f"{what:<34} {'pass' if right else 'FAIL'}   {found}")
    stack, many = drawn_channels(SLICES, model.card.crop), drawn_channels(SLICES * arguments.stacks, model.card.crop)
    rows = {
        "one stack, NumPy": seconds_of(lambda: repaired(model, stack, "numpy"), repeats),
        f"one stack, {device}": seconds_of(lambda: repaired(model, stack, device), repeats),
        f"{arguments.stacks} stacks in one batch, {device}": seconds_of(
            lambda: repaired(model, many, device), min(repeats, 2)
        ),
        "training update, float32": seconds_of(training_update(model, device, "float32"), repeats),
        "training update, bfloat16": seconds_of(training_update(model, device, "bfloat16"), repeats),
    }
    print()
    for what, seconds in rows.items():
        print(f"{what:<34} {seconds:8.3f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
