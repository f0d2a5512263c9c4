"""Volumetric samples: windows of slices that belong together, whatever order, distance and shifts they are shown in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import VOLUMETRIC_PLANES
from rncarefine_training.automaton import samples as module
from rncarefine_training.automaton.samples import FRAME_PIXELS, FramedPrediction, FramedStack, RepairSamples
from training.toy_data import toy_config

PLACE = {name: number for number, name in enumerate(VOLUMETRIC_PLANES)}
SIZE, DEPTH = 64, 3
MIDDLE = (SIZE - 1) / 2


def rings(count):
    """Return rings that every slice can be told by: its wall is the wider, the higher its number."""
    rows, columns = np.indices((FRAME_PIXELS, FRAME_PIXELS)) - (FRAME_PIXELS - 1) / 2
    outer = 11 + 2 * np.arange(count)[:, None, None]
    filled, pool = (np.hypot(rows, columns) < outer - inwards for inwards in (0, 4))
    return (filled & ~pool).astype(np.float32), filled.astype(np.float32), pool.astype(np.float32)


AREAS = [int(ring.sum()) for ring in rings(6)[0]]


def stack(count=6, distance_mm=5.0, broken=(4,)):
    """Return slices whose image is their true wall, and a network that broke some but drew the truth."""
    ring, filled, pool = rings(count)
    failed, every = np.isin(np.arange(count), broken), np.ones(count, bool)
    prediction = FramedPrediction("net", ring.copy(), pool.copy(), failed, failed)
    return FramedStack("a_ED", ring.copy(), ring, filled, pool, every, ~every, ~every, distance_mm, [prediction])


def settings(**changes):
    volumetric = {"volumetric": True, "depth": DEPTH, "size": SIZE}
    return toy_config().automaton.model_copy(update=volumetric | changes)


def drawn(given, count=80, **changes):
    """Return fresh samples of one stack."""
    made = RepairSamples([given], settings(**changes), count, seed=0)
    return [made[index] for index in range(count)]


def number_of(wall):
    """Tell which slice a wall is of; ``None`` where there is none."""
    area = int((wall >= 0.5).sum())
    return AREAS.index(area) if area else None


def numbers(sample):
    return [number_of(fields[0]) for fields in sample.target]


@pytest.fixture
def plain(monkeypatch):
    """Neither damage nor augment: what is in a sample is what was put there."""
    monkeypatch.setattr(module, "damage", lambda wall, rng: wall)
    monkeypatch.setattr(module, "random_affine", lambda batch, draws, **strengths: batch)
    monkeypatch.setattr(module, "random_contrast", lambda images, draws, strength: images)


def test_a_sample_is_a_window_of_slices():
    sample = drawn(stack(), 1)[0]
    assert sample.planes.shape == (DEPTH, len(VOLUMETRIC_PLANES), SIZE, SIZE)
    assert sample.state.shape == (DEPTH, 6, SIZE, SIZE)
    assert sample.target.shape == (DEPTH, 3, SIZE, SIZE)
    assert sample.weight.tolist() == [1] * DEPTH
    assert sample.closeness.shape == ()
    assert all(values.dtype == torch.float32 and bool(torch.isfinite(values).all()) for values in sample)


def test_sample_n_is_always_the_same():
    one, again = drawn(stack(), 3), drawn(stack(), 3)
    assert all(torch.equal(a, b) for n in range(3) for a, b in zip(one[n], again[n], strict=True))
    assert not torch.equal(one[0].planes, one[1].planes)


@pytest.mark.parametrize(
    ("count", "distance_mm", "steps"),
    [(6, 5.0, {1, -1, 2, -2}), (6, 6.0, {1, -1, 2, -2}), (6, 6.1, {1, -1}), (5, 5.0, {1, -1})],
    ids=["thin", "as wide as may be", "too wide for every other", "too few for every other"],
)
def test_slices_follow_each_other_in_either_order_and_thin_ones_also_every_other(plain, count, distance_mm, steps):
    seen = []
    for sample in drawn(stack(count, distance_mm)):
        (step,) = set(np.diff(numbers(sample)).tolist())
        seen.append(step)
    assert set(seen) == steps
    assert 0.3 < np.mean(np.array(seen) > 0) < 0.7
    if 2 in steps:
        assert 0.15 < np.mean(np.abs(seen) == 2) < 0.45


def test_below_and_above_are_the_slices_before_and_after_in_the_order_that_is_shown(plain):
    left_out, there = 0, 0
    for sample in drawn(stack()):
        shown = numbers(sample)
        step = shown[1] - shown[0]
        for number, planes in zip(shown, sample.planes, strict=True):
            for name, other in (("below", number - step), ("above", number + step)):
                found = number_of(planes[PLACE[name]])
                if 0 <= other < 6:
                    assert found in (other, None)
                    left_out += found is None
                    there += 1
                else:
                    assert found is None
    assert 0.1 < left_out / there < 0.2


def test_a_shifted_slice_moves_with_its_truth_and_its_neighbours_with_theirs(plain):
    places = np.indices((SIZE, SIZE))
    moved = []
    for sample in drawn(stack()):
        walls = sample.target[:, 0]
        assert torch.equal(sample.planes[:, PLACE["image"]], walls)
        assert torch.equal(sample.planes[:, PLACE["mask"]], walls)
        assert torch.equal(sample.state[:, 0], walls)
        assert torch.equal(sample.target[:, 1] - sample.target[:, 2], walls)
        for planes, pool in zip(sample.planes[:, PLACE["pool"]], sample.target[:, 2], strict=True):
            assert not planes.any() or torch.equal(planes, pool)
        for n in range(1, DEPTH):
            for name, one, other in (("below", n, n - 1), ("above", n - 1, n)):
                beside = sample.planes[one, PLACE[name]]
                assert not beside.any() or torch.equal(beside, walls[other])
        centres = [[(axis * wall.numpy()).sum() / wall.numpy().sum() - MIDDLE for axis in places] for wall in walls]
        moved.append(np.round(centres, 3))
    shifts = np.array(moved)
    assert set(np.unique(shifts)) == {-2, -1, 0, 1, 2}
    still = (shifts == 0).all(axis=(1, 2))
    assert 0.4 < still.mean() < 0.8
    assert any((shift[0] != shift[1]).any() for shift in shifts[~still])


def test_plane_and_closeness_tell_the_distance_of_the_slices_shown(plain):
    ratios = []
    for sample in drawn(stack(distance_mm=5.5)):
        step = abs(int(np.diff(numbers(sample))[0]))
        plane = sample.planes[:, PLACE["slice distance"]]
        assert float(plane.min()) == float(plane.max())
        distance = 10 * float(plane.max())
        assert float(sample.closeness) == pytest.approx(min(1, 5 / distance))
        ratios.append(distance / (5.5 * step))
    assert 0.9 <= min(ratios) < 0.93
    assert 1.07 < max(ratios) <= 1.1


@pytest.mark.parametrize("k", [0, 1, 4, 5])
def test_the_slice_that_matters_is_anywhere_in_the_window_that_it_fits(plain, k):
    shown = [numbers(sample) for sample in drawn(stack(broken=(k,)), natural=1.0)]
    assert all(k in window for window in shown)
    possible = {
        tuple(window[::turn])
        for turn in (1, -1)
        for step in (1, 2)
        for window in (range(start, start + DEPTH * step, step) for start in range(6))
        if k in window and window[-1] < 6
    }
    assert {tuple(window) for window in shown} == possible


def test_a_slice_without_a_wall_is_asked_for_with_an_empty_truth(plain):
    given = stack()
    for values in (given.ring, given.epicardium, given.endocardium):
        values[5] = 0
    given.closed[5], given.empty[5] = False, True
    for sample in drawn(given, 30, absent=1.0):
        (place,) = [n for n, fields in enumerate(sample.target) if not fields.any()]
        # The network drew one all the same, and the automaton learns to take it away.
        assert number_of(sample.planes[place, PLACE["mask"]]) == 5
        assert bool(sample.state[place, 0].any())
        assert sample.weight.tolist() == [1] * DEPTH
    without = [sum(not fields.any() for fields in sample.target) for sample in drawn(given, 30, natural=1.0)]
    assert 0 in without


def test_where_every_slice_has_a_wall_none_is_absent(plain):
    assert all(None not in numbers(sample) for sample in drawn(stack(), 20, absent=1.0))


def test_damage_can_leave_nothing_of_a_wall(plain):
    chosen = {"natural": 0.0, "already_right": 0.0}
    for sample in drawn(stack(), 20, **chosen, vanished=1.0):
        gone = ~sample.planes[:, PLACE["mask"]].flatten(1).any(1)
        assert bool(gone.any())
        assert not sample.state[gone].any()
        assert None not in numbers(sample)
    for sample in drawn(stack(), 20, **chosen):
        assert bool(sample.planes[:, PLACE["mask"]].flatten(1).any(1).all())


def test_slices_that_are_open_on_purpose_are_shown_and_not_learnt_from(plain):
    given = stack()
    given.closed[3] = False
    weights = {}
    for sample in drawn(given, natural=0.0):
        for number, weight in zip(numbers(sample), sample.weight.tolist(), strict=True):
            weights.setdefault(number, set()).add(weight)
    assert weights == {number: {0.0 if number == 3 else 1.0} for number in range(6)}


def test_stacks_with_too_few_slices_are_left_out():
    short, enough = stack(DEPTH - 1, broken=(1,)), stack(DEPTH, broken=(1,))
    assert RepairSamples([short, enough], settings(), 1, 0).stacks == [enough]
    with pytest.raises(ValueError, match="No stack has a closed ring and 3 slices or more"):
        RepairSamples([short], settings(), 1, 0)
    assert RepairSamples([enough], settings(), 1, 0)[0].weight.tolist() == [1] * DEPTH


def test_the_stacks_are_left_as_they_were():
    given = stack()
    kept = replace(given, image=given.image.copy(), ring=given.ring.copy())
    drawn(given, 20, vanished=0.5)
    np.testing.assert_array_equal(given.image, kept.image)
    np.testing.assert_array_equal(given.ring, kept.ring)
    np.testing.assert_array_equal(given.predictions[0].wall, kept.ring)
