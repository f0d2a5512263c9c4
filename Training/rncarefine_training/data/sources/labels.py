"""Mapping of the labels of a data set to those of a case."""

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
    """Labels of a data set. A structure can have several labels, such as scar and healthy myocardium.

    Attributes:
        myocardium: Labels of the LV wall; at least one.
        pool: Labels of the LV cavity.
        rv: Labels of the RV cavity.
    """

    myocardium: tuple[int, ...]
    pool: tuple[int, ...] = ()
    rv: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that every label belongs to one structure.

        Raises:
            ValueError: There is no myocardium, a label is 0, or a label belongs to two structures.
        """
        if not self.myocardium:
            raise ValueError("No label is defined as myocardium. Define it: --label myocardium=N.")
        values = self.values
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice or min(values) < 1:
            wrong = f"label {twice[0]} belongs to two structures" if twice else "0 is the background"
            raise ValueError(f"Labels {self}: {wrong}. Use distinct labels from 1 on.")

    @property
    def values(self) -> list[int]:
        """All labels."""
        return [*self.rv, *self.myocardium, *self.pool]

    def of(self, structure: str) -> tuple[int, ...]:
        """Return the labels of ``myocardium``, ``pool`` or ``rv``."""
        found: tuple[int, ...] = getattr(self, structure)
        return found

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Convert a label map of any shape to the labels of a case; unknown labels become background."""
        result = np.full(values.shape, BACKGROUND, np.uint8)
        for structure, number in CASE_LABELS.items():
            result[np.isin(values, self.of(structure))] = number
        return result

    def __str__(self) -> str:
        """Return the labels in the syntax of the command line."""
        return ", ".join(f"{name}={'+'.join(map(str, self.of(name)))}" for name in CASE_LABELS if self.of(name))


CASE_LABELS = {"rv": RV, "myocardium": MYOCARDIUM, "pool": POOL}
"""Structures and their labels in a case."""
PRESETS = {"acdc": Labels((2,), (3,), (1,)), "mnms": Labels((2,), (1,), (3,))}
"""Labels of known data sets."""
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
    """Parse the label options of the command line.

    Args:
        preset: ``acdc`` or ``mnms``.
        assignments: ``myocardium=2``, or ``myocardium=2+4`` for a structure of several labels.
        option: Name of the option, for messages.

    Returns:
        The labels; ``None`` if none were given.

    Raises:
        ValueError: Both were given, or one is invalid.
    """
    if preset is not None and assignments:
        raise ValueError(f"{option}s={preset} defines all labels. Omit {option} {assignments[0]}.")
    if preset is not None:
        if preset not in PRESETS:
            raise ValueError(
                f"Unknown preset {preset!r}{nearest(preset, PRESETS)}. Use {' or '.join(PRESETS)}, or define each "
                f"label: {option} myocardium=N."
            )
        return PRESETS[preset]
    found: dict[str, tuple[int, ...]] = {}
    for assignment in assignments:
        name, _, numbers = assignment.partition("=")
        structure = structure_of(name)
        if structure is None:
            raise ValueError(
                f"{option} {assignment}: unknown structure {name!r}{nearest(name, CASE_LABELS)}. "
                f"Use {', '.join(CASE_LABELS)}, as in {option} myocardium=2."
            )
        if structure in found:
            raise ValueError(f"{option} {assignment}: {structure} was given twice. Combine them: {structure}=2+4.")
        if not re.fullmatch(r"\d+(\+\d+)*", numbers):
            raise ValueError(f"{option} {assignment}: use an integer, as in {structure}=2, or several: 2+4.")
        found[structure] = tuple(int(number) for number in numbers.split("+"))
    if found and "myocardium" not in found:
        raise ValueError(f"No label is defined as myocardium. Define it: {option} myocardium=N.")
    return Labels(**found) if found else None


def labels_from_names(names: Mapping[str, Any], source: str) -> tuple[Labels, list[str]]:
    """Parse ``labels`` of nnU-Net: name to number (version 2) or number to name (version 1).

    Args:
        names: Content of ``labels`` in ``dataset.json``.
        source: Name of the file, for messages.

    Returns:
        The labels, and the names of unknown structures.

    Raises:
        ValueError: No name matches the myocardium, or a structure is ambiguous or a region of several labels.
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
                f"{source}: {name!r} does not define a single label of the {structure}. "
                "Define the labels: --label myocardium=N --label pool=N."
            )
        else:
            found[structure] = (number,)
    if "myocardium" not in found:
        listed = ", ".join(f"{name} ({number})" for name, number in names.items())
        raise ValueError(f"{source} has the labels {listed}. Define the myocardium: --label myocardium=N.")
    return Labels(**found), unknown


def structure_of(name: str) -> str | None:
    """Return the structure of a name in any spelling (``LV cavity``: ``pool``); ``None`` if unknown."""
    return _STRUCTURE_OF.get(re.sub(r"[^a-z0-9]", "", name.lower()))
