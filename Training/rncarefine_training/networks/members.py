"""The base networks of a configuration: their training subjects, and a record of these beside what they wrote.

Predictions are used as out of fold. A network that an earlier configuration trained on other subjects would have seen
some of those that it segments now, so its folder and those of its predictions hold a record of its training.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rncarefine.atomic import write_text_whole

from ..config import Config
from ..data.cases import matches
from ..resume import find_change

RECORD = "training.json"
"""File beside the snapshots and predictions of a base network; those of earlier versions have none."""


@dataclass(frozen=True)
class Member:
    """One base network of a kind, and its training subjects."""

    kind: str
    number: int
    subjects: tuple[str, ...]

    @property
    def name(self) -> str:
        """``<kind>-<number>``."""
        return f"{self.kind}-{self.number}"


def members(config: Config) -> list[Member]:
    """Draw the subjects of every base network, one per stratum of the data set's order.

    ACDC is ordered by diagnosis, so every diagnosis is represented.
    """
    drawn = []
    for kind, network in config.base.networks.items():
        develop = [name for name in config.subjects.develop if matches(name, network.among)]
        if network.subjects > len(develop):
            raise ValueError(
                f"base.networks.{kind}.subjects is {network.subjects}, but only {len(develop)} match in develop."
            )
        for number in range(network.members):
            rng = np.random.default_rng([config.seed, number, network.subjects])
            strata = np.array_split(np.arange(len(develop)), network.subjects)
            chosen = sorted(int(rng.choice(stratum)) for stratum in strata)
            drawn.append(Member(kind, number, tuple(develop[index] for index in chosen)))
    return drawn


def training_record(config: Config, member: Member) -> dict[str, Any]:
    """Return what the weights of a base network depend on: seed, subjects and settings, as plain values.

    Configurations that differ in nothing else can share base networks in a folder of a run.
    """
    settings = config.base.model_dump(mode="json", include={"spacing_mm", "crop", "batch", "learning_rate"})
    network = config.base.networks[member.kind]
    own = network.model_dump(mode="json", include={"architecture", "channels", "updates"})
    return {
        "seed": config.seed,
        "list of its subjects": list(member.subjects),
        "automaton.task": config.automaton.task,
        **{f"base.{name}": value for name, value in settings.items()},
        **{f"base.networks.{member.kind}.{name}": value for name, value in own.items()},
    }


def write_record(config: Config, member: Member, folder: Path) -> None:
    """Write the record of a training that begins; snapshots of an earlier one without a record are removed."""
    if not (folder / RECORD).exists():
        for snapshot in folder.glob("snapshot-*.pt"):
            snapshot.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    write_text_whole(folder / RECORD, json.dumps(training_record(config, member), indent=2))


def copy_record(networks: Path, member: Member, predictions: Path) -> None:
    """Copy the record of a network, if it has one, to the folder of its predictions."""
    record = networks / member.name / RECORD
    if record.exists() and not (predictions / RECORD).exists():
        predictions.mkdir(parents=True, exist_ok=True)
        write_text_whole(predictions / RECORD, record.read_text(encoding="utf-8"))


def check_network(config: Config, member: Member, networks: Path) -> None:
    """Check that a base network in ``networks`` is that of the configuration, unless it has no record.

    Raises:
        ValueError: It was trained on other subjects, or with another seed or other settings.
    """
    _check(config, member, networks / member.name, f"and its predictions ({member.name}@*), and run `base` again")


def check_predictions(config: Config, predictions: Path, networks: Path | None = None) -> None:
    """Check that all predictions of base networks are by those of the configuration, unless they have no record.

    Args:
        config: Training configuration.
        predictions: Folder with a folder of predictions per source.
        networks: Folder of the base networks, to find predictions that are older than the record of their network.

    Raises:
        ValueError: Some predictions are by a network that was trained on other subjects, or with another seed or other
            settings, or by an earlier one of the same name.
    """
    for member in members(config):
        recorded = networks is not None and (networks / member.name / RECORD).exists()
        for folder in sorted(predictions.glob(f"{member.name}@*")):
            _check(config, member, folder, "and run `failures` again")
            if recorded and not (folder / RECORD).exists() and any(folder.glob("*.npz")):
                raise ValueError(
                    f"{folder} holds predictions by an earlier network of this name, which may have been trained on "
                    "the subjects that it segmented. Delete this folder and run `failures` again."
                )


def _check(config: Config, member: Member, folder: Path, then: str) -> None:
    record = folder / RECORD
    if not record.exists():
        return
    if change := find_change(json.loads(record.read_text(encoding="utf-8")), training_record(config, member)):
        raise ValueError(
            f"{folder}: the base network {member.name} was trained with {change}. Its predictions may not be out of "
            f"fold. Set it back, use another folder for the run (--run), or delete {folder} {then}."
        )
