"""The whole training on drawn hearts: base network, failures, automaton, interrupted and resumed, exported, used."""

import shutil

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from rncarefine.anatomy.heart import locate_heart
from rncarefine.nca.model import load_model
from rncarefine.refine.proposals import propose_around
from rncarefine.stack import Stack
from rncarefine_training.automaton import fit
from rncarefine_training.automaton.export import export
from rncarefine_training.automaton.fit import test_sources as sources_to_test_on
from rncarefine_training.automaton.fit import train_automaton, training_sources
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.automaton.validation import Validation
from rncarefine_training.data.cases import MYOCARDIUM
from training.toy_data import failed, toy_case, toy_config, write_cases, write_predictions
from training.toy_learners import same

NETWORKS = {
    "weak": {"architecture": "unet", "channels": [4, 8], "subjects": 2, "members": 2, "updates": 3},
    "late": {"architecture": "unet", "channels": [4, 8], "subjects": 1, "updates": 3, "snapshots": [0.3, 1.0]},
    "fresh": {"architecture": "segresnet", "channels": [8], "subjects": 4, "updates": 3, "unseen": True},
}
VOLUMETRIC = {"automaton__volumetric": True, "automaton__depth": 2}


@pytest.fixture
def run(tmp_path):
    """Return a folder with cases and a failure of every subject."""
    cases = write_cases(tmp_path / "cases")
    write_predictions(tmp_path / "predictions", ["small-0@1"], cases)
    return tmp_path


def train(run, **changes):
    config = toy_config(**changes)
    return train_automaton(config, run / "cases", run / "predictions", run / "automaton", progress=False)


def state_of(path):
    return torch.load(path, weights_only=False)


def assert_proposes(model, case):
    """Assert that the engine runs a model on a failure of a case."""
    wall = (failed(case.labels) == MYOCARDIUM).astype(np.uint8)
    stack = Stack.create(case.image, wall, case.spacing)
    heart = locate_heart(stack.mask, None, stack.in_plane)
    found = propose_around(stack, heart, [1], model, device="numpy")
    assert sorted(found.likelihood) == [1]
    assert np.isfinite(found.likelihood[1]).all()
    assert 0 < found.steps <= model.card.steps


def checkpoints_often(monkeypatch, times):
    def often(folder, every_n_train_steps, **others):
        return ModelCheckpoint(folder, every_n_train_steps=every_n_train_steps // times, **others)

    monkeypatch.setattr(fit, "ModelCheckpoint", often)


def test_failures_of_unseen_networks_are_never_trained_on():
    config = toy_config(base__networks=NETWORKS)
    assert training_sources(config) == ["weak-0@1", "weak-1@1", "late-0@0.3", "late-0@1"]
    assert training_sources(config, last_only=True) == ["weak-0@1", "weak-1@1", "late-0@1"]
    assert sources_to_test_on(config) == ["weak-0@1", "late-0@1", "fresh-0@1"]


def test_redrawn_failures_are_for_training_only():
    config = toy_config(base__networks=NETWORKS, base__redrawn=True)
    redrawn = ["weak-0@1~redrawn", "weak-1@1~redrawn", "late-0@1~redrawn"]
    found = training_sources(config)
    assert sorted(found) == sorted(["weak-0@1", "weak-1@1", "late-0@0.3", "late-0@1", *redrawn])
    for others in (training_sources(config, last_only=True), sources_to_test_on(config)):
        assert not set(others) & set(redrawn)


def test_networks_from_outside_come_after_those_that_are_trained_here():
    config = toy_config(base__networks=NETWORKS, predictions={"train": ["nnunet"], "test": ["nnunet", "other"]})
    assert training_sources(config)[-2:] == ["late-0@1", "nnunet@1"]
    assert training_sources(config, last_only=True)[-1] == "nnunet@1"
    assert sources_to_test_on(config)[-2:] == ["nnunet@1", "other@1"]
    alone = toy_config(base={}, predictions={"train": ["nnunet"]})
    assert training_sources(alone) == sources_to_test_on(alone) == ["nnunet@1"]


def test_test_subjects_are_never_loaded_for_training(run, monkeypatch):
    asked = []
    original = fit.load_stacks

    def load(cases, predictions, subjects, spacing_mm, sources):
        asked.append(subjects)
        return original(cases, predictions, subjects, spacing_mm, sources)

    monkeypatch.setattr(fit, "load_stacks", load)
    train(run)
    assert asked == [["a", "c"], ["b", "d"]]


def test_a_finished_training_is_not_done_again(run):
    last = train(run)
    first = state_of(last)
    assert first["global_step"] == 6
    assert len(first["buffer"]) == 6
    again = state_of(train(run))
    assert again["global_step"] == 6
    assert same(again["state_dict"], first["state_dict"])


def test_a_training_is_resumed_from_its_checkpoint(run):
    first = state_of(train(run))
    longer = state_of(train(run, automaton__updates=7))
    assert longer["global_step"] == 9
    assert not same(longer["state_dict"], first["state_dict"])
    assert longer["rng"] != first["rng"]
    assert [path.name for path in (run / "automaton").glob("*.ckpt")] == ["last.ckpt"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"automaton__natural": 0.7}, r"automaton\.natural .*0\.6.*0\.7"),
        ({"automaton__withheld": 0.5}, r"automaton\.withheld"),
        ({"automaton__buffer": 7}, r"automaton\.buffer"),
        ({"automaton__start": "other"}, r"automaton\.start"),
        ({"seed": 4}, r"seed .*3.*4"),
        ({"subjects__develop": ["a", "b", "c", "d", "e"]}, "subjects to train"),
        ({"predictions": {"train": ["nnunet"]}}, "networks to learn"),
    ],
)
def test_changed_configuration_is_neither_resumed_nor_exported(run, changes, message):
    last = train(run)
    before = last.read_bytes()
    with pytest.raises(ValueError, match=message):
        train(run, **({"automaton__updates": 7} | changes))
    with pytest.raises(ValueError, match=message):
        export(toy_config(**changes), last, run)
    assert last.read_bytes() == before
    assert export(toy_config(automaton__steps=9, automaton__patience=3), last, run).exists()


def test_checkpoints_follow_a_training_into_a_folder_that_was_moved(run, monkeypatch):
    checkpoints_often(monkeypatch, 50)
    train(run)
    moved = (run / "automaton").rename(run / "moved")
    original, updates = AutomatonLearner.training_step, []

    def cut_off(self, batch, index):
        updates.append(self.global_step)
        if len(updates) == 4:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    monkeypatch.setattr(AutomatonLearner, "training_step", cut_off)
    config = toy_config(automaton__updates=8)
    with pytest.raises(RuntimeError, match="power cut"):
        train_automaton(config, run / "cases", run / "predictions", moved, progress=False)
    assert updates == [6, 7, 8, 9]
    assert [path.name for path in moved.glob("*.ckpt")] == ["last.ckpt"]
    assert state_of(moved / "last.ckpt")["global_step"] == 8


@pytest.mark.parametrize("kind", [{}, VOLUMETRIC], ids=["slice-wise", "volumetric"])
def test_an_interrupted_training_ends_like_an_uninterrupted_one(run, monkeypatch, kind):
    original, updates = AutomatonLearner.training_step, []

    def counted(self, batch, index):
        updates.append((self.global_step, len(self.buffer)))
        if len(updates) == 9:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    checkpoints_often(monkeypatch, 20)
    monkeypatch.setattr(AutomatonLearner, "training_step", counted)
    changes = {"automaton__updates": 9, **kind}
    with pytest.raises(RuntimeError, match="power cut"):
        train(run, **changes)
    updates.clear()
    last = state_of(train(run, **changes))
    assert updates == [(step, 6) for step in range(5, 11)]
    assert len(last["buffer"]) == 6
    assert last["global_step"] == 11
    monkeypatch.setattr(AutomatonLearner, "training_step", original)
    shutil.rmtree(run / "automaton")
    uninterrupted = state_of(train(run, **changes))
    assert same(last["state_dict"], uninterrupted["state_dict"])


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("kind", [{}, VOLUMETRIC], ids=["slice-wise", "volumetric"])
def test_two_trainings_with_the_same_seed_give_the_same_weights(run, kind, precision):
    config = toy_config(**kind, automaton__precision=precision)
    folders = [run / "one", run / "other"]
    ended = [
        state_of(train_automaton(config, run / "cases", run / "predictions", folder, progress=False))
        for folder in folders
    ]
    assert same(ended[0]["state_dict"], ended[1]["state_dict"])
    untrained = AutomatonLearner(config.automaton, config.seed).state_dict()
    for name, value in ended[0]["state_dict"].items():
        assert value.dtype == torch.float32
        assert bool(torch.isfinite(value).all())
        # In so few updates no gradient reaches what the update's zeros hide.
        assert not torch.equal(value, untrained[name]) or not value.any()


def test_exported_volumetric_model_proposes_walls(run):
    config = toy_config(**VOLUMETRIC)
    last = train_automaton(config, run / "cases", run / "predictions", run / "automaton", progress=False)
    model = load_model(export(config, last, run))
    assert model.card.mode == "volumetric"
    assert_proposes(model, toy_case("t"))


# Early stop

PATIENT = {"warmup_updates": 4, "updates": 20, "validate_every": 2}


def train_patiently(run, monkeypatch, gains, patience=2):
    """Train with these gains in the validations; return how many updates were done in all, and how many just now."""
    given, updates = iter(gains), []
    monkeypatch.setattr(Validation, "measure", lambda *arguments: {"dice_gain": next(given)})
    original = AutomatonLearner.training_step

    def counted(self, batch, index):
        updates.append(self.global_step)
        return original(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(AutomatonLearner, "training_step", counted)
        settings = PATIENT | {"patience": patience}
        last = train(run, **{f"automaton__{name}": value for name, value in settings.items()})
    return state_of(last)["global_step"], len(updates)


def test_training_stops_early_after_the_warm_up(run, monkeypatch):
    # Two in the warm-up, which has no rollout, then a rise, and two that do not rise.
    gains = [0.5, 0.5, 0.1, 0.2, 0.2, 0.1, 0.9]
    assert train_patiently(run, monkeypatch, gains) == (12, 12)
    # It stays stopped, unless it may wait for longer.
    assert train_patiently(run, monkeypatch, []) == (12, 0)
    assert train_patiently(run, monkeypatch, [0.3, 0.1, 0.1, 0.1], patience=3) == (20, 8)


# Starting from another automaton


def test_a_training_can_start_from_the_weights_of_another(run, monkeypatch):
    (run / "automaton").mkdir()
    (run / "models").mkdir()
    first = toy_config(name="first", automaton__updates=2)
    folder = run / "automaton" / "first"
    last = train_automaton(first, run / "cases", run / "predictions", folder, progress=False)
    model = load_model(export(first, last, run / "models"))
    started = []
    original = AutomatonLearner.start_from

    def start_from(self, given):
        original(self, given)
        started.append({name: value.clone() for name, value in self.parameters_for_use().items()})

    monkeypatch.setattr(AutomatonLearner, "start_from", start_from)
    second = toy_config(name="second", automaton__start="first")
    folder = run / "automaton" / "second"
    ended = train_automaton(second, run / "cases", run / "predictions", folder, progress=False)
    (weights,) = started
    for name, value in model.parameters.items():
        np.testing.assert_array_equal(weights[name].detach().numpy(), value)
    assert state_of(ended)["global_step"] == 6
    wider = toy_config(automaton__start="first", automaton__encoder=[4, 8])
    with pytest.raises(ValueError, match=r"first has encoder \(4, 6\).*encoder \(4, 8\)"):
        train_automaton(wider, run / "cases", run / "predictions", run / "automaton" / "wider", progress=False)
    assert not (run / "automaton" / "wider").exists()
    other = toy_config(automaton__start="nowhere")
    with pytest.raises(ValueError, match="nowhere"):
        train_automaton(other, run / "cases", run / "predictions", run / "automaton" / "other", progress=False)
