"""The command ``calibrate``: what it finds goes onto the card, and stays there when the weights are exported again."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.nca.model import load_model
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.cli import main as cli
from training.cli_calls import call
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
    done = call("export", *options(run))
    assert done.exit_code == 0
    assert "Note" not in done.output
    return run


def keep(learner, path, updates=6):
    torch.save({"state_dict": learner.state_dict(), "global_step": updates}, path)


def options(run):
    return ["--run", str(run), "--config", str(write_config(run / "toy.yaml"))]


def card(run):
    return load_model(run / "models" / "toy-2d.npz").card


def made_up(failures, model, workers):
    """Yield features of which one alone says what is good: the likelihood, and what is seen of closed walls."""
    assert {failure.case.stem for failure in failures} == {"b_ED", "d_ED"}
    assert model.card.name == "toy-2d"
    rng = np.random.default_rng(0)
    names = sorted({*REPAIRED_FEATURES, *CLOSED_FEATURES})
    for n in range(10):
        rows = pd.DataFrame(rng.normal(size=(20, len(names))), columns=names)
        repaired = np.arange(20) < 10
        yield rows.assign(good=np.where(repaired, rows.likelihood, rows.seen) > 0, repaired=repaired, subject=f"s{n}")


def test_weights_go_onto_the_card_and_an_export_keeps_them(run, monkeypatch):
    monkeypatch.setattr("rncarefine_training.evaluate.calibrate.collect_features", made_up)
    weights = (run / "models" / "toy-2d.npz").read_bytes()
    done = call("calibrate", *options(run))
    assert done.exit_code == 0, done.output
    kept = json.loads((run / "automaton" / "toy-2d" / "confidence.json").read_text())
    cards = {"repaired": card(run).confidence, "closed": card(run).closed_confidence}
    for (kind, found), names, told in zip(
        cards.items(), (REPAIRED_FEATURES, CLOSED_FEATURES), ("likelihood", "seen"), strict=True
    ):
        assert set(found) == {"intercept", *names}
        assert found[told] > 5 * max(abs(found[name]) for name in names if name != told)
        assert kept[kind]["weights"] == found
        assert (kept[kind]["walls"], kept[kind]["auroc"] > 0.95) == (100, True)
    assert (run / "models" / "toy-2d.npz").read_bytes() == weights
    assert call("export", *options(run)).exit_code == 0
    assert {"repaired": card(run).confidence, "closed": card(run).closed_confidence} == cards


def test_confidence_is_calibrated_on_chosen_subjects(run, monkeypatch):
    asked = []

    def found(failures, model, workers):
        asked.extend(failure.case.stem for failure in failures)
        return []

    monkeypatch.setattr("rncarefine_training.evaluate.calibrate.collect_features", found)
    config = write_config(run / "toy.yaml", subjects__calibrate=["b*"])
    call("calibrate", "--run", run, "--config", config)
    assert asked == ["b_ED"]


def test_calibration_of_earlier_weights_is_not_exported(run, monkeypatch):
    monkeypatch.setattr("rncarefine_training.evaluate.calibrate.collect_features", made_up)
    assert call("calibrate", *options(run)).exit_code == 0
    measured = {"network": ["small"], "model": ["toy-2d"], "sha256": [card(run).sha256], "method": ["RNCARefine"]}
    figures = ("broken", "refused", "flagged", "valid", "dice before", "dice", "hd before", "hd", "assd before", "assd")
    table = pd.DataFrame(measured | {name: [1] for name in figures})
    table.to_csv(run / "evaluation-test.csv", index=False)
    assert "earlier weights" not in call("export", *options(run)).output
    assert card(run).metrics["small"]["dice"] == 1
    assert card(run).confidence
    config = toy_config()
    keep(AutomatonLearner(config.automaton, config.seed + 1), run / "automaton" / config.name / "last.ckpt", updates=5)
    output = call("export", *options(run)).output
    assert "earlier weights" in output
    assert "5 of 6" in output
    assert (card(run).metrics, card(run).confidence) == ({}, {})


def test_too_few_repairs_exit_2_and_keep_the_card(run, monkeypatch, capsys):
    before = card(run)
    assert re.search(r"\d walls, 0 of the rarer kind", refused(run, monkeypatch, capsys))
    assert card(run) == before
    assert not (run / "automaton" / "toy-2d" / "confidence.json").exists()


def refused(run, monkeypatch, capsys):
    """Run the installed command, which ends with status 2, and return what it says."""
    monkeypatch.setattr(sys, "argv", ["rncarefine-train", "calibrate", *options(run)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    return capsys.readouterr().err.replace("\n", " ")
