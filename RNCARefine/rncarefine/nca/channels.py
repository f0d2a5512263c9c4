"""Conditioning planes: what the automaton is told about a slice, computed once per rollout.

Beside the image and the mask these are *global fields* of the mask: signed distance, radius about the fitted circle and
a soft annulus. They let the two ends of a gap know of each other, which no local rule could otherwise bring about
before they touch. The masks of the neighbouring slices say where the wall goes when this slice shows little of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .architecture import ENDOCARDIUM, EPICARDIUM, RING

Plane = NDArray[np.float32]

DISTANCE_MM = 10.0
RADIUS_MM = 15.0
ANNULUS_MM = 6.0
SLICE_DISTANCE_MM = 10.0
SMALLEST_PIECE = 0.15
"""Pieces smaller than this share of the largest one say nothing about the circle."""


def grey_range(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return the grey values that become 0 and 1: the 1st and 99th percentile of a stack's frames."""
    low, high = np.percentile(image, [1, 99])
    return float(low), max(float(high), float(low) + 1e-6)


def planes(
    image: Plane,
    mask: Plane,
    below: Plane,
    above: Plane,
    pool: Plane,
    spacing_mm: float,
    slice_distance_mm: float | None = None,
) -> NDArray[np.float32]:
    """Compute the conditioning planes of one slice in its frame.

    Args:
        image: Grey values scaled by :func:`grey_range`, shape ``(j, i)``.
        mask: Myocardium to repair, 0 to 1.
        below: Myocardium of the slice before, zeros where there is none.
        above: Myocardium of the slice after, zeros where there is none.
        pool: Blood pool, zeros where it is not given.
        spacing_mm: Pixel spacing of the frame.
        slice_distance_mm: Distance of the slices; for a volumetric automaton only.

    Returns:
        Shape ``(j, i, 8)``, in the order of :data:`rncarefine.nca.architecture.PLANES`; with the distance of the slices
        ``(j, i, 9)``, in that of :data:`rncarefine.nca.architecture.VOLUMETRIC_PLANES`.
    """
    wall = mask >= 0.5
    distance = signed_distance(wall) * spacing_mm
    centre, radius = _circle(wall, below >= 0.5, above >= 0.5)
    rows, columns = np.indices(wall.shape)
    outward = (np.hypot(rows - centre[0], columns - centre[1]) - radius) * spacing_mm
    stack = [
        np.clip(image, -0.5, 1.5),
        mask,
        np.clip(distance / DISTANCE_MM, -1, 1),
        np.clip(outward / RADIUS_MM, -1, 1),
        np.exp(-0.5 * (outward / ANNULUS_MM) ** 2),
        below,
        above,
        pool,
    ]
    if slice_distance_mm is not None:
        stack.append(np.full(wall.shape, slice_distance_mm / SLICE_DISTANCE_MM))
    return np.stack(stack, axis=-1).astype(np.float32)


def seed_state(mask: Plane, channels: int) -> NDArray[np.float32]:
    """Return the state a rollout starts from, shape ``(j, i, channels)``.

    The ring starts as the mask, the epicardial disc as the mask with its holes filled, the endocardial disc as its
    holes; the background and every other channel start at exactly 0.
    """
    wall = mask >= 0.5
    filled = ndimage.binary_fill_holes(wall)
    state = np.zeros((*mask.shape, channels), np.float32)
    state[..., RING] = mask
    state[..., EPICARDIUM] = np.where(filled & ~wall, 1.0, mask)
    state[..., ENDOCARDIUM] = filled & ~wall
    return state


def signed_distance(wall: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance to the wall's edge in pixels, positive outside; far away everywhere if there is no wall."""
    if not wall.any():
        return np.full(wall.shape, float(max(wall.shape)))
    if wall.all():
        return np.full(wall.shape, -float(max(wall.shape)))
    outside = ndimage.distance_transform_edt(~wall)
    inside = ndimage.distance_transform_edt(wall)
    return np.where(wall, 0.5 - inside, outside - 0.5)


def _circle(
    wall: NDArray[np.bool_], below: NDArray[np.bool_], above: NDArray[np.bool_]
) -> tuple[tuple[float, float], float]:
    """Fit a circle to the wall, its centre helped by the neighbours' walls; pixels.

    The centre is the algebraic (Kasa) least-squares fit to the pixels, this slice's counting twice; the radius is the
    median distance of this slice's own wall.
    """
    weights = 2.0 * _main_pieces(wall) + _main_pieces(below) + _main_pieces(above)
    rows, columns = np.nonzero(weights)
    if len(rows) < 3:
        middle = (wall.shape[0] - 1) / 2, (wall.shape[1] - 1) / 2
        return middle, 20.0
    weight = weights[rows, columns]
    mean_row, mean_column = np.average(rows, weights=weight), np.average(columns, weights=weight)
    y, x = rows - mean_row, columns - mean_column
    # Least squares of y^2 + x^2 = 2 a y + 2 b x + c in centred coordinates; damped, for a short arc is nearly straight.
    square = y * y + x * x
    mixed = np.sum(weight * y * x)
    normal = np.array([[np.sum(weight * y * y), mixed], [mixed, np.sum(weight * x * x)]])
    normal += np.eye(2) * (1e-3 * np.trace(normal) + 1e-6)
    moment = 0.5 * np.array([np.sum(weight * y * square), np.sum(weight * x * square)])
    shift = np.linalg.solve(normal, moment)
    reach = float(max(wall.shape))
    length = float(np.hypot(*shift))
    if length > reach / 2:
        shift *= reach / 2 / length
    centre = float(mean_row + shift[0]), float(mean_column + shift[1])
    own = np.nonzero(_main_pieces(wall)) if wall.any() else (rows, columns)
    radius = float(np.median(np.hypot(own[0] - centre[0], own[1] - centre[1])))
    return centre, radius


def _main_pieces(wall: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop pieces too small to say anything about the circle."""
    labels, count = ndimage.label(wall, structure=np.ones((3, 3)))
    if count < 2:
        return wall
    sizes = np.bincount(labels.ravel())[1:]
    keep = np.concatenate([[False], sizes >= SMALLEST_PIECE * sizes.max()])
    return np.asarray(keep[labels])
