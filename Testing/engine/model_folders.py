"""A folder of toy models in the place of the shipped ones, with their names, modes and licences.

Their walls differ in thickness, so that a result shows which model made it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.toy_models import seeing_model, volumetric_seeing_model
from rncarefine.nca import model as model_module
from rncarefine.nca.model import Model, save_model

RESTRICTED, FREE = "CC BY-NC-SA 4.0", "Apache-2.0"


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, *models: Model) -> None:
    """Have these models installed, and no other."""
    folder.mkdir(exist_ok=True)
    for model in models:
        save_model(model, folder)
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (folder,))


def seeing_weights(folder: Path) -> Path:
    """Save a model that proposes the wall that the image shows, and return the place of its weights."""
    save_model(seeing_model(name="seeing"), folder)
    return folder / "seeing.npz"


def cine_2d() -> Model:
    """Return the slice-wise model that may not be used commercially; its walls are thin."""
    return seeing_model(0.25, name="sax-cine-2d", licence=RESTRICTED)


def cine_3d() -> Model:
    """Return the volumetric model that may not be used commercially; its walls are as thick as the image shows."""
    return volumetric_seeing_model(name="sax-cine-3d", licence=RESTRICTED)


def open_2d() -> Model:
    """Return the slice-wise model that is free for any use; its walls are thick."""
    return seeing_model(0.03, name="sax-open-2d", licence=FREE)
