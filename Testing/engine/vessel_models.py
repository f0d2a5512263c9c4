"""A model of vessels small enough for tests: its evidence is the image channel, so that bright lines are vessels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.model_samples import CARD
from rncarefine.nca.architecture import PICTURE_CHANNELS, Architecture
from rncarefine.nca.card import TUBULAR
from rncarefine.nca.model import Model, save_model

SIZES = Architecture(channels=4, hidden=4, encoder=(4, 4), inputs=len(PICTURE_CHANNELS), fields=1)
USE = {
    "channel": "green",
    "polarity": "dark",
    "fov_diameter_px": 80.0,
    "bridge_px": 16.0,
    "keep_px": 10.0,
    "hole_px": 9.0,
    "thicken_px": 1.0,
    "extend_px": 24.0,
    "least_confidence": 0.5,
    "fragment_confidence": 0.5,
    "join_likelihood": 0.5,
    "fragment_likelihood": 0.5,
    "hole_likelihood": 0.5,
    "extend_likelihood": 0.6,
    "least_support": 0.0,
    "bridge_confidence": {},
    "familiar": {},
}


def vessel_model(**use: object) -> Model:
    """Return a model whose likelihood is high where the picture is darker than its surroundings."""
    parameters = {name: np.zeros(shape, np.float32) for name, shape in SIZES.shapes().items()}
    for name in ("down0a", "down0b", "up0a", "up0b"):
        parameters[f"{name}.scale"][0] = 1
        parameters[f"{name}.weight"][0, 0, 1, 1] = 1
    # The last convolution sees what came up first, then what was beside it.
    parameters["up0a.weight"][0] = 0
    parameters["up0a.weight"][0, SIZES.encoder[1], 1, 1] = 1
    parameters["evidence.weight"][0, 0] = 6
    parameters["evidence.bias"][0] = -6
    made = replace(
        CARD,
        name="toy-vessels",
        task=TUBULAR,
        crop=32,
        steps=2,
        spacing_mm=1.0,
        channels=4,
        hidden=4,
        tubular=USE | use,
        shapes=SIZES.shapes(),
    )
    return Model(made, parameters)


def saved(folder: Path, **use: object) -> Path:
    """Write the model into a folder and return the path of its weights."""
    save_model(vessel_model(**use), folder)
    return folder / "toy-vessels.npz"
