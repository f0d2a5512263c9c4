"""What a confidence is computed from, and how it is weighed."""

import math

import numpy as np
import pytest

from engine.shapes import CENTRE, SPACING, blob, disc, horseshoe, ring
from engine.toy_stacks import dice
from rncarefine.anatomy.topology import fill_holes
from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.refine.confidence import (
    closed_features,
    expected_dice,
    repaired_features,
    sharpness,
    soft_dice,
    thinnest,
    wall_confidence,
)

RING, BROKEN = ring(), horseshoe(90)
NOTHING = np.zeros_like(RING)


def sure(wall):
    return wall.astype(np.float32)


def test_features_of_a_repaired_wall():
    outline = int(fill_holes(RING).sum())
    found = repaired_features(BROKEN, RING, sure(RING), sure(BROKEN), largest=2 * outline, in_plane=SPACING)
    assert tuple(found) == REPAIRED_FEATURES
    overlap = dice(RING, BROKEN)
    assert found["likelihood"] == pytest.approx(1)
    assert found["seen"] == found["agreement"] == found["kept"] == pytest.approx(overlap)
    assert found["sharpness"] == found["sharpness_seen"] == 1
    assert 0.8 < found["thinnest"] <= 1
    assert found["area"] == pytest.approx(math.log((1 + outline) / (1 + 2 * outline)))


def closed_of(k, walls, fields, right=None):
    """Return the features of a closed wall; by default all slices are as expected."""
    right = np.ones(len(walls), bool) if right is None else np.array(right)
    return closed_features(k, np.stack(walls), right, np.stack([sure(field) for field in fields]))


def test_features_of_a_closed_wall():
    found = closed_of(1, [RING, RING, RING], [NOTHING, BROKEN, RING])
    assert tuple(found) == CLOSED_FEATURES
    assert found["seen"] == pytest.approx(dice(RING, BROKEN))
    assert found["neighbours"] == pytest.approx(1)
    assert found["sharpness_seen"] == 1
    assert found["size"] == pytest.approx(math.log((1 + RING.sum()) / (1 + BROKEN.sum())))
    assert found["others_seen"] == pytest.approx(0.5)
    assert found["others_right"] == 1


def test_other_slices_count_for_a_closed_wall_if_they_have_a_wall():
    walls, fields = [RING, RING, BROKEN, NOTHING, RING], [RING, RING, NOTHING, RING, BROKEN]
    found = closed_of(0, walls, fields, [True, True, False, True, True])
    assert found["others_seen"] == pytest.approx((1 + dice(RING, BROKEN)) / 2)
    assert found["others_right"] == pytest.approx(2 / 3)
    alone = closed_of(0, [RING, BROKEN, NOTHING], [BROKEN, RING, RING], [True, False, False])
    assert alone["others_seen"] == alone["seen"] == pytest.approx(dice(RING, BROKEN))
    assert alone["others_right"] == 0


def test_a_closed_wall_of_a_single_slice_has_no_neighbours_and_no_others():
    found = closed_of(0, [RING], [BROKEN])
    assert found["neighbours"] == 0
    assert found["others_seen"] == found["seen"]
    assert found["others_right"] == 0.5


def test_nothing_is_divided_by_zero():
    for found in (
        repaired_features(NOTHING, NOTHING, sure(NOTHING), sure(NOTHING), largest=0, in_plane=SPACING),
        closed_of(0, [NOTHING, NOTHING], [NOTHING, NOTHING]),
    ):
        assert all(value == 0 for name, value in found.items() if name != "others_right")
    assert repaired_features(NOTHING, RING, sure(RING), sure(RING), largest=9, in_plane=SPACING)["kept"] == 0


def test_expected_dice_of_certain_likelihood_is_dice():
    assert expected_dice(BROKEN > 0, sure(RING)) == pytest.approx(dice(RING, BROKEN))
    assert expected_dice(RING > 0, sure(RING)) == 1
    assert expected_dice(NOTHING, sure(NOTHING)) == 0
    # Half a chance everywhere: 2 * 8 * 0.5 / (16 * 0.5 + 8).
    half = np.full((4, 4), 0.5, np.float32)
    assert expected_dice(np.arange(16).reshape(4, 4) < 8, half) == pytest.approx(0.5)


def test_the_dice_of_two_likelihoods_counts_what_both_expect():
    assert soft_dice(sure(RING), sure(BROKEN)) == pytest.approx(dice(RING, BROKEN))
    assert soft_dice(0.25 * sure(RING), 0.75 * sure(RING)) == pytest.approx(0.5)
    assert soft_dice(sure(NOTHING), sure(NOTHING)) == 0


def test_a_likelihood_is_sharp_where_it_is_sure():
    assert sharpness(np.full((4, 4), 0.5, np.float32)) == 0
    assert sharpness(np.array([[1.0, 0.75], [0.01, 0.0]], np.float32)) == pytest.approx((1 + 0.5) / 2)
    assert sharpness(sure(NOTHING)) == 0


def test_a_ring_is_as_thin_as_its_thinnest_place():
    assert thinnest(RING, SPACING) > 0.8
    notched = RING & (1 - blob((CENTRE[0], CENTRE[1] + 27 / 1.25), 7))
    assert 0 < thinnest(notched, SPACING) < 0.5
    assert [thinnest(wall, SPACING) for wall in (BROKEN, disc(20), NOTHING)] == [0, 0, 0]


def test_thickness_is_measured_in_mm():
    """In pixels of 2.5 by 0.5 mm, 8 pixels of wall beside the cavity are thinner than 4 above and below it."""
    wall = np.zeros((28, 140), np.uint8)
    wall[4:24, 30:110] = 1
    wall[8:20, 50:102] = 0
    assert thinnest(wall, (2.5, 0.5)) == pytest.approx(0.4)


def test_weights_make_a_probability():
    found = dict.fromkeys(REPAIRED_FEATURES, 0.5) | {"seen": 0.3}
    weights = dict.fromkeys(REPAIRED_FEATURES, 0.0) | {"seen": 10.0, "intercept": -1.0}
    assert wall_confidence(found, weights) == pytest.approx(1 / (1 + math.exp(-2)))
    assert wall_confidence(found, weights | {"intercept": 1e6}) == pytest.approx(1)
    assert wall_confidence(found, weights | {"intercept": -1e6}) == pytest.approx(0)


def test_without_weights_an_expected_dice_stands_for_the_confidence():
    found = dict.fromkeys(REPAIRED_FEATURES, 0.5) | {"seen": 0.3, "likelihood": 0.9}
    assert wall_confidence(found, {}) == 0.3
    assert wall_confidence(found, {}, "likelihood") == 0.9
