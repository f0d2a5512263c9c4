"""Cohorts on disk, and stand-in work that a worker process can import."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distributed import LocalCluster

from engine.file_samples import MYOCARDIUM, POOL, write_image, write_labels
from engine.model_folders import seeing_weights
from engine.report_samples import broken_report
from rncarefine.batch.cases import CohortCase
from rncarefine.batch.files import CaseFiles
from rncarefine.batch.sources import case_source
from rncarefine.batch.work import CaseResult, FileWork, result_name
from rncarefine.io.choice import StructureChoice
from rncarefine.nca.model import load_model
from rncarefine.progress import Progress, report_progress
from rncarefine.refine.options import RepairOptions


def write_cohort(folder: Path, names: Iterable[str]) -> Path:
    """Write ``image.nii.gz`` and ``segmentation.nii.gz`` of the broken stack into a folder for each name."""
    first: Path | None = None
    for name in names:
        case = folder / name
        if first is None:
            case.mkdir(parents=True)
            write_image(case / "image.nii.gz")
            write_labels(case / "segmentation.nii.gz")
            first = case
        else:
            shutil.copytree(first, case)
    return folder


def listed(folder: Path) -> list[str]:
    """Return the files below a folder, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def table_rows(path: Path | str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cut_off(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def file_work(place: Path, **changes: object) -> FileWork:
    """Return the real work, with an automaton that sees the wall in the image; its results go to a folder ``out``."""
    (place / "out" / "reports").mkdir(parents=True, exist_ok=True)
    weights = seeing_weights(place)
    values: dict[str, object] = {
        "folder": place / "out",
        "model": str(weights),
        "record": load_model(weights).record(),
        "options": RepairOptions(device="numpy"),
        "choice": StructureChoice(label=MYOCARDIUM, pool_label=POOL),
    }
    return FileWork(**{**values, **changes})  # type: ignore[arg-type]


def thread_workers(count: int) -> LocalCluster:
    """Return a cluster whose workers are threads of this process, which is quicker than processes."""
    return LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
        memory_limit=0,  # the process has the memory of every test before this one: the workers would pause for it
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    )


@dataclass
class ToyWork:
    """Finishes each case with the sample report, or does what it was told with it.

    Attributes:
        folder: The folder of the cohort.
        orders: By case: "fail", "unwritable", "raise", "die" (the whole process, each time), "die before" (without a
            mark of a case in work) or "wait" (until the file ``go`` is in the folder).
    """

    folder: Path
    orders: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, case: CohortCase, progress: Progress | None = None) -> CaseResult:
        order = self.orders.get(case.name, "")
        files = CaseFiles(self.folder, case.name, result_name(case))
        if order == "die before":
            os.kill(os.getpid(), signal.SIGKILL)
        with files.running():
            report_progress(progress, 0.5, "Repairing")
            if order == "die":
                (self.folder / f".0123abcd-new-{files.result}").write_bytes(b"half")
                os.kill(os.getpid(), signal.SIGKILL)
            if order == "raise":
                raise KeyError(case.name)
            if order == "fail":
                return CaseResult(case.name, reason="The image is\n constant.")
            if order == "unwritable":
                return CaseResult(case.name, reason="No space left", unwritable=True)
            while order == "wait" and not (self.folder / "go").exists():
                time.sleep(0.01)
            report = broken_report()
            files.save(report, lambda path: path.write_bytes(b"voxels"), case_source(case))
        return CaseResult(case.name, report)


class CountedWork(ToyWork):
    """Counts how many cases are in work at one time, in the workers of this process."""

    lock = threading.Lock()
    now = most = 0

    def __call__(self, case: CohortCase, progress: Progress | None = None) -> CaseResult:
        with self.lock:
            CountedWork.now += 1
            CountedWork.most = max(CountedWork.most, CountedWork.now)
        time.sleep(0.005)
        try:
            return super().__call__(case, progress)
        finally:
            with self.lock:
                CountedWork.now -= 1
