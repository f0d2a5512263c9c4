"""The command of the training: what it offers, what it says about bad input, and the way from cases to a table."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from rncarefine_training.automaton import completion
from rncarefine_training.cli import main as cli
from rncarefine_training.data.cases import POOL, TrainingCase
from rncarefine_training.networks.members import RECORD
from training.cli_calls import call
from training.toy_data import write_cases, write_config

pytestmark = pytest.mark.usefixtures("wide")


def main(monkeypatch, *arguments):
    """Run the installed command and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["rncarefine-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_base_and_failures_write_networks_and_predictions(tmp_path):
    config = write_config(tmp_path / "toy.yaml")
    write_cases(tmp_path / "cases")
    for command in ("base", "failures"):
        done = call(command, "--run", tmp_path, "--config", config)
        assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "predictions").rglob("*.npz"))) == 3


def test_networks_of_another_configuration_are_an_error_in_every_command(tmp_path):
    write_cases(tmp_path / "cases")
    config = write_config(tmp_path / "toy.yaml")
    for command in ("base", "failures"):
        assert call(command, "--run", tmp_path, "--config", config).exit_code == 0
    other = write_config(tmp_path / "other.yaml", name="other", seed=4)
    for command in ("base", "failures", "automaton", "calibrate", "evaluate"):
        assert "small-0" in str(call(command, "--run", tmp_path, "--config", other).exception), command
    (tmp_path / "base" / "small-0" / RECORD).unlink()
    assert "no record" in call("base", "--run", tmp_path, "--config", config).output


def test_everything_runs_every_step_in_order(monkeypatch, tmp_path):
    steps = []
    names = ["prepare", "base", "failures", "automaton", "export", "calibrate"]
    for name in names:
        monkeypatch.setattr(cli, name, lambda *arguments, name=name: steps.append(name))
    assert call("all", tmp_path, "--run", tmp_path / "run").exit_code == 0
    assert steps == names


def test_outer_contours_are_drawn_where_only_the_inner_ones_are_given(monkeypatch, tmp_path):
    config = write_config(tmp_path / "toy.yaml")
    cases = write_cases(tmp_path / "cases")
    inner = replace(cases["b"], labels=np.where(cases["b"].labels == POOL, POOL, 0).astype(np.uint8))
    inner.save(tmp_path / "cases")
    test = replace(inner, name="t_ED", subject="t")
    test.save(tmp_path / "cases")
    loaded, asked = [], []

    def complete(case, model):
        asked.append((case.name, model))
        labels = cases["b"].labels.copy()
        labels[0] = case.labels[0]  # unsure
        return replace(case, labels=labels, completed=True)

    monkeypatch.setattr(cli, "load_model", lambda path: loaded.append(path) or "the model")
    monkeypatch.setattr(completion, "complete_outer_contours", complete)
    done = call("complete", "--run", tmp_path, "--config", config)
    assert done.exit_code == 0, done.output
    assert loaded == [tmp_path / "models" / "toy-2d.npz"]
    assert asked == [("b_ED", "the model")]
    assert "2 of 3" in done.output
    assert "No cases" in str(call("complete", "--run", tmp_path / "nothing", "--config", config).exception)
    assert TrainingCase.load(tmp_path / "cases" / "b_ED.npz").completed
    assert not TrainingCase.load(tmp_path / "cases" / "t_ED.npz").completed


# Bad input


@pytest.mark.parametrize(
    "arguments",
    [("no-such-command",), ("prepare", "no-such-folder"), ("base", "--config", "no-such-file"), ("base", "--no-such")],
)
def test_a_misspelt_call_exits_with_status_2(monkeypatch, capsys, arguments):
    assert main(monkeypatch, *arguments) == 2
    assert "no-such" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("base", "No cases in"),
        ("automaton", "No cases"),
        ("calibrate", "No predictions"),
        ("complete", "no such model"),
        ("evaluate", "No predictions"),
    ],
)
def test_missing_input_exits_2(monkeypatch, capsys, tmp_path, command, message):
    config = write_config(tmp_path / "toy.yaml")
    assert main(monkeypatch, command, "--run", tmp_path / "[run]", "--config", config) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "[run]" in said.replace("\n", "")  # and not taken for markup


def test_invalid_configuration_names_the_field(monkeypatch, capsys, tmp_path):
    config = write_config(tmp_path / "toy.yaml", automaton__fire_rate=2)
    assert main(monkeypatch, "base", "--run", tmp_path, "--config", config) == 2
    assert "toy.yaml: automaton.fire_rate" in capsys.readouterr().err


@pytest.mark.parametrize("network", ["middle-0", "other-0@1", "@1"])
def test_unknown_sample_network_error_lists_the_known_ones(tmp_path, network):
    config = write_config(tmp_path / "toy.yaml")
    done = call("sample", tmp_path, tmp_path, "--network", network, "--run", tmp_path, "--config", config)
    assert f"--network {network}" in str(done.exception)
    assert "the networks small." in str(done.exception)
