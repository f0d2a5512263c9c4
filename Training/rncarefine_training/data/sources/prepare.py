"""Write cases, predictions and split to the folder of a run; nothing is written if an entry is invalid."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..cases import TrainingCase, broken, save_prediction
from .checks import PredictionCheck, TruthCheck
from .entry import Entry, Split, check_entries, prediction_folder, raise_all
from .labels import Labels
from .reading import LabelledImage, read_entry
from .split import FILE, complete, read_split, write_split

CASES, PREDICTIONS = "cases", "predictions"
"""Folders of a run."""


@dataclass
class NetworkSummary:
    """Predictions of one network: number of cases, mean Dice of the myocardium, broken slices."""

    cases: int = 0
    dice: float = 0.0
    broken: int = 0


@dataclass
class Summary:
    """Summary of the prepared data.

    Attributes:
        cases: Number of cases.
        slices: Number of slices.
        split: Split of every subject of the run.
        networks: Summaries by network.
        notes: Notes for the user.
    """

    cases: int = 0
    slices: int = 0
    split: dict[str, Split] = field(default_factory=dict)
    networks: dict[str, NetworkSummary] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shares:
    """Random split for data without one, see :func:`rncarefine_training.data.sources.split.complete`."""

    test: float = 0.2
    select: float = 0.2
    seed: int = 2026


def prepare(
    entries: Sequence[Entry],
    labels: Labels,
    prediction_labels: Mapping[str, Labels],
    run: Path,
    shares: Shares = Shares(),
    track: Callable[[Iterable[Entry]], Iterable[Entry]] = iter,
) -> Summary:
    """Read all entries and write ``cases/<case>.npz``, ``predictions/<network>@1/<case>.npz`` and ``subjects.csv``.

    Existing cases and predictions of the same name are replaced, others are kept.

    Args:
        entries: Labelled stacks.
        labels: Labels of the truth.
        prediction_labels: Labels of the segmentations by network, where they differ from the truth.
        run: Folder of the run; created if needed.
        shares: Shares of the random split.
        track: Wrapper of the entries that shows progress.

    Returns:
        Summary of the prepared data.

    Raises:
        ValueError: An entry is invalid; nothing was written.
    """
    check_entries(entries)
    split = _split(entries, run / FILE, shares)
    networks = sorted({name for entry in entries for name in entry.predictions})
    truth = TruthCheck(labels)
    checks = {name: PredictionCheck(name, prediction_labels.get(name, labels)) for name in networks}
    summary = Summary(split=split, networks={name: NetworkSummary() for name in networks})
    run.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".prepare-", dir=run))
    try:
        problems: list[str] = []
        images: dict[str, Entry] = {}
        for entry in track(entries):
            try:
                read = read_entry(entry)
            except ValueError as error:
                problems.append(str(error))
                continue
            # Duplicates could end up in training and test set.
            first = images.setdefault(hashlib.sha256(read.image.tobytes()).hexdigest(), entry)
            if first is not entry:
                pair = f"{first.where} and {entry.where} have the same image ({first.image} and {entry.image})"
                problems.append(f"{pair}. Remove one.")
            truth.add(read.label)
            _stage(staging, entry, read, labels, checks, summary)
        raise_all(problems)
        summary.notes += truth.validate()
        if "select" not in split.values():
            summary.notes.append(
                f"The validation set is empty. Before training, change some subjects to select in {run / FILE}."
            )
        for name, check in checks.items():
            check.validate()
            summary.networks[name].dice = check.dice
        _move(staging, run)
        write_split(run / FILE, split)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return summary


def _split(entries: Sequence[Entry], table: Path, shares: Shares) -> dict[str, Split]:
    """Return the split of all subjects of the run; existing splits are kept."""
    kept = read_split(table) if table.exists() else {}
    known = dict(kept)
    for entry in entries:
        if entry.split is not None and known.setdefault(entry.subject, entry.split) != entry.split:
            raise ValueError(
                f"{entry.where}: subject {entry.subject} is {entry.split}, but {known[entry.subject]} in {table}. Use "
                "a new run (--run) for another split, since networks of this run were trained with the old one."
            )
    subjects = {entry.subject for entry in entries}
    return kept | complete(subjects, known, shares.test, shares.select, shares.seed)


def _stage(
    staging: Path,
    entry: Entry,
    read: LabelledImage,
    labels: Labels,
    checks: Mapping[str, PredictionCheck],
    summary: Summary,
) -> None:
    """Write one case and its predictions to the staging folder, and update checks and summary."""
    case = TrainingCase(entry.name, entry.subject, read.image, labels.apply(read.label), read.spacing)
    (staging / CASES).mkdir(parents=True, exist_ok=True)
    case.save(staging / CASES)
    summary.cases += 1
    summary.slices += len(case.labels)
    area = case.spacing[1] * case.spacing[2]
    for name, values in read.predictions.items():
        checks[name].add(values, case.labels)
        predicted = checks[name].labels.apply(values)
        save_prediction(staging / PREDICTIONS / prediction_folder(name) / f"{case.name}.npz", predicted)
        network = summary.networks[name]
        network.cases += 1
        network.broken += sum(broken(*pair, area) for pair in zip(predicted, case.labels, strict=True))


def _move(staging: Path, run: Path) -> None:
    """Move all files into place, each atomically."""
    for path in sorted(staging.rglob("*.npz")):
        target = run / path.relative_to(staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
