"""Which cells fire: the same everywhere, and otherwise as good as chance."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.shapes import picture
from rncarefine.nca.fire import cell_keys, fires, mix

WORD = 2**32
words = st.integers(0, WORD - 1)


def lowbias32(value):
    """Wellons' hash in plain integers."""
    value ^= value >> 16
    value = value * 0x7FEB352D % WORD
    value ^= value >> 15
    value = value * 0x846CA68B % WORD
    return value ^ value >> 16


def cell_fires(seed, step, k, j, i, rate):
    """Say whether one cell fires, in plain integers."""
    key = lowbias32((k + 0x9E3779B9) % WORD)
    key = lowbias32(lowbias32(key ^ j) ^ i)
    moment = lowbias32(lowbias32(seed % WORD) ^ step)
    return lowbias32(key ^ moment) < int(rate * WORD)


def field(seed=0, step=0, k=0, rate=0.5, size=256):
    return fires(cell_keys(np.array([k]), size, size), seed, step, rate)[0]


@given(words)
def test_mixing_is_the_published_hash(value):
    assert int(mix(np.array([value], np.uint32))[0]) == lowbias32(value)


@settings(max_examples=30)
@given(seed=st.integers(-(2**40), 2**40), step=st.integers(0, 1000), k=st.integers(0, 500), rate=st.floats(0, 0.999))
def test_fields_agree_with_plain_integers(seed, step, k, rate):
    fired = fires(cell_keys(np.array([k]), 3, 4, origin=(5, 90)), seed, step, rate)[0]
    expected = [[cell_fires(seed, step, k, 5 + j, 90 + i, rate) for i in range(4)] for j in range(3)]
    np.testing.assert_array_equal(fired, expected)


def test_a_field_stays_what_it_was_in_the_first_version():
    # Published results depend on it: a change here changes every repair ever made with a seed.
    golden = picture("...#..#..#.#", ".#.###.##...", "..#.#.#.###.", "#..#.#...#..")
    np.testing.assert_array_equal(fires(cell_keys(np.array([3]), 4, 12), seed=7, step=2, rate=0.5)[0], golden)
    assert field(rate=1.0).all()


def test_the_whole_field_is_put_together_from_any_of_its_parts():
    whole = cell_keys(np.arange(3), 20, 30)
    np.testing.assert_array_equal(cell_keys(np.arange(3), 7, 9, origin=(4, 11)), whole[:, 4:11, 11:20])


def test_an_item_fires_alike_in_every_order_and_batch():
    whole = fires(cell_keys(np.array([4, 0, 9, 2]), 16, 16), 3, 5, 0.5)
    for place, k in enumerate((4, 0, 9, 2)):
        np.testing.assert_array_equal(fires(cell_keys(np.array([k]), 16, 16), 3, 5, 0.5)[0], whole[place])


def correlation(one, other):
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_seeds_steps_and_slices_give_independent_fields():
    fields = [field(), field(seed=1), field(seed=2), field(step=1), field(step=2), field(k=1), field(k=2), field(k=64)]
    fields += [field(seed=1, step=1), field(seed=-1), field(seed=1, k=1)]
    for one, other in combinations(fields, 2):
        assert abs(correlation(one, other)) < 4.5 / 256


def test_seeds_beyond_32_bits_count_by_their_low_bits():
    np.testing.assert_array_equal(field(seed=2**32 + 5), field(seed=5))
    np.testing.assert_array_equal(field(seed=-1), field(seed=2**32 - 1))
