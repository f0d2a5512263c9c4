"""Single edits of a mask, and the limits that every one of them must keep, whatever proposed it.

What is guaranteed of the result, because no edit is made that would break it:

* no piece whose centreline is as long as ``keep_px`` is removed, and a piece is removed whole or not at all;
* what is added joins two or more pieces, widens one by ``thicken_px`` at most, lengthens one by ``extend_px`` at most
  an edit, is a stretch that a bridge joins to one, or fills a hole smaller than ``hole_px``: b0 never rises;
* no hole is made that was not there: b1 never rises;
* the centreline of a bridge is no longer than ``bridge_px``;
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
Places = NDArray[np.int64]
Window = tuple[slice, slice]


class EditKind(Word):
    """What added pixels do to the topology."""

    BRIDGE = "bridge"
    """Joins two or more pieces."""
    THICKENING = "thickening"
    """Widens or lengthens a piece."""
    ISLAND = "island"
    """Touches no piece; never made."""
    LOOP = "loop"
    """Closes a loop; never made."""


@dataclass(frozen=True)
class Limits:
    """What an edit may do, in pixels of the picture.

    Attributes:
        bridge_px: Longest centreline of a bridge.
        keep_px: A piece with a centreline this long is never removed.
        hole_px: Only holes with fewer pixels are filled.
        thicken_px: Added pixels of a thickening lie no farther from the piece than this.
        extend_px: Longest centreline of an extension; 0 allows none.
    """

    bridge_px: float
    keep_px: float
    hole_px: float
    thicken_px: float
    extend_px: float

    def scaled(self, factor: float) -> Limits:
        """Return the limits for a picture that is this many times as large."""
        lengths = (self.bridge_px, self.keep_px, self.thicken_px, self.extend_px)
        bridge, keep, thicken, extend = (length * factor for length in lengths)
        return Limits(bridge, keep, self.hole_px * factor**2, thicken, extend)


class Canvas:
    """A mask that is edited, one verified edit after the other.

    Args:
        pieces: The mask as it was.
        field_of_view: Nothing outside is changed, shape ``(j, i)``.
        limits: What an edit may do.

    Attributes:
        mask: The mask as it is now.
    """

    def __init__(self, pieces: Pieces, field_of_view: Bools, limits: Limits) -> None:
        self.pieces, self.field_of_view, self.limits = pieces, field_of_view, limits
        self.mask: Bools = pieces.mask.copy()
        self._labels = pieces.labels.copy()
        self._parents = list(range(pieces.count + 1))
        self._touched = np.zeros(pieces.count + 1, bool)

    @cached_property
    def is_near(self) -> Bools:
        """Whether a pixel lies near enough to an input piece for a thickening."""
        return np.asarray(ndimage.distance_transform_edt(~self.pieces.mask) <= self.limits.thicken_px)

    def piece_of(self, label: int) -> int:
        """Return the label that an input piece has by now, together with all that it was joined to."""
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label

    def is_touched(self, label: int) -> bool:
        """Return whether an edit has joined or widened an input piece."""
        return bool(self._touched[label])

    def kind_of(self, added: Bools, window: Window) -> EditKind:
        """Return what adding pixels would do to the topology: bridge, thickening, island or loop.

        Args:
            added: The pixels, on ``window``; those that are in the mask already count for nothing.
            window: Rows and columns, with a pixel of margin where the picture has one.
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
        """Draw a bridge if that keeps the limits: with its width if possible, else as a line.

        Args:
            path: Its centreline ``(j, i)`` between two pieces, shape ``(n, 2)``.
            drawn: The bridge with its width, on ``window``.
            window: Rows and columns, with a pixel of margin where the picture has one.

        Returns:
            The window and the pixels that were added, or why none were.
        """
        if length_of(path) > self.limits.bridge_px:
            return Reason(ReasonCode.BRIDGE_TOO_LONG, length_px=length_of(path), most_px=self.limits.bridge_px)
        if not self.field_of_view[path[:, 0], path[:, 1]].all():
            return Reason(ReasonCode.OUTSIDE_VIEW)
        thin = np.zeros_like(drawn)
        thin[path[:, 0] - window[0].start, path[:, 1] - window[1].start] = True
        for wanted in (drawn | thin, thin):
            added = self._joining(self._without_pinholes(wanted & self.field_of_view[window], window), window)
            if self.kind_of(added, window) is EditKind.BRIDGE:
                return self._add(added, window)
        loop = self.kind_of(thin, window) is EditKind.LOOP
        return Reason(ReasonCode.WOULD_LOOP if loop else ReasonCode.JOINS_NONE)

    def thicken(self, drawn: Bools, window: Window) -> tuple[Window, Bools] | None:
        """Widen a piece if that keeps the limits.

        Args:
            drawn: The pixels, on ``window``.
            window: Rows and columns, with a pixel of margin where the picture has one.

        Returns:
            The window and the pixels that were added, ``None`` if none were.
        """
        added = drawn & self.is_near[window] & self.field_of_view[window]
        if not (added & ~self.mask[window]).any() or self.kind_of(added, window) is not EditKind.THICKENING:
            return None
        return self._add(added, window)

    def extend(self, drawn: Bools, window: Window) -> tuple[Window, Bools] | None:
        """Lengthen a piece if that keeps the limits; arguments and result are those of :meth:`thicken`."""
        added = drawn & self.field_of_view[window] & ~self.mask[window]
        short = int(thinned(added).sum()) <= self.limits.extend_px
        if not added.any() or not short or self.kind_of(added, window) is not EditKind.THICKENING:
            return None
        return self._add(added, window)

    def fill(self, hole: Bools, window: Window) -> bool:
        """Fill a hole if it is small enough.

        Args:
            hole: All pixels of one hole of the mask as it is now, on ``window``.
            window: Rows and columns, with a pixel of margin where the picture has one.
        """
        now, size = self.mask[window], int(hole.sum())
        if not 0 < size < self.limits.hole_px or (now & hole).any() or not self.field_of_view[window][hole].all():
            return False
        if euler_characteristic(now | hole) - euler_characteristic(now) != 1:
            return False
        self._add(hole, window)
        return True

    def remove(self, label: int) -> bool:
        """Remove an input piece if it is short enough and no edit has touched it."""
        window, piece = self.pieces.pixels_of(label)
        inside = self.field_of_view[window][piece].all()
        if self.pieces.lengths[label] >= self.limits.keep_px or self._touched[label] or not inside:
            return False
        self.mask[window][piece] = False
        self._labels[window][piece] = 0
        return True

    def keep_joined(self, before: Bools) -> None:
        """Take away the pieces that hold nothing of a mask.

        Args:
            before: The mask, shape ``(j, i)``.
        """
        labels, count = ndimage.label(self.mask, structure=EIGHT)
        keep = np.zeros(count + 1, bool)
        keep[labels[before & self.mask]] = True
        self.mask &= keep[labels]
        self._labels[~self.mask] = 0

    def _groups(self, added: Bools, window: Window) -> list[set[int]]:
        """Return the pieces that each component of some new pixels touches."""
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
        """Return the components of some new pixels that touch two pieces or more."""
        new = added & ~self.mask[window]
        components, _ = ndimage.label(new, structure=EIGHT)
        joins = np.array([False, *(len(group) > 1 for group in self._groups(new, window))])
        return np.asarray(joins[components])

    def _without_pinholes(self, added: Bools, window: Window) -> Bools:
        """Return new pixels together with the small holes that they would enclose."""
        now = self.mask[window]
        free, _ = ndimage.label(~(now | added))
        before, _ = ndimage.label(~now)
        border = set(np.concatenate([free[0], free[-1], free[:, 0], free[:, -1]]).tolist())
        result = added.copy()
        for number, box in enumerate(ndimage.find_objects(free), 1):
            hole = free[box] == number
            if number in border or hole.sum() >= self.limits.hole_px or not self.field_of_view[window][box][hole].all():
                continue
            if (before == before[box][hole][0]).sum() != hole.sum():  # not a hole that was there
                result[box] |= hole
        return result

    def _add(self, added: Bools, window: Window) -> tuple[Window, Bools]:
        """Add pixels, and join the pieces that they touch."""
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
    """Return by how much the number of pieces falls if each of these groups is joined."""
    pieces: list[set[int]] = []
    for group in groups:
        apart = [piece for piece in pieces if not piece & group]
        pieces = [*apart, group.union(*(piece for piece in pieces if piece & group))]
    return sum(len(piece) - 1 for piece in pieces)
