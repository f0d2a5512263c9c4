"""Bridge candidates: minimum-cost paths between pieces of a vessel mask, and the features of their confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from ...anatomy.shape import EIGHT
from .edits import Limits, Places, length_of
from .pieces import Pieces

Bools = NDArray[np.bool_]
Field = NDArray[np.float32]

MIN_LIKELIHOOD = 0.03
"""Paths do not cross pixels with a lower likelihood."""
PIXEL_COST = 0.05
"""Cost of a pixel with likelihood 1; a pixel with likelihood 0 costs 1 more."""
BROADER = 1.5
"""A bridge may be wider by this many pixels on either side where the likelihood exceeds 0.5."""
NEAR_END = 4.0
"""A path starts at a centreline end if its first pixel lies within this distance plus the vessel's radius of it."""


@dataclass(frozen=True, eq=False)
class BridgeCandidate:
    """A candidate for a bridge.

    Attributes:
        path: Centreline between the two pieces, without their pixels, ``(j, i)``, shape ``(n, 2)``.
        pieces: Labels of the two pieces.
        feet: First and last pixel, which belong to the pieces, ``(j, i)``, shape ``(2, 2)``.
        ends: Index of the centreline end at either foot; -1 at the side of a vessel.
        radii: Vessel radius at either foot, in pixels.
        cost: Cost of the path.
    """

    path: Places
    pieces: tuple[int, int]
    feet: Places
    ends: tuple[int, int]
    radii: tuple[float, float]
    cost: float

    @property
    def length(self) -> float:
        """Length of the centreline in pixels."""
        return length_of(self.path)

    @property
    def place(self) -> tuple[int, int]:
        """Midpoint of the path, ``(j, i)``."""
        middle = self.path[len(self.path) // 2]
        return int(middle[0]), int(middle[1])


def candidates(
    pieces: Pieces, likelihood: Field, field_of_view: Bools, limits: Limits, least_likelihood: float = 0.0
) -> list[BridgeCandidate]:
    """Find bridge candidates, the cheapest first.

    Shortest paths are grown from all pieces at once around loose ends and fragments (Dijkstra). A candidate is a place
    where paths from two pieces meet. Of the candidates between the same two ends or sides, the cheapest is kept.

    Args:
        pieces: Pieces of the mask.
        likelihood: Vessel likelihood, 0 to 1, shape ``(j, i)``.
        field_of_view: Paths stay inside it, shape ``(j, i)``.
        limits: Paths are at most ``bridge_px`` long.
        least_likelihood: Paths do not start at a fragment with a lower mean likelihood, but may cross it.
    """
    if pieces.count < 2:
        return []
    near = active_region(pieces, limits.keep_px, limits.bridge_px)
    doubtful = pieces.fragments(limits.keep_px) & (pieces.mean(likelihood) < least_likelihood)
    solid = pieces.mask & ~doubtful[pieces.labels]
    open_ = near & field_of_view & ~solid & (likelihood >= MIN_LIKELIHOOD)
    feet = ndimage.binary_dilation(open_ | near, EIGHT) & solid & ~ndimage.binary_erosion(solid)
    place_of = np.full(pieces.mask.shape, -1, np.int64)
    places = np.argwhere(open_ | feet)
    place_of[places[:, 0], places[:, 1]] = np.arange(len(places))
    is_foot = feet[places[:, 0], places[:, 1]]
    if not is_foot.any():
        return []
    # Smoothing keeps paths on the midline of vessels.
    smooth = ndimage.gaussian_filter(likelihood, 1.0)[places[:, 0], places[:, 1]]
    cost = np.where(is_foot, PIXEL_COST, PIXEL_COST + (1 - smooth) ** 2)
    first, second, step = _edges(place_of, places)
    usable = ~(is_foot[first] & is_foot[second])
    first, second, step = first[usable], second[usable], step[usable]
    weights = step * (cost[first] + cost[second]) / 2
    graph = coo_matrix((weights, (first, second)), shape=(len(places), len(places))).tocsr()
    distance, before, source = dijkstra(
        graph,
        directed=False,
        indices=np.flatnonzero(is_foot),
        min_only=True,
        return_predecessors=True,
        limit=limits.bridge_px * (PIXEL_COST + 0.5),
    )
    found = _meetings(pieces, places, first, second, weights, distance, source.astype(np.int64))
    result = []
    for one, other, total in found:
        path = np.array([*_trace_back(one, before)[::-1], *_trace_back(other, before)])
        candidate = _candidate(pieces, places[path], total)
        if candidate is not None and candidate.length <= limits.bridge_px:
            result.append(candidate)
    return sorted(result, key=lambda each: each.cost)


def active_region(pieces: Pieces, keep_px: float, reach: float) -> Bools:
    """Return the pixels within ``reach`` of a loose end or of a piece shorter than ``keep_px``."""
    active = pieces.mask & (pieces.lengths < keep_px)[pieces.labels]
    ends = pieces.ends.place
    active[ends[:, 0], ends[:, 1]] = True
    if not active.any():
        return active
    return np.asarray(ndimage.distance_transform_edt(~active) <= reach)


def bridge_features(
    found: list[BridgeCandidate], pieces: Pieces, likelihood: Field, grey: Field, limits: Limits
) -> list[dict[str, float]]:
    """Compute the features of the bridge confidence; all are of the order of 1.

    Args:
        found: Result of :func:`candidates`.
        pieces: Pieces of the mask.
        likelihood: Vessel likelihood, 0 to 1, shape ``(j, i)``.
        grey: Image with bright vessels, see :meth:`~rncarefine.tasks.tubular.picture.Picture.grey`.
        limits: Reference lengths.

    Returns:
        The values of :data:`rncarefine.nca.card.BRIDGE_FEATURES` per bridge: mean and minimum likelihood along the
        path; mean and minimum contrast to both sides, ignoring sides on other vessels (the image support, in local
        standard deviations); length over ``bridge_px``; straightness, chord over length; number of centreline ends over
        2; cosine of the angle at the ends, mean and minimum; smaller radius over a tenth of ``bridge_px``; ratio of the
        radii; and length of the shorter piece over ``keep_px``, at most 3.
    """
    smooth = ndimage.gaussian_filter(grey, 0.7)
    vessels = ndimage.binary_dilation(pieces.mask, EIGHT)
    return [_features(each, pieces, likelihood, smooth, vessels, limits) for each in found]


def bridge_confidence(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the probability that a bridge lies on a vessel.

    Args:
        features: Features of the bridge, from :func:`bridge_features`.
        weights: Weights of the model card, for features and ``intercept``; if empty, the mean likelihood counts.
    """
    if not weights:
        return float(features["likelihood"])
    score = weights["intercept"] + sum(weights[name] * features[name] for name in weights if name != "intercept")
    return float(1 / (1 + np.exp(-np.clip(score, -50, 50))))


def rasterize(candidate: BridgeCandidate, likelihood: Field) -> tuple[tuple[slice, slice], Bools]:
    """Rasterise a bridge with a width that is interpolated between its ends.

    It is wider by up to ``BROADER`` where the likelihood exceeds 0.5. The radius at the side of a vessel does not apply
    to a branch, so the width of the other end is used there, or one pixel.

    Args:
        candidate: The bridge.
        likelihood: Vessel likelihood, 0 to 1, shape ``(j, i)``.

    Returns:
        A window of rows and columns, and the pixels of the bridge in it.
    """
    path, own = candidate.path, np.array(candidate.radii)
    at_end = np.array(candidate.ends) >= 0
    own = np.minimum(own, np.where(at_end, own, own[at_end].min(initial=np.inf) if at_end.any() else 1.0))
    radii = np.maximum(own - 0.5, 0.5)
    width = np.linspace(radii[0], radii[1], len(path) + 2)[1:-1]
    width = np.minimum(width, max(1.2 * float(radii.min()), 1.0))
    margin = int(np.ceil(width.max() + BROADER)) + 2
    low = np.maximum(path.min(axis=0) - margin, 0)
    high = np.minimum(path.max(axis=0) + margin + 1, likelihood.shape)
    window = slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
    j, i = np.mgrid[window]
    distance = np.hypot(j[..., None] - path[:, 0], i[..., None] - path[:, 1])
    seen = (likelihood[window] > 0.5)[..., None]
    return window, np.asarray((distance <= width + seen * BROADER).any(axis=2))


def _edges(place_of: Places, places: Places) -> tuple[Places, Places, NDArray[np.float64]]:
    """Return the pairs of neighbouring pixels and their distances."""
    padded = np.pad(place_of, 1, constant_values=-1)
    first, second, steps = [], [], []
    for dj, di in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = padded[places[:, 0] + 1 + dj, places[:, 1] + 1 + di]
        there = np.flatnonzero(other >= 0)
        first.append(there)
        second.append(other[there])
        steps.append(np.full(len(there), np.hypot(dj, di)))
    return np.concatenate(first), np.concatenate(second), np.concatenate(steps)


def _meetings(
    pieces: Pieces,
    places: Places,
    first: Places,
    second: Places,
    weights: NDArray[np.float64],
    distance: NDArray[np.float64],
    source: Places,
) -> list[tuple[int, int, float]]:
    """Return where paths from different pieces meet, the cheapest edge for each pair of ends or sides."""
    reached = np.isfinite(distance[first]) & np.isfinite(distance[second])
    first, second, weights = first[reached], second[reached], weights[reached]
    label = pieces.labels[places[:, 0], places[:, 1]]
    apart = label[source[first]] != label[source[second]]
    first, second, weights = first[apart], second[apart], weights[apart]
    total = distance[first] + weights + distance[second]
    feet, number = np.unique(np.concatenate([source[first], source[second]]), return_inverse=True)
    end, number = _end_at(pieces, places[feet]), number.reshape(2, -1)
    seen: set[tuple[tuple[int, int], ...]] = set()
    found = []
    for n in np.argsort(total, kind="stable"):
        key = tuple(sorted((int(label[feet[side]]), int(end[side])) for side in number[:, n]))
        if key not in seen:
            seen.add(key)
            found.append((int(first[n]), int(second[n]), float(total[n])))
    return found


def _end_at(pieces: Pieces, feet: Places) -> Places:
    """Return the index of the centreline end at each foot, -1 without one."""
    ends = pieces.ends
    if not len(ends.place) or not len(feet):
        return np.full(len(feet), -1, np.int64)
    distance, nearest = cKDTree(ends.place).query(feet)
    reach = NEAR_END + pieces.radius[ends.place[nearest][:, 0], ends.place[nearest][:, 1]]
    same = pieces.labels[feet[:, 0], feet[:, 1]] == ends.piece[nearest]
    return np.where((distance <= reach) & same, nearest, -1)


def _trace_back(place: int, predecessors: NDArray[np.int32]) -> list[int]:
    """Return the path from a pixel back to its foot."""
    path = [place]
    while predecessors[path[-1]] >= 0:
        path.append(int(predecessors[path[-1]]))
    return path


def _candidate(pieces: Pieces, route: Places, cost: float) -> BridgeCandidate | None:
    """Return the bridge along a route from foot to foot; ``None`` if the feet touch."""
    path = route[1:-1]
    if not len(path):
        return None
    feet = route[[0, -1]]
    ends = _end_at(pieces, feet)
    radii = [_radius_at(pieces, foot, int(end)) for foot, end in zip(feet, ends, strict=True)]
    labels = pieces.labels[feet[:, 0], feet[:, 1]]
    return BridgeCandidate(
        path, (int(labels[0]), int(labels[1])), feet, (int(ends[0]), int(ends[1])), (radii[0], radii[1]), cost
    )


def _radius_at(pieces: Pieces, foot: Places, end: int) -> float:
    """Return the vessel radius at a foot: the median over the nearby centreline of the same piece."""
    j, i = (int(value) for value in foot)
    reach = 6
    window = slice(max(j - reach, 0), j + reach + 1), slice(max(i - reach, 0), i + reach + 1)
    line = pieces.centreline[window] & (pieces.labels[window] == pieces.labels[j, i])
    radii = pieces.radius[window][line]
    return float(np.median(radii)) if radii.size else float(pieces.radius[j, i])


def _features(
    one: BridgeCandidate, pieces: Pieces, likelihood: Field, smooth: Field, vessels: Bools, limits: Limits
) -> dict[str, float]:
    along = likelihood[one.path[:, 0], one.path[:, 1]].astype(float)
    contrast = _contrast(one, smooth, vessels)
    chord = float(np.hypot(*(one.feet[1] - one.feet[0])))
    route = np.concatenate([one.feet[:1], one.path, one.feet[1:]])
    angles = []
    for side, end in enumerate(one.ends):
        if end >= 0:
            line = route if side == 0 else route[::-1]
            ahead = line[min(len(line) - 1, 8)] - line[0]
            norm = float(np.hypot(*ahead))
            angles.append(float(pieces.ends.direction[end] @ ahead) / norm if norm else 0.0)
    shorter = min(int(pieces.lengths[label]) for label in one.pieces)
    return {
        "likelihood": float(along.mean()),
        "likelihood_least": float(_least(along)),
        "support": float(np.clip(contrast.mean(), -3, 3)),
        "support_least": float(np.clip(_least(contrast), -3, 3)),
        "length": one.length / limits.bridge_px,
        "straightness": min(1.0, chord / length_of(route) if len(route) > 1 else 1.0),
        "ends": sum(end >= 0 for end in one.ends) / 2,
        "angle": float(np.mean(angles)) if angles else 0.0,
        "angle_worse": min(angles, default=0.0),
        "width": min(one.radii) * 10 / limits.bridge_px,
        "width_ratio": min(one.radii) / max(max(one.radii), 1e-6),
        "size": min(3.0, shorter / max(limits.keep_px, 1.0)),
    }


def _least(values: NDArray[np.float64]) -> float:
    """Return the smallest mean of three consecutive values, which ignores single outliers."""
    if len(values) < 3:
        return float(values.mean())
    return float(np.convolve(values, np.ones(3) / 3, mode="valid").min())


def _contrast(one: BridgeCandidate, smooth: Field, vessels: Bools) -> NDArray[np.float64]:
    """Return the contrast of each path pixel to the brighter of its two sides.

    Sides on another vessel of the mask are ignored; the contrast is 0 if both are.
    """
    route = np.concatenate([one.feet[:1], one.path, one.feet[1:]]).astype(float)
    line = ndimage.uniform_filter1d(route, 5, axis=0, mode="nearest")
    along = np.gradient(line, axis=0)
    norm = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / norm[:, None]
    offset = 2.0 * float(np.mean(one.radii)) + 2.0
    middle = one.path.astype(float)
    value = ndimage.map_coordinates(smooth, middle.T, order=1, mode="nearest")
    contrasts = []
    for sign in (-1, 1):
        side = (middle + sign * offset * across[1:-1]).T
        there = ndimage.map_coordinates(vessels.view(np.uint8), side, order=0, mode="nearest") > 0
        contrast = value - ndimage.map_coordinates(smooth, side, order=1, mode="nearest")
        contrasts.append(np.where(there, np.inf, contrast))
    # A true vessel is brighter than both sides.
    least = np.minimum(*contrasts)
    return np.asarray(np.where(np.isfinite(least), least, 0.0), float)
