"""The command ``calibrate``: what it finds goes onto the card, and stays there when the weights are exported again."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from rncarefine_training import cli
from rncarefine_training.learner import AutomatonLearner
from RNCARefineLib.confidence import EVIDENCE
from RNCARefineLib.model import load_model
from training.toy_data import toy_config, write_cases, write_config, write_predictions


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a folder with cases, failures, and an exported automaton that closes nothing."""
    monkeypatch.setattr(cli.console, "width", 400)
    run = tmp_path / "run"
    write_predictions(run / "predictions", ["small-0@1"], write_cases(run / "cases"))
    config = toy_config()
    folder = run / "automaton" / config.name
    folder.mkdir(parents=True)
    torch.save({"state_dict": AutomatonLearner(config.automaton, config.seed).state_dict()}, folder / "last.ckpt")
    assert call("export", run).exit_code == 0
    return run


def options(run):
    return ["--run", str(run), "--config", str(write_config(run / "toy.yaml"))]


def call(command, run):
    return CliRunner().invoke(cli.app, [command, *options(run)])


def card(run):
    return load_model(run / "models" / "toy-2d.npz").card


def made_up(failures, model, workers):
    """Yield evidence of which the gain alone says what is good."""
    assert {failure.case.stem for failure in failures} == {"b_ED", "d_ED"}
    assert model.card.name == "toy-2d"
    rng = np.random.default_rng(0)
    for n in range(10):
        rows = pd.DataFrame(rng.normal(size=(10, len(EVIDENCE))), columns=list(EVIDENCE))
        yield rows.assign(good=rows.gain > 0, subject=f"s{n}")


def test_weights_go_onto_the_card_and_an_export_keeps_them(run, monkeypatch):
    monkeypatch.setattr("rncarefine_training.calibrate.collect_evidence", made_up)
    weights = (run / "models" / "toy-2d.npz").read_bytes()
    done = call("calibrate", run)
    assert done.exit_code == 0, done.output
    assert "100 repairs, " in done.output
    found = card(run).confidence
    assert set(found) == {"intercept", *EVIDENCE}
    assert found["gain"] > 5 * max(abs(found[name]) for name in EVIDENCE if name != "gain")
    kept = json.loads((run / "automaton" / "toy-2d" / "confidence.json").read_text())
    assert kept["weights"] == found
    assert (kept["repairs"], kept["auroc"] > 0.95) == (100, True)
    assert f"AUROC {kept['auroc']:.2f} on subjects left out" in done.output
    assert (run / "models" / "toy-2d.npz").read_bytes() == weights
    assert call("export", run).exit_code == 0
    assert card(run).confidence == found


def test_too_few_repairs_are_said_in_one_line_and_the_card_stays_as_it_was(run, monkeypatch, capsys):
    before = card(run)
    assert "A confidence cannot be calibrated on 2 repairs" in refused(run, monkeypatch, capsys)
    assert card(run) == before
    assert not (run / "automaton" / "toy-2d" / "confidence.json").exists()


def test_weights_that_are_not_exported_yet_are_said_in_one_line(run, monkeypatch, capsys):
    (run / "models" / "toy-2d.npz").unlink()
    assert "there is no such model file" in refused(run, monkeypatch, capsys)


def refused(run, monkeypatch, capsys):
    """Run the installed command, which ends with status 2, and return what it says."""
    monkeypatch.setattr(sys, "argv", ["rncarefine-train", "calibrate", *options(run)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    return capsys.readouterr().err.replace("\n", " ")
