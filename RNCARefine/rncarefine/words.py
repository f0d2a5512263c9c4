"""The vocabulary of the report, spelled as it is shown and as JSON has it: finding, expectation, verdict, method."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any


class Word(str, Enum):
    """An enumeration whose members read, print and serialise as their plain text."""

    def __str__(self) -> str:
        return str(self.value)


class Finding(Word):
    """What the myocardium of a slice is."""

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
    """What the myocardium of a slice should be."""

    RING = "ring"
    DISC = "disc"
    OPEN = "open on purpose"
    """Outflow tract: one of the one or two most basal slices."""
    EMPTY = "empty"


class Verdict(Word):
    """What was done about a slice."""

    INTACT = "intact"
    """It was what it should be, and was not touched."""
    TO_REPAIR = "to repair"
    """It is not what it should be; the stack was only checked."""
    AUTOMATON = "repaired by the automaton"
    CLEANED = "cleaned"
    """Loose components and pores were removed; the wall itself was right."""
    GEOMETRY = "repaired by geometry"
    REFUSED = "refused"
    """Left as it was, flagged for review."""


REPAIRED = (Verdict.AUTOMATON, Verdict.CLEANED, Verdict.GEOMETRY)
"""Verdicts of slices whose wall was changed."""


class PlaceVerdict(Word):
    """What was done about a place of a picture."""

    TO_REPAIR = "to repair"
    """The picture was only checked."""
    BRIDGED = "bridged"
    EXTENDED = "extended"
    FILLED = "filled"
    REMOVED = "removed"
    LEFT = "left"
    """As it was."""


class Apex(Word):
    """Which end of the stack the apex lies at."""

    AUTO = "auto"
    """Inferred from the taper of the heart."""
    FIRST = "first"
    LAST = "last"


class Device(Word):
    """What the automaton runs on."""

    AUTO = "auto"
    """The best there is."""
    NUMPY = "numpy"
    CPU = "cpu"
    """PyTorch on the processor."""
    CUDA = "cuda"
    MPS = "mps"


class Mode(Word):
    """What the automaton's cells see of the stack."""

    SLICE_WISE = "slice-wise"
    """Each slice by itself; neighbours only through the conditioning."""
    VOLUMETRIC = "volumetric"
    """The neighbouring slices, too."""


def strict_values(value: Any) -> Any:
    """Return a value in the types of strict JSON: plain text, numbers, lists and dictionaries.

    A number that is not finite becomes ``None``, an enumeration's member its value, a NumPy number Python's own.
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
