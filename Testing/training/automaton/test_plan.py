"""What the steps of a training will do and take: what is left to do, and how trials add up."""

from __future__ import annotations

import shutil

import pytest
import torch
from typer.testing import CliRunner

from rncarefine_training.automaton.fit import VALIDATION_SLICES
from rncarefine_training.automaton.inventory import take_stock
from rncarefine_training.automaton.plan import automaton_seconds, plan_automaton, plan_base, plan_failures, some_cases
from rncarefine_training.automaton.trial import UPDATES, AutomatonTrial, try_automaton, try_base
from rncarefine_training.cli import main as cli
from rncarefine_training.cli.plan import lasting
from training.toy_data import toy_config, write_cases, write_config, write_predictions

TRIAL = AutomatonTrial(case=1.0, prediction=0.1, warmup=2.0, rollout=3.0, validated=0.5, checkpoint_bytes=7)
LONG = {"automaton__warmup_updates": 10, "automaton__updates": 100, "automaton__validate_every": 20}


@pytest.fixture
def run(tmp_path):
    cases = write_cases(tmp_path / "cases")
    write_predictions(tmp_path / "predictions", ["small-0@1"], cases)
    return tmp_path


def write_checkpoint(path, done):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"global_step": done}, path)


def test_the_time_of_a_training_is_the_sum_of_its_parts(run):
    config = toy_config(**LONG)
    # Four cases are loaded with a prediction each, two broken slices are validated on five times.
    expected = 4 * 1.0 + 4 * 0.1 + 10 * 2.0 + 100 * 3.0 + 5 * 2 * 0.5
    assert automaton_seconds(config, take_stock(config, run), TRIAL) == pytest.approx(expected)


def test_what_a_checkpoint_has_done_takes_no_time_again(run):
    config = toy_config(**LONG)
    stock = take_stock(config, run)
    assert automaton_seconds(config, stock, TRIAL, 4) == pytest.approx(4.4 + 6 * 2 + 300 + 5)
    assert automaton_seconds(config, stock, TRIAL, 50) == pytest.approx(4.4 + 60 * 3 + 3)


def test_validation_looks_at_no_more_slices_than_the_training_does(run):
    config = toy_config(**LONG)
    stock = take_stock(config, run)
    stock.networks["small-0@1"].broken["select"] = 10 * VALIDATION_SLICES
    expected = 4.4 + 20 + 300 + 5 * VALIDATION_SLICES * 0.5
    assert automaton_seconds(config, stock, TRIAL) == pytest.approx(expected)


def test_a_volumetric_validation_rolls_whole_stacks(run):
    config = toy_config(**LONG, automaton__volumetric=True, automaton__depth=2)
    # Two stacks of four slices for two broken ones.
    assert automaton_seconds(config, take_stock(config, run), TRIAL) == pytest.approx(4.4 + 20 + 300 + 5 * 8 * 0.5)


def test_a_plan_of_the_automaton_goes_on_where_the_training_was_cut_off(run, monkeypatch):
    monkeypatch.setattr("rncarefine_training.automaton.plan.try_automaton", lambda config, cases: TRIAL)
    config = toy_config(**LONG)
    stock = take_stock(config, run)
    assert plan_automaton(config, run, stock).does == "110 updates"
    write_checkpoint(run / "automaton" / "toy-2d" / "last.ckpt", 50)
    step = plan_automaton(config, run, stock)
    assert (step.does, step.bytes) == ("60 updates after 50 that are done", 7)
    write_checkpoint(run / "automaton" / "toy-2d" / "last.ckpt", 110)
    step = plan_automaton(config, run, stock)
    assert (step.does, step.seconds) == ("nothing: all 110 updates are done", 0)


def test_a_plan_of_the_base_networks_leaves_out_those_that_are_done(run, monkeypatch):
    monkeypatch.setattr("rncarefine_training.automaton.plan.try_base", lambda config, network, cases: 2.0)
    config = toy_config(base__networks__small__members=2)
    step = plan_base(config, run)
    assert (step.does, step.seconds) == ("2 base networks, 6 updates", 12.0)
    write_checkpoint(run / "base" / "small-0" / "snapshot-1.pt", 3)
    write_checkpoint(run / "base" / "small-1" / "last.ckpt", 2)
    step = plan_base(config, run)
    assert (step.does, step.seconds) == ("1 base networks, 1 updates", 2.0)
    write_checkpoint(run / "base" / "small-1" / "snapshot-1.pt", 3)
    assert plan_base(config, run).does == "nothing: all are trained"


def test_a_plan_of_the_segmentations_counts_those_that_are_missing(run):
    config = toy_config()
    shutil.rmtree(run / "predictions")
    step = plan_failures(config, run)
    # Two of four developing subjects were not trained on, and one is tested on.
    assert step.does == "3 segmentations"
    assert step.seconds > 0
    write_predictions(run / "predictions", ["small-0@1"], {case.subject: case for case in some_cases(run, ["t"])})
    assert plan_failures(config, run).does == "2 segmentations"


def test_without_base_networks_there_is_nothing_to_train_or_to_segment(run):
    config = toy_config(base={}, predictions={"train": ["ours"]})
    assert plan_base(config, run).does == "nothing: no base networks"
    assert plan_failures(config, run).does == "nothing: no base networks"


def test_a_trial_times_every_part_and_knows_the_checkpoints_size(run):
    config = toy_config(automaton__batch=1)
    trial = try_automaton(config, some_cases(run, ["a", "b"]))
    assert min(trial.case, trial.warmup, trial.rollout, trial.validated) > 0
    # The pool alone: six states of 48 x 48 pixels with 6 channels of 4 bytes, and what goes with them.
    assert trial.checkpoint_bytes > 6 * 48 * 48 * 6 * 4


def test_a_trial_leaves_the_training_as_it_was(run):
    config = toy_config()
    torch.manual_seed(1)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    try_automaton(config, some_cases(run, ["a"]))
    assert try_base(config, config.base.networks["small"], some_cases(run, ["a"])) > 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    assert config == toy_config()


def test_a_trial_without_warm_up_times_rollouts_only(run):
    trial = try_automaton(toy_config(automaton__warmup_updates=0), some_cases(run, ["a"]))
    assert trial.warmup == 0
    assert trial.rollout > 0


def test_a_trial_makes_few_updates(run, monkeypatch):
    from rncarefine_training.automaton.learner import AutomatonLearner

    steps = []
    original = AutomatonLearner.training_step
    monkeypatch.setattr(
        AutomatonLearner, "training_step", lambda self, *batch: steps.append(1) or original(self, *batch)
    )
    try_automaton(toy_config(), some_cases(run, ["a"]))
    assert len(steps) == 2 * (UPDATES + 1)


def test_cases_to_try_have_a_closed_ring(run):
    assert [case.subject for case in some_cases(run, ["a", "b", "c"], 2)] == ["a", "b"]
    with pytest.raises(ValueError, match=r"No cases in .* with a closed ring and 1 slices"):
        some_cases(run, ["nobody"])
    with pytest.raises(ValueError, match="and 5 slices"):
        some_cases(run, ["a"], slices=5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "no time"),
        (3, "less than 2 minutes"),
        (89, "less than 2 minutes"),
        (100, "about 2 minutes"),
        (3000, "about 50 minutes"),
        (5400, "about 1.5 hours"),
        (100_000, "about 27.8 hours"),
    ],
)
def test_a_time_is_told_no_more_exactly_than_it_is_known(seconds, text):
    assert lasting(seconds) == text


# The commands


def call(monkeypatch, *arguments):
    monkeypatch.setattr(cli.console, "width", 400)
    done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_plan_says_everything_and_writes_nothing(run, tmp_path, monkeypatch):
    config = write_config(tmp_path / "toy.yaml", subjects__develop=["a", "b", "c", "d", "nobody"])
    before = sorted(run.rglob("*"))
    said = call(monkeypatch, "plan", "--run", run, "--config", config)
    assert sorted(run.rglob("*")) == before
    for sentence in (
        "1 subjects of the configuration have no case, such as nobody",
        "2 real failures are few",
        "small-0@1",
        "1 base networks, 3 updates",
        "6 updates",
        "GB of disk are free",
    ):
        assert sentence in said


def test_long_commands_begin_with_what_they_will_do(run, tmp_path, monkeypatch):
    options = ("--run", run, "--config", write_config(tmp_path / "toy.yaml"))
    assert "base: 1 base networks, 3 updates; less than 2 minutes on this machine" in call(
        monkeypatch, "base", *options
    )
    assert "failures: nothing: all are there" in call(monkeypatch, "failures", *options)
    said = call(monkeypatch, "automaton", *options)
    assert "automaton: 6 updates; less than 2 minutes on this machine" in said
    assert "To learn from: 2 subjects, 8 slices, 2 real failures of 1 networks; to select on: 2 subjects, 2" in said
    assert "automaton: nothing: all 6 updates are done" in call(monkeypatch, "automaton", *options)
