"""Edits of a vessel mask, and the limits that every edit must keep.

Guarantees of the result:

* no piece with a centreline of ``keep_px`` or more is removed, and a piece is removed as a whole or not at all;
* added pixels join two or more pieces, widen a piece by at most ``thicken_px``, lengthen it by at most ``extend_px``
  per edit, form a stretch that a bridge joins to a piece, or fill a hole smaller than ``hole_px``: b0 never increases;
* no hole is created: b1 never increases;
* the centreline of a bridge is at most ``bridge_px`` long, together with the extensions and stretches that it continues
  from one input piece to another;
* nothing changes outside the field of view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy.shape import EIGHT
from ...anatomy.thinning import thinned
from ...anatomy.topology import euler_characteristic
from ...reasons import Reason, ReasonCode
from ...words import Word
from .pieces import Pieces

Bools = NDArray[np.bool_]
Field = NDArray[np.float32]
Places = NDArray[np.int64]
Window = tuple[slice, slice]


class EditKind(Word):
    """Effect of added pixels on the topology."""

    BRIDGE = "bridge"
    """Joins two or more pieces."""
    THICKENING = "thickening"
    """Widens or lengthens a piece."""
    ISLAND = "island"
    """Touches no piece; never applied."""
    LOOP = "loop"
    """Closes a loop; never applied."""


@dataclass(frozen=True)
class Limits:
    """Limits of an edit, in pixels of the picture.

    Attributes:
        bridge_px: Longest centreline of a bridge.
        keep_px: Pieces with a centreline of this length or more are never removed.
        hole_px: Only holes with fewer pixels are filled.
        thicken_px: Largest distance of the pixels of a thickening from the piece.
        extend_px: Longest centreline of an extension; 0 allows none.
    """

    bridge_px: float
    keep_px: float
    hole_px: float
    thicken_px: float
    extend_px: float

    def scaled(self, factor: float) -> Limits:
        """Return the limits for a picture magnified by ``factor``."""
        lengths = (self.bridge_px, self.keep_px, self.thicken_px, self.extend_px)
        bridge, keep, thicken, extend = (length * factor for length in lengths)
        return Limits(bridge, keep, self.hole_px * factor**2, thicken, extend)


class Canvas:
    """A vessel mask under edit; every edit is verified before it is applied.

    Args:
        pieces: Pieces of the input mask.
        field_of_view: Region that may be changed, shape ``(j, i)``.
        limits: Limits of an edit.
        lengthened: Length of the added vessel at every pixel of an extension or stretch, in pixels; shape ``(j, i)``.
        stretches: Pieces that are not part of the input, shape ``(j, i)``.

    Attributes:
        mask: Current mask.
    """

    def __init__(
        self,
        pieces: Pieces,
        field_of_view: Bools,
        limits: Limits,
        lengthened: Field | None = None,
        stretches: Bools | None = None,
    ) -> None:
        self.pieces, self.field_of_view, self.limits = pieces, field_of_view, limits
        self.mask: Bools = pieces.mask.copy()
        self._lengthened = np.zeros(self.mask.shape, np.float32) if lengthened is None else lengthened.copy()
        self._attached = np.ones(pieces.count + 1, bool)
        self._attached[0] = False
        if stretches is not None:
            self._attached[np.unique(pieces.labels[stretches])] = False
        self._labels = pieces.labels.copy()
        self._parents = list(range(pieces.count + 1))
        self._touched = np.zeros(pieces.count + 1, bool)

    @cached_property
    def is_near(self) -> Bools:
        """Pixels within ``thicken_px`` of an input piece, shape ``(j, i)``."""
        return np.asarray(ndimage.distance_transform_edt(~self.pieces.mask) <= self.limits.thicken_px)

    def piece_of(self, label: int) -> int:
        """Return the current label of an input piece, shared by all pieces joined to it."""
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label

    def is_touched(self, label: int) -> bool:
        """Return whether an edit has joined or widened an input piece."""
        return bool(self._touched[label])

    def kind_of(self, added: Bools, window: Window) -> EditKind:
        """Classify the effect of adding pixels on the topology.

        Args:
            added: Pixels to add, on ``window``; pixels already in the mask are ignored.
            window: Rows and columns, with a margin of one pixel except at the border of the picture.
        """
        now = self.mask[window]
        groups = self._groups(added & ~now, window)
        if not all(groups):
            return EditKind.ISLAND
        merged = _merged(groups)
        chi_change = euler_characteristic(now | added) - euler_characteristic(now)
        if -merged - chi_change > 0:  # the change of b1 = b0 - chi
            return EditKind.LOOP
        return EditKind.BRIDGE if merged else EditKind.THICKENING

    def bridge(self, path: Places, drawn: Bools, window: Window) -> tuple[Window, Bools] | Reason:
        """Add a bridge if it keeps the limits: with its width if possible, else as a line.

        Args:
            path: Centreline ``(j, i)`` between two pieces, shape ``(n, 2)``.
            drawn: Rasterised bridge, on ``window``.
            window: Rows and columns, with a margin of one pixel except at the border of the picture.

        Returns:
            The window and the added pixels, or the reason why none were added.
        """
        if length_of(path) > self.limits.bridge_px:
            return Reason(ReasonCode.BRIDGE_TOO_LONG, length_px=length_of(path), most_px=self.limits.bridge_px)
        if not self.field_of_view[path[:, 0], path[:, 1]].all():
            return Reason(ReasonCode.OUTSIDE_VIEW)
        span, loose = self._span(path)
        if len(loose) > 1:
            return Reason(ReasonCode.JOINS_NONE)
        if not loose and span > self.limits.bridge_px:
            return Reason(ReasonCode.BRIDGE_TOO_LONG, length_px=span, most_px=self.limits.bridge_px)
        thin = np.zeros_like(drawn)
        thin[path[:, 0] - window[0].start, path[:, 1] - window[1].start] = True
        for wanted in (drawn | thin, thin):
            added = self._joining(self._without_pinholes(wanted & self.field_of_view[window], window), window)
            if self.kind_of(added, window) is EditKind.BRIDGE:
                for label in loose:
                    self._attached[label] = True
                    self._lengthened[self.pieces.labels == label] = span
                return self._add(added, window)
        loop = self.kind_of(thin, window) is EditKind.LOOP
        return Reason(ReasonCode.WOULD_LOOP if loop else ReasonCode.JOINS_NONE)

    def thicken(self, drawn: Bools, window: Window) -> tuple[Window, Bools] | None:
        """Widen a piece if that keeps the limits.

        Args:
            drawn: Pixels to add, on ``window``.
            window: Rows and columns, with a margin of one pixel except at the border of the picture.

        Returns:
            The window and the added pixels, or ``None`` if none were added.
        """
        added = drawn & self.is_near[window] & self.field_of_view[window]
        if not (added & ~self.mask[window]).any() or self.kind_of(added, window) is not EditKind.THICKENING:
            return None
        return self._add(added, window)

    def extend(self, drawn: Bools, window: Window) -> tuple[Window, Bools] | None:
        """Lengthen a piece if that keeps the limits; arguments and result as in :meth:`thicken`."""
        added = drawn & self.field_of_view[window] & ~self.mask[window]
        short = int(thinned(added).sum()) <= self.limits.extend_px
        if not added.any() or not short or self.kind_of(added, window) is not EditKind.THICKENING:
            return None
        return self._add(added, window)

    def fill(self, hole: Bools, window: Window) -> bool:
        """Fill a hole if it is small enough.

        Args:
            hole: All pixels of one hole of the current mask, on ``window``.
            window: Rows and columns, with a margin of one pixel except at the border of the picture.
        """
        now, size = self.mask[window], int(hole.sum())
        if not 0 < size < self.limits.hole_px or (now & hole).any() or not self.field_of_view[window][hole].all():
            return False
        if euler_characteristic(now | hole) - euler_characteristic(now) != 1:
            return False
        self._add(hole, window)
        return True

    def remove(self, label: int) -> bool:
        """Remove an input piece if it is shorter than ``keep_px`` and no edit has touched it."""
        window, piece = self.pieces.pixels_of(label)
        inside = self.field_of_view[window][piece].all()
        if self.pieces.lengths[label] >= self.limits.keep_px or self._touched[label] or not inside:
            return False
        self.mask[window][piece] = False
        self._labels[window][piece] = 0
        return True

    def keep_joined(self, before: Bools) -> None:
        """Remove the components that do not overlap a mask.

        Args:
            before: Mask, shape ``(j, i)``.
        """
        labels, count = ndimage.label(self.mask, structure=EIGHT)
        keep = np.zeros(count + 1, bool)
        keep[labels[before & self.mask]] = True
        self.mask &= keep[labels]
        self._labels[~self.mask] = 0

    def _span(self, path: Places) -> tuple[float, set[int]]:
        """Return the length of the added vessel that a path continues, and the stretches at its ends.

        Stretches that a bridge has joined to a piece no longer count as such.
        """
        length, loose = length_of(path), set()
        for j, i in (path[0], path[-1]):
            around = slice(max(j - 1, 0), j + 2), slice(max(i - 1, 0), i + 2)
            length += float(self._lengthened[around].max())
            labels = np.unique(self.pieces.labels[around])
            loose |= {int(label) for label in labels if label and not self._attached[label]}
        return length, loose

    def _groups(self, added: Bools, window: Window) -> list[set[int]]:
        """Return the pieces that each connected component of the added pixels touches."""
        components, count = ndimage.label(added, structure=EIGHT)
        groups = []
        for number, box in enumerate(ndimage.find_objects(components), 1):
            rows, columns = (slice(max(one.start - 1, 0), one.stop + 1) for one in box)
            grown = ndimage.binary_dilation(components[rows, columns] == number, EIGHT)
            around = self._labels[window][rows, columns][grown]
            groups.append({self.piece_of(int(label)) for label in np.unique(around) if label})
        assert len(groups) == count
        return groups

    def _joining(self, added: Bools, window: Window) -> Bools:
        """Return the connected components of the added pixels that touch two or more pieces."""
        new = added & ~self.mask[window]
        components, _ = ndimage.label(new, structure=EIGHT)
        joins = np.array([False, *(len(group) > 1 for group in self._groups(new, window))])
        return np.asarray(joins[components])

    def _without_pinholes(self, added: Bools, window: Window) -> Bools:
        """Return the added pixels together with the small holes that they would enclose."""
        now = self.mask[window]
        free, _ = ndimage.label(~(now | added))
        before, _ = ndimage.label(~now)
        border = set(np.concatenate([free[0], free[-1], free[:, 0], free[:, -1]]).tolist())
        result = added.copy()
        for number, box in enumerate(ndimage.find_objects(free), 1):
            hole = free[box] == number
            if number in border or hole.sum() >= self.limits.hole_px or not self.field_of_view[window][box][hole].all():
                continue
            if (before == before[box][hole][0]).sum() != hole.sum():  # a new hole
                result[box] |= hole
        return result

    def _add(self, added: Bools, window: Window) -> tuple[Window, Bools]:
        """Add pixels and merge the labels of the pieces that they touch."""
        new = added & ~self.mask[window]
        components, count = ndimage.label(new, structure=EIGHT)
        roots = np.zeros(count + 1, self._labels.dtype)
        for number, group in enumerate(self._groups(new, window), 1):
            roots[number] = root = self.piece_of(min(group))
            for label in group:
                self._touched[label] = True
                self._parents[self.piece_of(label)] = root
        self._labels[window][new] = roots[components[new]]
        self.mask[window] |= new
        return window, new


def length_of(path: Places) -> float:
    """Return the length of an 8-connected path in pixels: 1 per step along a row or column, 1.41 per diagonal one."""
    steps = np.hypot(*np.diff(path, axis=0).T) if len(path) > 1 else np.zeros(0)
    return 1.0 + float(steps.sum())


def _merged(groups: list[set[int]]) -> int:
    """Return the decrease of the number of pieces if each group is joined."""
    pieces: list[set[int]] = []
    for group in groups:
        apart = [piece for piece in pieces if not piece & group]
        pieces = [*apart, group.union(*(piece for piece in pieces if piece & group))]
    return sum(len(piece) - 1 for piece in pieces)
