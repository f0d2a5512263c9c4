"""Properties of JPEG files that ITK does not report: truncation and EXIF orientation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import tiff

START, END, SCAN, EXIF = b"\xff\xd8", b"\xff\xd9", 0xDA, 0xE1


def is_cut_off(path: Path) -> bool:
    """Return whether a JPEG file is truncated: ITK fills the missing part with grey, without an error."""
    data = path.read_bytes()
    scan = next((place for kind, place, _ in _segments(data) if kind == SCAN), None)
    return data.startswith(START) and (scan is None or data.find(END, scan) < 0)


def orientation(path: Path) -> int:
    """Return the EXIF orientation of a JPEG file: 1 upright, 5 to 8 rotated by 90 degrees; 1 by default."""
    data = path.read_bytes()
    for kind, place, length in _segments(data):
        if kind == EXIF and data[place : place + 6] == b"Exif\0\0":
            return tiff.field(data[place + 6 : place + length], tiff.ORIENTATION, 1)
    return 1


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield kind, offset and length of each segment up to the first scan."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        kind, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        yield kind, place + 4, length - 2
        if kind == SCAN or length < 2:
            return
        place += 2 + length
