"""Reasons as data: a code with numbers. :mod:`rncarefine.sentences` renders them as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class ReasonCode(str, Enum):
    """Codes of diagnoses, rejections and warnings.

    The value of a code is stable: it is written to JSON and CSV. Each value is followed by the names of the numbers
    that a reason with this code has.

    To add a code, add a line here and its sentence to ``SENTENCES`` in :mod:`rncarefine.sentences`.
    """

    # Diagnosis: finding
    GAP = "gap", "angle_deg", "width_mm"
    NOT_CLOSED = "not_closed"
    NO_CAVITY = "no_cavity"
    SOLID = "solid"
    SOLID_WITH_POOL = "solid_with_pool"
    FRAGMENTED = "fragmented", "components"
    POROUS = "porous", "holes"
    PORE_ONLY = "pore_only"
    EMPTY = "empty"
    WALL_MISSING = "wall_missing"
    CLOSED = "closed"
    # Diagnosis: exceptions to the ring
    DISC_EXPECTED = "disc_expected"
    OPEN_ALLOWED = "open_allowed"
    LARGE_DISC = "large_disc", "diameter_mm", "most_mm"
    SMALL_DISC = "small_disc", "diameter_mm", "least_mm"
    LONG_CAP = "long_cap", "length_mm", "most_mm"
    DISC_OFF_NEIGHBOUR = "disc_off_neighbour", "share", "least"
    OPEN_OFF_CONTOUR = "open_off_contour", "share", "least"
    ISLANDS = "islands", "components"
    # Diagnosis: position
    OFF_AXIS = "off_axis"
    # Verification: rejected walls
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
    AGAINST_POOL = "against_pool"
    CLEANED = "cleaned"
    GAP_CLOSED = "gap_closed"
    RESHAPED = "reshaped"
    RING_SHOWN = "ring_shown"
    MASK_DISREGARDED = "mask_disregarded"
    LOW_CONFIDENCE = "low_confidence", "confidence"
    IMAGE_DISAGREES = "image_disagrees", "confidence"
    WALL_SHOWN = "wall_shown"
    BLANK_IMAGE = "blank_image"
    THIN_CLOSURE = "thin_closure", "relative", "least"
    MOVED = "moved", "share", "least"
    POOL_OUTSIDE = "pool_outside", "share", "least"
    # Picture: defects
    VESSEL_GAP = "vessel_gap", "length_px"
    LOOSE_FRAGMENT = "loose_fragment", "length_px"
    PINHOLE = "pinhole", "area_px"
    SPUR = "spur", "length_px"
    OPEN_END = "open_end", "length_px"
    # Picture: rejected edits
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
    COVERS_OTHER = "covers_other", "area_mm2", "share"
    STACK_IN_DOUBT = "stack_in_doubt"
    # Review
    EDITED = "edited"
    # Stack check: doubts that the input is a short-axis stack of the myocardium
    NOT_THICKEST_AXIS = "not_thickest_axis", "slice_spacing_mm", "in_plane_mm"
    NO_SPACING = "no_spacing", "slices"
    IMPLAUSIBLE_SIZE = "implausible_size", "diameter_mm", "least_mm", "most_mm"
    IMAGE_LIKE_MASK = "image_like_mask", "correlation", "most"
    SEVERAL_WALLS = "several_walls", "slices"
    ONLY_OUTLINES = "only_outlines", "share", "least"
    FILLED_OUTLINE = "filled_outline", "slices"
    NO_SLICE_CLOSED = "no_slice_closed", "slices"
    WIDE_GAP_OF_FEW = "wide_gap_of_few", "slices", "angle_deg", "most_deg"
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
    MASKS_CONTRADICTED = "masks_contradicted", "slices"
    MASKS_SHIFTED = "masks_shifted", "slices"
    HEART_RIVALLED = "heart_rivalled", "score", "rival"
    SLICE_EDITED = "slice_edited", "k"
    OUTSIDE_VOLUME = "outside_volume", "voxels"
    UNLIKE_TRAINING = "unlike_training", "distance", "most"
    NO_BORDER = "no_border"
    OVERLAP = "overlap", "area_mm2", "slices"

    numbers: tuple[str, ...]
    """Names of the numbers that belong to this code."""

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
        code: The code.
        items: Names and values of its numbers, in the order of :attr:`ReasonCode.numbers`.
    """

    code: ReasonCode
    items: tuple[tuple[str, float], ...]

    def __init__(self, code: ReasonCode, **values: float) -> None:
        """Create a reason.

        Args:
            code: The code.
            values: One value for each of ``code.numbers``.

        Raises:
            ValueError: A number is missing or unknown.
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
        """Return the reason as a JSON-serialisable dictionary."""
        return {"code": self.code.value, "values": self.values}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Reason:
        """Create a reason from the dictionary that :meth:`to_dict` returns.

        Raises:
            ValueError: The dictionary is not a reason.
        """
        try:
            return cls(
                ReasonCode(content["code"]), **{str(name): float(value) for name, value in content["values"].items()}
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{content!r} is not a reason.") from error


def codes_of(reasons: Iterable[Reason]) -> list[str]:
    """Return the codes of reasons as strings."""
    return [reason.code.value for reason in reasons]
