"""Findings in a vessel mask: gaps, loose fragments, pinholes and spurs."""

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
"""Largest angle between the direction of a vessel end and the piece across the gap."""


class PlaceFinding(Word):
    """Class of a defect."""

    GAP = "gap"
    """A vessel ends, and another piece lies ahead of it."""
    FRAGMENT = "loose fragment"
    """A piece with a short centreline."""
    PINHOLE = "pinhole"
    """A small hole in a vessel."""
    OPEN_END = "open end"
    """A vessel ends although it continues in the image; found by a repair only."""
    SPUR = "spur"
    """A side branch not longer than the vessel is thick; reported, never removed."""


@dataclass(frozen=True, eq=False)
class Place:
    """One finding.

    Attributes:
        finding: Class of the defect.
        place: Position, ``(j, i)``.
        size: Width of a gap or centreline length of a fragment or spur, in pixels, or area of a pinhole.
        end: Index of the centreline end of a gap or spur, else -1.
        piece: Label of the piece, else 0.
        hole: Window and pixels of a pinhole.
    """

    finding: PlaceFinding
    place: tuple[int, int]
    size: float
    end: int = -1
    piece: int = 0
    hole: tuple[Window, Bools] | None = None


def find_places(pieces: Pieces, field_of_view: Bools, limits: Limits) -> list[Place]:
    """Find the defects of a vessel mask.

    Args:
        pieces: Pieces of the mask.
        field_of_view: Defects outside are ignored, shape ``(j, i)``.
        limits: Largest gap, fragment and pinhole.

    Returns:
        Gaps, fragments, pinholes and spurs, in this order, each in row order.
    """
    fragments = _fragments(pieces, field_of_view, limits)
    loose = {place.piece for place in fragments}
    gaps = [place for place in _gaps(pieces, limits) if field_of_view[place.place]]
    spurs = [place for place in _spurs(pieces) if place.piece not in loose and field_of_view[place.place]]
    return [*gaps, *fragments, *_pinholes(pieces.mask, field_of_view, limits), *spurs]


def _gaps(pieces: Pieces, limits: Limits) -> list[Place]:
    """Find the ends with another piece ahead of them, within the length of a bridge."""
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
    """Find the pieces with a short centreline, except the longest piece."""
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
    """Find the ends of branches that are not longer than the diameter of their vessel."""
    ends = pieces.ends
    found = []
    for n, (j, i) in enumerate(ends.place):
        steps = int(ends.branch[n])
        thick = float(pieces.radius[tuple(ends.foot[n])])
        if 0 < steps <= max(2 * thick, 3.0):
            found.append(Place(PlaceFinding.SPUR, (int(j), int(i)), float(steps), end=n, piece=int(ends.piece[n])))
    return found
