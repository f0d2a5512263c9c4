"""What one slice shows: topology, shape, circle, gap and cavity, each computed once, when it is first asked for.

The numbers in this file were measured on the 1,828 slices of the ACDC training truth.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ..words import Finding
from .circle import Circle, fit_circle, near_wall
from .shape import MAX_HOLLOW, as_slice, deepest_notch, hull
from .topology import Gap, betti_2d, fill_holes, gap_about, holes, largest_component

MIN_CAVITY_PIXELS = 3
"""A smaller hole is a pore, less of blood pool is noise. The smallest cavity of an ACDC ring has 6 pixels."""
MIN_ISLAND_MM2 = 3.0
"""A smaller component inside the cavity is a speck, no papillary muscle."""
MIN_ROUNDNESS = 0.5
"""Shortest over longest axis of a solid shape: at least 0.65 in ACDC's discs and filled rings."""
SURE_CAVITY_MM = 5.0
"""A hole in which a circle of this radius fits is a cavity, whatever the shape of the wall outside."""

_MISFIT = "The blood pool has shape {}, the myocardium {}. Resample the pool."
_Bools = NDArray[np.bool_]


class WallFeatures:
    """What the myocardium of a slice shows, whatever the blood pool.

    Attributes:
        wall: The myocardium, shape ``(j, i)``, boolean.
        spacing: mm along ``(j, i)``.
    """

    def __init__(self, wall: ArrayLike, spacing: tuple[float, float]) -> None:
        self.wall = as_slice(wall)
        self.spacing = spacing
        # Nothing here depends on where in the slice the wall lies.
        self._window = _window(self.wall)
        self._cropped = self.wall[self._window]

    @cached_property
    def betti(self) -> tuple[int, int]:
        """Components (8-connected) and holes (4-connected background)."""
        return betti_2d(self._cropped)

    @cached_property
    def main(self) -> _Bools:
        """The largest component, shape ``(j, i)``."""
        whole = np.zeros_like(self.wall)
        whole[self._window] = self._main
        return whole

    @cached_property
    def circle(self) -> Circle | None:
        """The circle that fits the wall."""
        return self._placed(self._circle)

    @cached_property
    def main_circle(self) -> Circle | None:
        """The circle that fits the largest component."""
        return self.circle if self.betti[0] == 1 else self._placed(fit_circle(self._main, self.spacing))

    @cached_property
    def gap(self) -> Gap:
        """The widest gap in the wall."""
        return gap_about(self._cropped, self.spacing, self._circle)

    @cached_property
    def size_mm2(self) -> float:
        """Area of the convex hull of the wall without loose components."""
        circle = self._circle
        near = self._main
        if circle is not None:
            near = near_wall(self._cropped, self.spacing, (circle.centre_j, circle.centre_i))
        return float(hull(near).volume) * self.spacing[0] * self.spacing[1] if near.any() else 0.0

    @cached_property
    def mostly_solid(self) -> bool:
        """Whether the main component, holes filled, is round, and at least three quarters of the myocardium."""
        enough = self._main.sum() >= max(1, 0.75 * self._cropped.sum())
        return bool(enough) and _is_solid(fill_holes(self._main) > 0, self.spacing)

    @cached_property
    def _main(self) -> _Bools:
        return self._cropped if self.betti[0] == 1 else largest_component(self._cropped) > 0

    @cached_property
    def _circle(self) -> Circle | None:
        return fit_circle(self._cropped, self.spacing)

    def _placed(self, circle: Circle | None) -> Circle | None:
        """Return a circle of the cropped wall where it lies in the slice."""
        if circle is None:
            return None
        rows, columns = self._window
        return Circle(circle.centre_j + rows.start, circle.centre_i + columns.start, circle.radius_mm)


class SliceFeatures:
    """What a slice shows: its wall, and what follows from wall and blood pool together.

    Attributes:
        of_wall: What follows from the wall alone.
        pool: The blood pool, shape ``(j, i)``, boolean; empty if none was given.
    """

    def __init__(self, of_wall: WallFeatures, pool: ArrayLike | None = None) -> None:
        """Take up a slice.

        Args:
            of_wall: What the wall shows.
            pool: Blood pool, shape ``(j, i)``, zero and non-zero, or ``None`` if not given.

        Raises:
            ValueError: The pool is not two-dimensional, or differs from the wall in shape.
        """
        self.of_wall = of_wall
        self.pool = np.zeros_like(of_wall.wall) if pool is None else as_slice(pool)
        if self.pool.shape != self.wall.shape:
            raise ValueError(_MISFIT.format(self.pool.shape, self.wall.shape))
        window = _window(self.wall | self.pool)
        self._wall, self._pool = self.wall[window], self.pool[window]

    @classmethod
    def of(cls, wall: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> SliceFeatures:
        """Take up a slice.

        Args:
            wall: Myocardium, shape ``(j, i)``, zero and non-zero.
            pool: Blood pool, like ``wall``, or ``None`` if not given.
            spacing: mm along ``(j, i)``.

        Raises:
            ValueError: A mask is not two-dimensional, or the two differ in shape.
        """
        return cls(WallFeatures(wall, spacing), pool)

    def with_masks(self, wall: ArrayLike, pool: ArrayLike | None) -> SliceFeatures:
        """Return the features of other masks of the same slice; of masks that are equal nothing is computed again."""
        same = np.array_equal(as_slice(wall), self.wall)
        other = SliceFeatures(self.of_wall if same else WallFeatures(wall, self.spacing), pool)
        return self if same and np.array_equal(other.pool, self.pool) else other

    @property
    def wall(self) -> _Bools:
        """The myocardium, shape ``(j, i)``."""
        return self.of_wall.wall

    @property
    def spacing(self) -> tuple[float, float]:
        """In-plane spacing in mm along ``(j, i)``."""
        return self.of_wall.spacing

    @property
    def b0(self) -> int:
        """Components, 8-connected."""
        return self.of_wall.betti[0]

    @property
    def b1(self) -> int:
        """Holes, 4-connected background."""
        return self.of_wall.betti[1]

    @property
    def gap(self) -> Gap:
        """The widest gap in the wall."""
        return self.of_wall.gap

    @cached_property
    def has_pool(self) -> bool:
        """Whether there is blood pool in the slice, and more than noise."""
        return bool(self._pool.sum() >= MIN_CAVITY_PIXELS)

    @cached_property
    def closed(self) -> bool:
        """Whether a wall closes around a cavity (see :func:`cavity`), whatever else there is."""
        return cavity(self._wall, self._pool, self.spacing) is not None

    @cached_property
    def islands(self) -> int:
        """Components inside the cavity of what else is a ring: papillary muscles, trabeculae; 0 for anything else."""
        if self.b0 < 2 or self.b1 != 1:
            return 0
        main = largest_component(self._wall) > 0
        inside = fill_holes(main) > 0
        if betti_2d(main) != (1, 1) or (self._wall & ~inside).any():
            return 0
        rest, _ = ndimage.label(self._wall & ~main, structure=np.ones((3, 3)))
        smallest = float(np.bincount(rest.ravel())[1:].min()) * self.spacing[0] * self.spacing[1]
        if smallest < MIN_ISLAND_MM2 or cavity(main, self._pool, self.spacing) is None:
            return 0
        return self.b0 - 1

    @property
    def solid(self) -> bool:
        """Whether the main part, at least three quarters of the myocardium, is a disc."""
        return not self.closed and self.of_wall.mostly_solid

    @cached_property
    def finding(self) -> Finding:
        """What the slice is, from the slice alone.

        Beyond the Betti numbers: a closed wall is a ring only if its hole is the cavity (see :func:`cavity`), else it
        is open, or porous where it has no gap. A solid component is a disc only if it is round, without a deep notch,
        and no blood pool lies next to it; else it is open.
        """
        if self.b0 == 0:
            return Finding.EMPTY
        if self.b0 > 1:
            return Finding.FRAGMENTED
        if self.b1 > 1:
            return Finding.POROUS
        if self.b1 == 1:
            if self.closed:
                return Finding.RING
            return Finding.POROUS if _is_solid(fill_holes(self._wall) > 0, self.spacing) else Finding.OPEN
        beside = self._pool & ndimage.binary_dilation(self._wall)
        if _is_solid(self._wall, self.spacing) and not (beside.any() and self.has_pool):
            return Finding.DISC
        return Finding.OPEN


def find(mask: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> Finding:
    """Return what the myocardium of a slice is, see :attr:`SliceFeatures.finding`.

    Args:
        mask: Myocardium, shape ``(j, i)``, zero and non-zero.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: mm along ``(j, i)``.

    Raises:
        ValueError: A mask is not two-dimensional, or the two differ in shape.
    """
    return SliceFeatures.of(mask, pool, spacing).finding


def cavity(mask: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> _Bools | None:
    """Return the hole of a wall that is its cavity, and not a pore in the wall.

    It is the hole with the largest inscribed circle or, with a pool, with most of the pool. It must have three pixels,
    hold some of the pool if that has three, and either leave a solid shape when filled, or be wider than the deepest
    notch that remains or than 5 mm: the pore of a horseshoe does neither.

    Args:
        mask: Myocardium, shape ``(j, i)``, zero and non-zero.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: mm along ``(j, i)``.

    Returns:
        Boolean mask of the cavity, shape ``(j, i)``, or ``None`` if no wall closes around one.

    Raises:
        ValueError: A mask is not two-dimensional, or the two differ in shape.
    """
    wall = as_slice(mask)
    blood = np.zeros_like(wall) if pool is None else as_slice(pool)
    if blood.shape != wall.shape:
        raise ValueError(_MISFIT.format(blood.shape, wall.shape))
    labels, count = holes(wall)
    if count == 0:
        return None
    numbers = np.arange(1, count + 1)
    radii = np.asarray(ndimage.maximum(ndimage.distance_transform_edt(labels > 0, sampling=spacing), labels, numbers))
    share = radii
    if blood.sum() >= MIN_CAVITY_PIXELS:
        share = np.asarray(ndimage.sum_labels(blood, labels, numbers))
        if not share.any():
            return None
    best = int(share.argmax())
    hole: _Bools = labels == best + 1
    if hole.sum() < MIN_CAVITY_PIXELS:
        return None
    pieces, _ = ndimage.label(wall, structure=np.ones((3, 3)))
    touching = pieces[ndimage.binary_dilation(hole) & wall]
    filled = fill_holes(pieces == int(np.bincount(touching).argmax())) > 0
    notch = deepest_notch(filled, spacing)
    return hole if notch.relative < MAX_HOLLOW or radii[best] >= min(notch.depth_mm, SURE_CAVITY_MM) else None


def roundness(shape: _Bools, spacing: tuple[float, float]) -> float:
    """Return the shortest over the longest axis of a shape of at least one pixel.

    Args:
        shape: Shape ``(j, i)``.
        spacing: mm along ``(j, i)``.
    """
    j, i = np.nonzero(shape)
    # Pixels have an extent of their own: without it a single one would have no shape.
    spread = np.cov(np.stack([j * spacing[0], i * spacing[1]]), bias=True) + np.diag(np.square(spacing)) / 12
    short, long = np.linalg.eigvalsh(spread)
    return float(np.sqrt(short / long))


def _is_solid(shape: _Bools, spacing: tuple[float, float]) -> bool:
    """Return whether a shape of at least one pixel is round and without a deep notch."""
    return roundness(shape, spacing) >= MIN_ROUNDNESS and deepest_notch(shape, spacing).relative < MAX_HOLLOW


def _window(mask: _Bools) -> tuple[slice, slice]:
    """Return the rows and columns of the box around a mask; all of them if it is empty."""
    found = ndimage.find_objects(mask.astype(np.uint8))
    rows, columns = found[0] if found else (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
    return rows, columns
