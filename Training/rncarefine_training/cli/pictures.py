"""What ``calibrate``, ``export`` and ``evaluate`` do for models of vessels."""

from __future__ import annotations

import json
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
from .tables import pictures_table, show

PRECISION, FRAGMENT_PRECISION = 0.6, 0.9
"""Bridges between long pieces, and to fragments, are made from the confidence on above which this share is true, on
subjects left out of the calibration. A bridge between long pieces joins more, and there are few of them."""


def calibrate_pictures(training: Config, run: Path, path: Path, workers: int) -> None:
    """Calibrate the confidence of bridges on the validation set, and the gate on the subjects trained on, too."""
    from ..automaton.export import recard
    from ..automaton.fit import training_sources
    from ..evaluate.measure import failures_of
    from ..evaluate.pictures.calibrate import bridges_of, fit_bridges, fit_domain_gate

    model = load_model(path)
    entries = _entries(run)
    cases, predictions = run / "cases", run / "predictions"
    held = failures_of(cases, predictions, training_sources(training), training.subjects.select)
    known = failures_of(cases, predictions, training_sources(training, last_only=True), training.subjects.train)
    # What a picture looks like hardly depends on the network: one is enough, and so is every other picture.
    jobs = [*held, *list({failure.case: failure for failure in known}.values())[::2]]
    found = track(bridges_of(jobs, entries, model, workers), "Pictures", total=len(jobs), console=console)
    bridges, looks = zip(*found, strict=True)
    calibration = fit_bridges(pd.concat(bridges[: len(held)], ignore_index=True))
    least = _from(calibration.precision, PRECISION)
    fragment = _from(calibration.fragment_precision, FRAGMENT_PRECISION)
    values = {
        "bridge_confidence": calibration.weights,
        "least_confidence": least,
        "fragment_confidence": fragment,
        "familiar": fit_domain_gate(pd.concat(looks, ignore_index=True)),
    }
    recard(path, tubular=model.card.tubular | values)
    kept = {"sha256": model.card.sha256, "tubular": values, "calibration": asdict(calibration)}
    write_text_whole(ensure_folder(run / "automaton" / training.name) / "confidence.json", json.dumps(kept, indent=2))
    console.print(
        f"{calibration.bridges} possible bridges, {100 * calibration.true:.0f} % true; AUROC {calibration.auroc:.3f} "
        f"on subjects left out; bridges are made from confidence {least:.2f} on, to a fragment from {fragment:.2f} on"
    )


def complete_card(run: Path, path: Path, folder: Path) -> None:
    """Put the results of ``calibrate`` and ``evaluate --test`` onto a card, if they are of the same weights."""
    from ..automaton.export import recard
    from ..evaluate.pictures.tables import measured

    model = load_model(path)
    kept: dict[str, Any] = {}
    calibration = folder / "confidence.json"
    if calibration.exists():
        kept = json.loads(calibration.read_text(encoding="utf-8"))
    values = kept.get("tubular", {}) if kept.get("sha256") == model.card.sha256 else {}
    table = run / f"{_name(True)}-pictures.csv"
    metrics = measured(pd.read_csv(table), model.card.sha256) if table.exists() else {}
    recard(path, tubular=model.card.tubular | values, metrics=metrics)


def evaluate_pictures(
    training: Config, run: Path, models: list[str], test: bool, tables: bool, workers: int, first: int | None
) -> None:
    """Measure one model of vessels beside the baselines and write RUN/vessels*.csv.

    Raises:
        ValueError: Several models were given, or there is nothing to measure.
    """
    from ..evaluate.pictures.measure import evaluate_pictures as measure
    from ..evaluate.pictures.measure import segmented
    from ..evaluate.pictures.tables import summarise_pictures

    if len(models) != 1:
        raise ValueError(f"--model {' '.join(models)}: one model of vessels is measured at a time.")
    name = _name(test)
    rows_path = run / f"{name}-pictures.csv"
    if tables:
        rows = pd.read_csv(rows_path)
    else:
        chosen = (training.subjects.test if test else training.subjects.select)[:first]
        jobs = segmented(_entries(run).values(), training.predictions.test, chosen)
        model = load_model(models[0])
        found = track(measure(jobs, model, workers), "Pictures", total=len(jobs), console=console)
        rows = pd.DataFrame()
        for part in found:
            # After each picture: an evaluation that is interrupted leaves what it has measured.
            rows = pd.concat([rows, part], ignore_index=True)
            rows.to_csv(rows_path, index=False, float_format="%.6g")
    table = summarise_pictures(rows)
    table.to_csv(run / f"{name}.csv", index=False, float_format="%.4g")
    show(pictures_table(table), "Mean by network and method")
    console.print(f"All tables: {run / name}*.csv", soft_wrap=True)


def _from(precision: dict[str, float], least: float) -> float:
    """Return the lowest threshold from which on the precision is high enough, 0.9 if there is none."""
    return min((float(at) for at, share in precision.items() if share >= least), default=0.9)


def _entries(run: Path) -> dict[str, Entry]:
    """Return the photographs of a run, by the name of the case."""
    path = run / TABLE
    if not path.is_file():
        raise ValueError(f"{path} is not there. Run `rncarefine-train pictures` first.")
    return {entry.name: entry for entry in read_csv(path)[0]}


def _name(test: bool) -> str:
    return "vessels" if test else "vessels-select"
