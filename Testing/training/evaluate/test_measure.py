"""Measuring the repair: rows one can check by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.toy_models import identity_model, seeing_model
from rncarefine.anatomy.topology import largest_component
from rncarefine.nca.rollout import Runner
from rncarefine.refine.metrics import dice, surface_distances
from rncarefine.stack import Stack
from rncarefine.tasks.ring.interpolation import polar_interpolation
from rncarefine_training.data.cases import MYOCARDIUM
from rncarefine_training.evaluate.baselines import BASELINES
from rncarefine_training.evaluate.measure import (
    FULL_REPAIR,
    IMAGE_ALONE,
    NEAR,
    NO_MODEL,
    ONE_PASS,
    ONE_PASS_DECIDED,
    WITH_POOL,
    broken_slices,
    failures_of,
    measure_repairs,
    model_labels,
    place_of_slices,
    repairs,
    share_of_truth,
)
from training.toy_data import failed, toy_case, write_cases, write_predictions

VARIANTS = (FULL_REPAIR, WITH_POOL, ONE_PASS_DECIDED)
METHODS = {*VARIANTS, IMAGE_ALONE, ONE_PASS, NEAR, *BASELINES}
MODEL = seeing_model()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a folder with two cases, a failure of each, and the rows of its evaluation."""
    folder = tmp_path_factory.mktemp("run")
    cases = write_cases(folder / "cases", "ab")
    write_predictions(folder / "predictions", ["small-0@1"], cases)
    return folder, cases, measured(folder)


def measured(folder, *models, sources=("small-0@1",), subjects=("a", "b"), **options):
    found = failures_of(folder / "cases", folder / "predictions", sources, subjects)
    return pd.concat(measure_repairs(found, models or (MODEL,), **options), ignore_index=True)


def measured_alone(folder, case, drawn):
    """Return the rows of one case with this prediction."""
    for name in ("cases", "predictions/small-0@1"):
        (folder / name).mkdir(parents=True)
    case.save(folder / "cases")
    np.savez_compressed(folder / "predictions" / "small-0@1" / f"{case.name}.npz", labels=drawn)
    return measured(folder, subjects=(case.subject,))


def widened(values, **options):
    """Return an array with 60 rows and columns more."""
    return np.pad(values, ((0, 0), (0, 60), (0, 60)), **options)


def row(rows, method, case="a_ED", k=1):
    (found,) = rows[(rows.method == method) & (rows.case == case) & (rows.k == k)].to_dict("records")
    return found


# Rows


def test_one_row_per_network_method_and_slice(run):
    rows = run[2]
    assert set(rows.method) == METHODS
    # Of four slices, the last has no heart.
    assert len(rows) == 2 * 3 * len(METHODS)
    assert set(rows.network) == {"small"}
    assert set(rows.case) == {"a_ED", "b_ED"}
    assert set(rows.k) == {0, 1, 2}


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
    assert row(rows, FULL_REPAIR)["dice_before"] == pytest.approx(2 * wall.sum() / (2 * wall.sum() + missing))


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


def test_correct_slices_are_unchanged(run):
    correct = run[2][run[2].correct]
    assert not correct[correct.method.isin(VARIANTS)].changed.any()
    assert correct[["hd", "assd", "dice_before", "hd_before", "assd_before"]].isna().all(axis=None)
    assert correct.dice.notna().all()


def test_a_stack_without_any_prediction_has_no_rows(run, tmp_path):
    cases = write_cases(tmp_path / "cases", "ab")
    write_predictions(tmp_path / "predictions", ["small-0@1"], {"a": cases["a"]})
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "b_ED.npz", labels=np.zeros_like(cases["b"].labels))
    assert set(measured(tmp_path).case) == {"a_ED"}


def test_slices_of_a_completed_case_without_an_outer_contour_have_no_rows(tmp_path):
    case = toy_case("a")
    labels = case.labels.copy()
    labels[0][labels[0] == MYOCARDIUM] = 0
    rows = measured_alone(tmp_path, replace(case, labels=labels, completed=True), failed(case.labels))
    assert sorted(rows.k.unique()) == [1, 2]
    other = measured_alone(tmp_path / "other", replace(case, labels=labels), failed(case.labels))
    assert sorted(other.k.unique()) == [0, 1, 2]


def test_missing_predictions_raise(run):
    with pytest.raises(ValueError, match="rncarefine-train failures"):
        measured(run[0], sources=["nobody-0@1"])


def test_the_same_decisions_without_automaton_take_no_step(run, monkeypatch):
    taken = []
    roll = Runner.roll
    monkeypatch.setattr(
        Runner, "roll", lambda *given, **options: taken.append(options["steps"]) or roll(*given, **options)
    )
    case = run[1]["a"]
    wall = (failed(case.labels) == MYOCARDIUM).astype(np.uint8)
    stack = Stack.create(case.image, wall, case.spacing, None, case.name)
    found = repairs(stack, np.zeros_like(wall), MODEL, "m", "numpy")
    assert taken == [MODEL.card.steps, 0]
    assert [attempt.method for attempt in found] == [FULL_REPAIR, ONE_PASS_DECIDED, IMAGE_ALONE, ONE_PASS]


def test_several_models_share_the_baselines(run):
    rows = measured(run[0], MODEL, identity_model(name="idle-2d"))
    assert set(rows.model) == {MODEL.card.name, "idle-2d", NO_MODEL}
    assert (rows[rows.model == NO_MODEL].groupby(["case", "k"]).size() == len(BASELINES) + 1).all()
    assert (rows[rows.model == "idle-2d"].groupby(["case", "k"]).size() == 3).all()  # without a pool
    assert set(rows[rows.model == MODEL.card.name].sha256) == {MODEL.card.sha256}
    pd.testing.assert_frame_equal(rows[rows.model == MODEL.card.name].reset_index(drop=True), ours(run[2]))


def ours(rows):
    return rows[rows.model == MODEL.card.name].reset_index(drop=True)


def test_models_of_one_name_have_their_hash():
    one, other = seeing_model(), seeing_model(0.25)
    assert model_labels([one, identity_model(name="idle-2d")]) == [one.card.name, "idle-2d"]
    other = replace(other, card=replace(other.card, sha256="1" * 64))
    assert model_labels([one, other]) == [f"{one.card.name} (0000000)", f"{one.card.name} (1111111)"]


def test_duplicate_weights_raise(run):
    with pytest.raises(ValueError, match="given 2 times"):
        measured(run[0], MODEL, seeing_model())


def test_more_workers_give_the_same_rows_in_the_same_order(run):
    pd.testing.assert_frame_equal(measured(run[0], workers=2), run[2])


def test_fewer_than_one_worker_is_refused(run):
    with pytest.raises(ValueError, match="--workers 0"):
        measured(run[0], workers=0)


def test_rows_describe_their_slice(run):
    _, cases, rows = run
    wall, truth = (labels[1] == MYOCARDIUM for labels in (failed(cases["a"].labels), cases["a"].labels))
    found = row(rows, FULL_REPAIR)
    assert found["has"] == pytest.approx(wall.sum() / truth.sum())
    assert found["gap_deg"] == pytest.approx(70, abs=10)
    assert (found["slice_mm"], found["subject"], found["source"]) == (8.0, "a", "small-0@1")
    # The toy heart tapers with k: base first.
    assert [row(rows, FULL_REPAIR, k=k)["place"] for k in range(3)] == ["base", "middle", "apex"]


def test_the_share_of_the_truth_counts_only_what_lies_on_it():
    truth = np.array([[1, 1, 1, 1, 0, 0]], np.uint8)
    assert share_of_truth(np.array([[0, 0, 0, 1, 1, 1]], np.uint8), truth) == 0.25
    assert np.isnan(share_of_truth(truth, np.zeros_like(truth)))


def test_places_are_thirds_counted_from_the_base(run):
    truth = (run[1]["a"].labels == MYOCARDIUM).astype(np.uint8)
    assert place_of_slices(truth[::-1], (8, 1.6, 1.6)) == {3: "base", 2: "middle", 1: "apex"}
    assert place_of_slices(np.zeros_like(truth), (8, 1.6, 1.6)) == {}


def test_a_repair_gives_its_confidence_and_a_baseline_has_none(run):
    rows = run[2]
    assert 0 < row(rows, FULL_REPAIR)["confidence"] <= 1
    assert rows[rows.model == NO_MODEL].confidence.isna().all()
    closed = rows[rows.correct & rows.method.isin(VARIANTS)].confidence
    assert ((closed > 0) & (closed <= 1)).all()


def test_a_piece_far_away_is_no_part_of_the_input_near_the_heart(tmp_path):
    case = toy_case("a")
    drawn = widened(failed(case.labels))
    drawn[:, 120:126, 120:126] = MYOCARDIUM
    wide = replace(case, image=widened(case.image, mode="edge"), labels=widened(case.labels))
    near = row(measured_alone(tmp_path, wide, drawn), NEAR)
    assert near["hd_before"] > 100
    assert near["hd"] < 30
    assert near["dice"] > near["dice_before"]
    assert not near["valid"]


def test_broken_slices_are_what_the_automaton_alone_is_given(run):
    folder, cases, _ = run
    (failure,) = failures_of(folder / "cases", folder / "predictions", ["small-0@1"], ["a"])
    stack, truth, wanted = broken_slices(failure)
    assert (stack.name, wanted) == ("a_ED", [1])
    np.testing.assert_array_equal(stack.mask, failed(cases["a"].labels) == MYOCARDIUM)
    np.testing.assert_array_equal(truth, cases["a"].labels == MYOCARDIUM)
    assert failure.network == "small"
