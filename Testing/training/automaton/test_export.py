"""From a checkpoint to weights that the engine loads, with a card that describes how they were made."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.card import REPAIRED_FEATURES
from rncarefine.nca.model import load_model
from rncarefine.tasks.tubular.settings import Settings
from rncarefine_training.automaton.export import export, recard
from rncarefine_training.automaton.learner import AutomatonLearner
from training.toy_data import toy_config

CONFIDENCE = {"intercept": -1.5} | {name: 0.25 * number for number, name in enumerate(REPAIRED_FEATURES)}


@pytest.fixture
def checkpoint(tmp_path):
    learner = AutomatonLearner(toy_config().automaton, seed=7)
    with torch.no_grad():
        learner.weights["update_weight"].normal_(0, 0.1)
        learner.weights["down0a_scale"].fill_(1.5)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": learner.state_dict()}, path)
    return path, learner


def test_the_weights_are_the_learners_to_half_precision(checkpoint, tmp_path):
    path, learner = checkpoint
    written = export(toy_config(), path, tmp_path)
    assert written == tmp_path / "toy-2d.npz"
    model = load_model(written)
    for name, value in learner.parameters_for_use().items():
        np.testing.assert_allclose(model.parameters[name], value.detach().numpy(), rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(model.parameters[name], model.parameters[name].astype(np.float16))


def test_card_describes_model_and_training(checkpoint, tmp_path):
    config = toy_config()
    card = load_model(export(config, checkpoint[0], tmp_path)).card
    assert (card.name, card.title, card.licence, card.training_data) == ("toy-2d", "A toy", "CC0-1.0", "drawn hearts")
    assert (card.mode, card.spacing_mm, card.crop, card.steps, card.fire_rate) == ("slice-wise", 1.6, 48, 4, 0.5)
    assert Architecture.of(card.shapes) == Architecture(channels=6, hidden=8, encoder=(4, 6))
    assert (card.channels, card.hidden, card.metrics) == (6, 8, {})
    assert card.created_by["command"] == "rncarefine-train all"
    assert type(config).model_validate(card.created_by["config"]) == config


def test_card_of_a_later_stage_names_its_training(checkpoint, tmp_path):
    card = load_model(export(toy_config(automaton__start="toy-first"), checkpoint[0], tmp_path)).card
    assert card.created_by["command"] == "rncarefine-train automaton"
    assert card.created_by["config"]["automaton"]["start"] == "toy-first"


def test_card_names_external_networks(checkpoint, tmp_path):
    config = toy_config(base={}, predictions={"train": ["nnunet"]})
    card = load_model(export(config, checkpoint[0], tmp_path)).card
    assert card.created_by["command"] == "rncarefine-train automaton"
    assert card.created_by["config"]["predictions"] == {"train": ["nnunet"], "test": ["nnunet"]}


def test_a_volumetric_training_gives_a_volumetric_model(tmp_path):
    config = toy_config(automaton__volumetric=True, automaton__depth=3)
    learner = AutomatonLearner(config.automaton, seed=7)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": learner.state_dict()}, path)
    model = load_model(export(config, path, tmp_path))
    assert model.card.mode == "volumetric"
    architecture = Architecture.of(model.card.shapes)
    assert architecture == Architecture(channels=6, hidden=8, encoder=(4, 6), volumetric=True)
    np.testing.assert_allclose(
        model.parameters["across.weight"], learner.weights["across_weight"].detach().numpy(), rtol=1e-3, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"last\.ckpt"):
        export(toy_config(), path, tmp_path)


# The confidence


def test_a_card_is_written_again_and_the_weights_stay(checkpoint, tmp_path):
    path = export(toy_config(), checkpoint[0], tmp_path)
    weights, card = path.read_bytes(), load_model(path).card
    assert card.confidence == {}
    recard(path, metrics={"rings": 0.97}, confidence=CONFIDENCE)
    assert path.read_bytes() == weights
    assert load_model(path).card == replace(card, metrics={"rings": 0.97}, confidence=CONFIDENCE)


# Bytes and errors


def test_an_automaton_that_is_not_trained_yet_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no such checkpoint"):
        export(toy_config(), tmp_path / "last.ckpt", tmp_path)


def test_card_of_a_vessel_model_has_its_settings(tmp_path):
    config = toy_config(automaton__task="tubular", automaton__spacing_mm=0.8)
    learner = AutomatonLearner(config.automaton, seed=7)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": learner.state_dict()}, path)
    card = load_model(export(config, path, tmp_path)).card
    assert (card.task, card.spacing_mm) == ("tubular", 1.0)
    settings, defaults = Settings.of(card), Settings()
    assert settings.fov_diameter_px == 1250
    assert settings.limits == defaults.limits_at(1250)
    assert (settings.bridge_confidence, settings.familiar) == ({}, {})
    assert Architecture.of(card.shapes).mask == 1
