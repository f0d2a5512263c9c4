"""The voxels that a repair changed, encoded as text for a segment's tag.

A segment could hold the same, but not safely: Segment Editor, as it is set up, takes what is painted for one segment
away from all others, hidden ones too, and what the slice was before would be lost with the first edit by hand.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..stack import Mask
from .result import Changes


@dataclass(frozen=True, eq=False)
class RepairMasks:
    """Wall and pool before and after a repair, on the volume's grid; shape ``(k, j, i)``, values 0 and 1.

    Attributes:
        wall_before: The myocardium as it was.
        wall_after: The myocardium as the repair left it.
        pool_before: The blood pool as it was, ``None`` if none was given.
        pool_after: The blood pool as the repair left it, ``None`` if none was given.
        parts_before: Where several segments form the wall: each as it was, by ID; the first takes what is added.
    """

    wall_before: Mask
    wall_after: Mask
    pool_before: Mask | None = None
    pool_after: Mask | None = None
    parts_before: dict[str, Mask] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Changes, parts_before: dict[str, Mask] | None = None) -> RepairMasks:
        """Return the masks that a review restores rejected and accepted slices from."""
        return cls(changes.stack.mask, changes.wall, changes.stack.pool, changes.pool, parts_before or {})

    @property
    def parts_after(self) -> dict[str, Mask]:
        """The segments of :attr:`parts_before` as the repair left them: what stays keeps its segment."""
        added = self.wall_after & (1 - self.wall_before)
        return {
            segment_id: np.asarray(mask & self.wall_after | (added if number == 0 else 0), np.uint8)
            for number, (segment_id, mask) in enumerate(self.parts_before.items())
        }

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of slices, rows and columns."""
        return self.wall_before.shape

    def changed(self, k: int) -> bool:
        """Whether the repair changed anything in slice ``k``."""
        wall = (self.wall_before[k] != self.wall_after[k]).any()
        if self.pool_before is None or self.pool_after is None:
            return bool(wall)
        return bool(wall or (self.pool_before[k] != self.pool_after[k]).any())

    def to_text(self) -> str:
        """Return the masks as one line of ASCII, a few hundred bytes per slice, without the character ``|``."""
        masks = {
            "wall_before": self.wall_before,
            "wall_after": self.wall_after,
            "pool_before": self.pool_before,
            "pool_after": self.pool_after,
        }
        packed: dict[str, Any] = {name: pack(mask) for name, mask in masks.items() if mask is not None}
        if self.parts_before:
            packed["parts_before"] = {segment_id: pack(mask) for segment_id, mask in self.parts_before.items()}
        # Slicer's file format separates tags by this character, which only an ID could have.
        return json.dumps({"shape": self.shape, **packed}, separators=(",", ":")).replace("|", "\\u007c")

    @classmethod
    def from_text(cls, text: str) -> RepairMasks:
        """Return the masks that :meth:`to_text` wrote.

        Raises:
            ValueError: The text is not from there.
        """
        try:
            content = json.loads(text)
            shape = tuple(content.pop("shape"))
            parts = {
                segment_id: unpack(packed, shape) for segment_id, packed in content.pop("parts_before", {}).items()
            }
            return cls(**{name: unpack(packed, shape) for name, packed in content.items()}, parts_before=parts)
        except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
            raise ValueError(f"This is not what a repair wrote down ({error}).") from error


def pack(mask: Mask) -> str:
    """Return a mask as one line of ASCII."""
    return base64.b64encode(zlib.compress(np.packbits(mask > 0).tobytes(), 9)).decode("ascii")


def unpack(text: str, shape: tuple[int, ...]) -> Mask:
    """Return the mask that :func:`pack` wrote.

    Raises:
        ValueError: The text is of another shape.
    """
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), np.uint8)
    count = int(np.prod(shape))
    if bits.size != -(-count // 8):
        raise ValueError(f"{8 * bits.size} voxels for a shape of {shape}")
    return np.unpackbits(bits, count=count).reshape(shape)
