"""Samples: what is shown belongs to what is asked for, and sample n is always the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import PLANES
from rncarefine_training.automaton.samples import RepairSamples, frame_case
from training.toy_data import SPACING, failed, toy_case, toy_config

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


def only(stacks, index=0, **changes):
    """Return planes, state and truth of the only slice of a sample."""
    sample = samples(stacks, length=60, **changes)[index]
    return sample.planes[0], sample.state[0], sample.target[0]


def dice(a, b):
    a, b = np.asarray(a) >= 0.5, np.asarray(b) >= 0.5
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


def test_a_sample_is_planes_state_and_truth_of_one_slice(stack):
    sample = samples([stack])[0]
    assert sample.planes.shape == (1, len(PLANES), 48, 48)
    assert sample.state.shape == (1, 6, 48, 48)
    assert sample.target.shape == (1, 3, 48, 48)
    assert sample.weight.tolist() == [1]
    assert sample.closeness.shape == ()
    for values in sample:
        assert values.dtype == torch.float32
        assert bool(torch.isfinite(values).all())
    assert 0 <= float(sample.target.min()) <= float(sample.target.max()) <= 1


def test_sample_n_is_the_same_whenever_and_wherever_it_is_asked_for(stack):
    one, other = samples([stack]), samples([stack])
    for index in (5, 0, 11):
        for a, b in zip(one[index], other[index], strict=True):
            assert torch.equal(a, b)


def test_samples_and_seeds_differ(stack):
    first = samples([stack])
    assert not torch.equal(first[0].planes, first[1].planes)
    assert not torch.equal(first[0].planes, samples([stack], seed=1)[0].planes)


def test_there_are_as_many_as_asked_for(stack):
    assert len(samples([stack], length=17)) == 17


def test_the_truth_is_a_ring_between_its_discs_and_the_state_starts_from_the_mask(stack):
    for index in range(10):
        planes, state, target = only([stack], index)
        torch.testing.assert_close(target[0], target[1] - target[2], atol=1e-5, rtol=0)
        torch.testing.assert_close(state[0], planes[PLACE["mask"]])
        assert not bool(state[3:].any())
        assert not bool(state[:, planes[PLACE["mask"]] + target[1] == 0][0].any())


def test_real_failures_alone_show_what_the_network_made_of_a_slice(stack):
    gaps = []
    for index in range(20):
        planes, _, target = only([stack], index, natural=1.0)
        seen = planes[PLACE["mask"]].numpy() >= 0.5
        truth = target[0].numpy() >= 0.5
        # The prediction lacks a part of the wall here and there, and adds nothing but pixels of its edge.
        assert (seen & ~truth).sum() < 0.15 * truth.sum()
        gaps.append((truth & ~seen).sum() / truth.sum())
    assert np.mean(np.array(gaps) > 0.1) > 0.5


def test_truth_that_is_right_already_is_shown_as_it_is(stack):
    for index in range(10):
        planes, _, target = only([stack], index, natural=0.0, already_right=1.0)
        assert dice(planes[PLACE["mask"]], target[0]) > 0.97


def test_damage_alone_changes_most_of_the_walls(stack):
    seen = [only([stack], index, natural=0.0, already_right=0.0) for index in range(20)]
    assert np.mean([dice(planes[PLACE["mask"]], target[0]) < 0.95 for planes, _, target in seen]) > 0.7


def test_without_any_failure_the_truth_is_damaged_instead():
    case = toy_case("a")
    perfect = frame_case(case, [("net", case.labels)], 1.6)
    assert only([perfect], natural=1.0)[0].shape == (len(PLANES), 48, 48)


def test_stacks_without_a_closed_ring_are_left_out(stack):
    nothing = replace(stack, closed=np.zeros(4, bool))
    assert samples([stack, nothing]).stacks == [stack]
    with pytest.raises(ValueError, match=r"No stack has a closed ring and 1 slices or more\. Add cases\."):
        samples([nothing])


def test_neighbours_are_shown_most_of_the_time_and_the_pool_now_and_then(stack):
    seen = [only([stack], index)[0] for index in range(60)]
    share = {name: np.mean([bool(planes[PLACE[name]].any()) for planes in seen]) for name in ("below", "above", "pool")}
    # Slice 0 has nothing below; 15 % are left out on purpose.
    assert 0.3 < share["below"] < 0.9
    assert 0.3 < share["above"] < 0.95
    assert 0.2 < share["pool"] < 0.6


def test_the_neighbours_shown_are_those_below_and_above_in_either_order(stack, monkeypatch):
    monkeypatch.setattr("rncarefine_training.automaton.samples.damage", lambda wall, rng: wall)
    monkeypatch.setattr("rncarefine_training.automaton.samples.random_affine", lambda batch, draws, **strengths: batch)
    falls = []
    for index in range(60):
        planes = only([stack], index, natural=0.0)[0]
        below, mask, above = (int((planes[PLACE[name]] >= 0.5).sum()) for name in ("below", "mask", "above"))
        # The drawn heart tapers from slice to slice, and the stack begins at its base or at its apex.
        if below and above:
            assert below > mask > above or below < mask < above
            falls.append(below > above)
    assert len(falls) > 6
    assert 0.2 < np.mean(falls) < 0.8


def test_the_pool_shown_is_that_of_the_same_slice(stack):
    for index in range(30):
        planes, _, target = only([stack], index, natural=0.0)
        pool = planes[PLACE["pool"]]
        if bool(pool.any()):
            assert dice(pool, target[2]) > 0.9


def test_masks_are_shown_soft_and_crisp(stack):
    soft = []
    for index in range(30):
        mask = only([stack], index)[0][PLACE["mask"]]
        soft.append(bool(((mask > 0.01) & (mask < 0.99)).any()))
    assert 0.2 < np.mean(soft) < 0.8


def test_beyond_the_heart_the_truth_is_empty_whatever_the_network_drew():
    case = toy_case("a")
    labels = failed(case.labels)
    labels[3] = case.labels[2]
    beyond = frame_case(case, [("net", labels)], 1.6)
    for index in range(10):
        planes, state, target = only([beyond], index, absent=1.0)
        assert dice(planes[PLACE["mask"]], state[0]) == 1
        assert bool(state[0].any())
        assert not target.any()
        assert samples([beyond], absent=1.0)[index].weight.tolist() == [1]


def test_damage_can_leave_nothing_of_the_wall(stack):
    for index in range(10):
        planes, state, target = only([stack], index, natural=0.0, already_right=0.0, vanished=1.0)
        assert not planes[PLACE["mask"]].any()
        assert not state.any()
        assert bool(target[0].any())
        assert bool(torch.isfinite(planes).all())


@pytest.mark.parametrize(
    ("part", "left"),
    [
        ("image", ["image"]),
        ("neighbours", ["below", "above"]),
        ("fields", ["distance", "radius", "annulus"]),
        ("discs", []),
    ],
)
def test_an_ablation_does_without_its_planes_and_no_others(stack, part, left):
    for index in range(3):
        whole, without = (only([stack], index, without=parts)[0] for parts in ([], [part]))
        for name, plane in PLACE.items():
            assert torch.equal(without[plane], torch.zeros_like(whole[plane]) if name in left else whole[plane])
            assert name not in left or name in ("below", "above") or bool(whole[plane].any())


def test_the_stacks_are_left_as_they_were(stack):
    kept = stack.image.copy(), stack.ring.copy(), stack.predictions[0].wall.copy()
    for index in range(20):
        samples([stack])[index]
    for values, copy in zip((stack.image, stack.ring, stack.predictions[0].wall), kept, strict=True):
        np.testing.assert_array_equal(values, copy)


def test_the_drawn_hearts_are_on_the_automatons_pixels():
    # Framing is exact there, which the tests above rely on.
    assert SPACING[1:] == (1.6, 1.6)
