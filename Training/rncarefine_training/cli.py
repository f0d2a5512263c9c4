"""The command ``rncarefine-train``: one command per step, and ``all`` for the whole way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd  # type: ignore[import-untyped]
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from RNCARefineLib.model import load_model

from .cases import load_cases, read_acdc
from .config import Config

SAMPLE_SUBJECT, SAMPLE_NETWORK = "SC-HF-I-05", "middle-0@1"
DEFAULT_CONFIG = Path(__file__).parent / "configs" / "sax-cine-2d.yaml"

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console()

ConfigOption = Annotated[Path, typer.Option("--config", "-c", exists=True, dir_okay=False, help="The training.")]
RunOption = Annotated[Path, typer.Option("--run", "-r", file_okay=False, help="Folder that holds all of the run.")]


@app.command()
def prepare(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="ACDC's training folder.")],
    run: RunOption = Path("run"),
) -> None:
    """Turn labelled volumes into cases."""
    folder = _made(run / "cases")
    count = sum(1 for _ in (case.save(folder) for case in track(read_acdc(source), "Cases", total=None)))
    console.print(f"{count} cases in {folder}")


@app.command()
def base(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Train the base networks, each on its own draw of subjects."""
    from .base import members, train_member

    training = Config.load(config)
    for member in members(training):
        console.print(f"Base network {member.name}: {len(member.subjects)} subjects")
        train_member(training, member, load_cases(run / "cases", member.subjects), run / "base")


@app.command()
def failures(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Segment, with every base network, the subjects it has not seen."""
    from .failures import collect

    found = collect(Config.load(config), run / "cases", run / "base", run / "predictions")
    console.print(f"{sum(1 for _ in track(found, 'Predictions', total=None))} predictions in {run / 'predictions'}")


@app.command()
def automaton(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Train the automaton on failures and damaged truth."""
    from .fit import train_automaton

    path = train_automaton(Config.load(config), run / "cases", run / "predictions", run / "automaton")
    console.print(f"Checkpoint: {path}")


@app.command()
def export(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write weights and model card to RUN/models; what `evaluate --test` measured goes into the card."""
    from .evaluate import measured
    from .export import export as write

    table = run / "evaluation-test.csv"
    metrics = measured(pd.read_csv(table)) if table.exists() else {}
    path = write(Config.load(config), run / "automaton" / "last.ckpt", _made(run / "models"), metrics)
    console.print(f"Weights: {path}")


@app.command()
def evaluate(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: Annotated[str, typer.Option(help="Name or path of the weights.")] = "sax-cine-2d",
    test: Annotated[bool, typer.Option(help="Open the test subjects; otherwise the selecting ones.")] = False,
    pool: Annotated[bool, typer.Option(help="Give the base network's blood pool to the repair.")] = False,
) -> None:
    """Measure the repair beside the baselines and write RUN/evaluation-*.csv."""
    from .evaluate import compare, overall, summarise
    from .evaluate import evaluate as measure
    from .fit import test_sources, training_sources

    training = Config.load(config)
    subjects = training.subjects.test if test else training.subjects.select
    sources = test_sources(training) if test else training_sources(training, last_only=True)
    rows = measure(run / "cases", run / "predictions", sources, subjects, load_model(model), pool)
    name = f"evaluation-{'test' if test else 'select'}{'-pool' if pool else ''}"
    rows.to_csv(run / f"{name}-slices.csv", index=False)
    table = summarise(rows)
    table.to_csv(run / f"{name}.csv", index=False)
    _print(table)
    for name, value in overall(rows).items():
        console.print(f"All networks, {name}: {value}")
    if rows.broken.any():
        against = ", ".join(f"{name} {value:.3g}" for name, value in compare(rows).items())
        console.print(f"Against polar interpolation, slice by slice: {against}")


@app.command()
def sample(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Sunnybrook images/ and labels/.")],
    output: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Gets the three files.")],
    subject: Annotated[str, typer.Option(help="Which of the subjects.")] = SAMPLE_SUBJECT,
    network: Annotated[str, typer.Option(help="Base network that breaks it, <member>@<fraction>.")] = SAMPLE_NETWORK,
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make the shipped sample data: a Sunnybrook stack and what a base network made of it."""
    from .base import load_network, predict
    from .sunnybrook import read_sunnybrook, write_sample

    training = Config.load(config)
    member, fraction = network.split("@")
    cases = {case.subject: case for case in read_sunnybrook(source)}
    if subject not in cases:
        raise ValueError(f"There is no subject {subject!r} in {source}; there are {', '.join(cases)}.")
    description = training.base.networks[member.split("-")[0]]
    trained = load_network(description, run / "base" / member / f"snapshot-{fraction}.pt")
    labels = predict(trained, cases[subject], training.base.spacing_mm)
    for path in write_sample(cases[subject], labels, output):
        console.print(str(path))


@app.command("all")
def everything(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="ACDC's training folder.")],
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Reproduce the weights: prepare, base, failures, automaton, export."""
    prepare(source, run)
    base(run, config)
    failures(run, config)
    automaton(run, config)
    export(run, config)


def main() -> None:
    """Run the command; bad input is one line and exit status 2."""
    try:
        app()
    except ValueError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise SystemExit(2) from None


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _print(frame: pd.DataFrame) -> None:
    """Print one narrow table a network."""
    for network, part in frame.groupby("network", sort=False):
        table = Table("method", "broken", "flagged", "valid", "Dice", "HD mm", "ASSD mm", "changed of correct")
        for row in part.to_dict("records"):
            pairs = [f"{row[f'{name} before']:.{digits}f} {row[name]:.{digits}f}" for name, digits in _DIGITS.items()]
            changed = f"{row['correct changed']} of {row['correct']}"
            table.add_row(row["method"], str(row["broken"]), str(row["flagged"]), row["valid"], *pairs, changed)
        console.print(f"Base network: {network} (before and after)")
        console.print(table)


_DIGITS = {"dice": 3, "hd": 1, "assd": 2}
