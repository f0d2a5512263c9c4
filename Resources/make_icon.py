"""Draws the icons: a short-axis slice with its wall, and the arc that was missing in another colour.

Run it from anywhere; it writes ``Resources/RNCARefine.png`` (the extension's icon),
``RNCARefine/Resources/Icons/RNCARefine.png`` (the module's) and the icon of the Segment Editor effect, which shows the
wall alone, since its button is a few millimetres wide; 128 x 128 pixels each.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIZE = 128
SAMPLES = 8  # per pixel and axis

Plane = NDArray[np.float64]

WALL = (0.91, 0.30, 0.27)
REPAIRED = (0.36, 0.89, 0.55)
GAP_DEG = (-12.0, 58.0)  # anticlockwise from the right


def smooth_step(values: Plane, low: float, high: float) -> Plane:
    """Return 0 below ``low``, 1 above ``high`` and a smooth rise between them."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def disc(x: Plane, y: Plane, cx: float, cy: float, radius: float, softness: float) -> Plane:
    """Return a disc of value 1 whose edge fades over ``softness``."""
    return 1 - smooth_step(np.hypot(x - cx, y - cy), radius - softness, radius + softness)


def magnetic_resonance(x: Plane, y: Plane) -> Plane:
    """Return the grey ground in [0, 1]: dark lung, two bright cavities, soft noise. Coordinates are -1 to 1."""
    noise = np.random.default_rng(7).standard_normal((SIZE, SIZE))
    noise = np.kron(ndimage.gaussian_filter(noise, 1.1), np.ones((SAMPLES, SAMPLES)))
    body = 0.13 + 0.05 * disc(x, y, 0.1, -0.1, 1.0, 0.6)
    right_ventricle = disc(x * 0.95, y * 0.8, -0.62, -0.12, 0.50, 0.05) * (1 - disc(x, y, 0.08, 0.04, 0.80, 0.03))
    pool = disc(x, y, 0.08, 0.04, 0.43, 0.07)
    papillary = disc(x, y, 0.30, 0.24, 0.085, 0.05) + disc(x, y, -0.12, 0.27, 0.075, 0.05)
    return np.clip(body + 0.30 * right_ventricle + 0.62 * pool - 0.38 * papillary * pool + 0.10 * noise, 0, 1)


def icon(wall_alone: bool = False) -> NDArray[np.float64]:
    """Return the icon, shape ``(SIZE, SIZE, 4)``, RGBA in [0, 1].

    Args:
        wall_alone: The wall without the image, as large as there is room for.
    """
    axis = (np.arange(SIZE * SAMPLES) + 0.5) / (SIZE * SAMPLES) * 2 - 1
    x, y = np.meshgrid(axis, axis)
    if wall_alone:
        x, y = 0.80 * x + 0.08, 0.80 * y + 0.04
    colour = np.repeat(magnetic_resonance(x, y)[..., None], 3, axis=2)

    dx, dy = x - 0.08, y - 0.04
    radius, angle = np.hypot(dx, dy), np.degrees(np.arctan2(-dy, dx))
    outer = 0.745 + 0.018 * np.cos(np.radians(3 * angle))
    wall = (radius > 0.465) & (radius < outer)
    missing = wall & (angle > GAP_DEG[0]) & (angle < GAP_DEG[1])
    seam = wall & (np.minimum(abs(angle - GAP_DEG[0]), abs(angle - GAP_DEG[1])) * np.pi / 180 * radius < 0.018)
    shade = (1.10 - 0.28 * smooth_step(abs(radius - 0.605), 0.03, 0.15))[..., None]
    colour = np.where((wall & ~missing)[..., None], np.array(WALL) * shade, colour)
    colour = np.where(missing[..., None], np.array(REPAIRED) * shade, colour)
    colour = np.where(seam[..., None], 0.10, colour)

    if wall_alone:
        alpha = wall
    else:
        corner = np.maximum(np.abs(np.stack([x, y])) - 0.80, 0)
        alpha = np.hypot(*corner) < 0.20
    rgba = np.concatenate([np.clip(colour, 0, 1) * alpha[..., None], alpha[..., None]], axis=2)
    rgba = rgba.reshape(SIZE, SAMPLES, SIZE, SAMPLES, 4).mean((1, 3))
    rgba[..., :3] /= np.maximum(rgba[..., 3:], 1e-9)
    return np.clip(rgba, 0, 1)


def main() -> None:
    """Write the files."""
    root = Path(__file__).resolve().parent.parent
    module = root / "RNCARefine"
    for path, wall_alone in (
        (root / "Resources" / "RNCARefine.png", False),
        (module / "Resources" / "Icons" / "RNCARefine.png", False),
        (module / "SegmentEditorRNCARefineLib" / "SegmentEditorEffect.png", True),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        matplotlib.image.imsave(path, icon(wall_alone), metadata={"Software": None})


if __name__ == "__main__":
    main()
