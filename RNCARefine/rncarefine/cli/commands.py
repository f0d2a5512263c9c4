"""The commands of ``rncarefine``. Each reads files, calls the engine and writes files; no algorithm lives here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..atomic import write_text_whole, written_whole
from ..io.files import Case, Choice, check_output, read_case, read_pair, write_case
from ..io.picture_files import is_picture
from ..nca.model import available_models, choose_model
from ..refine.metrics import evaluate as compare
from ..refine.options import RepairOptions, option_infos
from ..refine.records import Report
from ..refine.repair import check as check_stack
from ..refine.repair import repair as repair_stack
from ..report.report import json_text, report_ending, write_report
from ..stack import Mask
from ..tasks.task import RING, VESSELS, check_task
from . import arguments, pictures
from .batch import batch
from .demo import run_demo, run_vessel_demo, sample_folder
from .errors import one_line_errors
from .main import FINE, FLAGGED
from .tables import (
    metrics_table,
    model_table,
    out,
    progress_bar,
    show_defaults,
    show_licence,
    show_report,
    show_written,
    slice_metrics_table,
)
from .terms import tell_terms

app = typer.Typer(
    help="Repairs broken myocardium rings in short-axis cardiac MR, and broken vessels in photographs of the retina, "
    "and says what was broken and what was done. "
    "For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 every slice is as expected, 1 some need review, 2 bad input (nothing is written).",
)


@app.command()
@arguments.takes_options()
def repair(
    image: arguments.ImageFile,
    segmentation: arguments.SegmentationFile,
    *,
    label: arguments.Label = None,
    segment: arguments.SegmentName = None,
    pool_label: arguments.PoolLabel = None,
    pool_segment: arguments.PoolSegment = None,
    output: arguments.OutputFile,
    report: arguments.Reports = None,
    options: RepairOptions,
) -> None:
    """Repair the broken slices of a stack, or the vessels of a picture; what is correct is returned unchanged."""
    with one_line_errors():
        reports = report or []
        choice = Choice(label, segment, pool_label, pool_segment)
        check_reports(reports, (image, segmentation, output))
        if pictures.is_for_pictures(image, options):
            raise typer.Exit(pictures.repair_files(image, segmentation, choice, output, reports, options))
        check_output(segmentation, output, (image,))
        weights = choose_model(options.model, options.mode)
        check_task(weights.card, RING, str(image))
        case = read_case(image, segmentation, choice)
        if options.trim_pool and case.pool is None:
            raise ValueError("There is no blood pool to trim. Give it with --pool-label or --pool-segment.")
        tell_terms(weights.card)
        with progress_bar() as progress:
            result = repair_stack(case.stack, weights, options, progress, case.others)
        # One transaction: result and reports appear together or not at all.
        with written_whole(output, *reports) as (new_output, *new_reports):
            write_case(case, result, new_output)
            write_reports(result.report, new_reports, case, result.wall)
        show_report(result.report)
        if result.trimmed.any():
            out().print(f"Blood pool trimmed: {result.trimmed_mm2:.0f} mm2")
        show_licence(weights.card)
        show_written([output, *reports])
        status = status_of(result.report)
    raise typer.Exit(status)


app.command()(batch)


@app.command()
@arguments.takes_options(*(name for name, info in option_infos().items() if info.of_check))
def check(
    image: arguments.ImageFile,
    segmentation: arguments.SegmentationFile,
    label: arguments.Label = None,
    segment: arguments.SegmentName = None,
    pool_label: arguments.PoolLabel = None,
    pool_segment: arguments.PoolSegment = None,
    report: arguments.Reports = None,
    *,
    task: arguments.TaskName = None,
    options: RepairOptions,
) -> None:
    """Say what is broken in a stack or a picture of vessels and change nothing. Exit status 1 if anything is."""
    with one_line_errors():
        reports = report or []
        choice = Choice(label, segment, pool_label, pool_segment)
        check_reports(reports, (image, segmentation))
        if task == VESSELS.name or (task is None and is_picture(image)):
            raise typer.Exit(pictures.check_files(image, segmentation, choice, reports))
        case = read_case(image, segmentation, choice)
        result = check_stack(case.stack, options)
        with written_whole(*reports) as new_reports:
            write_reports(result, new_reports, case, case.stack.mask)
        show_report(result)
        show_written(reports)
        status = status_of(result)
    raise typer.Exit(status)


@app.command()
def evaluate(
    prediction: Annotated[Path, typer.Argument(metavar="PREDICTION", help="Label map or .seg.nrrd.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Label map or .seg.nrrd on the same voxels.")],
    label: Annotated[int | None, typer.Option(help="Label of the myocardium in label maps.")] = None,
    segment: Annotated[str | None, typer.Option(help="Name or ID of the myocardium in .seg.nrrd files.")] = None,
    truth_label: Annotated[int | None, typer.Option(help="Its label in TRUTH, if another.")] = None,
    truth_segment: Annotated[str | None, typer.Option(help="Its name or ID in TRUTH, if another.")] = None,
    before: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a picture of vessels: the mask before the repair, to judge its bridges."),
    ] = None,
    task: arguments.TaskName = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the metrics as JSON.")] = None,
) -> None:
    """Compare a segmentation with the truth: Dice, surface distances in mm, Betti errors, LV mass.

    Of a picture of vessels (PNG, TIFF, or --task tubular): Dice, clDice, connectivity, Betti errors in the picture and
    in patches, and, with --before, the share of bridges on true vessel.
    """
    with one_line_errors():
        if json is not None:
            check_reports([json], (prediction, truth), endings=(".json",))
        if task == VESSELS.name or (task is None and is_picture(prediction)):
            values = pictures.evaluate_files(prediction, truth, label, truth_label, before)
            if json is not None:
                write_text_whole(json, json_text(values))
            show_written([] if json is None else [json])
            return
        if before is not None:
            raise ValueError("--before is about pictures of vessels. Leave it out for a stack.")
        ours, theirs, spacing = read_pair(
            prediction,
            truth,
            _choice_for(prediction, label, segment),
            _choice_for(truth, label if truth_label is None else truth_label, truth_segment or segment),
        )
        slices, stack = compare(ours, theirs, spacing)
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
        show_written([] if json is None else [json])


@app.command()
def models() -> None:
    """List the weights that are installed, with their modes and licences, and say which are taken by default."""
    with one_line_errors():
        cards = available_models()
        if not cards:
            raise ValueError("No weights are installed. Install RNCARefine again.")
        out().print(model_table(cards))
        show_defaults(cards)


@app.command()
@arguments.takes_options("model", "device")
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for results; made if it is missing.")
    ] = Path("rncarefine-demo"),
    *,
    task: arguments.TaskName = None,
    options: RepairOptions,
) -> None:
    """Repair the bundled sample stack (or photograph, --task tubular), and write result, reports and pictures."""
    with one_line_errors():
        if task == VESSELS.name:
            run_vessel_demo(output, options)
            return
        weights = choose_model(options.model)
        check_task(weights.card, RING, "The sample")
        sample_folder()  # before the terms, that bad input stays one line
        tell_terms(weights.card)
        run_demo(output, weights, options)


def _version(asked: bool) -> None:
    if asked:
        print(f"rncarefine {__version__}")
        raise typer.Exit(FINE)


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def check_reports(reports: Sequence[Path], used: Sequence[Path], endings: Sequence[str] = ()) -> None:
    """Check before the work that reports can be written.

    Raises:
        ValueError: An unknown ending, a missing folder, or a file that is an input or another output.
    """
    for path in reports:
        if report_ending(path) not in (endings or (report_ending(path),)):
            raise ValueError(f"{path}: the name must end in {' or '.join(endings)}. Rename it.")
        if path.is_dir() or not path.resolve().parent.is_dir():
            raise ValueError(f"{path} cannot be written: the folder {path.parent} does not exist, or it is a folder.")
        if path.resolve() in [other.resolve() for other in used]:
            raise ValueError(f"{path} is an input or the output. Choose another name for the report.")
    if len({path.resolve() for path in reports}) != len(reports):
        raise ValueError("The same report file was given twice. Leave one out.")


def write_reports(report: Report, paths: Sequence[Path], case: Case, after: Mask) -> None:
    """Write a report to each path, in the kind of its ending."""
    for path in paths:
        write_report(report, path, case.stack, after)


def status_of(report: Report) -> int:
    """Return the exit status for a report."""
    return FLAGGED if report.stack.flagged else FINE


def _choice_for(path: Path, label: int | None, segment: str | None) -> Choice:
    """Return the choice for one of two files, which may be of different kinds."""
    named = path.name.lower().endswith(".seg.nrrd")
    return Choice(segment=segment) if named else Choice(label=label)
