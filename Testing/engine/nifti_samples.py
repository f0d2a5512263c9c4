"""NIfTI files written byte by byte, so that a test can put anything into the header."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "c8": 32, "c16": 1792}
SROW = ((-1.25, 0, 0, 10), (0, -1.25, 0, 20), (0, 0, 8, 30))


def nifti_bytes(
    values: NDArray[Any],
    *,
    order: str = "<",
    version: int = 1,
    dim: tuple[int, ...] | None = None,
    pixdim: tuple[float, ...] = (1, 1.25, 1.25, 8),
    slope: float = 1,
    intercept: float = 0,
    vox_offset: float | None = None,
    units: int = 2,
    codes: tuple[int, int] = (0, 1),
    quaternion: tuple[float, ...] = (0, 0, 0, 0, 0, 0),
    srow: Any = SROW,
    magic: bytes | None = None,
    datatype: int | None = None,
) -> bytes:
    """Return an uncompressed file.

    Args:
        values: Shape ``(k, j, i)``, or with more axes before.
        order: Byte order.
        version: 1 or 2.
        dim: What the header says of the lengths, ``(i, j, k, ...)``; the right ones if not given.
        pixdim: The first numbers of the field.
        slope: Scaling.
        intercept: Scaling.
        vox_offset: What the header says of where the voxels begin.
        units: Code of the units.
        codes: Codes of q-form and s-form.
        quaternion: The numbers b, c, d and the offset.
        srow: Shape (3, 4).
        magic: The magic bytes.
        datatype: Code of the type.
    """
    lengths = dim or values.shape[::-1]
    dims = (len(lengths), *lengths, *[1] * (7 - len(lengths)))
    steps = (*pixdim, *[0] * (8 - len(pixdim)))
    code = CODES[values.dtype.str[1:]] if datatype is None else datatype
    bits = 8 * values.dtype.itemsize
    matrix = np.ravel(srow)
    if version == 1:
        head = bytearray(352)
        struct.pack_into(f"{order}i", head, 0, 348)
        struct.pack_into(f"{order}8h", head, 40, *dims)
        struct.pack_into(f"{order}2h", head, 70, code, bits)
        struct.pack_into(f"{order}8f", head, 76, *steps)
        struct.pack_into(f"{order}3f", head, 108, 352 if vox_offset is None else vox_offset, slope, intercept)
        head[123] = units
        head[148:158] = b"a note\0\0\0\0"
        struct.pack_into(f"{order}2h", head, 252, *codes)
        struct.pack_into(f"{order}18f", head, 256, *quaternion, *matrix)
        head[344:348] = magic or b"n+1\0"
    else:
        head = bytearray(544)
        struct.pack_into(f"{order}i", head, 0, 540)
        head[4:12] = magic or b"n+2\0\r\n\x1a\n"
        struct.pack_into(f"{order}2h", head, 12, code, bits)
        struct.pack_into(f"{order}8q", head, 16, *dims)
        struct.pack_into(f"{order}8d", head, 104, *steps)
        struct.pack_into(f"{order}q", head, 168, 544 if vox_offset is None else int(vox_offset))
        struct.pack_into(f"{order}2d", head, 176, slope, intercept)
        struct.pack_into(f"{order}2i", head, 344, *codes)
        struct.pack_into(f"{order}18d", head, 352, *quaternion, *matrix)
        struct.pack_into(f"{order}i", head, 500, units)
    return bytes(head) + values.astype(values.dtype.newbyteorder(order)).tobytes()


def write_nifti(path: Path, values: NDArray[Any], **options: Any) -> Path:
    """Write a file, compressed if its name ends in .gz."""
    data = nifti_bytes(values, **options)
    path.write_bytes(gzip.compress(data, 1) if path.name.endswith(".gz") else data)
    return path
