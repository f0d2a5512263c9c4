"""Who is whose neighbour, and how close."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.nca.architecture import closeness
from rncarefine.nca.neighbours import link


def test_neighbours_are_the_slices_directly_below_and_above_of_the_same_stack():
    links = link(np.array([0, 0, 0, 1, 1]), np.array([3, 5, 4, 4, 6]), np.full(5, 8.0))
    assert links.below.tolist() == [5, 2, 0, 5, 5]
    assert links.above.tolist() == [2, 5, 1, 5, 5]


@pytest.mark.parametrize(("distance", "expected"), [(2, 1), (5, 1), (10, 0.5), (20, 0.25)])
def test_the_further_apart_the_less_slices_have_to_say(distance, expected):
    assert closeness(distance) == expected
    links = link(np.array([0, 0]), np.array([0, 1]), np.full(2, float(distance)))
    assert links.closeness.tolist() == [expected, expected]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=1, unique=True))
def test_whoever_lies_above_a_slice_has_it_below(places):
    links = link(np.array([s for s, _ in places]), np.array([k for _, k in places]), np.full(len(places), 6.0))
    for here, there in enumerate(links.above):
        if there < len(places):
            assert links.below[there] == here
            assert places[there] == (places[here][0], places[here][1] + 1)
        else:
            assert (places[here][0], places[here][1] + 1) not in places
