"""The model card: what a weights file is, where it comes from, and under which terms it may be used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..words import Mode

FORMAT = 2
"""Version of the layout of card and weights that this code reads and writes."""
REPAIRED_FEATURES = ("likelihood", "seen", "agreement", "sharpness", "sharpness_seen", "kept", "thinnest")
"""What the confidence in a repaired wall is computed from."""
CLOSED_FEATURES = ("seen", "sharpness_seen", "size", "neighbours")
"""What the confidence in a closed wall is computed from that no repair has touched."""
TUBULAR = "tubular"
"""The task of models that repair thin branching structures in one picture; all other models repair rings."""
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
"""What the confidence in a bridge is computed from, see :mod:`rncarefine.tasks.tubular.bridges`."""
TUBULAR_LENGTHS = ("fov_diameter_px", "bridge_px", "keep_px", "hole_px", "thicken_px", "extend_px")
TUBULAR_SHARES = (
    "least_confidence",
    "fragment_confidence",
    "join_likelihood",
    "fragment_likelihood",
    "hole_likelihood",
    "extend_likelihood",
)
LATER = ("tubular",)
"""Fields that cards of earlier versions do not have."""
LARGEST_CARD = 1 << 20
"""Most bytes of a card."""
DEEPEST_CARD = 32
"""How deep the values of a card may be nested."""
MAX_PARAMETERS = 25_000_000
"""Most parameters of a model: 100 MB of them."""


@dataclass(frozen=True)
class ModelCard:
    """What is known about a model. Written as JSON next to its weights."""

    name: str
    """File name of weights and card without the ending: letters, digits, ``.``, ``_`` and ``-``."""
    title: str
    """For the user, one line."""
    task: str
    mode: str
    """``slice-wise`` or ``volumetric``."""
    training_data: str
    licence: str
    """Terms of the weights, an SPDX identifier where there is one."""
    citation: str
    spacing_mm: float
    """In-plane pixel spacing in mm that the model was trained at."""
    crop: int
    """Rows and columns of the crop around the heart, in pixels of this spacing."""
    channels: int
    """Channels of the automaton's state."""
    hidden: int
    """Width of the hidden layer of the update."""
    steps: int
    """Steps of a rollout."""
    fire_rate: float
    """Share of the cells that update in a step, above 0 and at most 1."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Measured quality, any plain JSON values."""
    confidence: dict[str, float] = field(default_factory=dict)
    """Weights of :data:`REPAIRED_FEATURES`; without any, the confidence in repaired walls is not calibrated."""
    closed_confidence: dict[str, float] = field(default_factory=dict)
    """Weights of :data:`CLOSED_FEATURES`, for walls that were closed already."""
    tubular: dict[str, Any] = field(default_factory=dict)
    """How a model of vessels is used, see :class:`rncarefine.tasks.tubular.settings.Settings`; else empty."""
    created_by: dict[str, Any] = field(default_factory=dict)
    """Command and configuration that made the weights."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shape of each parameter; filled in when the model is saved."""
    parameters: int = 0
    """How many numbers the parameters are together; filled in when the model is saved."""
    sha256: str = ""
    """SHA-256 of the bytes of the ``.npz``; filled in when the model is saved."""
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain values, ready for JSON."""
        card = asdict(self)
        card["shapes"] = {name: list(shape) for name, shape in self.shapes.items()}
        return card

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], what: str = "model card") -> ModelCard:
        """Check plain values and build a complete card from them.

        Args:
            values: What :meth:`to_dict` returned, or JSON that was read. Every field must be there.
            what: What to call the card in messages.

        Raises:
            ValueError: A field is missing, unknown or wrong; the message names it.
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
            if name not in values and name not in LATER:
                raise ValueError(f"{what}: field {name!r} is missing.")
        for name in values:
            if name not in names:
                raise ValueError(f"{what}: field {_short(name)} is unknown.")
        values = {name: {} for name in LATER} | dict(values)
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
            ValueError: The file is missing, is not JSON, is not a valid card, or is another model's by its name.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: the model card is missing. Copy it next to the weights; it comes with them.")
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST_CARD + 1)
            if len(text) > LARGEST_CARD:
                raise ValueError(f"it has more than {LARGEST_CARD:,} bytes")
            if _depth(text) > DEEPEST_CARD:
                raise ValueError(f"its values are nested more than {DEEPEST_CARD} deep")
            values = json.loads(text.decode("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}: the model card cannot be read ({error}). Copy it once more from where it came."
            ) from error
        card = cls.from_dict(values, str(path))
        if card.name != path.stem:
            raise ValueError(f"{path}: field 'name' is {card.name!r}, but the file is called {path.stem!r}.")
        return card


@dataclass(frozen=True)
class ModelRecord:
    """What a report says about the weights that were used."""

    name: str
    sha256: str
    licence: str
    training_data: str


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
    """Return how deep the values of JSON are nested."""
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
    """Return whether a value is a dictionary that strict JSON can hold."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return isinstance(value, dict)


def _weights_of(features: tuple[str, ...]) -> _Rule:
    def right(value: Any) -> bool:
        if not isinstance(value, Mapping) or not value:
            return isinstance(value, Mapping)
        return value.keys() == {"intercept", *features} and all(_is_number(weight) for weight in value.values())

    return right, f"empty, or a number for each of intercept, {', '.join(features)}"


def _is_tubular(value: Any) -> bool:
    if value == {}:
        return True
    known = {*TUBULAR_LENGTHS, *TUBULAR_SHARES, "channel", "polarity", "least_support", "bridge_confidence", "familiar"}
    return (
        _is_plain(value)
        and value.keys() == known
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
    """Return whether a licence asks for no more than to be named, so that it need not be shown first."""
    # Of several licences at once, as in "Apache-2.0 AND CC BY-NC 4.0", each must be.
    several = re.split(r"\bAND\b", licence, flags=re.IGNORECASE)
    return all(_PERMISSIVE.match(re.sub(r"[\s_-]+", " ", each).strip(" ()").lower()) for each in several)


def forbids_commerce(licence: str) -> bool:
    """Return whether a licence is a Creative Commons one that does not allow commercial use."""
    return re.search(r"\bNC\b", licence, re.IGNORECASE) is not None


def terms_of_use(name: str, licence: str) -> str:
    """Return in a sentence under which terms weights may be used.

    Args:
        name: What the weights are called.
        licence: Their licence.
    """
    use = ", which does not allow commercial use" if forbids_commerce(licence) else ""
    return f"{name} may be used under {licence}{use}."
