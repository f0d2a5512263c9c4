"""Vessel likelihood by an automaton and its encoder, in sliding windows around loose ends and fragments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...nca.channels import picture_channels
from ...nca.crop import Crop, crop_around
from ...nca.model import Model
from ...nca.rollout import Runner
from ...progress import Progress, report_progress
from .bridges import active_region
from .picture import Picture
from .pieces import Pieces
from .settings import Settings

Field = NDArray[np.float32]

REACH = 1.0
"""Radius around loose ends and fragments that windows cover, in lengths of the longest bridge."""
OVERLAP = 1 / 6
"""Overlap of windows as a share of their side; the likelihood is blended there."""
BATCH_SIZE = 8
"""Windows per batch; progress is reported between batches."""


def likelihood(
    picture: Picture,
    model: Model,
    runner: Runner,
    pieces: Pieces | None = None,
    *,
    seed: int = 0,
    samples: int = 1,
    steps: int | None = None,
    everywhere: bool = False,
    image_weight: float | None = None,
    progress: Progress | None = None,
) -> Field:
    """Compute the vessel likelihood on the picture's grid; 0 outside the windows.

    The picture is resampled so that its field of view has the diameter at which the model was trained. Windows of the
    model's size are placed on a grid; windows without a loose end or fragment nearby are skipped.

    Args:
        picture: The picture.
        model: A model of the task tubular.
        runner: Runner of its automaton.
        pieces: Pieces of the picture's mask; computed if not given.
        seed: Random seed of the automaton.
        samples: Number of runs averaged.
        steps: Largest number of steps per run; ``None`` takes the model's, 0 the encoder's evidence.
        everywhere: Cover the whole field of view with windows.
        image_weight: Weight of the evidence without the mask; ``None`` takes the model's.
        progress: Called between batches; may cancel.

    Returns:
        Likelihood, shape ``(j, i)``, 0 to 1.
    """
    settings, side = Settings.of(model.card), model.card.crop
    weight = settings.image_weight if image_weight is None else image_weight
    pieces = pieces or Pieces.of(picture.mask)
    scale = picture.diameter / settings.fov_diameter_px
    limits = settings.limits_at(picture.diameter)
    near = picture.field_of_view
    if not everywhere:
        near = near & active_region(pieces, limits.keep_px, REACH * limits.bridge_px)
    crop = _crop_to_field_of_view(picture, scale, side)
    wanted = crop.take(near[None].astype(np.float32))[0] > 0
    grey = picture.grey(settings.channel, settings.polarity)
    shown, mask, seen = (crop.take(part[None])[0] for part in (grey, picture.mask, picture.field_of_view))
    channels = picture_channels(shown, mask, seen)
    without_mask = picture_channels(shown, np.zeros_like(mask), seen)
    windows = _windows(wanted, side)
    total = np.zeros(crop.size, np.float32)
    weights = np.zeros(crop.size, np.float32)
    fade = _fade(side)
    for start in range(0, len(windows), BATCH_SIZE):
        report_progress(progress, start / max(len(windows), 1), f"Window {start + 1} of {len(windows)}")
        part = windows[start : start + BATCH_SIZE]
        encoding = runner.encode(_cut(channels, part, side))
        numbers = np.arange(start, start + len(part))
        found = np.zeros((len(part), side, side), np.float32)
        for sample in range(samples):
            rolled = runner.roll(
                encoding,
                numbers,
                steps=model.card.steps if steps is None else steps,
                fire_rate=model.card.fire_rate,
                seed=seed + sample,
            )
            found += np.clip(rolled.state[..., 0], 0, 1) / samples
        if weight:
            found = (1 - weight) * found + weight * runner.encode(_cut(without_mask, part, side)).evidence[..., 0]
        for (j, i), field in zip(part, found, strict=True):
            total[j : j + side, i : i + side] += field * fade
            weights[j : j + side, i : i + side] += fade
    mean = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
    return np.where(picture.field_of_view, crop.put_back(mean[None])[0], 0).astype(np.float32)


def _crop_to_field_of_view(picture: Picture, scale: float, side: int) -> Crop:
    """Return a crop of the field of view with ``scale`` picture pixels per pixel and at least the size of a window."""
    rows, columns = ndimage.find_objects(picture.field_of_view.astype(np.uint8))[0]
    middle = (rows.start + rows.stop - 1) / 2, (columns.start + columns.stop - 1) / 2
    lengths = (rows.stop - rows.start, columns.stop - columns.start)
    height, width = (max(side, int(np.ceil(length / scale))) for length in lengths)
    return crop_around(middle, (height, width), scale, (1.0, 1.0), picture.shape)


def _windows(wanted: NDArray[np.bool_], side: int) -> list[tuple[int, int]]:
    """Return the origins of the windows with a wanted pixel in their central part, without the overlap."""
    margin = int(side * OVERLAP / 2)
    found = []
    for j in _starts(wanted.shape[0], side):
        for i in _starts(wanted.shape[1], side):
            rows = slice(j + margin if j else 0, j + side - margin if j + side < wanted.shape[0] else None)
            columns = slice(i + margin if i else 0, i + side - margin if i + side < wanted.shape[1] else None)
            if wanted[rows, columns].any():
                found.append((j, i))
    return found


def _cut(channels: Field, starts: list[tuple[int, int]], side: int) -> Field:
    """Return the windows with these origins, shape ``(n, side, side, inputs)``."""
    return np.stack([channels[j : j + side, i : i + side] for j, i in starts])


def _starts(length: int, side: int) -> list[int]:
    """Return evenly spaced window origins that cover a length with an overlap of at least :data:`OVERLAP`."""
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - OVERLAP)))) + 1
    return [int(start) for start in np.linspace(0, length - side, count).round()]


def _fade(side: int) -> Field:
    """Return the blending weights of a window: 1 in the centre, decreasing to the border."""
    ramp = np.minimum(np.arange(side) + 1, np.arange(side)[::-1] + 1) / (side * OVERLAP)
    ramp = np.clip(ramp, 0, 1)
    return np.outer(ramp, ramp).astype(np.float32)
