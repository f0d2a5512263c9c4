"""Cases in their crop: image, truth and predictions about the true heart, and how they are loaded."""

from dataclasses import replace

import numpy as np
import pytest

from rncarefine_training.automaton.samples import INNER, KEPT_PIXELS, MIDDLE, OUTER, RIGHT, WALL, crop_case, load_stacks
from rncarefine_training.data.cases import MYOCARDIUM, POOL, RV
from training.toy_data import SPACING, failed, toy_case, write_cases, write_predictions


@pytest.fixture(scope="module")
def stack():
    case = toy_case("a")
    return crop_case(case, [("net", failed(case.labels))], 1.6)


def inner_only(case):
    """Return a case of which the inner contour alone is known."""
    return replace(case, labels=np.where(case.labels == POOL, POOL, 0).astype(np.uint8))


# A case in its crop


def test_the_crop_holds_wall_discs_and_right_ventricle_of_the_truth(stack):
    case = toy_case("a")
    assert stack.truth.shape == (4, 4, KEPT_PIXELS, KEPT_PIXELS)
    assert stack.truth.dtype == np.uint8
    soft = stack.truth / 255
    for k in range(3):
        for field, labels in ((WALL, [MYOCARDIUM]), (OUTER, [MYOCARDIUM, POOL]), (INNER, [POOL]), (RIGHT, [RV])):
            assert soft[field, k].sum() == pytest.approx(np.isin(case.labels[k], labels).sum(), rel=0.02)
        np.testing.assert_allclose(soft[OUTER, k], soft[WALL, k] + soft[INNER, k], atol=0.01)
        mass = soft[OUTER, k]
        for axis, places in enumerate(np.indices(mass.shape)):
            assert (places * mass).sum() / mass.sum() == pytest.approx((KEPT_PIXELS - 1) / 2, abs=1.0), axis
    assert not stack.truth[:3, 3].any()
    np.testing.assert_array_equal(stack.closed, [True, True, True, False])
    np.testing.assert_array_equal(stack.empty, [False, False, False, True])
    assert (stack.name, stack.subject, stack.spacing_mm, stack.completed) == ("a_ED", "a", SPACING[0], False)
    assert not stack.inner_only.any()


def test_intensities_are_scaled_over_the_whole_stack(stack):
    assert stack.image.shape == stack.truth.shape[1:]
    low, high = np.percentile(stack.image[(..., *MIDDLE)].astype(np.float32), [1, 99])
    assert (low, high) == pytest.approx((0, 1), abs=1e-3)


def test_predictions_are_cropped_and_marked_broken(stack):
    (prediction,) = stack.predictions
    assert prediction.source == "net"
    np.testing.assert_array_equal(prediction.broken, [False, True, False, False])
    np.testing.assert_array_equal(prediction.wall[[0, 2]], stack.truth[WALL, [0, 2]])
    lost = stack.truth[WALL, 1].astype(int) - prediction.wall[1]
    assert lost.max() == 255
    np.testing.assert_allclose(prediction.pool[1], stack.truth[INNER, 1] + lost, atol=1)


def test_a_slice_that_the_prediction_misses_is_not_a_failure():
    case = toy_case("a")
    labels = case.labels.copy()
    labels[1][labels[1] == MYOCARDIUM] = 0
    (prediction,) = crop_case(case, [("net", labels)], 1.6).predictions
    assert not prediction.broken.any()


def test_what_lies_away_from_the_heart_is_left_out_of_a_prediction():
    case = toy_case("a")
    labels = case.labels.copy()
    labels[1, 2:8, 2:8] = MYOCARDIUM
    labels[2, 66:70, 2:6] = POOL
    (prediction,) = crop_case(case, [("net", labels)], 1.6).predictions
    (clean,) = crop_case(case, [("net", case.labels)], 1.6).predictions
    np.testing.assert_array_equal(prediction.wall, clean.wall)
    np.testing.assert_array_equal(prediction.pool, clean.pool)
    # It is a failure all the same: that is what the network drew.
    np.testing.assert_array_equal(prediction.broken, [False, True, False, False])


# What is learnt from


def test_open_walls_have_no_loss_weight():
    case = toy_case("a")
    labels = failed(case.labels)
    labels[2][labels[2] == POOL] = MYOCARDIUM
    cropped = crop_case(replace(case, labels=labels), [], 1.6)
    np.testing.assert_array_equal(cropped.closed, [True, False, False, False])
    np.testing.assert_array_equal(cropped.solid, [False, False, True, False])
    np.testing.assert_array_equal(cropped.empty, [False, False, False, True])
    # Slice 1 is open, as some are drawn at the base; slice 2 is the tip of the apex, which has no pool.
    np.testing.assert_array_equal(cropped.loss_weights(), np.array([[1], [0], [1], [1]]) * np.ones(3))
    assert cropped.loss_weights().dtype == np.float32


def test_open_wall_without_pool_labels_has_no_loss_weight():
    case = toy_case("a")
    opened = failed(case.labels)
    without = np.where(opened == POOL, 0, opened).astype(np.uint8)
    for labels in (opened, without):
        stack = crop_case(replace(case, labels=labels), [], 1.6)
        assert stack.loss_weights()[:, 0].tolist() == [1, 0, 1, 1]


def test_of_an_inner_contour_the_endocardial_disc_alone_is_learnt():
    case = toy_case("a")
    stack = crop_case(inner_only(case), [("net", failed(case.labels))], 1.6)
    assert stack.inner_only.all()
    assert stack.loss_weights().tolist() == [[0, 0, 1]] * 4
    assert not stack.closed.any()
    assert not stack.truth[[WALL, OUTER]].any()
    for k in range(3):
        assert stack.truth[INNER, k].sum() / 255 == pytest.approx((case.labels[k] == POOL).sum(), rel=0.02)
    (prediction,) = stack.predictions
    assert prediction.wall[1].any()
    assert not prediction.broken.any()


# Loading


def test_stacks_are_loaded_with_existing_predictions(tmp_path):
    cases = write_cases(tmp_path / "cases", "ab")
    write_predictions(tmp_path / "predictions", ["x@1"], cases)
    write_predictions(tmp_path / "predictions", ["y@1"], {"b": cases["b"]})
    stacks = load_stacks(tmp_path / "cases", tmp_path / "predictions", ["a", "b"], 1.6, ["x@1", "y@1"])
    assert [(stack.name, [p.source for p in stack.predictions]) for stack in stacks] == [
        ("a_ED", ["x@1"]),
        ("b_ED", ["x@1", "y@1"]),
    ]
    (only,) = load_stacks(tmp_path / "cases", tmp_path / "predictions", ["b"], 1.6, ["x@1"])
    assert only.name == "b_ED"


def test_no_predictions_are_an_error(tmp_path):
    write_cases(tmp_path / "cases", "a")
    with pytest.raises(ValueError, match="No predictions"):
        load_stacks(tmp_path / "cases", tmp_path, ["a"], 1.6, ["x@1"])


def test_unlabelled_cases_are_not_loaded(tmp_path):
    cases = write_cases(tmp_path / "cases", "abc")
    write_predictions(tmp_path / "predictions", ["net@1"], cases)
    replace(cases["a"], labels=np.zeros_like(cases["a"].labels)).save(tmp_path / "cases")
    inner_only(cases["b"]).save(tmp_path / "cases")
    loaded = load_stacks(tmp_path / "cases", tmp_path / "predictions", ["a", "b", "c"], 1.6, ["net@1"])
    assert [(stack.name, stack.inner_only.all()) for stack in loaded] == [("b_ED", True), ("c_ED", False)]


def test_of_a_completed_case_the_outer_contours_are_learnt_where_they_are_drawn():
    case = toy_case("a")
    labels = case.labels.copy()
    labels[0][labels[0] != POOL] = 0
    stack = crop_case(replace(case, labels=labels, completed=True), [("net", failed(case.labels))], 1.6)
    assert stack.completed
    assert stack.inner_only.tolist() == [True, False, False, False]
    assert stack.closed.tolist() == [False, True, True, False]
    assert stack.loss_weights().tolist() == [[0, 0, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert stack.truth[INNER, 0].any()
    assert stack.predictions[0].broken.tolist() == [False, True, False, False]
