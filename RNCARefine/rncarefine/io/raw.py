"""Read bytes of image files without trusting their headers.

A header may state more voxels than the file contains or than fit into memory. No allocation exceeds the content of the
file or :data:`LIMIT`.
"""

from __future__ import annotations

import bz2
import gzip
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

LIMIT = 1 << 30
"""Maximum size of the voxels in bytes: about a thousand slices of 512 x 512 pixels."""
CUT_OFF = "Copy or download it again."
GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


class _Gzip(gzip.GzipFile):
    """Decompress a gzip stream; trailing data are ignored, as by gzip itself."""

    def read(self, size: int | None = -1) -> bytes:
        """Return the available bytes, at most ``size``; empty at the end."""
        try:
            return self.read1(-1 if size is None else size)
        except gzip.BadGzipFile as error:
            if not str(error).startswith("Not a gzipped file"):  # wrong checksum
                raise
            return b""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; gzip compression is detected from the content.

    Raises:
        ValueError: The file is empty or cannot be read, or its compressed data are damaged.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(2)
            if not magic:
                raise ValueError(f"{path}: the file is empty (0 bytes). {CUT_OFF}")
            file.seek(0)
            if magic == GZIP_MAGIC:
                with _Gzip(fileobj=file) as stream:
                    yield stream  # type: ignore[misc]
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: the file is truncated or damaged ({error}). {CUT_OFF}") from error
    except OSError as error:
        raise ValueError(f"{path}: the file cannot be read ({error.strerror or error}).") from error


@contextmanager
def opened_voxels(path: Path, name: str) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the file of the voxels that a header names, without decompression, and yield its path with it.

    Args:
        path: The header.
        name: Path of the voxels, relative to the header.

    Raises:
        ValueError: The file does not exist or cannot be read.
    """
    voxels = path.parent / name
    if not voxels.is_file():
        raise ValueError(
            f"{path}: the file of the voxels, {name!a}, does not exist. Copy it to the folder of the header."
        )
    try:
        with voxels.open("rb") as file:
            yield voxels, file
    except OSError as error:
        raise ValueError(f"{voxels}: the file cannot be read ({error.strerror or error}).") from error


@contextmanager
def reading(path: Path, what: str, remedy: str = CUT_OFF, own: tuple[str, ...] = ("",)) -> Iterator[None]:
    """Raise any error in the block as one that names the file and the remedy.

    Args:
        path: The file.
        what: Name of its content.
        remedy: What to do about a damaged file.
        own: Beginnings of messages that name the file and the remedy already.

    Raises:
        ValueError: An error was raised in the block.
    """
    try:
        yield
    except MemoryError as error:
        raise ValueError(f"{path}: the {what} does not fit into memory.") from error
    except Exception as error:  # libraries and damaged headers raise various errors
        if isinstance(error, ValueError) and str(error).startswith(own):
            raise
        raise ValueError(f"{path}: the {what} cannot be read ({one_line(error)}). {remedy}") from error


def one_line(error: Exception) -> str:
    """Return the message of an error as one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def read_up_to(stream: BinaryIO, count: int) -> bytearray:
    """Return the next ``count`` bytes of a stream, or fewer at the end."""
    data = bytearray()
    while len(data) < count:
        part = stream.read(min(_CHUNK, count - len(data)))
        if not part:
            break
        data += part
    return data


def count_rest(stream: BinaryIO) -> int:
    """Count the remaining bytes of a stream."""
    count = 0
    while part := stream.read(_CHUNK):
        count += len(part)
    return count


def size_in_bytes(path: Path, shape: Sequence[int], itemsize: int) -> int:
    """Return the size of an array in bytes.

    Raises:
        ValueError: A length is not positive, or the array is too large.
    """
    if any(length < 1 for length in shape):
        raise ValueError(f"{path}: the header gives the size {_text(shape)}. {CUT_OFF}")
    size = math.prod(shape) * itemsize
    if size > LIMIT:
        raise ValueError(f"{path}: the header states {_text(shape)} voxels, too many for a short-axis stack. {CUT_OFF}")
    return size


def decompressed(path: Path, parts: Iterable[bytes], encoding: str, count: int) -> bytearray:
    """Decompress at most ``count`` bytes.

    Args:
        path: The file, for messages.
        parts: Compressed bytes.
        encoding: "gzip" (including zlib's format) or "bzip2".
        count: Maximum number of bytes to return.

    Raises:
        ValueError: The data are damaged.
    """
    data = bytearray()
    try:
        expand = bz2.BZ2Decompressor() if encoding == "bzip2" else zlib.decompressobj(zlib.MAX_WBITS | 32)
        for part in parts:
            while part and len(data) < count and not expand.eof:
                data += expand.decompress(part, count - len(data))
                if isinstance(expand, bz2.BZ2Decompressor):
                    part = b""
                    while not expand.needs_input and not expand.eof and len(data) < count:
                        data += expand.decompress(b"", count - len(data))
                else:
                    part = expand.unconsumed_tail
            if len(data) >= count or expand.eof:
                break
    except (zlib.error, OSError, EOFError) as error:
        raise ValueError(f"{path}: the file is truncated or damaged ({error}). {CUT_OFF}") from error
    return data


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the remaining bytes of a stream in chunks."""
    while part := stream.read(_CHUNK):
        yield part


def as_array(path: Path, data: bytes | bytearray, dtype: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Return bytes as an array in native byte order.

    Args:
        path: The file, for messages.
        data: The bytes.
        dtype: Data type and byte order.
        shape: Axis lengths, slowest first.

    Raises:
        ValueError: There are too few bytes.
    """
    size = math.prod(shape) * dtype.itemsize
    if len(data) < size:
        raise ValueError(f"{path}: the file is truncated: {len(data)} of {size} bytes of voxels. {CUT_OFF}")
    values = np.frombuffer(data, dtype, math.prod(shape)).reshape(tuple(shape))
    return values.astype(dtype.newbyteorder("="), copy=True)


def raw_voxels(path: Path, stream: BinaryIO, skip: int, dtype: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Return uncompressed voxels after ``skip`` bytes; those at the end of the file if it is negative.

    Raises:
        ValueError: There are too few bytes.
    """
    size = math.prod(shape) * dtype.itemsize
    if skip < 0:
        return as_array(path, read_up_to(stream, 2 * size + (1 << 26))[-size:], dtype, shape)
    read_up_to(stream, skip)
    return as_array(path, read_up_to(stream, size), dtype, shape)


def text_voxels(path: Path, stream: BinaryIO, dtype: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Return voxels that are stored as numbers in text.

    Raises:
        ValueError: There are too few numbers, or one does not fit the data type.
    """
    count = math.prod(shape)
    try:
        numbers = np.array(bytes(read_up_to(stream, 64 * count)).split()[:count], dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{path}: the voxels are damaged. {CUT_OFF}") from error
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        if not np.isfinite(numbers).all() or (numbers < limits.min).any() or (numbers > limits.max).any():
            raise ValueError(f"{path}: the voxels are damaged. {CUT_OFF}")
    return as_array(path, numbers.astype(dtype).tobytes(), dtype, shape)


def compress(data: bytes) -> bytes:
    """Compress bytes with gzip reproducibly."""
    return gzip.compress(data, compresslevel=6, mtime=0)


def _text(shape: Sequence[int]) -> str:
    return " x ".join(str(length) for length in shape)
