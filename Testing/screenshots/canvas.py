"""Pictures put together from panes, with a few words, and written small."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial import cKDTree

from harness.rendering import Pixels

Colour = tuple[int, int, int]
GROUND: Colour = (18, 20, 23)
INK: Colour = (235, 238, 240)
GAP = 10
"""Pixels between panes."""
MAX_BYTES = 300_000
"""A picture in a README should not make anybody wait."""


class Skipped(Exception):
    """A picture cannot be made on this machine; the message says why."""


def blank(width: int, height: int, colour: Colour = GROUND) -> Pixels:
    """Return a picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def in_row(panes: Sequence[Pixels], colour: Colour = GROUND) -> Pixels:
    """Put panes of one height side by side."""
    bar = blank(GAP, panes[0].shape[0], colour)
    pieces = [piece for pane in panes for piece in (pane, bar)]
    return np.hstack(pieces[:-1])


def in_column(panes: Sequence[Pixels], colour: Colour = GROUND) -> Pixels:
    """Put panes of one width below each other."""
    bar = blank(panes[0].shape[1], GAP, colour)
    pieces = [piece for pane in panes for piece in (pane, bar)]
    return np.vstack(pieces[:-1])


def padded(picture: Pixels, height: int, colour: Colour = GROUND) -> Pixels:
    """Return a picture with ground below it, so that it has a height."""
    missing = height - picture.shape[0]
    return np.vstack([picture, blank(picture.shape[1], missing, colour)]) if missing > 0 else picture


def framed(picture: Pixels, colour: Colour = GROUND) -> Pixels:
    """Put a margin around a picture."""
    height, width, _ = picture.shape
    result = blank(width + 2 * GAP, height + 2 * GAP, colour)
    result[GAP : GAP + height, GAP : GAP + width] = picture
    return result


def shrunk(picture: Pixels, factor: float) -> Pixels:
    """Return a smaller picture."""
    height, width, _ = picture.shape
    size = round(width * factor), round(height * factor)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def written(
    picture: Pixels, text: str, at: tuple[int, int], *, size: int = 22, colour: Colour = INK, anchor: str = "lb"
) -> Pixels:
    """Return a picture with a word in it.

    Args:
        picture: What to write on.
        text: One line.
        at: Column and row of the anchor.
        size: Of the letters, in pixels.
        colour: Of the letters; they have a dark rim, which keeps them legible on any ground.
        anchor: As Pillow's: "lb" for the left bottom corner, "mm" for the middle.
    """
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(
        at, text, fill=colour, font=ImageFont.load_default(size), anchor=anchor, stroke_width=2, stroke_fill=GROUND
    )
    return np.asarray(image)


def title(width: int, words: Sequence[tuple[str, Colour | None]], *, height: int = 38, size: int = 24) -> Pixels:
    """Return a strip with words in its middle, each after a patch of its colour if it has one."""
    image = Image.fromarray(blank(width, height))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    patch, space = size - 6, 10
    widths = [(patch + space if colour else 0) + draw.textlength(text, font) for text, colour in words]
    x = (width - sum(widths) - 3 * space * (len(words) - 1)) / 2
    for (text, colour), used in zip(words, widths, strict=True):
        start = x
        if colour:
            top = (height - patch) // 2
            draw.rectangle((round(start), top, round(start) + patch, top + patch), fill=colour)
            start += patch + space
        draw.text((start, height / 2), text, fill=INK, font=font, anchor="lm")
        x += used + 3 * space
    return np.asarray(image)


def save(picture: Pixels, path: Path) -> int:
    """Write a picture with a palette of 256 colours, and return its size in bytes.

    Raises:
        ValueError: It is larger than a README's picture should be.
    """
    codes, positions, counts = np.unique(
        picture.astype(np.int64) @ np.array([65536, 256, 1]), return_inverse=True, return_counts=True
    )
    colours = np.stack([codes // 65536, codes // 256 % 256, codes % 256], axis=1).astype(np.uint8)
    palette = _palette(colours, counts)
    # Pillow's own mapping to a palette is only nearly exact; dithering would make flat colours uneven.
    nearest = np.asarray(cKDTree(palette).query(colours)[1], np.uint8)
    image = Image.fromarray(nearest[positions].reshape(picture.shape[:2]))
    image.putpalette(palette.ravel().tolist())
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    size = len(data.getvalue())
    if size > MAX_BYTES:
        raise ValueError(f"{path.name} has {size} bytes, more than {MAX_BYTES}. Make the picture smaller.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.getvalue())
    return size


def _palette(colours: NDArray[np.uint8], counts: NDArray[np.int_]) -> NDArray[np.uint8]:
    """Return up to 256 colours: the most frequent ones exactly, the rest shared out between greys and colours.

    Without, a million grey pixels would leave nothing for the few coloured ones, and white would not be white.

    Args:
        colours: Those of the picture, each once, shape (n, 3).
        counts: How often each is there.
    """
    if len(colours) <= 256:
        return colours
    chosen = [colours[np.argsort(-counts, kind="stable")[:16]]]
    coloured = np.ptp(colours, axis=1) > 12
    for part, most in ((coloured, 160), (~coloured, 80)):
        if part.any():
            pixels = np.repeat(colours[part], counts[part], axis=0)
            few = Image.fromarray(pixels[None]).quantize(most, Image.Quantize.MEDIANCUT, kmeans=2)
            values = np.array(few.getpalette(), np.uint8).reshape(-1, 3)
            chosen.append(values[: len(few.getcolors() or [])])
    return np.vstack(chosen)
