"""Calibrating the confidence: evidence that tells gives weights that tell, and too little of it gives none."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.toy_models import identity_model, seeing_model
from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.refine.confidence import wall_confidence
from rncarefine_training.data.cases import MYOCARDIUM
from rncarefine_training.evaluate.calibrate import FOLDS, MIN_WALLS, collect_features, fit_confidence
from rncarefine_training.evaluate.measure import failures_of
from training.toy_data import toy_case, write_cases, write_predictions


def evidence(count=400, telling=3.0, subjects=20, seed=0):
    """Return made-up repairs that are good if the gain says so, by ``telling`` more than by chance."""
    rng = np.random.default_rng(seed)
    # Kinds of evidence of quite different sizes, as they are.
    scales = np.array([0.05, 0.2, 0.1, 0.3, 2.0, 0.1, 0.4, 1.0])
    rows = pd.DataFrame(rng.normal(0.5, 1, (count, len(REPAIRED_FEATURES))) * scales, columns=list(REPAIRED_FEATURES))
    score = telling * (rows.likelihood / 0.05 - 0.5) + rng.logistic(size=count)
    return rows.assign(good=score > 0, subject=[f"s{n % subjects}" for n in range(count)])


def fit(rows):
    return fit_confidence(rows, REPAIRED_FEATURES)


def probabilities(rows, weights):
    return np.array([wall_confidence(found, weights) for found in rows[list(REPAIRED_FEATURES)].to_dict("records")])


def test_the_weights_give_the_probabilities_of_the_regression():
    rows = evidence()
    weights = fit(rows).weights
    assert set(weights) == {"intercept", *REPAIRED_FEATURES}
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        rows[list(REPAIRED_FEATURES)].to_numpy(), rows.good
    )
    expected = fitted.predict_proba(rows[list(REPAIRED_FEATURES)].to_numpy())[:, 1]
    np.testing.assert_allclose(probabilities(rows, weights), expected, atol=1e-9)
    assert expected.min() < 0.1 < 0.9 < expected.max()


def test_auroc_is_that_of_subjects_left_out():
    rng = np.random.default_rng(1)
    rows = evidence(160, subjects=10)
    # Evidence that tells nothing but whose it is, and thereby who happens to be repaired well: nothing for others.
    whose = [int(subject[1:]) for subject in rows.subject]
    count = len(REPAIRED_FEATURES)
    rows[list(REPAIRED_FEATURES)] = rng.normal(size=(10, count))[whose] + rng.normal(0, 0.01, (160, count))
    rows["good"] = [number % 2 == 0 for number in whose]
    calibration = fit(rows)
    assert roc_auc_score(rows.good, probabilities(rows, calibration.weights)) > 0.98
    assert calibration.auroc < 0.75


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (evidence(60).assign(good=[n < MIN_WALLS - 1 for n in range(60)]), f"60 walls, {MIN_WALLS - 1} of the rarer"),
        (evidence(60).assign(good=[n > MIN_WALLS - 2 for n in range(60)]), f"60 walls, {MIN_WALLS - 1} of the rarer"),
        (evidence(200, subjects=FOLDS - 1), "200 walls"),
        (pd.DataFrame(), "0 walls, 0 of the rarer"),
    ],
    ids=["few good", "few others", "few subjects", "none"],
)
def test_too_few_walls_raise(rows, said):
    with pytest.raises(ValueError, match=said) as raised:
        fit(rows)
    assert {str(MIN_WALLS), str(FOLDS)} <= set(re.findall(r"\d+", str(raised.value)))


def test_just_enough_is_enough():
    rows = evidence(2 * MIN_WALLS, telling=0, subjects=FOLDS).assign(good=[n < MIN_WALLS for n in range(2 * MIN_WALLS)])
    assert fit(rows).walls == 2 * MIN_WALLS


# Collecting


@pytest.fixture
def failures(tmp_path):
    cases = write_cases(tmp_path / "cases", "ab")
    write_predictions(tmp_path / "predictions", ["small-0@1"], cases)
    nothing = np.zeros_like(cases["b"].labels)
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "b_ED.npz", labels=nothing)
    return failures_of(tmp_path / "cases", tmp_path / "predictions", ["small-0@1"], ["a", "b"])


def test_collected_rows_have_features_and_outcome(failures):
    rows, nothing = collect_features(failures, seeing_model())
    assert nothing.empty
    assert set(rows.columns) == {*REPAIRED_FEATURES, *CLOSED_FEATURES, "subject", "repaired", "good"}
    # Slice 1 has a gap of 70 degrees, which the toy automaton closes as the image shows; the other slices are whole.
    repaired = rows[rows.repaired]
    assert (repaired.subject.tolist(), repaired.good.tolist()) == (["a"], [True])
    assert float(repaired.likelihood.iloc[0]) > 0.8
    assert rows[~rows.repaired].good.all()


def test_good_depends_on_the_truth(failures, tmp_path):
    case = toy_case("a")
    # The repair lies beside what is now the truth: by a little, and by more than a wall can be out.
    for pixels, good in ((1, True), (3, False)):
        replace(case, labels=np.roll(case.labels, pixels, axis=2)).save(tmp_path / "cases")
        (rows,) = collect_features(failures[:1], seeing_model())
        assert rows[rows.repaired].good.tolist() == [good]


def test_walls_without_a_known_outer_contour_are_left_out(failures, tmp_path):
    (before,) = collect_features(failures[:1], seeing_model())
    case = toy_case("a")
    labels = case.labels.copy()
    labels[1][labels[1] == MYOCARDIUM] = 0
    replace(case, labels=labels, completed=True).save(tmp_path / "cases")
    (rows,) = collect_features(failures[:1], seeing_model())
    assert len(rows) == len(before) - 1
    assert before.repaired.any()
    assert not rows.repaired.any()


def test_stacks_without_a_repair_do_not_spoil_those_with_one(failures):
    """Frames without columns must not turn truths into numbers that ``~`` counts otherwise."""
    (nothing,) = collect_features(failures[1:], identity_model())
    rows = evidence(60)
    calibration = fit(pd.concat([nothing, rows, pd.DataFrame()]))
    assert calibration == fit(rows)
    few = rows.assign(good=[n < MIN_WALLS - 1 for n in range(60)])
    with pytest.raises(ValueError, match=rf"60 walls.*\b{MIN_WALLS - 1}\b"):
        fit(pd.concat([nothing, few]))
