"""Commands for pictures of vessels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from ..atomic import written_whole
from ..io.choice import StructureChoice
from ..io.label_map import OTHER_PHOTOGRAPHS, PHOTOGRAPHS, is_file
from ..io.picture_files import check_picture_result, different_sizes, is_picture, read_mask, read_picture, write_picture
from ..nca.card import TUBULAR
from ..nca.model import Model, card_of, choose_model
from ..refine.options import RepairOptions, default_of, option_infos
from ..refine.picture import check_picture, repair_picture
from ..refine.picture_metrics import PictureMetrics, evaluate_picture
from ..refine.place_records import PictureReport, PlaceRecord
from ..report.picture_report import write_picture_report
from ..words import PlaceVerdict, counted, strict_values
from .status import FINE, FLAGGED, note
from .tables import (
    add_columns,
    existing,
    note_overlap,
    out,
    plain_table,
    progress_bar,
    show_licence,
    show_written,
)
from .terms import show_terms

MAX_ROWS = 40
"""Maximum number of printed places; the report lists all."""


def is_for_pictures(image: Path, options: RepairOptions) -> bool:
    """Return whether an image is repaired as a picture of vessels, see :func:`~rncarefine.io.picture_files.is_picture`.

    Raises:
        ValueError: It is a stack, but an option for pictures was given.
    """
    card = None if options.model is None else card_of(options.model)
    if is_picture(image, card):
        return True
    if options.bridges_only:
        raise ValueError("--bridges-only applies to pictures of vessels only. Leave it out for a short-axis stack.")
    return False


def repair_files(
    image: Path,
    segmentation: Path,
    choice: StructureChoice,
    output: Path,
    reports: Sequence[Path],
    options: RepairOptions,
) -> int:
    """Repair a picture, write mask and reports, print a summary, and return the exit status.

    Raises:
        ValueError: An input or option is invalid.
        OSError: A file cannot be written.
    """
    check_choice(choice)
    check_options(options)
    check_picture_result(output, (image, segmentation))
    weights = choose_model(options.model, task=TUBULAR)
    case = read_picture(image, segmentation, label=label_of(choice))
    if options.model is None:
        note_flat(image)
    show_terms(weights.card)
    with progress_bar() as progress:
        result = repair_picture(case.picture, weights, options, progress)
    outputs = [output, *reports]
    existed = existing(outputs)
    with written_whole(*outputs) as (new_output, *new_reports):
        write_picture(case, result.mask, new_output)
        for path in new_reports:
            write_picture_report(result.report, path, case.picture, result.mask)
    show_picture_report(result.report)
    show_licence(weights.card)
    show_written(outputs, existed)
    return status_of(result.report)


def settings_of_pictures(weights: Model, choice: StructureChoice, options: RepairOptions) -> dict[str, Any]:
    """Check the options of a batch of pictures, and return the settings that determine the results.

    Raises:
        ValueError: An option or a choice for stacks was given.
    """
    check_choice(choice)
    check_options(options)
    values = {name: getattr(options, name) for name, info in option_infos().items() if info.of_pictures}
    return dict(strict_values({**values, "model": asdict(weights.record()), "label": label_of(choice)}))


def check_files(
    image: Path, segmentation: Path, choice: StructureChoice, reports: Sequence[Path], options: RepairOptions
) -> int:
    """Print the findings of a picture, and return the exit status."""
    check_choice(choice)
    check_options(options)
    case = read_picture(image, segmentation, label=label_of(choice))
    result = check_picture(case.picture)
    existed = existing(reports)
    with written_whole(*reports) as new_reports:
        for path in new_reports:
            write_picture_report(result, path, case.picture, case.picture.mask)
    show_picture_report(result)
    show_written(reports, existed)
    return status_of(result)


def evaluate_files(
    prediction: Path, truth: Path, choice: StructureChoice, truth_choice: StructureChoice, before: Path | None
) -> dict[str, Any]:
    """Compare a vessel mask with the truth, print the metrics, and return them as plain values."""
    for each in (choice, truth_choice):
        check_choice(each)
    if before is not None and is_file(before) and is_file(prediction) and before.samefile(prediction):
        raise ValueError(f"{before} is given both as PREDICTION and with --before. Give the mask before the repair.")
    label = label_of(choice)
    ours, theirs = read_mask(prediction, label), read_mask(truth, label_of(truth_choice))
    first = None if before is None else read_mask(before, label)
    for path, mask in ((prediction, ours), (before, first)):
        if path is not None and mask is not None and mask.shape != theirs.shape:
            raise ValueError(f"{different_sizes(path, mask, truth, theirs)} Resample one.")
    found = evaluate_picture(ours, theirs, before=first)
    columns = {prediction.name: found}
    if before is not None and first is not None:
        titles = (before.name, prediction.name) if before.name != prediction.name else (str(before), str(prediction))
        columns = dict(zip(titles, (evaluate_picture(first, theirs), found), strict=True))
    out().print(picture_metrics_table(columns))
    check = "the labels, and whether vessels are the larger value in both"
    note_overlap((prediction, truth), (ours, theirs), found.dice, check)
    return {"prediction": prediction.name, "truth": truth.name, "picture": asdict(found)}


def check_options(options: RepairOptions) -> None:
    """Check that no option for stacks was given.

    Raises:
        ValueError: An option for stacks was given.
    """
    for name, info in option_infos().items():
        if not info.of_pictures and getattr(options, name) != default_of(name):
            flag = info.flag.partition("/")[0]
            raise ValueError(f"{flag} applies to short-axis stacks only. Leave it out for a picture of vessels.")


def note_flat(image: Path) -> None:
    """Print a note that a two-dimensional image is treated as a picture of vessels, unless it is a photograph."""
    if not image.name.lower().endswith((*PHOTOGRAPHS, *OTHER_PHOTOGRAPHS)):
        note(
            f"Please note: {image} is two-dimensional and is treated as a picture of vessels. Save a slice of the "
            "heart as a volume of one slice."
        )


def check_choice(choice: StructureChoice) -> None:
    """Check that only labels are chosen.

    Raises:
        ValueError: A blood pool, phase, right ventricle or named segment is chosen.
    """
    if choice.pool_label is not None or choice.pool_segment is not None:
        raise ValueError(
            "A picture of vessels has no blood pool. Leave out --pool-label and --pool-segment, or save a slice of the "
            "heart as a volume of one slice."
        )
    if choice.phase is not None or choice.rv_label is not None or choice.rv_segment is not None:
        raise ValueError("--phase, --rv-label and --rv-segment apply to stacks only. Leave them out for a picture.")
    if choice.segment is not None:
        raise ValueError("The mask of a picture has labels, not named segments. Use --label instead of --segment.")


def label_of(choice: StructureChoice) -> int | None:
    """Return the label of the vessels, or ``None``.

    Raises:
        ValueError: Several labels are given.
    """
    if len(choice.labels) > 1:
        raise ValueError("The vessels of a picture have one label. Give only one with --label.")
    return choice.labels[0] if choice.labels else None


def status_of(report: PictureReport) -> int:
    """Return the exit status for a report."""
    return FLAGGED if report.needs_review else FINE


def show_picture_report(report: PictureReport) -> None:
    """Print the places, the summary line, and the warnings."""
    out().print(place_table(report))
    if len(report.places) > MAX_ROWS:
        out().print(f"{counted(len(report.places) - MAX_ROWS, 'more place')}: see the report (--report FILE.html).")
    out().print(report.summary(), markup=False, soft_wrap=True)
    for warning in report.warnings:
        note(f"Please note: {warning}")


def place_table(report: PictureReport) -> Table:
    """Return the first places of a report as a table, one row per place."""
    checked = report.model is None
    table = plain_table("place", title=escape(report.picture.name), dense=not checked)
    add_columns(table, "finding", "verdict")
    add_columns(table, "row", "column", "size\npx", numeric=True)
    if not checked:
        add_columns(table, "flag")
        add_columns(table, "conf.", "contrast", "+px", "-px", numeric=True)
    for place in report.places[:MAX_ROWS]:
        style = "yellow" if place.flagged else "dim" if place.verdict is PlaceVerdict.LEFT else ""
        row = [str(place.number), str(place.finding), str(place.verdict), str(place.row), str(place.column)]
        row.append(f"{place.size_px:.0f}")
        table.add_row(*row, *([] if checked else _outcome(place)), style=style)
    return table


def _outcome(place: PlaceRecord) -> list[str]:
    """Return the cells about the repair of a place."""
    return [
        "yes" if place.flagged else "",
        "" if place.confidence is None else f"{place.confidence:.2f}",
        "" if place.support is None else f"{place.support:.2f}",
        str(place.added_px or ""),
        str(place.removed_px or ""),
    ]


def picture_metrics_table(columns: dict[str, PictureMetrics]) -> Table:
    """Return the metrics of vessel masks as a table, one column per mask."""
    table = plain_table("")
    table.caption = "errors and removed: lower is better; everything else: higher is better"
    add_columns(table, *map(escape, columns), numeric=True)
    rows = [
        ("Dice", "dice", ".3f"),
        ("clDice", "cldice", ".3f"),
        ("connectivity", "connectivity", ".3f"),
        ("b0 error", "b0_error", "d"),
        ("b1 error", "b1_error", "d"),
        ("b0 error per patch", "patch_b0_error", ".3f"),
        ("b1 error per patch", "patch_b1_error", ".3f"),
        ("bridges added", "bridges", "d"),
        ("bridges on true vessel", "bridge_precision", ".3f"),
        ("true centreline removed", "centreline_removed", ".4f"),
    ]
    for title, name, form in rows:
        values = [getattr(metrics, name) for metrics in columns.values()]
        table.add_row(title, *("-" if not math.isfinite(value) else format(value, form) for value in values))
    return table
