"""Triplets of small pictures: thin rings with a gap, on noise."""

from __future__ import annotations

import numpy as np

from experiments.comparison.triplets import Triplets


def toy_triplets(n: int = 6, side: int = 32) -> Triplets:
    """Draw rings whose state fades out over a quarter turn."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((side, side))
    images, states, labels = [], [], []
    for _ in range(n):
        middle, radius = side / 2 + rng.uniform(-2, 2, 2), rng.uniform(0.22, 0.36) * side
        away = np.hypot(rows - middle[0], columns - middle[1])
        label = np.abs(away - radius) < 1.2
        turned = (np.arctan2(rows - middle[0], columns - middle[1]) + rng.uniform(0, 6.28)) % 6.28
        labels.append(label)
        states.append(label * (turned > 1.5))
        images.append(0.3 + 0.4 * np.exp(-((away - radius) ** 2) / 2) + rng.normal(0, 0.05, label.shape))
    stacked = (np.stack(part).astype(np.float32).clip(0, 1) for part in (images, states, labels))
    return Triplets(*stacked)
