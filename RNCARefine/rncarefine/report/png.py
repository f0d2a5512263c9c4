"""A small PNG encoder on zlib alone: Slicer ships neither Pillow nor matplotlib."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB = 0, 2
"""Colour types of the PNG specification (ISO/IEC 15948)."""


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a picture as PNG, 8 bits a channel.

    Args:
        pixels: uint8, shape ``(rows, columns)`` for grey or ``(rows, columns, 3)`` for RGB.

    Raises:
        ValueError: Another shape or type, or no pixels.
    """
    values = np.asarray(pixels)
    if values.dtype != np.uint8 or values.size == 0 or not (values.ndim == 2 or values.shape[2:] == (3,)):
        raise ValueError(
            f"A picture of shape {values.shape} and type {values.dtype} cannot be a PNG: "
            "it needs uint8 pixels of shape (rows, columns) or (rows, columns, 3)."
        )
    height, width = values.shape[:2]
    channels = values.reshape(height, width, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, GREY if channels.shape[2] == 1 else RGB, 0, 0, 0)
    data = zlib.compress(_filtered(channels), 6)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return a picture (see :func:`encode_png`) as a ``data:`` URI for an HTML page."""
    return "data:image/png;base64," + base64.b64encode(encode_png(pixels)).decode("ascii")


def _filtered(channels: NDArray[np.uint8]) -> bytes:
    """Filter each row by the PNG filter (none, sub, up or Paeth) that leaves the smallest differences."""
    height = channels.shape[0]
    here = channels.astype(np.int16)
    padded = np.pad(here, ((1, 0), (1, 0), (0, 0)))
    left, up, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    candidates = {0: here, 1: here - left, 2: here - up, 4: here - _paeth(left, up, corner)}
    filtered = np.stack([(rows & 0xFF).astype(np.uint8).reshape(height, -1) for rows in candidates.values()])
    # The usual heuristic: the differences as signed bytes, smallest sum of magnitudes wins.
    cost = np.abs(filtered.view(np.int8).astype(np.int32)).sum(axis=2)
    best = cost.argmin(axis=0)
    kinds = np.array(list(candidates), dtype=np.uint8)[best]
    return np.concatenate([kinds[:, None], filtered[best, np.arange(height)]], axis=1).tobytes()


def _paeth(left: NDArray[np.int16], up: NDArray[np.int16], corner: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the Paeth predictor: whichever neighbour is nearest to left + up - corner, in that order."""
    estimate = left + up - corner
    to_left, to_up, to_corner = np.abs(estimate - left), np.abs(estimate - up), np.abs(estimate - corner)
    take_left = (to_left <= to_up) & (to_left <= to_corner)
    return np.where(take_left, left, np.where(to_up <= to_corner, up, corner)).astype(np.int16)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
