"""Architecture of an automaton: its sizes and the shapes of its parameters.

An automaton is an image encoder, run once per slice, and a local rule, run once per step::

    features  = encode(channels)                                 once
    evidence  = sigmoid(features . evidence^T + bias)            once: the encoder's own estimate
    condition = [features, evidence] . condition^T + bias        once: the constant half of the hidden layer
    state     = [evidence, mask, 0, ...]                         the seed
    hidden    = relu(conv3x3(state, perceive) + condition)       every step; a volumetric automaton
                + around . across^T                              adds the perception of adjacent slices
    state    += fire * (hidden . update^T)                       every step, cells that fire
    state     = clip(state, -1.5, 1.5)                           every step, at inference only

The encoder is a U-Net: two 3x3 convolutions per level, each followed by instance normalisation and a leaky ReLU; max
pooling down, nearest neighbour up. Convolutions pad with zeros. ``around`` is half the sum of the states in the slices
below and above (zeros beyond the ends), times their :func:`neighbour_weight`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RING, EPICARDIUM, ENDOCARDIUM = 0, 1, 2
"""Supervised channels of a ring: the wall, the disc inside the epicardial contour, the disc inside the endocardial one.
"""

STATE_LIMIT = 1.5
"""Bound of the absolute state at inference, which keeps rollouts of any length stable."""

LEAK = 0.01
"""Slope of the leaky ReLU below zero."""
NORM_EPSILON = 1e-5
"""Added to the variance in instance normalisation."""

CHANNELS = ("image", "image below", "image above", "mask", "mask below", "mask above", "pool")
"""Input channels of the encoder for a stack, in order; created by :mod:`rncarefine.nca.channels`."""
MASK = CHANNELS.index("mask")
PICTURE_CHANNELS = ("image", "mask", "field of view")
"""Input channels of the encoder for a picture."""

FULL_WEIGHT_MM = 5.0
"""Up to this slice spacing, adjacent slices have the full weight."""


def channel_names(inputs: int) -> tuple[str, ...]:
    """Return the names of the input channels of an encoder with this number of inputs."""
    return PICTURE_CHANNELS if inputs == len(PICTURE_CHANNELS) else CHANNELS


def neighbour_weight(slice_spacing_mm: float) -> float:
    """Return the weight of adjacent slices: 1 up to a spacing of 5 mm, 0.5 at 10 mm."""
    return min(1.0, FULL_WEIGHT_MM / slice_spacing_mm)


@dataclass(frozen=True)
class Architecture:
    """Sizes of an automaton.

    Attributes:
        channels: Number of state channels; the first ``fields`` are supervised, the next is initialised with the mask.
        hidden: Units of the hidden layer of the local rule.
        encoder: Features of the encoder per level; the first is the number of output features.
        inputs: Input channels of the encoder.
        fields: Supervised channels: 3 for a ring, 1 for a thin structure.
        volumetric: Whether the cells also perceive the slices below and above.
    """

    channels: int = 16
    hidden: int = 48
    encoder: tuple[int, ...] = (24, 48, 96, 128, 128)
    inputs: int = len(CHANNELS)
    fields: int = 3
    volumetric: bool = False

    @property
    def stride(self) -> int:
        """Divisor of the sides of a crop."""
        return int(2 ** (len(self.encoder) - 1))

    @property
    def mask(self) -> int:
        """Index of the input channel with the mask to repair."""
        return channel_names(self.inputs).index("mask")

    def convolutions(self) -> dict[str, tuple[int, int]]:
        """Return the convolutions of the encoder in execution order, with their output and input channels."""
        sizes: dict[str, tuple[int, int]] = {}
        before = self.inputs
        for level, width in enumerate(self.encoder):
            sizes[f"down{level}a"], sizes[f"down{level}b"] = (width, before), (width, width)
            before = width
        for level in reversed(range(len(self.encoder) - 1)):
            width = self.encoder[level]
            sizes[f"up{level}a"], sizes[f"up{level}b"] = (width, self.encoder[level + 1] + width), (width, width)
        return sizes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter: convolutions are ``(out, in, 3, 3)``, matrices ``(out, in)``."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, (width, before) in self.convolutions().items():
            shapes[f"{name}.weight"] = (width, before, 3, 3)
            shapes[f"{name}.scale"] = shapes[f"{name}.shift"] = (width,)
        shapes["evidence.weight"] = (self.fields, self.encoder[0])
        shapes["evidence.bias"] = (self.fields,)
        shapes["condition.weight"] = (self.hidden, self.encoder[0] + self.fields)
        shapes["condition.bias"] = (self.hidden,)
        shapes["perceive.weight"] = (self.hidden, self.channels, 3, 3)
        if self.volumetric:
            shapes["across.weight"] = (self.hidden, self.channels)
        shapes["update.weight"] = (self.channels, self.hidden)
        return shapes

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Architecture:
        """Infer the architecture from the shapes of its parameters.

        Args:
            shapes: Shape of every parameter.

        Raises:
            ValueError: The shapes are not those of an automaton; the message names a parameter that does not fit.
        """
        try:
            levels = sum(1 for name in shapes if name.startswith("down") and name.endswith("a.weight"))
            architecture = cls(
                channels=shapes["update.weight"][0],
                hidden=shapes["update.weight"][1],
                encoder=tuple(shapes[f"down{level}a.weight"][0] for level in range(levels)),
                inputs=shapes["down0a.weight"][1],
                fields=shapes["evidence.weight"][0],
                volumetric="across.weight" in shapes,
            )
        except (KeyError, IndexError) as error:
            raise ValueError(f"These are not the parameters of an automaton: {error} is missing.") from None
        expected = architecture.shapes()
        for name in sorted(set(expected) | set(shapes)):
            if expected.get(name) != tuple(shapes.get(name, ())):
                raise ValueError(
                    f"These are not the parameters of an automaton: {name} has shape {shapes.get(name)}, "
                    f"it should have {expected.get(name)}."
                )
        return architecture
