"""Volumetric samples: windows of slices that belong together, whatever order, spacing and shifts they are shown in."""

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import CHANNELS
from rncarefine_training.automaton import samples as module
from rncarefine_training.automaton.samples import (
    KEPT_PIXELS,
    CroppedPrediction,
    CroppedStack,
    RepairSamples,
)
from training.toy_data import automaton_settings
from training.toy_samples import undisturbed

PLACE = {name: number for number, name in enumerate(CHANNELS)}
SIZE, DEPTH = 64, 3
MIDDLE = (SIZE - 1) / 2
QUIET = {"misled": 0.0, "redrawn": 0.0, "absent": 0.0, "vanished": 0.0}


def rings(count):
    """Return wall, discs and an empty right ventricle; the wall is the wider, the higher the slice's number."""
    rows, columns = np.indices((KEPT_PIXELS, KEPT_PIXELS)) - (KEPT_PIXELS - 1) / 2
    outer = 11 + 2 * np.arange(count)[:, None, None]
    filled, pool = (np.hypot(rows, columns) < outer - inwards for inwards in (0, 4))
    return np.stack([filled & ~pool, filled, pool, np.zeros_like(pool)]).astype(np.uint8) * np.uint8(255)


AREAS = [int((ring > 0).sum()) for ring in rings(6)[0]]


def stack(count=6, spacing_mm=5.0, broken=(4,)):
    """Return slices whose image is their true wall, and a network that broke some but drew the truth."""
    truth, every = rings(count), np.ones(count, bool)
    prediction = CroppedPrediction("net", truth[0].copy(), truth[2].copy(), np.isin(np.arange(count), broken))
    image = (truth[0] > 0).astype(np.float16)
    return CroppedStack("a_ED", image, truth, every, ~every, ~every, spacing_mm, ~every, predictions=[prediction])


def settings(**changes):
    return automaton_settings(**{"volumetric": True, "depth": DEPTH, "size": SIZE} | QUIET | changes)


def drawn(given, count=60, **changes):
    """Return fresh samples of one stack."""
    made = RepairSamples([given], settings(**changes), count, seed=0)
    return [made[index] for index in range(count)]


def number_of(wall):
    """Return which slice a wall is of, ``None`` where there is none."""
    area = int((wall >= 0.5).sum())
    return AREAS.index(area) if area else None


def numbers(sample):
    return [number_of(fields[0]) for fields in sample.target]


@pytest.fixture
def plain(monkeypatch):
    """Neither damage nor augment nor withhold: what is in a sample is what was put there."""
    undisturbed(monkeypatch, SIZE)
    monkeypatch.setattr(module, "withhold", lambda images, walls, pools, chosen, rng: (images, walls, pools))


def test_a_sample_is_a_window_of_slices():
    sample = drawn(stack(), 1)[0]
    assert sample.channels.shape == (DEPTH, len(CHANNELS), SIZE, SIZE)
    assert sample.target.shape == (DEPTH, 3, SIZE, SIZE)
    assert sample.weight.tolist() == [[1] * 3] * DEPTH
    assert sample.neighbour_weight.shape == ()
    assert all(values.dtype == torch.float32 and bool(torch.isfinite(values).all()) for values in sample)


@pytest.mark.parametrize(
    ("count", "spacing_mm", "steps"),
    [(6, 5.0, {1, -1, 2, -2}), (6, 6.0, {1, -1, 2, -2}), (6, 6.1, {1, -1}), (5, 5.0, {1, -1})],
    ids=["thin", "as wide as may be", "too wide for every other", "too few for every other"],
)
def test_slice_steps_depend_on_slice_spacing(plain, count, spacing_mm, steps):
    seen = []
    for sample in drawn(stack(count, spacing_mm)):
        (step,) = set(np.diff(numbers(sample)).tolist())
        seen.append(step)
    assert set(seen) == steps
    assert 0.25 < np.mean(np.array(seen) > 0) < 0.75
    if 2 in steps:
        assert 0.1 < np.mean(np.abs(seen) == 2) < 0.5


def test_neighbours_follow_the_order_of_the_window(plain):
    beyond = 0
    for sample in drawn(stack()):
        shown = numbers(sample)
        step = shown[1] - shown[0]
        for number, channels in zip(shown, sample.channels, strict=True):
            for name, other in (("below", number - step), ("above", number + step)):
                for kind in ("mask", "image"):
                    found = number_of(channels[PLACE[f"{kind} {name}"]])
                    assert found == (other if 0 <= other < 6 else None)
                    beyond += found is None
    assert beyond


def test_breath_hold_shifts_move_all_channels_alike(plain):
    places = np.indices((SIZE, SIZE))
    moved = []
    for sample in drawn(stack()):
        walls = sample.target[:, 0]
        assert torch.equal(sample.channels[:, PLACE["image"]], walls)
        assert torch.equal(sample.channels[:, PLACE["mask"]], walls)
        assert torch.equal(sample.channels[:, PLACE["pool"]], sample.target[:, 2])
        assert torch.equal(sample.target[:, 1] - sample.target[:, 2], walls)
        for n in range(1, DEPTH):
            for name, one, other in (("below", n, n - 1), ("above", n - 1, n)):
                for kind in ("mask", "image"):
                    assert torch.equal(sample.channels[one, PLACE[f"{kind} {name}"]], walls[other])
        centres = [[(axis * wall.numpy()).sum() / wall.numpy().sum() - MIDDLE for axis in places] for wall in walls]
        moved.append(np.round(centres, 3))
    shifts = np.array(moved)
    assert set(np.unique(shifts)) == {-2, -1, 0, 1, 2}
    still = (shifts == 0).all(axis=(1, 2))
    assert 0.35 < still.mean() < 0.85
    assert any((shift[0] != shift[1]).any() for shift in shifts[~still])


def test_neighbour_weight_follows_from_slice_spacing(plain):
    ratios = []
    for sample in drawn(stack(spacing_mm=5.9)):
        step = abs(int(np.diff(numbers(sample))[0]))
        ratios.append(5 / float(sample.neighbour_weight) / (5.9 * step))
    # Spacings vary by a tenth.
    assert 0.9 <= min(ratios) < 0.93
    assert 1.07 < max(ratios) <= 1.1


@pytest.mark.parametrize("k", [0, 1, 5])
def test_broken_slice_is_at_any_place_of_the_window(plain, k):
    shown = [numbers(sample) for sample in drawn(stack(broken=(k,)), 80, natural=1.0)]
    matters = [window for window in shown if k in window]
    # A quarter of the samples are any slice of the stack.
    assert len(matters) > 0.7 * len(shown)
    possible = {
        tuple(window[::turn])
        for turn in (1, -1)
        for step in (1, 2)
        for window in (range(start, start + DEPTH * step, step) for start in range(6))
        if k in window and window[-1] < 6
    }
    assert {tuple(window) for window in matters} == possible


def test_absent_slice_has_an_empty_truth(plain):
    given = stack()
    given.truth[:, 5] = 0
    given.closed[5], given.empty[5] = False, True
    for sample in drawn(given, 20, absent=1.0):
        (place,) = [n for n, fields in enumerate(sample.target) if not fields.any()]
        # The network drew one all the same, and the automaton learns to take it away.
        assert number_of(sample.channels[place, PLACE["mask"]]) == 5
        assert sample.weight.tolist() == [[1] * 3] * DEPTH


def test_damage_can_leave_nothing_of_a_wall(plain):
    chosen = {"natural": 0.0, "already_right": 0.0}
    for sample in drawn(stack(), 15, **chosen, vanished=1.0):
        gone = ~sample.channels[:, PLACE["mask"]].flatten(1).any(1)
        assert bool(gone.any())
        assert None not in numbers(sample)
    for sample in drawn(stack(), 15, **chosen, vanished=0.0):
        assert bool(sample.channels[:, PLACE["mask"]].flatten(1).any(1).all())


def test_slices_with_an_open_truth_are_shown_and_not_learnt_from(plain):
    given = stack()
    given.closed[3] = False
    weights = {}
    for sample in drawn(given, natural=0.0):
        for number, weight in zip(numbers(sample), sample.weight.tolist(), strict=True):
            weights.setdefault(number, set()).add(tuple(weight))
    assert weights == {number: {(0.0,) * 3 if number == 3 else (1.0,) * 3} for number in range(6)}


def test_stacks_with_too_few_slices_are_left_out():
    short, enough = stack(DEPTH - 1, broken=(1,)), stack(DEPTH, broken=(1,))
    assert RepairSamples([short, enough], settings(), 1, 0).candidates[0].closed == [enough]
    with pytest.raises(ValueError, match="3 slices"):
        RepairSamples([short], settings(), 1, 0)


def test_the_stacks_are_left_as_they_were():
    given, untouched = stack(), stack()
    drawn(given, 15, vanished=0.5, misled=0.5, redrawn=0.5)
    np.testing.assert_array_equal(given.image, untouched.image)
    np.testing.assert_array_equal(given.truth, untouched.truth)
    np.testing.assert_array_equal(given.predictions[0].wall, untouched.predictions[0].wall)


@pytest.mark.parametrize(("count", "spoiled"), [(3, {1}), (4, {1}), (7, {1, 2})])
def test_one_or_two_adjacent_slices_are_spoiled_with_their_masks_or_without(count, spoiled):
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((count, 24, 24)).astype(np.float32))
    walls = torch.ones(count, 24, 24)
    found, emptied = [], []
    for seed in range(200):
        seen, given = module.spoil(images, walls, np.random.default_rng(seed))
        changed = [n for n in range(count) if not torch.equal(seen[n], images[n])]
        assert 0 < changed[0] <= changed[-1] < count - 1  # the outer slices are neighbours only
        assert changed == list(range(changed[0], changed[-1] + 1))
        without = [n for n in range(count) if not given[n].any()]
        assert without in ([], changed)
        found.append(len(changed))
        emptied.append(bool(without))
    assert set(found) == spoiled
    assert 0.4 < np.mean(emptied) < 0.6
    assert torch.equal(walls, torch.ones_like(walls))
    if len(spoiled) > 1:
        assert 0.3 < np.mean(np.array(found) == 2) < 0.5
