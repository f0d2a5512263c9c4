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
"""Number of updates of the published recipe."""


def compare_published(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder with train/ and val/.")],
    run: RunOption = Path("run"),
    config: Annotated[
        list[Path],
        typer.Option("--config", "-c", exists=True, dir_okay=False, help="Configuration to train. Can be repeated."),
    ] = OUR_CONFIGS,
    published_updates: Annotated[
        int, typer.Option(min=1, help="Stop the published recipe after this number of updates (complete: 15,360).")
    ] = RECIPE_UPDATES,
    literal: Annotated[
        bool, typer.Option(help="Also time the arithmetic of the released code, about a minute.")
    ] = True,
) -> None:
    """Train our automata and the published recipe on the same pictures, and compare them.

    SOURCE contains train/ and val/, each with images/, states/ and labels/ of grayscale PNG files. Everything runs on
    one thread; times are CPU times. Interrupted trainings are resumed.
    """
    from ..report import compare_published_table
    from .compare import all_methods, compare, single_thread, time_literally
    from .drawings import draw_curves, draw_examples
    from .released.automaton import PUBLISHED
    from .triplets import read_triplets

    train, held = read_triplets(source / "train"), read_triplets(source / "val")
    folder = ensure_folder(run / "compare-published")
    console.print(f"{len(train)} pictures for training, {len(held)} for comparison; results in {folder}")
    with single_thread():
        methods, log = all_methods(train, held, config, folder, published_updates, console.print)
    comparison = compare(methods, held)
    write_table(comparison.table, run / "compare-published.csv")
    write_table(comparison.rows, folder / "pictures.csv")
    draw_examples(comparison, held, folder / "examples.png")
    draw_curves(log, comparison.table, folder / "curves.png")
    # Transposed, one column per method.
    shown = compare_published_table(comparison.table).set_index("method").T
    show(shown.rename_axis("means (95 % interval)").reset_index(), "Ours and the published recipe")
    done = int(log.updates.max())
    share = "all" if done == PUBLISHED.updates else f"stopped after {100 * done / PUBLISHED.updates:.0f} %"
    console.print(
        f"Published recipe: {done} of {PUBLISHED.updates} updates ({share}), computed with an equivalent, faster "
        "algorithm."
    )
    ours = comparison.table[(comparison.table["training s"] > 0) & ~comparison.table.method.str.startswith("published")]
    for line in ours.to_dict("records"):
        console.print(_published_after(log, str(line["method"]), float(line["training s"])))
    if literal:
        update, picture = time_literally(train)
        console.print(
            f"The released arithmetic takes {update:.1f} s per update, {update * PUBLISHED.updates / 3600:.0f} h for "
            f"{PUBLISHED.updates} updates, and {1000 * picture:.0f} ms per picture."
        )


def draw_vessels(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Output folder for train/ and val/.")],
    train: Annotated[int, typer.Option(min=1, help="Number of pictures for training.")] = 512,
    val: Annotated[int, typer.Option(min=1, help="Number of pictures for comparison.")] = 96,
    seed: Annotated[
        int, typer.Option(help="Random seed of the training pictures; the next integer is used for the others.")
    ] = 0,
) -> None:
    """Generate vessel-like trees with damaged masks, a data set without fixed topology for `compare-published`."""
    from .triplets import write_triplets
    from .vessels import draw_vessels as draw

    for name, count, number in (("train", train, seed), ("val", val, seed + 1)):
        write_triplets(draw(count, number), folder / name)
    console.print(f"{train} and {val} pictures in {folder}")


def _published_after(log: pd.DataFrame, method: str, seconds: float) -> str:
    """Describe the published recipe after the training time of another method."""
    before = log[log.cpu_seconds <= seconds]
    if before.empty:
        return f"In the {seconds:.0f} s of {method}, the published recipe does not finish one epoch."
    last = before.iloc[-1]
    return (
        f"In the {seconds:.0f} s of {method}, the published recipe does {last.updates:.0f} updates: squared error "
        f"{last.mse:.5f}, Dice {last.dice:.4f}, closed rings {last.ring:.3f}."
    )
