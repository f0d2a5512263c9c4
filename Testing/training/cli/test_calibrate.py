"""The command ``calibrate``: what it finds goes onto the card, and stays there when the weights are exported again."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from rncarefine.nca.card import EVIDENCE
from rncarefine.nca.model import load_model
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.cli import main as cli
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
    keep(AutomatonLearner(config.automaton, config.seed), folder / "last.ckpt")
    done = call("export", run)
    assert done.exit_code == 0
    assert "Note" not in done.output
    return run


def keep(learner, path, updates=6):
    torch.save({"state_dict": learner.state_dict(), "global_step": updates}, path)


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
    monkeypatch.setattr("rncarefine_training.evaluate.calibrate.collect_evidence", made_up)
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


def test_what_was_found_of_earlier_weights_does_not_go_onto_the_card_of_later_ones(run, monkeypatch):
    monkeypatch.setattr("rncarefine_training.evaluate.calibrate.collect_evidence", made_up)
    assert call("calibrate", run).exit_code == 0
    measured = {"network": ["small"], "model": ["toy-2d"], "sha256": [card(run).sha256], "method": ["RNCARefine"]}
    figures = ("broken", "refused", "flagged", "valid", "dice before", "dice", "hd before", "hd", "assd before", "assd")
    table = pd.DataFrame(measured | {name: [1] for name in figures})
    table.to_csv(run / "evaluation-test.csv", index=False)
    assert "earlier weights" not in call("export", run).output
    assert card(run).metrics["small"]["dice"] == 1
    assert card(run).confidence
    config = toy_config()
    keep(AutomatonLearner(config.automaton, config.seed + 1), run / "automaton" / config.name / "last.ckpt", updates=5)
    output = call("export", run).output
    assert "calibrated for earlier weights" in output
    assert "the training has made 5 of 6 updates" in output
    assert (card(run).metrics, card(run).confidence) == ({}, {})


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
