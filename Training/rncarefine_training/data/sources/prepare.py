"""Write entries to a run's folder: cases, predictions and split, whole or not at all."""

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
from .entry import Entry, Split, check_entries, raise_all, source_of
from .labels import Labels
from .reading import LabelledImage, read_entry
from .split import FILE, complete, read_split, write_split

CASES, PREDICTIONS = "cases", "predictions"
"""Folders of a run."""


@dataclass
class NetworkSummary:
    """Imported data of one network: cases, mean Dice of the myocardium, broken slices."""

    cases: int = 0
    dice: float = 0.0
    broken: int = 0


@dataclass
class Summary:
    """Summary of the prepared data.

    Attributes:
        cases: How many.
        slices: Of all cases together.
        split: The split of every subject of the run.
        networks: What came in of every network, by its name.
        notes: For the user.
    """

    cases: int = 0
    slices: int = 0
    split: dict[str, Split] = field(default_factory=dict)
    networks: dict[str, NetworkSummary] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shares:
    """Default split of the subjects, where the data have none.

    See :func:`rncarefine_training.data.sources.split.complete`.
    """

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

    Cases and predictions that are there already under the same names are replaced, others stay.

    Args:
        entries: The labelled stacks.
        labels: What the labels of the truth are.
        prediction_labels: What the labels of a network's segmentations are, where they are others than the truth's.
        run: The run's folder; made if need be.
        shares: How to split the subjects.
        track: Wraps the entries to show progress.

    Returns:
        What was prepared.

    Raises:
        ValueError: Something does not fit; nothing was written.
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
            # One of two names for the same stack may be trained on and the other tested on.
            twin = images.setdefault(hashlib.sha256(read.image.tobytes()).hexdigest(), entry)
            if twin is not entry:
                pair = f"{twin.where} and {entry.where} have the same image ({twin.image} and {entry.image})"
                problems.append(f"{pair}. Remove one.")
            truth.add(read.label)
            _stage(staging, entry, read, labels, checks, summary)
        raise_all(problems)
        summary.notes += truth.validate()
        if "select" not in split.values():
            summary.notes.append(
                f"The validation set is empty. Before you train, change some subjects to select in {run / FILE}."
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
    """Return the split of all subjects of the run; given ones are kept."""
    kept = read_split(table) if table.exists() else {}
    said = dict(kept)
    for entry in entries:
        if entry.split is not None and said.setdefault(entry.subject, entry.split) != entry.split:
            raise ValueError(
                f"{entry.where}: subject {entry.subject} is for {entry.split}, but for {said[entry.subject]} in "
                f"{table}. Start a new run (--run) for another split: what was trained in this one saw the old one."
            )
    subjects = {entry.subject for entry in entries}
    return kept | complete(subjects, said, shares.test, shares.select, shares.seed)


def _stage(
    staging: Path,
    entry: Entry,
    read: LabelledImage,
    labels: Labels,
    checks: Mapping[str, PredictionCheck],
    summary: Summary,
) -> None:
    """Write one case and its predictions to the staging folder, and count them."""
    case = TrainingCase(entry.name, entry.subject, read.image, labels.apply(read.label), read.spacing)
    (staging / CASES).mkdir(parents=True, exist_ok=True)
    case.save(staging / CASES)
    summary.cases += 1
    summary.slices += len(case.labels)
    area = case.spacing[1] * case.spacing[2]
    for name, values in read.predictions.items():
        checks[name].add(values, case.labels)
        predicted = checks[name].labels.apply(values)
        save_prediction(staging / PREDICTIONS / source_of(name) / f"{case.name}.npz", predicted)
        network = summary.networks[name]
        network.cases += 1
        network.broken += sum(broken(*pair, area) for pair in zip(predicted, case.labels, strict=True))


def _move(staging: Path, run: Path) -> None:
    """Move all files into place; each is whole at any time."""
    for path in sorted(staging.rglob("*.npz")):
        target = run / path.relative_to(staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
