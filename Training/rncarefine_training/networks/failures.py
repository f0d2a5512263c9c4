"""Real failures: what every base network makes of the subjects that it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from torch.nn import Module

from rncarefine.atomic import written_whole

from ..config import Config
from ..data.cases import Case, matches
from .base import Member, load_network, members, predict


def collect(config: Config, cases: Path, networks: Path, folder: Path) -> Iterable[Path]:
    """Segment, with every snapshot of every base network, the subjects it was not trained on.

    Test subjects are segmented by the last snapshot of every kind's first member only. Files that are there already
    are left as they are.

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
                loaded = snapshot, load_network(config.base.networks[member.kind], snapshot)
            target.parent.mkdir(parents=True, exist_ok=True)
            labels = predict(loaded[1], Case.load(path), config.base.spacing_mm)
            # What is there is not made again: half a file must never lie under this name.
            with written_whole(target) as (temporary,):
                np.savez_compressed(temporary, labels=labels)
        yield target


def due(config: Config, cases: Path, folder: Path) -> Iterator[tuple[Member, float, Path, Path]]:
    """Say what :func:`collect` has to make, or has made: network, fraction, case and prediction, network by network."""
    for member in members(config):
        description = config.base.networks[member.kind]
        for fraction in description.snapshots:
            for path in sorted(cases.glob("*.npz")):
                if _wanted(config, member, path.name.split("_")[0], last=fraction == description.snapshots[-1]):
                    yield member, fraction, path, folder / f"{member.name}@{fraction:g}" / path.name


def _wanted(config: Config, member: Member, subject: str, last: bool) -> bool:
    if not matches(subject, config.base.networks[member.kind].segments):
        return False
    if subject in config.subjects.test:
        return last and member.number == 0
    unseen = config.base.networks[member.kind].unseen
    return subject in config.subjects.develop and subject not in member.subjects and not unseen
