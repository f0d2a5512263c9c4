"""Localisation of the heart in the images of a stack."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.shapes import SPACING, STACK_SPACING
from engine.toy_models import identity_model
from engine.toy_proposals import POOLS, RINGS, SLICES, TRUTH, beside, crop_about, heart_of, proposed
from engine.toy_stacks import broken_stack, dice, grey
from rncarefine.anatomy.heart import Heart, locate_heart
from rncarefine.reasons import ReasonCode
from rncarefine.refine import locate
from rncarefine.refine.locate import CERTAIN_HEART
from rncarefine.stack import Stack
from rncarefine.tasks.ring.readout import is_ring


def test_all_slices_are_encoded_not_only_the_wanted_ones():
    found = proposed(wanted=[2])
    assert found.image_likelihood.shape == TRUTH.shape
    assert 0 <= found.image_likelihood.min() <= found.image_likelihood.max() <= 1
    assert found.certainty > 0.9
    assert sorted(found.image_walls) == list(RINGS)
    for k, wall in found.image_walls.items():
        assert is_ring(wall)
        assert dice(wall, TRUTH[k]) > 0.95
        assert dice(found.image_likelihood[k] > 0.5, wall) > 0.97
    assert (sorted(found.walls), sorted(found.likelihood), sorted(found.one_pass)) == ([2], [2], [2])


def test_image_evidence_does_not_depend_on_the_masks():
    stack = broken_stack()
    one = proposed(stack)
    other = proposed(Stack.create(stack.image, TRUTH, STACK_SPACING), at=heart_of(stack))
    for k in SLICES:
        np.testing.assert_allclose(one.image_likelihood[k], other.image_likelihood[k], atol=1e-6)


def test_the_crop_is_recentred_on_a_heart_off_its_centre(recorded, monkeypatch):
    found = proposed(at=beside(47))
    assert [len(channels) for channels in recorded[0].encoded] == [9, 9, 9, 2]
    assert sorted(found.image_walls) == list(RINGS)
    assert min(dice(found.walls[k], TRUTH[k]) for k in (2, 5)) > 0.95
    monkeypatch.setattr(locate, "RECENTRE_MM", 1e3)
    cut_off = proposed(at=beside(47))
    assert max(dice(wall, TRUTH[k]) for k, wall in cut_off.image_walls.items() if k < 3) < 0.95


def test_the_crop_is_not_recentred_without_a_heart_in_the_evidence():
    there = beside(34)
    found = proposed(at=there, model=identity_model())
    assert found.view.crop.start == crop_about(tuple(np.median(there.centres, axis=0))).start
    assert found.heart is there


def wide_stack(mask=None):
    """Return the heart in a corner of slices of 183 x 250 mm; its crop holds half of them."""
    rooms = ((0, 0), (20, 30), (10, 110))
    walls, pools = np.pad(TRUTH, rooms), np.pad(POOLS, rooms)
    return Stack.create(grey(walls, pools), walls if mask is None else mask, STACK_SPACING), walls


def away(stack):
    """Return a candidate 125 mm away from the heart."""
    there = heart_of(stack)
    return Heart(there.centres + np.array([0, 125 / SPACING[1]]), there.radius_mm)


@pytest.mark.parametrize("first", [True, False])
def test_the_candidate_with_the_highest_certainty_is_selected(first, monkeypatch):
    monkeypatch.setattr(locate, "MIN_SCORE", -1.0)  # no search
    stack, walls = wide_stack()
    right, wrong = heart_of(stack), away(stack)
    found = proposed(stack, wanted=[], at=[right, wrong] if first else [wrong, right])
    np.testing.assert_allclose(np.median(found.heart.centres, axis=0), np.median(right.centres, axis=0), atol=4)
    assert found.certainty > 0.7
    assert min(dice(found.image_walls[k], walls[k]) for k in RINGS) > 0.9
    assert proposed(stack, wanted=[], at=[wrong]).certainty < found.certainty - 0.1


def test_candidate_near_the_image_centre_is_selected():
    rooms = ((0, 0), (150, 120), (150, 220))
    walls, pools = (np.pad(part, rooms) for part in (TRUTH, POOLS))
    twin = [np.roll(part, (-130, 190), axis=(1, 2)) for part in (walls, pools)]
    stack = Stack.create(grey(walls | twin[0], pools | twin[1]), walls | twin[0], STACK_SPACING)
    near, far = (locate_heart(part, None, stack.in_plane) for part in (walls, twin[0]))
    for hearts in ([near, far], [far, near]):
        found = proposed(stack, wanted=[], at=hearts)
        np.testing.assert_allclose(np.median(found.heart.centres, axis=0), np.median(near.centres, axis=0), atol=4)


@pytest.mark.parametrize(("factor", "loss"), [(1.4, 0.0), (0.7, 0.15 * math.log(2000 / (0.49 * 1932)))])
def test_an_outline_smaller_than_a_heart_lowers_the_score(factor, loss, monkeypatch):
    monkeypatch.setattr(locate, "MIN_SCORE", -1.0)  # no search
    spacing = (8.0, SPACING[0] * factor, SPACING[1] * factor)
    stack = broken_stack()
    stack = Stack.create(stack.image, TRUTH, spacing)
    found = proposed(stack, wanted=[], at=heart_of(stack))
    assert found.certainty > 0.8
    # The outline of the toy heart is a circle of 1932 mm2.
    assert found.certainty - found.score == pytest.approx(loss, abs=0.06)


def test_the_axis_is_fitted_to_the_evidence_not_to_misleading_masks():
    stack = broken_stack()
    shifted = heart_of(stack)
    found = proposed(stack, wanted=[], at=Heart(shifted.centres + 7, 50.0))
    np.testing.assert_allclose(found.heart.centres[1:7], heart_of(stack).centres[1:7], atol=1.5)
    assert found.heart.radius_mm < 45


def test_a_heart_away_from_the_masks_is_found_by_a_search():
    stack, walls = wide_stack()
    found = proposed(stack, wanted=[], at=[away(stack)])
    assert found.certainty > CERTAIN_HEART
    np.testing.assert_allclose(
        np.median(found.heart.centres, axis=0), np.median(heart_of(stack).centres, axis=0), atol=6
    )
    assert min(dice(found.image_walls[k], walls[k]) for k in RINGS) > 0.9


@pytest.mark.parametrize(("slices", "rivalled"), [((2, 3, 4, 5), False), (range(9), True)])
@pytest.mark.parametrize("searched", [False, True])
def test_the_candidate_visible_in_all_slices_is_selected(monkeypatch, slices, rivalled, searched):
    monkeypatch.setattr(locate, "MIN_SCORE", 2.0 if searched else 0.0)
    monkeypatch.setattr(locate, "OFF_CENTRE_PENALTY", 0.0)
    rooms = ((0, 0), (120, 90), (120, 150))
    walls, pools = (np.pad(part, rooms) for part in (TRUTH, POOLS))
    stomach = [part * np.isin(SLICES, slices)[:, None, None] for part in (walls, pools)]
    walls, pools = (np.roll(part, (-70, 70), axis=(1, 2)) for part in (walls, pools))
    stack = Stack.create(grey(walls | stomach[0], pools | stomach[1]), walls | stomach[0], STACK_SPACING)
    heart, wrong = (locate_heart(part, None, stack.in_plane) for part in (walls, stomach[0]))
    found = proposed(stack, wanted=[], at=[wrong] if searched else [wrong, heart])
    if rivalled:
        assert found.doubt.code is ReasonCode.HEART_RIVALLED
        assert found.doubt.values["rival"] > found.doubt.values["score"] - 0.1
        return
    assert found.doubt is None
    np.testing.assert_allclose(np.median(found.heart.centres, axis=0), np.median(heart.centres, axis=0), atol=6)


def test_two_crops_of_one_heart_are_not_rivals(monkeypatch):
    # Without moving the crops, the heart lies in the middle of one and at the edge of the other.
    monkeypatch.setattr(locate, "MAX_CROPS", 1)
    stack = broken_stack()
    found = proposed(stack, wanted=[], at=[heart_of(stack), beside(30)])
    assert (found.rival, found.doubt) == (0, None)


def test_candidates_are_ranked_in_the_middle_slices(recorded):
    # Both places lead to the same heart.
    proposed(wanted=[], at=[beside(34), beside(30)])
    assert [len(channels) for channels in recorded[0].encoded] == [4, 4, 4, 4, 9, 9]


def test_a_search_without_result_keeps_the_likeliest_candidate(recorded):
    one, other = beside(0), beside(34)
    found = proposed(wanted=[], at=[one, other], model=identity_model())
    assert found.heart is one
    assert (found.certainty, found.image_walls) == (0, {})
    searched = recorded[0].encoded[4:-2]
    assert len(searched) > 3
    assert all(len(channels) == 2 for channels in searched)


def test_a_field_of_view_of_metres_is_searched_near_its_centre_only(recorded):
    stack = Stack.create(broken_stack().image, TRUTH, (100.0, 15.0, 15.0))
    proposed(stack, wanted=[], at=[heart_of(stack)], model=identity_model())
    searched = [channels for channels in recorded[0].encoded if len(channels) == 2]
    assert 0 < len(searched) <= 81
