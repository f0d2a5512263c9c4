"""Generate procedural hearts as cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..cases import TrainingCase
from .acquisition import acquire
from .appearance import draw_appearance
from .contrast import draw_contrast
from .geometry import draw_anatomy

SEED = 1907
"""Seed of the hearts used for the supplied weights."""


def make_case(number: int, seed: int = SEED, sequence: str | None = None) -> TrainingCase:
    """Generate heart ``number`` of a seed, independent of other hearts.

    Args:
        number: Index of the heart, from 0.
        seed: Random seed of the collection.
        sequence: One of :data:`contrast.SEQUENCES`; random if ``None``.
    """
    rng = np.random.default_rng([seed, number])
    anatomy = draw_anatomy(rng)
    image = acquire(rng, draw_appearance(rng, anatomy, draw_contrast(rng, sequence)), anatomy)
    subject = f"heart{number:04d}"
    return TrainingCase(f"{subject}_ED", subject, image, anatomy.labels, anatomy.grid.spacing)


def write_cases(folder: Path, count: int, seed: int = SEED) -> Iterator[Path]:
    """Write hearts 0 to ``count - 1`` as ``folder/heartNNNN_ED.npz`` and yield the paths."""
    for number in range(count):
        yield make_case(number, seed).save(folder)
