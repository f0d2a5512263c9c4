"""The command line of the experiments: ``PYTHONPATH=Training python -m experiments``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rncarefine.nca.model import load_model
from rncarefine_training.cli.evaluate import DeviceOption, WorkersOption, gathered, selecting_failures
from rncarefine_training.cli.options import DEFAULT_CONFIG, ConfigOption, RunOption, console, made
from rncarefine_training.config import Config

from . import cli_pictures

if TYPE_CHECKING:
    from rncarefine_training.evaluate.measure import Failure

ModelOption = Annotated[str, typer.Option("--model", "-m", help="Name or path of the weights.")]
StacksOption = Annotated[int, typer.Option(min=1, help="So many stacks of the selecting subjects, drawn at random.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="What the documents quote and no user runs.")


def horizon(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelOption = "sax-cine-2d",
    stacks: StacksOption = 24,
    seeds: Annotated[int, typer.Option(min=1, help="Rollouts of every stack, each with a seed of its own.")] = 3,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Roll out up to 512 steps without early stop and write RUN/horizon-MODEL.csv: does anything flood or decay?"""
    from rncarefine_training.cli.tables import Cell, show
    from rncarefine_training.evaluate.store import write_table

    from .horizon import roll_on, summarise

    weights, failures = load_model(model), _some_failures(run, config, stacks)
    rolled = roll_on(failures, weights, seeds=range(seeds), device=device, workers=workers)
    rows = gathered(rolled, len(failures))
    table = summarise(rows)
    write_table(rows, run / f"horizon-{weights.card.name}-slices.csv")
    write_table(table, run / f"horizon-{weights.card.name}.csv")

    def cell(name: str) -> Cell:
        return lambda line: f"{line[name]:.3f} ({line[f'{name} low']:.3f} to {line[f'{name} high']:.3f})"

    columns: dict[str, Cell | str] = {"steps": "steps", "n": "n", "rings": cell("ring"), "Dice": cell("dice")}
    columns |= {"area / truth": cell("area"), "pixels changed": cell("moved")}
    show(table, f"{weights.card.name} without early stop, {seeds} seeds", columns)


def robustness(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelOption = "sax-cine-2d",
    stacks: StacksOption = 40,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Repair disturbed stacks (image, orientation, grid, mask) and write RUN/robustness-MODEL.csv.

    Goes on where it was cut off: every stack's rows are kept in RUN/robustness/.
    """
    from rncarefine_training.cli.tables import between, number, show
    from rncarefine_training.evaluate.store import write_table

    from .robustness import disturb_and_repair, summarise

    weights, failures = load_model(model), _some_failures(run, config, stacks)
    name = weights.card.name
    folder = made(run / "robustness" / f"{name}-{weights.card.sha256[:7]}")
    disturbed = disturb_and_repair(failures, weights, folder, device=device, workers=workers)
    table = summarise(gathered(disturbed, len(failures)))
    write_table(table, run / f"robustness-{name}.csv")
    for group, part in table.groupby("group", sort=False):
        show(
            part,
            f"{name}, {group}",
            {
                "disturbance": "disturbance",
                "n": "n",
                "valid": "valid",
                "flagged": "flagged",
                "Dice gain (95 %)": between("gain", "low", "high", 3),
                "Dice": number("dice", 3),
                "HD mm": number("hd", 1),
                "ASSD mm": number("assd", 2),
                "Dice below undisturbed": between("lost", "lost low", "lost high", 3),
            },
        )


def ablate(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    share: Annotated[
        float, typer.Option(help="Share of the configuration's updates that every training makes.")
    ] = 0.25,
    only: Annotated[list[str], typer.Option(help="Train only these variations now; give several.")] = [],  # noqa: B006
    stacks: StacksOption = 40,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Train the automaton without each part of its design in turn and write RUN/ablation.csv.

    Goes on where it was cut off; the table also holds the variations that other calls have trained.
    """
    from rncarefine_training.cli.tables import between, number, p_value, show
    from rncarefine_training.evaluate.store import write_table

    from .ablation import VARIATIONS, rows_of, summarise, train_and_measure

    names = [variation.name for variation in VARIATIONS]
    for name in only:
        if name not in names:
            raise ValueError(f"There is no variation {name!r}. There are: {', '.join(names)}.")
    training, failures = Config.load(config), _some_failures(run, config, stacks)
    done = {}
    for number_of, variation in enumerate(VARIATIONS, 1):
        if only and variation.name not in only and not rows_of(variation, run, len(failures)).exists():
            continue
        console.print(f"Variation {number_of} of {len(VARIATIONS)}: {variation.name}")
        done[variation.name] = train_and_measure(
            training, variation, share, run, failures, device=device, workers=workers
        )
        # Written after each, so that a part of the table can be read while the rest is trained.
        table = summarise(done)
        write_table(table, run / "ablation.csv")
    show(
        table,
        f"{training.name}, the automaton alone, {share:g} of the updates",
        {
            "variation": "variation",
            "n": "n",
            "rings": "rings",
            "Dice gain (95 %)": between("gain", "low", "high", 3),
            "HD mm": number("hd", 1),
            "ASSD mm": number("assd", 2),
            "Dice against as it is": between("over", "over low", "over high", 3),
            "p": p_value(),
        },
    )


def _some_failures(run: Path, config: Path, stacks: int) -> list[Failure]:
    """Draw stacks of the selecting subjects; fewer are a part of more."""
    found, order = selecting_failures(run, config)
    return [found[index] for index in sorted(order[:stacks])]


for command in (horizon, robustness, ablate, *cli_pictures.COMMANDS):
    app.command()(command)


def main() -> None:
    """Run the command; bad input is one line and exit status 2."""
    try:
        app(prog_name="python -m experiments")
    except ValueError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise SystemExit(2) from None
