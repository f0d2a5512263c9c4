"""Training samples without their random changes."""

import pytest

from rncarefine_training.automaton import samples
from rncarefine_training.automaton.samples import WINDOW_PIXELS


def undisturbed(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Neither damage nor augment: what is in a sample of this size is what was put there."""
    margin = (WINDOW_PIXELS - size) // 2
    inside = slice(margin, margin + size)
    monkeypatch.setattr(samples, "damage", lambda wall, rng: wall)
    monkeypatch.setattr(samples, "random_affine", lambda batch, draws, **strengths: batch[..., inside, inside])
    monkeypatch.setattr(samples, "random_contrast", lambda images, draws, strength: images)
