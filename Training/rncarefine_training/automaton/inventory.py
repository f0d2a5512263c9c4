"""What a run has to learn from: subjects, cases, slices, and the slices that every network really broke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..config import Config
from ..data.predictions import broken, load_prediction
from ..data.sources.entry import SPLITS, Split, network_of, source_of
from .fit import test_sources, training_sources

FEW = 200
"""Real failures to train on, below which most samples repeat."""


@dataclass
class Network:
    """What one network made of the cases: segmentations and really broken slices on each side."""

    cases: Counter[Split] = field(default_factory=Counter)
    broken: Counter[Split] = field(default_factory=Counter)
    breaks: Counter[str] = field(default_factory=Counter)
    """Broken slices by subject."""


@dataclass
class Inventory:
    """What is there.

    Attributes:
        subjects: Of each side, those that have cases.
        cases: Of each side, how many.
        slices: Of each side, how many.
        without: Subjects of the configuration that have no case.
        networks: By ``<member>@<fraction>``; those that have segmented nobody yet are empty.
    """

    subjects: dict[Split, list[str]]
    cases: Counter[Split] = field(default_factory=Counter)
    slices: Counter[Split] = field(default_factory=Counter)
    without: list[str] = field(default_factory=list)
    networks: dict[str, Network] = field(default_factory=dict)

    def failures(self, sources: Iterable[str], side: Split) -> int:
        """Return how many slices some networks broke on one side."""
        return sum(self.networks[source].broken[side] for source in sources)

    def segmentations(self, sources: Iterable[str], side: Split) -> int:
        """Return how many stacks some networks segmented on one side."""
        return sum(self.networks[source].cases[side] for source in sources)


def take_stock(config: Config, run: Path) -> Inventory:
    """Count cases and real failures; truths are read once, images never.

    Raises:
        ValueError: There is no case of any subject of the configuration, nobody selects, or a network from outside
            that it names has no segmentations.
    """
    if not config.subjects.select:
        raise ValueError(
            "Nobody selects: a training is validated and calibrated on subjects that it does not see. Move some from "
            "train to select, in the table of the subjects or in the configuration (subjects.select)."
        )
    everyone = {"train": config.subjects.train, "select": config.subjects.select, "test": config.subjects.test}
    sources = dict.fromkeys([*training_sources(config), *test_sources(config)])
    stock = Inventory({side: [] for side in SPLITS}, networks={source: Network() for source in sources})
    for side in SPLITS:
        for subject in everyone[side]:
            paths = sorted((run / "cases").glob(f"{subject}_*.npz"))
            (stock.subjects[side] if paths else stock.without).append(subject)
            for path in paths:
                _count(path, run / "predictions", subject, side, stock)
    if not stock.cases.total():
        raise ValueError(
            f"No cases of the configuration's subjects in {run / 'cases'}. Run `rncarefine-train prepare`."
        )
    for name in dict.fromkeys([*config.predictions.train, *config.predictions.test]):
        if not stock.networks[source_of(name)].cases:
            folders = [path.name for path in sorted((run / "predictions").glob("*@1"))]
            there = [network_of(folder) for folder in folders if folder == source_of(network_of(folder))]
            raise ValueError(
                f"predictions: there are no segmentations of {name} in {run / 'predictions'}, which has "
                f"{', '.join(there) or 'nothing'}. Bring them in with `rncarefine-train prepare`, or mend the name."
            )
    return stock


def _count(path: Path, predictions: Path, subject: str, side: Split, stock: Inventory) -> None:
    with np.load(path, allow_pickle=False) as file:
        truth, (_, j, i) = file["labels"], file["spacing"]
    stock.cases[side] += 1
    stock.slices[side] += len(truth)
    for source, network in stock.networks.items():
        segmented = predictions / source / path.name
        if segmented.exists():
            pairs = zip(load_prediction(segmented), truth, strict=True)
            failed = sum(broken(predicted, true, j * i) for predicted, true in pairs)
            network.cases[side] += 1
            network.broken[side] += failed
            network.breaks[subject] += failed
