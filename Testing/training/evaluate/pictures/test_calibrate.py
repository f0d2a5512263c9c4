"""The confidence of bridges, and the gate for pictures unlike those of the training."""

import numpy as np
import pandas as pd
import pytest

from rncarefine.nca.card import BRIDGE_FEATURES
from rncarefine_training.evaluate.pictures.calibrate import fit_bridges, fit_domain_gate
from rncarefine_training.evaluate.pictures.measure import is_true


def bridges(n=400, seed=0):
    rng = np.random.default_rng(seed)
    found = pd.DataFrame(rng.uniform(0, 1, (n, len(BRIDGE_FEATURES))), columns=list(BRIDGE_FEATURES))
    score = 8 * (found.likelihood - 0.5) + 4 * (found.support - 0.5)
    found["true"] = rng.random(n) < 1 / (1 + np.exp(-score))
    found["subject"] = [f"s{number % 4}" for number in range(n)]
    found["fragment"] = np.arange(n) % 3 > 0
    return found


def test_the_confidence_of_bridges_is_learnt_from_what_matters():
    calibration = fit_bridges(bridges())
    assert calibration.bridges == 400
    assert calibration.auroc > 0.85
    assert set(calibration.weights) == {"intercept", *BRIDGE_FEATURES}
    largest = sorted(BRIDGE_FEATURES, key=lambda name: -abs(calibration.weights[name]))[:2]
    assert set(largest) == {"likelihood", "support"}
    for precision in (calibration.precision, calibration.fragment_precision):
        shares = [precision[at] for at in sorted(precision)]
        assert shares[-1] > shares[0]


def test_too_few_bridges_are_an_error():
    with pytest.raises(ValueError, match="cannot be calibrated on 40 bridges"):
        fit_bridges(bridges(40))
    alone = bridges().assign(subject="s0")
    with pytest.raises(ValueError, match="2 subjects"):
        fit_bridges(alone)


def test_a_bridge_is_true_if_four_fifths_of_it_lie_on_vessel():
    distance = np.full((5, 10), 9.0)
    distance[2, :8] = 1.0
    path = np.stack([np.full(10, 2), np.arange(10)], axis=1)
    assert is_true(path, distance)
    distance[2, 7] = 3.0
    assert not is_true(path, distance)


def test_the_gate_lets_the_pictures_of_the_training_through():
    looks = pd.DataFrame({"red": [0.1, 0.2, 0.4], "noise": [1.0, 1.0, 1.0]})
    familiar = fit_domain_gate(looks)
    far = max(abs(looks.red - familiar["mean"]["red"]) / familiar["sd"]["red"])
    assert familiar["most"] == pytest.approx(1.5 * far)
    assert familiar["sd"]["noise"] > 0
    alike = fit_domain_gate(looks.assign(vessels=[0.1, *[0.101] * (len(looks) - 1)]))
    assert alike["sd"]["vessels"] == 0.03
