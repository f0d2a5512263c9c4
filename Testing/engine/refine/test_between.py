"""Where no wall can be relied on, it is interpolated between the slices beside it, for review."""

from dataclasses import replace

import numpy as np
import pytest

from engine.one_slice import level
from engine.repair_runs import run, verdicts
from engine.shapes import CENTRE, SHAPE, SPACING, STACK_SPACING, blob, disc, heart, horseshoe, ring
from engine.toy_models import seeing_model, volumetric_seeing_model
from engine.toy_stacks import dice, gap, grey
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.between import from_neighbours
from rncarefine.refine.build_report import SliceDecision
from rncarefine.refine.decide import SUPPORTED, Decided
from rncarefine.refine.examine import Examined
from rncarefine.refine.locate import ImageEvidence
from rncarefine.refine.options import RepairOptions
from rncarefine.stack import Stack
from rncarefine.tasks.ring.interpolation import between_slices
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import Verdict

# Whole repairs


def without_slices(*gone, also_cut=None, noise=0.0):
    """Return the heart with nothing in the image and mask of some slices, and perhaps a slice that cannot be repaired.

    Args:
        gone: Slices without a heart.
        also_cut: Slice with a broken wall, and without a heart in the image.
        noise: Noise of these images, relative to the standard deviation of the others.
    """
    walls, pools = heart()
    image = grey(walls, pools)
    for k in gone if also_cut is None else (*gone, also_cut):
        image[k] = np.median(image[:, :4]) + noise * image.std() * np.random.default_rng(k).normal(size=SHAPE)
    for k in gone:
        walls[k] = 0
    if also_cut is not None:
        walls[also_cut] &= gap(120)
    return Stack.create(image, walls, STACK_SPACING)


@pytest.mark.parametrize("add_only", [False, True])
@pytest.mark.parametrize("gone", [(4,), (4, 5)])
def test_empty_slices_are_interpolated_from_the_closest_walls(gone, add_only):
    found = run(without_slices(*gone, noise=0.1), add_only=add_only)
    for k in gone:
        record = found.report.slices[k]
        assert (record.verdict, record.flagged) == (Verdict.GEOMETRY, True)
        assert record.codes == ["empty", "no_proposal", "between_neighbours", "low_confidence"]
        assert dice(found.wall[k], heart()[0][k]) > 0.94
        assert is_ring(found.wall[k])
        # The slices taper: the outline is smaller than the largest.
        assert -1 < found.features[k]["area"] < -0.05
    assert verdicts(found.report) == dict.fromkeys(gone, Verdict.GEOMETRY)


def test_papillary_muscles_beside_an_empty_slice_are_no_part_of_the_interpolated_wall():
    plain = without_slices(4, noise=0.1)
    mask = plain.mask.copy()
    mask[3] |= blob(CENTRE, 3) | blob((CENTRE[0] + 5, CENTRE[1]), 2)
    mask[5] |= blob((CENTRE[0], CENTRE[1] + 3), 2)
    found = run(replace(plain, mask=mask))
    assert found.report.slices[3].codes == found.report.slices[5].codes == [ReasonCode.ISLANDS]
    assert ReasonCode.BETWEEN_NEIGHBOURS in found.report.slices[4].codes
    np.testing.assert_array_equal(found.wall[4], run(plain).wall[4])


def test_a_wall_drawn_from_adjacent_states_alone_is_interpolated():
    found = run(without_slices(4, noise=0.1), volumetric_seeing_model(across=0.1))
    record = found.report.slices[4]
    assert (record.verdict, record.flagged) == (Verdict.GEOMETRY, True)
    assert record.codes == ["empty", "between_neighbours", "low_confidence"]
    assert dice(found.wall[4], heart()[0][4]) > 0.95


def test_an_unsure_wall_is_not_interpolated_from():
    stack, model = without_slices(4), seeing_model()
    mask = stack.mask.copy()
    mask[3] &= gap(120)
    stack = replace(stack, mask=mask)
    unsure = replace(model, card=replace(model.card, confidence={**model.card.confidence, "intercept": -99.0}))
    assert verdicts(run(stack, model).report) == {3: Verdict.AUTOMATON, 4: Verdict.GEOMETRY}
    found = run(stack, unsure)
    assert found.report.slices[3].codes[-1] == ReasonCode.LOW_CONFIDENCE
    assert verdicts(found.report) == {3: Verdict.AUTOMATON, 4: Verdict.REFUSED}


def test_a_wall_interpolated_over_a_blank_image_has_no_confidence():
    found = run(without_slices(4))
    record = found.report.slices[4]
    assert (record.verdict, record.flagged, record.confidence) == (Verdict.GEOMETRY, True, None)
    assert record.codes == ["empty", "no_proposal", "between_neighbours", "blank_image"]
    assert 4 not in found.features


def test_a_refused_wall_beside_an_empty_slice_is_interpolated_with_it():
    found = run(without_slices(4, also_cut=3))
    assert verdicts(found.report) == {3: Verdict.GEOMETRY, 4: Verdict.GEOMETRY}
    assert min(dice(found.wall[k], heart()[0][k]) for k in (3, 4)) > 0.95


# One slice

WALLS, POOLS = heart()
K = 4
BETWEEN = between_slices(WALLS[3], WALLS[5], SPACING)
"""The wall of slice 4 by those beside it."""
NOTHING = np.zeros(SHAPE, np.uint8)


class Case:
    """A heart that is intact but for one slice, which was refused unless a test decides otherwise.

    Args:
        given: Mask of the slice.
        k: Number of the slice.
        pool: Its blood pool; by default none is given.
        seen: Probability of wall in its image.
        others: Other labels of the slice.
        gone: More slices without a wall, which were refused.
        options: Options of the repair.
    """

    def __init__(self, given=NOTHING, *, k=K, pool=None, seen=NOTHING, others=None, gone=(), **options):
        walls, pools, field = WALLS.copy(), POOLS.copy(), WALLS.astype(np.float32)
        walls[k], field[k] = given, seen
        walls[list(gone)] = 0
        if pool is not None:
            pools[k] = pool
        labels = None
        if others is not None:
            labels = np.zeros_like(walls)
            labels[k] = others
        self.k, self.options = k, RepairOptions(**options)
        stack = Stack.create(grey(WALLS, POOLS), walls, STACK_SPACING, None if pool is None else pools)
        self.examined = Examined.of(stack, self.options, others=labels)
        self.evidence = ImageEvidence(self.examined.heart, None, None, None, None, field, {}, 1.0, 1.0, 1.0)
        self.decided = [Decided(SliceDecision(Verdict.INTACT, wall), {}) for wall in walls]
        for n in (k, *gone):
            self.decide(n, Verdict.REFUSED, walls[n], ReasonCode.NO_PROPOSAL)

    def decide(self, n, verdict, wall, *codes, **values):
        """Take another decision about a slice."""
        reasons = tuple(Reason(code) for code in codes)
        self.decided[n] = Decided(SliceDecision(verdict, wall, reasons, **values), {})
        return self

    def result(self, intercept=5.0):
        """Return the decision about the slice, or ``None`` if it is unchanged."""
        entry, model = self.examined.diagnosis.slices[self.k], seeing_model(confidence={"intercept": intercept})
        found = from_neighbours(self.examined, entry, self.decided, self.evidence, model, self.options)
        return None if found is self.decided[self.k] else found.decision


def test_a_refused_slice_is_interpolated_for_review():
    found = Case().result()
    assert (found.verdict, found.doubtful, found.confidence > 0.9) == (Verdict.GEOMETRY, True, True)
    np.testing.assert_array_equal(found.wall, BETWEEN)
    assert [reason.code for reason in found.reasons] == ["no_proposal", "between_neighbours"]
    assert Case().result(-5.0).reasons[-1].code is ReasonCode.LOW_CONFIDENCE


def test_the_wall_follows_the_position_between_the_slices():
    np.testing.assert_array_equal(Case(gone=(5,)).result().wall, between_slices(WALLS[3], WALLS[6], SPACING, 1 / 3))


@pytest.mark.parametrize("gone", [(5, 6), (3, 5), (2, 3)])
def test_three_slices_are_too_many(gone):
    assert Case(gone=gone).result() is None


@pytest.mark.parametrize(
    ("verdict", "confidence", "support", "codes", "replaced"),
    [
        (Verdict.AUTOMATON, 0.9, SUPPORTED + 0.01, [ReasonCode.INVENTED], False),
        (Verdict.AUTOMATON, 0.9, SUPPORTED - 0.01, [ReasonCode.INVENTED], True),
        (Verdict.AUTOMATON, 0.4, SUPPORTED + 0.01, [ReasonCode.INVENTED], True),
        (Verdict.AUTOMATON, None, SUPPORTED + 0.01, [ReasonCode.INVENTED], True),
        (Verdict.AUTOMATON, 0.4, SUPPORTED - 0.01, [], False),
        (Verdict.TO_REPAIR, None, SUPPORTED - 0.01, [], False),
        (Verdict.REFUSED, None, SUPPORTED + 0.01, [], True),
    ],
)
def test_a_drawn_wall_is_replaced_only_if_it_is_invented_and_unsure(verdict, confidence, support, codes, replaced):
    case = Case(seen=level(support) * WALLS[K])
    case.decide(K, verdict, WALLS[K], *codes, confidence=confidence)
    found = case.result()
    assert (found is not None) == replaced
    assert found is None or ReasonCode.INVENTED not in found.codes


def test_a_wall_cut_by_the_border_is_left():
    case = Case()
    case.decided[K] = Decided(
        SliceDecision(Verdict.REFUSED, NOTHING, (Reason(ReasonCode.CUT_BY_BORDER, length_mm=9),)), {}
    )
    assert case.result() is None


def test_slices_that_are_right_or_count_as_rings_or_are_expected_to_be_open_are_left():
    pore = (CENTRE[0], CENTRE[1] - 20 / SPACING[1])
    holed = horseshoe(120, inner=12, outer=26) & (1 - blob(pore, 2.2))
    assert Case(WALLS[K]).result() is None
    assert Case(WALLS[K] | blob(CENTRE, 3)).result() is None
    assert Case(holed).result() is None
    torn = Case(WALLS[1] & gap(40) & gap(40, 180), k=1, gone=(0,))
    assert torn.examined.diagnosis.slices[1].expectation == "open"
    assert torn.result() is None


@pytest.mark.parametrize("side", [K - 1, K + 1])
def test_both_neighbours_must_be_reliable_rings(side):
    wall = WALLS[side]
    assert Case().decide(side, Verdict.AUTOMATON, wall).result() is not None
    assert Case().decide(side, Verdict.AUTOMATON, wall, doubtful=True).result() is None
    assert Case().decide(side, Verdict.REFUSED, wall).result() is None
    assert Case().decide(side, Verdict.TO_REPAIR, wall).result() is None
    assert Case().decide(side, Verdict.INTACT, disc(10)).result() is None


@pytest.mark.parametrize("k", [0, 8])
def test_slices_at_an_end_have_one_neighbour(k):
    assert Case(WALLS[0] & gap(60), k=k, close_base=True).result() is None


def test_only_adding_keeps_all_of_the_given_wall_and_its_islands():
    island, thick = blob(CENTRE, 3), ring(14, 27) & gap(90)
    found = Case(thick | island, add_only=True).result()
    np.testing.assert_array_equal(found.wall, BETWEEN | thick | island)
    assert not Case(thick | island).result().wall[island > 0].any()
    assert Case(thick | blob((6, 6), 4), add_only=True).result() is None


def test_the_interpolated_wall_is_verified():
    assert Case(max_change_mm2=float(BETWEEN.sum()) * SPACING[0] * SPACING[1] + 1).result() is not None
    assert Case(max_change_mm2=float(BETWEEN.sum()) * SPACING[0] * SPACING[1] - 1).result() is None
    assert Case(others=disc(26)).result() is None


def test_a_given_wall_elsewhere_does_not_count_but_is_reported():
    found = Case(disc(6, centre=(CENTRE[0], CENTRE[1] + 26))).result()
    assert ReasonCode.MOVED in found.codes


def test_neither_the_given_wall_nor_the_pool_must_fit():
    beside = (CENTRE[0], CENTRE[1] + 26)
    found = Case(disc(6, centre=beside), pool=blob((60, CENTRE[1]), 9)).result()
    assert {ReasonCode.MOVED, ReasonCode.AGAINST_POOL} <= found.codes


def test_what_it_takes_from_other_labels_is_reported():
    assert ReasonCode.TAKEN_FROM_OTHERS in Case(others=WALLS[K] & (1 - gap(120))).result().codes


@pytest.mark.parametrize(
    ("pool", "codes"),
    [
        (POOLS[K], set()),
        (blob((60, CENTRE[1]), 9) | blob(CENTRE, 3), {"pool_left_outside", "pool_outside", "against_pool"}),
        (blob((60, CENTRE[1]), 9), {"ring_around_pore", "pool_outside", "against_pool"}),
        (WALLS[K] | blob(CENTRE, 6), {"through_pool", "against_pool"}),
    ],
)
def test_a_pool_that_does_not_fit_is_reported(pool, codes):
    found = Case(pool=pool).result()
    np.testing.assert_array_equal(found.wall, BETWEEN)
    assert {code.value for code in found.codes} == {"no_proposal", "between_neighbours"} | codes
