"""Command line of the experiments: ``PYTHONPATH=Training python -m experiments``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rncarefine.atomic import write_text_whole
from rncarefine.nca.model import load_model
from rncarefine_training.cli.evaluate import (
    DeviceOption,
    ModelsOption,
    WorkersOption,
    collect_rows,
    validation_failures,
)
from rncarefine_training.cli.options import DEFAULT_CONFIG, ConfigOption, RunOption, console, ensure_folder
from rncarefine_training.cli.tables import show, show_evaluation
from rncarefine_training.config import Config
from rncarefine_training.evaluate.measure import Failure, measure_repairs
from rncarefine_training.evaluate.store import (
    ROWS,
    base_name,
    open_test_subjects,
    read_rows,
    write_evaluation,
    write_table,
)

from .comparison.commands import compare_published, draw_vessels

ModelOption = Annotated[str, typer.Option("--model", "-m", help="Name or path of the model.")]
StacksOption = Annotated[int, typer.Option(min=1, help="Number of random stacks of the validation set.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Experiments of the documentation.")


def horizon(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelOption = "sax-cine-2d",
    stacks: StacksOption = 24,
    seeds: Annotated[int, typer.Option(min=1, help="Number of random seeds per stack.")] = 3,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Roll out up to 512 steps without early stop to test stability; write RUN/horizon-MODEL.csv."""
    from .horizon import long_rollouts, summarise
    from .report import horizon_table

    weights, failures = load_model(model), _sample_failures(run, config, stacks)
    rolled = long_rollouts(failures, weights, seeds=range(seeds), device=device, workers=workers)
    rows = collect_rows(rolled, len(failures))
    table = summarise(rows)
    write_table(rows, run / f"horizon-{weights.card.name}-slices.csv")
    write_table(table, run / f"horizon-{weights.card.name}.csv")
    show(horizon_table(table), f"{weights.card.name} without early stop, {seeds} seeds")


def robustness(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelOption = "sax-cine-2d",
    stacks: StacksOption = 40,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Repair disturbed stacks (image, orientation, grid, mask) and write RUN/robustness-MODEL.csv.

    Can be interrupted and resumed: rows are kept per stack in RUN/robustness/.
    """
    from .report import robustness_table
    from .robustness import disturb_and_repair, summarise

    weights, failures = load_model(model), _sample_failures(run, config, stacks)
    name = weights.card.name
    folder = ensure_folder(run / "robustness" / f"{name}-{weights.card.sha256[:7]}-{weights.card.settings_hash[:4]}")
    disturbed = disturb_and_repair(failures, weights, folder, device=device, workers=workers)
    table = summarise(collect_rows(disturbed, len(failures)))
    write_table(table, run / f"robustness-{name}.csv")
    show(robustness_table(table), name)


def volumetric(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelsOption = ["sax-cine-2d", "sax-cine-3d"],  # noqa: B006
    stacks: StacksOption = 60,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Compare slice-wise models with a volumetric one (the last) where neighbours matter; write RUN/volumetric.csv."""
    from .report import volumetric_table
    from .volumetric import compare_models, summarise

    models, failures = [load_model(name) for name in model], _sample_failures(run, config, stacks)
    table = summarise(collect_rows(compare_models(failures, models, device=device, workers=workers), len(failures)))
    write_table(table, run / "volumetric.csv")
    show(volumetric_table(table), f"{models[-1].card.name}, where neighbours matter")


def volumetric_strata(
    run: RunOption = Path("run"),
    model: ModelsOption = ["sax-cine-2d", "sax-cine-3d"],  # noqa: B006
    test: Annotated[bool, typer.Option(help="Use the test set instead of the validation set.")] = False,
) -> None:
    """Compare a slice-wise model with a volumetric one in the rows of evaluate; write RUN/volumetric-strata.csv."""
    from .report import volumetric_strata_table
    from .volumetric import compare_strata

    if len(model) != 2:
        raise ValueError(f"Give two models, the volumetric one last; not {len(model)}.")
    table = compare_strata(read_rows(run / f"{base_name(test)}-{ROWS}.csv"), *model)
    write_table(table, run / "volumetric-strata.csv")
    show(volumetric_strata_table(table), f"{model[-1]}, by stratum")


def good_walls(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelsOption = ["sax-cine-2d", "sax-open-2d", "sax-any-2d"],  # noqa: B006
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Repair true walls of the validation set, unchanged and with a gap, pores or specks; write RUN/good-walls.csv."""
    from .good_walls import repair_good_walls, summarise
    from .report import good_walls_table

    subjects = Config.load(config).subjects.select
    cases = [path for subject in subjects for path in sorted((run / "cases").glob(f"{subject}_*.npz"))]
    if not cases:
        raise ValueError(f"{run / 'cases'} has no case of the validation set. Run `rncarefine-train prepare` first.")
    repaired = repair_good_walls(cases, [load_model(name) for name in model], device=device, workers=workers)
    table = summarise(collect_rows(repaired, len(cases)))
    write_table(table, run / "good-walls.csv")
    show(good_walls_table(table), "Good walls with a small defect")


def stack_rules(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelOption = "sax-open-2d",
    stacks: StacksOption = 100,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Test the rules about stacks with their own and other images; write RUN/stack-rules.csv."""
    from .stack_rules import examine_stacks, summarise

    failures = _sample_failures(run, config, stacks)
    examined = examine_stacks(failures, load_model(model), device=device, workers=workers)
    table = summarise(collect_rows(examined, len(failures)))
    write_table(table, run / "stack-rules.csv")
    show(table, "Overlap of masks and images, and the end of the apex")


def another_sequence(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folders with image and gt .nii.gz.")],
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    network: Annotated[list[str], typer.Option(help="Network to segment with. Can be repeated.")] = ["weak", "middle"],  # noqa: B006
    model: ModelsOption = ["sax-open-2d", "sax-cine-2d", "sax-any-2d"],  # noqa: B006
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Segment another sequence with base networks of the run, and repair it; write RUN/another-sequence/*.csv."""
    from .another_sequence import bright_parts, read_stacks, segment
    from .report import scars_table

    folder = ensure_folder(run / "another-sequence")
    failures = segment(read_stacks(source, folder / "cases"), Config.load(config), run / "base", network, folder)
    models = [load_model(name) for name in model]
    rows = collect_rows(measure_repairs(failures, models, device=device, workers=workers), len(failures))
    show_evaluation(write_evaluation(rows, folder, base_name(False)))
    table = bright_parts(failures, models, device)
    write_table(table, run / "scars.csv")
    show(scars_table(table), "Share of the true wall inside the repaired wall")


def observers(
    second: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Masks by a second observer.")],
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    model: ModelOption = "retina-vessels-2d",
    test: Annotated[bool, typer.Option(help="Use the test set instead of the validation set.")] = False,
    workers: WorkersOption = 1,
) -> None:
    """Count the bridges on vessels of either observer; write RUN/vessels-observers.csv."""
    from rncarefine_training.cli.pictures import entries_of
    from rncarefine_training.evaluate.pictures.measure import segmented

    from .observers import judge_bridges, second_masks, summarise
    from .report import observers_table

    training, weights = Config.load(config), load_model(model)
    subjects = training.subjects.test if test else training.subjects.select
    jobs = second_masks(segmented(entries_of(run).values(), training.predictions.test, subjects), second)
    if test:
        for sentence in open_test_subjects(run / "opened.csv", [weights], "experiments " + " ".join(sys.argv[1:])):
            console.print(sentence, style="yellow")
    table = summarise(collect_rows(judge_bridges(jobs, weights, workers), len(jobs)))
    write_table(table, run / "vessels-observers.csv")
    show(observers_table(table), "Bridges on vessels of either observer")


def gallery(
    run: RunOption = Path("run"),
    model: ModelOption = "sax-cine-2d",
    test: Annotated[bool, typer.Option(help="Use the test set instead of the validation set.")] = False,
    each: Annotated[int, typer.Option(min=1, help="Slices of each kind.")] = 6,
    output: Annotated[Path | None, typer.Option(file_okay=False, help="Output folder; default: RUN/gallery.")] = None,
) -> None:
    """Draw the worst, median and random slices of each base network, from RUN/evaluation-*-slices.csv."""
    from .figures.gallery import choose_slices, draw_galleries

    weights = load_model(model)
    chosen = choose_slices(read_rows(run / f"{base_name(test)}-{ROWS}.csv"), weights.card.name, each)
    if chosen.empty:
        raise ValueError(f"{weights.card.name} has no rows in {run}. Run `rncarefine-train evaluate` first.")
    for path in draw_galleries(chosen, run, weights, ensure_folder(output or run / "gallery")):
        console.print(str(path))


def ablate(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    share: Annotated[float, typer.Option(help="Length of each training, as a share of the configured updates.")] = 0.25,
    start: Annotated[
        str | None, typer.Option(help="Model in RUN/models to start every training from, without warm-up.")
    ] = None,
    only: Annotated[list[str], typer.Option(help="Variation to train; default: all. Can be repeated.")] = [],  # noqa: B006
    stacks: StacksOption = 40,
    workers: WorkersOption = 1,
    device: DeviceOption = "auto",
) -> None:
    """Train the automaton without individual parts of its design; write RUN/ablation.csv.

    With --start only the rollout is trained; the table is then RUN/ablation-rollout.csv. Can be interrupted and
    resumed; the table includes variations trained by earlier calls. All variations take hours; --only selects some.
    """
    from .ablation import VARIATIONS, pending_updates, results_folder, rows_of, summarise, train_and_measure
    from .report import ablation_table

    names = [variation.name for variation in VARIATIONS]
    for name in only:
        if name not in names:
            raise ValueError(f"There is no variation {name!r}. There are: {', '.join(names)}.")
    training, failures = Config.load(config), _sample_failures(run, config, stacks)
    chosen = [variation for variation in VARIATIONS if not only or variation.name in only]
    updates = pending_updates(training, chosen, share, run, len(failures), start)
    console.print(f"Trainings to run: {len(updates)}; updates: {sum(updates):,}. Finished trainings are not repeated.")
    if not only:
        console.print(f"--only NAME trains one variation: {', '.join(names)}.")
    done = {}
    for number, variation in enumerate(VARIATIONS, 1):
        if variation not in chosen and not rows_of(variation, run, len(failures), start).exists():
            continue
        console.print(f"Variation {number} of {len(VARIATIONS)}: {variation.name}")
        done[variation.name] = train_and_measure(
            training, variation, share, run, failures, start=start, device=device, workers=workers
        )
        # Updated after each variation, to be readable during the experiment.
        table = summarise(done)
        write_table(table, results_folder(run, start).with_suffix(".csv"))
    show(ablation_table(table), f"{training.name}, the automaton alone, {share:g} of the updates")


def sample_pictures(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Output folder.")] = Path("Resources/Screenshots"),
    model: ModelOption = "retina-vessels-2d",
    side: Annotated[int | None, typer.Option(min=1, help="Size of a centre crop in pixels.")] = 560,
) -> None:
    """Draw the bundled photograph with broken and repaired mask, for README."""
    from .figures.sample import draw_sample

    for path in draw_sample(load_model(model), ensure_folder(folder), side):
        console.print(str(path))


def plots(
    run: RunOption = Path("run"),
    model: ModelsOption = ["sax-cine-2d"],  # noqa: B006
    output: Annotated[Path | None, typer.Option(file_okay=False, help="Output folder; default: RUN/plots.")] = None,
) -> None:
    """Plot all experiments for which the run has tables, as PNG and SVG."""
    from .figures.curves import draw_all

    steps = {weights.card.name: weights.card.steps for weights in map(load_model, model)}
    for path in draw_all(run, steps, ensure_folder(output or run / "plots")):
        console.print(str(path))


def report(
    run: RunOption = Path("run"),
    keep: Annotated[Path | None, typer.Option(file_okay=False, help="Copy tables and figures to this folder.")] = None,
    document: Annotated[Path | None, typer.Option(dir_okay=False, help="Document to update.")] = None,
) -> None:
    """Update the tables of a document from the CSV files of the run.

    With --keep, tables are copied, and the figures of the document from RUN/plots. A table is inserted between the
    lines `<!-- table: NAME -->` and `<!-- end of table -->`. Without --document, all tables are printed.
    """
    from .report import fill, keep_figures, keep_tables, tables

    if keep is not None:
        console.print(f"{len(keep_tables(run, ensure_folder(keep)))} tables in {keep}")
    if keep is not None and document is not None:
        text = document.read_text(encoding="utf-8")
        console.print(f"{len(keep_figures(text, run / 'plots', keep))} figures in {keep}")
    known = tables(keep or run)
    if document is None:
        for name, text in known.items():
            print(f"<!-- table: {name} -->\n{text}\n<!-- end of table -->\n")
        return
    write_text_whole(document, fill(document.read_text(encoding="utf-8"), known))
    console.print(f"Tables filled in {document}")


def _sample_failures(run: Path, config: Path, stacks: int) -> list[Failure]:
    """Return random predictions for the validation set; smaller samples are subsets of larger ones."""
    found, order = validation_failures(run, config)
    return [found[index] for index in sorted(order[:stacks])]


for command in (
    horizon,
    robustness,
    volumetric,
    volumetric_strata,
    good_walls,
    stack_rules,
    another_sequence,
    observers,
    gallery,
    ablate,
    compare_published,
    draw_vessels,
    sample_pictures,
    plots,
    report,
):
    app.command()(command)


def main() -> None:
    """Run the command; invalid input is reported in one line, with exit status 2."""
    try:
        app(prog_name="python -m experiments")
    except ValueError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise SystemExit(2) from None
