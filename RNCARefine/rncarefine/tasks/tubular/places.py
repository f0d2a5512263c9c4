"""Findings of a vessel mask, one per place: gaps, loose fragments, pinholes and spurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ...anatomy.topology import holes
from ...words import Word
from .edits import Limits, Window
from .pieces import Pieces

Bools = NDArray[np.bool_]

AHEAD_DEG = 60.0
"""A gap lies within this angle of the direction in which an end of a vessel points."""


class PlaceFinding(Word):
    """What is wrong at a place."""

    GAP = "gap"
    """A vessel ends, and another piece lies ahead of it."""
    FRAGMENT = "loose fragment"
    """A piece with a short centreline."""
    PINHOLE = "pinhole"
    """A small hole in a vessel."""
    OPEN_END = "open end"
    """A vessel ends, and the image shows that it continues; only a repair finds these."""
    SPUR = "spur"
    """A side branch hardly longer than the vessel is thick; reported, never cut."""


@dataclass(frozen=True, eq=False)
class Place:
    """One finding.

    Attributes:
        finding: What is wrong.
        place: Where, ``(j, i)``.
        size: Width of a gap, length of the centreline of a fragment or spur in pixels, or pixels of a pinhole.
        end: Number of the end that a gap or spur starts at, else -1.
        piece: Label of the piece, else 0.
        hole: The window and the pixels of a pinhole.
    """

    finding: PlaceFinding
    place: tuple[int, int]
    size: float
    end: int = -1
    piece: int = 0
    hole: tuple[Window, Bools] | None = None


def find_places(pieces: Pieces, field_of_view: Bools, limits: Limits) -> list[Place]:
    """Find what is wrong with a mask.

    Args:
        pieces: The mask.
        field_of_view: Nothing outside it is wrong, shape ``(j, i)``.
        limits: How large a gap, a fragment and a pinhole may be.

    Returns:
        Gaps, fragments, pinholes and spurs, in this order and row by row. None for a mask of one piece without small
        holes and spurs.
    """
    fragments = _fragments(pieces, field_of_view, limits)
    loose = {place.piece for place in fragments}
    gaps = [place for place in _gaps(pieces, limits) if field_of_view[place.place]]
    spurs = [place for place in _spurs(pieces) if place.piece not in loose and field_of_view[place.place]]
    return [*gaps, *fragments, *_pinholes(pieces.mask, field_of_view, limits), *spurs]


def _gaps(pieces: Pieces, limits: Limits) -> list[Place]:
    """Find the ends that have another piece ahead of them, within reach of a bridge."""
    ends = pieces.ends
    if pieces.count < 2:
        return []
    rim = np.argwhere(pieces.mask & ~ndimage.binary_erosion(pieces.mask))
    label = pieces.labels[rim[:, 0], rim[:, 1]]
    reach = limits.bridge_px + pieces.radius[ends.place[:, 0], ends.place[:, 1]]
    near: list[list[int]] = cKDTree(rim).query_ball_point(ends.place, reach).tolist() if len(ends.place) else []
    found = []
    for n, indices in enumerate(near):
        others = np.array(indices, np.int64)
        others = others[label[others] != ends.piece[n]]
        way = rim[others] - ends.place[n]
        distance = np.hypot(way[:, 0], way[:, 1])
        if ends.direction[n].any():
            others_ahead = way @ ends.direction[n] >= np.cos(np.radians(AHEAD_DEG)) * distance
            distance = distance[others_ahead]
        if distance.size:
            j, i = (int(value) for value in ends.place[n])
            width = max(float(distance.min()) - float(pieces.radius[j, i]), 1.0)
            found.append(Place(PlaceFinding.GAP, (j, i), width, end=n, piece=int(ends.piece[n])))
    return found


def _fragments(pieces: Pieces, field_of_view: Bools, limits: Limits) -> list[Place]:
    """Find the pieces with a short centreline; the longest piece is none."""
    found = []
    for label in np.flatnonzero(pieces.fragments(limits.keep_px)):
        window, pixels = pieces.pixels_of(int(label))
        inside = np.argwhere(pixels) + np.array([window[0].start, window[1].start])
        j, i = (int(value) for value in inside[len(inside) // 2])
        if field_of_view[j, i]:
            size = float(pieces.lengths[label])
            found.append(Place(PlaceFinding.FRAGMENT, (j, i), size, piece=int(label)))
    return found


def _pinholes(mask: Bools, field_of_view: Bools, limits: Limits) -> list[Place]:
    labels, _ = holes(mask)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = box
        hole = labels[box] == number
        size = int(hole.sum())
        if size < limits.hole_px and field_of_view[box][hole].all():
            window = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
            j, i = np.argwhere(hole)[size // 2]
            place = rows.start + int(j), columns.start + int(i)
            found.append(Place(PlaceFinding.PINHOLE, place, float(size), hole=(window, np.pad(hole, 1))))
    return found


def _spurs(pieces: Pieces) -> list[Place]:
    """Find the ends whose branch is shorter than the vessel it stands on is thick."""
    ends = pieces.ends
    found = []
    for n, (j, i) in enumerate(ends.place):
        steps = int(ends.branch[n])
        thick = float(pieces.radius[tuple(ends.foot[n])])
        if 0 < steps <= max(2 * thick, 3.0):
            found.append(Place(PlaceFinding.SPUR, (int(j), int(i)), float(steps), end=n, piece=int(ends.piece[n])))
    return found
