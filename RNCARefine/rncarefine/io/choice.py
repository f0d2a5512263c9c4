"""Choice of labels or segments of a segmentation, and of the phase of an image."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsIndex, TypeVar

_T = TypeVar("_T", int, str)
_BETWEEN = re.compile(r"[,;\s]+")


@dataclass(frozen=True)
class StructureChoice:
    """Choice of labels or segments and of the phase; ``None`` selects the only one.

    Several labels or segments of the myocardium, such as wall and scar, form one wall: added voxels get the first of
    them, all other voxels keep theirs.

    Example:
        >>> StructureChoice(label=[200, 2221]).label, StructureChoice(label="2") == StructureChoice(label=2)
        ((200, 2221), True)

    Attributes:
        label: Label or labels of the myocardium in a label map; several are a tuple. Labels may be given as text.
        segment: Names or IDs of the myocardium in a ``.seg.nrrd`` or DICOM SEG; several are a tuple.
        pool_label: Label of the blood pool in a label map.
        pool_segment: Name or ID of the blood pool in a ``.seg.nrrd`` or DICOM SEG.
        phase: Phase of a cine, from 0.
        rv_label: Label of the right ventricle in a label map; only for the AHA's segments in the report.
        rv_segment: Name or ID of the right ventricle in a ``.seg.nrrd`` or DICOM SEG.

    Raises:
        ValueError: A label is not a whole number, or several are given for the blood pool or the right ventricle.
    """

    label: int | str | Iterable[int | str] | None = None
    segment: str | Iterable[str] | None = None
    pool_label: int | str | None = None
    pool_segment: str | None = None
    phase: int | None = None
    rv_label: int | str | None = None
    rv_segment: str | None = None

    def __post_init__(self) -> None:
        for name in ("pool_label", "rv_label"):
            numbers = _numbers(getattr(self, name))
            if len(numbers) > 1:
                raise ValueError(f"{name} must be one label, not {getattr(self, name)!r}. Give one whole number.")
            object.__setattr__(self, name, numbers[0] if numbers else None)
        object.__setattr__(self, "label", _one_or_several(self.labels))
        object.__setattr__(self, "segment", _one_or_several(self.segments))

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels of the myocardium."""
        return _numbers(self.label)

    @property
    def segments(self) -> tuple[str, ...]:
        """The names or IDs of the myocardium."""
        return (self.segment,) if isinstance(self.segment, str) else tuple(self.segment or ())


def _numbers(given: int | str | Iterable[int | str] | None) -> tuple[int, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return parse_label_list(given)
    if isinstance(given, SupportsIndex):
        return (operator.index(given),)
    return tuple(number for one in given for number in _numbers(one))


def parse_label_list(text: str) -> tuple[int, ...]:
    """Parse labels separated by commas, semicolons or spaces.

    Spreadsheets convert 2 to 2.0 if the column has empty rows.

    Example:
        >>> parse_label_list("200,1220, 2221"), parse_label_list("2.0")
        ((200, 1220, 2221), (2,))

    Raises:
        ValueError: The text is empty, or a label is not a whole number.
    """
    labels = []
    for part in _BETWEEN.split(text.strip()):
        try:
            number = float(part)
        except ValueError:
            number = math.nan
        if not number.is_integer():
            raise ValueError(
                f"The label {text!r} is not a whole number. Give one label, or several separated by commas."
            )
        labels.append(int(number))
    return tuple(labels)


def parse_names(text: str) -> tuple[str, ...]:
    """Parse names of segments separated by commas or semicolons."""
    return tuple(part.strip() for part in re.split("[,;]", text) if part.strip())


def _one_or_several(values: tuple[_T, ...]) -> _T | tuple[_T, ...] | None:
    """Return the unique values: ``None``, the only one, or a tuple."""
    kept = tuple(dict.fromkeys(values))
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else kept
