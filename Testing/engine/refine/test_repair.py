"""The main job: what is broken is repaired, verified and reported; what is right is not touched."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import measure

from engine.shapes import SHAPE, STACK_SPACING, blob, damage, disc, heart, horseshoe, ring
from engine.toy_models import (
    SEEING,
    SMALL,
    identity_model,
    random_parameters,
    seeing_model,
    spreading_parameters,
    toy_model,
    volumetric_seeing_model,
)
from engine.toy_stacks import broken_stack, dice, gap, grey, ruined_stack
from rncarefine import __version__
from rncarefine.anatomy.heart import possible_hearts
from rncarefine.anatomy.topology import largest_component
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.nca.rollout import Runner
from rncarefine.progress import Cancelled
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine import repair as flow
from rncarefine.refine.build_report import FAMILIAR
from rncarefine.refine.confidence import expected_dice
from rncarefine.refine.decide import LEAST_CLOSED_CONFIDENCE, LEAST_CONFIDENCE
from rncarefine.refine.proposals import propose, see
from rncarefine.refine.repair import RepairOptions, check, repair
from rncarefine.stack import Stack
from rncarefine.tasks.ring.interpolation import polar_interpolation
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import REPAIRED, Apex, Expectation, Finding, Verdict

AREA = STACK_SPACING[1] * STACK_SPACING[2]


def run(stack, model=None, *, progress=None, others=None, only=None, **options):
    options = RepairOptions(**{"device": "numpy", **options})
    return repair(stack, seeing_model() if model is None else model, options, progress, others, only)


def verdicts(report):
    return {record.k: record.verdict for record in report.slices if record.verdict is not Verdict.INTACT}


def assert_stack_is(stack, kept):
    for values, copy in zip((stack.image, stack.mask, stack.pool), kept, strict=True):
        np.testing.assert_array_equal(values, copy)


def copies(stack):
    return stack.image.copy(), stack.mask.copy(), stack.pool.copy()


# What is right


def test_a_heart_without_a_fault_comes_back_bit_for_bit():
    walls, pools = heart()
    stack = Stack.create(grey(walls, pools), walls, STACK_SPACING, pools)
    result = run(stack)
    np.testing.assert_array_equal(result.wall, walls)
    assert result.wall.dtype == np.uint8
    assert not np.shares_memory(result.wall, stack.mask)
    assert verdicts(result.report) == {}
    assert [record.confidence is None for record in result.report.slices] == [False] * 8 + [True]
    assert all(0.9 < record.confidence <= 1 for record in result.report.slices[:8])
    assert [record.codes for record in result.report.slices] == [[]] * 8 + [["solid", "disc_expected"]]
    assert [record.reason == "" for record in result.report.slices] == [True] * 8 + [False]
    assert (result.report.run.backend, result.report.run.device, result.report.run.steps) == ("numpy", "cpu", 0)
    assert result.report.stack.changed == result.report.stack.flagged == 0


def test_intact_slices_of_a_broken_heart_come_back_bit_for_bit():
    stack = broken_stack()
    kept = copies(stack)
    result = run(stack)
    for k in {0, 1, 3, 4, 6, 7, 8}:
        np.testing.assert_array_equal(result.wall[k], stack.mask[k])
        assert result.report.slices[k].verdict is Verdict.INTACT
    assert_stack_is(stack, kept)


# What is broken


def test_the_automaton_closes_the_gaps_where_the_wall_was():
    truth, _ = heart()
    result = run(broken_stack())
    assert verdicts(result.report) == {2: Verdict.AUTOMATON, 5: Verdict.AUTOMATON}
    for k in (2, 5):
        record = result.report.slices[k]
        assert is_ring(result.wall[k])
        assert dice(result.wall[k], truth[k]) > 0.8
        assert (record.finding_before, record.finding_after) == (Finding.OPEN, Finding.RING)
        assert (record.b0_before, record.b1_before, record.b0_after, record.b1_after) == (1, 0, 1, 1)
        assert record.gap_deg_after == 0
        assert 0.9 < record.confidence <= 1
        assert not record.flagged
    assert result.report.slices[2].gap_deg_before == pytest.approx(80, abs=6)
    assert result.report.slices[5].gap_deg_before == pytest.approx(120, abs=6)
    record = result.report.slices[2]
    assert record.codes == ["gap"]
    assert record.reasons[0].values["angle_deg"] == pytest.approx(record.gap_deg_before, abs=0.05)
    assert record.reason.startswith("Before the repair: ")


def test_polar_interpolation_closes_a_gap_on_request_where_nothing_is_seen():
    stack = broken_stack(pool=False)
    result = run(stack, identity_model(), geometry=True)
    assert verdicts(result.report) == {2: Verdict.GEOMETRY, 5: Verdict.GEOMETRY}
    for k in (2, 5):
        np.testing.assert_array_equal(result.wall[k], polar_interpolation(stack.mask[k], stack.in_plane))
        assert result.report.slices[k].flagged


def test_what_the_automaton_does_not_close_is_left_and_flagged():
    stack = broken_stack()
    result = run(stack, identity_model())
    assert verdicts(result.report) == {2: Verdict.REFUSED, 5: Verdict.REFUSED}
    np.testing.assert_array_equal(result.wall, stack.mask)
    for k in (2, 5):
        record = result.report.slices[k]
        assert record.flagged
        assert record.codes == ["gap", "no_proposal"]
        assert (record.added_mm2, record.removed_mm2, record.confidence) == (0, 0, None)


def test_every_kind_of_fault_gets_the_verdict_it_should():
    stack = ruined_stack()
    result = run(stack)
    found = {record.k: (record.finding_before, record.verdict) for record in result.report.slices}
    assert found == {
        0: (Finding.OPEN, Verdict.INTACT),
        1: (Finding.RING, Verdict.INTACT),
        2: (Finding.OPEN, Verdict.AUTOMATON),
        3: (Finding.FRAGMENTED, Verdict.CLEANED),
        4: (Finding.RING, Verdict.INTACT),
        5: (Finding.FRAGMENTED, Verdict.AUTOMATON),
        6: (Finding.POROUS, Verdict.CLEANED),
        7: (Finding.EMPTY, Verdict.AUTOMATON),
        8: (Finding.DISC, Verdict.INTACT),
    }
    assert [record.flagged for record in result.report.slices] == [k == 7 for k in range(9)]
    assert result.report.slices[7].codes == ["empty", "invented"]


def without_slice(k, also_cut=None):
    """Return the heart with nothing in the image and mask of slice k, and perhaps a slice that cannot be repaired."""
    walls, pools = heart()
    image = grey(walls, pools)
    for gone in (k,) if also_cut is None else (k, also_cut):
        image[gone] = np.median(image[:, :4])
    walls[k] = 0
    if also_cut is not None:
        walls[also_cut] &= gap(120)
    return Stack.create(image, walls, STACK_SPACING)


@pytest.mark.parametrize("add_only", [False, True])
def test_where_mask_and_image_show_nothing_the_wall_is_interpolated_from_both_sides_for_review(add_only):
    found = run(without_slice(4), add_only=add_only)
    record = found.report.slices[4]
    assert (record.verdict, record.flagged) == (Verdict.GEOMETRY, True)
    assert record.codes == [ReasonCode.EMPTY, ReasonCode.BETWEEN_NEIGHBOURS]
    assert dice(found.wall[4], heart()[0][4]) > 0.95
    assert is_ring(found.wall[4])
    assert verdicts(found.report) == {4: Verdict.GEOMETRY}


def test_nothing_is_interpolated_from_slices_that_were_not_repaired_themselves():
    found = run(without_slice(4, also_cut=3))
    assert {found.report.slices[k].verdict for k in (3, 4)} == {Verdict.REFUSED}
    assert not found.wall[4].any()


def test_an_empty_slice_that_the_automaton_says_nothing_of_stays_empty_and_is_flagged():
    stack = ruined_stack()
    result = run(stack, identity_model())
    assert result.report.slices[7].verdict is Verdict.REFUSED
    assert result.report.slices[7].flagged
    assert not result.wall[7].any()


def test_a_wall_that_only_had_to_be_cleaned_keeps_its_own_voxels_where_the_automaton_agrees():
    walls, pools = heart()
    truth = walls.copy()
    walls[3] |= blob((6, 6), 4)
    walls[6] &= 1 - blob((35.3, 40.6 + 14 / 1.25), 1.6)
    stack = Stack.create(grey(truth, pools), walls, STACK_SPACING, pools)
    agreeing, differing = run(stack), run(stack, seeing_model(outer=0.35))
    assert verdicts(agreeing.report) == {3: Verdict.CLEANED, 6: Verdict.CLEANED}
    assert verdicts(differing.report) == {3: Verdict.AUTOMATON, 6: Verdict.AUTOMATON}
    for k in (3, 6):
        np.testing.assert_array_equal(agreeing.wall[k], truth[k])
        assert agreeing.report.slices[k].codes[-1] == "cleaned"
        assert not agreeing.report.slices[k].flagged
        assert dice(differing.wall[k], truth[k]) < 0.95
        assert "cleaned" not in differing.report.slices[k].codes


def test_only_the_slices_asked_for_are_repaired():
    stack = broken_stack()
    whole, one = run(stack), run(stack, only={5})
    assert verdicts(one.report) == {2: Verdict.TO_REPAIR, 5: Verdict.AUTOMATON}
    np.testing.assert_array_equal(one.wall[5], whole.wall[5])
    np.testing.assert_array_equal(np.delete(one.wall, 5, 0), np.delete(stack.mask, 5, 0))
    assert one.report.slices[5] == whole.report.slices[5]
    assert one.report.slices[2].reasons == check(stack).slices[2].reasons


@pytest.mark.parametrize(
    ("field", "names", "k", "verdict", "code"),
    [
        ("confidence", REPAIRED_FEATURES, 2, Verdict.AUTOMATON, "low_confidence"),
        ("closed_confidence", CLOSED_FEATURES, 3, Verdict.INTACT, "image_disagrees"),
    ],
)
def test_a_wall_that_is_more_likely_bad_than_good_is_flagged(field, names, k, verdict, code):
    stack = broken_stack()
    for intercept, doubted in ((0.3, False), (-0.1, True)):
        weights = {**dict.fromkeys(names, 0.0), "intercept": intercept}
        result = run(stack, seeing_model(**{field: weights}))
        record = result.report.slices[k]
        assert record.confidence == pytest.approx(1 / (1 + np.exp(-intercept)), abs=1e-4)
        assert (record.verdict, record.flagged) == (verdict, doubted)
        assert (code in record.codes) == doubted
        for intact in {0, 1, 3, 4, 6, 7, 8}:
            np.testing.assert_array_equal(result.wall[intact], stack.mask[intact])


def test_a_closed_ring_beside_the_heart_is_flagged_and_comes_back_bit_for_bit():
    walls, pools = heart()
    truth = walls.copy()
    walls[4] = np.roll(walls[4], 8, axis=1)
    result = run(Stack.create(grey(truth, pools), walls, STACK_SPACING))
    np.testing.assert_array_equal(result.wall, walls)
    assert [record.flagged for record in result.report.slices] == [k == 4 for k in range(9)]
    record = result.report.slices[4]
    assert (record.verdict, record.codes) == (Verdict.INTACT, ["image_disagrees"])
    assert record.confidence < 0.5
    assert (result.report.stack.flagged, result.report.stack.right_after) == (1, 8)


def test_what_was_weighed_comes_with_the_result():
    result = run(ruined_stack())
    assert {k: tuple(found) for k, found in result.features.items()} == {
        **dict.fromkeys((1, 4), CLOSED_FEATURES),
        **dict.fromkeys((2, 3, 5, 6, 7), REPAIRED_FEATURES),
    }
    assert {name: sorted(walls) for name, walls in result.alternatives.items()} == {
        "image alone": list(range(8)),
        "one pass": [2, 3, 5, 6, 7],
    }


# What misleads


def test_a_mask_that_contradicts_the_image_is_disregarded_and_the_report_says_so():
    walls, pools = heart()
    truth = walls.copy()
    walls[5] = blob((20, 20), 12) | blob((50, 62), 10)
    result = run(Stack.create(grey(truth, pools), walls, STACK_SPACING, pools), seeing_model(confused=8.0))
    assert verdicts(result.report) == {5: Verdict.AUTOMATON}
    assert result.report.slices[5].codes == ["fragmented", "mask_disregarded"]
    assert not result.report.slices[5].flagged
    assert dice(result.wall[5], truth[5]) > 0.95


def test_where_all_masks_lie_beside_the_heart_broken_slices_are_drawn_from_the_image_and_closed_ones_flagged():
    stack = broken_stack()
    truth, _ = heart()
    moved = Stack.create(stack.image, np.roll(stack.mask, 10, axis=1), STACK_SPACING, np.roll(stack.pool, 10, axis=1))
    result = run(moved)
    for record in result.report.slices[:8]:
        if record.k in (2, 5):
            assert (record.verdict, record.codes) == (Verdict.AUTOMATON, ["gap", "mask_disregarded"])
            assert dice(result.wall[record.k], truth[record.k]) > 0.95
        else:
            assert (record.verdict, record.codes, record.flagged) == (Verdict.INTACT, ["image_disagrees"], True)
            np.testing.assert_array_equal(result.wall[record.k], moved.mask[record.k])


def elsewhere(with_heart):
    """Return a heart in wide slices whose masks lie mostly on another organ, larger than the heart; and the truth."""
    rooms = ((0, 0), (20, 30), (10, 110))
    walls, pools = (np.pad(each, rooms) for each in heart())
    broken = np.pad(broken_stack().mask, rooms) * np.uint8(with_heart)
    broken[:8] |= horseshoe(40, inner=14, outer=30, shape=walls.shape[1:], centre=(60, 150))
    return Stack.create(grey(walls, pools), broken, STACK_SPACING), walls


def test_of_several_places_the_one_that_the_image_shows_is_the_heart():
    stack, truth = elsewhere(with_heart=True)
    assert (stack.mask[:, :, 110:].sum()) > 1.2 * stack.mask[:, :, :110].sum()
    result = run(stack)
    assert result.report.doubts == []
    assert verdicts(result.report) == {k: Verdict.AUTOMATON if k in (2, 5) else Verdict.CLEANED for k in range(8)}
    assert not any(record.flagged for record in result.report.slices)
    assert min(dice(result.wall[k], truth[k]) for k in range(8)) > 0.95


def test_a_heart_without_any_usable_mask_is_found_and_drawn_and_all_of_it_flagged():
    stack, truth = elsewhere(with_heart=False)
    result = run(stack, close_base=True)
    assert result.report.doubts == []
    drawn = [record.k for record in result.report.slices if record.verdict is Verdict.AUTOMATON]
    assert drawn == list(range(8))
    for k in drawn:
        record = result.report.slices[k]
        assert record.flagged
        assert {"off_axis", "invented"} <= set(record.codes)
        assert dice(result.wall[k], truth[k]) > 0.9


def test_where_the_encoder_is_unsure_of_the_heart_every_change_needs_review():
    # The discs of this automaton are sure, but its ring says nothing: walls have a confidence of 0.62.
    model = toy_model(spreading_parameters(), SEEING, steps=80)
    result = run(ruined_stack(), model)
    (doubt,) = result.report.doubts
    assert doubt.code is ReasonCode.HEART_UNSURE
    assert doubt.values["sureness"] < doubt.values["least"] == FAMILIAR
    changed = [record for record in result.report.slices if record.verdict in REPAIRED]
    assert [record.k for record in changed] == [2, 3, 5, 6, 7]
    assert all(record.flagged and record.confidence > 0.5 for record in changed)
    assert not any(record.flagged for record in result.report.slices if record.verdict is Verdict.INTACT)
    assert run(ruined_stack()).report.doubts == []


def test_a_wall_that_is_cleaned_where_nothing_is_seen_needs_review():
    result = run(ruined_stack(), identity_model())
    for k in (3, 6):
        assert (result.report.slices[k].verdict, result.report.slices[k].flagged) == (Verdict.CLEANED, True)


def test_a_volumetric_automaton_repairs_through_the_same_door():
    stack = broken_stack()
    result = run(stack, volumetric_seeing_model())
    slice_wise = run(stack)
    np.testing.assert_array_equal(result.wall, slice_wise.wall)
    assert verdicts(result.report) == {2: Verdict.AUTOMATON, 5: Verdict.AUTOMATON}


def test_a_repaired_heart_has_nothing_left_to_repair():
    stack = broken_stack()
    result = run(stack)
    again = Stack.create(stack.image, result.wall, STACK_SPACING, result.pool)
    assert verdicts(check(again)) == {}
    np.testing.assert_array_equal(run(again).wall, result.wall)


def test_a_false_wall_on_another_organ_is_dropped_and_the_heart_repaired():
    wide = {"shape": (110, 130), "centre": (35.3, 40.6)}
    truth = np.stack([ring(**wide)] * 6)
    walls = truth.copy()
    walls[2] = horseshoe(80, 20, **wide) | horseshoe(60, inner=14, outer=30, shape=(110, 130), centre=(85, 100))
    assert walls[2].sum() > 2 * truth[2].sum()
    pools = np.stack([disc(18, **wide)] * 6)
    stack = Stack.create(grey(truth, pools), walls, STACK_SPACING)
    result = run(stack)
    assert verdicts(result.report) == {2: Verdict.AUTOMATON}
    assert dice(result.wall[2], truth[2]) > 0.95


def test_a_slice_with_nothing_where_the_heart_is_is_drawn_anew_and_flagged_or_left():
    wide = {"shape": (110, 130), "centre": (35.3, 40.6)}
    walls = np.stack([ring(**wide)] * 6)
    truth = walls[2].copy()
    walls[2] = horseshoe(60, shape=(110, 130), centre=(85, 100))
    pools = np.stack([disc(18, **wide)] * 6)
    stack = Stack.create(grey(np.stack([truth] * 6), pools), walls, STACK_SPACING)
    drawn = run(stack)
    assert verdicts(drawn.report) == {2: Verdict.AUTOMATON}
    assert drawn.report.slices[2].flagged
    assert dice(drawn.wall[2], truth) > 0.95
    left = run(stack, identity_model())
    assert verdicts(left.report) == {2: Verdict.REFUSED}
    for report in (drawn.report, left.report):
        assert "off_axis" in report.slices[2].codes
    np.testing.assert_array_equal(left.wall, walls)


def test_a_right_looking_slice_away_from_the_heart_is_flagged_and_left():
    wide = {"shape": (110, 130), "centre": (35.3, 40.6)}
    walls = np.stack([ring(**wide)] * 6)
    pools = np.stack([disc(18, **wide)] * 6)
    image = grey(walls, pools)
    walls[2] = ring(14, 24, shape=(110, 130), centre=(85, 100))
    stack = Stack.create(image, walls, STACK_SPACING)
    result = run(stack)
    assert verdicts(result.report) == {2: Verdict.REFUSED}
    assert verdicts(check(stack)) == {2: Verdict.TO_REPAIR}
    for report in (result.report, check(stack)):
        assert report.slices[2].codes == ["closed", "off_axis"]
    np.testing.assert_array_equal(result.wall, walls)


def test_a_slice_that_counts_as_a_ring_is_never_changed_but_flagged_if_its_hole_is_a_pore():
    walls, _ = heart()
    walls[4] = horseshoe(120)
    walls[4] -= blob((35.3, 40.6 - 22 / 1.25), 2.2) & walls[4]
    result = run(Stack.create(grey(*heart()), walls, STACK_SPACING))
    record = result.report.slices[4]
    assert (record.b0_before, record.b1_before, record.finding_before) == (1, 1, Finding.OPEN)
    assert verdicts(result.report) == {4: Verdict.REFUSED}
    assert record.codes[-1] == "counts_as_ring"
    np.testing.assert_array_equal(result.wall, walls)


def test_a_single_slice_is_repaired():
    wall = horseshoe(70)
    stack = Stack.create(grey(ring()[None], disc(18)[None]), wall[None], STACK_SPACING, disc(18)[None])
    result = run(stack)
    assert verdicts(result.report) == {0: Verdict.AUTOMATON}
    assert dice(result.wall[0], ring()) > 0.8


@pytest.mark.parametrize("away", [70, 130])
def test_a_single_slice_whose_pool_lies_far_away_is_repaired_where_the_image_shows_the_heart_and_else_left(away):
    grid = {"shape": (100, 200), "spacing": (1, 1), "centre": (50, 50)}
    wall, truth = (each[None] for each in (horseshoe(34, inner=13, outer=20, **grid), ring(13, 20, **grid)))
    pool = np.zeros_like(wall)
    pool[0, 45:55, 45 + away : 55 + away] = 1
    stack = Stack.create(grey(truth, disc(13, **grid)[None]), wall, (8.0, 1.0, 1.0), pool)
    seen, left = run(stack), run(stack, identity_model())
    assert verdicts(seen.report) == {0: Verdict.AUTOMATON}
    assert dice(seen.wall[0], truth[0]) > 0.9
    np.testing.assert_array_equal(left.wall, wall)
    assert verdicts(left.report) == {0: Verdict.REFUSED}
    assert "off_axis" in left.report.slices[0].codes


def test_a_wall_that_cannot_be_closed_is_refused_and_stays():
    # A straight bar tells no circle.
    walls, _ = heart()
    walls[3] = 0
    walls[3, 20:22, 10:70] = 1
    result = run(Stack.create(grey(*heart()), walls, STACK_SPACING), identity_model(), geometry=True)
    assert verdicts(result.report) == {3: Verdict.REFUSED}
    np.testing.assert_array_equal(result.wall, walls)
    assert result.report.slices[3].flagged
    assert result.report.slices[3].codes[-3:] == ["no_proposal", "interpolation_rejected", "no_ring"]


def test_both_backends_repair_alike():
    one, other = (run(ruined_stack(), device=device) for device in ("numpy", "cpu"))
    np.testing.assert_array_equal(one.wall, other.wall)
    assert (one.report.run.backend, other.report.run.backend) == ("numpy", "torch")
    assert [replace(record, confidence=None) for record in one.report.slices] == [
        replace(record, confidence=None) for record in other.report.slices
    ]


# Base and apex


def open_base():
    walls, pools = heart()
    walls[0] &= gap(90)
    return Stack.create(grey(*heart()), walls, STACK_SPACING, pools)


def test_an_open_base_is_left_alone():
    stack = open_base()
    result = run(stack)
    np.testing.assert_array_equal(result.wall, stack.mask)
    record = result.report.slices[0]
    assert (record.expectation, record.verdict, record.flagged) == (Expectation.OPEN, Verdict.INTACT, False)
    assert result.report.stack.expected_rings == 7


def test_an_open_base_is_closed_on_request():
    stack = open_base()
    result = run(stack, close_base=True)
    assert verdicts(result.report) == {0: Verdict.AUTOMATON}
    assert is_ring(result.wall[0])
    assert result.report.slices[0].expectation is Expectation.RING
    assert result.report.run.close_base
    assert result.report.stack.expected_rings == 8


def test_a_base_in_pieces_is_flagged_and_left():
    stack = open_base()
    stack.mask[0] &= gap(30, 180)
    kept = stack.mask.copy()
    result = run(stack)
    assert verdicts(result.report) == {0: Verdict.REFUSED}
    np.testing.assert_array_equal(result.wall, kept)


def test_an_apical_disc_is_left_alone():
    walls, pools = heart(rings=6, discs=2)
    result = run(Stack.create(grey(walls, pools), walls, STACK_SPACING, pools))
    np.testing.assert_array_equal(result.wall, walls)
    assert [result.report.slices[k].expectation for k in (6, 7)] == [Expectation.DISC] * 2


def test_an_apical_disc_with_a_loose_component_is_cleaned():
    walls, pools = heart()
    whole = walls[8].copy()
    walls[8] |= blob((6, 6), 2)
    stack = Stack.create(grey(*heart()), walls, STACK_SPACING, pools)
    result = run(stack)
    assert verdicts(result.report) == {8: Verdict.CLEANED}
    np.testing.assert_array_equal(result.wall[8], whole)


def test_the_side_of_the_apex_can_be_told():
    stack = open_base()
    told = run(stack, apex=Apex.FIRST)
    assert told.report.run.apex == "first"
    assert told.report.slices[0].expectation is Expectation.RING
    assert run(stack).report.run.apex == "last"


# Options


def test_add_only_removes_nothing():
    stack = ruined_stack()
    result = run(stack, add_only=True)
    assert not (stack.mask & (1 - result.wall)).any()
    assert all(record.removed_mm2 == 0 for record in result.report.slices)
    assert result.report.slices[2].verdict is Verdict.AUTOMATON
    assert is_ring(result.wall[2])
    # A loose piece cannot go without removing something.
    assert result.report.slices[3].verdict is Verdict.REFUSED
    assert (stack.mask & (1 - run(stack).wall)).any()


def test_a_repair_beyond_the_bounds_is_refused_with_the_reason():
    stack = broken_stack()
    free = run(stack).report.slices
    change = {k: free[k].added_mm2 + free[k].removed_mm2 for k in (2, 5)}
    assert change[2] < change[5]
    limit = (change[2] + change[5]) / 2
    result = run(stack, max_change_mm2=limit)
    assert verdicts(result.report) == {2: Verdict.AUTOMATON, 5: Verdict.REFUSED}
    last = result.report.slices[5].reasons[-1]
    assert last.code is ReasonCode.CHANGE_TOO_LARGE
    assert last.values == {"change_mm2": pytest.approx(change[5], abs=0.01), "most_mm2": pytest.approx(limit)}
    np.testing.assert_array_equal(result.wall[5], stack.mask[5])


def wavering_model():
    """Return an automaton whose ring falls a little wherever a cell fires, so that seeds matter."""
    return volumetric_seeing_model(across=-0.05)


def test_the_same_seed_repeats_a_repair():
    one, again, other = (run(broken_stack(), wavering_model(), seed=seed, steps=4) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.wall, again.wall)
    assert one.report.slices == again.report.slices
    assert one.report.slices[2].confidence != other.report.slices[2].confidence
    assert (one.report.run.seed, other.report.run.seed) == (1, 2)


def test_several_samples_are_averaged():
    alone, together = (run(broken_stack(), wavering_model(), samples=samples, steps=3) for samples in (1, 8))
    assert together.report.run.samples == 8
    for k in (2, 5):
        one, many = alone.report.slices[k], together.report.slices[k]
        assert one.verdict is many.verdict is Verdict.AUTOMATON
        assert 0 < many.confidence < 1
    assert [together.report.slices[k].confidence for k in (2, 5)] != [alone.report.slices[k].confidence for k in (2, 5)]


def test_without_calibration_the_confidence_is_the_dice_that_the_likelihood_promises():
    stack, model = broken_stack(), wavering_model()
    result = run(stack, model, samples=2, steps=4)
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), "numpy")
    sight = see(stack, possible_hearts(stack.mask, stack.pool, stack.in_plane), runner, model)
    found = propose(sight, stack, [2, 5], runner, model, samples=2, steps=4)
    np.testing.assert_array_equal(result.wall[2], found.walls[2])
    assert result.report.slices[2].confidence == pytest.approx(
        expected_dice(found.walls[2], found.likelihood[2]), abs=1e-4
    )
    assert result.report.slices[3].confidence == pytest.approx(expected_dice(stack.mask[3], sight.seen[3]), abs=1e-4)


def test_steps_can_be_limited():
    assert run(broken_stack(), steps=6).report.run.steps == 6
    assert run(broken_stack()).report.run.steps <= seeing_model().card.steps


def test_no_options_are_the_default_ones():
    stack = broken_stack()
    np.testing.assert_array_equal(repair(stack, seeing_model()).wall, run(stack, device="auto").wall)


# Cancel


def test_a_repair_is_cancelled_wherever_it_is_asked_and_changes_nothing():
    stack = broken_stack()
    kept = copies(stack)
    told = []
    whole = run(stack, steps=4, samples=2, progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert len(told) >= 2 * 4 + 3
    assert all(text for _, text in told)
    for last in range(len(told)):
        asked = []

        def until(fraction, text, asked=asked, last=last):
            asked.append(text)
            return len(asked) <= last

        with pytest.raises(Cancelled):
            run(stack, steps=4, samples=2, progress=until)
        assert len(asked) == last + 1
        assert_stack_is(stack, kept)
    np.testing.assert_array_equal(run(stack, steps=4, samples=2).wall, whole.wall)


def test_a_progress_that_returns_nothing_does_not_cancel():
    assert verdicts(run(broken_stack(), progress=lambda fraction, text: None).report)


# Bad input


@pytest.mark.parametrize("work", [lambda stack: run(stack), check], ids=["repair", "check"])
def test_an_empty_mask_is_an_error_that_names_the_stack_and_the_remedy(work):
    stack = Stack.create(grey(*heart()), np.zeros_like(heart()[0]), STACK_SPACING, name="patient 7")
    with pytest.raises(ValueError, match=r"patient 7: .*empty"):
        work(stack)


def test_a_device_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="device"):
        run(broken_stack(), device="abacus")


@pytest.mark.parametrize("others", [np.zeros((3, *SHAPE)), np.full((9, *SHAPE), 2)], ids=["shape", "values"])
def test_other_labels_that_are_not_one_mask_of_the_stack_are_an_error(others):
    with pytest.raises(ValueError, match="other labels"):
        run(broken_stack(), others=others)


# Counts


def test_what_the_wall_takes_is_counted_by_whom_it_is_taken_from():
    walls, pools = heart()
    whole = walls.copy()
    walls[2] &= gap(80, 20)
    # Half of the gap was called pool and the other half RV.
    columns = np.indices(walls.shape)[1]
    missing = whole & (1 - walls)
    middle = int(np.median(np.nonzero(missing[2])[0]))
    pools |= missing & (columns < middle)
    rv = missing & (columns >= middle)
    stack = Stack.create(grey(*heart()), walls, STACK_SPACING, pools)
    result = run(stack, others=rv)
    record = result.report.slices[2]
    added = (result.wall[2] > 0) & (walls[2] == 0)
    assert record.added_mm2 == pytest.approx(added.sum() * AREA, abs=0.01)
    assert record.removed_mm2 == pytest.approx(((walls[2] > 0) & (result.wall[2] == 0)).sum() * AREA, abs=0.01)
    assert record.taken_from_pool_mm2 == pytest.approx((added & (pools[2] > 0)).sum() * AREA, abs=0.01)
    assert record.taken_from_others_mm2 == pytest.approx((added & (rv[2] > 0)).sum() * AREA, abs=0.01)
    assert record.taken_from_pool_mm2 > 50
    assert record.taken_from_others_mm2 > 50
    assert record.pool_outside_mm2 == 0


def test_pool_left_outside_the_closed_ring_is_reported():
    walls, pools = heart()
    walls[2] &= gap(80, 20)
    leak = blob((35.3 + 8, 40.6 + 26), 4)
    pools[2] |= leak
    result = run(Stack.create(grey(*heart()), walls, STACK_SPACING, pools))
    record = result.report.slices[2]
    filled = measure.label(np.pad(result.wall[2], 1) == 0, connectivity=1)[1:-1, 1:-1] != 1
    outside = (pools[2] > 0) & ~filled
    assert outside.sum() > 10
    assert record.pool_outside_mm2 == pytest.approx(outside.sum() * AREA, abs=0.01)
    assert not result.trimmed.any()


def spilt():
    """Return a broken stack with pool outside the wall in every slice."""
    stack = broken_stack()
    stack.pool[:, 2:5, 2:6] = 1
    return stack


def test_pool_outside_the_closed_rings_is_trimmed_on_request():
    stack = spilt()
    free, result = run(stack), run(stack, trim_pool=True)
    np.testing.assert_array_equal(result.wall, free.wall)
    np.testing.assert_array_equal(free.pool, stack.pool & (1 - free.added))
    for record in result.report.slices:
        closed = record.finding_after is Finding.RING
        assert result.trimmed[record.k].sum() == (12 if closed else 0)
        assert result.pool[record.k, 2:5, 2:6].any() != closed
        assert result.pool[record.k].any()
        assert record == free.report.slices[record.k]
    np.testing.assert_array_equal(result.pool | result.trimmed, free.pool)
    assert result.trimmed_mm2 == pytest.approx(12 * 8 * AREA)


def test_an_intact_slice_that_is_open_at_the_base_and_has_a_pore_keeps_its_pool():
    walls, pools = heart()
    walls[0] = horseshoe(120)
    walls[0] -= blob((35.3, 40.6 - 22 / 1.25), 2.2) & walls[0]
    stack = Stack.create(grey(*heart()), walls, STACK_SPACING, pools)
    result = run(stack, trim_pool=True)
    record = result.report.slices[0]
    assert (record.verdict, record.finding_after, record.b1_after) == (Verdict.INTACT, Finding.OPEN, 1)
    assert pools[0].sum() > 400
    np.testing.assert_array_equal(result.pool[0], pools[0])


def test_a_slice_that_was_refused_or_not_asked_for_keeps_its_pool():
    stack = spilt()
    refused = run(stack, identity_model(), trim_pool=True)
    one = run(stack, only={5}, trim_pool=True)
    for result, kept in ((refused, (2, 5)), (one, (0, 1, 2, 3, 4, 6, 7))):
        for k in kept:
            np.testing.assert_array_equal(result.pool[k], stack.pool[k])
    assert one.trimmed[5].any()


def test_trimming_without_a_pool_is_an_error():
    with pytest.raises(ValueError, match="no blood pool"):
        run(broken_stack(pool=False), trim_pool=True)


def test_without_pool_and_others_nothing_is_taken():
    for record in run(broken_stack(pool=False)).report.slices:
        assert (record.taken_from_pool_mm2, record.taken_from_others_mm2, record.pool_outside_mm2) == (0, 0, 0)


def test_a_pool_under_the_old_wall_is_not_taken_again():
    walls, pools = heart()
    pools |= walls
    stack = Stack.create(grey(*heart()), walls, STACK_SPACING, pools)
    assert all(record.taken_from_pool_mm2 == 0 for record in run(stack).report.slices)


# The report


def betti_of_volume(mask):
    """Components, tunnels and cavities with scikit-image."""
    padded = np.pad(mask, 1) > 0
    b0 = measure.label(padded, connectivity=3).max()
    b2 = measure.label(~padded, connectivity=1).max() - 1
    return b0, b0 + b2 - measure.euler_number(padded, connectivity=3), b2


def test_the_totals_are_those_of_the_masks_and_the_slices():
    stack = ruined_stack()
    result = run(stack)
    totals, slices = result.report.stack, result.report.slices
    gram = np.prod(STACK_SPACING) / 1000 * 1.05
    mass_before, mass_after = stack.mask.sum() * gram, result.wall.sum() * gram
    assert totals.lv_mass_before_g == pytest.approx(mass_before, abs=0.006)
    assert totals.lv_mass_after_g == pytest.approx(mass_after, abs=0.006)
    assert totals.lv_mass_change_percent == pytest.approx(100 * (mass_after / mass_before - 1), abs=0.006)
    assert (totals.b0_3d_before, totals.b1_3d_before, totals.b2_3d_before) == betti_of_volume(stack.mask)
    assert (totals.b0_3d_after, totals.b1_3d_after, totals.b2_3d_after) == betti_of_volume(result.wall)
    # Slice 0 may be open, 8 is a disc; of the seven others 1 and 4 were rings, and 7 is empty and drawn anew.
    assert (totals.expected_rings, totals.closed_before, totals.closed_after) == (7, 2, 7)
    assert (totals.right_before, totals.right_after, totals.flagged, totals.changed) == (4, 8, 1, 5)
    assert (totals.slices, totals.spacing_mm, totals.name) == (9, STACK_SPACING, "stack")
    assert [record.k for record in slices] == list(range(9))
    for record in slices:
        before, after = stack.mask[record.k], result.wall[record.k]
        for mask, b0, b1 in ((before, record.b0_before, record.b1_before), (after, record.b0_after, record.b1_after)):
            padded = np.pad(mask, 1) > 0
            assert b0 == measure.label(padded, connectivity=2).max()
            assert b1 == measure.label(~padded, connectivity=1).max() - 1
    summary = result.report.summary()
    assert summary.startswith("2 of 7 slices closed before, 7 after; 1 flagged; LV mass ")
    assert check(ruined_stack()).summary().startswith("2 of 7 slices closed; 5 not as expected; LV mass ")


def test_the_report_says_how_to_repeat_the_run():
    model = seeing_model()
    chosen = {"seed": 4, "samples": 2, "add_only": True, "geometry": True, "max_change_mm2": 900, "trim_pool": True}
    report = run(broken_stack(), model, **chosen).report
    told = report.run
    assert (told.version, told.seed, told.samples, told.device, told.backend) == (__version__, 4, 2, "cpu", "numpy")
    assert (told.close_base, told.add_only, told.geometry, told.apex) == (False, True, True, "last")
    assert (told.max_change_mm2, told.trim_pool) == (900, True)
    assert told.seconds > 0
    assert report.model == model.record()


@pytest.mark.parametrize(
    "report",
    [
        lambda: run(ruined_stack()).report,
        lambda: run(ruined_stack(), identity_model()).report,
        lambda: check(ruined_stack()),
    ],
    ids=["repaired", "refused", "checked"],
)
def test_the_report_is_plain_json_without_nan(report):
    values = report().to_dict()
    assert json.loads(json.dumps(values, allow_nan=False))["slices"][2]["finding_before"] == "open"
    wanted = "k finding_before finding_after expectation verdict b0_before b1_before b0_after b1_after gap_deg_before"
    assert {*wanted.split(), "added_mm2", "removed_mm2", "confidence"} <= set(values["slices"][0])


def test_a_stack_of_thin_slices_is_warned_about():
    stack = broken_stack()
    assert run(stack).report.warnings == []
    thin = Stack.create(stack.image, stack.mask, (1.4, *stack.in_plane), stack.pool)
    assert check(thin).doubts == [Reason(ReasonCode.THIN_SLICES, slice_spacing_mm=1.4)]
    assert "short-axis stack" in check(thin).warnings[0]


def test_the_gap_is_that_of_the_wall_at_the_heart_and_not_of_a_false_wall_elsewhere():
    stack = broken_stack(pool=False)
    beside = ((0, 0), (0, 0), (0, 90))
    wide = Stack.create(np.pad(stack.image, beside), np.pad(stack.mask, beside), stack.spacing)
    broken = [record for record in check(wide).slices if record.gap_deg_before > 0]
    assert [record.k for record in broken] == [2, 5]
    mask = wide.mask.copy()
    mask[[2, 5]] |= horseshoe(30, 0, inner=20, outer=34, shape=mask.shape[1:], centre=(35, 132))
    strewn = check(replace(wide, mask=mask))
    for record in broken:
        assert strewn.slices[record.k].finding_before is Finding.FRAGMENTED
        assert strewn.slices[record.k].gap_deg_before == record.gap_deg_before


def test_a_stack_of_one_slice_comes_with_a_word_of_warning():
    stack = broken_stack()
    one = Stack.create(stack.image[2:3], stack.mask[2:3], stack.spacing)
    result = run(one)
    assert is_ring(result.wall[0])
    assert [doubt.code for doubt in result.report.doubts] == [ReasonCode.ONE_SLICE]


def test_a_gpu_that_ran_out_of_memory_is_reported(monkeypatch):
    class Short(Runner):
        def encode(self, channels):
            self.out_of_memory = True
            return super().encode(channels)

    monkeypatch.setattr(flow, "Runner", Short)
    assert [doubt.code for doubt in run(broken_stack()).report.doubts] == [ReasonCode.GPU_OUT_OF_MEMORY]


def test_weights_of_something_else_are_an_error():
    model = toy_model(random_parameters(), SMALL)
    del model.card.shapes["update.weight"]
    with pytest.raises(ValueError, match=r"update\.weight"):
        run(broken_stack(), model)


# Check


def test_check_tells_what_repair_would_take_up_and_changes_nothing():
    stack = ruined_stack()
    kept = copies(stack)
    checked, repaired = check(stack), run(stack).report
    assert verdicts(checked) == dict.fromkeys((2, 3, 5, 6, 7), Verdict.TO_REPAIR)
    assert verdicts(checked).keys() == verdicts(repaired).keys()
    assert [record.flagged for record in checked.slices] == [k in (2, 3, 5, 6, 7) for k in range(9)]
    assert checked.model is None
    assert (checked.stack.changed, checked.stack.flagged) == (0, 5)
    assert checked.stack.lv_mass_after_g == checked.stack.lv_mass_before_g
    for one, other in zip(checked.slices, repaired.slices, strict=True):
        assert (one.finding_before, one.expectation, one.gap_deg_before) == (
            other.finding_before,
            other.expectation,
            other.gap_deg_before,
        )
    assert_stack_is(stack, kept)


def test_check_closes_the_base_on_request():
    assert verdicts(check(open_base())) == {}
    assert verdicts(check(open_base(), RepairOptions(close_base=True))) == {0: Verdict.TO_REPAIR}


# Whatever the damage and the weights

FINDING_OF = {
    Expectation.RING: Finding.RING,
    Expectation.DISC: Finding.DISC,
    Expectation.OPEN: Finding.OPEN,
    Expectation.EMPTY: Finding.EMPTY,
}


TO_REVIEW = {"invented", "stack_in_doubt", "thin_closure", "taken_from_others"}
"""Codes of a repaired slice that needs review whatever its confidence."""


def assert_every_slice_is_accounted_for(stack, result, add_only=False):
    """Check that every slice is right and unchanged, repaired, or left as it was; and what the report says of it."""
    codes = [doubt.code for doubt in result.report.doubts]
    unsure = ReasonCode.HEART_UNSURE in codes
    doubted = {"no_slice_closed", "filled_outline", "same_gap", "centre_drifts", "elongated", "not_thickest_axis"}
    for record in result.report.slices:
        old, new = stack.mask[record.k], result.wall[record.k]
        intact, repaired = record.verdict is Verdict.INTACT, record.verdict in REPAIRED
        right = record.finding_before is FINDING_OF[record.expectation] and "off_axis" not in record.codes
        assert intact == right
        closed = intact and record.finding_before is Finding.RING
        assert (record.confidence is not None) == (repaired or closed)
        least = LEAST_CONFIDENCE if repaired else LEAST_CLOSED_CONFIDENCE
        low = record.confidence is not None and record.confidence < least
        assert record.flagged == (
            not (intact or repaired)
            or low
            or (repaired and bool(unsure or (TO_REVIEW | {"between_neighbours"}) & set(record.codes)))
            or (intact and bool({"large_disc", "open_off_contour"} & set(record.codes)))
        )
        assert ("stack_in_doubt" in record.codes) == (repaired and bool(doubted & {*codes}))
        assert low == bool({"low_confidence", "image_disagrees"} & set(record.codes))
        if repaired:
            assert record.finding_after is FINDING_OF[record.expectation]
            assert record.expectation is Expectation.DISC or is_ring(largest_component(new))
        else:
            np.testing.assert_array_equal(new, old)
            assert record.finding_after is record.finding_before
        if intact and record.expectation in (Expectation.RING, Expectation.EMPTY):
            assert [code for code in record.codes if code != "islands"] == (["image_disagrees"] if low else [])
        if add_only:
            assert not (old & (1 - new)).any()
    totals = result.report.stack
    assert totals.right_after == totals.slices - totals.flagged
    assert totals.closed_before <= totals.closed_after <= totals.expected_rings
    json.dumps(result.report.to_dict(), allow_nan=False)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    with_pool=st.booleans(),
    close_base=st.booleans(),
    add_only=st.booleans(),
    geometry=st.booleans(),
    still=st.booleans(),
)
def test_whatever_the_damage_every_slice_is_right_repaired_or_left_as_it_was(
    seed, with_pool, close_base, add_only, geometry, still
):
    walls, pools = heart()
    broken = damage(walls, np.random.default_rng(seed))
    if not broken.any():
        return
    stack = Stack.create(grey(walls, pools), broken, STACK_SPACING, pools if with_pool else None)
    model = identity_model(steps=1) if still else seeing_model()
    result = run(stack, model, close_base=close_base, add_only=add_only, geometry=geometry)
    assert_every_slice_is_accounted_for(stack, result, add_only)


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), update=st.sampled_from([0.1, 1.0, 30.0]))
def test_whatever_the_weights_what_is_right_comes_back_bit_for_bit(seed, update):
    stack = ruined_stack()
    kept = copies(stack)
    result = run(stack, toy_model(random_parameters(SMALL, seed, update), SMALL, steps=5))
    assert_every_slice_is_accounted_for(stack, result)
    for k in (0, 1, 4, 8):
        assert result.report.slices[k].verdict is Verdict.INTACT
        np.testing.assert_array_equal(result.wall[k], stack.mask[k])
    assert_stack_is(stack, kept)


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_a_repair_of_a_repair_changes_nothing_of_it(seed):
    walls, pools = heart()
    stack = Stack.create(grey(walls, pools), damage(walls, np.random.default_rng(seed)), STACK_SPACING, pools)
    first = run(stack)
    again = run(Stack.create(stack.image, first.wall, STACK_SPACING, first.pool))
    for record in first.report.slices:
        if record.verdict in REPAIRED:
            assert again.report.slices[record.k].verdict is Verdict.INTACT
            np.testing.assert_array_equal(again.wall[record.k], first.wall[record.k])


@pytest.mark.parametrize("rooms", [(0, 7, 0, 0), (9, 4, 3, 12), (31, 0, 0, 40)])
def test_larger_slices_about_the_same_heart_give_the_same_repair(rooms):
    stack = ruined_stack()
    above, below, left, right = rooms
    widths = ((0, 0), (above, below), (left, right))
    image = np.pad(stack.image, widths, mode="edge")
    wide = Stack.create(image, np.pad(stack.mask, widths), STACK_SPACING, np.pad(stack.pool, widths))
    one, other = run(stack), run(wide)
    inside = other.wall[:, above : above + SHAPE[0], left : left + SHAPE[1]]
    assert inside.sum() == other.wall.sum()
    # The crop lies on the same pixels but for the rounding of its place.
    assert (inside != one.wall).sum() <= 4
    for mine, its in zip(one.report.slices, other.report.slices, strict=True):
        assert (mine.verdict, mine.flagged, mine.codes) == (its.verdict, its.flagged, its.codes)
        assert mine.confidence == pytest.approx(its.confidence, abs=2e-3)
