"""What a model card says about a tubular model, and what is taken where there is no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...nca.card import ModelCard
from .edits import Limits

SHORT = 0.2
"""In a picture unlike those of the training, bridges are at most this share of the model's longest one."""


@dataclass(frozen=True)
class Settings:
    """How a tubular model is used. Lengths in pixels of a picture with a field of view of ``fov_diameter_px``.

    Attributes:
        channel: "green" of a colour picture, or "scalar".
        polarity: "dark" if vessels are darker than their background, or "bright".
        fov_diameter_px: Diameter of the field of view that the model was trained at.
        limits: What an edit may do.
        least_confidence: Bridges between long pieces that are less probable are not made.
        fragment_confidence: The same for bridges to a loose fragment. Networks make up fragments, and a bridge to one
            joins little: these bridges must be more probable.
        join_likelihood: No bridge starts at a loose fragment with a lower mean likelihood.
        least_support: Bridges with less contrast are not made.
        fragment_likelihood: A loose fragment with a lower mean likelihood is removed.
        hole_likelihood: A pinhole with at least this mean likelihood is filled.
        extend_likelihood: A vessel is lengthened, or a stretch joined, where the mean likelihood is at least this.
        bridge_confidence: Weights of the features of a bridge, see :func:`~.bridges.confidence`.
        familiar: ``mean``, ``sd`` (by feature) and ``most`` of the domain gate, see :mod:`~.familiar`; without any,
            every picture is familiar.
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
    bridge_confidence: Mapping[str, float] = field(default_factory=dict)
    familiar: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, card: ModelCard) -> Settings:
        """Return the settings of a model card, whose rules have checked them."""
        values = dict(card.tubular)
        names = [entry.name for entry in fields(Limits)]
        limits = Limits(*(float(values.pop(name)) for name in names))
        return cls(**values, limits=limits)

    def limits_at(self, diameter: float) -> Limits:
        """Return the limits in pixels of a picture whose field of view has this diameter."""
        return self.limits.scaled(diameter / self.fov_diameter_px)
