"""The shape of an automaton: how many channels it has where, and the parameters that follow from it.

An automaton is an image encoder, run once per rollout, and a local rule, run once per step::

    features  = encode(planes)                                   once
    condition = features . condition^T + bias                    once: the constant half of the hidden layer
    hidden    = relu(conv3x3(state, perceive) + condition)       every step; a volumetric automaton adds
                + around . across^T                              what it perceives of the slices beside
    state    += fire * (hidden . update^T)                       every step, cells that fire
    state     = clip(state, -1.5, 1.5)                           every step, in use and not in training

The encoder is a small U-Net: two 3x3 convolutions a level, average pooling down, nearest neighbour and a 3x3
convolution on the concatenation up, ReLU everywhere. All convolutions pad with zeros. ``around`` is half the sum of the
states in the slices below and above (nothing beyond the ends), times their :func:`closeness`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RING, EPICARDIUM, ENDOCARDIUM = 0, 1, 2
"""State channels with a meaning: the wall, the disc that the wall encloses with it, and the disc inside the wall."""

STATE_LIMIT = 1.5
"""A rollout in use keeps every state within this of 0; training only discourages what lies beyond 2. Without the limit
the first shipped weights held a wall for 200 steps and flooded the slice within 500."""

PLANES = ("image", "mask", "distance", "radius", "annulus", "below", "above", "pool")
"""What the encoder sees, in this order; :mod:`rncarefine.nca.channels` makes them."""

VOLUMETRIC_PLANES = (*PLANES, "slice distance")
"""What the encoder of a volumetric automaton sees."""

NEAR_MM = 5.0
"""Slices that lie no further apart than this see each other in full."""


def closeness(slice_distance_mm: float) -> float:
    """Return how much neighbouring slices have to say to each other: 1 up to 5 mm apart, half of it at 10 mm."""
    return min(1.0, NEAR_MM / slice_distance_mm)


@dataclass(frozen=True)
class Architecture:
    """Sizes of an automaton.

    Attributes:
        channels: State channels; the first three are the supervised ones.
        hidden: Units of the hidden layer of the local rule.
        encoder: Channels of the encoder, one number a level; the first is the number of features.
        planes: Conditioning planes.
        volumetric: The cells perceive the slices below and above, too.
    """

    channels: int = 16
    hidden: int = 48
    encoder: tuple[int, ...] = (24, 32, 48, 64)
    planes: int = len(PLANES)
    volumetric: bool = False

    @property
    def stride(self) -> int:
        """Sides of a frame must be multiples of this number of pixels."""
        return int(2 ** (len(self.encoder) - 1))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter: convolutions are ``(out, in, 3, 3)``, matrices ``(out, in)``."""
        shapes: dict[str, tuple[int, ...]] = {}
        before = self.planes
        for level, width in enumerate(self.encoder):
            shapes[f"down{level}a.weight"] = (width, before, 3, 3)
            shapes[f"down{level}a.bias"] = (width,)
            shapes[f"down{level}b.weight"] = (width, width, 3, 3)
            shapes[f"down{level}b.bias"] = (width,)
            before = width
        for level in reversed(range(len(self.encoder) - 1)):
            width = self.encoder[level]
            shapes[f"up{level}.weight"] = (width, self.encoder[level + 1] + width, 3, 3)
            shapes[f"up{level}.bias"] = (width,)
        shapes["condition.weight"] = (self.hidden, self.encoder[0])
        shapes["condition.bias"] = (self.hidden,)
        shapes["perceive.weight"] = (self.hidden, self.channels, 3, 3)
        if self.volumetric:
            shapes["across.weight"] = (self.hidden, self.channels)
        shapes["update.weight"] = (self.channels, self.hidden)
        return shapes

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Architecture:
        """Tell the architecture from the shapes of its parameters.

        Args:
            shapes: Shape of every parameter.

        Raises:
            ValueError: They are not those of an automaton; the message names a parameter that does not fit.
        """
        try:
            levels = sum(1 for name in shapes if name.startswith("down") and name.endswith("a.weight"))
            architecture = cls(
                channels=shapes["update.weight"][0],
                hidden=shapes["update.weight"][1],
                encoder=tuple(shapes[f"down{level}a.weight"][0] for level in range(levels)),
                planes=shapes["down0a.weight"][1],
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
