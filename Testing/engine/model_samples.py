"""A model card and an automaton without a will of its own, for tests of what surrounds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.card import ModelCard
from rncarefine.nca.model import Model, save_model

CARD = ModelCard(
    name="tiny-2d",
    title="A tiny model",
    task="myocardium ring",
    mode="slice-wise",
    training_data="none",
    licence="CC0-1.0",
    citation="nobody",
    spacing_mm=1.6,
    crop=80,
    channels=16,
    hidden=64,
    steps=40,
    fire_rate=0.5,
    metrics={"dice": 0.7},
    created_by={"command": "train tiny.yaml"},
)


def still_model(folder: Path) -> Path:
    """Save an automaton whose weights are all zero: it sees nothing and proposes no wall."""
    shapes = Architecture(channels=16, hidden=8, encoder=(4, 4)).shapes()
    card = replace(CARD, name="still", hidden=8, steps=3)
    save_model(Model(card, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}), folder)
    return folder / "still.npz"
