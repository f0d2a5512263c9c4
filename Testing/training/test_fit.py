"""The whole training on drawn hearts: base network, failures, automaton, cut off and gone on with, exported, used."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from rncarefine_training.base import members, train_member
from rncarefine_training.cases import MYOCARDIUM
from rncarefine_training.export import export
from rncarefine_training.failures import collect, load_prediction
from rncarefine_training.fit import test_sources as sources_to_test_on
from rncarefine_training.fit import train_automaton, training_sources
from rncarefine_training.learner import AutomatonLearner
from RNCARefineLib.model import load_model
from RNCARefineLib.repair import RepairOptions, repair
from RNCARefineLib.stack import Stack
from training.toy_data import failed, toy_config, write_cases, write_predictions

NETWORKS = {
    "weak": {"architecture": "unet", "channels": [4, 8], "subjects": 2, "members": 2, "updates": 3},
    "late": {"architecture": "unet", "channels": [4, 8], "subjects": 1, "updates": 3, "snapshots": [0.3, 1.0]},
    "fresh": {"architecture": "segresnet", "channels": [8], "subjects": 4, "updates": 3, "unseen": True},
}


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


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_failures_of_unseen_networks_are_never_trained_on():
    config = toy_config(base__networks=NETWORKS)
    assert training_sources(config) == ["weak-0@1", "weak-1@1", "late-0@0.3", "late-0@1"]
    assert training_sources(config, last_only=True) == ["weak-0@1", "weak-1@1", "late-0@1"]
    assert sources_to_test_on(config) == ["weak-0@1", "late-0@1", "fresh-0@1"]


def test_training_and_selection_see_their_own_subjects_and_never_the_test(run, monkeypatch):
    from rncarefine_training import fit

    asked = []
    original = fit.load_stacks

    def load(cases, predictions, subjects, spacing_mm, sources):
        asked.append(subjects)
        return original(cases, predictions, subjects, spacing_mm, sources)

    monkeypatch.setattr(fit, "load_stacks", load)
    train(run)
    assert asked == [["a", "c"], ["b", "d"]]


def test_the_whole_way_from_cases_to_a_repair(tmp_path):
    config = toy_config()
    cases = write_cases(tmp_path / "cases")
    for member in members(config):
        train_member(config, member, [cases[subject] for subject in member.subjects], tmp_path / "base", progress=False)
    found = list(collect(config, tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"))
    assert {path.stem for path in found} == {
        f"{subject}_ED" for subject in {*"abcdt"} - set(members(config)[0].subjects)
    }
    for path in found:
        labels = load_prediction(path)
        assert labels.shape == cases["a"].labels.shape
        # Three updates teach a network nothing: put a real failure in the place of its prediction.
        np.savez_compressed(path, labels=failed(cases[path.stem.partition("_")[0]].labels))
    write_predictions(tmp_path / "predictions", ["small-0@1"], {name: cases[name] for name in "abcd"})
    last = train_automaton(config, tmp_path / "cases", tmp_path / "predictions", tmp_path / "automaton", progress=False)
    model = load_model(export(config, last, tmp_path))
    case = cases["t"]
    wall = (failed(case.labels) == MYOCARDIUM).astype(np.uint8)
    result = repair(Stack.create(case.image, wall, case.spacing), model, RepairOptions(device="numpy"))
    assert result.report.model.name == "toy-2d"
    assert result.report.slices[1].verdict.value.startswith("repaired")


def test_a_finished_training_is_not_done_again(run):
    last = train(run)
    first = state_of(last)
    assert first["global_step"] == 6
    assert len(first["pool"]) == 6
    again = state_of(train(run))
    assert again["global_step"] == 6
    assert same(again["state_dict"], first["state_dict"])


def test_a_training_goes_on_from_its_checkpoint(run):
    first = state_of(train(run))
    longer = state_of(train(run, automaton__updates=7))
    assert longer["global_step"] == 9
    assert not same(longer["state_dict"], first["state_dict"])
    assert longer["rng"] != first["rng"]
    assert [path.name for path in (run / "automaton").glob("*.ckpt")] == ["last.ckpt"]


def test_a_training_that_was_cut_off_goes_on_with_pool_and_chance(run, monkeypatch):
    original, updates = AutomatonLearner.training_step, []

    def counted(self, batch, index):
        updates.append((self.global_step, len(self.pool)))
        if len(updates) == 103:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    monkeypatch.setattr(AutomatonLearner, "training_step", counted)
    changes = {"automaton__updates": 103, "automaton__validate_every": 50}
    with pytest.raises(RuntimeError, match="power cut"):
        train(run, **changes)
    updates.clear()
    last = state_of(train(run, **changes))
    assert updates == [(step, 6) for step in range(100, 105)]
    assert last["global_step"] == 105
    monkeypatch.setattr(AutomatonLearner, "training_step", original)
    shutil.rmtree(run / "automaton")
    uninterrupted = state_of(train(run, **changes))
    assert same(last["state_dict"], uninterrupted["state_dict"])


def test_two_trainings_with_the_same_seed_give_the_same_weights(run):
    config = toy_config()
    folders = [run / "one", run / "other"]
    ended = [
        state_of(train_automaton(config, run / "cases", run / "predictions", folder, progress=False))
        for folder in folders
    ]
    assert same(ended[0]["state_dict"], ended[1]["state_dict"])


def test_what_is_logged_can_be_followed(run, monkeypatch):
    seen = []
    original = AutomatonLearner.log_dict

    def log(self, values, **keywords):
        seen.append(set(values))
        return original(self, values, **keywords)

    monkeypatch.setattr(AutomatonLearner, "log_dict", log)
    train(run)
    assert {"loss", "overflow"} in seen
    assert seen.count({"rings", "dice", "dice_gain"}) == 2
    assert list((run / "automaton" / "log" / "toy-2d").glob("events*"))


def test_without_predictions_training_says_what_to_run(tmp_path):
    write_cases(tmp_path / "cases")
    with pytest.raises(ValueError, match="Run `rncarefine-train failures` first"):
        train(tmp_path)
