"""Betti numbers against scikit-image and gudhi, holes, components, and gaps of a known size."""

import gudhi
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import euler_number
from skimage.measure import label as skimage_label

from engine.shapes import CENTRE, SPACING, blob, disc, horseshoe, picture, polar_grid, random_masks, ring, turned
from rncarefine.anatomy.topology import (
    betti_2d,
    betti_3d,
    euler_characteristic,
    fill_holes,
    gap,
    holes,
    largest_component,
)


def gudhi_betti(mask):
    """Betti numbers of the union of closed cells, which touch at corners: 8- and 26-connected foreground."""
    cells = gudhi.CubicalComplex(top_dimensional_cells=np.where(mask, 0.0, 1.0))
    cells.compute_persistence()
    numbers = cells.persistent_betti_numbers(0.5, 0.5)
    return tuple((list(numbers) + [0] * mask.ndim)[: mask.ndim])


SMALL_PICTURES = {
    "nothing": (picture("...", "..."), (0, 0)),
    "one pixel": (picture("#"), (1, 0)),
    "a full slice": (picture("##", "##"), (1, 0)),
    "pixels that touch at a corner are one piece": (picture("#.", ".#"), (1, 0)),
    "two pieces": (picture("#.#"), (2, 0)),
    "a ring that fills its slice": (picture("###", "#.#", "###"), (1, 1)),
    "a ring that holds together at corners": (picture(".#.", "#.#", ".#."), (1, 1)),
    "a ring with a corner missing": (picture("###", "#.#", "##."), (1, 1)),
    "a ring open to the border": (picture("###", "#..", "###"), (1, 0)),
    "two holes": (picture("#####", "#.#.#", "#####"), (1, 2)),
    "holes that touch at a corner are two": (picture("####", "#.##", "##.#", "####"), (1, 2)),
    "a piece inside a ring": (picture("#####", "#...#", "#.#.#", "#...#", "#####"), (2, 1)),
}


@pytest.mark.parametrize(("mask", "expected"), SMALL_PICTURES.values(), ids=SMALL_PICTURES)
def test_betti_numbers_of_small_pictures(mask, expected):
    assert betti_2d(mask) == expected


@given(random_masks(12, 12))
def test_betti_numbers_of_a_slice_agree_with_gudhi_and_scikit_image(mask):
    b0, b1 = betti_2d(mask)
    assert (b0, b1) == gudhi_betti(mask)
    assert b0 - b1 == euler_number(mask, connectivity=2) == euler_characteristic(mask)


@given(random_masks(6, 6, 6))
def test_betti_numbers_of_a_volume_agree_with_gudhi_and_scikit_image(mask):
    b0, b1, b2 = betti_3d(mask)
    assert (b0, b1, b2) == gudhi_betti(mask)
    assert b0 - b1 + b2 == euler_number(mask, connectivity=3) == euler_characteristic(mask)


def test_betti_numbers_of_a_hollow_box_a_tube_and_a_cross_of_tunnels():
    box = np.ones((3, 3, 3), np.uint8)
    box[1, 1, 1] = 0
    assert betti_3d(box) == (1, 0, 1)
    tube = np.ones((2, 3, 3), np.uint8)
    tube[:, 1, 1] = 0
    assert betti_3d(tube) == (1, 1, 0)
    cross = np.ones((3, 3, 3), np.uint8)
    cross[1, 1, :] = cross[1, :, 1] = cross[:, 1, 1] = 0
    assert betti_3d(cross) == (1, 5, 0)
    assert betti_3d(np.zeros((2, 2, 2))) == (0, 0, 0)


def test_the_wrong_number_of_dimensions_is_an_error():
    with pytest.raises(ValueError, match=r"\b2\b"):
        betti_2d(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"\b3\b"):
        betti_3d(np.zeros((2, 2)))


@given(random_masks(12, 12))
def test_holes_are_what_filling_them_adds(mask):
    labels, count = holes(mask)
    assert count == betti_2d(mask)[1]
    assert set(np.unique(labels)) - {0} == set(range(1, count + 1))
    assert np.array_equal(fill_holes(mask) > 0, ndimage.binary_fill_holes(mask))
    assert np.array_equal(labels > 0, (fill_holes(mask) > 0) & (mask == 0))


@given(random_masks(12, 12), st.sampled_from([(8, 2), (4, 1)]))
def test_the_largest_component_is_the_largest_of_scikit_image(mask, connectivity):
    largest = largest_component(mask, connectivity[0])
    pieces = skimage_label(mask, connectivity=connectivity[1])
    if not mask.any():
        assert not largest.any()
        return
    assert len(np.unique(pieces[largest > 0])) == 1
    assert largest.sum() == np.bincount(pieces.ravel())[1:].max()


def test_of_two_equal_components_the_first_is_the_largest():
    assert np.array_equal(largest_component(picture("#.#")), picture("#.."))
    assert np.array_equal(largest_component(picture("#.", ".#"), 4), picture("#.", ".."))
    with pytest.raises(ValueError, match="8 or 4"):
        largest_component(picture("#"), 6)


@pytest.mark.parametrize("towards", [0.0, 57.0, 180.0, -120.0])
@pytest.mark.parametrize("angle", [20.0, 60.0, 120.0, 180.0])
def test_a_gap_has_the_angle_and_the_width_it_was_cut_with(angle, towards):
    found = gap(horseshoe(angle, towards), SPACING)
    # Pixels reach half a pixel, at the inner radius about 2.4 degrees, into the sector at either end.
    assert found.angle_deg == pytest.approx(angle - 2.5, abs=3.5)
    assert found.width_mm == pytest.approx(2 * 22 * np.sin(np.radians(found.angle_deg / 2)), abs=2.5)
    assert (found.towards_deg - towards + 180) % 360 - 180 == pytest.approx(0, abs=3)


def test_gap_of_closed_and_empty_masks():
    for closed in (ring(), disc(), disc(1.0), ring(3.0, 12.0)):
        assert gap(closed, SPACING).angle_deg == 0
        assert gap(closed, SPACING).width_mm == 0
    assert gap(np.zeros((5, 5)), SPACING).angle_deg == 360
    assert gap(np.zeros((5, 5)), SPACING).width_mm == 0


def test_a_gap_is_measured_about_the_cavity_and_not_about_a_pore():
    wall = horseshoe(60)
    wall[35, 23] = 0
    assert betti_2d(wall) == (1, 1)
    assert gap(wall, SPACING).angle_deg == pytest.approx(57.5, abs=3.5)


def test_loose_pieces_away_from_the_wall_do_not_hide_a_gap():
    wall = horseshoe(60)
    outside, inside = wall | blob((35, 76), 4.0), wall | blob((36, 43), 2.5)
    assert betti_2d(outside)[0] == betti_2d(inside)[0] == 2
    for wall_and_piece in (outside, inside):
        assert gap(wall_and_piece, SPACING).angle_deg == pytest.approx(gap(wall, SPACING).angle_deg, abs=1.0)


@pytest.mark.parametrize("scrap", [picture("#"), picture("###"), picture("#..", ".#.", "..#")])
def test_a_scrap_that_no_circle_fits_has_no_gap_about_its_own_middle(scrap):
    assert gap(scrap, (1.0, 1.0)).angle_deg == 0


def test_gap_width_is_measured_between_its_ends():
    radius, angle = polar_grid()
    middle = 18 + (angle % 360) / 36
    spiral = (np.abs(radius - middle) < 3) & (turned(angle, 0) >= 20)
    found = gap(spiral, SPACING, CENTRE)
    one, other, turn = 18 + 21 / 36, 28 - 21 / 36, np.radians(found.angle_deg)
    assert found.width_mm == pytest.approx(np.sqrt(one**2 + other**2 - 2 * one * other * np.cos(turn)), abs=1.0)


@given(
    random_masks(9, 9), st.tuples(st.floats(0.4, 3.0), st.floats(0.4, 3.0)), st.tuples(st.floats(0, 8), st.floats(0, 8))
)
def test_the_gap_is_the_longest_run_of_rays_that_meet_no_pixel(mask, spacing, centre):
    piece = largest_component(mask)
    assume(piece.any())
    rays = np.radians(np.arange(0, 360, 0.5) + 0.1234)
    direction = np.stack([np.sin(rays) / spacing[0], np.cos(rays) / spacing[1]])  # in pixels per mm
    places = np.argwhere(piece) - np.array(centre)
    assume(np.abs(np.abs(places) - 0.5).min() > 1e-3)  # a centre on the edge of a pixel is seen differently by rounding
    low, high = ((places + side)[:, :, None] / direction[None] for side in (-0.5, 0.5))
    enter, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
    met = ((leave >= enter) & (leave > 0)).any(axis=0)
    longest = rays.size if not met.any() else 0
    if met.any():
        turns = np.flatnonzero(np.concatenate([met, met]))
        longest = int(np.diff(turns).max()) - 1
    assert gap(piece, spacing, centre).angle_deg == pytest.approx(longest / 2, abs=1.01)


@given(random_masks(14, 14), st.tuples(st.floats(0.4, 3.0), st.floats(0.4, 3.0)))
def test_any_mask_has_a_gap_within_bounds(mask, spacing):
    found = gap(mask, spacing)
    assert 0 <= found.angle_deg <= 360
    assert np.isfinite(found.width_mm)
    assert 0 <= found.width_mm <= np.hypot(*np.multiply(mask.shape, spacing)) + max(spacing)
