"""The smallest edit that the image supports: the order of the candidates, and what is kept of a given wall."""

import numpy as np
import pytest

from engine.one_slice import CUT, FAR, LOOSE, NARROW, TRUTH, WALLS, K, assert_is, codes, decided, level
from engine.shapes import CENTRE, SHAPE, SPACING, blob, disc, horseshoe, ring
from engine.toy_stacks import dice, gap
from rncarefine.reasons import ReasonCode
from rncarefine.refine.confidence import expected_dice
from rncarefine.refine.decide import (
    KEEP_MARGIN,
    KEEP_MARGIN_UNCLEAR,
    MAX_LOOSE,
    UNCLEAR_WALL,
)
from rncarefine.refine.options import RepairOptions
from rncarefine.tasks.ring.interpolation import polar_interpolation
from rncarefine.words import Verdict

# The order of the candidates


def test_the_automatons_wall_comes_before_the_images():
    other = ring(17.5, 25.5)
    assert_is(decided(drawn=TRUTH, alone=other), Verdict.AUTOMATON, TRUTH)
    assert_is(decided(drawn=other, alone=TRUTH), Verdict.AUTOMATON, other)


@pytest.mark.parametrize("drawn", [None, FAR], ids=["nothing", "rejected"])
def test_image_wall_is_used_if_the_automaton_has_none(drawn):
    found = decided(drawn=drawn, alone=TRUTH, likelihood=TRUTH)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    assert codes(found) == [ReasonCode.GAP]


def test_where_neither_finds_a_wall_the_slice_is_left():
    found = decided()
    assert_is(found, Verdict.REFUSED, CUT)
    assert codes(found) == [ReasonCode.GAP, ReasonCode.NO_PROPOSAL]
    assert (found.decision.confidence, found.features) == (None, {})


def test_every_reason_against_a_wall_is_named_once():
    found = decided(drawn=FAR, alone=FAR)
    assert_is(found, Verdict.REFUSED, CUT)
    assert codes(found) == [ReasonCode.GAP, ReasonCode.AWAY_FROM_WALL]
    assert codes(decided(drawn=CUT, alone=FAR))[1:] == [ReasonCode.NO_RING, ReasonCode.AWAY_FROM_WALL]


# Cleaning
@pytest.mark.parametrize("outer", [24.9, 24.95, 25.8, 28.0])
def test_what_only_had_to_be_cleaned_is_kept_within_the_margin(outer):
    drawn = ring(16.8, outer)
    agrees = dice(TRUTH, drawn) >= 1 - KEEP_MARGIN
    found = decided(LOOSE, drawn=drawn, image_likelihood=drawn)
    assert_is(found, Verdict.CLEANED if agrees else Verdict.AUTOMATON, TRUTH if agrees else drawn)
    assert (ReasonCode.CLEANED in codes(found)) == agrees


@pytest.mark.parametrize(("peak", "verdict"), [(UNCLEAR_WALL - 0.03, Verdict.CLEANED), (0.97, Verdict.AUTOMATON)])
def test_the_less_the_image_shows_the_less_is_redrawn(peak, verdict):
    drawn = ring(17.2, 24.8)
    likelihood = np.asarray(level(peak) * drawn, np.float32)
    lost = expected_dice(drawn, likelihood) - expected_dice(TRUTH, likelihood)
    assert KEEP_MARGIN < lost < KEEP_MARGIN_UNCLEAR
    assert decided(LOOSE, drawn=drawn, likelihood=likelihood, image_likelihood=likelihood).decision.verdict is verdict


@pytest.mark.parametrize(("support", "verdict"), [(TRUTH, Verdict.CLEANED), (ring(16.8, 28), Verdict.AUTOMATON)])
def test_cleaning_is_judged_by_the_support(support, verdict):
    found = decided(LOOSE, drawn=ring(16.8, 28), likelihood=TRUTH, support=support)
    assert found.decision.verdict is verdict


def test_a_cleaned_wall_is_taken_after_all_where_no_other_passes():
    likelihood = FAR.astype(np.float32)
    assert_is(decided(LOOSE, drawn=FAR, likelihood=likelihood), Verdict.CLEANED, TRUTH)
    assert_is(decided(LOOSE), Verdict.CLEANED, TRUTH)


# Small edits of a good wall

OUTER = ring(16.8, 27)
"""A thicker wall than the right one, which the image supports."""


@pytest.mark.parametrize(("loose", "kept"), [(0.0, True), (MAX_LOOSE, True), (MAX_LOOSE + 0.01, False)])
def test_good_wall_is_kept_except_for_its_gap(loose, kept):
    found = decided(NARROW, drawn=OUTER, image_likelihood=OUTER, loose=loose)
    assert found.decision.verdict is Verdict.AUTOMATON
    assert (ReasonCode.GAP_CLOSED in codes(found)) == kept
    beyond = found.decision.wall & (1 - TRUTH)
    assert (beyond.sum() < 0.2 * (OUTER & (1 - TRUTH)).sum()) == kept
    assert not kept or not (NARROW & (1 - found.decision.wall)).any()


@pytest.mark.parametrize("loose", [0.0, 1.0])
def test_pores_and_specks_of_a_good_wall_are_all_that_changes(loose):
    found = decided(LOOSE, drawn=OUTER, image_likelihood=OUTER, loose=loose)
    assert_is(found, *((Verdict.CLEANED, TRUTH) if not loose else (Verdict.AUTOMATON, OUTER)))


def test_a_mask_that_contradicts_the_image_is_not_kept():
    found = decided(NARROW, drawn=OUTER, image_likelihood=OUTER, loose=0.0, disregarded=[K])
    assert_is(found, Verdict.AUTOMATON, OUTER)


def test_a_good_wall_with_a_lobe_is_kept_for_review():
    wall = NARROW | disc(8, centre=(CENTRE[0], CENTRE[1] - 32 / 1.25))
    found = decided(wall, drawn=TRUTH, loose=0.0)
    assert codes(found)[1:] == [ReasonCode.GAP_CLOSED, ReasonCode.LOBED]
    assert found.decision.doubtful
    assert not (wall & (1 - found.decision.wall)).any()
    assert ReasonCode.LOBED not in codes(decided(wall, drawn=TRUTH))


@pytest.mark.parametrize(
    ("islands", "loose", "kept"), [((1,), 0.0, True), ((), 0.0, False), ((1,), 1.0, False)], ids=str
)
def test_papillary_muscles_stay_in_a_kept_wall_if_other_slices_have_them(islands, loose, kept):
    island = blob(CENTRE, 3)
    found = decided(NARROW | island, drawn=TRUTH, loose=loose, islands=islands)
    assert (ReasonCode.GAP_CLOSED in codes(found)) == (not loose)
    assert_is(found, Verdict.AUTOMATON, TRUTH | island if kept else TRUTH)


def test_a_kept_wall_is_verified():
    found = decided(NARROW, drawn=TRUTH, loose=0.0, max_change_mm2=10)
    assert_is(found, Verdict.REFUSED, NARROW)
    assert codes(found)[-1] is ReasonCode.CHANGE_TOO_LARGE


# Options


def test_add_only_never_removes_and_keeps_what_it_cannot_close():
    narrower = ring(18.5, 24)
    found = decided(drawn=narrower, add_only=True)
    assert_is(found, Verdict.AUTOMATON, narrower | CUT)
    loose = decided(LOOSE, drawn=TRUTH, add_only=True)
    assert_is(loose, Verdict.REFUSED, LOOSE)
    assert codes(loose)[-1] is ReasonCode.NO_RING


def test_polar_interpolation_is_tried_last_and_only_on_request():
    assert_is(decided(geometry=True), Verdict.GEOMETRY, polar_interpolation(CUT, SPACING))
    assert_is(decided(geometry=False), Verdict.REFUSED, CUT)
    assert_is(decided(geometry=True, alone=TRUTH), Verdict.AUTOMATON, TRUTH)
    assert RepairOptions().geometry is False


def test_rejected_interpolation_has_its_code():
    bar = np.zeros(SHAPE, np.uint8)
    bar[34:37, 20:60] = 1  # a straight bar tells no circle
    found = decided(bar, drawn=CUT, geometry=True)
    assert_is(found, Verdict.REFUSED, bar)
    assert codes(found)[-3:] == [ReasonCode.NO_RING, ReasonCode.INTERPOLATION_REJECTED, ReasonCode.NO_RING]
    alone = decided(bar, geometry=True)
    assert codes(alone)[-3:] == [ReasonCode.NO_PROPOSAL, ReasonCode.INTERPOLATION_REJECTED, ReasonCode.NO_RING]


# Discs, the base, the axis


def test_disc_with_a_loose_component_is_cleaned():
    found = decided(WALLS[8] | blob((8, 8), 3), k=8, image_likelihood=np.zeros(SHAPE))
    assert_is(found, Verdict.CLEANED, WALLS[8])
    assert ReasonCode.CLEANED in codes(found)


def test_ring_in_place_of_a_disc_needs_review():
    loose, shown = WALLS[8] | blob((8, 8), 3), ring(6, 14)
    found = decided(loose, k=8, drawn=shown, image_likelihood=shown)
    assert_is(found, Verdict.AUTOMATON, shown)
    assert found.decision.doubtful
    assert codes(found)[-1] is ReasonCode.RING_SHOWN
    assert_is(
        decided(loose, k=8, drawn=shown, likelihood=WALLS[8], image_likelihood=WALLS[8]), Verdict.CLEANED, WALLS[8]
    )


def test_a_right_disc_has_no_confidence_and_is_never_doubted():
    found = decided(WALLS[8], k=8, image_likelihood=np.zeros(SHAPE))
    assert_is(found, Verdict.INTACT, WALLS[8])
    assert (found.decision.confidence, found.decision.doubtful, found.features) == (None, False, {})


def test_an_open_base_has_no_confidence_and_a_fragmented_one_is_left():
    whole = WALLS[0] & gap(90)
    found = decided(whole, k=0, image_likelihood=np.zeros(SHAPE))
    assert_is(found, Verdict.INTACT, whole)
    assert (found.decision.confidence, found.decision.doubtful) == (None, False)
    torn = whole & gap(40, 180)
    assert_is(decided(torn, k=0, drawn=WALLS[0]), Verdict.REFUSED, torn)


def test_a_ring_around_a_pore_is_left_whatever_is_proposed():
    wall = horseshoe(120)
    wall -= blob((CENTRE[0], CENTRE[1] - 22 / 1.25), 2.2) & wall
    found = decided(wall, drawn=TRUTH, alone=TRUTH)
    assert_is(found, Verdict.REFUSED, wall)
    assert codes(found)[-1] is ReasonCode.COUNTS_AS_RING
