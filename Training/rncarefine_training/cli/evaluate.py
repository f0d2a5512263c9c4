"""Commands that evaluate repairs and plot the results."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import typer
from rich.progress import track

from rncarefine.nca.model import load_model
from rncarefine.nca.rollout import choose_device

from ..config import Config
from .options import DEFAULT_CONFIG, ConfigOption, RunOption, console, ensure_folder

if TYPE_CHECKING:
    from ..evaluate.measure import Failure
    from ..evaluate.plots.pictures import Shown

ModelsOption = Annotated[list[str], typer.Option("--model", "-m", help="Name or path of a model. Can be repeated.")]
WorkersOption = Annotated[int, typer.Option(min=1, help="Number of processes.")]
DeviceOption = Annotated[str, typer.Option(help="auto, numpy, cpu, cuda or mps.")]
OWN_STACKS = 12
"""Maximum number of broken stacks for a gallery of own data."""
SubjectsOption = Annotated[
    int | None,
    typer.Option(min=1, help="Evaluate the first N subjects only; written to separate files."),
]


def evaluate(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelsOption = ["sax-cine-2d"],  # noqa: B006 (typer's way to give a list a default)
    test: Annotated[bool, typer.Option(help="Evaluate on the test set instead of the validation set.")] = False,
    fresh: Annotated[bool, typer.Option(help="Discard earlier results of other models.")] = False,
    tables: Annotated[bool, typer.Option(help="Only recompute the tables from existing rows.")] = False,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
    subjects: SubjectsOption = None,
) -> None:
    """Evaluate repairs and baselines, and write RUN/evaluation-*.csv.

    Earlier results of other models on the same slices are kept and included in the tables. Every evaluation on the test
    set is logged in RUN/opened.csv.
    """
    from ..automaton.fit import test_sources, training_sources
    from ..evaluate import store
    from ..evaluate.measure import failures_of, measure_repairs, model_labels, predicted_slices
    from ..networks.members import check_predictions
    from .tables import show_evaluation

    training = Config.load(config)
    if training.automaton.task == "tubular":
        from .pictures import evaluate_pictures

        evaluate_pictures(training, run, model, test, tables, workers, subjects)
        return
    name = store.base_name(test, subjects)
    path = run / f"{name}-{store.ROWS}.csv"
    if tables:
        store.write_evaluation(store.read_rows(path), run, name)
        console.print(f"Tables written: {run / name}*.csv")
        return
    check_predictions(training, run / "predictions")
    chosen = (training.subjects.test if test else training.subjects.select)[:subjects]
    sources = test_sources(training) if test else training_sources(training, last_only=True)
    failures = failures_of(run / "cases", run / "predictions", sources, chosen)
    models = [load_model(name) for name in model]
    console.print(f"evaluate: {len(failures)} segmented stacks of {len(sources)} networks, models: {', '.join(model)}")
    # Fail before the evaluation starts and the test set is opened.
    choose_device(device)
    if not fresh:
        store.other_models(path, predicted_slices(failures), model_labels(models))
    if test:
        command = "rncarefine-train " + " ".join(sys.argv[1:])
        for sentence in store.open_test_subjects(run / "opened.csv", models, command):
            console.print(sentence, style="yellow")
    rows = collect_rows(measure_repairs(failures, models, device=device, workers=workers), len(failures))
    rows = rows if fresh else store.keep_other_models(rows, path)
    show_evaluation(store.write_evaluation(rows, run, name))
    console.print(f"\nAll tables: {run / name}*.csv", soft_wrap=True)


def plots(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelsOption = ["sax-cine-2d"],  # noqa: B006
    test: Annotated[bool, typer.Option(help="Plot results on the test set instead of the validation set.")] = False,
    own: Annotated[bool, typer.Option(help="Use stacks of this run instead of the sample stack (CC0).")] = False,
    output: Annotated[Path | None, typer.Option(file_okay=False, help="Output folder; default: RUN/plots.")] = None,
) -> None:
    """Plot all tables of the run, and film strip and gallery of every model, as PNG and SVG.

    Film strip and gallery show images of patients: those of the sample stack may be published, those of your own stacks
    (--own) only under the terms of your data.
    """
    from ..evaluate.plots.draw import draw_all, draw_pictures
    from ..evaluate.plots.pictures import sample_stack
    from ..evaluate.store import base_name

    weights = [load_model(name) for name in model]
    folder = ensure_folder(output or run / "plots")
    written, missing = draw_all(run, base_name(test), folder)
    stacks = _own_stacks(run, config) if own else [sample_stack()]
    for each in weights:
        written += draw_pictures(stacks, each, folder)
    for path in written:
        console.print(str(path))
    for sentence in missing:
        console.print(f"Not drawn: {sentence}", style="yellow")


def validation_failures(run: Path, config: Path) -> tuple[list[Failure], list[int]]:
    """Return all predictions for the validation set, and a random order of them."""
    from ..automaton.fit import training_sources
    from ..evaluate.measure import failures_of
    from ..networks.members import check_predictions

    training = Config.load(config)
    check_predictions(training, run / "predictions")
    sources = training_sources(training, last_only=True)
    found = failures_of(run / "cases", run / "predictions", sources, training.subjects.select)
    return found, np.random.default_rng(training.seed).permutation(len(found)).tolist()


def _own_stacks(run: Path, config: Path) -> list[Shown]:
    """Return random broken stacks of the validation set."""
    from ..evaluate.plots.pictures import broken_stacks

    found, order = validation_failures(run, config)
    return broken_stacks((found[index] for index in order), OWN_STACKS)


def collect_rows(parts: Iterable[pd.DataFrame], total: int) -> pd.DataFrame:
    """Concatenate the rows of all stacks, with a progress bar.

    Raises:
        ValueError: There are no rows.
    """
    shown = track(parts, "Stacks", total=total, console=console)
    filled = [part for part in shown if not part.empty]
    if not filled:
        raise ValueError(f"The base networks broke no slice of these {total} stacks: there is nothing to repair.")
    return pd.concat(filled, ignore_index=True)
