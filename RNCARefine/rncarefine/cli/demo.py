"""The demonstration: the whole job on the sample stack that comes along."""

from __future__ import annotations

from pathlib import Path

from ..atomic import write_bytes_whole
from ..io.files import Case, Choice, read_case, read_pair, write_case
from ..io.seg_nrrd import read_seg_nrrd
from ..io.slice_order import repair_case
from ..nca.model import Model
from ..refine.metrics import evaluate
from ..refine.records import Report
from ..refine.repair import RepairOptions, repair
from ..report.pictures import slice_pictures, worth_a_picture
from ..report.png import encode_png
from ..report.report import ENDINGS, write_report
from ..stack import Mask
from .tables import metrics_table, out, progress_bar, show_licence, show_report, show_written

SAMPLE_FOLDERS = (
    Path(__file__).parents[2] / "Resources" / "SampleData",  # in the repository and in Slicer
    Path(__file__).parents[1] / "SampleData",  # in a wheel
)
SAMPLE = "SunnybrookBroken"
IMAGE, BROKEN, TRUTH = f"{SAMPLE}-image.nrrd", f"{SAMPLE}-segmentation.seg.nrrd", f"{SAMPLE}-truth.seg.nrrd"
MYOCARDIUM, POOL = "myocardium", "blood pool"
"""Names of the segments in the sample data."""


def sample_folder() -> Path:
    """Return where the sample data lies.

    Raises:
        ValueError: It is not installed, or not all of it.
    """
    for folder in SAMPLE_FOLDERS:
        if all((folder / name).is_file() for name in (IMAGE, BROKEN, TRUTH)):
            return folder
    raise ValueError(f"The sample data ({IMAGE}, {BROKEN}, {TRUTH}) is not installed. Install RNCARefine again.")


def run_demo(folder: Path, model: Model, device: str) -> None:
    """Repair the sample stack; write result, reports and pictures, and print what came of it.

    Args:
        folder: Where to write; made if it is missing. Files of an earlier demonstration are replaced.
        model: The weights.
        device: What the automaton runs on.

    Raises:
        ValueError: The sample data is missing.
        OSError: The folder cannot be written.
    """
    samples = sample_folder()
    folder.mkdir(parents=True, exist_ok=True)
    broken = samples / BROKEN
    has_pool = any(segment.name == POOL for segment in read_seg_nrrd(broken).segments)
    case = read_case(samples / IMAGE, broken, Choice(segment=MYOCARDIUM, pool_segment=POOL if has_pool else None))
    with progress_bar() as progress:
        result = repair_case(repair, case, model, RepairOptions(device=device), progress)
    repaired = folder / f"{SAMPLE}-repaired.seg.nrrd"
    write_case(case, result.mask, repaired)
    written = [repaired]
    for ending in ENDINGS:
        written.append(folder / f"{SAMPLE}-report{ending}")
        write_report(result.report, written[-1], case.stack, result.mask)
    written += write_pictures(case, result.report, result.mask, folder)
    show_report(result.report)
    wall = Choice(segment=MYOCARDIUM)
    columns = {
        title: evaluate(*read_pair(path, samples / TRUTH, wall, wall))[1]
        for title, path in (("before", broken), ("after", repaired))
    }
    out().print(metrics_table(columns))
    show_licence(model.card)
    show_written(written)


def write_pictures(case: Case, report: Report, after: Mask, folder: Path) -> list[Path]:
    """Write a PNG of each changed or flagged slice: image, before, after and change, side by side."""
    paths = []
    for record in worth_a_picture(report):
        paths.append(folder / f"{SAMPLE}-slice-{record.k:02d}.png")
        write_bytes_whole(paths[-1], encode_png(slice_pictures(case.stack, after, record.k).strip()))
    return paths
