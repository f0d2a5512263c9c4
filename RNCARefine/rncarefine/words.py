"""Enumerations of the report, spelled as in the user interface and in JSON."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any


class Word(str, Enum):
    """A string enumeration whose members print and serialise as their values."""

    def __str__(self) -> str:
        return str(self.value)


class Finding(Word):
    """Class of the myocardium in a slice."""

    RING = "ring"
    """b0 = 1, b1 = 1: a closed wall."""
    DISC = "disc"
    """b0 = 1, b1 = 0, solid, no pool inside."""
    OPEN = "open"
    """b0 = 1, b1 = 0, with a gap."""
    FRAGMENTED = "fragmented"
    """b0 > 1: several components."""
    POROUS = "porous"
    """b0 = 1, b1 > 1: holes in the wall."""
    EMPTY = "empty"
    """No myocardium."""


class Expectation(Word):
    """Expected class of the myocardium in a slice."""

    RING = "ring"
    DISC = "disc"
    OPEN = "open"
    """Outflow tract: one of the one or two most basal slices."""
    EMPTY = "empty"

    @classmethod
    def _missing_(cls, value: object) -> Expectation | None:
        return cls.OPEN if value == "open on purpose" else None  # the word of earlier reports


class Verdict(Word):
    """Outcome of the repair of a slice."""

    INTACT = "intact"
    """As expected; unchanged."""
    TO_REPAIR = "to repair"
    """Not as expected; the stack was only checked."""
    AUTOMATON = "repaired by the automaton"
    CLEANED = "cleaned"
    """Loose components and pores were removed; the wall itself was correct."""
    GEOMETRY = "repaired by geometry"
    REFUSED = "refused"
    """Unchanged and flagged for review."""


REPAIRED = (Verdict.AUTOMATON, Verdict.CLEANED, Verdict.GEOMETRY)
"""Verdicts of repaired slices."""


class PlaceVerdict(Word):
    """Outcome of the repair at a place of a picture."""

    TO_REPAIR = "to repair"
    """The picture was only checked."""
    BRIDGED = "bridged"
    EXTENDED = "extended"
    FILLED = "filled"
    REMOVED = "removed"
    LEFT = "left"
    """Unchanged."""


class Apex(Word):
    """End of the stack at which the apex lies."""

    AUTO = "auto"
    """Inferred from the taper of the heart."""
    FIRST = "first"
    LAST = "last"


class Device(Word):
    """Compute device."""

    AUTO = "auto"
    """The fastest available."""
    NUMPY = "numpy"
    CPU = "cpu"
    """PyTorch on the CPU."""
    CUDA = "cuda"
    MPS = "mps"


class Mode(Word):
    """Perception of the automaton."""

    SLICE_WISE = "slice-wise"
    """Each slice separately; neighbouring slices only through the conditioning."""
    VOLUMETRIC = "volumetric"
    """Each slice and its neighbours."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, for example "1 slice" or "2 slices"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def strict_values(value: Any) -> Any:
    """Convert a value to strict JSON types: strings, numbers, lists and dictionaries.

    Non-finite numbers become ``None``, enumeration members their values, and NumPy scalars Python numbers.
    """
    if isinstance(value, Enum):
        return strict_values(value.value)
    if isinstance(value, dict):
        return {str(key): strict_values(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict_values(entry) for entry in value]
    if hasattr(value, "item"):  # a NumPy number
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
