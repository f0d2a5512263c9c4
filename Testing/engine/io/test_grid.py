"""Voxel grids and their relations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.file_samples import ijk_to_lps
from rncarefine.io.grid import Grid

offsets = st.tuples(*[st.integers(-20, 20)] * 3)
sizes = st.tuples(*[st.integers(1, 30)] * 3)


@given(size=sizes, other=sizes, first=offsets)
def test_the_offset_is_the_voxel_the_other_grid_begins_at(size, other, first):
    assert Grid(size, ijk_to_lps()).offset_of(Grid(other, ijk_to_lps(first))) == first


@given(size=sizes, other=sizes, first=offsets)
def test_the_united_grid_holds_exactly_both(size, other, first):
    one, two = Grid(size, ijk_to_lps()), Grid(other, ijk_to_lps(first))
    both = one.united(two)
    starts = np.array([both.offset_of(one), both.offset_of(two)])
    assert starts.min(axis=0).tolist() == [0, 0, 0]
    assert np.add(starts, [size, other]).max(axis=0).tolist() == list(both.size)


@given(size=sizes, first=offsets)
def test_a_grid_coincides_with_itself_only(size, first):
    one, two = Grid(size, ijk_to_lps()), Grid(size, ijk_to_lps(first))
    assert one.coincides_with(two) == (first == (0, 0, 0))
    assert not one.coincides_with(Grid((*size[:2], size[2] + 1), ijk_to_lps()))


def test_flipped_turned_scaled_and_flat_grids_do_not_coincide():
    base = ijk_to_lps()
    one = Grid((10, 10, 4), base)
    for change in (np.diag([-1, 1, 1, 1]), np.diag([1, 1, 1.1, 1]), np.eye(4)[[1, 0, 2, 3]]):
        assert one.offset_of(Grid((10, 10, 4), base @ change)) is None
        assert one.united(Grid((10, 10, 4), base @ change)) is None
    flat = Grid((10, 10, 4), base @ np.diag([1, 1, 0, 1]))
    assert flat.offset_of(one) is None


def test_small_rotation_matters_for_large_grids_only():
    turn = np.eye(4)
    turn[:2, :2] = [[1, -1e-3], [1e-3, 1]]
    for size, same in (((20, 20, 4), True), ((400, 400, 4), False)):
        assert Grid(size, ijk_to_lps()).coincides_with(Grid(size, ijk_to_lps() @ turn)) == same
