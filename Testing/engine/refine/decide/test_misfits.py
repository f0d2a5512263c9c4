"""Masks and blood pool are evidence: walls that do not fit them, or that lack the shape of a wall."""

import numpy as np
import pytest

from engine.one_slice import CUT, FAR, LOOSE, NARROW, THREADED, TRUTH, K, assert_is, codes, decided, level
from engine.shapes import CENTRE, SHAPE, SPACING, blob, disc, horseshoe, ring
from engine.toy_stacks import gap
from rncarefine.reasons import ReasonCode
from rncarefine.refine.decide import SUPPORTED
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.tasks.ring.wall_shape import OPENINGS, reshape_ring
from rncarefine.words import Verdict

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


LOBED = TRUTH | (disc(8, centre=(CENTRE[0], CENTRE[1] - 32 / SPACING[1])) & (1 - disc(24.8)))
"""The right wall with a lobe."""


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


UNSEEN = {"image_likelihood": np.zeros(SHAPE)}
"""The image supports no wall."""


@pytest.mark.parametrize(
    ("pool", "code"),
    [
        (blob((60, CENTRE[1]), 9) | blob(CENTRE, 4), ReasonCode.POOL_LEFT_OUTSIDE),
        (blob((60, CENTRE[1]), 9), ReasonCode.RING_AROUND_PORE),
        (TRUTH & (1 - CUT) | blob(CENTRE, 4), ReasonCode.THROUGH_POOL),
    ],
)
def test_whatever_the_pool_says_against_a_wall_is_said_once(pool, code):
    found = decided(drawn=TRUTH, likelihood=TRUTH, pool=pool, **UNSEEN)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    assert found.decision.doubtful
    assert [each for each in codes(found) if each is not ReasonCode.POOL_OUTSIDE] == [
        ReasonCode.GAP,
        code,
        ReasonCode.AGAINST_POOL,
    ]


def test_a_wall_that_is_wrong_without_the_pool_too_is_not_drawn():
    """Its shape is verified after the pool."""
    found = decided(drawn=LOBED, likelihood=TRUTH, pool=ELSEWHERE, **UNSEEN)
    assert_is(found, Verdict.REFUSED, CUT)
    assert codes(found) == [ReasonCode.GAP, ReasonCode.POOL_LEFT_OUTSIDE]


def test_of_the_walls_against_the_pool_the_first_is_drawn():
    found = decided(drawn=LOBED, alone=TRUTH, likelihood=TRUTH, pool=ELSEWHERE, **UNSEEN)
    assert_is(found, Verdict.AUTOMATON, TRUTH)
    other = ring(17.5, 25.5)
    assert_is(decided(drawn=other, alone=TRUTH, pool=ELSEWHERE, **UNSEEN), Verdict.AUTOMATON, other)


# Shape


def test_the_least_opening_that_passes_is_used():
    large = TRUTH | (disc(14, centre=(CENTRE[0], CENTRE[1] - 34 / SPACING[1])) & (1 - disc(24.8)))
    for lobed, opening in ((LOBED, OPENINGS[0]), (large, OPENINGS[1])):
        found = decided(drawn=lobed, likelihood=TRUTH, **UNSEEN)
        assert_is(found, Verdict.AUTOMATON, reshape_ring(lobed, SPACING, opening))
    limited = decided(drawn=LOBED, likelihood=TRUTH, max_change_mm2=100, **UNSEEN)
    assert_is(limited, Verdict.REFUSED, CUT)
    assert codes(limited) == [ReasonCode.GAP, ReasonCode.LOBED]


def test_a_wall_that_changes_too_much_is_not_reshaped_to_change_less():
    bump = TRUTH | (disc(8, centre=(CENTRE[0], CENTRE[1] - 24 / SPACING[1])) & (1 - disc(24.8)))
    least = reshape_ring(bump, SPACING)
    change = [float((wall != CUT).sum()) * SPACING[0] * SPACING[1] for wall in (least, bump)]
    assert change[0] + 2 < change[1]
    found = decided(drawn=bump, likelihood=TRUTH, max_change_mm2=change[1] - 1, **UNSEEN)
    assert codes(found) == [ReasonCode.GAP, ReasonCode.CHANGE_TOO_LARGE]


def test_only_adding_reshapes_what_was_drawn_and_keeps_what_was_given():
    found = decided(drawn=LOBED, likelihood=TRUTH, add_only=True, **UNSEEN)
    assert codes(found)[-1] is ReasonCode.RESHAPED
    assert found.decision.wall[CUT > 0].all()
    assert codes(decided(CUT | LOBED & (1 - TRUTH), drawn=LOBED, add_only=True, **UNSEEN))[-1] is ReasonCode.LOBED


def test_only_lobes_and_threads_are_corrected():
    """A thick wall with a tiny cavity stays one."""
    thick = disc(20) & (1 - disc(3))
    found = decided(thick & gap(80, 20), drawn=thick, likelihood=TRUTH, **UNSEEN)
    assert codes(found)[-1] is ReasonCode.CAVITY_SHARE
    assert found.decision.verdict is Verdict.REFUSED


def test_reshaped_wall_needs_review():
    found = decided(NARROW, drawn=THREADED, alone=FAR, likelihood=TRUTH)
    assert found.decision.verdict is Verdict.AUTOMATON
    assert found.decision.doubtful
    assert codes(found)[-2:] == [ReasonCode.THREAD, ReasonCode.RESHAPED]
    assert is_ring(found.decision.wall)
    assert int((found.decision.wall & (1 - THREADED)).sum()) > 0
    assert_is(decided(NARROW, drawn=THREADED, alone=TRUTH, likelihood=TRUTH), Verdict.AUTOMATON, TRUTH)
    assert_is(decided(NARROW, drawn=THREADED, likelihood=TRUTH, add_only=True), Verdict.REFUSED, NARROW)
