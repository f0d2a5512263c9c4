"""Real failures: what every base network makes of the subjects that it has not seen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from RNCARefineLib.topology import betti_2d

from .base import Member, load_network, members, predict
from .cases import MYOCARDIUM, Case
from .config import Config

SMALLEST_MM2 = 50.0
"""A prediction that covers less of a slice is a missed slice and not a broken one."""


def collect(config: Config, cases: Path, networks: Path, folder: Path) -> Iterable[Path]:
    """Segment, with every snapshot of every base network, the subjects it was not trained on.

    Test subjects are segmented by the last snapshot of every kind's first member only. Files that are there already
    are left as they are.

    Args:
        config: The training.
        cases: Folder of cases.
        networks: Folder with the snapshots that :func:`rncarefine_training.base.train_member` wrote.
        folder: Gets ``<member>@<fraction>/<case>.npz``.

    Yields:
        Every file, as soon as it is there.
    """
    for member in members(config):
        description = config.base.networks[member.kind]
        for fraction in description.snapshots:
            network = None
            for path in sorted(cases.glob("*.npz")):
                if not _wanted(config, member, path.name.split("_")[0], last=fraction == description.snapshots[-1]):
                    continue
                target = folder / f"{member.name}@{fraction:g}" / path.name
                if not target.exists():
                    network = network or load_network(description, networks / member.name / f"snapshot-{fraction:g}.pt")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    labels = predict(network, Case.load(path), config.base.spacing_mm)
                    np.savez_compressed(target, labels=labels)
                yield target


def _wanted(config: Config, member: Member, subject: str, last: bool) -> bool:
    if subject in config.subjects.test:
        return last and member.number == 0
    unseen = config.base.networks[member.kind].unseen
    return subject in config.subjects.develop and subject not in member.subjects and not unseen


def load_prediction(path: Path) -> NDArray[np.uint8]:
    """Read labels that :func:`collect` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file["labels"])


def broken(prediction: NDArray[np.uint8], truth: NDArray[np.uint8], pixel_area: float) -> bool:
    """Whether a slice is a real failure: the truth is a closed ring, the prediction is not and covers enough.

    Args:
        prediction: Labels of one slice.
        truth: Labels of one slice.
        pixel_area: mm2.
    """
    wall = prediction == MYOCARDIUM
    return (
        bool(wall.sum() * pixel_area >= SMALLEST_MM2)
        and betti_2d(truth == MYOCARDIUM) == (1, 1)
        and betti_2d(wall) != (1, 1)
    )
