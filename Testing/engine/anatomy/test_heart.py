"""Where the heart is: the axis, and what lies away from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.anatomy.heart import MAX_HEARTS, MIN_SHARE, RADIUS_MM, heart_candidates, locate_heart, near_heart

SPACING = (1.5, 1.5)
SHAPE = (160, 160)


def ring_at(j, i, inner=12.0, outer=18.0):
    rows, columns = np.indices(SHAPE)
    distance = np.hypot(rows - j, columns - i)
    return ((distance > inner) & (distance < outer)).astype(np.uint8)


def tilted_heart(slices=9, tilt=1.5):
    return np.stack([ring_at(60 + tilt * k, 70 - tilt * k) for k in range(slices)])


def test_the_axis_of_a_tilted_heart_runs_through_its_rings():
    heart = locate_heart(tilted_heart(), None, SPACING)
    expected = np.array([(60 + 1.5 * k, 70 - 1.5 * k) for k in range(9)])
    assert np.abs(heart.centres - expected).max() < 0.5
    assert 12 * 1.5 < heart.radius_mm < 18 * 1.5


def test_false_ring_on_another_organ_is_dropped():
    mask = tilted_heart()
    kidney = ring_at(135, 130, 14, 22)
    mask[3] |= kidney
    mask[4] = kidney
    heart = locate_heart(mask, None, SPACING)
    assert np.abs(heart.centres - locate_heart(tilted_heart(), None, SPACING).centres).max() < 3
    near = near_heart(mask, heart, SPACING)
    assert np.array_equal(near[3], tilted_heart()[3])
    assert not near[4].any()


def test_what_belongs_to_the_wall_stays_to_the_last_pixel():
    mask = tilted_heart()
    mask[2][:, 60:72] = 0
    assert np.array_equal(near_heart(mask, locate_heart(mask, None, SPACING), SPACING), mask)


def test_the_pool_helps_where_the_wall_is_only_an_arc():
    mask = np.zeros((1, *SHAPE), np.uint8)
    mask[0] = ring_at(60, 70)
    mask[0][:, 60:] = 0
    pool = np.zeros_like(mask)
    pool[0] = ring_at(60, 70, -1, 12)
    away = [np.hypot(*(locate_heart(mask, given, SPACING).centres[0] - (60, 70))) for given in (pool, None)]
    assert away[0] < 0.6 * away[1]


def test_a_false_pool_elsewhere_does_not_move_the_axis():
    mask = tilted_heart()
    pool = np.zeros_like(mask)
    pool[2:5, 120:150, 120:150] = 1
    heart = locate_heart(mask, pool, SPACING)
    assert np.abs(heart.centres - locate_heart(mask, None, SPACING).centres).max() < 3
    assert not near_heart(pool, heart, SPACING).any()


def test_beyond_the_slices_with_a_wall_the_axis_does_not_run_away():
    mask = np.zeros((40, *SHAPE), np.uint8)
    mask[:6] = tilted_heart(6, tilt=4)
    centres = locate_heart(mask, None, SPACING).centres
    assert centres[:, 0].max() <= 60 + 4 * 5 + 1


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_few_slices_have_a_level_axis(slices):
    centres = locate_heart(tilted_heart(slices), None, SPACING).centres
    assert np.ptp(centres, axis=0).max() == 0


def test_anisotropic_pixels_are_measured_in_mm():
    rows, columns = np.indices((80, 160))
    distance = np.hypot((rows - 40) * 2.0, (columns - 80) * 1.0)
    mask = ((distance > 20) & (distance < 28)).astype(np.uint8)[None]
    heart = locate_heart(mask, None, (2.0, 1.0))
    assert heart.radius_mm == pytest.approx(24, abs=1.5)
    mask[0, 39:42, 140:143] = 1
    assert near_heart(mask, heart, (2.0, 1.0))[0, 39:42, 140:143].sum() == 0


def middles(mask, pool=None):
    """Return where the heart may be, in pixels of the middle of each place."""
    return [tuple(np.median(heart.centres, axis=0)) for heart in heart_candidates(mask, pool, SPACING)]


def test_a_heart_and_little_else_is_one_place():
    mask = tilted_heart()
    (heart,) = heart_candidates(mask, None, SPACING)
    np.testing.assert_array_equal(heart.centres, locate_heart(mask, None, SPACING).centres)
    kidney = ring_at(135, 130, 14, 22)
    count = int(MIN_SHARE * mask.sum() / kidney.sum())
    mask[:count] |= kidney
    assert 0 < mask[:, 110:].sum() < MIN_SHARE * mask.sum()
    assert len(middles(mask)) == 1


def test_candidates_are_sorted_by_likelihood():
    mask = tilted_heart(tilt=0)
    mask[:6] |= ring_at(135, 130, 8, 12)
    (j, i), (other_j, other_i) = middles(mask)
    assert (j, i) == pytest.approx((60, 70), abs=1)
    assert (other_j, other_i) == pytest.approx((135, 130), abs=1)


def test_pool_of_one_candidate_does_not_move_the_next():
    mask = tilted_heart(tilt=0) | ring_at(135, 130, 8, 12)
    pool = np.stack([ring_at(60, 70, -1, 12)] * 9)
    assert middles(mask, pool)[1] == pytest.approx((135, 130), abs=1)


@given(st.integers(0, 2**32 - 1))
def test_any_mask_has_a_heart_and_near_it_lies_a_part_of_the_mask(seed):
    rng = np.random.default_rng(seed)
    mask = (rng.random((3, 30, 30)) < rng.uniform(0.01, 0.6)).astype(np.uint8)
    mask[1, 5, 5] = 1
    heart = locate_heart(mask, None, SPACING)
    assert np.isfinite(heart.centres).all()
    assert RADIUS_MM[0] <= heart.radius_mm <= RADIUS_MM[1]
    near = near_heart(mask, heart, SPACING)
    assert not (near & ~mask & 1).any()
    places = heart_candidates(mask, None, SPACING)
    assert 1 <= len(places) <= MAX_HEARTS
    np.testing.assert_array_equal(places[0].centres, heart.centres)
