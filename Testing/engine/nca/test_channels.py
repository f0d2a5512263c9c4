"""What the automaton is told about a slice: each plane against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.shapes import disc, horseshoe, picture, random_masks, ring
from rncarefine.nca.architecture import ENDOCARDIUM, EPICARDIUM, PLANES, RING
from rncarefine.nca.channels import (
    ANNULUS_MM,
    DISTANCE_MM,
    RADIUS_MM,
    grey_range,
    planes,
    seed_state,
    signed_distance,
)

SQUARE = {"shape": (64, 72), "spacing": (1.0, 1.0), "centre": (30.0, 37.0)}
"""A frame: square pixels."""
PLACE = {name: number for number, name in enumerate(PLANES)}


def of(wall, *, image=None, below=None, above=None, pool=None, spacing_mm=1.6):
    """Return the planes of a slice by name; what is not given is empty."""
    given = [np.zeros_like(wall) if each is None else each for each in (image, below, above, pool)]
    values = planes(given[0], wall.astype(np.float32), *given[1:], spacing_mm)
    return {name: values[..., number] for name, number in PLACE.items()}


def brute_distance(wall):
    """Distance in pixels to the nearest pixel of the other kind, half a pixel less, negative inside."""
    result = np.empty(wall.shape)
    for cell in np.ndindex(wall.shape):
        others = np.argwhere(wall != wall[cell])
        nearest = np.sqrt(((others - cell) ** 2).sum(1)).min() - 0.5
        result[cell] = -nearest if wall[cell] else nearest
    return result


@settings(max_examples=60)
@given(random_masks(9, 9))
def test_the_signed_distance_is_that_to_the_nearest_pixel_of_the_other_kind(mask):
    wall = mask > 0
    if wall.all() or not wall.any():
        far = max(wall.shape)
        np.testing.assert_array_equal(signed_distance(wall), -far if wall.all() else far)
    else:
        np.testing.assert_allclose(signed_distance(wall), brute_distance(wall))


def test_the_planes_come_in_their_order_and_hold_what_was_given():
    rng = np.random.default_rng(0)
    image, mask, below, above, pool = rng.random((5, 16, 24)).astype(np.float32)
    values = planes(image, mask, below, above, pool, 1.6)
    assert values.shape == (16, 24, len(PLANES))
    assert values.dtype == np.float32
    for name, given_plane in (("image", image), ("mask", mask), ("below", below), ("above", above), ("pool", pool)):
        np.testing.assert_array_equal(values[..., PLACE[name]], given_plane)


def test_grey_values_far_outside_the_range_are_clipped():
    image = np.array([[-3.0, -0.5, 0.0], [1.0, 1.5, 9.0]], np.float32)
    seen = of(np.zeros((2, 3), np.uint8), image=image)["image"]
    np.testing.assert_array_equal(seen, [[-0.5, -0.5, 0], [1, 1.5, 1.5]])


@pytest.mark.parametrize("spacing_mm", [1.0, 1.6, 2.5])
def test_the_distance_is_in_mm_and_clipped(spacing_mm):
    wall = ring(12, 18, **SQUARE)
    expected = np.clip(brute_distance(wall > 0) * spacing_mm / DISTANCE_MM, -1, 1)
    np.testing.assert_allclose(of(wall, spacing_mm=spacing_mm)["distance"], expected, atol=1e-6)


def radius_about(centre, shape):
    rows, columns = np.indices(shape)
    return np.hypot(rows - centre[0], columns - centre[1])


# A fit to all pixels of a thick arc lies a little inside, the more of the ring is missing; tolerance in pixels.
@pytest.mark.parametrize(("gap", "tolerance"), [(0, 0.3), (60, 1.0), (120, 1.7), (200, 3.5)])
def test_the_radius_is_that_about_the_circle_of_a_ring_or_an_arc_of_it(gap, tolerance):
    wall = horseshoe(gap, towards=70, inner=15, outer=21, **SQUARE)
    fields = of(wall, spacing_mm=1.6)
    from_circle = radius_about(SQUARE["centre"], wall.shape) - 18
    seen = fields["radius"] * RADIUS_MM / 1.6
    near = np.abs(from_circle) < 6
    assert np.abs(seen - from_circle)[near].max() < tolerance
    assert fields["radius"].min() >= -1
    assert fields["radius"].max() == 1


def test_the_annulus_is_one_on_the_circle_and_falls_off_like_a_bell():
    fields = of(ring(15, 21, **SQUARE), spacing_mm=1.6)
    inside = np.abs(fields["radius"]) < 1
    outward = fields["radius"][inside] * RADIUS_MM
    np.testing.assert_allclose(fields["annulus"][inside], np.exp(-0.5 * (outward / ANNULUS_MM) ** 2), atol=1e-6)
    assert fields["annulus"].max() == pytest.approx(1, abs=0.01)


def test_a_small_far_piece_does_not_move_the_circle():
    wall = horseshoe(90, inner=15, outer=21, **SQUARE)
    speck = wall.copy()
    speck[2:5, 2:6] = 1
    np.testing.assert_array_equal(of(wall)["radius"], of(speck)["radius"])


def test_the_neighbours_help_the_centre_of_a_short_arc():
    arc = horseshoe(300, inner=15, outer=21, **SQUARE)
    whole = ring(15, 21, **SQUARE)
    from_circle = radius_about(SQUARE["centre"], arc.shape) - 18
    near = np.abs(from_circle) < 4

    def error(**neighbours):
        return np.abs(of(arc, **neighbours)["radius"] * RADIUS_MM / 1.6 - from_circle)[near].max()

    helped = error(below=whole.astype(np.float32), above=whole.astype(np.float32))
    assert helped < 2
    assert helped < error() / 2


def test_the_radius_stays_this_slices_own_when_the_neighbours_are_larger():
    wall, larger = ring(9, 13, **SQUARE), ring(18, 24, **SQUARE).astype(np.float32)
    seen = of(wall, below=larger, above=larger)["radius"] * RADIUS_MM / 1.6
    from_circle = radius_about(SQUARE["centre"], wall.shape) - 11
    assert np.abs(seen - from_circle)[np.abs(from_circle) < 3].max() < 0.3


def test_without_a_wall_the_circle_is_that_of_the_neighbours():
    neighbour = ring(15, 21, **SQUARE).astype(np.float32)
    fields = of(np.zeros_like(neighbour), below=neighbour)
    seen = fields["radius"] * RADIUS_MM / 1.6
    from_circle = radius_about(SQUARE["centre"], neighbour.shape) - 18
    assert np.abs(seen - from_circle)[np.abs(from_circle) < 3].max() < 0.3
    np.testing.assert_array_equal(fields["distance"], 1)


@pytest.mark.parametrize(
    "wall",
    [
        np.zeros((16, 16), np.uint8),
        np.ones((16, 16), np.uint8),
        picture(*["." * 16] * 7, "." * 8 + "#" + "." * 7, *["." * 16] * 8),
        picture(*["." * 16] * 7, "#" * 16, *["." * 16] * 8),
        picture("##" + "." * 14, *["." * 16] * 14, "." * 14 + "##"),
    ],
    ids=["empty", "full", "one pixel", "a line", "two corners"],
)
def test_odd_masks_have_finite_planes_within_their_range(wall):
    fields = of(wall)
    for name, (low, high) in {"distance": (-1, 1), "radius": (-1, 1), "annulus": (0, 1)}.items():
        assert np.isfinite(fields[name]).all()
        assert low <= fields[name].min() <= fields[name].max() <= high


@settings(max_examples=60)
@given(random_masks(12, 12), random_masks(12, 12), st.floats(0.5, 3))
def test_no_mask_makes_a_plane_that_is_not_finite(mask, below, spacing_mm):
    below = np.resize(below, mask.shape)
    values = planes(mask, mask.astype(np.float32), below, below, mask, spacing_mm)
    assert np.isfinite(values).all()
    assert np.abs(values[..., 2:5]).max() <= 1


def test_planes_leave_what_they_are_given_as_it_is():
    arrays = np.random.default_rng(0).random((5, 16, 16)).astype(np.float32)
    kept = arrays.copy()
    planes(*arrays, 1.6)
    seed_state(arrays[1], 8)
    np.testing.assert_array_equal(arrays, kept)


# Grey values


def test_the_grey_range_is_the_first_and_last_percentile():
    assert grey_range(np.arange(1001, dtype=np.float32)) == pytest.approx((10, 990))


def test_a_constant_image_has_a_range_that_can_be_divided_by():
    low, high = grey_range(np.full((2, 4, 4), 7, np.float32))
    assert high > low == 7


# The state that a rollout starts from


def test_a_ring_starts_as_ring_and_discs():
    wall = ring(12, 18, **SQUARE)
    state = seed_state(wall.astype(np.float32), 7)
    assert state.shape == (*wall.shape, 7)
    assert state.dtype == np.float32
    np.testing.assert_array_equal(state[..., RING], wall)
    np.testing.assert_array_equal(state[..., EPICARDIUM], disc(18, **SQUARE))
    np.testing.assert_array_equal(state[..., ENDOCARDIUM], disc(12, **SQUARE))
    assert not state[..., 3:].any()


def test_an_open_wall_starts_without_an_endocardial_disc():
    wall = horseshoe(60, inner=12, outer=18, **SQUARE).astype(np.float32)
    state = seed_state(wall, 5)
    assert not state[..., ENDOCARDIUM].any()
    np.testing.assert_array_equal(state[..., EPICARDIUM], wall)


def test_the_background_starts_at_exactly_zero():
    wall = horseshoe(60, inner=12, outer=18, **SQUARE).astype(np.float32) * np.float32(0.7)
    assert not seed_state(wall, 16)[wall == 0].any()
    assert not seed_state(np.zeros((8, 8), np.float32), 16).any()


def test_a_soft_edge_starts_soft():
    soft = np.array([[0, 0.2, 0.6, 1, 0.6, 0.2, 0]], np.float32)
    state = seed_state(soft, 3)
    np.testing.assert_array_equal(state[..., RING], soft)
    np.testing.assert_array_equal(state[..., EPICARDIUM], soft)


@given(random_masks(10, 10))
def test_the_ring_is_the_difference_of_the_discs_from_the_start(mask):
    state = seed_state(mask.astype(np.float32), 4)
    np.testing.assert_array_equal(state[..., EPICARDIUM] - state[..., ENDOCARDIUM], state[..., RING])
