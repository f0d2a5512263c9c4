"""Masks before and after a repair, encoded as text for a tag of the segment.

They are not stored as segments: by default, Segment Editor removes painted voxels from all other segments, including
hidden ones, so that the first manual edit would destroy the state before the repair.
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
        wall_before: Myocardium before the repair.
        wall_after: Myocardium after the repair.
        pool_before: Blood pool before the repair; ``None`` if not given.
        pool_after: Blood pool after the repair; ``None`` if not given.
        parts_before: Segments that form the wall before the repair, by ID, if there are several; added voxels go to the
            first one.
    """

    wall_before: Mask
    wall_after: Mask
    pool_before: Mask | None = None
    pool_after: Mask | None = None
    parts_before: dict[str, Mask] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Changes, parts_before: dict[str, Mask] | None = None) -> RepairMasks:
        """Create the masks from which a review restores slices."""
        return cls(changes.stack.mask, changes.wall, changes.stack.pool, changes.pool, parts_before or {})

    @property
    def parts_after(self) -> dict[str, Mask]:
        """Segments of :attr:`parts_before` after the repair; remaining voxels keep their segment."""
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
        """Return whether the repair changed slice ``k``."""
        wall = (self.wall_before[k] != self.wall_after[k]).any()
        if self.pool_before is None or self.pool_after is None:
            return bool(wall)
        return bool(wall or (self.pool_before[k] != self.pool_after[k]).any())

    def to_text(self) -> str:
        """Encode the masks as one line of ASCII, a few hundred bytes per slice, without the character ``|``."""
        masks = {
            "wall_before": self.wall_before,
            "wall_after": self.wall_after,
            "pool_before": self.pool_before,
            "pool_after": self.pool_after,
        }
        packed: dict[str, Any] = {name: pack(mask) for name, mask in masks.items() if mask is not None}
        if self.parts_before:
            packed["parts_before"] = {segment_id: pack(mask) for segment_id, mask in self.parts_before.items()}
        # Slicer's file format separates tags by this character; only a segment ID can contain it.
        return json.dumps({"shape": self.shape, **packed}, separators=(",", ":")).replace("|", "\\u007c")

    @classmethod
    def from_text(cls, text: str) -> RepairMasks:
        """Decode the text that :meth:`to_text` returns.

        Raises:
            ValueError: The text is invalid.
        """
        try:
            content = json.loads(text)
            shape = tuple(content.pop("shape"))
            parts = {
                segment_id: unpack(packed, shape) for segment_id, packed in content.pop("parts_before", {}).items()
            }
            return cls(**{name: unpack(packed, shape) for name, packed in content.items()}, parts_before=parts)
        except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
            raise ValueError(f"Not the masks of a repair ({error}).") from error


def pack(mask: Mask) -> str:
    """Encode a mask as one line of ASCII."""
    return base64.b64encode(zlib.compress(np.packbits(mask > 0).tobytes(), 9)).decode("ascii")


def unpack(text: str, shape: tuple[int, ...]) -> Mask:
    """Decode the text that :func:`pack` returns.

    Raises:
        ValueError: The text does not match the shape.
    """
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), np.uint8)
    count = int(np.prod(shape))
    if bits.size != -(-count // 8):
        raise ValueError(f"{8 * bits.size} voxels for a shape of {shape}")
    return np.unpackbits(bits, count=count).reshape(shape)
