"""Real failures: segmentations by every base network of the subjects that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from torch.nn import Module

from ..config import Config
from ..data.cases import MYOCARDIUM, POOL, RV, TrainingCase, matches, save_prediction
from ..data.synthetic_contrast import Tissues, random_tissue_contrast
from .base import Member, load_network, members, normalise, predict

REDRAWN = "~redrawn"
"""Ends the name of a source whose images were redrawn in a random contrast."""


def collect(config: Config, cases: Path, networks: Path, folder: Path) -> Iterable[Path]:
    """Segment, with every snapshot of every base network, the subjects it was not trained on.

    Test subjects are segmented by the last snapshot of every kind's first member only. With ``base.redrawn`` the last
    snapshots also segment the training subjects in a random contrast that the network does not know: masks as bad as
    those on an unknown sequence. Existing files are kept.

    Args:
        config: The training.
        cases: Folder of cases.
        networks: Folder with the snapshots that :func:`rncarefine_training.networks.base.train_member` wrote.
        folder: Gets ``<member>@<fraction>/<case>.npz``.

    Yields:
        Every file, as soon as it is there.
    """
    loaded: tuple[Path, Module] | None = None
    for member, fraction, path, target in due(config, cases, folder):
        if not target.exists():
            snapshot = networks / member.name / f"snapshot-{fraction:g}.pt"
            if loaded is None or loaded[0] != snapshot:
                loaded = snapshot, load_network(config.base.networks[member.kind], snapshot, config.classes)
            case = TrainingCase.load(path)
            if target.parent.name.endswith(REDRAWN):
                case = redrawn(case, config.seed)
            save_prediction(target, predict(loaded[1], case, config.base.spacing_mm))
        yield target


def due(config: Config, cases: Path, folder: Path) -> Iterator[tuple[Member, float, Path, Path]]:
    """List what :func:`collect` has to make, or has made: network, fraction, case and prediction, by network."""
    for member in members(config):
        description = config.base.networks[member.kind]
        for fraction in description.snapshots:
            last = fraction == description.snapshots[-1]
            for path in sorted(cases.glob("*.npz")):
                subject = path.name.split("_")[0]
                if not _wanted(config, member, subject, last):
                    continue
                source = f"{member.name}@{fraction:g}"
                yield member, fraction, path, folder / source / path.name
                if config.base.redrawn and last and subject in config.subjects.train and _labelled(path):
                    yield member, fraction, path, folder / f"{source}{REDRAWN}" / path.name


def redrawn(case: TrainingCase, seed: int) -> TrainingCase:
    """Return a case whose image is redrawn in a random contrast, always the same for the same seed."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    soft = (
        gaussian_filter((case.labels == label).astype(np.float32), (0, 0.5, 0.5)) for label in (MYOCARDIUM, POOL, RV)
    )
    return replace(case, image=random_tissue_contrast(normalise(case.image), Tissues(*soft), rng))


def _labelled(path: Path) -> bool:
    """Whether the truth has a myocardium: without one the image cannot be redrawn."""
    with np.load(path, allow_pickle=False) as file:
        return bool((file["labels"] == MYOCARDIUM).any())


def _wanted(config: Config, member: Member, subject: str, last: bool) -> bool:
    if not matches(subject, config.base.networks[member.kind].segments):
        return False
    if subject in config.subjects.test:
        return last and member.number == 0
    unseen = config.base.networks[member.kind].unseen
    return subject in config.subjects.develop and subject not in member.subjects and not unseen
