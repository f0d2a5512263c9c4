"""Features of one slice: topology, shape, circle, gap and cavity, computed lazily and cached.

The thresholds in this module were measured on the 1,828 reference slices of the ACDC training set.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ..words import Finding
from .circle import Circle, fit_circle, near_wall
from .shape import MAX_HOLLOW, View, as_slice, bounding_box, deepest_notch, hull
from .topology import Gap, betti_2d, fill_holes, gap_about, holes, largest_component

MIN_CAVITY_PIXELS = 3
"""A smaller hole is a pore; a smaller blood pool is noise. The smallest cavity of an ACDC ring has 6 pixels."""
MIN_ISLAND_MM2 = 3.0
"""A smaller component inside the cavity is a speck, not a papillary muscle."""
MIN_ROUNDNESS = 0.5
"""Least ratio of the short to the long axis of a solid shape: at least 0.65 in ACDC discs and filled rings."""
SURE_CAVITY_MM = 5.0
"""A hole with an inscribed circle of this radius is a cavity, whatever the outer shape of the wall."""

_MISFIT = "The blood pool has shape {}, the myocardium {}. Resample the pool."
_Bools = NDArray[np.bool_]


class WallFeatures:
    """Features of the myocardium of a slice, independent of the blood pool.

    Attributes:
        wall: Myocardium, shape ``(j, i)``, boolean.
        spacing: In-plane spacing in mm, ``(j, i)``.
        view: Rows and columns of the slice that the image shows, without its padding.
    """

    def __init__(self, wall: ArrayLike, spacing: tuple[float, float], view: View | None = None) -> None:
        self.wall = as_slice(wall)
        self.spacing = spacing
        rows, columns = self.wall.shape
        self.view = view or (slice(0, rows), slice(0, columns))
        # All features are translation-invariant, so they are computed on the bounding box.
        self._box = bounding_box(self.wall)
        self._cropped = self.wall[self._box]

    @cached_property
    def betti(self) -> tuple[int, int]:
        """Components (8-connected) and holes (4-connected background)."""
        return betti_2d(self._cropped)

    @cached_property
    def main(self) -> _Bools:
        """The largest component, shape ``(j, i)``."""
        whole = np.zeros_like(self.wall)
        whole[self._box] = self._main
        return whole

    @cached_property
    def circle(self) -> Circle | None:
        """Circle fitted to the wall."""
        return self._to_slice(self._circle)

    @cached_property
    def main_circle(self) -> Circle | None:
        """Circle fitted to the largest component."""
        return self.circle if self.betti[0] == 1 else self._to_slice(fit_circle(self._main, self.spacing))

    @cached_property
    def gap(self) -> Gap:
        """The widest gap in the wall."""
        return gap_about(self._cropped, self.spacing, self._circle)

    @cached_property
    def size_mm2(self) -> float:
        """Area of the convex hull of the wall without loose components, in mm2."""
        circle = self._circle
        near = self._main
        if circle is not None:
            near = near_wall(self._cropped, self.spacing, (circle.centre_j, circle.centre_i))
        return float(hull(near).volume) * self.spacing[0] * self.spacing[1] if near.any() else 0.0

    @cached_property
    def mostly_solid(self) -> bool:
        """Whether the filled main component is solid and holds at least three quarters of the myocardium."""
        enough = self._main.sum() >= max(1, 0.75 * self._cropped.sum())
        return bool(enough) and _is_solid(fill_holes(self._main) > 0, self.spacing)

    @cached_property
    def _main(self) -> _Bools:
        return self._cropped if self.betti[0] == 1 else largest_component(self._cropped) > 0

    @cached_property
    def _circle(self) -> Circle | None:
        return fit_circle(self._cropped, self.spacing)

    def _to_slice(self, circle: Circle | None) -> Circle | None:
        """Convert a circle from bounding-box to slice coordinates."""
        if circle is None:
            return None
        rows, columns = self._box
        return Circle(circle.centre_j + rows.start, circle.centre_i + columns.start, circle.radius_mm)


class SliceFeatures:
    """Features of a slice: those of the wall, and those of wall and blood pool together.

    Attributes:
        of_wall: Features of the wall.
        pool: Blood pool, shape ``(j, i)``, boolean; empty if not given.
    """

    def __init__(self, of_wall: WallFeatures, pool: ArrayLike | None = None) -> None:
        """Create the features of a slice.

        Args:
            of_wall: Features of the wall.
            pool: Blood pool, shape ``(j, i)``, or ``None`` if not given.

        Raises:
            ValueError: The pool is not two-dimensional, or its shape differs from that of the wall.
        """
        self.of_wall = of_wall
        self.pool = np.zeros_like(of_wall.wall) if pool is None else as_slice(pool)
        if self.pool.shape != self.wall.shape:
            raise ValueError(_MISFIT.format(self.pool.shape, self.wall.shape))
        window = bounding_box(self.wall | self.pool)
        self._wall, self._pool = self.wall[window], self.pool[window]

    @classmethod
    def of(cls, wall: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> SliceFeatures:
        """Create the features of a slice from its masks.

        Args:
            wall: Myocardium, shape ``(j, i)``.
            pool: Blood pool, like ``wall``, or ``None`` if not given.
            spacing: In-plane spacing in mm, ``(j, i)``.

        Raises:
            ValueError: A mask is not two-dimensional, or the shapes differ.
        """
        return cls(WallFeatures(wall, spacing), pool)

    def with_masks(self, wall: ArrayLike, pool: ArrayLike | None) -> SliceFeatures:
        """Return the features of other masks of the same slice; features of equal masks are reused."""
        same = np.array_equal(as_slice(wall), self.wall)
        other = SliceFeatures(self.of_wall if same else WallFeatures(wall, self.spacing, self.of_wall.view), pool)
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
        """Whether the slice holds at least ``MIN_CAVITY_PIXELS`` of blood pool."""
        return bool(self._pool.sum() >= MIN_CAVITY_PIXELS)

    @cached_property
    def closed(self) -> bool:
        """Whether a wall encloses a cavity (see :func:`cavity`); other components are ignored."""
        return cavity(self._wall, self._pool, self.spacing) is not None

    @cached_property
    def islands(self) -> int:
        """Number of components inside the cavity of a ring (papillary muscles, trabeculae); 0 for any other finding."""
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
        """Whether the main component is a disc that holds at least three quarters of the myocardium."""
        return not self.closed and self.of_wall.mostly_solid

    @cached_property
    def finding(self) -> Finding:
        """Finding of the slice, from this slice alone.

        The Betti numbers do not suffice: a closed wall is a ring only if its hole is the cavity (see :func:`cavity`),
        else it is open, or porous if it has no gap. A solid component is a disc only if it is round, has no deep notch
        and does not touch blood pool; else it is open.
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
        adjacent = self._pool & ndimage.binary_dilation(self._wall)
        if _is_solid(self._wall, self.spacing) and not (adjacent.any() and self.has_pool):
            return Finding.DISC
        return Finding.OPEN


def find(mask: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> Finding:
    """Return the finding of a slice, see :attr:`SliceFeatures.finding`.

    Args:
        mask: Myocardium, shape ``(j, i)``.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: In-plane spacing in mm, ``(j, i)``.

    Raises:
        ValueError: A mask is not two-dimensional, or the shapes differ.
    """
    return SliceFeatures.of(mask, pool, spacing).finding


def cavity(mask: ArrayLike, pool: ArrayLike | None, spacing: tuple[float, float]) -> _Bools | None:
    """Return the hole of a wall that is its cavity rather than a pore.

    It is the hole with the largest inscribed circle or, with a pool, the hole that holds most of the pool. It must have
    at least three pixels and contain part of any pool of at least three pixels. The filled wall must be solid, or the
    radius of the inscribed circle must reach the depth of the remaining notch or 5 mm; this excludes the pore of a
    horseshoe.

    Args:
        mask: Myocardium, shape ``(j, i)``.
        pool: Blood pool, like ``mask``, or ``None`` if not given.
        spacing: In-plane spacing in mm, ``(j, i)``.

    Returns:
        Boolean mask of the cavity, shape ``(j, i)``, or ``None`` if the wall encloses none.

    Raises:
        ValueError: A mask is not two-dimensional, or the shapes differ.
    """
    wall = as_slice(mask)
    blood = np.zeros_like(wall) if pool is None else as_slice(pool)
    if blood.shape != wall.shape:
        raise ValueError(_MISFIT.format(blood.shape, wall.shape))
    box = bounding_box(wall)
    found = _cavity(wall[box], blood[box], bool(blood.sum() >= MIN_CAVITY_PIXELS), spacing)
    if found is None:
        return None
    whole = np.zeros_like(wall)
    whole[box] = found
    return whole


def _cavity(wall: _Bools, blood: _Bools, with_pool: bool, spacing: tuple[float, float]) -> _Bools | None:
    labels, count = holes(wall)
    if count == 0:
        return None
    numbers = np.arange(1, count + 1)
    radii = np.asarray(ndimage.maximum(ndimage.distance_transform_edt(labels > 0, sampling=spacing), labels, numbers))
    share = radii
    if with_pool:
        share = np.asarray(ndimage.sum_labels(blood, labels, numbers))
        if not share.any():
            return None
    best = int(share.argmax())
    hole: _Bools = labels == best + 1
    if hole.sum() < MIN_CAVITY_PIXELS:
        return None
    components, _ = ndimage.label(wall, structure=np.ones((3, 3)))
    touching = components[ndimage.binary_dilation(hole) & wall]
    filled = fill_holes(components == int(np.bincount(touching).argmax())) > 0
    notch = deepest_notch(filled, spacing)
    return hole if notch.relative < MAX_HOLLOW or radii[best] >= min(notch.depth_mm, SURE_CAVITY_MM) else None


def roundness(shape: _Bools, spacing: tuple[float, float]) -> float:
    """Return the ratio of the short to the long principal axis of a non-empty mask.

    Args:
        shape: Boolean mask, shape ``(j, i)``.
        spacing: In-plane spacing in mm, ``(j, i)``.
    """
    j, i = np.nonzero(shape)
    # The variance of a pixel's own extent keeps the covariance of a single pixel regular.
    spread = np.cov(np.stack([j * spacing[0], i * spacing[1]]), bias=True) + np.diag(np.square(spacing)) / 12
    short, long = np.linalg.eigvalsh(spread)
    return float(np.sqrt(short / long))


def _is_solid(shape: _Bools, spacing: tuple[float, float]) -> bool:
    """Return whether a non-empty shape is round and has no deep notch."""
    return roundness(shape, spacing) >= MIN_ROUNDNESS and deepest_notch(shape, spacing).relative < MAX_HOLLOW
