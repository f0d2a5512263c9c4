"""Image files that were cut off, by a full disk or a broken download, told before anybody uses what is not there.

ITK, and with it Slicer, reads a NIfTI file that ends too early without a word: the missing voxels are arbitrary. NRRD
and MetaImage files need no help here, their readers notice.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

_HEADER = 540
_CHUNK = 1 << 20


def check_whole(path: str | Path) -> None:
    """Check that a NIfTI file has all the voxels that its header promises; other files are not looked at.

    Args:
        path: The file.

    Raises:
        ValueError: It ends too early.
        OSError: It cannot be opened.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return
    try:
        with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
            header = file.read(_HEADER)
            promised = _promised(header)
            there = len(header) + _rest(file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: the file is cut off or damaged ({error}). Copy or download it again.") from error
    if promised is not None and there < promised:
        raise ValueError(
            f"{path}: the file is cut off, it has {there} bytes of the {promised} that its header promises. "
            "Copy or download it again."
        )


def _promised(header: bytes) -> int | None:
    """Return how many bytes header and voxels have together, ``None`` if this is no header of NIfTI 1 or 2."""
    for order in "<>":
        size = struct.unpack_from(f"{order}i", header)[0] if len(header) >= 4 else 0
        if size == 348 and len(header) >= 348:
            dimensions = struct.unpack_from(f"{order}8h", header, 40)
            (bits,) = struct.unpack_from(f"{order}h", header, 72)
            (offset,) = struct.unpack_from(f"{order}f", header, 108)
        elif size == 540 and len(header) >= 540:
            (bits,) = struct.unpack_from(f"{order}h", header, 14)
            dimensions = struct.unpack_from(f"{order}8q", header, 16)
            (offset,) = struct.unpack_from(f"{order}q", header, 168)
        else:
            continue
        count = dimensions[0]
        return int(offset) + math.prod(dimensions[1 : count + 1]) * bits // 8 if 1 <= count <= 7 else None
    return None


def _rest(file: BinaryIO | gzip.GzipFile) -> int:
    """Return how many bytes follow."""
    count = 0
    while chunk := file.read(_CHUNK):
        count += len(chunk)
    return count
