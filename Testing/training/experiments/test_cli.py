"""The command line of the experiments: what it offers, and the tables that it writes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments import ablation, cli, robustness
from experiments.disturbances import DISTURBANCES
from rncarefine_training.config import Config
from rncarefine_training.evaluate.store import write_evaluation
from training.cli_calls import output_of
from training.evaluation_rows import made_up
from training.toy_data import write_config

ROOT = Path(__file__).parents[3]
COMMANDS = ["horizon", "robustness", "ablate", "compare-published", "draw-vessels", "report"]


pytestmark = pytest.mark.usefixtures("wide")


def call(command, run, *arguments):
    folder, config, _ = run
    shared = ["--run", folder] if command in ("plots", "report") else ["--run", folder, "--config", config]
    return output_of(command, *shared, *arguments, app=cli.app)


def test_missing_input_exits_2(monkeypatch, capsys, tmp_path):
    config = write_config(tmp_path / "toy.yaml")
    monkeypatch.setattr(
        sys, "argv", ["experiments", "horizon", "--run", str(tmp_path / "[run]"), "--config", str(config)]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "predictions" in capsys.readouterr().err


def test_runs_as_a_package():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("RNCARefine", "Training"))}
    command = [sys.executable, "-m", "experiments", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "python -m experiments" in done.stdout
    assert all(name in done.stdout for name in COMMANDS)


def test_the_long_rollout_has_a_table(run):
    folder, _, models = run
    assert "1 seeds" in call("horizon", run, "--model", models[1], "--seeds", 1, "--stacks", 1)
    table = pd.read_csv(folder / "horizon-idle-2d.csv")
    assert list(table.steps) == [0, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
    assert (table.ring == 0).all()
    call("plots", run, "--model", models[1])
    assert (folder / "plots" / "horizon.png").exists()


def test_a_document_is_filled_from_the_tables_that_are_kept(run, tmp_path):
    folder = run[0]
    write_evaluation(made_up(), folder, "evaluation-select")
    document = tmp_path / "E.md"
    document.write_text("<!-- table: strata select -->\n<!-- end of table -->\n", encoding="utf-8")
    call("report", run, "--keep", tmp_path / "kept", "--document", document)
    assert "the wall itself" in document.read_text(encoding="utf-8")
    assert (tmp_path / "kept" / "evaluation-select-strata.csv").exists()


def test_disturbed_stacks_have_a_table(run, monkeypatch):
    folder, _, models = run
    few = {"image": {"gamma 2": DISTURBANCES["image"]["gamma 2"]}}
    monkeypatch.setattr(robustness, "DISTURBANCES", few)
    assert "gamma 2" in call("robustness", run, "--model", models[0])
    assert list(pd.read_csv(folder / "robustness-seeing-2d.csv").disturbance) == ["undisturbed", "gamma 2"]


def test_ablation_states_its_trainings_first(run, monkeypatch, tmp_path):
    rows = pd.DataFrame({"source": "n", "case": ["a_ED"], "subject": "a", "k": 1, "network": "n", "ring": True})
    rows = rows.assign(dice=0.8, dice_before=0.5, hd=9.0, assd=2.0)
    monkeypatch.setattr(ablation, "train_and_measure", lambda *arguments, **options: rows)
    monkeypatch.setattr(ablation, "results_folder", lambda run, start=None: tmp_path / "ablation")
    settings = Config.load(run[1]).automaton
    total = len(ablation.VARIATIONS) * (settings.warmup_updates + settings.updates)
    first, second, *_ = call("ablate", run, "--share", 1).splitlines()
    assert re.findall(r"\d+", first.replace(",", "")) == [str(len(ablation.VARIATIONS)), str(total)]
    assert all(variation.name in second for variation in ablation.VARIATIONS)


def test_ablation_table_has_variations_of_earlier_calls(run):
    folder = run[0]
    call("ablate", run, "--share", 1, "--only", "as it is")
    output = call("ablate", run, "--share", 1, "--only", "every cell fires")
    assert "nan" not in output
    assert "10 of 10: every cell fires" in output
    assert list(pd.read_csv(folder / "ablation.csv").variation) == ["as it is", "every cell fires"]
