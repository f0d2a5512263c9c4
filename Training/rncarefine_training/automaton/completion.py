"""Completion of stacks with an inner contour only: the outer contour of every slice is drawn by a trained model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rncarefine.anatomy.topology import betti_2d, fill_holes, largest_component
from rncarefine.nca.architecture import EPICARDIUM, Architecture
from rncarefine.nca.channels import scale_intensities, stacked
from rncarefine.nca.crop import crop_around
from rncarefine.nca.model import Model
from rncarefine.nca.rollout import Runner

from ..data.cases import MYOCARDIUM, POOL, TrainingCase

Field = NDArray[np.float32]
CROP_PIXELS = 96
"""Rows and columns of the crop around the heart."""
UNSURE = (0.2, 0.8)
"""Probabilities between which a pixel is unsure."""
MAX_UNSURE = 0.6
"""Maximum number of unsure pixels outside the cavity, as a share of the wall: slices above it are not completed."""
SMOOTHING_PIXELS = 2
"""Radius of the opening that removes spikes of the outer contour."""
_CROSS = ndimage.generate_binary_structure(2, 1)
_SQUARE = ndimage.generate_binary_structure(2, 2)


def lacks_outer_contours(case: TrainingCase) -> bool:
    """Return whether a case has a pool, and no wall other than a completed one."""
    return bool((case.labels == POOL).any()) and (case.completed or not (case.labels == MYOCARDIUM).any())


def complete_outer_contours(case: TrainingCase, model: Model) -> TrainingCase:
    """Draw the wall around the given cavity of every slice in which the model is sure of the outer contour.

    The model sees the images and the true cavity in all quarter turns, also mirrored. The wall always encloses the
    cavity and is at least one pixel thick.

    Args:
        case: Case with pool; a wall, as of an earlier completion, is drawn again.
        model: Slice-wise model of rings.

    Returns:
        The case, marked as completed; slices with an unsure outer contour have no wall.
    """
    pool = case.labels == POOL
    rows, columns = np.nonzero(pool.any(axis=0))
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    in_plane = case.spacing[1], case.spacing[2]
    crop = crop_around(middle, (CROP_PIXELS, CROP_PIXELS), model.card.spacing_mm, in_plane, pool.shape[1:])
    images = scale_intensities(crop.take(case.image, outside="nearest"))
    outer = crop.put_back(_outer_discs(images, crop.take(pool.astype(np.uint8)), model))
    labels = np.where(case.labels == MYOCARDIUM, 0, case.labels).astype(np.uint8)
    for k in np.flatnonzero(pool.any(axis=(1, 2))):
        cavity = fill_holes(pool[k].astype(np.uint8)) > 0
        wall = _wall_around(cavity, outer[k])
        unsure = (outer[k] > UNSURE[0]) & (outer[k] < UNSURE[1]) & ~cavity
        if unsure.sum() <= MAX_UNSURE * wall.sum() and betti_2d(wall.astype(np.uint8)) == (1, 1):
            labels[k][cavity] = POOL
            labels[k][wall] = MYOCARDIUM
    return replace(case, labels=labels, completed=True)


def _outer_discs(images: Field, pools: Field, model: Model) -> Field:
    """Return the mean probability of the disc inside the outer contour over eight orientations, shape ``(k, j, i)``."""
    runner = Runner(model.parameters, Architecture.of(model.card.shapes))
    total = np.zeros_like(images)
    for mirrored in (False, True):
        for turns in range(4):
            seen = [_turned(part, turns, mirrored) for part in (images, pools)]
            nothing = np.zeros_like(seen[0])
            channels = np.stack([stacked(seen[0], nothing, seen[1], k) for k in range(len(images))])
            disc = np.rot90(runner.encode(channels).evidence[..., EPICARDIUM], -turns, (1, 2))
            total += disc[:, :, ::-1] if mirrored else disc
    return total / np.float32(8)


def _turned(part: Field, turns: int, mirrored: bool) -> Field:
    """Return slices mirrored along i, then rotated by quarter turns."""
    return np.ascontiguousarray(np.rot90(part[:, :, ::-1] if mirrored else part, turns, (1, 2)))


def _wall_around(cavity: NDArray[np.bool_], outer: Field) -> NDArray[np.bool_]:
    """Return the wall between a cavity and the outer contour."""
    least = ndimage.binary_dilation(cavity, _SQUARE)
    disc = fill_holes(largest_component(((outer > 0.5) | least).astype(np.uint8), connectivity=4)) > 0
    return (ndimage.binary_opening(disc, _CROSS, iterations=SMOOTHING_PIXELS) | least) & ~cavity
