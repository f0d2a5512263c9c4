"""Predictions on disk, what networks made of the cases, and which of their slices are really broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rncarefine.anatomy.topology import betti_2d

from .cases import MYOCARDIUM

SMALLEST_MM2 = 50.0
"""A prediction that covers less of a slice is a missed slice and not a broken one."""


def load_prediction(path: Path) -> NDArray[np.uint8]:
    """Read labels that :func:`rncarefine_training.networks.failures.collect` or ``prepare`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file["labels"])


def broken(prediction: NDArray[np.uint8], truth: NDArray[np.uint8], pixel_area: float) -> bool:
    """Whether a slice is a real failure: the truth is a closed ring, the prediction is not and covers enough.

    Args:
        prediction: Labels of one slice.
        truth: Labels of one slice.
        pixel_area: mm2.
    """
    wall = prediction == MYOCARDIUM
    return (
        bool(wall.sum() * pixel_area >= SMALLEST_MM2)
        and betti_2d(truth == MYOCARDIUM) == (1, 1)
        and betti_2d(wall) != (1, 1)
    )
