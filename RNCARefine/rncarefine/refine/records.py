"""Typed records of the report of a stack: slice, stack, wall, model and run."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from ..nca.card import ModelRecord
from ..reasons import Reason, codes_of
from ..sentences import text_of
from ..words import REPAIRED, Expectation, Finding, PlaceVerdict, Verdict

if TYPE_CHECKING:
    from typing_extensions import Self


class ReviewStatus:
    """Review status of a record of the report: of a slice, or of a place in a picture."""

    verdict: Verdict | PlaceVerdict
    flagged: bool
    accepted: bool | None
    reasons: list[Reason]

    @property
    def still_flagged(self) -> bool:
        """Whether it is flagged and undecided."""
        return self.flagged and self.accepted is None

    @property
    def needs_review(self) -> bool:
        """Whether it is flagged, undecided, and not merely to be repaired."""
        return self.still_flagged and self.verdict not in (Verdict.TO_REPAIR, PlaceVerdict.TO_REPAIR)

    @property
    def decision(self) -> str:
        """The decision of the review: "accepted", "rejected", or empty if undecided."""
        return "" if self.accepted is None else "accepted" if self.accepted else "rejected"

    @property
    def codes(self) -> list[str]:
        """The codes of the reasons; unlike the text they are stable."""
        return codes_of(self.reasons)


@dataclass(frozen=True)
class SliceRecord(ReviewStatus):
    """One row of the report. Areas in mm2, angles in degrees, lengths in mm."""

    k: int
    finding_before: Finding
    finding_after: Finding
    expectation: Expectation
    verdict: Verdict
    flagged: bool
    """The slice needs review; :attr:`accepted` says whether it was reviewed."""
    b0_before: int
    b1_before: int
    b0_after: int
    b1_after: int
    gap_deg_before: float
    gap_deg_after: float
    gap_mm_before: float
    added_mm2: float
    removed_mm2: float
    taken_from_pool_mm2: float
    taken_from_others_mm2: float
    """NaN in a slice edited by hand, where it is unknown."""
    pool_outside_mm2: float
    """Blood pool outside the closed ring after the repair (0 without a pool)."""
    confidence: float | None
    """Calibrated probability, 0 to 1, that the wall is good (Dice of at least 0.75; see
    :mod:`rncarefine.refine.confidence`); ``None`` without a closed wall, with a blank image, without a model, and for a
    wall that was rejected or edited in the review."""
    reasons: list[Reason] = field(default_factory=list)
    """Reasons of the verdict, and of an expectation other than a ring; empty for an intact ring. The defects of a
    repaired slice come first."""
    accepted: bool | None = None
    """Decision of the review: accepted, or rejected and restored; ``None`` if undecided."""
    thickness_before_mm: float | None = None
    """Mean wall thickness (see :mod:`rncarefine.anatomy.thickness`), excluding gaps; ``None`` if no wall surrounds a
    cavity."""
    thickness_after_mm: float | None = None
    thinnest_before_mm: float | None = None
    """Thickness in the thinnest direction; 0 with a gap of 10 degrees or more."""
    thinnest_after_mm: float | None = None
    invented_mm: float = 0.0
    """Midline length of new wall, drawn where there was none before."""
    mass_before_g: float = 0.0
    """Share of the left-ventricular mass that lies in this slice."""
    mass_after_g: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether anything was added or removed."""
        return self.added_mm2 > 0 or self.removed_mm2 > 0

    @property
    def reason(self) -> str:
        """The reasons as text, translated if a translation is set."""
        return text_of(self.reasons, repaired=self.verdict in REPAIRED)


@dataclass(frozen=True)
class StackRecord:
    """Totals of a stack before and after."""

    name: str
    slices: int
    spacing_mm: tuple[float, float, float]
    expected_rings: int
    closed_before: int
    """Slices expected to be rings that were rings before."""
    closed_after: int
    right_before: int
    """Slices that were as expected before, and not flagged, or accepted in the review."""
    right_after: int
    """Slices that are as expected and not flagged after the repair, or accepted in the review."""
    flagged: int
    """Flagged slices without a decision."""
    changed: int
    lv_mass_before_g: float
    lv_mass_after_g: float
    lv_mass_change_percent: float
    b0_3d_before: int
    b1_3d_before: int
    b2_3d_before: int
    b0_3d_after: int
    b1_3d_after: int
    b2_3d_after: int
    thinnest_before_mm: float | None = None
    """Thinnest wall of the closed rings; ``None`` if there are none."""
    thinnest_after_mm: float | None = None
    invented_mm: float = 0.0
    """Midline length of new wall in all slices."""


@dataclass(frozen=True)
class ThicknessRecord:
    """Wall thickness of one slice per direction, in mm.

    There are :data:`rncarefine.anatomy.thickness.DIRECTIONS` directions; the first starts at the column axis, and the
    angle increases to the row axis. A list is empty if no wall surrounds a cavity; 0 is a gap.
    """

    k: int
    before_mm: list[float] = field(default_factory=list)
    after_mm: list[float] = field(default_factory=list)
    invented: list[int] = field(default_factory=list)
    """Directions with new wall."""


@dataclass(frozen=True)
class SegmentRecord:
    """Mean wall thickness of one AHA segment, excluding gaps; ``None`` without a measurement."""

    segment: int
    name: str
    before_mm: float | None
    after_mm: float | None


@dataclass(frozen=True)
class WallRecord:
    """Wall thickness of a stack, shown in the polar map."""

    slices: list[ThicknessRecord]
    septum_deg: float | None = None
    """Direction of the middle of the septum; ``None`` if no right ventricle was given."""
    turn: int = 1
    """1 if the AHA segments are ordered by increasing angle, -1 if by decreasing angle."""
    view_assumed: bool = False
    """Whether the patient orientation is unknown; the slices are then assumed to be viewed from the apex."""
    segments: list[SegmentRecord] = field(default_factory=list)
    """Segments 1 to 16; empty without a right ventricle. Segment 17, the apical cap, surrounds no cavity."""


@dataclass(frozen=True)
class RunRecord:
    """Parameters of the run, sufficient to reproduce it."""

    version: str
    backend: str
    device: str
    seed: int
    samples: int
    steps: int
    close_base: bool
    add_only: bool
    geometry: bool
    apex: str
    seconds: float
    max_change_mm2: float | None = None
    trim_pool: bool = False
    remove_islands: bool = False
    date: str = ""
    """End of the run: UTC, ISO 8601."""


class AnyReport:
    """Base class of the reports of stacks and pictures."""

    ROWS: ClassVar[str]
    """Name of the field with the records of slices or places."""
    RECORD: ClassVar[type[ReviewStatus]]
    """Type of these records."""
    doubts: list[Reason]

    @property
    def records(self) -> list[Any]:
        """Records of the slices or places."""
        return list(getattr(self, self.ROWS))

    @property
    def review_count(self) -> int:
        """Number of slices or places that need review; not 0 either if a picture needs review as a whole."""
        raise NotImplementedError

    def summary(self) -> str:
        """Return a one-line summary for panel, command line and log."""
        raise NotImplementedError

    @property
    def warnings(self) -> list[str]:
        """Warnings about the run and its input as text, translated if a translation is set."""
        return [text_of([doubt]) for doubt in self.doubts]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON-serialisable dictionary.

        In addition to the reasons with their numbers it holds their text in ``reason`` and ``warnings``, and the
        ``codes`` of each record.
        """
        values = asdict(self)  # type: ignore[call-overload]
        for record, content in zip(self.records, values[self.ROWS], strict=True):
            content["reason"], content["codes"] = record.reason, record.codes
            content["reasons"] = [reason.to_dict() for reason in record.reasons]
        values["doubts"] = [doubt.to_dict() for doubt in self.doubts]
        values["warnings"] = self.warnings
        return dict(values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Create a report from its dictionary.

        Args:
            values: Result of :meth:`to_dict`, or the content of its JSON.

        Returns:
            An equal report. Non-finite numbers, which JSON stores as ``null``, become NaN, or ``None`` if the field
            allows it.

        Raises:
            ValueError: A field is missing or has the wrong type; the message names it.
        """
        report: Self = restored(cls, values, "the report")
        return report


@dataclass(frozen=True)
class Report(AnyReport):
    """Report of one stack.

    Example:
        >>> from rncarefine import Stack, check
        >>> import numpy as np
        >>> j, i = np.indices((30, 30)) - 15
        >>> ring = (abs(np.hypot(j, i) - 10) < 2).astype(int)[None]
        >>> report = check(Stack.create(ring * 9.0, ring, (8.0, 1.5, 1.5)))
        >>> Report.from_dict(report.to_dict()) == report
        True
    """

    ROWS, RECORD = "slices", SliceRecord

    stack: StackRecord
    slices: list[SliceRecord]
    model: ModelRecord | None
    run: RunRecord
    doubts: list[Reason] = field(default_factory=list)
    """Warnings about the stack."""
    wall: WallRecord | None = None
    """Thickness of the wall before and after."""

    @property
    def review_count(self) -> int:
        """Number of slices that need review."""
        return self.stack.flagged

    def summary(self) -> str:
        """Return a one-line summary for panel, command line and log."""
        stack = self.stack
        if self.model is None:
            broken = sum(record.verdict is Verdict.TO_REPAIR for record in self.slices)
            others = sum(record.still_flagged and record.verdict is not Verdict.TO_REPAIR for record in self.slices)
            review = f"{_slices_need(others)} review; " if others else ""
            return (
                f"{stack.closed_before} of {stack.expected_rings} expected rings closed; "
                f"{_slices_need(broken)} repair; {review}LV mass {stack.lv_mass_before_g:.1f} g"
            )
        return (
            f"{stack.closed_before} of {stack.expected_rings} slices closed before, {stack.closed_after} after; "
            f"{stack.flagged} flagged; LV mass {stack.lv_mass_before_g:.1f} → {stack.lv_mass_after_g:.1f} g "
            f"({stack.lv_mass_change_percent:+.1f} %)"
        )


def _slices_need(count: int) -> str:
    return f"{count} {'slice needs' if count == 1 else 'slices need'}"


_hints = cache(get_type_hints)  # a cohort has thousands of reports
_NAMES: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def restored(kind: Any, value: Any, name: str) -> Any:
    """Convert a JSON value to the declared type of a field."""
    if kind is Reason:
        try:
            return Reason.from_dict(value)
        except ValueError as error:
            raise ValueError(_wrong(name, "a reason", value)) from error
    if is_dataclass(kind):
        return _restored_record(kind, value, name)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):  # something or None
        if value is None:
            return None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return restored(kind, value, name)
    if origin in (list, tuple):
        if not isinstance(value, (list, tuple)) or (origin is tuple and len(value) != len(arguments)):
            raise ValueError(_wrong(name, "a list" if origin is list else f"a list of {len(arguments)} values", value))
        kinds = arguments * len(value) if origin is list else arguments
        pairs = enumerate(zip(kinds, value, strict=True))
        return origin(restored(kind, entry, f"{name}[{n}]") for n, (kind, entry) in pairs)
    if issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError as error:
            known = ", ".join(member.value for member in kind)
            raise ValueError(_wrong(name, f"one of {known}", value)) from error
    if kind is float and value is None:
        return math.nan
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(_wrong(name, _NAMES[kind], value))
    return kind(value)


def _restored_record(kind: Any, value: Any, name: str) -> Any:
    """Convert a JSON object to a record; unknown fields are ignored, and missing ones take their defaults."""
    if not isinstance(value, Mapping):
        raise ValueError(_wrong(name, "a record", value))
    hints = _hints(kind)
    entries = {}
    for entry in fields(kind):
        if entry.name in value:
            entries[entry.name] = restored(hints[entry.name], value[entry.name], f"{name}, {entry.name}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ValueError(f"{name}: {entry.name!r} is missing. It was not written by this version of RNCARefine.")
    return kind(**entries)


def _wrong(name: str, wanted: str, value: Any) -> str:
    return f"{name}: {wanted} was expected, {value!r} was found. It was not written by this version of RNCARefine."
