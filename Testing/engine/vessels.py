"""Small pictures of vessels to test with: a tree, its gaps, and the likelihood of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rncarefine.tasks.tubular.edits import Limits
from rncarefine.tasks.tubular.settings import Settings

LIMITS = Limits(bridge_px=16.0, keep_px=10.0, hole_px=9.0, thicken_px=1.0, extend_px=24.0)
SETTINGS = Settings(limits=LIMITS, fov_diameter_px=80.0)


def tree(side: int = 80) -> NDArray[np.bool_]:
    """Return a trunk with two branches, 3 pixels thick."""
    mask = np.zeros((side, side), bool)
    mask[29:32, 5 : side - 5] = True
    mask[29:70, 20:23] = True
    mask[29:60, 55:58] = True
    return mask


def with_gap(mask: NDArray[np.bool_], column: int, width: int) -> NDArray[np.bool_]:
    """Return a mask without some columns."""
    broken = mask.copy()
    broken[:, column : column + width] = False
    return broken


def field_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a likelihood that shows a mask: 0.95 in it, 0.01 away from it."""
    return np.where(ndimage.gaussian_filter(mask.astype(np.float32), 0.5) > 0.45, 0.95, 0.01).astype(np.float32)
