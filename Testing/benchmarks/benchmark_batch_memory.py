"""Whether memory grows over a batch inside Slicer: 200 cases, loaded, repaired, saved and forgotten.

    python Testing/benchmarks/benchmark_batch_memory.py [--cases 200] [--margin 210] [--real]

Prints the resident memory after 20 cases and after the last, and the time per case. By default the repair itself is the
toy engine of the tests, so that what is measured is Slicer's side; ``--real`` repairs with the default model.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING.parent / "RNCARefine"), str(TESTING)]

from harness.wheel import MISSING, import_slicer  # noqa: E402

FIRST = 20
"""Cases before the first measurement: libraries are loaded and pools are filled by then."""


def resident_mb() -> float:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def run(count: int, margin: int, real: bool) -> None:
    """Repair ``count`` cases and print what it took."""
    from harness import toy_engine
    from harness.cohort import write_cases
    from harness.session import Session
    from rncarefine.batch.cohort import find_cases
    from rncarefine.nca.model import load_model
    from rncarefine.refine import repair
    from rncarefine.refine.options import RepairOptions
    from RNCARefineLib.mrml.batch import process_batch

    class ToyModel:
        record = staticmethod(lambda: toy_engine.MODEL)

    model: Any = load_model() if real else ToyModel()
    if not real:
        repair.repair = toy_engine.repair  # type: ignore[assignment]
    memory, clock = [], [time.perf_counter()]

    def note(news: Any) -> None:
        memory.append(resident_mb())
        clock.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        session = Session()
        write_cases(Path(folder, "in"), [f"case{number:03}" for number in range(count)], margin)
        cases = find_cases(Path(folder, "in"))
        options = RepairOptions(device="numpy", close_base=True)
        outcome = process_batch(cases, Path(folder, "out"), model, options, segment="myo", pool="pool", tell=note)
        session.close()
    assert len(outcome.repaired) == count, outcome.failed
    seconds = [after - before for before, after in itertools.pairwise(clock)]
    growth = (memory[-1] - memory[FIRST - 1]) / max(count - FIRST, 1)
    print(
        f"{count} cases: {memory[FIRST - 1]:.1f} MB after {FIRST}, {memory[-1]:.1f} MB after {count} "
        f"({growth * 1000:.0f} kB a case); {statistics.median(seconds) * 1000:.0f} ms a case"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--margin", type=int, default=210, help="pixels of noise around the heart's 40 x 48")
    parser.add_argument("--real", action="store_true", help="repair with the default model, not with the toy engine")
    arguments = parser.parse_args()
    if arguments.cases < FIRST:
        parser.error(f"--cases must be {FIRST} or more.")
    if not import_slicer():
        sys.exit(MISSING)
    run(arguments.cases, arguments.margin, arguments.real)


if __name__ == "__main__":
    main()
