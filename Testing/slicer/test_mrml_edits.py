"""What a repair changes, on masks of one row that one can check by eye."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import toy_engine
from rncarefine.refine.records import Report
from rncarefine.refine.repair import RepairOptions
from rncarefine.stack import Stack
from RNCARefineLib.mrml.edits import Edits

SHAPE = (1, 1, 8)
rows = arrays(np.uint8, SHAPE, elements=st.integers(0, 1))


def row(text: str) -> np.ndarray:
    return np.array([[[int(character) for character in text]]], np.uint8)


def stack_of(mask: np.ndarray, pool: np.ndarray | None) -> Stack:
    return Stack.create(np.arange(mask.size, dtype=np.float32).reshape(mask.shape), mask, (8.0, 1.0, 1.0), pool)


def report_on(stack: Stack, pool_outside_mm2: float = 0.0) -> Report:
    report = toy_engine.check(stack, RepairOptions())
    return replace(report, slices=[replace(record, pool_outside_mm2=pool_outside_mm2) for record in report.slices])


def edits(mask: str, pool: str | None, wall: str, **options: Any) -> Edits:
    stack = stack_of(row(mask), None if pool is None else row(pool))
    return Edits.between(stack, row(wall), report_on(stack), **options)


def test_added_and_removed_are_the_differences() -> None:
    change = edits("11001010", None, "01101100")
    np.testing.assert_array_equal(change.added, row("00100100"))
    np.testing.assert_array_equal(change.removed, row("10000010"))


def test_the_pool_gives_what_the_wall_has_newly_taken() -> None:
    change = edits("11000000", "00111100", "11110000")
    np.testing.assert_array_equal(change.pool, row("00001100"))


def test_pool_and_wall_that_overlapped_before_still_do() -> None:
    change = edits("11100000", "00111000", "11110000")
    np.testing.assert_array_equal(change.pool, row("00101000"))


def test_what_the_wall_gives_up_does_not_become_pool() -> None:
    assert edits("11110000", "00001111", "11000000").pool is None


def test_an_untouched_pool_is_not_written() -> None:
    assert edits("11000000", "00001111", "11100000").pool is None
    assert edits("11000000", None, "11100000").pool is None


def disc_and_ring() -> tuple[np.ndarray, np.ndarray]:
    """Return a ring with its pool inside, and a pool that also lies in the far corner."""
    ring, pool = np.zeros((1, 9, 9), np.uint8), np.zeros((1, 9, 9), np.uint8)
    ring[0, 2:7, 2:7] = 1
    ring[0, 3:6, 3:6] = 0
    pool[0, 3:6, 3:6] = 1
    pool[0, 0, 0] = 1
    return ring, pool


def test_trimming_removes_the_pool_outside_the_ring() -> None:
    ring, pool = disc_and_ring()
    stack = stack_of(ring, pool)
    trimmed = Edits.between(stack, ring, report_on(stack, pool_outside_mm2=1.0), trim_pool=True).pool
    expected = pool.copy()
    expected[0, 0, 0] = 0
    np.testing.assert_array_equal(trimmed, expected)


def test_pool_is_trimmed_only_on_request_and_only_where_the_report_found_some_outside() -> None:
    ring, pool = disc_and_ring()
    stack = stack_of(ring, pool)
    assert Edits.between(stack, ring, report_on(stack, pool_outside_mm2=1.0)).pool is None
    assert Edits.between(stack, ring, report_on(stack), trim_pool=True).pool is None


def test_the_masks_of_a_review_are_those_before_and_after() -> None:
    masks = edits("11000000", "00111100", "11110000").masks()
    np.testing.assert_array_equal(masks.wall_before, row("11000000"))
    np.testing.assert_array_equal(masks.wall_after, row("11110000"))
    np.testing.assert_array_equal(masks.pool_before, row("00111100"))
    np.testing.assert_array_equal(masks.pool_after, row("00001100"))


def test_an_untouched_pool_is_the_same_before_and_after_and_a_missing_one_is_missing() -> None:
    masks = edits("11000000", "00001111", "11100000").masks()
    np.testing.assert_array_equal(masks.pool_after, row("00001111"))
    without = edits("11000000", None, "11100000").masks()
    assert without.pool_before is without.pool_after is None


@given(mask=rows, pool=rows, wall=rows)
def test_the_edits_lead_from_the_old_wall_to_the_new_one(mask: np.ndarray, pool: np.ndarray, wall: np.ndarray) -> None:
    stack = stack_of(mask, pool)
    change = Edits.between(stack, wall, report_on(stack))
    np.testing.assert_array_equal((mask | change.added) & ~change.removed & 1, wall)
    assert not (change.added & change.removed).any()
    after = pool if change.pool is None else change.pool
    assert not (after & change.added).any()
    assert not (after & ~pool & 1).any()
    np.testing.assert_array_equal(after | (pool & change.added), pool)
