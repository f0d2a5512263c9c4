"""Links between slices: which one lies below, which above, and how much they weigh."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.nca.architecture import neighbour_weight
from rncarefine.nca.neighbours import link


def test_neighbours_are_adjacent_in_the_same_stack():
    links = link(np.array([0, 0, 0, 1, 1]), np.array([3, 5, 4, 4, 6]), np.full(5, 8.0))
    assert links.below.tolist() == [5, 2, 0, 5, 5]
    assert links.above.tolist() == [2, 5, 1, 5, 5]


def test_every_stack_weighs_by_its_own_slice_spacing():
    spacings = np.array([4.0, 4.0, 8.0, 10.0])
    links = link(np.array([0, 0, 1, 2]), np.array([0, 1, 0, 0]), spacings)
    assert links.neighbour_weight.dtype == np.float32
    assert links.neighbour_weight == pytest.approx([neighbour_weight(mm) for mm in spacings])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=1, unique=True))
def test_the_slice_above_has_this_one_below(places):
    links = link(np.array([s for s, _ in places]), np.array([k for _, k in places]), np.full(len(places), 6.0))
    for here, there in enumerate(links.above):
        if there < len(places):
            assert links.below[there] == here
            assert places[there] == (places[here][0], places[here][1] + 1)
        else:
            assert (places[here][0], places[here][1] + 1) not in places
