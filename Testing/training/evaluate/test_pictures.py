"""Baselines, calibration and tables of an evaluation on pictures."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from rncarefine.nca.card import BRIDGE_FEATURES
from rncarefine_training.evaluate.calibrate_pictures import fit_bridges, fit_familiar, is_true
from rncarefine_training.evaluate.measure_pictures import INPUT, REPAIRED, segmented
from rncarefine_training.evaluate.picture_baselines import b_star, cleaned, geometric, hysteresis
from rncarefine_training.evaluate.picture_tables import METRICS, PRECISION, document_table, measured, summarise_pictures
from rncarefine_training.evaluate.tables import ALL


def line(gap=0, side=90, width=5):
    mask = np.zeros((side, side), bool)
    mask[40 : 40 + width, 5 : side - 5] = True
    mask[:, 45 : 45 + gap] = False
    return mask


# Baselines


@pytest.mark.parametrize(("gap", "joined"), [(10, True), (20, True), (35, False)])
def test_geometric_bridges_reach_25_pixels(gap, joined):
    mask = line(gap, width=3)
    result = geometric(mask)
    assert (result & mask).sum() == mask.sum()
    assert ndimage.label(result, np.ones((3, 3)))[1] == (1 if joined else 2)


def test_geometric_bridges_lead_ahead():
    mask = line(0, width=3)
    mask[60:63, 5:85] = True  # parallel, 17 pixels away, at the side of every end
    np.testing.assert_array_equal(geometric(mask), mask)


def test_small_pieces_and_holes_go():
    mask = line(0, width=7)
    mask[43, 30:33] = False
    mask[70:80, 10:20] = True
    result = cleaned(mask)
    np.testing.assert_array_equal(result, line(0, width=7))
    assert not cleaned(mask, fill=False)[43, 31]
    np.testing.assert_array_equal(b_star(mask), result)


def test_hysteresis_keeps_what_is_connected_to_something_sure():
    probability = np.where(line(0, width=5), 0.4, 0.0).astype(np.float32)
    assert not hysteresis(probability).any()
    probability[42, 20] = 0.8
    np.testing.assert_array_equal(hysteresis(probability), line(0, width=5))


# Calibration


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
    familiar = fit_familiar(looks)
    far = max(abs(looks.red - familiar["mean"]["red"]) / familiar["sd"]["red"])
    assert familiar["most"] == pytest.approx(1.5 * far)
    assert familiar["sd"]["noise"] > 0
    alike = fit_familiar(looks.assign(vessels=[0.1, *[0.101] * (len(looks) - 1)]))
    assert alike["sd"]["vessels"] == 0.03


# Tables


def rows():
    lines = []
    for number in range(8):
        for method, gain in ((INPUT, 0.0), (REPAIRED, 0.02)):
            line = dict.fromkeys(METRICS, 0.5 + gain) | {"dice": 0.7 + gain + 0.01 * number}
            line |= {"bridges": 4 * (method == REPAIRED), "true_bridges": 3 * (method == REPAIRED)}
            line |= {"site": "eyes", "network": "ours", "case": f"s{number}_L", "subject": f"s{number}"}
            lines.append(line | {"method": method, "sha256": "abc"})
    return pd.DataFrame(lines)


def test_means_come_with_intervals_over_subjects_and_changes_against_the_input():
    table = summarise_pictures(rows())
    assert table.group.unique().tolist()[0] == "eyes, ours"
    ours = table[table.method == REPAIRED].iloc[0]
    assert (ours.n, ours.subjects, ours.bridges) == (8, 8, 32)
    assert ours.Dice == pytest.approx(0.755)
    assert ours["Dice low"] < ours.Dice < ours["Dice high"]
    assert ours["Dice change"] == pytest.approx(0.02)
    assert ours["Dice worst"] == pytest.approx(0.02)
    assert ours[PRECISION] == pytest.approx(0.75)
    shown = document_table(table)
    assert shown["site, network"].tolist() == ["eyes, ours (n=8)"] * 2 + [f"{ALL} (n=8)"] * 2
    assert shown.Dice.tolist()[1] == "0.755"
    assert shown.Dice.tolist()[-1].startswith("0.755 (0.7")


def test_the_card_holds_figures_of_its_own_weights_alone():
    found = measured(rows(), "abc")
    assert found["eyes, ours"]["dice"] == pytest.approx(0.755)
    assert found["eyes, ours"]["dice_before"] == pytest.approx(0.735)
    assert found["eyes, ours"]["bridge_precision"] == 0.75
    assert measured(rows(), "other") == {}


def test_only_segmented_pictures_of_the_subjects_are_measured():
    entries = [SimpleNamespace(subject=name, predictions={"ours": None}) for name in ("a", "b")]
    assert [(job.entry.subject, job.network) for job in segmented(entries, ["ours", "other"], ["b"])] == [("b", "ours")]
    with pytest.raises(ValueError, match="No network"):
        segmented(entries, ["other"], ["b"])
