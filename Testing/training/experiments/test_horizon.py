"""The long rollout: automata that hold, flood and vanish, each told by its figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.toy_models import circle_architecture, circle_model, circle_parameters, identity_model, toy_model
from experiments.horizon import roll_on, summarise
from rncarefine.nca.architecture import ENDOCARDIUM, EPICARDIUM, RING
from rncarefine_training.evaluate.measure import failures_of
from training.toy_data import write_cases, write_predictions

LOOKS = (4, 8, 32)


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Return the failures of two cases."""
    folder = tmp_path_factory.mktemp("run")
    write_predictions(folder / "predictions", ["small-0@1"], write_cases(folder / "cases", "ab"))
    return failures_of(folder / "cases", folder / "predictions", ["small-0@1"], ["a", "b"])


def rolled(failures, model, seeds=(0, 1), steps=LOOKS):
    return pd.concat(roll_on(failures, model, steps=steps, seeds=seeds, device="numpy"), ignore_index=True)


def ever_growing():
    """Return an automaton that adds a little to every supervised channel in every step, wherever it is."""
    parameters = circle_parameters()
    parameters["condition.weight"][:] = 0
    parameters["condition.bias"][0] = 0.05
    parameters["perceive.weight"][:] = 0
    parameters["update.weight"][:] = 0
    parameters["update.weight"][[RING, EPICARDIUM], 0] = 1
    return toy_model(parameters, circle_architecture())


def vanishing():
    """Return an automaton that takes every state to zero."""
    parameters = circle_parameters()
    parameters["condition.weight"][:] = 0
    for channel in (RING, EPICARDIUM, ENDOCARDIUM):
        parameters["update.weight"][channel, 2 * channel] = 0
    return toy_model(parameters, circle_architecture())


def test_there_is_a_row_for_every_broken_slice_seed_and_look(failures):
    rows = rolled(failures, circle_model())
    assert len(rows) == 2 * 2 * len(LOOKS)
    assert set(rows.k) == {1}
    assert set(rows.seed) == {0, 1}
    assert set(rows.steps) == set(LOOKS)


def test_an_automaton_that_has_converged_stays_where_it_is(failures):
    rows = rolled(failures, circle_model())
    late = rows[rows.steps == 32]
    assert late.ring.all()
    assert (late.dice > 0.8).all()
    assert (late.moved < 0.02).all()
    np.testing.assert_allclose(late.area, 1, atol=0.3)


def test_an_automaton_that_does_nothing_closes_nothing(failures):
    rows = rolled(failures, identity_model())
    assert not rows.ring.any()
    assert (rows.dice == 0).all()


def test_flooding_shows_as_area(failures):
    rows = rolled(failures, ever_growing(), seeds=(0,), steps=(4, 64))
    early, late = rows[rows.steps == 4], rows[rows.steps == 64]
    assert not late.ring.any() or (late.area > 3).all()
    assert (late.dice.to_numpy() <= early.dice.to_numpy()).all()


def test_decay_shows_as_no_ring_and_no_dice(failures):
    late = rolled(failures, vanishing(), seeds=(0,)).query("steps == 32")
    assert not late.ring.any()
    assert (late[["dice", "area"]] == 0).all(axis=None)


def test_a_look_does_not_depend_on_the_other_looks(failures):
    columns = ["case", "seed", "dice", "area", "ring"]
    alone = rolled(failures, circle_model(), steps=(8,))[columns]
    among = rolled(failures, circle_model(), steps=LOOKS).query("steps == 8")[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)


def test_the_summary_has_the_mean_over_slices_and_the_span_of_the_seeds():
    rows = pd.DataFrame(
        {
            "source": "n",
            "case": [f"{subject}_ED" for subject in "aabbccddee"],
            "subject": list("aabbccddee"),
            "k": 1,
            "seed": [0, 1] * 5,
            "steps": 8,
            "ring": [True, False] * 5,
            "dice": [0.8, 0.6] * 5,
            "area": 1.0,
            "moved": 0.0,
        }
    )
    (line,) = summarise(rows).to_dict("records")
    assert (line["steps"], line["n"], line["seeds"]) == (8, 5, 2)
    assert (line["ring"], line["dice"]) == (0.5, pytest.approx(0.7))
    assert (line["dice least"], line["dice most"]) == (pytest.approx(0.6), pytest.approx(0.8))
    assert (line["dice low"], line["dice high"]) == (pytest.approx(0.7), pytest.approx(0.7))


def test_a_stack_without_a_broken_slice_has_no_rows(tmp_path):
    cases = write_cases(tmp_path / "cases", "a")
    (tmp_path / "predictions" / "small-0@1").mkdir(parents=True)
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "a_ED.npz", labels=cases["a"].labels)
    found = failures_of(tmp_path / "cases", tmp_path / "predictions", ["small-0@1"], ["a"])
    assert all(part.empty for part in roll_on(found, circle_model(), device="numpy"))
