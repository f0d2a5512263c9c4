"""The domain gate: whether a picture is like those that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .picture import Picture
from .pieces import Pieces

Field = NDArray[np.float32]


def picture_features(picture: Picture, pieces: Pieces, likelihood: Field, grey: Field) -> dict[str, float]:
    """Measure what a picture looks like, and how well the model agrees with its mask.

    Args:
        picture: The picture.
        pieces: The pieces of its mask.
        likelihood: Of vessel, by the model, shape ``(j, i)``.
        grey: The image with bright vessels, see :meth:`~.picture.Picture.grey`.

    Returns:
        ``red`` and ``blue``: logarithm of their mean over that of green, 0 in a scalar picture; ``contrast``: of the
        mask against the background, in standard deviations; ``noise``: share of the variance that a 3 x 3 median takes
        away; ``vessels``: share of the field of view that the mask covers; ``agreement``: mean likelihood on the
        centreline of the mask's long pieces.
    """
    seen, mask = picture.field_of_view, pieces.mask
    means = [float(np.abs(picture.image[..., channel][seen]).mean()) + 1e-6 for channel in range(picture.channels)]
    red, green, blue = means if len(means) == 3 else (means[0],) * 3
    inside, outside = seen & mask, seen & ~mask
    contrast = float(grey[inside].mean() - grey[outside].mean()) if inside.any() and outside.any() else 0.0
    rough = grey - ndimage.median_filter(grey, 3)
    line = pieces.centreline & seen & (pieces.lengths >= np.median(pieces.lengths[1:]))[pieces.labels]
    return {
        "red": float(np.log(red / green)),
        "blue": float(np.log(blue / green)),
        "contrast": contrast,
        "noise": float(rough[seen].var() / max(float(grey[seen].var()), 1e-6)),
        "vessels": float(inside.sum() / seen.sum()),
        "agreement": float(likelihood[line].mean()) if line.any() else 0.0,
    }


def distance(features: Mapping[str, float], familiar: Mapping[str, Any]) -> float:
    """Return how far a picture lies from those of the training: the largest distance of a feature in its spreads.

    Args:
        features: From :func:`picture_features`.
        familiar: The model card's ``mean`` and ``sd`` by feature; 0 is returned if it is empty.
    """
    if not familiar:
        return 0.0
    mean, sd = familiar["mean"], familiar["sd"]
    return max(abs(features[name] - mean[name]) / sd[name] for name in mean)
