"""How many stacks a minute ``rncarefine batch`` repairs with one worker and with two, and whether memory grows.

    python Testing/benchmarks/benchmark_cohort.py [--cases 500] [--single 100] [--toy]

Repairs copies of a small stack (9 slices of 72 x 80, two of them with a gap), first ``--single`` of them with one
worker, then ``--cases`` with two. Printed are cases a minute and their ratio; the cores that the workers were given
and the seconds of CPU that a case takes, which tell a busy machine from a slow program; then the resident memory of the
parent and of the largest worker, as the mean of each tenth of the cases. ``--toy`` takes an automaton that does
nothing, not the default model.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING.parent / "RNCARefine"), str(TESTING)]

import psutil  # noqa: E402
import SimpleITK as sitk  # noqa: E402

from engine.model_samples import still_model  # noqa: E402
from engine.toy_stacks import broken_stack  # noqa: E402
from rncarefine.batch.cases import CohortCase  # noqa: E402
from rncarefine.batch.cohort import Cohort, settings_of  # noqa: E402
from rncarefine.batch.dask_backend import check_workers, local_workers  # noqa: E402
from rncarefine.batch.parallel import run_in_parallel  # noqa: E402
from rncarefine.batch.runs import BatchRun, CaseOutcome  # noqa: E402
from rncarefine.batch.work import FileWork, result_name  # noqa: E402
from rncarefine.io.choice import StructureChoice  # noqa: E402
from rncarefine.nca.model import DEFAULT_MODEL, load_model  # noqa: E402
from rncarefine.refine.options import RepairOptions  # noqa: E402

MEGABYTE = 2**20


@dataclass
class Measured:
    """What a run took.

    Attributes:
        seconds: From the first case handed out to the last one back; starting the processes is not counted.
        cpu_workers: Seconds of CPU of all workers.
        cpu_parent: Seconds of CPU of the parent.
        parent_mb: Resident memory of the parent after each case.
        workers_mb: The same of the largest worker.
    """

    seconds: float = 0.0
    cpu_workers: float = 0.0
    cpu_parent: float = 0.0
    parent_mb: list[float] = field(default_factory=list)
    workers_mb: list[float] = field(default_factory=list)


def write_stack(folder: Path) -> tuple[Path, Path]:
    """Write the stack and return its two files."""
    stack = broken_stack(pool=False)
    k, j, i = stack.spacing
    paths = folder / "image.nii.gz", folder / "segmentation.nii.gz"
    for array, path in zip((stack.image, stack.mask), paths, strict=True):
        picture = sitk.GetImageFromArray(array)
        picture.SetSpacing((i, j, k))
        sitk.WriteImage(picture, str(path))
    return paths


def measure(folder: Path, count: int, workers: int, model: str) -> Measured:
    """Repair ``count`` copies of the stack."""
    folder.mkdir()
    image, segmentation = write_stack(folder)
    weights = load_model(model)
    options = RepairOptions(device="numpy", close_base=True)
    work = FileWork(folder / "out", model, weights.record(), options, StructureChoice())
    measured = Measured()
    parent = psutil.Process()

    crew: list[psutil.Process] = []

    def cpu() -> tuple[float, float]:
        own, *others = [sum(one.cpu_times()[:2]) for one in (parent, *crew)]
        return own, sum(others)

    def note(news: CaseOutcome) -> None:
        if news.status not in ("repaired", "flagged"):
            raise RuntimeError(news.line())
        measured.parent_mb.append(parent.memory_info().rss / MEGABYTE)
        measured.workers_mb.append(max(one.memory_info().rss for one in crew) / MEGABYTE)

    cohort = Cohort(work.folder, settings_of(weights.record(), options))
    batch_run = BatchRun(cohort, [CohortCase(f"c{n:04}", image, segmentation) for n in range(count)], result_name, note)
    with local_workers(workers) as client:
        check_workers(client, work)
        crew += [psutil.Process(number) for number in client.run(os.getpid).values()]
        before, began = cpu(), time.perf_counter()
        run_in_parallel(client, batch_run, batch_run.begin(), work)
        measured.seconds = time.perf_counter() - began
        after = cpu()
    measured.cpu_parent, measured.cpu_workers = after[0] - before[0], after[1] - before[1]
    return measured


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=500, help="stacks with two workers, over which memory is watched")
    parser.add_argument("--single", type=int, default=100, help="stacks with one worker")
    parser.add_argument("--toy", action="store_true", help="an automaton that does nothing, not the default model")
    arguments = parser.parse_args()
    if min(arguments.cases, arguments.single) < 10:
        parser.error("--cases and --single must be 10 or more.")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} cores, load {load:.1f} before. Model: {'toy' if arguments.toy else DEFAULT_MODEL}")
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        model = str(still_model(Path(folder))) if arguments.toy else DEFAULT_MODEL
        for workers, count in ((1, arguments.single), (2, arguments.cases)):
            run = measure(Path(folder, str(workers)), count, workers, model)
            rates.append(60 * count / run.seconds)
            print(
                f"{workers} worker{'' if workers == 1 else 's'}: {count} cases in {run.seconds:.0f} s, "
                f"{rates[-1]:.0f} a minute, on {run.cpu_workers / run.seconds:.2f} cores; CPU a case "
                f"{run.cpu_workers / count:.3f} s in the workers, {run.cpu_parent / count:.3f} s in the parent"
            )
    print(f"Scaling from 1 to 2 workers: {rates[1] / rates[0]:.2f}")
    tenth = arguments.cases // 10
    for name, memory in (("parent", run.parent_mb), ("largest worker", run.workers_mb)):
        means = [statistics.mean(memory[n * tenth : (n + 1) * tenth]) for n in range(10)]
        print(f"Memory in MB, {name}: {', '.join(f'{mean:.0f}' for mean in means)}; at most {max(memory):.0f}")


if __name__ == "__main__":
    main()
