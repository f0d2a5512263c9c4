"""What becomes of a slice: the smallest edit that the image supports; masks and blood pool are evidence."""

import math

import numpy as np
import pytest
from scipy import ndimage

from engine.shapes import CENTRE, SHAPE, SPACING, STACK_SPACING, blob, disc, heart, horseshoe, ring
from engine.toy_models import seeing_model
from engine.toy_stacks import dice, gap, grey
from rncarefine.anatomy.topology import fill_holes
from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.reasons import ReasonCode
from rncarefine.refine.confidence import expected_dice
from rncarefine.refine.decide import (
    KEEP_MARGIN,
    KEEP_MARGIN_UNCLEAR,
    MAX_LOOSE,
    MIN_CONFIDENCE,
    SUPPORTED,
    UNCLEAR_WALL,
    decide,
)
from rncarefine.refine.examine import Examined
from rncarefine.refine.locate import ImageEvidence
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.proposals import Proposals
from rncarefine.stack import Stack
from rncarefine.tasks.ring.interpolation import polar_interpolation
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import Verdict

WALLS, POOLS = heart()
K = 3
TRUTH = WALLS[K]
"""The slice that is decided about, and its right wall: a ring of 16.8 to 24.8 mm."""
CUT = TRUTH & gap(80, 20)
FAR = ring(5, 12, centre=(60, CENTRE[1]))
"""A ring 37 mm away from the axis."""


def decided(
    wall=CUT,
    *,
    k=K,
    image_likelihood=TRUTH,
    alone=None,
    elsewhere=None,
    drawn=None,
    likelihood=None,
    support=None,
    pool=None,
    disregarded=(),
    loose=1.0,
    card=None,
    blank=False,
    **options,
):
    """Decide about one slice of a heart that is right elsewhere.

    Args:
        wall: The slice's mask.
        k: Which slice.
        image_likelihood: Probability of wall there, from the image alone.
        alone: The ring that is read from it.
        elsewhere: Such rings of other slices.
        drawn: The automaton's ring.
        likelihood: The automaton's probability of wall, by default its ring.
        support: That of the mean which the ring is read from, by default the same.
        pool: The blood pool of the slice; by default none is given.
        disregarded: Slices whose masks the automaton was not given.
        loose: Share of the myocardium away from the heart; by default so much that no wall is kept for its own sake.
        card: Changes to the model card.
        blank: The image of the slice is constant.
        options: Of the repair.
    """
    walls, pools, field = WALLS.copy(), POOLS.copy(), WALLS.astype(np.float32)
    walls[k], field[k] = wall, image_likelihood
    if pool is not None:
        pools[k] = pool
    image = grey(WALLS, POOLS)
    if blank:
        image[k] = 7
    stack = Stack.create(image, walls, STACK_SPACING, None if pool is None else pools)
    chosen = RepairOptions(**options)
    examined = Examined.of(stack, chosen)
    vars(examined)["loose_share"] = loose
    walls_alone = {**({} if alone is None else {k: alone}), **(elsewhere or {})}
    # Decisions do not look at the crop and what lies in it.
    evidence = ImageEvidence(examined.heart, None, None, None, None, field, walls_alone, 1.0, 1.0, 1.0)
    proposals = Proposals({}, {}, {}, {}, frozenset(disregarded))
    if drawn is not None:
        proposals.walls[k] = drawn
    if drawn is not None or likelihood is not None:
        proposals.likelihood[k] = np.asarray(drawn if likelihood is None else likelihood, np.float32)
        proposals.support[k] = proposals.likelihood[k] if support is None else np.asarray(support, np.float32)
    found = decide(examined, examined.diagnosis.slices[k], evidence, proposals, seeing_model(**(card or {})), chosen)
    assert stack.mask[k].tobytes() == walls[k].tobytes()
    return found


def codes(found):
    return [reason.code for reason in found.decision.reasons]


def assert_is(found, verdict, wall):
    assert found.decision.verdict is verdict
    np.testing.assert_array_equal(found.decision.wall, wall)
    assert found.decision.wall.dtype == np.uint8


@pytest.mark.parametrize("wall", [CUT, TRUTH])
def test_a_wall_over_a_blank_image_is_flagged_without_confidence(wall):
    sure = {"card": {"confidence": {"intercept": 5.0}, "closed_confidence": {"intercept": 5.0}}}
    seen, blank = (decided(wall, drawn=TRUTH, blank=blank, **sure) for blank in (False, True))
    assert (seen.decision.doubtful, seen.decision.confidence > 0.9) == (False, True)
    assert (blank.decision.doubtful, blank.decision.confidence) == (True, None)
    assert codes(blank)[-1] is ReasonCode.BLANK_IMAGE
    np.testing.assert_array_equal(blank.decision.wall, seen.decision.wall)


@pytest.mark.parametrize(("spread", "blank"), [(0.04, True), (0.06, False)])
def test_limit_of_a_blank_image(spread, blank):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(5, *SHAPE))
    image[1] *= 4
    image[3] *= spread
    stack = Stack.create(image, np.stack([ring()] * 5), STACK_SPACING)
    assert Examined.of(stack, RepairOptions()).blank.tolist() == [False, False, False, blank, False]


def test_an_empty_slice_with_a_blank_image_is_not_flagged():
    found = decided(np.zeros_like(TRUTH), k=0, blank=True)
    assert (found.decision.doubtful, codes(found)) == (False, [])


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


NARROW = TRUTH & gap(20, 20)
THREADED = NARROW | (ndimage.binary_dilation(fill_holes(TRUTH) & (1 - TRUTH), np.ones((3, 3))) & TRUTH)
"""A wall with a narrow gap, and the same closed by a thread along its cavity."""


def test_reshaped_wall_needs_review():
    found = decided(NARROW, drawn=THREADED, alone=FAR, likelihood=TRUTH)
    assert found.decision.verdict is Verdict.AUTOMATON
    assert found.decision.doubtful
    assert codes(found)[-2:] == [ReasonCode.THREAD, ReasonCode.RESHAPED]
    assert is_ring(found.decision.wall)
    assert int((found.decision.wall & (1 - THREADED)).sum()) > 0
    assert_is(decided(NARROW, drawn=THREADED, alone=TRUTH, likelihood=TRUTH), Verdict.AUTOMATON, TRUTH)
    assert_is(decided(NARROW, drawn=THREADED, likelihood=TRUTH, add_only=True), Verdict.REFUSED, NARROW)


def test_every_reason_against_a_wall_is_named_once():
    found = decided(drawn=FAR, alone=FAR)
    assert_is(found, Verdict.REFUSED, CUT)
    assert codes(found) == [ReasonCode.GAP, ReasonCode.AWAY_FROM_WALL]
    assert codes(decided(drawn=CUT, alone=FAR))[1:] == [ReasonCode.NO_RING, ReasonCode.AWAY_FROM_WALL]


# Cleaning

LOOSE = TRUTH | blob((6, 6), 4)


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


# Walls away from the given masks


def test_moved_wall_needs_review():
    beside = disc(6, centre=(CENTRE[0], CENTRE[1] + 26))
    found = decided(beside, drawn=TRUTH)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    assert found.decision.doubtful
    assert ReasonCode.MOVED in codes(found)


AWAY = disc(6, centre=(66, 66))
"""Blood pool in another organ."""
PIXEL = np.zeros_like(AWAY)
PIXEL[round(CENTRE[0]), round(CENTRE[1])] = 1


@pytest.mark.parametrize(
    ("pool", "outside"),
    [
        (disc(12), False),
        (disc(8, centre=(60, CENTRE[1])), True),
        (AWAY, True),
        (AWAY | disc(3), False),
        (AWAY | PIXEL, True),
    ],
    ids=["inside", "below", "elsewhere", "inside and elsewhere", "elsewhere and noise"],
)
def test_wall_with_the_pool_outside_needs_review(pool, outside):
    found = decided(pool=pool, drawn=TRUTH)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    assert (found.decision.doubtful, ReasonCode.POOL_OUTSIDE in codes(found)) == (outside, outside)


# Masks and blood pool are evidence

BESIDE = horseshoe(60, inner=32, outer=38)
"""A broken wall far outside of where the right one lies."""


def level(expected):
    """Return the probability all over a wall at which it has this expected Dice."""
    return expected / (2 - expected)


@pytest.mark.parametrize(("expected", "accepted"), [(SUPPORTED + 0.01, True), (SUPPORTED - 0.01, False)])
def test_wall_off_the_mask_needs_image_support(expected, accepted):
    found = decided(BESIDE, drawn=TRUTH, image_likelihood=level(expected) * TRUTH)
    assert (found.decision.verdict is Verdict.AUTOMATON) == accepted
    assert (ReasonCode.AWAY_FROM_WALL in codes(found)) != accepted
    if not accepted:
        assert_is(found, Verdict.REFUSED, BESIDE)


@pytest.mark.parametrize(("expected", "supported"), [(SUPPORTED + 0.01, True), (SUPPORTED - 0.01, False)])
def test_a_wall_rejected_for_the_pool_alone_is_drawn_and_flagged(expected, supported):
    pool = blob((60, CENTRE[1]), 9) | blob(CENTRE, 4)
    found = decided(pool=pool, drawn=TRUTH, image_likelihood=level(expected) * TRUTH)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    assert found.decision.doubtful
    assert (ReasonCode.POOL_LEFT_OUTSIDE in codes(found)) != supported


ISLAND = blob(CENTRE, 3)
"""A papillary muscle."""
ELSEWHERE = blob((60, CENTRE[1]), 9) | blob(CENTRE, 4)
"""A blood pool that hardly fits the right wall."""


@pytest.mark.parametrize(("given", "add_only"), [(TRUTH | ISLAND | blob((6, 6), 4), False), (CUT | ISLAND, True)])
def test_papillary_muscles_stay_in_a_wall_drawn_against_the_pool(given, add_only):
    low = {"image_likelihood": level(SUPPORTED - 0.01) * TRUTH, "drawn": TRUTH, "pool": ELSEWHERE}
    found = decided(given, add_only=add_only, **low)
    assert ReasonCode.POOL_LEFT_OUTSIDE in codes(found)
    np.testing.assert_array_equal(found.decision.wall, TRUTH | ISLAND)
    assert_is(decided(given, remove_islands=True, **low), found.decision.verdict, TRUTH)


def test_papillary_muscles_stay_in_a_reshaped_wall():
    lobe = disc(8, centre=(CENTRE[0], CENTRE[1] - 32 / SPACING[1]))
    given = TRUTH | ISLAND | blob((6, 6), 4)
    low = {"drawn": TRUTH | lobe, "likelihood": TRUTH, "image_likelihood": np.zeros(SHAPE)}
    found = decided(given | lobe, **low)
    assert codes(found)[-2:] == [ReasonCode.LOBED, ReasonCode.RESHAPED]
    assert found.decision.wall[ISLAND > 0].all()
    assert not decided(given | lobe, remove_islands=True, **low).decision.wall[ISLAND > 0].any()


def test_another_wall_that_fits_the_pool_comes_first():
    pool = disc(6, centre=(CENTRE[0], CENTRE[1] + 28 / SPACING[1]))
    other = ring(22, 30, centre=(CENTRE[0], CENTRE[1] + 15 / SPACING[1]))
    low = {"image_likelihood": 0.3 * TRUTH, "likelihood": 0.3 * TRUTH}
    assert_is(decided(pool=pool, drawn=TRUTH, alone=other, **low), Verdict.AUTOMATON, other)
    assert_is(decided(drawn=TRUTH, alone=other, **low), Verdict.AUTOMATON, TRUTH)


def test_the_automatons_own_likelihood_is_no_support():
    found = decided(BESIDE, drawn=TRUTH, likelihood=TRUTH, image_likelihood=np.zeros(SHAPE))
    assert codes(found)[-1] is ReasonCode.AWAY_FROM_WALL


def test_image_support_does_not_replace_a_ring_on_the_axis():
    assert codes(decided(drawn=FAR, image_likelihood=FAR))[-1] is ReasonCode.RING_OFF_AXIS
    assert codes(decided(drawn=CUT, image_likelihood=CUT))[-1] is ReasonCode.NO_RING


def test_bounds_hold_whatever_the_image_supports():
    change = float((CUT != TRUTH).sum()) * SPACING[0] * SPACING[1]
    free, held = (decided(drawn=TRUTH, max_change_mm2=change + more) for more in (1, -1))
    assert_is(free, Verdict.AUTOMATON, TRUTH)
    assert_is(held, Verdict.REFUSED, CUT)
    assert codes(held)[-1] is ReasonCode.CHANGE_TOO_LARGE
    assert held.decision.reasons[-1].values["change_mm2"] == pytest.approx(change, abs=0.01)


def test_mask_disregarded_is_reported_per_slice():
    assert codes(decided(drawn=TRUTH, disregarded=[K])) == [ReasonCode.GAP, ReasonCode.MASK_DISREGARDED]
    assert codes(decided(drawn=TRUTH, disregarded=[K - 1])) == [ReasonCode.GAP]
    cleaned = decided(LOOSE, drawn=TRUTH, disregarded=[K])
    assert (cleaned.decision.verdict, codes(cleaned)) == (
        Verdict.CLEANED,
        [ReasonCode.FRAGMENTED, ReasonCode.CLEANED],
    )


def test_wall_in_an_empty_slice_needs_review():
    found = decided(np.zeros(SHAPE, np.uint8), drawn=TRUTH)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    assert codes(found) == [ReasonCode.EMPTY, ReasonCode.INVENTED]
    assert found.decision.confidence == pytest.approx(1)
    assert found.decision.doubtful


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


# Confidence


def test_a_closed_wall_that_the_image_shows_is_sure():
    found = decided(TRUTH)
    assert_is(found, Verdict.INTACT, TRUTH)
    assert found.decision.confidence == pytest.approx(1)
    assert not found.decision.doubtful
    assert codes(found) == []
    assert set(found.features) == set(CLOSED_FEATURES)


def test_closed_wall_off_the_image_is_flagged():
    moved = np.roll(TRUTH, 10, axis=1)
    found = decided(moved, drawn=TRUTH, alone=TRUTH)
    assert_is(found, Verdict.INTACT, moved)
    assert found.decision.doubtful
    assert codes(found) == [ReasonCode.IMAGE_DISAGREES]
    assert found.decision.reasons[0].values["confidence"] == pytest.approx(dice(moved, TRUTH), abs=1e-4)
    assert found.decision.confidence == pytest.approx(dice(moved, TRUTH))


def test_confidence_of_a_repaired_wall():
    likelihood = np.where(TRUTH, 0.8, 0.0)
    found = decided(drawn=TRUTH, likelihood=likelihood)
    assert found.decision.confidence == pytest.approx(2 * 0.8 / 1.8, abs=1e-5)
    assert set(found.features) == set(REPAIRED_FEATURES)
    assert found.features["seen"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("wall", "field", "names", "code"),
    [
        (CUT, "confidence", REPAIRED_FEATURES, ReasonCode.LOW_CONFIDENCE),
        (LOOSE, "confidence", REPAIRED_FEATURES, ReasonCode.LOW_CONFIDENCE),
        (TRUTH, "closed_confidence", CLOSED_FEATURES, ReasonCode.IMAGE_DISAGREES),
    ],
    ids=["repaired", "cleaned", "closed"],
)
def test_below_the_least_confidence_a_slice_needs_review(wall, field, names, code):
    for margin, doubted in ((0.01, False), (-0.01, True)):
        chance = MIN_CONFIDENCE + margin
        weights = {**dict.fromkeys(names, 0.0), "intercept": math.log(chance / (1 - chance))}
        found = decided(wall, drawn=TRUTH, card={field: weights})
        assert found.decision.confidence == pytest.approx(chance)
        assert found.decision.doubtful == doubted
        assert (code in codes(found)) == doubted


def test_the_area_is_relative_to_the_largest_outline_in_the_images():
    large, small = ring(20, 26), ring(4, 8)
    found = decided(drawn=TRUTH, alone=small, elsewhere={K + 1: large})
    inside, largest = (int(fill_holes(wall).sum()) for wall in (TRUTH, large))
    assert found.features["area"] == pytest.approx(math.log((1 + inside) / (1 + largest)))


def test_the_neighbours_images_count_for_a_closed_wall():
    found = decided(TRUTH, image_likelihood=np.zeros(SHAPE))
    assert found.features["seen"] == 0
    assert found.features["neighbours"] == pytest.approx(
        max(dice(TRUTH, WALLS[K - 1]), dice(TRUTH, WALLS[K + 1])), abs=1e-6
    )


def test_the_other_closed_walls_count_for_a_closed_wall():
    """The other slices are right: all of them are closed, and the image shows them."""
    found = decided(TRUTH, image_likelihood=np.zeros(SHAPE))
    assert found.features["others_seen"] == pytest.approx(1)
    assert found.features["others_right"] == 1


def test_broken_walls_and_walls_away_from_the_heart_are_not_as_expected():
    walls = WALLS.copy()
    walls[K + 1] = CUT
    walls[K - 1] = ring(3, 7, centre=(10, 10))
    examined = Examined.of(Stack.create(grey(WALLS, POOLS), walls, STACK_SPACING), RepairOptions())
    assert examined.off_axis(K - 1)
    field = WALLS.astype(np.float32)
    evidence = ImageEvidence(examined.heart, None, None, None, None, field, {}, 1.0, 1.0, 1.0)
    nothing = Proposals({}, {}, {}, {}, frozenset())
    entry = examined.diagnosis.slices[K]
    found = decide(examined, entry, evidence, nothing, seeing_model(), RepairOptions())
    others = int(walls.any(axis=(1, 2)).sum()) - 1
    assert found.features["others_right"] == pytest.approx((others - 2) / others)
    assert found.features["others_seen"] == pytest.approx(1)
