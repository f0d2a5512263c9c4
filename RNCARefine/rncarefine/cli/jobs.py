"""Implementation of the commands, imported when one runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ..atomic import check_writable, write_text_whole, written_whole
from ..io.choice import StructureChoice
from ..io.files import Case, check_result, has_names, noted, read_case, read_pair, write_case
from ..io.picture_files import is_picture
from ..io.sample import sample_files
from ..io.segmentation_file import Segment
from ..nca.model import available_models, choose_model
from ..reasons import ReasonCode
from ..refine.metrics import evaluate
from ..refine.options import RepairOptions
from ..refine.records import Report
from ..refine.repair import check, repair
from ..refine.result import Repaired
from ..report.report import json_text, report_ending, write_report
from ..stack import Mask
from ..tasks.task import RING, VESSELS, check_task
from . import picture_jobs
from .demo import repair_sample, repair_vessel_sample
from .status import FINE, FLAGGED, note
from .tables import (
    existing,
    metrics_table,
    model_table,
    note_overlap,
    out,
    progress_bar,
    show_defaults,
    show_licence,
    show_report,
    show_written,
    slice_metrics_table,
    training_table,
)
from .terms import show_terms


def run_repair(
    image: Path,
    segmentation: Path,
    output: Path,
    reports: Sequence[Path],
    choice: StructureChoice,
    options: RepairOptions,
) -> int:
    """Repair a stack or a picture, write result and reports together, and return the exit status."""
    check_reports(reports, (image, segmentation, output))
    if picture_jobs.is_for_pictures(image, options):
        return picture_jobs.repair_files(image, segmentation, choice, output, reports, options)
    check_result(segmentation, output, (image,))
    weights = choose_model(options.model, options.mode)
    check_task(weights.card, RING, str(image))
    case = read_case(image, segmentation, choice)
    if options.trim_pool and choice.pool_label is None and choice.pool_segment is None:
        raise ValueError("There is no blood pool to trim. Give it with --pool-label or --pool-segment.")
    show_terms(weights.card)
    with progress_bar() as progress:
        result = noted(case, repair(case.stack, weights, options, progress, case.others))
    outputs = [output, *reports]
    existed = existing(outputs)
    # One transaction: result and reports appear together or not at all.
    with written_whole(*outputs) as (new_output, *new_reports):
        write_case(case, result, new_output)
        write_reports(result.report, new_reports, case, result.wall)
    show_report(result.report)
    if covered := covered_by_wall(case, result):
        note(_covered_text(case, covered))
    if result.trimmed.any():
        out().print(f"Blood pool trimmed: {result.trimmed_mm2:.0f} mm2")
    show_licence(weights.card)
    show_written(outputs, existed)
    return status_of(result.report)


def run_check(
    image: Path,
    segmentation: Path,
    reports: Sequence[Path],
    choice: StructureChoice,
    options: RepairOptions,
    task: str | None = None,
) -> int:
    """Check a stack or a picture, write the reports, and return the exit status."""
    check_reports(reports, (image, segmentation))
    if task == VESSELS.name or (task is None and is_picture(image)):
        if task is None:
            picture_jobs.note_flat(image)
        return picture_jobs.check_files(image, segmentation, choice, reports, options)
    case = read_case(image, segmentation, choice)
    result = check(case.stack, options)
    existed = existing(reports)
    with written_whole(*reports) as new_reports:
        write_reports(result, new_reports, case, case.stack.mask)
    show_report(result)
    show_written(reports, existed)
    return status_of(result)


Named = tuple[Sequence[str] | None, Sequence[str] | None]
"""Labels of the myocardium in a label map, and names or IDs of its named segments."""


def run_evaluate(
    prediction: Path,
    truth: Path,
    named: Named,
    named_in_truth: Named,
    json: Path | None,
    before: Path | None = None,
    task: str | None = None,
    image: Path | None = None,
) -> None:
    """Compare a segmentation with the truth, print the metrics, and write them as JSON if a path is given."""
    outputs = [] if json is None else [json]
    inputs = [path for path in (prediction, truth, before, image) if path is not None]
    check_reports(outputs, inputs, endings=(".json",))
    existed = existing(outputs)
    if task == VESSELS.name or (task is None and is_picture(prediction)):
        if image is not None:
            raise ValueError("--image applies to stacks only. Leave it out for a picture of vessels.")
        choices = StructureChoice(*named), StructureChoice(*named_in_truth)
        found = picture_jobs.evaluate_files(prediction, truth, *choices, before)
        if json is not None:
            write_text_whole(json, json_text(found))
        show_written(outputs, existed)
        return
    if before is not None:
        raise ValueError("--before applies to pictures of vessels only. Leave it out for a stack.")
    choices = _choice_for(prediction, *named), _choice_for(truth, *named_in_truth)
    ours, theirs, spacing, first = read_pair(prediction, truth, *choices, image)
    slices, stack = evaluate(ours, theirs, spacing)
    if first is None:
        note(
            "Please note: slices are numbered from the first that is stored, since the files do not state where it "
            "lies in the image. Give the image with --image."
        )
    slices = [replace(one, k=one.k + (first or 0)) for one in slices]
    if json is not None:
        values = {
            "prediction": prediction.name,
            "truth": truth.name,
            "spacing_mm": spacing,
            "stack": asdict(stack),
            "slices": [asdict(one) for one in slices],
        }
        write_text_whole(json, json_text(values))
    out().print(slice_metrics_table(slices))
    out().print(metrics_table({prediction.name: stack}))
    note_overlap((prediction, truth), (ours, theirs), stack.dice, "the labels or segments")
    show_written(outputs, existed)


def run_models() -> None:
    """Print the installed weights."""
    cards = available_models()
    if not cards:
        raise ValueError("No weights are installed. Install RNCARefine again.")
    out().print(model_table(cards))
    out().print(training_table(cards))
    show_defaults(cards)


def run_demo(output: Path, options: RepairOptions, task: str | None = None) -> None:
    """Repair the sample stack, or the sample photograph."""
    if task == VESSELS.name:
        repair_vessel_sample(output, options)
        return
    weights = choose_model(options.model)
    check_task(weights.card, RING, "The sample")
    sample_files()  # check for missing files before the terms are printed
    show_terms(weights.card)
    repair_sample(output, weights, options)


def check_reports(reports: Sequence[Path], used: Sequence[Path], endings: Sequence[str] = ()) -> None:
    """Check in advance that reports can be written.

    Raises:
        ValueError: The extension is unknown, the folder is missing, or the file is an input or another output.
    """
    for number, path in enumerate(reports):
        if report_ending(path) not in (endings or (report_ending(path),)):
            raise ValueError(f"{path}: the file must end in {' or '.join(endings)}. Rename it.")
        check_writable(path, (*used, *reports[:number]))


def write_reports(report: Report, paths: Sequence[Path], case: Case, after: Mask) -> None:
    """Write a report to each path, in the format of its extension."""
    for path in paths:
        write_report(report, path, case.stack, after)


def covered_by_wall(case: Case, result: Repaired) -> list[Segment]:
    """Return the labels or segments that caused a flag because the new wall covers pixels of them."""
    flagged = [
        record.k
        for record in result.report.slices
        if any(reason.code in (ReasonCode.TAKEN_FROM_OTHERS, ReasonCode.COVERS_OTHER) for reason in record.reasons)
    ]
    if not flagged:
        return []
    taken = result.taken_from_others[flagged]
    rivals = case.segmentation.rivals(case.grid, case.walls, case.pool)
    return [segment for segment, mask in rivals if (mask[flagged] & taken).any()]


def _covered_text(case: Case, covered: Sequence[Segment]) -> str:
    """Return the note about the labels or segments that the wall covers in flagged slices."""
    if case.segmentation.exclusive:
        walls, others = (", ".join(str(each.value) for each in segments) for segments in (case.walls, covered))
        return (
            f"In flagged slices the wall took pixels from the labels {others}. If some are parts of the wall, such as "
            f"scar, add them to --label {walls}."
        )
    walls, others = (", ".join(each.name for each in segments) for segments in (case.walls, covered))
    return (
        f"In flagged slices the wall overlaps the segments {others}, which keep their voxels. If some are parts of the "
        f'wall, such as scar, add them to --segment "{walls}".'
    )


def status_of(report: Report) -> int:
    """Return the exit status for a report."""
    return FLAGGED if report.stack.flagged else FINE


def _choice_for(path: Path, label: Sequence[str] | None, segment: Sequence[str] | None) -> StructureChoice:
    """Return the choice of structures according to the format of the file.

    If only the other kind was chosen, it is returned as it is, so that reading reports the error.
    """
    by_name = segment is not None and (label is None or has_names(path))
    return StructureChoice(segment=segment) if by_name else StructureChoice(label)
