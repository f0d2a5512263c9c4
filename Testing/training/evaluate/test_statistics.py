"""Statistics: intervals from the literature, tests and effect sizes against independent formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from rncarefine_training.evaluate.statistics import (
    Interval,
    bootstrap,
    mean,
    paired,
    proportion,
    rank_biserial,
    relative_change,
    signed_rank,
)

SIX = np.repeat(list("abcdef"), 4)


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
def test_intervals_of_independent_samples_are_wilsons(hits, n, low, high):
    assert Interval(hits, n).bounds == pytest.approx((low, high), abs=6e-5)


def test_interval_of_no_samples():
    assert Interval(0, 0).bounds == (0, 1)
    assert math.isnan(Interval(0, 0).share)


def test_a_mean_is_the_mean_of_what_is_known():
    found = mean([1.0, 2.0, math.nan, 6.0], ["a", "b", "c", "d"])
    assert (found.value, found.n, found.subjects) == (3.0, 3, 3)


def test_nothing_known_gives_nothing():
    found = mean([math.nan], ["a"])
    assert math.isnan(found.value)
    assert (found.n, found.subjects) == (0, 0)


def test_subjects_are_drawn_and_not_slices():
    # Slices of a subject that are all alike tell no more than one of them.
    rng = np.random.default_rng(0)
    by_subject = rng.normal(size=30)
    names = np.array([f"s{n}" for n in range(30)])
    once = mean(by_subject, names)
    often = mean(np.repeat(by_subject, 50), np.repeat(names, 50))
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    alone = mean(np.repeat(by_subject, 50), [f"t{n}" for n in range(1500)])
    assert alone.high - alone.low < (often.high - often.low) / 5


def test_interval_of_a_mean_is_near_normal():
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = mean(values, [f"s{n}" for n in range(400)])
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(found.value - half, abs=0.03)
    assert found.high == pytest.approx(found.value + half, abs=0.03)


def test_of_few_subjects_there_is_no_interval():
    found = mean([1.0, 2.0, 3.0, 4.0], list("abcd"))
    assert found.value == 2.5
    assert math.isnan(found.low)
    assert not math.isnan(mean([1.0, 2.0, 3.0, 4.0, 5.0], list("abcde")).low)


def test_slices_of_a_subject_do_not_make_a_share_more_certain():
    hits = np.array([True] * 12 + [False] * 4 + [True] * 8)
    once, often = proportion(hits, SIX), proportion(np.repeat(hits, 50), np.repeat(SIX, 50))
    assert once.value == often.value == pytest.approx(20 / 24)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    low, high = Interval(50 * 20, 50 * 24).bounds
    assert often.high - often.low > 5 * (high - low)
    assert once.percent == f"83.3 % ({100 * once.low:.1f}-{100 * once.high:.1f})"


@pytest.mark.parametrize("hit", [True, False])
def test_a_share_without_an_exception_has_no_interval(hit):
    found = proportion(np.full(24, hit), SIX)
    assert (found.value, found.n, found.subjects) == (hit, 24, 6)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.percent == f"{100 * hit:.1f} %"


def test_a_relative_change_is_that_of_the_means():
    found = relative_change([10.0, 30.0, math.nan], [5.0, 15.0, 99.0], ["a", "b", "c"])
    assert found.value == pytest.approx(-0.5)
    assert found.n == 2


def test_a_relative_change_that_is_the_same_everywhere_is_certain():
    before = np.arange(1.0, 25.0)
    found = relative_change(before, 0.7 * before, SIX)
    assert (found.low, found.value, found.high) == pytest.approx((-0.3, -0.3, -0.3))


def test_draws_in_which_a_statistic_is_undefined_are_left_out():
    found = bootstrap(SIX, lambda weights: np.where(weights[:, 0] == 0, np.nan, 1.0))
    assert (found.low, found.high) == (1.0, 1.0)


# Paired comparison


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30))
def test_the_effect_is_that_of_wilcoxons_sums(gains):
    values = np.array(gains, float)
    if not values.any():
        assert rank_biserial(values) == 0
        return
    statistic = wilcoxon(values, alternative="greater", method="asymptotic").statistic  # sum of the positive ranks
    n = int((values != 0).sum())
    total = n * (n + 1) / 2
    assert rank_biserial(values) == pytest.approx((statistic - (total - statistic)) / total)


def test_the_effect_has_the_sign_of_the_better_one():
    assert rank_biserial(np.array([1.0, 2.0, 3.0])) == 1
    assert rank_biserial(np.array([-1.0, -2.0, 0.0])) == -1
    # Kerby 2014: ranks 1, 2, 3; 5/6 for and 1/6 against.
    assert rank_biserial(np.array([-1.0, 2.0, 3.0])) == pytest.approx(4 / 6)


def test_a_paired_comparison_counts_slices_and_tests_subjects_too():
    gains = np.r_[np.linspace(0.1, 0.9, 23), math.nan]
    found = paired(gains, SIX)
    assert found.gain.n == 23
    assert found.gain.value == pytest.approx(0.5)
    assert found.better == 1
    assert found.p == pytest.approx(float(wilcoxon(gains[:23]).pvalue))
    # Six subjects, all better: 2 / 2^6.
    assert found.p_subjects == pytest.approx(2 / 64)


def test_equal_methods_have_p_1():
    assert signed_rank(np.zeros(5)) == 1
    assert paired(np.zeros(5), list("abcde")).p_subjects == 1
