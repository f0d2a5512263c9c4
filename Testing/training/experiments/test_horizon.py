"""Long rollouts: automata that hold, flood and vanish, each shown by its metrics."""

import numpy as np
import pandas as pd
import pytest

from engine.toy_models import seeing_model
from experiments import horizon
from experiments.horizon import long_rollouts, summarise
from rncarefine.refine.proposals import propose_around
from training.toy_data import toy_failures

STEPS = (4, 8, 48)


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Return the failures of two cases."""
    return toy_failures(tmp_path_factory.mktemp("run"))


def rolled(failures, model, seeds=(0, 1), steps=STEPS):
    return pd.concat(long_rollouts(failures, model, steps=steps, seeds=seeds, device="numpy"), ignore_index=True)


def test_an_automaton_that_has_converged_stays_where_it_is(failures):
    rows = rolled(failures, seeing_model())
    assert rows.bare.all()
    assert rows.ring.all()
    assert (rows.dice > 0.85).all()
    np.testing.assert_allclose(rows.area, 1, atol=0.3)
    assert (rows[rows.steps > 4].moved == 0).all()


def test_a_loose_component_counts_before_the_read_out_only(failures, monkeypatch):
    def with_speck(*arguments, **options):
        proposals = propose_around(*arguments, **options)
        for fields in (fields for step in (0, 8) for fields in proposals.snapshots[step].values()):
            fields[:, :4, :4] = np.array([1, 1, 0])[:, None, None]
        return proposals

    monkeypatch.setattr(horizon, "propose_around", with_speck)
    rows = rolled(failures, seeing_model(), seeds=(0,), steps=(0, 8, 48))
    assert (rows.bare == (rows.steps == 48)).all()
    assert rows.ring.all()


def test_horizon_summary_has_means_and_range_of_seeds():
    rows = pd.DataFrame(
        {
            "source": "n",
            "case": [f"{subject}_ED" for subject in "aabbccddee"],
            "subject": list("aabbccddee"),
            "k": 1,
            "seed": [0, 1] * 5,
            "steps": 8,
            "bare": [False, False] * 5,
            "ring": [True, False] * 5,
            "dice": [0.8, 0.6] * 5,
            "area": 1.0,
            "moved": 0.0,
        }
    )
    (line,) = summarise(rows).to_dict("records")
    assert (line["steps"], line["n"], line["seeds"]) == (8, 5, 2)
    assert (line["bare"], line["ring"], line["dice"]) == (0, 0.5, pytest.approx(0.7))
    assert (line["dice least"], line["dice most"]) == (pytest.approx(0.6), pytest.approx(0.8))
    assert (line["dice low"], line["dice high"]) == (pytest.approx(0.7), pytest.approx(0.7))
