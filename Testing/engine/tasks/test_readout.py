"""Reading a wall out of the state: a closed ring, or nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from skimage import measure

from engine.shapes import CENTRE, blob, disc, horseshoe, picture, random_masks, ring
from rncarefine.anatomy.topology import betti_2d
from rncarefine.tasks.ring.readout import is_ring, read_wall, ring_of

fields_of_noise = arrays.arrays(np.float32, (3, 14, 14), elements=st.floats(-0.5, 1.5, width=32))
places = st.floats(5, 35)


def fields(ring_channel, outer, inner):
    return np.stack([ring_channel, outer, inner]).astype(np.float32)


def closed_under_both_pairings(wall):
    """Tell with scikit-image whether a wall is one piece around one hole, by corners or by sides."""
    padded = np.pad(wall, 1) > 0
    pieces = [measure.label(padded, connectivity=pairing).max() for pairing in (1, 2)]
    rest = [measure.label(~padded, connectivity=pairing).max() for pairing in (1, 2)]
    return pieces == [1, 1] and rest == [2, 2]


# What is a ring


@given(random_masks(8, 8))
def test_a_ring_is_closed_by_sides_as_well_as_by_corners(mask):
    assert is_ring(mask, smallest_pool=1) == closed_under_both_pairings(mask)


@given(random_masks(8, 8), st.integers(1, 12))
def test_smallest_cavity_of_a_ring(mask, least):
    labels = measure.label(np.pad(mask, 1) == 0, connectivity=1)
    hole = int((labels > 1).sum()) if labels.max() == 2 else 0
    assert is_ring(mask, least) == (is_ring(mask, 1) and hole >= least)


def test_the_ring_of_a_wall_leaves_out_its_islands():
    for wall in (ring(), ring() | blob(CENTRE, 4) | blob((CENTRE[0] + 6, CENTRE[1]), 3)):
        np.testing.assert_array_equal(ring_of(wall), ring())
    by_corner = picture("######", "#....#", "#..#.#", "#...##", "#....#", "######")
    free = picture("######", "#....#", "#....#", "#...##", "#....#", "######")
    np.testing.assert_array_equal(ring_of(by_corner), free)


# Reading


def test_channels_that_agree_give_their_ring():
    wall = read_wall(fields(ring(), disc(26), disc(18)))
    np.testing.assert_array_equal(wall, ring())
    assert wall.dtype == np.uint8


def test_where_the_mean_closes_it_is_taken():
    # The ring channel is sure of a thicker wall and the discs half sure of it: the mean is above one half.
    soft = np.where(ring(18, 29) > ring(18, 26), 0.4, disc(29))
    np.testing.assert_array_equal(read_wall(fields(ring(18, 29), soft, disc(18))), ring(18, 29))


def test_discs_limit_the_ring_channel():
    np.testing.assert_array_equal(read_wall(fields(ring(18, 29), disc(26), disc(18))), ring(18, 26))


def test_where_the_ring_channel_is_open_the_discs_decide():
    np.testing.assert_array_equal(
        read_wall(fields(horseshoe(80) - 1.5 * (ring() - horseshoe(80)), disc(26), disc(18))), ring()
    )


def test_loose_pieces_and_pores_are_left_out():
    stray = blob((8, 8), 4)
    pore = blob((35.3, 58), 1.5)
    assert 0 < (pore & ring()).sum() == pore.sum()
    wall = read_wall(fields((ring() | stray) & ~pore & 1, disc(26) | stray, disc(18) | pore))
    np.testing.assert_array_equal(wall, ring())


def test_the_largest_cavity_is_kept():
    small = blob((35.3, 58), 4)
    wall = disc(30) & (1 - disc(14)) & (1 - small)
    assert betti_2d(wall) == (1, 2)
    read = read_wall(fields(wall, disc(30), 1 - wall & disc(30)))
    np.testing.assert_array_equal(read, disc(30) & (1 - disc(14)))


def test_wall_is_at_least_one_pixel_thick():
    wall = read_wall(fields(np.zeros_like(disc()), disc(26), disc(40)))
    assert is_ring(wall)
    np.testing.assert_array_equal(wall, disc(26) - ndimage.binary_erosion(disc(26), np.ones((3, 3))))


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(0, 0), (disc(26), 0), (0, disc(18)), (disc(26), blob((8, 8), 3)), (disc(2), disc(1))],
    ids=["none", "no inner", "no outer", "inner beside outer", "too small"],
)
def test_without_both_discs_there_is_no_wall(outer, inner):
    nothing = np.zeros_like(disc())
    assert read_wall(fields(nothing, nothing + outer, nothing + inner)) is None


@given(fields_of_noise)
def test_noise_gives_a_closed_ring_or_nothing(noise):
    wall = read_wall(noise)
    assert wall is None or (betti_2d(wall) == (1, 1) and closed_under_both_pairings(wall))


@given(
    outer=st.tuples(places, places, st.floats(2, 18)),
    inner=st.tuples(places, places, st.floats(1, 18)),
    gap=st.floats(0, 300),
)
def test_any_two_discs_give_a_closed_ring_or_nothing(outer, inner, gap):
    grid = {"shape": (40, 40), "spacing": (1.0, 1.0)}
    around, within = disc(outer[2], centre=outer[:2], **grid), disc(inner[2], centre=inner[:2], **grid)
    drawn = horseshoe(gap, inner=inner[2], outer=outer[2], centre=outer[:2], **grid)
    wall = read_wall(fields(drawn, around, within))
    assert wall is None or is_ring(wall)


@given(
    radius=st.floats(6, 18),
    share=st.floats(0.3, 0.8),
    gap=st.floats(0, 300),
    centre=st.tuples(st.floats(18, 22), places),
)
def test_an_inner_disc_well_inside_the_outer_one_always_gives_a_ring(radius, share, gap, centre):
    grid = {"shape": (40, 40), "spacing": (1.0, 1.0), "centre": centre}
    around, within = disc(radius, **grid), disc(radius * share, **grid)
    wall = read_wall(fields(horseshoe(gap, inner=radius * share, outer=radius, **grid), around, within))
    # Unless the border of the slice cuts the inner disc off.
    if min(centre[1], 39 - centre[1]) > radius * share + 2:
        assert wall is not None
    assert wall is None or is_ring(wall)


def test_faint_wall_is_read_at_a_lower_level():
    rows, columns = np.indices((40, 40))
    away = np.hypot(rows - 20, columns - 20)
    outer, inner = (away < 14).astype(np.float32), (away < 8).astype(np.float32)
    faint = 0.4 * np.stack([outer - inner, outer, inner])
    wall = read_wall(faint)
    assert wall is not None
    np.testing.assert_array_equal(wall, outer - inner)
    assert read_wall(0.1 * np.stack([outer - inner, outer, inner])) is None
    assert read_wall(np.full((3, 40, 40), 0.4, np.float32)) is None
