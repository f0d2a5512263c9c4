"""Detection of TIFF files that ITK reads wrongly without an error: grey with transparency, and inverted grey."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

ORIENTATION = 0x0112
_BITS, _PHOTOMETRIC, _CHANNELS = 0x0102, 0x0106, 0x0115
_WHITE_IS_ZERO = 0
_MAX_FIELDS = 1 << 12


def misread(path: Path, mask: bool = False) -> str:
    """Return the property of a TIFF file that ITK misreads, or an empty string.

    Args:
        path: The file.
        mask: Whether it is a mask; in masks, inverted grey is accepted, since programs store the labels as they are.
    """
    data = path.read_bytes()
    channels = field(data, _CHANNELS, 1)
    if channels == 2:
        return "it is grey with transparency"
    # ITK inverts one-bit pictures itself.
    if not mask and channels == 1 and field(data, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO and field(data, _BITS, 1) > 1:
        return "its intensities are inverted (white is 0)"
    return ""


def field(data: bytes, wanted: int, otherwise: int) -> int:
    """Return a field of the first directory of a TIFF file.

    Args:
        data: Content of the file.
        wanted: Tag of the field.
        otherwise: Default if the field is missing.
    """
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], order)

    big = number(2, 2) == 43
    first, counted, length = (number(8, 8), 8, 20) if big else (number(4, 4), 2, 12)
    start = first + counted
    for entry in range(start, min(start + length * min(number(first, counted), _MAX_FIELDS), len(data)), length):
        if number(entry, 2) == wanted:
            size = {1: 1, 3: 2}.get(number(entry + 2, 2), 4)
            return number(entry + (12 if big else 8), size)
    return otherwise
