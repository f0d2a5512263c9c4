"""Commands of the comparison with the released rNCA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rncarefine_training.cli.options import RunOption, console, ensure_folder
from rncarefine_training.cli.tables import show
from rncarefine_training.evaluate.store import write_table

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

OUR_CONFIGS = sorted((Path(__file__).parent / "configs").glob("synthetic-*.yaml"))
RECIPE_UPDATES = 15360
"""All updates of the published recipe."""


def compare_published(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="train/ and val/ of triplets.")],
    run: RunOption = Path("run"),
    config: Annotated[
        list[Path], typer.Option("--config", "-c", exists=True, dir_okay=False, help="Trainings of ours.")
    ] = OUR_CONFIGS,
    published_updates: Annotated[
        int, typer.Option(min=1, help="Stop the published recipe after so many updates; all are 15,360.")
    ] = RECIPE_UPDATES,
    literal: Annotated[bool, typer.Option(help="Also time the released code's own arithmetic, about a minute.")] = True,
) -> None:
    """Train ours and the published recipe on the same pictures and compare them.

    SOURCE holds train/ and val/, each with images/, states/ and labels/ of grey PNG files. Everything runs on one
    thread; seconds are those of the processor. An interrupted training is resumed.
    """
    from ..report import compare_published_table
    from .compare import all_methods, compare, single_thread, time_literally
    from .drawings import draw_curves, draw_examples
    from .released.automaton import PUBLISHED
    from .triplets import read_triplets

    train, held = read_triplets(source / "train"), read_triplets(source / "val")
    folder = ensure_folder(run / "compare-published")
    console.print(f"{len(train)} pictures to train on, {len(held)} to compare on; results in {folder}")
    with single_thread():
        methods, log = all_methods(train, held, config, folder, published_updates, console.print)
    comparison = compare(methods, held)
    write_table(comparison.table, run / "compare-published.csv")
    write_table(comparison.rows, folder / "pictures.csv")
    draw_examples(comparison, held, folder / "examples.png")
    draw_curves(log, comparison.table, folder / "curves.png")
    # Methods next to each other: there are few of them, and many figures.
    shown = compare_published_table(comparison.table).set_index("method").T
    show(shown.rename_axis("means (95 % interval)").reset_index(), "Ours and the published recipe")
    done = int(log.updates.max())
    share = "all" if done == PUBLISHED.updates else f"stopped after {100 * done / PUBLISHED.updates:.0f} %"
    console.print(f"Published recipe: {done} of {PUBLISHED.updates} updates ({share}), computed by exact algebra.")
    ours = comparison.table[(comparison.table["training s"] > 0) & ~comparison.table.method.str.startswith("published")]
    for line in ours.to_dict("records"):
        console.print(_at_that_time(log, str(line["method"]), float(line["training s"])))
    if literal:
        update, picture = time_literally(train)
        console.print(
            f"As it is written it takes {update:.1f} s per update, times {PUBLISHED.updates} updates "
            f"{update * PUBLISHED.updates / 3600:.0f} h, and {1000 * picture:.0f} ms per picture."
        )


def draw_vessels(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Gets train/ and val/.")],
    train: Annotated[int, typer.Option(min=1, help="Pictures to train on.")] = 512,
    val: Annotated[int, typer.Option(min=1, help="Pictures to compare on.")] = 96,
    seed: Annotated[int, typer.Option(help="Decides the pictures to train on, the next number the others.")] = 0,
) -> None:
    """Draw vessel-like trees with damaged masks: a set without a fixed topology for `compare-published`."""
    from .triplets import write_triplets
    from .vessels import draw_vessels as draw

    for name, count, number in (("train", train, seed), ("val", val, seed + 1)):
        write_triplets(draw(count, number), folder / name)
    console.print(f"{train} and {val} pictures in {folder}")


def _at_that_time(log: pd.DataFrame, method: str, seconds: float) -> str:
    """Say how far the published recipe was after the seconds that another method took."""
    before = log[log.cpu_seconds <= seconds]
    if before.empty:
        return f"In the {seconds:.0f} s of {method} the published recipe does not finish one epoch."
    last = before.iloc[-1]
    return (
        f"In the {seconds:.0f} s of {method} the published recipe does {last.updates:.0f} updates; then its squared "
        f"error is {last.mse:.5f}, Dice {last.dice:.4f}, ring rate {last.ring:.3f}."
    )
