"""Confidence: AUROC, calibration and risk-coverage against torchmetrics and small sums by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.classification import BinaryAUROC, BinaryCalibrationError

from rncarefine_training.evaluate.confidence import (
    BROKEN,
    CLOSED,
    GOOD,
    REPAIRED,
    ROSE,
    calibration_error,
    curves,
    reliability,
    risk_coverage,
    slices_with_confidence,
    summary,
    weighted_aurocs,
)
from rncarefine_training.evaluate.measure import FULL_REPAIR


def auroc(score, positive):
    return weighted_aurocs(score, positive, np.ones((1, len(score)))).item()


scored = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


@given(scored)
def test_the_auroc_is_torchmetrics_ties_included(pairs):
    score = np.array([value / 20 for value, _ in pairs])
    positive = np.array([flag for _, flag in pairs])
    if positive.all() or not positive.any():
        assert math.isnan(auroc(score, positive))
        return
    oracle = BinaryAUROC()(torch.tensor(score), torch.tensor(positive.astype(int)))
    assert auroc(score, positive) == pytest.approx(float(oracle), abs=1e-6)


@given(scored, st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_a_weight_counts_like_repeated_slices(pairs, counts):
    score = np.array([value / 20 for value, _ in pairs])
    positive = np.array([flag for _, flag in pairs])
    weights = np.array(counts[: len(pairs)])
    again = auroc(np.repeat(score, weights), np.repeat(positive, weights)) if weights.any() else math.nan
    (found,) = weighted_aurocs(score, positive, weights[None].astype(float))
    assert found == pytest.approx(again, nan_ok=True)


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_torchmetrics(pairs):
    score = np.array([value for value, _ in pairs])
    positive = np.array([flag for _, flag in pairs])
    # Its bins are open on the other side: keep away from their edges.
    score = np.where(np.isclose(score * 10, np.round(score * 10), atol=1e-3), score + 0.0005, score)
    oracle = BinaryCalibrationError(n_bins=10, norm="l1")(torch.tensor(score), torch.tensor(positive.astype(int)))
    assert calibration_error(score, positive) == pytest.approx(float(oracle), abs=1e-5)


def test_reliability_compares_promise_and_outcome_in_bins():
    table = reliability(np.array([0.05, 0.62, 0.68, 1.0]), np.array([False, True, False, True]))
    assert list(table.bin) == [0, 6, 9]
    assert list(table.n) == [1, 2, 1]
    np.testing.assert_allclose(table.confidence, [0.05, 0.65, 1.0])
    np.testing.assert_allclose(table.came, [0, 0.5, 1])


def test_bins_have_intervals_over_subjects():
    positive = np.array([True] * 9 + [False] * 3)
    once, often = (
        reliability(np.full(12 * n, 0.65), np.repeat(positive, n), np.repeat(list("abcdefabcdef"), n)) for n in (1, 50)
    )
    assert once.low[0] < once.came[0] == 0.75 < once.high[0]
    assert (often.low[0], often.high[0]) == pytest.approx((once.low[0], once.high[0]))


def test_risk_is_the_mean_of_the_most_confident():
    found = risk_coverage(np.array([0.2, 0.9, 0.5]), np.array([0.6, 0.0, 0.3]))
    np.testing.assert_allclose(found, [0.0, 0.15, 0.3])


def test_equal_confidence_makes_no_order_up():
    risk = np.array([1.0, 0.0, 0.5, 0.5])
    score = np.array([0.4, 0.4, 0.9, 0.1])
    np.testing.assert_allclose(risk_coverage(score, risk), [0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(risk_coverage(score[::-1], risk[::-1]), [0.5, 0.5, 0.5, 0.5])


# Rows


def line(confidence, before, after, **values):
    base = {"model": "m", "method": FULL_REPAIR, "network": "n", "subject": "s", "broken": True, "changed": True}
    return base | {"confidence": confidence, "dice_before": before, "dice": after} | values


ROWS = pd.DataFrame(
    [
        line(0.9, 0.5, 0.8, subject="a"),
        line(0.8, 0.5, 0.6, subject="b"),
        line(0.3, 0.7, 0.6, subject="c"),
        line(0.1, 0.0, 0.0, subject="d", broken=False),
        line(0.5, 0.5, 0.9, changed=False),
        line(math.nan, 0.5, 0.9),
        line(0.5, 0.5, 0.9, method="automaton alone"),
        line(0.5, 0.5, 0.9, model="other"),
    ]
)


def test_judged_are_changed_slices_with_a_confidence():
    assert list(slices_with_confidence(ROWS, "m", BROKEN).confidence) == [0.9, 0.8, 0.3]
    all_of_them = slices_with_confidence(ROWS, "m", REPAIRED)
    assert list(all_of_them[GOOD]) == [True, False, False, False]
    assert list(all_of_them[ROSE]) == [True, True, False, False]
    assert list(all_of_them.fell) == [False, False, True, False]


def test_closed_slices_are_unchanged_with_a_confidence():
    assert list(slices_with_confidence(ROWS, "m", CLOSED).confidence) == [0.5]
    lines = summary(ROWS).set_index(["slices", "question", "network"])
    assert lines.loc[(CLOSED, GOOD, "all")].n.to_list() == [1, 0]
    assert (CLOSED, ROSE, "all") not in lines.index


def test_the_summary_has_a_line_per_population_question_and_network():
    table = summary(ROWS).set_index(["model", "slices", "question", "network"])
    found = table.loc[("m", BROKEN, ROSE, "all")]
    assert (found.n, found.auroc) == (3, 1)
    assert found.share == pytest.approx(2 / 3)
    assert found.brier == pytest.approx((0.1**2 + 0.2**2 + 0.3**2) / 3)
    assert found.aurc == pytest.approx((0.2 + 0.3 + 1 / 3) / 3)
    assert table.loc[("m", BROKEN, GOOD, "all")].share == pytest.approx(1 / 3)
    assert table.loc[("m", BROKEN, GOOD, "all")].brier == pytest.approx((0.1**2 + 0.8**2 + 0.3**2) / 3)
    assert table.loc[("m", REPAIRED, GOOD, "all")].n == 4
    assert math.isnan(table.loc[("other", BROKEN, ROSE, "all")].auroc)


def test_good_is_a_dice_of_three_quarters_and_more():
    rows = pd.DataFrame([line(0.5, 0.5, after) for after in (0.7499, 0.75)])
    assert list(slices_with_confidence(rows, "m", BROKEN)[GOOD]) == [False, True]


def test_the_curves_end_with_all_slices():
    bins, points = curves(ROWS)
    mine = points[(points.model == "m") & (points.slices == REPAIRED)]
    np.testing.assert_allclose(mine.coverage, [0.25, 0.5, 0.75, 1.0])
    assert mine.fell.iloc[-1] == pytest.approx(0.25)
    np.testing.assert_allclose(mine.threshold, [0.9, 0.8, 0.3, 0.1])
    assert mine.poor.iloc[-1] == pytest.approx(0.75)
    assert bins[(bins.model == "m") & (bins.slices == BROKEN) & (bins.question == GOOD)].n.sum() == 3
