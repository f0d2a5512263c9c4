"""Count the training data of an automaton before it is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import Config
from ..data.cases import broken, load_prediction
from ..data.sources.entry import network_of, prediction_folder
from .fit import training_sources

MIN_FAILURES = 200
"""Number of real failures below which a warning is shown."""


@dataclass
class Inventory:
    """Counts of the training or validation set.

    Attributes:
        subjects: Subjects with at least one stack.
        missing: Subjects without a stack.
        stacks: Labelled stacks.
        slices: Slices of these stacks.
        failures: Real failures, counted per network.
    """

    subjects: int = 0
    missing: int = 0
    stacks: int = 0
    slices: int = 0
    failures: int = 0

    def __str__(self) -> str:
        """Return the counts as a sentence fragment."""
        return (
            f"{self.subjects} subjects, {self.stacks} stacks, {self.slices:,} slices, {self.failures:,} real failures"
        )


def count_training_data(config: Config, run: Path) -> tuple[Inventory, Inventory]:
    """Count subjects, stacks and real failures of training and validation set. Images are not read.

    Raises:
        ValueError: Training or validation set is empty, or an external network of the configuration has no
            segmentations.
    """
    if not config.subjects.select:
        raise ValueError(
            "The validation set is empty. Move subjects from train to select, in the table of the subjects or in the "
            "configuration (subjects.select)."
        )
    for name in dict.fromkeys([*config.predictions.train, *config.predictions.test]):
        if not any((run / "predictions" / prediction_folder(name)).glob("*.npz")):
            raise ValueError(
                f"predictions: there are no segmentations of {name} in {run / 'predictions'}, which has "
                f"{', '.join(_external_networks(run)) or 'nothing'}. Import them with `rncarefine-train prepare`, or "
                "correct the name."
            )
    train = _count(config.subjects.train, training_sources(config), config, run)
    select = _count(config.subjects.select, training_sources(config, last_only=True), config, run)
    if not train.stacks:
        raise ValueError(
            f"No cases of the configuration's subjects in {run / 'cases'}. Run `rncarefine-train prepare`."
        )
    return train, select


def _external_networks(run: Path) -> Iterator[str]:
    """Yield the networks whose segmentations were imported."""
    for folder in sorted(path.name for path in (run / "predictions").glob("*@1")):
        if folder == prediction_folder(network_of(folder)):
            yield network_of(folder)


def _count(subjects: Iterable[str], sources: list[str], config: Config, run: Path) -> Inventory:
    found = Inventory()
    for subject in subjects:
        paths = sorted((run / "cases").glob(f"{subject}_*.npz"))
        found.subjects += bool(paths)
        found.missing += not paths
        for path in paths:
            with np.load(path, allow_pickle=False) as file:
                truth, (_, j, i) = file["labels"], file["spacing"]
            found.stacks += 1
            found.slices += len(truth)
            for segmented in (run / "predictions" / source / path.name for source in sources):
                if segmented.exists():
                    if config.automaton.task == "tubular":
                        found.failures += 1  # every segmentation of vessels misses some
                        continue
                    pairs = zip(load_prediction(segmented), truth, strict=True)
                    found.failures += sum(broken(predicted, true, j * i) for predicted, true in pairs)
    return found
