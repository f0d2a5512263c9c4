"""The commands that measure: from a run's files to tables, plots and a report."""

import numpy as np
import pandas as pd
import pytest

from rncarefine_training.evaluate.measure import ONE_PASS_DECIDED, WITH_POOL
from training.cli_calls import call as run_command
from training.cli_calls import output_of
from training.toy_data import toy_case, write_cases, write_predictions

pytestmark = pytest.mark.usefixtures("wide")


def call(command, run, *arguments):
    folder, config, _ = run
    return output_of(command, "--run", folder, "--config", config, *arguments)


def test_several_models_are_evaluated_and_one_by_one_as_well(run):
    folder, _, models = run
    output = call("evaluate", run, "--model", models[0], "--model", models[1], "--fresh")
    assert output.count("idle-2d") >= 5
    together = pd.read_csv(folder / "evaluation-select-slices.csv")
    call("evaluate", run, "--model", models[0], "--fresh")
    assert set(pd.read_csv(folder / "evaluation-select-slices.csv").model) == {"seeing-2d", "-"}
    call("evaluate", run, "--model", models[1])
    apart = pd.read_csv(folder / "evaluation-select-slices.csv")
    # These are measured of the first model of a call only.
    of_first = [WITH_POOL, ONE_PASS_DECIDED]
    together, apart = (rows[~rows.method.isin(of_first) | (rows.model != "idle-2d")] for rows in (together, apart))
    order = ["model", "method", "source", "case", "k"]
    pd.testing.assert_frame_equal(
        together.sort_values(order, ignore_index=True), apart.sort_values(order, ignore_index=True)
    )
    strata = folder / "evaluation-select-strata.csv"
    before = pd.read_csv(strata)
    strata.unlink()
    call("evaluate", run, "--tables")
    pd.testing.assert_frame_equal(pd.read_csv(strata), before, rtol=1e-3)
    assert not (folder / "opened.csv").exists()


def test_test_set_evaluations_are_recorded(run):
    folder, _, models = run
    assert "opened before" not in call("evaluate", run, "--model", models[0], "--test")
    assert "seeing-2d" in call("evaluate", run, "--model", models[0], "--test")
    record = pd.read_csv(folder / "opened.csv")
    assert list(record.model) == ["seeing-2d", "seeing-2d"]
    assert set(pd.read_csv(folder / "evaluation-test-slices.csv").case) == {"t_ED"}
    assert (folder / "evaluation-test.csv").exists()


def test_input_errors_precede_the_test_set(run, tmp_path):
    _, config, models = run
    write_predictions(tmp_path / "predictions", ["small-0@1"], write_cases(tmp_path / "cases"))
    elsewhere = tmp_path, config, models
    call("evaluate", elsewhere, "--model", models[0], "--test")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    (tmp_path / "predictions" / "small-0@1" / "t_ED.npz").unlink()
    write_predictions(tmp_path / "predictions", ["small-0@1"], {"t": toy_case("t", "ES")})
    toy_case("t", "ES").save(tmp_path / "cases")
    arguments = ["evaluate", "--run", tmp_path, "--config", config, "--model", models[1], "--test"]
    done = run_command(*arguments)
    assert "seeing-2d" in str(done.exception)
    done = run_command(*arguments, "--fresh", "--device", "gpu")
    assert "Unknown device 'gpu'" in str(done.exception)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")} == before


def test_subset_evaluation_has_files_of_its_own(run):
    folder, _, models = run
    call("evaluate", run, "--model", models[0], "--fresh")
    before = (folder / "evaluation-select.csv").read_bytes()
    call("evaluate", run, "--model", models[0], "--subjects", 1)
    assert (folder / "evaluation-select.csv").read_bytes() == before
    assert set(pd.read_csv(folder / "evaluation-select-first1-slices.csv").case) == {"b_ED"}


@pytest.fixture
def intact(run, tmp_path):
    """Return a run whose network broke nothing of the validation set."""
    _, config, models = run
    cases = write_cases(tmp_path / "cases")
    write_predictions(tmp_path / "predictions", ["small-0@1"], cases)
    for subject in "bd":
        np.savez_compressed(tmp_path / "predictions/small-0@1" / f"{subject}_ED.npz", labels=cases[subject].labels)
    return tmp_path, config, models


@pytest.mark.parametrize("subject", "bd")
def test_pictures_of_ones_own_show_a_broken_stack_wherever_it_is(intact, subject):
    folder, _, models = intact
    write_predictions(folder / "predictions", ["small-0@1"], {subject: toy_case(subject)})
    # The log of a training that was interrupted before it wrote anything to it.
    (folder / "automaton" / "toy-2d" / "log").mkdir(parents=True)
    output = call("plots", intact, "--model", models[0], "--own")
    assert "Not drawn: training-toy-2d" in output
    assert (folder / "plots" / "film-seeing-2d.png").exists()
    assert (folder / "plots" / "gallery-seeing-2d.png").exists()


def test_evaluation_without_broken_slices_has_no_strata(intact):
    folder, config, models = intact
    output = call("evaluate", intact, "--model", models[0])
    assert "0 broken slices" in output
    assert not (folder / "evaluation-select-strata.csv").exists()
    assert "evaluation-select-strata.csv" in call("plots", intact, "--model", models[0])
    arguments = ["plots", "--run", folder, "--config", config, "--model", models[0], "--own"]
    done = run_command(*arguments)
    assert "validation set" in str(done.exception)


def test_plots_come_from_the_tables(run, tmp_path):
    models = run[2]
    call("evaluate", run, "--model", models[0])
    call("plots", run, "--model", models[0], "--own", "--output", tmp_path)
    assert (tmp_path / "strata.png").exists()
    assert (tmp_path / "film-seeing-2d.svg").exists()
