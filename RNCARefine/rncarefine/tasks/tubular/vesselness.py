"""A likelihood of vessel without any learning: ridges of the image at several scales.

It is the baseline of the evaluation, and what a picture is repaired with when no model is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]

SCALES = (1.5, 2.5, 4.0)
"""Standard deviations of the ridge filter in pixels, for a field of view of :data:`DIAMETER` pixels."""
DIAMETER = 1000.0
VESSEL_SHARE = 0.1
"""Share of the field of view whose likelihood is above 0.5: about what vessels cover in a fundus photograph."""


def vesselness(grey: Field, field_of_view: NDArray[np.bool_], diameter: float) -> Field:
    """Return how much each pixel looks like part of a bright line, 0 to 1.

    It is the second derivative across the line, the largest over the scales, of Gaussian-smoothed intensities.

    Args:
        grey: Image with bright vessels, shape ``(j, i)``.
        field_of_view: Where the picture shows anything; elsewhere, and at its rim, the result is 0.
        diameter: Of the field of view, in pixels.
    """
    strongest = np.zeros(grey.shape, np.float32)
    for scale in SCALES:
        sigma = max(0.7, scale * diameter / DIAMETER)
        jj, ji, ii = (ndimage.gaussian_filter(grey, sigma, order=order) for order in ((2, 0), (1, 1), (0, 2)))
        lower = (jj + ii) / 2 - np.sqrt(((jj - ii) / 2) ** 2 + ji**2)
        np.maximum(strongest, -lower * sigma**2, out=strongest)
    rim = ndimage.distance_transform_edt(np.pad(field_of_view, 1))[1:-1, 1:-1]
    inside = rim > 2 * max(0.7, SCALES[-1] * diameter / DIAMETER)
    if not inside.any():
        return np.zeros(grey.shape, np.float32)
    middle = max(float(np.quantile(strongest[inside], 1 - VESSEL_SHARE)), 1e-6)
    squared = strongest**2
    return np.where(inside, squared / (squared + np.float32(middle**2)), 0).astype(np.float32)
