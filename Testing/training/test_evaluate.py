"""Measuring the repair: rows one can check by hand, and intervals from the literature."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from engine.toy_models import circle_model, identity_model
from rncarefine_training import evaluate as evaluation
from rncarefine_training.baselines import BASELINES
from rncarefine_training.cases import MYOCARDIUM, POOL
from rncarefine_training.evaluate import VARIANTS, WHOLE, Interval, evaluate, summarise
from RNCARefineLib.metrics import dice, surface_distances
from RNCARefineLib.polar import polar_interpolation
from RNCARefineLib.topology import largest_component
from training.toy_data import CENTRE, failed, radius, toy_case, write_cases, write_predictions

METHODS = {*VARIANTS, *BASELINES}
MODEL = circle_model(half_mm=4.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a folder with two cases, a failure of each, and the rows of its evaluation."""
    folder = tmp_path_factory.mktemp("run")
    cases = write_cases(folder / "cases", "ab")
    write_predictions(folder / "predictions", ["small-0@1"], cases)
    return folder, cases, measured(folder)


def measured(folder, model=MODEL, sources=("small-0@1",), subjects=("a", "b"), with_pool=False):
    return evaluate(folder / "cases", folder / "predictions", sources, subjects, model, with_pool)


def row(rows, method, case="a_ED", k=1):
    (found,) = rows[(rows.method == method) & (rows.case == case) & (rows.k == k)].to_dict("records")
    return found


# Rows


def test_there_is_a_row_for_every_network_method_and_slice_with_a_prediction(run):
    rows = run[2]
    assert set(rows.method) == METHODS
    # Of four slices, the last has no heart.
    assert len(rows) == 2 * 3 * len(METHODS)
    assert set(rows.network) == {"small"}
    assert set(rows.case) == {"a_ED", "b_ED"}
    assert set(rows.k) == {0, 1, 2}


def test_slice_one_is_broken_and_the_others_are_correct(run):
    rows = run[2]
    np.testing.assert_array_equal(rows.broken, rows.k == 1)
    np.testing.assert_array_equal(rows.correct, rows.k != 1)


def test_the_input_is_measured_against_the_truth(run):
    _, cases, rows = run
    wall, truth = (
        (labels[1] == MYOCARDIUM).astype(np.uint8) for labels in (failed(cases["a"].labels), cases["a"].labels)
    )
    distances = surface_distances(wall, truth, (1.6, 1.6))
    for method in METHODS:
        found = row(rows, method)
        assert found["dice_before"] == pytest.approx(dice(wall, truth))
        assert found["hd_before"] == pytest.approx(distances.hd_mm)
        assert found["assd_before"] == pytest.approx(distances.assd_mm)
    missing = int(truth.sum() - wall.sum())
    assert row(rows, WHOLE)["dice_before"] == pytest.approx(2 * wall.sum() / (2 * wall.sum() + missing))


def test_a_baseline_is_measured_as_it_is(run):
    _, cases, rows = run
    wall, truth = (
        (labels[1] == MYOCARDIUM).astype(np.uint8) for labels in (failed(cases["a"].labels), cases["a"].labels)
    )
    closed = polar_interpolation(wall, (1.6, 1.6))
    found = row(rows, "polar interpolation")
    assert found["dice"] == pytest.approx(dice(closed, truth))
    assert found["hd"] == pytest.approx(surface_distances(closed, truth, (1.6, 1.6)).hd_mm)
    assert (found["valid"], found["changed"], found["flagged"]) == (True, True, False)
    kept = row(rows, "largest component")
    np.testing.assert_array_equal(largest_component(wall), wall)
    assert (kept["valid"], kept["changed"], kept["dice"]) == (False, False, kept["dice_before"])


def test_the_automaton_closes_the_gap_and_is_measured(run):
    found = row(run[2], WHOLE)
    assert (found["valid"], found["flagged"], found["changed"]) == (True, False, True)
    assert found["dice"] > 0.85
    assert found["hd"] < found["hd_before"]


def test_an_automaton_that_does_nothing_is_flagged_without_geometry(run):
    rows = measured(run[0], identity_model())
    assert row(rows, WHOLE)["valid"]
    alone = row(rows, "automaton alone")
    assert (alone["valid"], alone["flagged"], alone["changed"]) == (False, True, False)


def test_correct_slices_are_not_changed_and_not_measured_against_the_truth(run):
    correct = run[2][run[2].correct]
    assert not correct[correct.method.isin(VARIANTS)].changed.any()
    assert correct[["dice", "hd", "assd", "dice_before", "hd_before", "assd_before"]].isna().all(axis=None)


def test_an_open_base_is_closed_but_where_it_is_asked_to_be_left(run, tmp_path):
    _, cases, _ = run
    (tmp_path / "predictions" / "small-0@1").mkdir(parents=True)
    cases["a"].save(_made(tmp_path / "cases"))
    opened = failed(cases["a"].labels, k=0)
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "a_ED.npz", labels=opened)
    rows = measured(tmp_path, subjects=("a",))
    assert row(rows, WHOLE, k=0)["valid"]
    left = row(rows, "RNCARefine, base left open", k=0)
    assert (left["valid"], left["flagged"], left["changed"]) == (False, False, False)


def _made(folder):
    folder.mkdir(parents=True)
    return folder


def test_the_pool_of_the_network_is_given_on_request(run):
    # Half of a ring tells geometry little, the pool tells it where the middle is.
    folder, cases, _ = run
    target = folder / "predictions" / "half-0@1"
    target.mkdir(exist_ok=True)
    for case in cases.values():
        np.savez_compressed(target / f"{case.name}.npz", labels=failed(case.labels, width_deg=220))
    with_pool = row(measured(folder, identity_model(), ["half-0@1"], with_pool=True), WHOLE)
    without = row(measured(folder, identity_model(), ["half-0@1"]), WHOLE)
    assert with_pool["dice"] != without["dice"]


def test_the_network_is_the_name_of_its_kind(run):
    folder, cases, _ = run
    write_predictions(folder / "predictions", ["res-net-0@0.3"], {"a": cases["a"]})
    assert set(measured(folder, sources=["res-net-0@0.3"]).network) == {"res-net"}


def test_a_stack_without_any_prediction_has_no_rows(run, tmp_path):
    cases = write_cases(tmp_path / "cases", "ab")
    write_predictions(tmp_path / "predictions", ["small-0@1"], {"a": cases["a"]})
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "b_ED.npz", labels=np.zeros_like(cases["b"].labels))
    assert set(measured(tmp_path).case) == {"a_ED"}


def test_nothing_to_measure_is_an_error_that_says_what_to_run(run):
    with pytest.raises(ValueError, match="Run `rncarefine-train failures` first"):
        measured(run[0], sources=["nobody-0@1"])


# The table


def test_the_table_counts_and_averages_the_rows(run):
    table = summarise(run[2]).set_index("method")
    assert set(table.index) == METHODS
    ours = table.loc[WHOLE]
    rows = run[2][run[2].method == WHOLE]
    assert (ours.broken, ours.flagged, ours.correct, ours["correct changed"]) == (2, 0, 4, 0)
    assert ours.valid == str(Interval(2, 2))
    assert table.loc["largest component"].valid == str(Interval(0, 2))
    assert ours.dice == pytest.approx(rows[rows.broken].dice.mean())
    assert ours["hd before"] == pytest.approx(rows[rows.broken].hd_before.mean())


def test_flagged_slices_are_counted_apart():
    rows = pd.DataFrame(
        {
            "network": "n",
            "method": "m",
            "broken": [True, True, True, False],
            "correct": [False, False, False, True],
            "valid": [True, True, False, True],
            "flagged": [False, False, True, False],
            "changed": [True, True, False, True],
            **{name: [1.0, 2.0, 3.0, math.nan] for name in ("dice", "hd", "assd")},
            **{f"{name}_before": [4.0, 5.0, 6.0, math.nan] for name in ("dice", "hd", "assd")},
        }
    )
    (line,) = summarise(rows).to_dict("records")
    assert (line["broken"], line["flagged"], line["correct"], line["correct changed"]) == (3, 1, 1, 1)
    assert line["valid"] == str(Interval(2, 3))
    assert line["valid of unflagged"] == str(Interval(2, 2))
    assert (line["dice"], line["dice before"]) == (2.0, 5.0)


def test_a_data_set_without_a_failure_has_a_table_too(tmp_path):
    cases = write_cases(tmp_path / "cases", "a")
    (tmp_path / "predictions" / "small-0@1").mkdir(parents=True)
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "a_ED.npz", labels=cases["a"].labels)
    table = summarise(measured(tmp_path))
    assert (table.broken == 0).all()
    assert (table.correct == 3).all()
    assert table.dice.isna().all()


# Intervals


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_intervals_are_wilsons(hits, n, low, high):
    assert Interval(hits, n).bounds == pytest.approx((low, high), abs=6e-5)


def test_an_interval_of_nothing_says_nothing():
    assert Interval(0, 0).bounds == (0, 1)
    assert math.isnan(Interval(0, 0).share)


def test_an_interval_is_written_in_percent():
    assert str(Interval(81, 263)) == "30.8 % (25.5-36.6)"


def test_the_drawn_failure_is_the_one_the_tests_rely_on():
    # A sector of 70 degrees of the wall is called pool.
    truth = toy_case("a").labels
    lost = (truth[1] == MYOCARDIUM) & (failed(truth)[1] == POOL)
    rows, columns = np.nonzero(lost)
    assert np.degrees(np.abs(np.arctan2(rows - CENTRE[0], columns - CENTRE[1]))).max() < 35
    assert lost.sum() / (truth[1] == MYOCARDIUM).sum() == pytest.approx(70 / 360, abs=0.03)
    assert (radius()[lost] > 8).all()


def test_a_model_card_shows_the_figures_of_the_whole_repair_by_network():
    figures = {"broken": 9, "flagged": 1, "valid": "88.9 %", "dice before": 0.61234, "dice": 0.7}
    distances = {"hd before": 30.0, "hd": 10.0, "assd before": 4.0, "assd": 2.0}
    rows = [{"network": "weak", "method": method, **figures, **distances} for method in (WHOLE, "closing 8 mm")]
    assert evaluation.measured(pd.DataFrame(rows)) == {"weak": {**figures, "dice before": 0.612, **distances}}


def test_methods_are_compared_slice_by_slice():
    rows = [
        {"network": "a", "case": "c", "k": k, "method": method, "broken": k < 9, "dice": dice, "assd": 3 - dice}
        for k in range(10)
        for method, dice in ((WHOLE, 0.8 + 0.01 * k), ("polar interpolation", 0.7 if k else 0.9))
    ]
    found = evaluation.compare(pd.DataFrame(rows))
    assert found["better"] == pytest.approx(8 / 9)
    assert found["dice_gain"] == pytest.approx((sum(0.1 + 0.01 * k for k in range(1, 9)) - 0.1) / 9)
    assert 0 < found["p_dice"] < 0.05
    assert found["p_assd"] == pytest.approx(found["p_dice"])


def test_all_networks_are_summed_up():
    def slice_of(network, **values):
        base = {"network": network, "method": WHOLE, "broken": True, "correct": False, "flagged": False}
        return base | {"valid": True, "changed": True, "dice_before": 0.5} | values

    rows = [slice_of("a"), slice_of("b"), slice_of("b", flagged=True, valid=False, changed=False, dice_before=0.1)]
    rows += [
        slice_of("a", broken=False, correct=True, changed=False),
        slice_of("a", method="closing 8 mm", valid=False),
    ]
    found = evaluation.overall(pd.DataFrame(rows))
    assert found["flagged"].startswith("1 of 3, 33.3 %")
    assert found["median Dice of the flagged"] == "0.10"
    assert found["valid of unflagged"].startswith("2 of 2, 100.0 %")
    assert found["changed of correct"] == "0 of 1"
