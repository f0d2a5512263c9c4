"""Settings of a tubular model, read from its card, with defaults for use without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...nca.card import ModelCard
from .edits import Limits

SHORT = 0.2
"""In a picture outside the training domain, the longest bridge is shortened to this share."""


@dataclass(frozen=True)
class Settings:
    """Settings of a tubular model. Lengths in pixels of a picture with a field of view of ``fov_diameter_px``.

    Attributes:
        channel: "green" for colour pictures, or "scalar".
        polarity: "dark" if vessels are darker than the background, or "bright".
        fov_diameter_px: Diameter of the field of view at which the model was trained.
        limits: Limits of an edit.
        least_confidence: Least confidence of a bridge between long pieces.
        fragment_confidence: Least confidence of a bridge to a loose fragment. It is higher because networks produce
            false fragments and because such a bridge joins little.
        join_likelihood: Least mean likelihood of a loose fragment for a bridge to start at it.
        least_support: Least image support (contrast) of a bridge.
        fragment_likelihood: Loose fragments with a lower mean likelihood are removed.
        hole_likelihood: Least mean likelihood of a pinhole for it to be filled.
        extend_likelihood: Least mean likelihood of an extension or of a joined stretch.
        image_weight: Weight of the encoder's evidence without the mask in the likelihood; the rest is the automaton's.
        bridge_confidence: Weights of the bridge features, see :func:`~.bridges.bridge_confidence`.
        familiar: ``mean`` and ``sd`` per feature and the threshold ``most`` of the domain gate, see
            :mod:`~.familiar`; if empty, every picture passes.
    """

    channel: str = "green"
    polarity: str = "dark"
    fov_diameter_px: float = 1000.0
    limits: Limits = field(default_factory=lambda: Limits(60.0, 40.0, 100.0, 2.0, 120.0))
    least_confidence: float = 0.5
    fragment_confidence: float = 0.5
    join_likelihood: float = 0.5
    least_support: float = 0.0
    fragment_likelihood: float = 0.5
    hole_likelihood: float = 0.5
    extend_likelihood: float = 0.7
    image_weight: float = 0.0
    bridge_confidence: Mapping[str, float] = field(default_factory=dict)
    familiar: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, card: ModelCard) -> Settings:
        """Return the settings of a model card; the card has validated them."""
        values = dict(card.tubular)
        names = [entry.name for entry in fields(Limits)]
        limits = Limits(*(float(values.pop(name)) for name in names))
        return cls(**values, limits=limits)

    def limits_at(self, diameter: float) -> Limits:
        """Return the limits in pixels for a picture with a field of view of this diameter."""
        return self.limits.scaled(diameter / self.fov_diameter_px)
