"""Model cards: description, origin and licence of a weights file."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..words import Mode

FORMAT = 2
"""Format version of card and weights."""
REPAIRED_FEATURES = ("likelihood", "seen", "agreement", "sharpness", "sharpness_seen", "kept", "thinnest", "area")
"""Features of the confidence in a repaired wall."""
CLOSED_FEATURES = ("seen", "sharpness_seen", "size", "neighbours", "others_seen", "others_right")
"""Features of the confidence in a closed wall that was not repaired."""
TUBULAR = "tubular"
"""Task of the models for thin branching structures; all other models repair rings."""
BRIDGE_FEATURES = (
    "likelihood",
    "likelihood_least",
    "support",
    "support_least",
    "length",
    "straightness",
    "ends",
    "angle",
    "angle_worse",
    "width",
    "width_ratio",
    "size",
)
"""Features of the confidence in a bridge, see :mod:`rncarefine.tasks.tubular.bridges`."""
TUBULAR_LENGTHS = ("fov_diameter_px", "bridge_px", "keep_px", "hole_px", "thicken_px", "extend_px")
TUBULAR_SHARES = (
    "least_confidence",
    "fragment_confidence",
    "join_likelihood",
    "fragment_likelihood",
    "hole_likelihood",
    "extend_likelihood",
    "image_weight",
)
OPTIONAL_TUBULAR = {"image_weight": 0.0}
"""Settings of vessel models that cards of earlier versions lack, with their values."""
OPTIONAL: dict[str, Any] = {"mask_weight": 0.0, "tubular": {}}
"""Fields that cards of earlier versions lack, with their values."""
SETTINGS = ("spacing_mm", "crop", "steps", "fire_rate", "mask_weight", "confidence", "closed_confidence", "tubular")
"""Fields that determine a result together with the weights."""
MAX_CARD_BYTES = 1 << 20
"""Maximum size of a card in bytes."""
MAX_CARD_DEPTH = 32
"""Maximum nesting depth of a card."""
MAX_PARAMETERS = 25_000_000
"""Maximum number of parameters of a model (100 MB)."""


@dataclass(frozen=True)
class ModelCard:
    """Model card, stored as JSON next to the weights."""

    name: str
    """File name of weights and card without extension: letters, digits, ``.``, ``_`` and ``-``."""
    title: str
    """One-line title for the user."""
    task: str
    mode: str
    """``slice-wise`` or ``volumetric``."""
    training_data: str
    licence: str
    """Licence of the weights, an SPDX identifier if available."""
    citation: str
    spacing_mm: float
    """In-plane spacing in mm at which the model was trained."""
    crop: int
    """Rows and columns of the crop, in pixels of this spacing."""
    channels: int
    """Channels of the automaton's state."""
    hidden: int
    """Width of the hidden layer of the update."""
    steps: int
    """Steps of a rollout."""
    fire_rate: float
    """Share of the cells that update in a step, above 0 and at most 1."""
    mask_weight: float = 0.0
    """Weight of the evidence with masks (and blood pool), 0 to 1, in the mean that a wall is read from; the evidence
    without them has the remaining weight."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Evaluation metrics, any JSON values."""
    confidence: dict[str, float] = field(default_factory=dict)
    """Weights of :data:`REPAIRED_FEATURES`; if empty, the confidence in repaired walls is not calibrated. Cards of
    earlier versions lack some features."""
    closed_confidence: dict[str, float] = field(default_factory=dict)
    """Weights of :data:`CLOSED_FEATURES`, for walls that were closed before the repair."""
    tubular: dict[str, Any] = field(default_factory=dict)
    """Settings of a vessel model, see :class:`rncarefine.tasks.tubular.settings.Settings`; else empty."""
    created_by: dict[str, Any] = field(default_factory=dict)
    """Command and configuration of the training."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shape of each parameter; set on saving."""
    parameters: int = 0
    """Total number of parameters; set on saving."""
    sha256: str = ""
    """SHA-256 of the ``.npz``; set on saving."""
    format: int = FORMAT

    @property
    def settings_hash(self) -> str:
        """First 12 digits of the SHA-256 of the :data:`SETTINGS`; the same weights can have several."""
        values = json.dumps([getattr(self, name) for name in SETTINGS], sort_keys=True)
        return hashlib.sha256(values.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return the card as a JSON-serialisable dictionary."""
        card = asdict(self)
        card["shapes"] = {name: list(shape) for name, shape in self.shapes.items()}
        return card

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], what: str = "model card") -> ModelCard:
        """Validate a dictionary and create a card from it.

        Args:
            values: Result of :meth:`to_dict`, or the content of its JSON, with all fields.
            what: Name of the card in messages.

        Raises:
            ValueError: A field is missing, unknown or invalid; the message names it.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"{what}: a model card is a JSON object, this is a {type(values).__name__}.")
        if "format" in values and values["format"] != FORMAT:
            raise ValueError(
                f"{what}: field 'format' is {_short(values['format'])}, this version of RNCARefine reads {FORMAT}. "
                "Update it."
            )
        names = [entry.name for entry in fields(cls)]
        for name in names:
            if name not in values and name not in OPTIONAL:
                raise ValueError(f"{what}: field {name!r} is missing.")
        for name in values:
            if name not in names:
                raise ValueError(f"{what}: field {_short(name)} is unknown.")
        values = OPTIONAL | dict(values)
        for name, (right, must_be) in _RULES.items():
            if not right(values[name]):
                raise ValueError(f"{what}: field {name!r} is {_short(values[name])}, it must be {must_be}.")
        shapes = {name: tuple(shape) for name, shape in values["shapes"].items()}
        count = sum(math.prod(shape) for shape in shapes.values())
        if count > MAX_PARAMETERS:
            raise ValueError(f"{what}: the shapes add up to more than {MAX_PARAMETERS:,} parameters.")
        if values["parameters"] != count:
            raise ValueError(f"{what}: field 'parameters' is {values['parameters']}, the shapes add up to {count}.")
        return cls(**{**values, "shapes": shapes, "spacing_mm": float(values["spacing_mm"])})

    @classmethod
    def read(cls, path: str | Path) -> ModelCard:
        """Read a card from a JSON file.

        Raises:
            ValueError: The file is missing, is not JSON, is not a valid card, or does not match the model's name.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: the model card is missing. Copy it next to the weights; it comes with them.")
        try:
            with path.open("rb") as file:
                text = file.read(MAX_CARD_BYTES + 1)
            if len(text) > MAX_CARD_BYTES:
                raise ValueError(f"it has more than {MAX_CARD_BYTES:,} bytes")
            if _depth(text) > MAX_CARD_DEPTH:
                raise ValueError(f"its values are nested more than {MAX_CARD_DEPTH} deep")
            values = json.loads(text.decode("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}: the model card cannot be read ({error}). Copy or download it again.") from error
        card = cls.from_dict(values, str(path))
        if card.name != path.stem:
            raise ValueError(f"{path}: field 'name' is {card.name!r}, but the file is called {path.stem!r}.")
        return card


@dataclass(frozen=True)
class ModelRecord:
    """Model information in a report."""

    name: str
    sha256: str
    licence: str
    training_data: str
    settings_hash: str = ""
    """See :attr:`ModelCard.settings_hash`; empty in reports of earlier versions."""


_Rule = tuple[Callable[[Any], bool], str]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e300


def _is_shapes(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(name, str) and isinstance(shape, (list, tuple)) for name, shape in value.items())
        and all(len(shape) <= 8 and all(_is_count(size) for size in shape) for shape in value.values())
    )


def _depth(text: bytes) -> int:
    """Return the nesting depth of JSON text."""
    outside = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", text)
    deepest = depth = 0
    for bracket in re.findall(rb"[\[\]{}]", outside):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _is_plain(value: Any) -> bool:
    """Return whether a value is a dictionary of strict JSON values."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return isinstance(value, dict)


def _weights_of(features: tuple[str, ...]) -> _Rule:
    def right(value: Any) -> bool:
        if not isinstance(value, Mapping) or not value:
            return isinstance(value, Mapping)
        known = {"intercept"} < value.keys() <= {"intercept", *features}
        return known and all(_is_number(weight) for weight in value.values())

    return right, f"empty, or a number for intercept and for some of {', '.join(features)}"


def _is_tubular(value: Any) -> bool:
    if value == {}:
        return True
    if not _is_plain(value):
        return False
    value = OPTIONAL_TUBULAR | value
    known = {*TUBULAR_LENGTHS, *TUBULAR_SHARES, "channel", "polarity", "least_support", "bridge_confidence", "familiar"}
    return (
        value.keys() == known
        and value["channel"] in ("green", "scalar")
        and value["polarity"] in ("dark", "bright")
        and all(_is_number(value[name]) and value[name] >= 0 for name in TUBULAR_LENGTHS)
        and value["fov_diameter_px"] > 0
        and all(_is_number(value[name]) and 0 <= value[name] <= 1 for name in TUBULAR_SHARES)
        and _is_number(value["least_support"])
        and _weights_of(BRIDGE_FEATURES)[0](value["bridge_confidence"])
        and (value["familiar"] == {} or value["familiar"].keys() == {"mean", "sd", "most"})
    )


_TEXT: _Rule = (lambda value: isinstance(value, str) and value.strip() != "", "text that is not empty")
_COUNT: _Rule = (_is_count, "a whole number above 0")
_PLAIN: _Rule = (_is_plain, "an object of plain JSON values, without NaN")
_RULES: dict[str, _Rule] = {
    "name": (
        lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value) is not None,
        "letters, digits, '.', '_' and '-'",
    ),
    "title": _TEXT,
    "task": _TEXT,
    "mode": (lambda value: value in [str(mode) for mode in Mode], "'slice-wise' or 'volumetric'"),
    "training_data": _TEXT,
    "licence": _TEXT,
    "citation": _TEXT,
    "spacing_mm": (lambda value: _is_number(value) and value > 0, "a number of mm above 0"),
    "crop": _COUNT,
    "channels": _COUNT,
    "hidden": _COUNT,
    "steps": _COUNT,
    "fire_rate": (lambda value: _is_number(value) and 0 < value <= 1, "a number above 0 and at most 1"),
    "mask_weight": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "metrics": _PLAIN,
    "confidence": _weights_of(REPAIRED_FEATURES),
    "closed_confidence": _weights_of(CLOSED_FEATURES),
    "tubular": (
        _is_tubular,
        f"empty, or an object with channel, polarity, {', '.join((*TUBULAR_LENGTHS, *TUBULAR_SHARES))}, least_support, "
        "bridge_confidence and familiar",
    ),
    "created_by": _PLAIN,
    "shapes": (_is_shapes, "the shape of each parameter, as whole numbers above 0"),
    "parameters": _COUNT,
    "sha256": (
        lambda value: isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None,
        "64 hexadecimal digits",
    ),
}


# Licences

_PERMISSIVE = re.compile(r"(apache|mit|bsd|isc|cc0|public domain|unlicense|cc by( \d|$))(?![a-z])")


def is_permissive(licence: str) -> bool:
    """Return whether a licence is permissive, so that its terms need not be shown before use."""
    # A combination such as "Apache-2.0 AND CC BY-NC 4.0" is permissive only if every licence is.
    several = re.split(r"\bAND\b", licence, flags=re.IGNORECASE)
    return all(_PERMISSIVE.match(re.sub(r"[\s_-]+", " ", each).strip(" ()").lower()) for each in several)


def forbids_commerce(licence: str) -> bool:
    """Return whether a licence is a Creative Commons NonCommercial licence."""
    return re.search(r"\bNC\b", licence, re.IGNORECASE) is not None


def terms_of_use(name: str, licence: str) -> str:
    """Return the terms of use of weights in one sentence.

    Args:
        name: Name of the weights.
        licence: Licence of the weights.
    """
    use = ", which does not allow commercial use" if forbids_commerce(licence) else ""
    return f"{name} may be used under {licence}{use}."
