"""Read MetaImage files (.mha, .mhd) without trusting their headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .raw import CUT_OFF, as_array, chunks, decompressed, opened, opened_voxels, raw_voxels, size_in_bytes, text_voxels

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_LONGEST_HEADER = 1 << 20


def read_meta_image(path: Path) -> tuple[dict[str, str], NDArray[Any], Grid, int]:
    """Read a MetaImage file.

    Returns:
        Header fields; voxels, slowest axis first; grid of the first three axes; and the number of values per voxel. If
        there are several, they are the last axis.

    Raises:
        ValueError: The file is invalid. The message names the file and the remedy.
    """
    with opened(path) as stream:
        fields = _fields(path, stream)
        order = _yes(fields, "ElementByteOrderMSB") or _yes(fields, "BinaryDataByteOrderMSB")
        kind = fields.get("ElementType", "").upper()
        if kind not in _TYPES:
            raise ValueError(
                f"{path}: the data type {kind[:40]!a} is not supported. Save the volume as integers or floats."
            )
        dtype = np.dtype((">" if order else "<") + _TYPES[kind])
        sizes = [int(value) for value in _numbers(path, fields, "DimSize", whole=True)]
        (dimension,) = _numbers(path, fields, "NDims", whole=True) or [0]
        (channels,) = _numbers(path, fields, "ElementNumberOfChannels", whole=True) or [1]
        if not 1 <= dimension <= 10 or len(sizes) != dimension or not 1 <= channels <= 1 << 16:
            raise ValueError(f"{path}: the header is damaged (NDims and DimSize). {CUT_OFF}")
        shape = [*sizes[::-1], int(channels)] if channels > 1 else sizes[::-1]
        size = size_in_bytes(path, shape, dtype.itemsize)
        grid = _grid(path, fields, sizes)
        name = fields["ElementDataFile"].strip()
        if name.upper() == "LOCAL":
            values = _voxels(path, stream, fields, shape, dtype, size)
        elif name.upper().startswith("LIST") or "%" in name:
            raise ValueError(f"{path}: the voxels are stored in several files. Save the volume as one file (.mha).")
        else:
            with opened_voxels(path, name) as (data_path, data):
                values = _voxels(data_path, data, fields, shape, dtype, size)
    return fields, values, grid, int(channels)


def _fields(path: Path, stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    read = 0
    while "ElementDataFile" not in fields:
        line = stream.readline(_LONGEST_HEADER)
        read += len(line)
        if not line or read > _LONGEST_HEADER or b"\0" in line:
            raise ValueError(f"{path}: the file is not a MetaImage file, or it is damaged. {CUT_OFF}")
        name, found, value = line.decode("utf-8", "surrogateescape").partition("=")
        if found:
            fields[name.strip()] = value.strip()
    return fields


def _grid(path: Path, fields: dict[str, str], sizes: list[int]) -> Grid:
    count = len(sizes)

    def first(*names: str) -> list[float]:
        return next((found for name in names if (found := _numbers(path, fields, name))), [])

    spacing = first("ElementSpacing", "ElementSize") or [1.0] * count
    origin = first("Offset", "Position", "Origin") or [0.0] * count
    directions = first("TransformMatrix", "Orientation", "Rotation") or list(np.eye(count).ravel())
    if len(spacing) != count or len(origin) != count or len(directions) != count * count:
        raise ValueError(f"{path}: the header is damaged (ElementSpacing, Offset or TransformMatrix). {CUT_OFF}")
    if min(spacing) < 0:
        raise ValueError(
            f"{path}: the header gives a negative spacing ({', '.join(f'{step:g}' for step in spacing)}). Save it "
            "again with the program that wrote it."
        )
    matrix = np.eye(4)
    most = min(count, 3)
    # Each row of the field is the direction of an axis.
    with np.errstate(over="ignore", invalid="ignore"):
        matrix[:most, :most] = np.reshape(directions, (count, count))[:most, :most].T * np.array(spacing)[:most]
    matrix[:most, 3] = origin[:most]
    i, j, k = (*sizes, 1, 1)[:3]
    return Grid((i, j, k), matrix)


def _voxels(
    path: Path, stream: BinaryIO, fields: dict[str, str], shape: list[int], dtype: np.dtype[Any], size: int
) -> NDArray[Any]:
    if not _yes(fields, "BinaryData", default=True):
        return text_voxels(path, stream, dtype, shape)
    if _yes(fields, "CompressedData"):
        return as_array(path, decompressed(path, chunks(stream), "gzip", size), dtype, shape)
    (skip,) = _numbers(path, fields, "HeaderSize") or [0.0]
    if skip != -1 and not 0 <= skip < 1 << 26:
        raise ValueError(f"{path}: the header is damaged (HeaderSize). {CUT_OFF}")
    return raw_voxels(path, stream, int(skip), dtype, shape)


def _numbers(path: Path, fields: dict[str, str], name: str, whole: bool = False) -> list[float]:
    if name not in fields:
        return []
    text = fields[name].split()
    try:
        numbers = [float(part) for part in text[:256]]
    except ValueError:
        numbers = []
    if (
        not numbers
        or len(text) > 256
        or (whole and not all(abs(value) < 1 << 40 and value % 1 == 0 for value in numbers))
    ):
        raise ValueError(f"{path}: the header is damaged ({name} is {fields[name][:40]!a}). {CUT_OFF}")
    return [int(value) for value in numbers] if whole else numbers


def _yes(fields: dict[str, str], name: str, default: bool = False) -> bool:
    text = fields.get(name, "").strip().lower()
    return text[:1] in ("t", "1", "y") if text else default
