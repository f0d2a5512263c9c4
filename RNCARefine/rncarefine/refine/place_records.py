"""Typed records of the report of a picture: place, picture and run."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..nca.card import ModelRecord
from ..reasons import Reason, ReasonCode
from ..sentences import text_of
from ..tasks.tubular.places import PlaceFinding
from ..words import PlaceVerdict, counted
from .records import AnyReport, ReviewStatus


@dataclass(frozen=True)
class PlaceRecord(ReviewStatus):
    """One row of the report. Lengths and areas in pixels of the picture."""

    number: int
    """Number of the place, from 0, in the order of the report."""
    finding: PlaceFinding
    row: int
    column: int
    size_px: float
    """Width of the gap, length of the centreline of a fragment or spur, or area of a pinhole."""
    verdict: PlaceVerdict
    flagged: bool
    """The place needs review; :attr:`accepted` says whether it was reviewed."""
    length_px: float | None
    """Length of the accepted or rejected bridge; ``None`` without one."""
    support: float | None
    """Contrast of the bridge to both of its sides, in local standard deviations."""
    likelihood: float | None
    """Mean vessel likelihood along the bridge, in the fragment or in the pinhole; ``None`` after a check."""
    confidence: float | None
    """Probability that the bridge lies on a vessel, 0 to 1, if the model is calibrated; ``None`` without a bridge."""
    added_px: int
    removed_px: int
    reasons: list[Reason] = field(default_factory=list)
    """The defect, and why it was left unchanged."""
    accepted: bool | None = None
    """Decision of the review: accepted, or rejected and restored; ``None`` if undecided."""

    @property
    def reason(self) -> str:
        """The reasons as text, translated if a translation is set."""
        return text_of(self.reasons)


@dataclass(frozen=True)
class PictureRecord:
    """Totals of a picture before and after."""

    name: str
    rows: int
    columns: int
    diameter_px: float
    """Diameter of the field of view."""
    places: int
    flagged: int
    """Flagged places without a decision."""
    bridges: int
    extended: int
    filled: int
    removed: int
    b0_before: int
    b0_after: int
    b1_before: int
    b1_after: int
    centreline_before_px: int
    centreline_after_px: int
    added_px: int
    removed_px: int
    thickened_px: int
    """Of the added pixels, those that widen a vessel."""


@dataclass(frozen=True)
class PictureRun:
    """Parameters of the run, sufficient to reproduce it. Limits in pixels of the picture."""

    version: str
    backend: str
    device: str
    seed: int
    samples: int
    steps: int
    add_only: bool
    bridges_only: bool
    bridge_px: float
    keep_px: float
    hole_px: float
    extend_px: float
    least_confidence: float
    fragment_confidence: float
    seconds: float
    date: str = ""
    """End of the run: UTC, ISO 8601."""


@dataclass(frozen=True)
class PictureReport(AnyReport):
    """Report of one picture."""

    ROWS, RECORD = "places", PlaceRecord

    picture: PictureRecord
    places: list[PlaceRecord]
    model: ModelRecord | None
    run: PictureRun
    doubts: list[Reason] = field(default_factory=list)
    """Warnings about the picture."""

    @property
    def unlike_training(self) -> bool:
        """Whether the picture is outside the training domain."""
        return any(doubt.code in (ReasonCode.UNLIKE_TRAINING, ReasonCode.NO_BORDER) for doubt in self.doubts)

    @property
    def whole_needs_review(self) -> bool:
        """Whether the whole picture needs review: the model was not made for it, and not every place is decided."""
        return self.unlike_training and any(place.accepted is None for place in self.places)

    @property
    def review_count(self) -> int:
        """Number of places that need review; 1 if only the whole picture does."""
        return self.picture.flagged or int(self.whole_needs_review)

    @property
    def needs_review(self) -> bool:
        """Whether a place, or the whole picture, needs review."""
        return self.review_count > 0

    def summary(self) -> str:
        """Return a one-line summary for panel, command line and log."""
        picture = self.picture
        if any(place.verdict is PlaceVerdict.TO_REPAIR for place in self.places):
            found = f"{counted(picture.b0_before, 'component')}; {counted(picture.places, 'place')}"
            return f"{found}, {picture.flagged} to repair"
        done = f"{counted(picture.bridges, 'bridge')}, {counted(picture.extended, 'vessel')} lengthened, "
        done += f"{counted(picture.filled, 'pinhole')} filled, {counted(picture.removed, 'fragment')} removed"
        return (
            f"{counted(picture.b0_before, 'component')} before, {picture.b0_after} after; {done}; "
            f"{picture.flagged} flagged{', and the whole picture needs review' if self.whole_needs_review else ''}"
        )
