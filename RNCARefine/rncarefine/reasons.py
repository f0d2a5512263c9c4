"""Reasons as data: a code and its numbers. :mod:`rncarefine.report.sentences` turns them into text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class ReasonCode(str, Enum):
    """Why a slice is not right, why a wall was rejected, what a report warns about.

    The value of a code is stable: it stands in JSON and CSV, and scripts compare it. After the value come the names of
    the numbers that a reason of this code has.

    To add a code, add a line here and its sentence to ``SENTENCES`` in :mod:`rncarefine.report.sentences`.
    """

    # Diagnosis: what the slice is
    GAP = "gap", "angle_deg", "width_mm"
    NOT_CLOSED = "not_closed"
    NO_CAVITY = "no_cavity"
    SOLID = "solid"
    SOLID_WITH_POOL = "solid_with_pool"
    FRAGMENTED = "fragmented", "components"
    POROUS = "porous", "holes"
    PORE_ONLY = "pore_only"
    EMPTY = "empty"
    CLOSED = "closed"
    # Diagnosis: what it may be instead of a ring
    DISC_EXPECTED = "disc_expected"
    OPEN_ALLOWED = "open_allowed"
    LARGE_DISC = "large_disc", "diameter_mm", "most_mm"
    OPEN_OFF_CONTOUR = "open_off_contour", "share", "least"
    ISLANDS = "islands", "components"
    # Diagnosis: where it lies
    OFF_AXIS = "off_axis"
    # Verification: why a wall was rejected
    NO_DISC = "no_disc"
    NO_RING = "no_ring"
    RING_AROUND_PORE = "ring_around_pore"
    AWAY_FROM_WALL = "away_from_wall", "share", "least"
    POOL_LEFT_OUTSIDE = "pool_left_outside", "share", "least"
    TOO_LARGE = "too_large", "radius_mm", "most_mm"
    RING_OFF_AXIS = "ring_off_axis", "distance_mm", "most_mm"
    CHANGE_TOO_LARGE = "change_too_large", "change_mm2", "most_mm2"
    THREAD = "thread", "relative", "least"
    LOBED = "lobed", "notch", "most"
    CAVITY_SHARE = "cavity_share", "share", "least", "most"
    THROUGH_POOL = "through_pool", "share", "most"
    CUT_BY_BORDER = "cut_by_border", "length_mm"
    MOSTLY_OTHER_LABEL = "mostly_other_label", "share", "most"
    # Decision
    COUNTS_AS_RING = "counts_as_ring"
    NO_PROPOSAL = "no_proposal"
    INTERPOLATION_REJECTED = "interpolation_rejected"
    INVENTED = "invented"
    BETWEEN_NEIGHBOURS = "between_neighbours"
    CLEANED = "cleaned"
    RESHAPED = "reshaped"
    RING_SHOWN = "ring_shown"
    MASK_DISREGARDED = "mask_disregarded"
    LOW_CONFIDENCE = "low_confidence", "confidence"
    IMAGE_DISAGREES = "image_disagrees", "confidence"
    THIN_CLOSURE = "thin_closure", "relative", "least"
    # Places of a picture: what is wrong there
    VESSEL_GAP = "vessel_gap", "length_px"
    LOOSE_FRAGMENT = "loose_fragment", "length_px"
    PINHOLE = "pinhole", "area_px"
    SPUR = "spur", "length_px"
    OPEN_END = "open_end", "length_px"
    # Edits of a picture: why one was not made
    BRIDGE_TOO_LONG = "bridge_too_long", "length_px", "most_px"
    OUTSIDE_VIEW = "outside_view"
    WOULD_LOOP = "would_loop"
    JOINS_NONE = "joins_none"
    NO_SUPPORT = "no_support", "support"
    UNSURE = "unsure", "confidence", "least"
    KEPT_FRAGMENT = "kept_fragment", "likelihood"
    KEPT_SPUR = "kept_spur"
    KEPT_HOLE = "kept_hole", "likelihood"
    ADD_ONLY = "add_only"
    TAKEN_FROM_OTHERS = "taken_from_others", "area_mm2", "share"
    STACK_IN_DOUBT = "stack_in_doubt"
    # Review
    EDITED = "edited"
    # Doubts whether it is a short-axis stack of walls
    NOT_THICKEST_AXIS = "not_thickest_axis", "slice_spacing_mm", "in_plane_mm"
    SEVERAL_WALLS = "several_walls", "slices"
    ONLY_OUTLINES = "only_outlines", "share", "least"
    FILLED_OUTLINE = "filled_outline", "slices"
    NO_SLICE_CLOSED = "no_slice_closed", "slices"
    SAME_GAP = "same_gap", "slices"
    CENTRE_DRIFTS = "centre_drifts", "angle_deg", "most_deg"
    ELONGATED = "elongated", "roundness", "least"
    # Warnings about a stack
    POOL_NOT_FOUND = "pool_not_found"
    RV_NOT_FOUND = "rv_not_found"
    THIN_SLICES = "thin_slices", "slice_spacing_mm"
    ONE_SLICE = "one_slice"
    GPU_OUT_OF_MEMORY = "gpu_out_of_memory"
    HEART_UNSURE = "heart_unsure", "sureness", "least"
    HEART_RIVALLED = "heart_rivalled", "score", "rival"
    SLICE_EDITED = "slice_edited", "k"
    OUTSIDE_VOLUME = "outside_volume", "voxels"
    UNLIKE_TRAINING = "unlike_training", "distance", "most"
    OVERLAP = "overlap", "area_mm2", "slices"

    numbers: tuple[str, ...]
    """Names of the numbers that a reason of this code has."""

    def __new__(cls, value: str, *numbers: str) -> ReasonCode:
        member = str.__new__(cls, value)
        member._value_ = value
        member.numbers = numbers
        return member

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, init=False)
class Reason:
    """One reason; immutable.

    Example:
        >>> reason = Reason(ReasonCode.GAP, angle_deg=80, width_mm=21.5)
        >>> str(reason.code), reason.values
        ('gap', {'angle_deg': 80.0, 'width_mm': 21.5})

    Attributes:
        code: What the reason is.
        items: Its numbers with their names, in the order of :attr:`ReasonCode.numbers`.
    """

    code: ReasonCode
    items: tuple[tuple[str, float], ...]

    def __init__(self, code: ReasonCode, **values: float) -> None:
        """Make a reason.

        Args:
            code: What the reason is.
            values: Its numbers, each that the code names and no other.

        Raises:
            ValueError: A number is missing, or one too many.
        """
        if values.keys() != set(code.numbers):
            wanted = ", ".join(code.numbers) or "no numbers"
            raise ValueError(f"Reason {code.value!r} has {wanted}; given: {', '.join(values) or 'nothing'}.")
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "items", tuple((name, round(float(values[name]), 4)) for name in code.numbers))

    @property
    def values(self) -> dict[str, float]:
        """The numbers by name."""
        return dict(self.items)

    def to_dict(self) -> dict[str, Any]:
        """Return the reason as plain text and numbers, ready for JSON."""
        return {"code": self.code.value, "values": self.values}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Reason:
        """Return the reason that :meth:`to_dict` described.

        Raises:
            ValueError: It is not from there.
        """
        try:
            return cls(
                ReasonCode(content["code"]), **{str(name): float(value) for name, value in content["values"].items()}
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{content!r} is not a reason.") from error


Renderer = Callable[[Sequence[Reason], bool], str]
"""Returns reasons as text; the second argument says that they are about a slice as it was before its repair."""

_renderer: Renderer | None = None


def use_renderer(renderer: Renderer) -> None:
    """Set what turns reasons into text; the package does so when it is imported."""
    global _renderer
    _renderer = renderer


def text_of(reasons: Iterable[Reason], repaired: bool = False) -> str:
    """Return reasons as text.

    Args:
        reasons: The reasons, in their order.
        repaired: They are about a slice as it was before its repair.
    """
    found = list(reasons)
    return " ".join(reason.code for reason in found) if _renderer is None else _renderer(found, repaired)


def codes_of(reasons: Iterable[Reason]) -> list[str]:
    """Return the codes of reasons as plain text."""
    return [reason.code.value for reason in reasons]
