"""Read and write NIfTI files (versions 1 and 2).

ITK's reader is not used: it replaces NaN by 0, accepts truncated files, rejects slightly sheared axes, and infers the
compression from the file name. The geometry is derived as in ITK and Slicer.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .raw import CUT_OFF, GZIP_MAGIC, as_array, compress, count_rest, opened, read_up_to, size_in_bytes

Affine = NDArray[np.float64]

MAX_SHEAR_DEG = 2.0
"""Largest deviation of axes from perpendicular; Slicer displays such stacks as if they were perpendicular."""
_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_OTHER_TYPES = {1: "bits", 32: "complex numbers", 1792: "complex numbers", 2048: "complex numbers", 128: "colours"}
_OTHER_TYPES |= {2304: "colours", 1536: "numbers of 128 bits"}
_MM = {1: 1000.0, 3: 0.001}
"""Factors of the units that are not mm: metres and micrometres."""
_SCANNER = 1
"""Code of a transform to scanner coordinates."""


@dataclass(frozen=True)
class NiftiHeader:
    """Content of a NIfTI header.

    Attributes:
        path: The file, for messages.
        data: All bytes before the voxels, including extensions.
        order: Byte order, "<" or ">".
        version: 1 or 2.
        shape: Axis lengths ``(i, j, k)``, followed by those of frames if there are several.
        dtype: Data type and byte order of the voxels.
        slope: Scaling factor of the values.
        intercept: Offset added after scaling.
        affine: From voxel indices ``(i, j, k)`` to mm in LPS axes.
        compressed: Whether the file is compressed.
    """

    path: Path
    data: bytes
    order: str
    version: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    slope: float
    intercept: float
    affine: Affine
    compressed: bool

    @property
    def grid(self) -> Grid:
        """Grid of the volume."""
        i, j, k = self.shape[:3]
        return Grid((i, j, k), self.affine)


def read_nifti(path: Path, what: str, phase: int | None = None) -> tuple[NiftiHeader, NDArray[Any]]:
    """Read one frame of a file, without scaling.

    Args:
        path: The file; compression is detected from its content.
        what: Name of the volume in messages.
        phase: Frame of a series, from 0.

    Returns:
        The header, and the stored values, shape ``(k, j, i)``.

    Raises:
        ValueError: The file is invalid. The message names the file and the remedy.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
    with opened(path) as stream:
        start = bytes(read_up_to(stream, 540))
        if start[:4] == b"NRRD" or b"NDims" in start[:200]:
            raise ValueError(f"{path}: the file is not NIfTI, but NRRD or MetaImage. Rename it to .nrrd or .mha.")
        header, offset = _parse(path, start, what, compressed)
        frame = check_frames(path, what, header.shape, phase)
        size = size_in_bytes(path, header.shape[:3], header.dtype.itemsize)
        size_in_bytes(path, header.shape, 1)
        rest = offset - len(start)
        before = start[:offset] + bytes(read_up_to(stream, max(rest, 0)))
        data = bytearray(start[offset:]) if rest < 0 else bytearray()
        skipped = frame * size
        if skipped and len(data):
            skipped -= len(data)
            data = data[len(data) + skipped :] if skipped < 0 else bytearray()
        if skipped > 0:
            read_up_to(stream, skipped)
        data += read_up_to(stream, size - len(data))
        there = offset + frame * size + len(data) + count_rest(stream)
    expected = offset + math.prod(header.shape) * header.dtype.itemsize
    if there < expected:
        raise ValueError(f"{path}: the file is truncated: {there} of {expected} bytes. {CUT_OFF}")
    i, j, k = header.shape[:3]
    return replace(header, data=before), as_array(path, data[:size], header.dtype, (k, j, i))


def check_frames(path: Path, what: str, shape: tuple[int, ...], phase: int | None) -> int:
    """Return the frame of a file to read.

    Args:
        path: The file, for messages.
        what: Name of the volume in messages.
        shape: Axis lengths ``(i, j, k, ...)``.
        phase: Requested frame.

    Raises:
        ValueError: The file has fewer than three dimensions, several values per voxel, several frames of which none is
            requested, or not the requested one.
    """
    if len(shape) < 3:
        raise ValueError(
            f"{path}: the {what} has {len(shape)} dimensions, a stack has 3. Save all slices in one file, or a single "
            "slice as a volume of one slice."
        )
    channels = math.prod(shape[4:])
    if channels > 1:
        raise ValueError(several_values(path, what, channels))
    frames = math.prod(shape[3:])
    if phase is None and len(shape) > 3 and what == "label map":
        raise ValueError(
            f"{path}: the label map has {len(shape)} dimensions, a stack has 3. Save the frame of the phase as a "
            "separate file, or, if the frames are structures, save them as one label map."
        )
    if phase is None and len(shape) > 3:
        raise ValueError(
            f"{path}: the {what} has {len(shape)} dimensions, a stack has 3. Choose one of the {frames} phases with "
            f"--phase 0 to --phase {frames - 1}, or save a single frame as a separate file."
        )
    if phase is not None and not 0 <= phase < frames:
        last = "only --phase 0" if frames == 1 else f"--phase 0 to --phase {frames - 1}"
        raise ValueError(f"{path}: the {what} has no phase {phase}; it has {last}.")
    return phase or 0


def several_values(path: Path, what: str, count: int) -> str:
    """Return the message for a file with several values per voxel, such as colours or vectors."""
    return (
        f"{path}: the {what} has {count} values per voxel, a stack has one. Save a single frame or channel as a "
        "separate file."
    )


def nifti_bytes(header: NiftiHeader, values: NDArray[Any], compressed: bool) -> bytes:
    """Return the content of a file with an existing header and new voxels.

    Args:
        header: Header, kept except for the number of frames.
        values: Unscaled values, shape ``(k, j, i)``.
        compressed: Whether to compress the file.
    """
    data = bytearray(header.data)
    if len(header.shape) > 3:  # one frame of a series
        form, place = ("8h", 40) if header.version == 1 else ("8q", 16)
        struct.pack_into(f"{header.order}{form}", data, place, 3, *values.shape[::-1], 1, 1, 1, 1)
    data += values.astype(header.dtype).tobytes()
    return compress(bytes(data)) if compressed else bytes(data)


def copy_header(what: str) -> str:
    """Return the remedy for a file without valid geometry, for messages."""
    return f"Copy the header of {'another file of the same stack' if what == 'image' else 'the image'}"


def _parse(path: Path, start: bytes, what: str, compressed: bool) -> tuple[NiftiHeader, int]:
    """Parse a header; return it without the bytes before the voxels, and the offset of the voxels."""
    for order in "<>":
        size = struct.unpack_from(f"{order}i", start)[0] if len(start) >= 4 else 0
        if (size == 348 and len(start) >= 348) or (size == 540 and len(start) >= 540):
            break
    else:
        raise ValueError(f"{path}: the {what} is not a NIfTI file. {CUT_OFF}")
    version = 1 if size == 348 else 2
    real, whole = ("f", "h") if version == 1 else ("d", "q")

    def get(form: str, place: int) -> tuple[Any, ...]:
        return struct.unpack_from(f"{order}{form}", start, place)

    magic = start[344:348] if version == 1 else start[4:8]
    if magic[:3] in (b"ni1", b"ni2"):
        raise ValueError(
            f"{path}: the voxels are in a separate file (.img). Save the {what} as one file, .nii or .nii.gz."
        )
    if magic[:3] not in (b"n+1", b"n+2"):
        raise ValueError(f"{path}: the {what} is not a NIfTI file. {CUT_OFF}")
    dim = get(f"8{whole}", 40 if version == 1 else 16)
    code, bits = get("2h", 70) if version == 1 else get("2h", 12)
    pixdim = get(f"8{real}", 76 if version == 1 else 104)
    (vox_offset,) = get("f" if version == 1 else "q", 108 if version == 1 else 168)
    slope, intercept = get(f"2{real}", 112 if version == 1 else 176)
    (units,) = get("b" if version == 1 else "i", 123 if version == 1 else 500)
    qform, sform = get("2h", 252) if version == 1 else get("2i", 344)
    numbers = get(f"18{real}", 256 if version == 1 else 352)
    if code not in _TYPES:
        held = _OTHER_TYPES.get(code, f"an unknown type ({code})")
        remedy = "Save the magnitude" if "complex" in held else "Save intensities"
        raise ValueError(f"{path}: the {what} contains {held}. {remedy} as 16-bit integers or floats.")
    dtype = np.dtype(f"{order}{_TYPES[code]}")
    if bits != 8 * dtype.itemsize:
        raise ValueError(f"{path}: the header is damaged (datatype {code} with {bits} bits). {CUT_OFF}")
    if not 1 <= dim[0] <= 7 or any(length < 1 for length in dim[1 : dim[0] + 1]):
        raise ValueError(f"{path}: the header is damaged (dim {', '.join(map(str, dim))}). {CUT_OFF}")
    shape = tuple(int(length) for length in dim[1 : dim[0] + 1])
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    least = 352 if version == 1 else 544
    if not math.isfinite(vox_offset) or not least <= vox_offset <= 1 << 26 or vox_offset != int(vox_offset):
        raise ValueError(
            f"{path}: the header is damaged (vox_offset is {vox_offset:g}, the minimum is {least}). Save it again with "
            "the program that wrote it."
        )
    if not math.isfinite(slope) or not math.isfinite(intercept) or slope == 0:
        slope, intercept = 1.0, (intercept if slope == 0 and math.isfinite(intercept) else 0.0)
    affine = _affine(path, what, pixdim, units & 7, qform, sform, numbers) if len(shape) >= 3 else np.eye(4)
    header = NiftiHeader(path, b"", order, version, shape, dtype, float(slope), float(intercept), affine, compressed)
    return header, int(vox_offset)


def _affine(
    path: Path,
    what: str,
    pixdim: tuple[float, ...],
    units: int,
    qform: int,
    sform: int,
    numbers: tuple[float, ...],
) -> Affine:
    """Return the affine from voxels to LPS.

    Raises:
        ValueError: The geometry is missing, invalid or contradictory.
    """
    spacing = np.array(pixdim[1:4])
    if not np.isfinite([*pixdim[:4], *numbers]).all():
        raise ValueError(
            f"{path}: the header of the {what} has no valid geometry (NaN or infinite values). {copy_header(what)}, "
            "or save the file again with the program that wrote it."
        )
    rows = np.reshape(numbers[6:], (3, 4))
    columns = np.linalg.norm(rows[:, :3], axis=0)
    shear = _shear_deg(rows[:, :3])
    # As in ITK: the sform if it is in scanner coordinates or there is no qform, unless it is sheared.
    use_sform = sform > 0 and (qform <= 0 or (sform == _SCANNER and shear is not None and shear < 0.1))
    if use_sform:
        if shear is None:
            axis = "no slice direction" if columns[2] == 0 and columns[:2].all() else "axes of zero length"
            raise ValueError(
                f"{path}: the header of the {what} gives {axis} (sform). {copy_header(what)}, or set the sform "
                "(spacing times direction of each axis)."
            )
        if shear > MAX_SHEAR_DEG:
            raise ValueError(
                f"{path}: the axes of the {what} are not perpendicular (sheared by {shear:.1f} degrees). Resample it "
                "to perpendicular axes, for example in Slicer with Resample Scalar/Vector/DWI Volume."
            )
        given = spacing != 0
        # As in ACDC: an sform of unit vectors gives the directions only, and pixdim the spacing.
        directions_only = given.all() and np.allclose(columns, 1, atol=1e-3)
        if not directions_only and (np.abs(np.abs(spacing) - columns) > 0.01 * columns)[given].any():
            raise ValueError(
                f"{path}: the header of the {what} gives two spacings: {_listed(spacing)} mm (pixdim) and "
                f"{_listed(columns)} mm (sform). Correct the wrong one."
            )
        lengths = np.where(given, np.abs(spacing), columns)
        matrix = np.eye(4)
        matrix[:3, :3] = rows[:, :3] / columns * lengths
        matrix[:3, 3] = rows[:, 3]
    else:
        if (spacing == 0).any():
            raise ValueError(
                f"{path}: the header of the {what} has no spacing (pixdim is {_listed(spacing)}). "
                f"{copy_header(what)}, or set the spacing in mm."
            )
        if (spacing < 0).any():
            raise ValueError(
                f"{path}: the header of the {what} gives a negative spacing (pixdim is {_listed(spacing)}). Save it "
                "again with the program that wrote it."
            )
        matrix = np.diag([*spacing, 1.0])
        if qform > 0:
            matrix[:3, :3] = _rotation(numbers[:3]) * [1, 1, -1 if pixdim[0] < 0 else 1] * spacing
            matrix[:3, 3] = numbers[3:6]
        else:  # ITK: LPS axes at the origin
            matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
    matrix[:3] *= _MM.get(units, 1.0)
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix)


def _rotation(quaternion: tuple[float, ...]) -> NDArray[np.float64]:
    b, c, d = (float(value) for value in quaternion)
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:
        length = math.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b / length, c / length, d / length
    else:
        a = math.sqrt(rest)
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def _shear_deg(axes: NDArray[np.float64]) -> float | None:
    """Return the largest deviation of the axes from perpendicular in degrees; ``None`` if they are degenerate."""
    lengths = np.linalg.norm(axes, axis=0)
    if not (lengths > 0).all():
        return None
    units = axes / lengths
    if abs(np.linalg.det(units)) < 1e-3:
        return None
    cosines = np.abs(units.T @ units - np.eye(3)).max()
    return math.degrees(math.asin(min(float(cosines), 1.0)))


def _listed(values: NDArray[np.float64]) -> str:
    return " x ".join(f"{float(value):g}" for value in values)
