"""Read and write NRRD files.

Header fields that do not follow from the voxels are kept unchanged, including those of other programs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .raw import (
    CUT_OFF,
    as_array,
    chunks,
    compress,
    decompressed,
    opened,
    opened_voxels,
    raw_voxels,
    read_up_to,
    size_in_bytes,
    text_voxels,
)

_TYPES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPE_OF = {name: code for code, names in _TYPES.items() for name in names.split(", ")}
_NAME_OF = {
    "i1": "signed char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned int",
    "i8": "long long int",
    "u8": "unsigned long long int",
    "f4": "float",
    "f8": "double",
}
_ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2", "hex": "hex"}
_ENCODINGS |= dict.fromkeys(("ascii", "text", "txt"), "text")
_SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
"""Signs that convert the axes of a space to LPS; ITK treats any other space as LPS."""
_LONGEST_HEADER = 1 << 24
_ORDER: Literal["<", ">"] = "<" if sys.byteorder == "little" else ">"
_SPELLED = {"dataFile": "data file", "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
_SPELLED |= {"centerings": "centers", "axismins": "axis mins", "axismaxs": "axis maxs", "sampleunits": "sample units"}
FROM_VOXELS = ("type", "dimension", "sizes", "endian", "encoding", "data file", "line skip", "byte skip")
"""Fields that follow from the voxels."""
PER_AXIS = ("centers", "spacings", "thicknesses", "axis mins", "axis maxs", "labels", "units", "kinds")
"""Fields with an entry per axis, invalid if the number of axes changes."""


@dataclass(frozen=True)
class NrrdHeader:
    """Content of an NRRD header, as text.

    Attributes:
        magic: The first line.
        fields: Fields of the format, such as ``sizes``.
        notes: Key/value pairs of other programs, as stored in the file.
    """

    magic: str = "NRRD0004"
    fields: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def with_notes(self, **notes: str) -> NrrdHeader:
        """Return the header with key/value pairs added or replaced."""
        return NrrdHeader(self.magic, self.fields, {**self.notes, **notes})


@dataclass(frozen=True, eq=False)
class NrrdFile:
    """Content of an NRRD file.

    Attributes:
        header: The header.
        values: Voxels, slowest axis first: the reverse of the order in the header.
        axes: For each axis of the header, whether it is spatial.
        grid: Grid of the three spatial axes.
    """

    header: NrrdHeader
    values: NDArray[Any]
    axes: tuple[bool, ...]
    grid: Grid


def read_nrrd(path: Path) -> NrrdFile:
    """Read a file with three spatial axes, and possibly others.

    Raises:
        ValueError: The file is invalid. The message names the file and the remedy.
    """
    with opened(path) as stream:
        header = _read_header(path, stream)
        sizes, dtype = _layout(path, header)
        axes, grid = _geometry(path, header, sizes)
        size = size_in_bytes(path, sizes, dtype.itemsize)
        detached = header.fields.get("data file")
        if detached is None:
            values = _voxels(path, stream, header, sizes, dtype, size)
        else:
            with opened_voxels(path, detached) as (data_path, data):
                values = _voxels(data_path, data, header, sizes, dtype, size)
    return NrrdFile(header, values, axes, grid)


def nrrd_bytes(header: NrrdHeader, values: NDArray[Any], grid: Grid, layers: bool = False) -> bytes:
    """Return the content of a file.

    Args:
        header: Fields and key/value pairs, kept unless they follow from voxels or grid.
        values: Voxels, shape ``(k, j, i)`` or ``(k, j, i, layer)``.
        grid: Grid of the voxels.
        layers: Whether the last axis of ``values`` is a layer axis.
    """
    fields = dict(header.fields)
    encoding = "raw" if _ENCODINGS.get(fields.get("encoding", "").lower()) == "raw" else "gzip"
    kept = fields if _fits(fields, values.ndim, layers) else {}
    signs = _SPACES.get(fields.get("space", "").lower())
    space = "left-posterior-superior" if signs is None else fields["space"]
    matrix = grid.ijk_to_lps[:3] * np.array(signs or (1, 1, 1))[:, None]
    kind = fields.get("type", "")
    head = {
        "type": kind if _TYPE_OF.get(kind.lower()) == values.dtype.str[1:] else _NAME_OF[values.dtype.str[1:]],
        "dimension": str(values.ndim),
        "space": space,
        "sizes": " ".join(str(length) for length in values.shape[::-1]),
        "space directions": " ".join(["none"] * layers + [_vector(matrix[:, axis]) for axis in range(3)]),
        "kinds": kept.get("kinds", " ".join(["list"] * layers + ["domain"] * 3)),
    }
    if values.dtype.itemsize > 1:
        head["endian"] = "little"
    head["encoding"] = encoding
    head["space origin"] = _vector(matrix[:, 3])
    if (
        kept
        and signs is not None
        and np.array_equal(_geometry(Path(), header, (1,) * values.ndim)[1].ijk_to_lps, grid.ijk_to_lps)
    ):
        head |= {name: fields[name] for name in ("space directions", "space origin") if name in fields}
    dropped = {*FROM_VOXELS, *head, "space dimension", "spacings", "axis mins", "axis maxs"}
    more = {name: value for name, value in fields.items() if name not in dropped and (kept or name not in PER_AXIS)}
    lines = [header.magic if header.magic.startswith("NRRD") else "NRRD0004"]
    lines += [f"{name}: {value}" for name, value in {**head, **more}.items()]
    lines += [f"{name}:={value}" for name, value in header.notes.items()]
    data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape") + (
        compress(data) if encoding == "gzip" else data
    )


def _fits(fields: Mapping[str, str], dimension: int, layers: bool) -> bool:
    """Return whether fields with an entry per axis are still valid: same number of axes, and layers first."""
    directions = re.findall(r"none|\([^)]*\)", fields.get("space directions", "").lower())
    return fields.get("dimension") == str(dimension) and (directions[:1] == ["none"]) == layers


def escaped(text: str) -> str:
    """Return a value escaped for a header."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def unescaped(text: str) -> str:
    r"""Return the value of a key/value pair, in which line ends are escaped as ``\n`` and backslashes as ``\\``."""
    return re.sub(r"\\(n|\\)", lambda found: "\n" if found[1] == "n" else "\\", text)


def _read_header(path: Path, stream: BinaryIO) -> NrrdHeader:
    magic = stream.readline(64)
    if not re.fullmatch(rb"NRRD\d{4}\r?\n", magic):
        raise ValueError(f"{path}: the file is not an NRRD file. {CUT_OFF}")
    fields: dict[str, str] = {}
    notes: dict[str, str] = {}
    read = 0
    while True:
        line = stream.readline(_LONGEST_HEADER)
        read += len(line)
        if read > _LONGEST_HEADER:
            raise ValueError(f"{path}: the header has no end. {CUT_OFF}")
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not text:
            break
        if text.startswith("#"):
            continue
        found = re.match(r"(.*?)(:=|:(?: |$))", text)
        if found is None:
            raise ValueError(f"{path}: the header is damaged (line {_short(text)}). {CUT_OFF}")
        name, value = found[1].strip(), text[found.end() :]
        if found[2] == ":=":
            notes[name] = value  # the last one counts, as in Slicer
            continue
        name = _SPELLED.get(name.replace(" ", ""), name)
        if fields.get(name, value.strip()) != value.strip():
            raise ValueError(
                f"{path}: the field {_short(name)} is given twice in the header ({_short(fields[name])} and "
                f"{_short(value)}). Delete the wrong one, or save the file again from 3D Slicer."
            )
        fields[name] = value.strip()
    return NrrdHeader(magic.decode("ascii").strip(), fields, notes)


def _layout(path: Path, header: NrrdHeader) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the axis lengths in the order of the header, and the data type."""
    for name in ("type", "dimension", "sizes", "encoding"):
        if name not in header.fields:
            raise ValueError(f"{path}: the header has no field {name!r}. {CUT_OFF}")
    kind = header.fields["type"].lower()
    if kind not in _TYPE_OF:
        raise ValueError(
            f"{path}: the data type {_short(kind)} is not supported. Save the volume as integers or floats."
        )
    try:
        sizes = tuple(int(text) for text in header.fields["sizes"].split())
        dimension = int(header.fields["dimension"])
    except ValueError:
        sizes, dimension = (), 1
    if not 1 <= dimension <= 16 or dimension != len(sizes):
        raise ValueError(f"{path}: the header is damaged (sizes {_short(header.fields['sizes'])}). {CUT_OFF}")
    encoding = header.fields["encoding"].lower()
    if encoding not in _ENCODINGS:
        raise ValueError(
            f"{path}: the encoding {_short(encoding)} is not supported. Save the file with the encoding gzip or raw."
        )
    orders: dict[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
    order = orders.get(header.fields.get("endian", "").lower())
    dtype = np.dtype(_TYPE_OF[kind])
    if order is None and dtype.itemsize > 1 and _ENCODINGS[encoding] not in ("text",):
        raise ValueError(f"{path}: the header has no byte order (endian). {CUT_OFF}")
    return sizes, dtype.newbyteorder(order or _ORDER)


def _geometry(path: Path, header: NrrdHeader, sizes: tuple[int, ...]) -> tuple[tuple[bool, ...], Grid]:
    """Return which axes are spatial, and their grid."""
    fields = header.fields
    if "space directions" in fields:
        found = re.findall(r"none|\([^)]*\)", fields["space directions"].lower())
        vectors = [None if text == "none" else _numbers(path, text.strip("()"), ",") for text in found]
        vectors = [None if one is None or np.isnan(one).all() else one for one in vectors]
        if len(vectors) != len(sizes):
            raise ValueError(f"{path}: the header is damaged (space directions). {CUT_OFF}")
        origin = _numbers(path, fields.get("space origin", "(0,0,0)").strip("()"), ",")
        if len(origin) == 4 and all(one is None or len(one) == 4 for one in vectors):
            # ITK writes time as the fourth dimension of the space.
            vectors = [one if one is None or any(one[:3]) else None for one in vectors]
            if not any(one is not None and one[3] for one in vectors):
                vectors, origin = [one if one is None else one[:3] for one in vectors], origin[:3]
    else:
        kinds = fields.get("kinds", "").split()
        listed = len(kinds) == len(sizes)
        spacings = _numbers(path, fields["spacings"], None) if "spacings" in fields else []
        vectors = []
        for axis in range(len(sizes)):
            space = not listed or kinds[axis].lower() in ("domain", "space", "???", "none")
            step = spacings[axis] if axis < len(spacings) else np.nan
            number = sum(one is not None for one in vectors)
            vectors.append(
                list(np.eye(3)[number] * (0.0 if np.isnan(step) else step)) if space and number < 3 else None
            )
        origin = [0.0, 0.0, 0.0]
    axes = tuple(one is not None for one in vectors)
    chosen = [one for one in vectors if one is not None]
    if len(chosen) != 3:
        raise ValueError(
            f"{path}: the file has {len(chosen)} spatial axes, a stack has 3. Save all slices in one file, or a single "
            "slice as a volume of one slice."
        )
    if any(len(one) != 3 for one in (*chosen, origin)):
        raise ValueError(f"{path}: the header is damaged (space directions or space origin). {CUT_OFF}")
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(chosen).T
    matrix[:3, 3] = origin
    # Implausible values are rejected by check_spacing.
    matrix[:3] *= np.array(_SPACES.get(fields.get("space", "").lower(), (1, 1, 1)))[:, None]
    i, j, k = (length for length, space in zip(sizes, axes, strict=True) if space)
    return axes, Grid((i, j, k), matrix)


def _voxels(
    path: Path, stream: BinaryIO, header: NrrdHeader, sizes: Sequence[int], dtype: np.dtype[Any], size: int
) -> NDArray[Any]:
    encoding = _ENCODINGS[header.fields["encoding"].lower()]
    try:
        lines, skip = (int(header.fields.get(name, "0")) for name in ("line skip", "byte skip"))
    except ValueError:
        lines, skip = -1, 0
    if not (0 <= lines < 1 << 20 and -1 <= skip < 1 << 26):
        raise ValueError(f"{path}: the header is damaged (line skip or byte skip). {CUT_OFF}")
    for _ in range(lines):
        stream.readline(_LONGEST_HEADER)
    shape = sizes[::-1]
    if encoding in ("gzip", "bzip2"):
        data = decompressed(path, chunks(stream), encoding, size + max(skip, 0))
        return as_array(path, data[-size:] if skip < 0 else data[skip:], dtype, shape)
    if encoding == "raw":
        return raw_voxels(path, stream, skip, dtype, shape)
    read_up_to(stream, max(skip, 0))
    if encoding == "text":
        return text_voxels(path, stream, dtype, shape)
    try:
        content = bytes.fromhex("".join(read_up_to(stream, 64 * size).decode("ascii").split()))
    except ValueError as error:
        raise ValueError(f"{path}: the voxels are damaged. {CUT_OFF}") from error
    return as_array(path, content[:size], dtype, shape)


def _numbers(path: Path, text: str, separator: str | None) -> list[float]:
    try:
        return [float(part) for part in text.split(separator)]
    except ValueError:
        raise ValueError(f"{path}: the header is damaged ({_short(text)} are no numbers). {CUT_OFF}") from None


def _vector(values: NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(value) + 0.0) for value in values) + ")"


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")
