"""Train models for RNCARefine: one command per step, or ``all`` for the whole pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pandas as pd  # type: ignore[import-untyped]
import typer
from rich.console import Console
from rich.progress import track

from rncarefine.nca.model import load_model

from ..config import Config
from ..data.cases import load_cases
from .data import pictures, prepare, procedural
from .evaluate import evaluate, plots
from .options import DEFAULT_CONFIG, ConfigOption, RunOption, console, ensure_folder

SAMPLE_SUBJECT, SAMPLE_NETWORK = "SC-HF-I-05", "middle-0@1"

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
for command in (prepare, pictures, procedural, evaluate, plots):
    app.command()(command)


@app.command()
def base(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Train the base networks, each on a random subset of subjects."""
    from ..networks.base import train_member
    from ..networks.members import RECORD, members
    from ..progress import suppress_lightning_messages

    training = Config.load(config)
    for member in members(training):
        console.print(f"Base network {member.name}: {len(member.subjects)} subjects")
        with suppress_lightning_messages():
            train_member(training, member, load_cases(run / "cases", member.subjects), run / "base")
        folder = run / "base" / member.name
        if not (folder / RECORD).exists():
            console.print(
                f"Note: {folder} is by an earlier version and has no record: whether it was trained on these "
                "subjects is not known.",
                style="yellow",
            )


@app.command()
def failures(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Segment the subjects that a base network was not trained on, with every base network."""
    from ..networks.failures import collect, due

    training = Config.load(config)
    total = sum(1 for _ in due(training, run / "cases", run / "predictions"))
    found = collect(training, run / "cases", run / "base", run / "predictions")
    count = sum(1 for _ in track(found, "Predictions", total=total, console=console))
    console.print(f"{count} predictions in {run / 'predictions'}")


@app.command()
def complete(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Let the exported model draw the outer contours of cases with an inner contour only; changes RUN/cases."""
    from ..automaton.completion import complete_outer_contours, lacks_outer_contours
    from ..data.cases import MYOCARDIUM, POOL, TrainingCase

    training = Config.load(config)
    model = load_model(run / "models" / f"{training.name}.npz")
    drawn = total = 0
    paths = [path for subject in training.subjects.develop for path in sorted((run / "cases").glob(f"{subject}_*.npz"))]
    if not paths:
        raise ValueError(f"No cases of the configuration in {run / 'cases'}. Run `rncarefine-train prepare` first.")
    for path in track(paths, "Cases", console=console):
        case = TrainingCase.load(path)
        if lacks_outer_contours(case):
            done = complete_outer_contours(case, model)
            done.save(run / "cases")
            drawn += int((done.labels == MYOCARDIUM).any(axis=(1, 2)).sum())
            total += int((done.labels == POOL).any(axis=(1, 2)).sum())
    console.print(f"{drawn} of {total} missing outer contours drawn" + "; the others are unsure" * (drawn < total))


@app.command()
def automaton(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Processes per machine, one per GPU.")] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, help="Number of machines; see Lightning for how to start the command.")
    ] = 1,
) -> None:
    """Train the automaton on real failures and damaged truth; write to RUN/automaton/NAME."""
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    from ..automaton.fit import Machines, train_automaton
    from ..progress import suppress_lightning_messages

    training = Config.load(config)
    if getattr(rank_zero_only, "rank", 0) == 0:
        _print_inventory(training, run)
    machines = Machines(accelerator, devices, nodes)
    folder = run / "automaton" / training.name
    with suppress_lightning_messages():
        path = train_automaton(training, run / "cases", run / "predictions", folder, machines=machines)
    rank_zero_only(console.print)(f"Checkpoint: {path}")


def _print_inventory(config: Config, run: Path) -> None:
    """Print the size of the training data, the number of updates, and warnings."""
    from ..automaton.inventory import MIN_FAILURES, count_training_data
    from ..resume import updates_done

    total = config.automaton.warmup_updates + config.automaton.updates
    done = updates_done(run / "automaton" / config.name / "last.ckpt")
    with console.status("Counting real failures"):
        train, select = count_training_data(config, run)
    console.print(f"Training: {train}")
    console.print(f"Validation: {select}")
    console.print(f"{config.name}: {total:,} updates" + (f", {done:,} of them done" if done else ""))
    if missing := train.missing + select.missing:
        console.print(f"Note: {missing} subjects of the configuration have no stack.", style="yellow")
    if config.automaton.task == "ring" and train.failures < MIN_FAILURES:
        console.print(
            f"Note: only {train.failures} real failures; most samples will be damaged truth. Add segmentations of more "
            "networks, or of weaker ones.",
            style="yellow",
        )


@app.command()
def calibrate(
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
) -> None:
    """Calibrate the confidence on the validation set and update the model card in RUN/models."""
    from dataclasses import asdict

    from rncarefine.atomic import write_text_whole
    from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES

    from ..automaton.export import recard
    from ..automaton.fit import training_sources
    from ..evaluate.calibrate import collect_features, fit_confidence
    from ..evaluate.measure import failures_of
    from ..networks.members import check_predictions

    training = Config.load(config)
    check_predictions(training, run / "predictions")
    path = run / "models" / f"{training.name}.npz"
    if training.automaton.task == "tubular":
        from .pictures import calibrate_pictures

        calibrate_pictures(training, run, path, workers)
        return
    # Including early snapshots: repairs of fully trained networks alone contain too few bad walls.
    sources = training_sources(training)
    failures = failures_of(run / "cases", run / "predictions", sources, training.subjects.calibrated_on)
    model = load_model(path)
    found = collect_features(failures, model, workers)
    rows = pd.concat(track(found, "Stacks", total=len(failures)))
    calibrations = {
        "repaired": fit_confidence(rows[rows.repaired], REPAIRED_FEATURES),
        "closed": fit_confidence(rows[~rows.repaired], CLOSED_FEATURES),
    }
    recard(path, confidence=calibrations["repaired"].weights, closed_confidence=calibrations["closed"].weights)
    kept = {kind: asdict(calibration) for kind, calibration in calibrations.items()}
    text = json.dumps(kept | {"sha256": model.card.sha256}, indent=2)
    write_text_whole(ensure_folder(run / "automaton" / training.name) / "confidence.json", text)
    for kind, calibration in calibrations.items():
        console.print(
            f"{calibration.walls} {kind} walls, {100 * calibration.good:.0f} % good; AUROC {calibration.auroc:.2f} on "
            "subjects left out"
        )


@app.command()
def export(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write weights and model card to RUN/models, including the results of `calibrate` and `evaluate --test`."""
    from ..automaton.export import export as write
    from ..automaton.export import recard
    from ..evaluate.tables import card_metrics
    from ..resume import updates_done

    training = Config.load(config)
    folder = run / "automaton" / training.name
    table, calibration = run / "evaluation-test.csv", folder / "confidence.json"
    path = write(training, folder / "last.ckpt", ensure_folder(run / "models"))
    sha256 = load_model(path).card.sha256
    if training.automaton.task == "tubular":
        from .pictures import complete_card

        complete_card(run, path, folder)
        console.print(f"Weights: {path}")
        return
    # Earlier results are invalid if the training was resumed since.
    metrics = card_metrics(pd.read_csv(table, dtype={"sha256": str}), sha256) if table.exists() else {}
    kept = json.loads(calibration.read_text(encoding="utf-8")) if calibration.exists() else {}
    weights = {
        field: kept.get(kind, {}).get("weights", {}) if kept.get("sha256", sha256) == sha256 else {}
        for field, kind in (("confidence", "repaired"), ("closed_confidence", "closed"))
    }
    recard(path, metrics=metrics, **weights)
    console.print(f"Weights: {path}")
    done, total = updates_done(folder / "last.ckpt"), training.automaton.warmup_updates + training.automaton.updates
    if done < total:
        console.print(f"Note: the training has made {done:,} of {total:,} updates.", style="yellow")
    if kept and not weights["confidence"]:
        console.print("Note: the confidence was calibrated for earlier weights. Run `calibrate` again.", style="yellow")


@app.command()
def sample(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Sunnybrook images/ and labels/.")],
    output: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Output folder.")],
    subject: Annotated[str, typer.Option(help="Subject.")] = SAMPLE_SUBJECT,
    network: Annotated[str, typer.Option(help="Base network that segments it, <member>@<fraction>.")] = SAMPLE_NETWORK,
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Create the bundled sample data: a Sunnybrook stack and its segmentation by a base network."""
    from ..data.sources.sunnybrook import read_sunnybrook, write_sample
    from ..networks.base import load_network, predict

    training = Config.load(config)
    member, at, fraction = network.partition("@")
    kind = member.rpartition("-")[0]
    if not at or kind not in training.base.networks:
        raise ValueError(
            f"--network {network}: use <member>@<fraction>, such as {SAMPLE_NETWORK}; the configuration has the "
            f"networks {', '.join(training.base.networks) or 'none'}."
        )
    cases = {case.subject: case for case in read_sunnybrook(source)}
    if subject not in cases:
        raise ValueError(f"There is no subject {subject!r} in {source}; there are {', '.join(cases)}.")
    trained = load_network(
        training.base.networks[kind], run / "base" / member / f"snapshot-{fraction}.pt", training.classes
    )
    labels = predict(trained, cases[subject], training.base.spacing_mm)
    for path in write_sample(cases[subject], labels, output):
        console.print(str(path))


@app.command("all")
def run_all(
    source: Annotated[Path, typer.Argument(exists=True, help="Data as for `prepare`; for vessels, as for `pictures`.")],
    run: RunOption = Path("run"),
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Reproduce the weights: prepare (or pictures), base, failures, automaton, export, calibrate."""
    if Config.load(config).automaton.task == "tubular":
        pictures(source, run)
    else:
        prepare(source, run)
    base(run, config)
    failures(run, config)
    automaton(run, config)
    export(run, config)
    calibrate(run, config)


def main() -> None:
    """Run the command; invalid input is reported in one line, with exit status 2."""
    try:
        app()
    except ValueError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise SystemExit(2) from None
