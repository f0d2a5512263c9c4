"""Samples: what is shown belongs to what is asked for, and sample n is always the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rncarefine_training.cases import MYOCARDIUM, POOL
from rncarefine_training.samples import FRAME_PIXELS, RepairSamples, frame_case, load_stacks
from RNCARefineLib.architecture import PLANES
from training.toy_data import SPACING, failed, toy_case, toy_config, write_cases, write_predictions

SETTINGS = toy_config().automaton
PLACE = {name: number for number, name in enumerate(PLANES)}


def settings(**changes):
    return SETTINGS.model_copy(update=changes)


@pytest.fixture(scope="module")
def stack():
    case = toy_case("a")
    return frame_case(case, [("net", failed(case.labels))], 1.6)


def samples(stacks, length=20, seed=0, **changes):
    return RepairSamples(stacks, settings(**changes), length, seed)


def dice(a, b):
    a, b = np.asarray(a) >= 0.5, np.asarray(b) >= 0.5
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


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


def test_no_predictions_are_an_error_that_says_what_to_run(tmp_path):
    write_cases(tmp_path / "cases", "a")
    with pytest.raises(ValueError, match="Run `rncarefine-train failures` first"):
        load_stacks(tmp_path / "cases", tmp_path, ["a"], 1.6, ["x@1"])


# Samples


def test_a_sample_is_planes_state_and_truth(stack):
    planes, state, target = samples([stack])[0]
    assert planes.shape == (len(PLANES), 48, 48)
    assert state.shape == (6, 48, 48)
    assert target.shape == (3, 48, 48)
    assert planes.dtype == state.dtype == target.dtype == torch.float32
    for values in (planes, state, target):
        assert bool(torch.isfinite(values).all())
    assert 0 <= float(target.min()) <= float(target.max()) <= 1


def test_sample_n_is_the_same_whenever_and_wherever_it_is_asked_for(stack):
    one, other = samples([stack]), samples([stack])
    for index in (5, 0, 11):
        for a, b in zip(one[index], other[index], strict=True):
            assert torch.equal(a, b)


def test_samples_and_seeds_differ(stack):
    first = samples([stack])
    assert not torch.equal(first[0][0], first[1][0])
    assert not torch.equal(first[0][0], samples([stack], seed=1)[0][0])


def test_there_are_as_many_as_asked_for(stack):
    assert len(samples([stack], length=17)) == 17


def test_the_truth_is_a_ring_between_its_discs_and_the_state_starts_from_the_mask(stack):
    for index in range(10):
        planes, state, target = samples([stack])[index]
        torch.testing.assert_close(target[0], target[1] - target[2], atol=1e-5, rtol=0)
        torch.testing.assert_close(state[0], planes[PLACE["mask"]])
        assert not bool(state[3:].any())
        assert not bool(state[:, planes[PLACE["mask"]] + target[1] == 0][0].any())


def test_real_failures_alone_show_what_the_network_made_of_a_slice(stack):
    gaps = []
    for index in range(20):
        planes, _, target = samples([stack], natural=1.0)[index]
        seen = planes[PLACE["mask"]].numpy() >= 0.5
        truth = target[0].numpy() >= 0.5
        # The prediction lacks a part of the wall here and there, and adds nothing but pixels of its edge.
        assert (seen & ~truth).sum() < 0.15 * truth.sum()
        gaps.append((truth & ~seen).sum() / truth.sum())
    assert np.mean(np.array(gaps) > 0.1) > 0.5


def test_truth_that_is_right_already_is_shown_as_it_is(stack):
    for index in range(10):
        planes, _, target = samples([stack], natural=0.0, already_right=1.0)[index]
        assert dice(planes[PLACE["mask"]], target[0]) > 0.97


def test_damage_alone_changes_most_of_the_walls(stack):
    seen = [samples([stack], natural=0.0, already_right=0.0)[index] for index in range(20)]
    assert np.mean([dice(planes[PLACE["mask"]], target[0]) < 0.95 for planes, _, target in seen]) > 0.7


def test_without_any_failure_the_truth_is_damaged_instead():
    case = toy_case("a")
    perfect = frame_case(case, [("net", case.labels)], 1.6)
    assert samples([perfect], natural=1.0)[0][0].shape == (len(PLANES), 48, 48)


def test_stacks_without_a_closed_ring_are_left_out(stack):
    nothing = replace(stack, closed=np.zeros(4, bool))
    assert samples([stack, nothing]).stacks == [stack]


def test_neighbours_are_shown_most_of_the_time_and_the_pool_now_and_then(stack):
    seen = [samples([stack])[index][0] for index in range(60)]
    share = {name: np.mean([bool(planes[PLACE[name]].any()) for planes in seen]) for name in ("below", "above", "pool")}
    # Slice 0 has nothing below; 15 % are left out on purpose.
    assert 0.3 < share["below"] < 0.9
    assert 0.3 < share["above"] < 0.95
    assert 0.2 < share["pool"] < 0.6


def test_the_neighbours_shown_are_those_below_and_above(stack, monkeypatch):
    monkeypatch.setattr("rncarefine_training.samples.damage", lambda wall, rng: wall)
    monkeypatch.setattr("rncarefine_training.samples.random_affine", lambda batch, draws, **strengths: batch)
    seen = [samples([stack], natural=0.0)[index][0] for index in range(40)]
    both = 0
    for planes in seen:
        below, mask, above = (int((planes[PLACE[name]] >= 0.5).sum()) for name in ("below", "mask", "above"))
        # The drawn heart tapers from slice to slice.
        assert below == 0 or below > mask
        assert above == 0 or above < mask
        both += below > 0 and above > 0
    assert both > 3


def test_the_pool_shown_is_that_of_the_same_slice(stack):
    for index in range(30):
        planes, _, target = samples([stack], natural=0.0)[index]
        pool = planes[PLACE["pool"]]
        if bool(pool.any()):
            assert dice(pool, target[2]) > 0.9


def test_masks_are_shown_soft_and_crisp(stack):
    soft = []
    for index in range(30):
        mask = samples([stack])[index][0][PLACE["mask"]]
        soft.append(bool(((mask > 0.01) & (mask < 0.99)).any()))
    assert 0.2 < np.mean(soft) < 0.8


def test_the_stacks_are_left_as_they_were(stack):
    kept = stack.image.copy(), stack.ring.copy(), stack.predictions[0].wall.copy()
    for index in range(20):
        samples([stack])[index]
    for values, copy in zip((stack.image, stack.ring, stack.predictions[0].wall), kept, strict=True):
        np.testing.assert_array_equal(values, copy)


def test_the_drawn_hearts_are_on_the_automatons_pixels():
    # Framing is exact there, which the tests above rely on.
    assert SPACING[1:] == (1.6, 1.6)
