"""The commands of ``rncarefine`` and their options; implementations are imported on execution to keep help fast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..io.choice import StructureChoice
from ..refine.options import RepairOptions, option_infos
from . import arguments
from .status import FINE, one_line_errors

WORK = "Work"
"""Group of options in the help."""

app = typer.Typer(
    help="Repair broken myocardium rings in short-axis cardiac MR, and broken vessels in photographs of the retina. "
    "For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 everything is as expected, 1 something needs review or a case of a batch failed, 2 bad "
    "input, or a file or standard output cannot be written, 3 internal error, 130 stopped by Ctrl-C, 141 standard "
    "output was closed by its reader, 143 stopped by SIGTERM. After 2, 130 and 143, repair has written nothing, and "
    "batch keeps finished cases; after 141, the results of repair are complete.",
)


@app.command()
@arguments.takes_options()
def repair(
    image: arguments.ImageFile,
    segmentation: arguments.SegmentationFile,
    *,
    choice: StructureChoice,
    output: arguments.OutputFile,
    report: arguments.Reports = None,
    options: RepairOptions,
) -> None:
    """Repair the broken slices of a stack, or the vessels of a picture; correct slices are returned unchanged."""
    with one_line_errors():
        from .jobs import run_repair

        status = run_repair(image, segmentation, output, report or [], choice, options)
    raise typer.Exit(status)


@app.command()
@arguments.takes_options()
def batch(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CASES",
            help="Folder of cases, or a CSV file with the columns image and segmentation (optionally case, label, "
            "segment and pool).",
        ),
    ],
    *,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Images in the folder; {case} is the name of a case. By default {case}/image.*.",
            rich_help_panel=arguments.INPUT,
        ),
    ] = None,
    segmentation: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Segmentations in the folder. By default {case}/segmentation.*.",
            rich_help_panel=arguments.INPUT,
        ),
    ] = None,
    choice: StructureChoice,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder of results, reports and tables; created if missing. An interrupted batch is resumed in it.",
            rich_help_panel=arguments.OUTPUT,
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table with one row per slice; .csv or .parquet. By default FOLDER/cohort.csv.",
            rich_help_panel=arguments.OUTPUT,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes on this machine; by default one per core.", rich_help_panel=WORK
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of a Dask cluster to use instead, such as tcp://10.0.0.1:8786; its workers need the files.",
            rich_help_panel=WORK,
        ),
    ] = None,
    options: RepairOptions,
) -> None:
    """Repair a folder or a list of stacks or of pictures of vessels; the same command resumes an interrupted batch.

    Exit status: 0 every case is repaired, 1 some failed or have slices that need review, 2 bad input or results that
    cannot be written, 130 stopped by Ctrl-C.
    """
    with one_line_errors():
        from .batch import run_batch

        status = run_batch(source, image, segmentation, choice, output, table, workers, scheduler, options)
    raise typer.Exit(status)


@app.command()
@arguments.takes_options(*(name for name, info in option_infos().items() if info.of_check))
def check(
    image: arguments.ImageFile,
    segmentation: arguments.SegmentationFile,
    *,
    choice: StructureChoice,
    report: arguments.Reports = None,
    task: arguments.TaskName = None,
    options: RepairOptions,
) -> None:
    """Report the defects of a stack or a picture of vessels without changing it; exit status 1 if there are any."""
    with one_line_errors():
        from .jobs import run_check

        status = run_check(image, segmentation, report or [], choice, options, task)
    raise typer.Exit(status)


@app.command()
def evaluate(
    prediction: Annotated[Path, typer.Argument(metavar="PREDICTION", help="Label map or .seg.nrrd.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Label map or .seg.nrrd on the same voxels.")],
    label: Annotated[
        list[str] | None, typer.Option(metavar="N[,N...]", help="Label or labels of the myocardium in label maps.")
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,NAME...]", help="Name or ID of the myocardium in .seg.nrrd files, or several."),
    ] = None,
    truth_label: Annotated[
        list[str] | None, typer.Option(metavar="N[,N...]", help="The same in TRUTH, if different.")
    ] = None,
    truth_segment: Annotated[
        list[str] | None, typer.Option(metavar="NAME[,NAME...]", help="The same in TRUTH, if different.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            metavar="IMAGE",
            help="The segmented image, to number the slices as in it if both files are cropped.",
        ),
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Mask of a picture of vessels before the repair, to evaluate its bridges."),
    ] = None,
    task: arguments.TaskName = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the metrics as JSON.")] = None,
) -> None:
    """Compare a segmentation with the truth: Dice, surface distances in mm, Betti errors, LV mass.

    For a picture of vessels (PNG, TIFF, or --task tubular): Dice, clDice, connectivity, Betti errors of the picture and
    of patches, and, with --before, the share of bridges on true vessels.
    """
    with one_line_errors():
        from .jobs import run_evaluate

        in_truth = (truth_label or label, truth_segment or segment)
        run_evaluate(prediction, truth, (label, segment), in_truth, json, before, task, image)


@app.command()
def models() -> None:
    """List the installed weights, with modes and licences, and the default ones."""
    with one_line_errors():
        from .jobs import run_models

        run_models()


@app.command()
@arguments.takes_options("model", "device")
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results; created if missing.")
    ] = Path("rncarefine-demo"),
    *,
    task: arguments.TaskName = None,
    options: RepairOptions,
) -> None:
    """Repair the bundled sample stack (or photograph, with --task tubular); write result, reports and pictures."""
    with one_line_errors():
        from .jobs import run_demo

        run_demo(output, options, task)


def _version(asked: bool) -> None:
    if asked:
        print(f"rncarefine {__version__}")
        raise typer.Exit(FINE)


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
