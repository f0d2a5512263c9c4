"""Damage: it breaks most walls, in the ways it says; misleading masks are wrong altogether."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.anatomy.topology import betti_2d
from rncarefine_training.automaton.damage import (
    add_components,
    cut_gap,
    damage,
    fill_pool,
    keep_arc,
    mislead,
    misplace,
    puncture,
)

SHAPE = (72, 80)
CENTRE = (33.0, 41.0)
seeds = st.integers(0, 10**6)

_rows, _columns = np.indices(SHAPE)
RADIUS = np.hypot(_rows - CENTRE[0], _columns - CENTRE[1])
WALL = (RADIUS >= 12) & (RADIUS < 18)
POOL = RADIUS < 12
RIGHT = (np.hypot(_rows - CENTRE[0], _columns - CENTRE[1] + 26) < 10) & (RADIUS >= 18)
STACK = tuple(np.stack([mask, np.roll(mask, 2, 0)]) for mask in (WALL, POOL, RIGHT))


def rng(seed=0):
    return np.random.default_rng(seed)


def sector_deg(mask):
    """Return how many degrees of the wall are there, by area."""
    return 360 * float((mask & WALL).sum()) / float(WALL.sum())


@given(seeds)
def test_damage_is_a_repeatable_boolean_mask(seed):
    kept = WALL.copy()
    result = damage(WALL, rng(seed))
    assert (result.dtype, result.shape) == (bool, SHAPE)
    np.testing.assert_array_equal(WALL, kept)
    np.testing.assert_array_equal(result, damage(WALL, rng(seed)))


def test_most_walls_are_broken_and_some_are_merely_in_a_wrong_place():
    results = [damage(WALL, rng(seed)) for seed in range(300)]
    broken = np.mean([betti_2d(result) != (1, 1) for result in results])
    assert 0.75 < broken < 0.97
    assert len({result.tobytes() for result in results}) > 280
    assert np.mean([result.any() for result in results]) > 0.99
    # Gaps, loose components and holes all occur.
    numbers = [betti_2d(result) for result in results]
    assert np.mean([b0 > 1 for b0, _ in numbers]) > 0.2
    assert np.mean([b1 == 0 for _, b1 in numbers]) > 0.3
    assert np.mean([b1 > 1 for _, b1 in numbers]) > 0.05


@given(seeds, st.floats(0.3, 2.2))
def test_misplaced_walls_stay_within_the_reach_of_the_deviation(seed, deviation):
    moved = misplace(WALL, rng(seed), deviation)
    reach = 4.5 * deviation + 1
    assert not moved[RADIUS > 18 + reach].any()
    assert not moved[RADIUS < 12 - reach].any()


def test_an_empty_wall_cannot_be_misplaced():
    assert not misplace(np.zeros(SHAPE, bool), rng(), 2.0).any()


@given(seeds, st.sampled_from([40, 90, 150]))
def test_gap_has_the_requested_width(seed, width):
    cut = cut_gap(WALL, WALL, rng(seed), width)
    assert not (cut & ~WALL).any()
    if width >= 90:
        assert betti_2d(cut)[1] == 0
    assert 360 - sector_deg(cut) == pytest.approx(width, abs=45)


@given(seeds, st.sampled_from([60, 120, 200]))
def test_arc_has_the_requested_width(seed, width):
    arc = keep_arc(WALL, WALL, rng(seed), width)
    assert not (arc & ~WALL).any()
    assert sector_deg(arc) == pytest.approx(width, abs=45)


def test_a_gap_and_the_arc_of_the_same_draws_are_the_whole_wall():
    cut, arc = cut_gap(WALL, WALL, rng(4), 100), keep_arc(WALL, WALL, rng(4), 100)
    np.testing.assert_array_equal(cut ^ arc, WALL)


@given(seeds)
def test_a_filled_pool_adds_nothing_but_pool(seed):
    filled = fill_pool(WALL, WALL, rng(seed))
    assert (filled & WALL).sum() == WALL.sum()
    added = filled & ~WALL
    assert added.any()
    assert not (added & ~POOL).any()


@given(seeds, st.integers(1, 4))
def test_holes_are_small_and_in_the_wall(seed, count):
    holed = puncture(WALL, rng(seed), count)
    lost = WALL & ~holed
    assert not (holed & ~WALL).any()
    assert 0 < lost.sum() <= count * 13


@given(seeds, st.integers(1, 4))
def test_pieces_are_only_added_and_no_larger_than_they_may_be(seed, count):
    pieced = add_components(WALL, WALL, rng(seed), count)
    added = pieced & ~WALL
    assert (pieced & WALL).sum() == WALL.sum()
    assert added.sum() <= count * np.pi * 6.5**2


# Masks that are wrong altogether


def kinds(count=400, right=RIGHT):
    """Return how often each kind of wrong mask is drawn, told from what was made of wall and pool."""
    found = dict.fromkeys(("elsewhere", "pool", "right", "filled", "thick", "thin"), 0)
    draws = rng()
    nothing = np.zeros_like(POOL)
    for _ in range(count):
        wall, pool = mislead(WALL, POOL, right, draws)
        if np.array_equal(wall, POOL) and np.array_equal(pool, nothing):
            found["pool"] += 1
        elif np.array_equal(wall, right) and np.array_equal(pool, POOL):
            found["right"] += 1
        elif np.array_equal(wall, WALL | POOL) and np.array_equal(pool, nothing):
            found["filled"] += 1
        elif (wall & WALL).sum() == WALL.sum() and wall.sum() > WALL.sum():
            found["thick"] += 1
            assert not (pool & wall).any()
            assert not (pool & ~POOL).any()
        elif not (wall & ~WALL).any() and np.array_equal(pool, POOL):
            found["thin"] += 1
            assert wall.sum() < WALL.sum()
        else:
            found["elsewhere"] += 1
            assert wall.sum() == WALL.sum()
            assert pool.sum() in (0, POOL.sum())
    assert sum(found.values()) == count
    return {name: number / count for name, number in found.items()}


def test_every_kind_of_wrong_mask_is_drawn_as_often_as_it_should_be():
    expected = {"elsewhere": 0.5, "pool": 0.12, "right": 0.1, "filled": 0.1, "thick": 0.09, "thin": 0.09}
    assert kinds() == pytest.approx(expected, abs=0.09)


def test_where_there_is_no_right_ventricle_none_is_taken_for_the_wall():
    found = kinds(right=np.zeros_like(RIGHT))
    assert found["right"] == 0
    assert found["filled"] == pytest.approx(0.2, abs=0.09)


@given(seeds)
def test_misleading_masks_are_repeatable_copies_of_the_same_shape(seed):
    kept = [mask.copy() for mask in STACK]
    for masks in (STACK, (WALL, POOL, RIGHT)):
        wall, pool = mislead(*masks, rng(seed))
        assert wall.dtype == pool.dtype == bool
        assert wall.shape == pool.shape == masks[0].shape
        again = mislead(*masks, rng(seed))
        np.testing.assert_array_equal(wall, again[0])
        np.testing.assert_array_equal(pool, again[1])
        assert not np.shares_memory(wall, masks[0])
        assert not np.shares_memory(pool, masks[1])
    for mask, copy in zip(STACK, kept, strict=True):
        np.testing.assert_array_equal(mask, copy)


def test_all_slices_are_misled_alike():
    for seed in range(40):
        stacked = mislead(*STACK, rng(seed))
        for k, masks in enumerate(zip(*STACK, strict=True)):
            single = mislead(*masks, rng(seed))
            for whole, one in zip(stacked, single, strict=True):
                np.testing.assert_array_equal(whole[k], one)
