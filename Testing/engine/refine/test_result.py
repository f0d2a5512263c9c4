"""What a repair makes of wall and pool, on masks of one row that one can check by eye."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rncarefine.refine.result import Changes
from rncarefine.stack import Stack

SHAPE = (1, 1, 8)
rows = arrays(np.uint8, SHAPE, elements=st.integers(0, 1))


def row(text):
    return np.array([[[int(character) for character in text]]], np.uint8)


def stack_of(mask, pool=None):
    return Stack.create(np.arange(mask.size, dtype=np.float32).reshape(mask.shape), mask, (8.0, 1.5, 1.0), pool)


def changes(mask, pool, wall, others=None):
    stack = stack_of(row(mask), None if pool is None else row(pool))
    return Changes.compose(stack, row(wall), others=None if others is None else row(others))


def test_the_pool_gives_what_the_wall_has_newly_taken():
    change = changes("11000000", "00111100", "11110000", others="00010011")
    np.testing.assert_array_equal(change.pool, row("00001100"))
    np.testing.assert_array_equal(change.taken_from_pool, row("00110000"))
    np.testing.assert_array_equal(change.taken_from_others, row("00010000"))
    assert change.pool_changed


def test_pool_and_wall_that_overlapped_before_still_do():
    change = changes("11100000", "00111000", "11110000")
    np.testing.assert_array_equal(change.pool, row("00101000"))


def test_what_the_wall_gives_up_does_not_become_pool():
    change = changes("11110000", "00001111", "11000000")
    assert not change.pool_changed
    np.testing.assert_array_equal(change.pool, row("00001111"))


def test_without_a_pool_there_is_none_afterwards_and_nothing_is_taken():
    change = changes("11000000", None, "11100000")
    assert change.pool is None
    assert not change.pool_changed
    for mask in (change.taken_from_pool, change.taken_from_others, change.trimmed):
        assert not mask.any()


def test_all_masks_are_zero_and_one_and_of_their_own_memory():
    change = changes("11000000", "00111100", "11110000")
    for mask in (change.wall, change.pool, change.added, change.removed, change.taken_from_pool, change.trimmed):
        assert mask.dtype == np.uint8
        assert not any(np.shares_memory(mask, other) for other in (change.stack.mask, change.stack.pool))


def test_a_wall_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match="shape"):
        Changes.compose(stack_of(row("11000000")), np.zeros((1, 2, 8), np.uint8))


def ring_and_spill(inside=True):
    """Two slices with a ring, a pool inside it, some of it under the wall, and a pool in the far corner."""
    ring, pool = np.zeros((2, 2, 9, 9), np.uint8)
    ring[:, 2:7, 2:7] = 1
    ring[:, 3:6, 3:6] = 0
    pool[:, 3:7, 3:6] = inside
    pool[:, 0, 0] = 1
    return ring, pool


def test_trimming_is_limited_to_the_given_slices():
    ring, pool = ring_and_spill()
    change = Changes.compose(stack_of(ring, pool), ring, trim_slices=[1])
    expected = pool.copy()
    expected[1, 0, 0] = 0
    np.testing.assert_array_equal(change.pool, expected)
    np.testing.assert_array_equal(change.trimmed, pool - expected)
    assert change.trimmed_mm2 == 1.5
    assert change.pool_changed
    assert not Changes.compose(stack_of(ring, pool), ring).pool_changed


def test_trimming_never_empties_a_slice():
    ring, pool = ring_and_spill(inside=False)
    change = Changes.compose(stack_of(ring, pool), ring, trim_slices=[0, 1])
    np.testing.assert_array_equal(change.pool, pool)
    assert not change.trimmed.any()


@given(mask=rows, pool=rows, others=rows, wall=rows)
def test_the_changes_lead_from_the_old_wall_to_the_new_one(mask, pool, others, wall):
    change = Changes.compose(stack_of(mask, pool), wall, others=others)
    np.testing.assert_array_equal((mask | change.added) & ~change.removed & 1, wall)
    assert not (change.added & change.removed).any()
    assert not (change.pool & change.added).any()
    assert not (change.pool & ~pool & 1).any()
    np.testing.assert_array_equal(change.pool | change.taken_from_pool, pool)
    np.testing.assert_array_equal(change.taken_from_others, change.added & others)
