"""How long a repair takes and how much memory it needs: 10 slices of 256 x 256, all broken.

    python Testing/benchmarks/benchmark_repair.py [--threads 2] [--repeats 5] [backend ...]

Each backend runs in a process of its own, so that one's memory is not counted for the other. Memory is the peak over
what the interpreter holds once the libraries are imported and the weights are loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SLICES, SIDE, SPACING_MM = 10, 256, (8.0, 1.4, 1.4)


def broken_heart() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return image and wall of a heart that tapers from base to apex, every slice with a gap and a loose piece."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((SIDE, SIDE))
    distance = np.hypot(rows - 130, columns - 120) * SPACING_MM[1]
    angle = np.degrees(np.arctan2(rows - 130, columns - 120))
    image = np.empty((SLICES, SIDE, SIDE), np.float32)
    mask = np.zeros((SLICES, SIDE, SIDE), np.uint8)
    for k in range(SLICES):
        radius = 32.0 - 1.6 * k
        wall = (distance > radius - 5) & (distance < radius + 5)
        image[k] = 60 + 120 * (distance <= radius - 5) - 30 * wall + rng.normal(0, 8, (SIDE, SIDE))
        gap = np.abs((angle - 40 * k + 180) % 360 - 180) < 25
        mask[k] = (wall & ~gap) | (np.hypot(rows - 165, columns - 150) < 4)
    return image, mask


def measure(device: str, repeats: int) -> dict[str, object]:
    """Repair the heart repeatedly on one device, in this process."""
    from rncarefine.nca.model import load_model
    from rncarefine.refine.repair import RepairOptions, repair
    from rncarefine.stack import Stack

    if device != "numpy":
        import torch

        torch.ones(2).sum()
    model = load_model()
    image, mask = broken_heart()
    stack = Stack.create(image, mask, SPACING_MM)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        report = repair(stack, model, RepairOptions(device=device, close_base=True)).report
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "device": device,
        "median_s": round(statistics.median(seconds), 2),
        "all_s": [round(value, 2) for value in seconds],
        "peak_mb": round(peak / 1024),
        "closed": f"{report.stack.closed_after} of {report.stack.slices}",
    }


def main() -> None:
    """Measure every backend asked for in a process of its own and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("backends", nargs="*", default=["numpy", "cpu"], help="numpy, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.backends[0], arguments.repeats)))
        return
    threads = {name: str(arguments.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    library = str(Path(__file__).resolve().parents[2] / "RNCARefine")
    path = os.pathsep.join([library, os.environ.get("PYTHONPATH", "")])
    for backend in arguments.backends:
        command = [sys.executable, __file__, backend, "--here", "--repeats", str(arguments.repeats)]
        subprocess.run(command, check=True, env={**os.environ, **threads, "PYTHONPATH": path})


if __name__ == "__main__":
    main()
