"""Cases in their frame: image, truth and predictions about the true heart, and how they are loaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rncarefine_training.automaton.samples import FRAME_PIXELS, frame_case, load_stacks
from rncarefine_training.data.cases import MYOCARDIUM, POOL
from training.toy_data import SPACING, failed, toy_case, write_cases, write_predictions


@pytest.fixture(scope="module")
def stack():
    case = toy_case("a")
    return frame_case(case, [("net", failed(case.labels))], 1.6)


# A case in its frame


def test_the_frame_holds_ring_and_discs_of_the_truth(stack):
    case = toy_case("a")
    middle = (FRAME_PIXELS - 1) / 2
    for k in range(3):
        wall, blood = case.labels[k] == MYOCARDIUM, case.labels[k] == POOL
        assert stack.ring[k].sum() == pytest.approx(wall.sum(), rel=0.02)
        assert stack.endocardium[k].sum() == pytest.approx(blood.sum(), rel=0.02)
        np.testing.assert_allclose(stack.epicardium[k], stack.ring[k] + stack.endocardium[k], atol=1e-5)
        mass = stack.epicardium[k]
        for axis, places in enumerate(np.indices(mass.shape)):
            assert (places * mass).sum() / mass.sum() == pytest.approx(middle, abs=1.0), axis
    assert not stack.ring[3].any()
    assert stack.ring.shape == (4, FRAME_PIXELS, FRAME_PIXELS)
    np.testing.assert_array_equal(stack.closed, [True, True, True, False])


def test_grey_values_are_scaled_over_the_whole_stack(stack):
    low, high = np.percentile(stack.image, [1, 99])
    assert (low, high) == pytest.approx((0, 1), abs=1e-3)


def test_a_prediction_is_framed_like_the_truth_and_its_failures_are_known(stack):
    (prediction,) = stack.predictions
    assert prediction.source == "net"
    np.testing.assert_array_equal(prediction.broken, [False, True, False, False])
    np.testing.assert_array_equal(prediction.usable, [True, True, True, False])
    np.testing.assert_allclose(prediction.wall[[0, 2]], stack.ring[[0, 2]])
    lost = stack.ring[1] - prediction.wall[1]
    assert lost.max() > 0.9
    np.testing.assert_allclose(prediction.pool[1], stack.endocardium[1] + lost, atol=1e-5)


def test_a_prediction_that_misses_a_slice_says_nothing_about_it():
    case = toy_case("a")
    labels = case.labels.copy()
    labels[1][labels[1] == MYOCARDIUM] = 0
    (prediction,) = frame_case(case, [("net", labels)], 1.6).predictions
    np.testing.assert_array_equal(prediction.broken, False)
    np.testing.assert_array_equal(prediction.usable, [True, False, True, False])


def test_another_spacing_frames_the_same_heart(stack):
    case = toy_case("a")
    coarse = frame_case(case, [], 3.2)
    assert coarse.ring[0].sum() * 3.2**2 == pytest.approx(stack.ring[0].sum() * 1.6**2, rel=0.05)


def test_pieces_away_from_the_heart_are_left_out_of_a_focused_prediction():
    case = toy_case("a")
    labels = case.labels.copy()
    labels[1, 2:8, 2:8] = MYOCARDIUM
    labels[2, 66:70, 2:6] = POOL
    (whole,), (focused,) = (frame_case(case, [("net", labels)], 1.6, focus).predictions for focus in (False, True))
    (clean,) = frame_case(case, [("net", case.labels)], 1.6).predictions
    assert whole.wall[1].sum() > clean.wall[1].sum() + 30
    assert whole.pool[2].sum() > clean.pool[2].sum() + 10
    np.testing.assert_array_equal(focused.wall, clean.wall)
    np.testing.assert_array_equal(focused.pool, clean.pool)
    # It is broken all the same: that is what the network drew.
    np.testing.assert_array_equal(focused.broken, [False, True, False, False])


def test_walls_that_are_open_about_a_pool_are_not_learnt_from():
    case = toy_case("a")
    labels = failed(case.labels)
    labels[2][labels[2] == POOL] = MYOCARDIUM
    framed = frame_case(replace(case, labels=labels), [], 1.6)
    np.testing.assert_array_equal(framed.closed, [True, False, False, False])
    np.testing.assert_array_equal(framed.empty, [False, False, False, True])
    # Slice 1 is open on purpose, as some are drawn at the base; slice 2 is the tip of the apex, which has no pool.
    np.testing.assert_array_equal(framed.learnt, [True, False, True, True])
    assert framed.distance_mm == SPACING[0]


# Loading


def test_the_stacks_of_some_subjects_come_with_the_predictions_that_there_are(tmp_path):
    cases = write_cases(tmp_path / "cases", "ab")
    write_predictions(tmp_path / "predictions", ["x@1"], cases)
    write_predictions(tmp_path / "predictions", ["y@1"], {"b": cases["b"]})
    stacks = load_stacks(tmp_path / "cases", tmp_path / "predictions", ["a", "b"], 1.6, ["x@1", "y@1"])
    assert [(stack.name, [p.source for p in stack.predictions]) for stack in stacks] == [
        ("a_ED", ["x@1"]),
        ("b_ED", ["x@1", "y@1"]),
    ]
    assert [stack.name for stack in load_stacks(tmp_path / "cases", tmp_path / "predictions", ["b"], 1.6, ["x@1"])] == [
        "b_ED"
    ]


def test_stacks_are_focused_if_asked_for(tmp_path):
    cases = write_cases(tmp_path / "cases", "a")
    far = failed(cases["a"].labels)
    far[0, 2:8, 2:8] = MYOCARDIUM
    (tmp_path / "x@1").mkdir()
    np.savez_compressed(tmp_path / "x@1" / "a_ED.npz", labels=far)
    whole, focused = (
        load_stacks(tmp_path / "cases", tmp_path, ["a"], 1.6, ["x@1"], focus)[0].predictions[0].wall[0].sum()
        for focus in (False, True)
    )
    assert whole > focused + 30


def test_no_predictions_are_an_error_that_says_what_to_run(tmp_path):
    write_cases(tmp_path / "cases", "a")
    with pytest.raises(ValueError, match="Run `rncarefine-train failures` first"):
        load_stacks(tmp_path / "cases", tmp_path, ["a"], 1.6, ["x@1"])


def test_without_labels_of_the_pool_an_open_wall_is_not_taken_for_the_tip_of_the_apex():
    case = toy_case("a")
    opened = failed(case.labels)
    with_pool = frame_case(replace(case, labels=opened), [], 1.6)
    without = frame_case(replace(case, labels=np.where(opened == POOL, 0, opened).astype(np.uint8)), [], 1.6)
    for stack in (with_pool, without):
        np.testing.assert_array_equal(stack.learnt, [True, False, True, True])


def test_a_case_without_a_wall_is_left_out_and_the_others_are_trained_on(tmp_path):
    cases = write_cases(tmp_path / "cases", "ab")
    write_predictions(tmp_path / "predictions", ["net@1"], cases)
    nothing = np.where(cases["a"].labels == MYOCARDIUM, 0, cases["a"].labels).astype(np.uint8)
    replace(cases["a"], labels=nothing).save(tmp_path / "cases")
    loaded = load_stacks(tmp_path / "cases", tmp_path / "predictions", ["a", "b"], 1.6, ["net@1"], focus=True)
    assert [stack.name for stack in loaded] == ["b_ED"]
