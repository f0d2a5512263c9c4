"""A small run for the commands that measure."""

import pytest

from engine.toy_models import identity_model, seeing_model
from rncarefine.nca.model import save_model
from rncarefine_training.cli import options as cli_options
from training.toy_data import write_cases, write_config, write_predictions


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run with cases and predictions, its configuration and two models."""
    folder = tmp_path_factory.mktemp("run")
    config = write_config(folder / "toy.yaml")
    write_predictions(folder / "predictions", ["small-0@1"], write_cases(folder / "cases"))
    models = []
    for model in (seeing_model(name="seeing-2d"), identity_model(name="idle-2d")):
        save_model(model, folder)
        models.append(folder / f"{model.card.name}.npz")
    return folder, config, models


@pytest.fixture
def wide(monkeypatch):
    """Keep what is printed on one line."""
    monkeypatch.setattr(cli_options.console, "width", 400)
