"""Intensities of tissues in several sequences, relative to blood in SSFP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Contrast:
    """Name of a sequence and intensity of every tissue."""

    sequence: str
    blood: float
    muscle: float
    """Myocardium."""
    scar: float
    fat: float
    lung: float
    liver: float
    spleen: float
    skeletal: float
    """Muscle of the chest wall."""
    flow: float
    """Relative intensity variation of flowing blood."""


SEQUENCES = {"ssfp": 0.7, "gre": 0.11, "late enhancement": 0.08, "black blood": 0.05, "weak": 0.06}
"""Sequences and their probabilities; ``weak`` has little contrast between wall and blood."""


def draw_contrast(rng: np.random.Generator, sequence: str | None = None) -> Contrast:
    """Draw the intensities of a scan.

    Args:
        rng: Source of randomness.
        sequence: One of ``SEQUENCES``; random if ``None``.
    """
    name = sequence or str(rng.choice(list(SEQUENCES), p=list(SEQUENCES.values())))

    def about(middle: float, spread: float) -> float:
        return float(middle * np.exp(rng.normal(0, spread)))

    blood, muscle, scar, fat = {
        "ssfp": (about(1.0, 0.08), about(0.34, 0.2), about(0.36, 0.2), about(1.15, 0.2)),
        "gre": (about(0.9, 0.1), about(0.5, 0.12), about(0.5, 0.12), about(0.6, 0.25)),
        "late enhancement": (about(0.75, 0.12), about(0.16, 0.35), about(1.0, 0.1), about(0.7, 0.3)),
        "black blood": (about(0.1, 0.3), about(0.55, 0.12), about(0.65, 0.15), about(0.95, 0.2)),
        "weak": (about(0.8, 0.1), about(0.58, 0.06), about(0.6, 0.1), about(0.9, 0.3)),
    }[name]
    bright = 0.2 if name == "late enhancement" else 1.0
    return Contrast(
        name,
        blood,
        muscle,
        scar,
        fat,
        lung=about(0.05, 0.4),
        liver=about(0.4, 0.2) * (0.4 + 0.6 * bright),
        spleen=about(0.5, 0.25) * (0.4 + 0.6 * bright),
        skeletal=about(0.24, 0.25),
        flow=float(rng.uniform(0.03, 0.14)),
    )
