"""Repair the bundled sample."""

from __future__ import annotations

from pathlib import Path

from ..atomic import write_bytes_whole
from ..io.choice import StructureChoice
from ..io.files import Case, read_case, read_pair, write_case
from ..io.picture_files import read_mask
from ..io.sample import MYOCARDIUM, POOL, SAMPLE, VESSEL_SAMPLE, sample_files, vessel_sample_files
from ..io.seg_nrrd import read_seg_nrrd
from ..nca.model import Model
from ..refine.metrics import evaluate
from ..refine.picture_metrics import evaluate_picture
from ..refine.records import Report
from ..refine.repair import RepairOptions, repair
from ..report.pictures import encode_png, slice_pictures, slices_to_show
from ..report.report import ENDINGS, write_report
from ..stack import Mask
from . import picture_jobs
from .tables import existing, metrics_table, out, progress_bar, show_licence, show_report, show_written


def repair_sample(folder: Path, model: Model, options: RepairOptions) -> None:
    """Repair the sample stack; write result, reports and pictures, and print a summary.

    Args:
        folder: Output folder, created if missing. Existing files are replaced.
        model: The model.
        options: Options of the repair.

    Raises:
        ValueError: The sample data is missing.
        OSError: The folder cannot be written.
    """
    sample = sample_files()
    folder.mkdir(parents=True, exist_ok=True)
    existed = existing(folder.iterdir())
    has_pool = any(segment.name == POOL for segment in read_seg_nrrd(sample.broken).segments)
    case = read_case(
        sample.image, sample.broken, StructureChoice(segment=MYOCARDIUM, pool_segment=POOL if has_pool else None)
    )
    with progress_bar() as progress:
        result = repair(case.stack, model, options, progress, case.others)
    repaired = folder / f"{SAMPLE}-repaired.seg.nrrd"
    write_case(case, result, repaired)
    written = [repaired]
    for ending in ENDINGS:
        written.append(folder / f"{SAMPLE}-report{ending}")
        write_report(result.report, written[-1], case.stack, result.wall)
    written += write_pictures(case, result.report, result.wall, folder)
    show_report(result.report)
    wall = StructureChoice(segment=MYOCARDIUM)
    columns = {
        title: evaluate(*read_pair(path, sample.truth, wall, wall)[:3])[1]
        for title, path in (("before", sample.broken), ("after", repaired))
    }
    out().print(metrics_table(columns))
    show_licence(model.card)
    show_written(written, existed)


def repair_vessel_sample(folder: Path, options: RepairOptions) -> None:
    """Repair the vessels of the sample photograph; write result and reports, and print a summary.

    Args:
        folder: Output folder, created if missing. Existing files are replaced.
        options: Options of the repair.

    Raises:
        ValueError: The sample data or the model is missing.
        OSError: The folder cannot be written.
    """
    sample = vessel_sample_files()
    folder.mkdir(parents=True, exist_ok=True)
    repaired = folder / f"{VESSEL_SAMPLE}-repaired.png"
    reports = [folder / f"{VESSEL_SAMPLE}-report{ending}" for ending in ENDINGS]
    picture_jobs.repair_files(sample.image, sample.broken, StructureChoice(), repaired, reports, options)
    before, after, truth = (read_mask(path) for path in (sample.broken, repaired, sample.truth))
    columns = {"before": evaluate_picture(before, truth), "after": evaluate_picture(after, truth, before=before)}
    out().print(picture_jobs.picture_metrics_table(columns))


def write_pictures(case: Case, report: Report, after: Mask, folder: Path) -> list[Path]:
    """Write a PNG per changed or flagged slice: image, before, after and change side by side."""
    paths = []
    for record in slices_to_show(report):
        paths.append(folder / f"{SAMPLE}-slice-{record.k:02d}.png")
        write_bytes_whole(paths[-1], encode_png(slice_pictures(case.stack, after, record.k).strip()))
    return paths
