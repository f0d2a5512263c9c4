"""Real failures: segmentations by base networks of subjects that they were not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from torch.nn import Module

from ..config import Config
from ..data.cases import MYOCARDIUM, POOL, RV, TrainingCase, matches, save_prediction, subject_of
from ..data.synthetic_contrast import Tissues, random_tissue_contrast
from .base import load_network, normalise, predict
from .members import Member, check_network, check_predictions, copy_record, members

REDRAWN = "~redrawn"
"""Suffix of sources whose images were redrawn in a random contrast."""


def collect(config: Config, cases: Path, networks: Path, folder: Path) -> Iterable[Path]:
    """Segment the subjects that a base network was not trained on, with every snapshot.

    Test subjects are segmented only by the last snapshot of the first member of every kind. With ``base.redrawn`` the
    last snapshots also segment the training subjects in a random contrast, which imitates failures on unknown
    sequences. Existing files are kept.

    Args:
        config: Training configuration.
        cases: Folder of cases.
        networks: Folder of snapshots, see :func:`rncarefine_training.networks.base.train_member`.
        folder: Output folder for ``<member>@<fraction>/<case>.npz``.

    Yields:
        The path of every prediction, once it exists.

    Raises:
        ValueError: A network or its predictions do not belong to the configuration.
    """
    for member in members(config):
        check_network(config, member, networks)
    check_predictions(config, folder, networks)
    loaded: tuple[Path, Module] | None = None
    for member, fraction, path, target in due(config, cases, folder):
        if not target.exists():
            snapshot = networks / member.name / f"snapshot-{fraction:g}.pt"
            if loaded is None or loaded[0] != snapshot:
                loaded = snapshot, load_network(config.base.networks[member.kind], snapshot, config.classes)
            case = TrainingCase.load(path)
            if target.parent.name.endswith(REDRAWN):
                case = redrawn(case, config.seed)
            copy_record(networks, member, target.parent)
            save_prediction(target, predict(loaded[1], case, config.base.spacing_mm))
        yield target


def due(config: Config, cases: Path, folder: Path) -> Iterator[tuple[Member, float, Path, Path]]:
    """Yield network, fraction, case and path of every prediction of :func:`collect`, grouped by network."""
    for member in members(config):
        description = config.base.networks[member.kind]
        for fraction in description.snapshots:
            last = fraction == description.snapshots[-1]
            for path in sorted(cases.glob("*.npz")):
                subject = subject_of(path.name)
                if not _wanted(config, member, subject, last):
                    continue
                source = f"{member.name}@{fraction:g}"
                yield member, fraction, path, folder / source / path.name
                if config.base.redrawn and last and subject in config.subjects.train and _labelled(path):
                    yield member, fraction, path, folder / f"{source}{REDRAWN}" / path.name


def redrawn(case: TrainingCase, seed: int) -> TrainingCase:
    """Return a case whose image is redrawn in a random contrast; deterministic for a seed and case."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    soft = (
        gaussian_filter((case.labels == label).astype(np.float32), (0, 0.5, 0.5)) for label in (MYOCARDIUM, POOL, RV)
    )
    return replace(case, image=random_tissue_contrast(normalise(case.image), Tissues(*soft), rng))


def _labelled(path: Path) -> bool:
    """Return whether the truth has a myocardium, as redrawing requires."""
    with np.load(path, allow_pickle=False) as file:
        return bool((file["labels"] == MYOCARDIUM).any())


def _wanted(config: Config, member: Member, subject: str, last: bool) -> bool:
    if not matches(subject, config.base.networks[member.kind].segments):
        return False
    if subject in config.subjects.test:
        return last and member.number == 0
    unseen = config.base.networks[member.kind].unseen
    return subject in config.subjects.develop and subject not in member.subjects and not unseen
