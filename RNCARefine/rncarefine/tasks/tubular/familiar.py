"""Domain gate: the distance of a picture from the training distribution of a model."""

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
    """Compute the features of the domain gate.

    Args:
        picture: The picture.
        pieces: Pieces of its mask.
        likelihood: Vessel likelihood by the model, shape ``(j, i)``.
        grey: Image with bright vessels, see :meth:`~.picture.Picture.grey`.

    Returns:
        ``red`` and ``blue``: log ratio of the channel mean to that of green, 0 in a scalar picture; ``contrast``: mean
        of the mask minus that of the background, in standard deviations; ``noise``: share of the variance that a 3 x 3
        median filter removes; ``vessels``: share of the field of view covered by the mask; ``agreement``: mean
        likelihood on the centreline of the mask's longer pieces.
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
    """Return the largest absolute z-score of the features with respect to the training pictures.

    Args:
        features: Result of :func:`picture_features`.
        familiar: ``mean`` and ``sd`` per feature, from the model card; 0 is returned if it is empty.
    """
    if not familiar:
        return 0.0
    mean, sd = familiar["mean"], familiar["sd"]
    return max(abs(features[name] - mean[name]) / sd[name] for name in mean)
