"""Output of the command line: tables, notes and the progress bar."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from ..nca.card import TUBULAR, ModelCard
from ..progress import Progress
from ..refine.records import Report, SliceRecord
from ..stack import Mask
from ..words import REPAIRED, Mode, Verdict
from .status import note, output_problem

if TYPE_CHECKING:
    from ..refine.metrics import SliceMetrics, StackMetrics

PLAIN_WIDTH = 80
"""Width in characters if the output is a file or a pipe; every table fits it."""
HARDLY_DICE = 0.1
"""Masks with a lower Dice coefficient hardly overlap: one may be inverted, or have another label."""
_SHORT = {Verdict.AUTOMATON: "repaired", Verdict.GEOMETRY: "geometry"}
"""Verdicts that are shortened in the table of slices."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise the error: rich would exit with 1, which here means that slices are flagged."""
        raise BrokenPipeError

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; errors name standard output, since they could be mistaken for those of a file."""
        try:
            super().print(*objects, **options)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(output_problem(error)) from error


def out() -> Console:
    """Return the console for results."""
    # Emoji codes such as :heart: may be parts of paths.
    return _Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, emoji=False)


def note_overlap(files: tuple[Path, Path], masks: tuple[Mask, Mask], dice: float, check: str) -> None:
    """Print a note if two masks, neither of them empty, hardly overlap.

    Args:
        files: Files of the masks.
        masks: The masks.
        dice: Their Dice coefficient.
        check: What to check.
    """
    if dice < HARDLY_DICE and all(mask.any() for mask in masks):
        note(f"Please note: {files[0]} and {files[1]} hardly overlap (Dice {dice:.2f}): check {check}.")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show a progress bar on standard error, if it is a terminal, while the block runs."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def progress(fraction: float, text: str) -> None:
            bar.update(task, completed=fraction, description=text)

        yield progress


def slice_table(report: Report) -> Table:
    """Return the before/after table of a repair, or the findings of a check; one row per slice."""
    checked = report.model is None
    table = plain_table("slice", title=escape(report.stack.name), dense=not checked)
    add_columns(table, "expected", "found" if checked else "before", "b0,b1")
    add_columns(table, "gap\ndeg", numeric=True)
    if checked:
        add_columns(table, "verdict", "why")
    else:
        add_columns(table, "after", "verdict", "flag")
        add_columns(table, "conf.", "+mm2", "-mm2", numeric=True)
    for record in report.slices:
        style = "yellow" if record.flagged else "dim" if record.verdict is Verdict.INTACT else ""
        row = [
            str(record.k),
            str(record.expectation),
            str(record.finding_before),
            f"{record.b0_before},{record.b1_before}",
            f"{record.gap_deg_before:.0f}" if record.gap_deg_before else "",
        ]
        row += [str(record.verdict), escape(record.reason)] if checked else _outcome(record)
        table.add_row(*row, style=style)
    return table


def _outcome(record: SliceRecord) -> list[str]:
    """Return the cells about the repair of a slice."""
    return [
        str(record.finding_after),
        _SHORT.get(record.verdict, str(record.verdict)),
        "yes" if record.flagged else "",
        "" if record.confidence is None else f"{record.confidence:.2f}",
        f"{record.added_mm2:.0f}" if record.added_mm2 else "",
        f"{record.removed_mm2:.0f}" if record.removed_mm2 else "",
    ]


def show_report(report: Report) -> None:
    """Print notes about the stack, the table, the reasons for review, and the summary line."""
    console = out()
    for warning in report.warnings:
        note(f"Please note: {warning}")
    console.print(slice_table(report))
    for record in report.slices:
        if record.needs_review:
            done = "was repaired, but needs review" if record.verdict in REPAIRED else "was left as it was"
            console.print(f"Slice {record.k} {done}: {record.reason}", markup=False, soft_wrap=True)
    taken = sum(record.taken_from_others_mm2 for record in report.slices)
    if taken >= 0.5:
        console.print(f"On other labels or segments: {taken:.0f} mm2", markup=False, soft_wrap=True)
    console.print(report.summary(), markup=False, soft_wrap=True)


def existing(paths: Iterable[Path]) -> set[Path]:
    """Return the paths that exist; call it before the files are written, for :func:`show_written`."""
    return {path for path in paths if path.exists()}


def show_written(paths: Iterable[Path], existed: Collection[Path]) -> None:
    """Print the paths of the files.

    Args:
        paths: Files that were written.
        existed: Those that existed before, see :func:`existing`; may contain others.
    """
    for path in paths:
        out().print(f"{'Replaced' if path in existed else 'Written'}: {path}", markup=False, soft_wrap=True)


def show_licence(card: ModelCard) -> None:
    """Print the weights and their licence."""
    out().print(f"Weights: {card.name}, licence {card.licence}", markup=False, soft_wrap=True)


def model_table(cards: Iterable[ModelCard]) -> Table:
    """Return mode, licence, spacing and hash of the installed models as a table."""
    table = plain_table("name")
    add_columns(table, "mode", "licence", "mm", "SHA-256")
    for card in cards:
        spacing = "" if card.task == TUBULAR else f"{card.spacing_mm:g}"  # pictures have no spacing
        values = (card.name, card.mode, card.licence, spacing, card.sha256[:12])
        table.add_row(*(escape(value) for value in values))
    return table


def training_table(cards: Iterable[ModelCard]) -> Table:
    """Return titles and training data of the installed models as a table."""
    table = plain_table("name")
    add_columns(table, "title and training data")
    for card in cards:
        table.add_row(escape(card.name), escape(f"{card.title}. {card.training_data}"))
    return table


def show_defaults(cards: Sequence[ModelCard]) -> None:
    """Print the default models and the best permissive model."""
    from ..nca.model import best_model

    default, free = best_model(cards), best_model(cards, permissive=True)
    of_modes = [(mode, best_model(cards, mode)) for mode in Mode]
    named = [f"{best.name} with --mode {mode}" for mode, best in of_modes if best is not None and best != default]
    if default is not None:
        out().print(f"Default: {', '.join([default.name, *named])}.", markup=False, soft_wrap=True)
    vessels = best_model(cards, task=TUBULAR)
    if vessels is not None:
        out().print(f"For pictures of vessels: {vessels.name}.", markup=False, soft_wrap=True)
    if free is not None:
        out().print(f"Free for any use: {free.name}.", markup=False, soft_wrap=True)


def metrics_table(columns: dict[str, StackMetrics]) -> Table:
    """Return the metrics of stacks as a table, one column per stack."""
    table = plain_table("")
    add_columns(table, *map(escape, columns), numeric=True)
    rows: list[tuple[str, Callable[[StackMetrics], str]]] = [
        ("closed rings, of those of the truth", lambda stack: f"{stack.rings} of {stack.truth_rings}"),
        ("Dice", lambda stack: _number(stack.dice, ".3f")),
        ("mean Dice of the slices", lambda stack: _number(stack.mean_slice_dice, ".3f")),
        ("ASSD mm", lambda stack: _number(stack.assd_mm, ".2f")),
        ("HD mm", lambda stack: _number(stack.hd_mm, ".1f")),
        ("HD95 mm", lambda stack: _number(stack.hd95_mm, ".1f")),
        ("mean b0 error", lambda stack: _number(stack.mean_b0_error, ".2f")),
        ("mean b1 error", lambda stack: _number(stack.mean_b1_error, ".2f")),
        ("LV mass g (truth)", lambda stack: f"{stack.lv_mass_g:.1f} ({stack.truth_lv_mass_g:.1f})"),
        ("LV mass error %", lambda stack: _number(stack.lv_mass_error_percent, "+.1f")),
    ]
    for title, value in rows:
        table.add_row(title, *(value(stack) for stack in columns.values()))
    return table


def slice_metrics_table(slices: Iterable[SliceMetrics]) -> Table:
    """Return the metrics of the non-empty slices as a table."""
    table = plain_table("slice")
    add_columns(table, "Dice", "ASSD mm", "HD mm", "HD95 mm", "b0 error", "b1 error", numeric=True)
    add_columns(table, "ring (truth)")
    for one in slices:
        if not one.empty:
            distances = (_number(one.assd_mm, ".2f"), _number(one.hd_mm, ".1f"), _number(one.hd95_mm, ".1f"))
            rings = f"{'yes' if one.ring else 'no'} ({'yes' if one.truth_ring else 'no'})"
            table.add_row(str(one.k), _number(one.dice, ".3f"), *distances, str(one.b0_error), str(one.b1_error), rings)
    return table


def plain_table(first: str, title: str | None = None, dense: bool = False) -> Table:
    """Return a table with its first column.

    Args:
        first: Head of the first column.
        title: Title of the table.
        dense: Whether one space separates the columns instead of two.
    """
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=SIMPLE,
        padding=(0, 0 if dense else 1, 0, 0),
    )
    add_columns(table, first)
    return table


def add_columns(table: Table, *heads: str, numeric: bool = False) -> None:
    """Add columns to a table; words wider than their column are broken, never shortened."""
    for head in heads:
        table.add_column(head, justify="right" if numeric else "left", overflow="fold")


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "-"
