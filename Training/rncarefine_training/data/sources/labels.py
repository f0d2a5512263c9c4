"""Mapping of a data set's labels to those of a case."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...spelling import nearest
from ..cases import BACKGROUND, MYOCARDIUM, POOL, RV


@dataclass(frozen=True)
class Labels:
    """The labels of a data set. Several labels can be one structure: scar is myocardium, papillary muscles are pool.

    Attributes:
        myocardium: Labels of the wall of the left ventricle; at least one.
        pool: Labels of its cavity.
        rv: Labels of the right ventricle's cavity.
    """

    myocardium: tuple[int, ...]
    pool: tuple[int, ...] = ()
    rv: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that every label stands for one structure.

        Raises:
            ValueError: There is no myocardium, a label is 0, or stands for two structures.
        """
        if not self.myocardium:
            raise ValueError("No label is called myocardium. Say which one it is: --label myocardium=N.")
        values = self.values
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice or min(values) < 1:
            wrong = f"label {twice[0]} is two things" if twice else "0 is the background"
            raise ValueError(f"Labels {self}: {wrong}. Give every structure labels of its own, from 1 on.")

    @property
    def values(self) -> list[int]:
        """All labels that stand for something."""
        return [*self.rv, *self.myocardium, *self.pool]

    def of(self, structure: str) -> tuple[int, ...]:
        """Return the labels of ``myocardium``, ``pool`` or ``rv``."""
        found: tuple[int, ...] = getattr(self, structure)
        return found

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn a label map, any shape, into the labels of a case; what stands for nothing becomes background."""
        result = np.full(values.shape, BACKGROUND, np.uint8)
        for structure, number in CASE_LABELS.items():
            result[np.isin(values, self.of(structure))] = number
        return result

    def __str__(self) -> str:
        """Return the labels as the command line takes them."""
        return ", ".join(f"{name}={'+'.join(map(str, self.of(name)))}" for name in CASE_LABELS if self.of(name))


CASE_LABELS = {"rv": RV, "myocardium": MYOCARDIUM, "pool": POOL}
"""The structures, and their labels in a case."""
PRESETS = {"acdc": Labels((2,), (3,), (1,)), "mnms": Labels((2,), (1,), (3,))}
"""Data sets whose labels have a name: ACDC's are the labels of a case, M&Ms' begin with the left ventricle."""
_NAMES = {
    "myocardium": "myocardium myo lvm mlv lvmyo myolv lvmyocardium myocardiumlv leftventricularmyocardium "
    "leftventriclemyocardium lvwall leftventricularwall leftventriclewall",
    "pool": "pool lv lvc lvbp lvcavity lvpool lvbloodpool bloodpool lvblood leftventricle leftventricularcavity "
    "leftventriclecavity leftventricularbloodpool",
    "rv": "rv rvc rvbp rvcavity rvpool rvbloodpool rvblood rightventricle rightventricularcavity "
    "rightventriclecavity rightventricularbloodpool",
}
_STRUCTURE_OF = {name: structure for structure, names in _NAMES.items() for name in names.split()}


def parse_labels(preset: str | None, assignments: Sequence[str], option: str = "--label") -> Labels | None:
    """Read the labels from the command line.

    Args:
        preset: ``acdc`` or ``mnms``.
        assignments: ``myocardium=2``, or ``myocardium=2+4`` for a structure of several labels.
        option: The option that the assignments came with, for messages.

    Returns:
        The labels; ``None`` if nothing was said.

    Raises:
        ValueError: Both were given, or one cannot be understood.
    """
    if preset is not None and assignments:
        raise ValueError(f"{option}s={preset} says what every label is. Leave out {option} {assignments[0]}.")
    if preset is not None:
        if preset not in PRESETS:
            raise ValueError(
                f"There are no labels called {preset!r}{nearest(preset, PRESETS)}. Give {' or '.join(PRESETS)}, "
                f"or say each: {option} myocardium=N."
            )
        return PRESETS[preset]
    found: dict[str, tuple[int, ...]] = {}
    for assignment in assignments:
        name, _, numbers = assignment.partition("=")
        structure = structure_of(name)
        if structure is None:
            raise ValueError(
                f"{option} {assignment}: there is no structure {name!r}{nearest(name, CASE_LABELS)}. "
                f"Give {', '.join(CASE_LABELS)}, as in {option} myocardium=2."
            )
        if structure in found:
            raise ValueError(f"{option} {assignment}: {structure} was given before. Join them: {structure}=2+4.")
        if not re.fullmatch(r"\d+(\+\d+)*", numbers):
            raise ValueError(f"{option} {assignment}: give a whole number, as in {structure}=2, or several: 2+4.")
        found[structure] = tuple(int(number) for number in numbers.split("+"))
    if found and "myocardium" not in found:
        raise ValueError(f"No label is called myocardium. Say which one it is: {option} myocardium=N.")
    return Labels(**found) if found else None


def labels_from_names(names: Mapping[str, Any], source: str) -> tuple[Labels, list[str]]:
    """Read nnU-Net's ``labels``: name to number (version 2) or number to name (version 1).

    Args:
        names: As they stand in ``dataset.json``.
        source: The file, for messages.

    Returns:
        The labels, and the names of those that stand for nothing here.

    Raises:
        ValueError: The names do not show the myocardium, or a name stands for a region of several labels.
    """
    if names and all(str(key).isdigit() for key in names):
        names = {str(name): int(number) for number, name in names.items()}
    found: dict[str, tuple[int, ...]] = {}
    unknown = []
    for name, number in names.items():
        structure = structure_of(str(name))
        if isinstance(number, list) and len(number) == 1:
            number = number[0]
        if number == 0 or str(name).lower() in ("background", "ignore"):
            continue
        if structure is None:
            unknown.append(f"{name} ({number})")
        elif structure in found or not isinstance(number, int):
            raise ValueError(
                f"{source}: {name!r} does not say which label is the {structure}. "
                "Say which number is what: --label myocardium=N --label pool=N."
            )
        else:
            found[structure] = (number,)
    if "myocardium" not in found:
        listed = ", ".join(f"{name} ({number})" for name, number in names.items())
        raise ValueError(f"{source} has the labels {listed}. Say which is the myocardium: --label myocardium=N.")
    return Labels(**found), unknown


def structure_of(name: str) -> str | None:
    """Return the structure that a name in any spelling stands for (``LV cavity``: ``pool``), ``None`` if unknown."""
    return _STRUCTURE_OF.get(re.sub(r"[^a-z0-9]", "", name.lower()))
