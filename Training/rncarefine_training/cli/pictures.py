"""Implementation of ``calibrate``, ``export`` and ``evaluate`` for vessel models."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from rich.progress import track

from rncarefine.atomic import write_text_whole
from rncarefine.nca.model import load_model

from ..config import Config
from ..data.sources.csv_table import read_csv
from ..data.sources.entry import Entry
from ..data.sources.pictures import TABLE
from .options import console, ensure_folder
from .tables import bridges_table, pictures_table, show

PRECISION, FRAGMENT_PRECISION = 0.6, 0.9
"""Required cross-validated precision of bridges between large components, and of bridges to fragments. Bridges between
large components are few and reconnect more, so a lower precision is accepted."""


def calibrate_pictures(training: Config, run: Path, path: Path, workers: int) -> None:
    """Calibrate the confidence of bridges on the validation set, and the domain gate also on the training set."""
    from ..automaton.export import recard
    from ..automaton.fit import training_sources
    from ..evaluate.measure import failures_of
    from ..evaluate.pictures.calibrate import bridges_of, fit_bridges, fit_domain_gate

    model = load_model(path)
    entries = entries_of(run)
    cases, predictions = run / "cases", run / "predictions"
    held = failures_of(cases, predictions, training_sources(training), training.subjects.calibrated_on)
    known = failures_of(cases, predictions, training_sources(training, last_only=True), training.subjects.train)
    # Picture features hardly depend on the network: use one network and every other picture.
    jobs = [*held, *list({failure.case: failure for failure in known}.values())[::2]]
    found = track(bridges_of(jobs, entries, model, workers), "Pictures", total=len(jobs), console=console)
    bridges, features = zip(*found, strict=True)
    calibration = fit_bridges(pd.concat(bridges[: len(held)], ignore_index=True))
    least = _threshold(calibration.precision, PRECISION)
    fragment = _threshold(calibration.fragment_precision, FRAGMENT_PRECISION)
    values = {
        "bridge_confidence": calibration.weights,
        "least_confidence": least,
        "fragment_confidence": fragment,
        "familiar": fit_domain_gate(pd.concat(features, ignore_index=True)),
    }
    recard(path, tubular=model.card.tubular | values)
    kept = {"sha256": model.card.sha256, "tubular": values, "calibration": asdict(calibration)}
    write_text_whole(ensure_folder(run / "automaton" / training.name) / "confidence.json", json.dumps(kept, indent=2))
    console.print(
        f"{calibration.bridges} candidate bridges, {100 * calibration.true:.0f} % true; AUROC {calibration.auroc:.3f} "
        f"by cross-validation; minimum confidence {least:.2f}, of bridges to fragments {fragment:.2f}"
    )


def complete_card(run: Path, path: Path, folder: Path) -> None:
    """Add the results of ``calibrate`` and ``evaluate --test`` to a card, if they belong to the same weights."""
    from ..automaton.export import recard
    from ..evaluate.pictures.tables import picture_card_metrics

    model = load_model(path)
    kept: dict[str, Any] = {}
    calibration = folder / "confidence.json"
    if calibration.exists():
        kept = json.loads(calibration.read_text(encoding="utf-8"))
    values = kept.get("tubular", {}) if kept.get("sha256") == model.card.sha256 else {}
    table = run / f"{_name(True)}-pictures.csv"
    metrics = picture_card_metrics(pd.read_csv(table), model.card.sha256) if table.exists() else {}
    recard(path, tubular=model.card.tubular | values, metrics=metrics)


def evaluate_pictures(
    training: Config, run: Path, models: list[str], test: bool, tables: bool, workers: int, first: int | None
) -> None:
    """Evaluate one vessel model and the baselines, and write RUN/vessels*.csv.

    Raises:
        ValueError: Several models were given, or there are no segmentations.
    """
    from ..evaluate.pictures.measure import evaluate_pictures as measure
    from ..evaluate.pictures.measure import segmented
    from ..evaluate.pictures.tables import summarise_bridges, summarise_pictures
    from ..evaluate.store import open_test_subjects

    if len(models) != 1:
        raise ValueError(f"--model {' '.join(models)}: vessel models are evaluated one at a time.")
    name = _name(test)
    rows_path, bridges_path = run / f"{name}-pictures.csv", run / f"{name}-bridges.csv"
    if tables:
        rows, bridges = pd.read_csv(rows_path), pd.read_csv(bridges_path)
    else:
        chosen = (training.subjects.test if test else training.subjects.select)[:first]
        jobs = segmented(entries_of(run).values(), training.predictions.test, chosen)
        model = load_model(models[0])
        if test:
            for sentence in open_test_subjects(
                run / "opened.csv", [model], "rncarefine-train " + " ".join(sys.argv[1:])
            ):
                console.print(sentence, style="yellow")
        found = track(measure(jobs, model, workers), "Pictures", total=len(jobs), console=console)
        rows, bridges = pd.DataFrame(), pd.DataFrame()
        for part, some in found:
            # Written after each picture, so that an interrupted evaluation keeps its results.
            rows = pd.concat([rows, part], ignore_index=True)
            bridges = pd.concat([bridges, some], ignore_index=True)
            rows.to_csv(rows_path, index=False, float_format="%.6g")
            bridges.to_csv(bridges_path, index=False, float_format="%.6g")
    table = summarise_pictures(rows)
    table.to_csv(run / f"{name}.csv", index=False, float_format="%.4g")
    sure = summarise_bridges(bridges)
    sure.to_csv(run / f"{name}-confidence.csv", index=False, float_format="%.4g")
    show(pictures_table(table), "Mean by network and method")
    show(bridges_table(sure), "Confidence of candidate bridges")
    console.print(f"All tables: {run / name}*.csv", soft_wrap=True)


def _threshold(precision: dict[str, float], least: float) -> float:
    """Return the lowest threshold with a precision of at least ``least``; 0.9 if there is none."""
    return min((float(at) for at, share in precision.items() if share >= least), default=0.9)


def entries_of(run: Path) -> dict[str, Entry]:
    """Return the photographs of a run by name of the case."""
    path = run / TABLE
    if not path.is_file():
        raise ValueError(f"{path} does not exist. Run `rncarefine-train pictures` first.")
    return {entry.name: entry for entry in read_csv(path)[0]}


def _name(test: bool) -> str:
    return "vessels" if test else "vessels-select"
