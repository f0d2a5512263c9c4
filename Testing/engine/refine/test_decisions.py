"""What a report says after a person's decisions, on a stack of four slices that one can check by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.report_samples import broken_report, broken_stack, ring, slice_record
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.build_report import stack_record
from rncarefine.refine.decisions import decided, needs_decision, review_status
from rncarefine.refine.metrics import lv_mass_g
from rncarefine.refine.wall import measure
from rncarefine.words import Apex, Finding, Verdict

CLOSED, REFUSED, PRUNED = 1, 2, 3
"""What the repair did to slices 1, 2 and 3 of the sample; slice 0 is intact."""


@pytest.fixture
def stack():
    return broken_stack()[0]


@pytest.fixture
def after():
    return broken_stack()[1]


@pytest.fixture
def report(stack, after):
    """Return the report about the sample, with its true totals."""
    report = broken_report(doubts=[Reason(ReasonCode.ONE_SLICE)])
    return replace(report, stack=stack_record(stack, after, report.slices))


def rejected(stack, after, *slices):
    """Return the wall with slices as they were before the repair."""
    wall = after.copy()
    wall[list(slices)] = stack.mask[list(slices)]
    return wall


def test_changed_and_flagged_slices_need_a_decision(report):
    assert [needs_decision(record) for record in report.slices] == [False, True, True, True]


def test_without_decisions_the_report_is_as_it_was(report, stack, after):
    assert decided(report, {}, stack, after) == report


def test_accepting_changes_the_flags_only(report, stack, after):
    current = decided(report, {CLOSED: True, REFUSED: True}, stack, after)
    assert [record.accepted for record in current.slices] == [None, True, True, None]
    assert [replace(record, accepted=None) for record in current.slices] == report.slices
    assert (report.stack.flagged, current.stack.flagged) == (1, 0)
    assert (report.stack.right_after, current.stack.right_after) == (3, 4)
    assert replace(current.stack, flagged=1, right_after=3) == report.stack


def test_a_rejected_slice_is_as_before_and_its_verdict_stays(report, stack, after):
    current = decided(report, {CLOSED: False}, stack, rejected(stack, after, CLOSED))
    record = current.slices[CLOSED]
    assert (record.finding_after, record.b0_after, record.b1_after) == (Finding.OPEN, 1, 0)
    assert record.gap_deg_after == record.gap_deg_before == 29.5
    assert record.added_mm2 == record.removed_mm2 == record.taken_from_pool_mm2 == 0
    assert (record.verdict, record.accepted, record.confidence) == (Verdict.AUTOMATON, False, None)
    assert current.slices[0] == report.slices[0]
    assert current.warnings == report.warnings


def test_the_totals_are_those_of_the_wall_as_it_is(report, stack, after):
    wall = rejected(stack, after, CLOSED, PRUNED)
    current = decided(report, {CLOSED: False, PRUNED: False}, stack, wall).stack
    # Everything that was changed is back as it was.
    assert (current.closed_before, current.closed_after, current.changed) == (1, 1, 0)
    assert (
        current.lv_mass_after_g
        == current.lv_mass_before_g
        == pytest.approx(lv_mass_g(stack.mask, stack.spacing), abs=0.01)
    )
    assert current.lv_mass_change_percent == 0
    assert (current.b0_3d_after, current.b1_3d_after) == (current.b0_3d_before, current.b1_3d_before)
    assert current.right_after == 1  # the intact one; the flagged one is still flagged
    assert current.name == report.stack.name
    one = decided(report, {PRUNED: False}, stack, rejected(stack, after, PRUNED)).stack
    assert (one.closed_after, one.changed) == (2, 1)
    assert one.lv_mass_after_g > one.lv_mass_before_g


def test_a_slice_that_was_closed_by_hand_is_described_as_it_is(report, stack, after):
    wall = after.copy()
    wall[REFUSED] = after[0]  # the ring of the intact slice
    current = decided(report, {REFUSED: True}, stack, wall)
    record = current.slices[REFUSED]
    assert (record.finding_after, record.b0_after, record.b1_after) == (Finding.RING, 1, 1)
    assert record.gap_deg_after == 0
    assert record.added_mm2 == pytest.approx(16 * 1.5 * 1.25)
    assert current.stack.closed_after == 4
    assert current.doubts == [Reason(ReasonCode.ONE_SLICE), Reason(ReasonCode.SLICE_EDITED, k=2)]
    assert record.codes[-1] == ReasonCode.EDITED


def test_slices_that_were_edited_by_hand_are_named(report, stack, after):
    wall = rejected(stack, after, CLOSED)
    wall[CLOSED, 0, 0] = 1
    wall[0] = 0
    current = decided(report, {CLOSED: False}, stack, wall)
    assert current.doubts == [*report.doubts, *(Reason(ReasonCode.SLICE_EDITED, k=k) for k in (0, 1))]
    assert (current.slices[0].finding_after, current.slices[0].removed_mm2 > 0) == (Finding.EMPTY, True)
    assert (current.slices[CLOSED].b0_after, current.slices[CLOSED].added_mm2) == (2, 1.88)


def test_pool_overlap_and_confidence_are_those_of_the_wall_as_it_is(report, stack, after):
    area = stack.pixel_area
    stack.pool[CLOSED, 0, :3] = 1  # outside the ring
    thicker = after.copy()
    thicker[CLOSED] |= ring(after.shape[1:], (20, 22), 5, 10)
    taken = int(((thicker[CLOSED] > stack.mask[CLOSED]) & (stack.pool[CLOSED] > 0)).sum())
    record = decided(report, {}, stack, thicker).slices[CLOSED]
    assert report.slices[CLOSED].confidence == 0.93
    assert record.confidence is None
    assert record.taken_from_pool_mm2 == pytest.approx(taken * area, abs=0.01) != 3.75
    assert record.pool_outside_mm2 == pytest.approx(3 * area, abs=0.01)
    assert math.isnan(record.taken_from_others_mm2)
    open_again = decided(report, {}, stack, rejected(stack, after, CLOSED)).slices[CLOSED]
    assert (open_again.pool_outside_mm2, open_again.taken_from_pool_mm2, open_again.taken_from_others_mm2) == (0, 0, 0)


def test_a_rejected_slice_that_was_not_changed_stays_as_it_is(report, stack, after):
    slices = [replace(record, confidence=0.4, pool_outside_mm2=7.5) for record in report.slices]
    record = decided(replace(report, slices=slices), {0: False}, stack, after).slices[0]
    assert record == replace(slices[0], accepted=False)


@pytest.mark.parametrize("code", [ReasonCode.POOL_OUTSIDE, ReasonCode.AGAINST_POOL])
def test_an_edited_ring_drawn_against_the_pool_stays_a_ring(report, stack, after, code):
    stack.pool[CLOSED] = 0
    stack.pool[CLOSED, :3, :3] = 1
    thicker = after.copy()
    thicker[CLOSED] |= ring(after.shape[1:], (20, 22), 5, 10)
    assert decided(report, {}, stack, thicker).slices[CLOSED].finding_after is Finding.POROUS
    reason = Reason(code, **dict.fromkeys(code.numbers, 0.5))
    slices = [replace(record, reasons=[*record.reasons, reason]) for record in report.slices]
    assert decided(replace(report, slices=slices), {}, stack, thicker).slices[CLOSED].finding_after is Finding.RING


def test_an_edit_by_hand_is_seen_in_the_shape_alone(report, stack, after):
    wall = after.copy()
    wall[PRUNED, 2:4, 3:6] = 1  # the six pixels that the repair removed are back
    gap = np.argwhere(wall[PRUNED, 18:22, 28:])[:6] + np.array([18, 28])
    wall[PRUNED, gap[:, 0], gap[:, 1]] = 0
    current = decided(report, {}, stack, wall)
    assert current.slices[PRUNED].removed_mm2 == pytest.approx(report.slices[PRUNED].removed_mm2, abs=0.01)
    assert current.slices[PRUNED].finding_after is Finding.FRAGMENTED
    assert current.slices[PRUNED].b0_after == 2


def test_rounded_areas_do_not_make_an_edit_by_hand(report, stack, after):
    slices = [replace(record, added_mm2=round(record.added_mm2 + 0.004, 2)) for record in report.slices]
    assert decided(replace(report, slices=slices), {}, stack, after).doubts == report.doubts


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({}, "flagged"),
        ({CLOSED: True, PRUNED: False}, "flagged"),
        ({REFUSED: True}, "in progress"),
        ({REFUSED: True, CLOSED: False}, "in progress"),
        ({REFUSED: True, CLOSED: False, PRUNED: True}, "completed"),
    ],
)
def test_review_status_by_decisions(report, stack, after, answers, status):
    back = [k for k, answer in answers.items() if answer is False]
    assert review_status(decided(report, answers, stack, rejected(stack, after, *back))) == status


def test_review_is_not_completed_without_decisions():
    intact = broken_report(slices=[slice_record(0), slice_record(1)])
    assert review_status(intact) == "in progress"
    assert review_status(replace(intact, slices=[slice_record(0, accepted=True), slice_record(1)])) == "completed"


@pytest.mark.parametrize("k", [-1, 4])
def test_a_decision_about_a_slice_that_is_not_there_is_refused(report, stack, after, k):
    with pytest.raises(ValueError, match=rf"case 7.* {k} "):
        decided(report, {k: True}, stack, after)


def test_a_wall_of_another_stack_is_refused(report, stack, after):
    with pytest.raises(ValueError, match=r"case 7.*\b4\b"):
        decided(report, {}, stack, after[:3])
    with pytest.raises(ValueError, match="3 slices"):
        decided(replace(report, slices=report.slices[:3]), {}, stack, np.asarray(after))


def test_the_thickness_is_that_of_the_wall_as_it_is_now(report, stack, after):
    slices, wall = measure(stack, after, report.slices, Apex.LAST)
    report = replace(report, slices=slices, wall=wall, stack=stack_record(stack, after, slices))
    assert decided(report, {}, stack, after) == report
    now = rejected(stack, after, CLOSED)
    current = decided(report, {CLOSED: False, PRUNED: True}, stack, now)
    assert current.wall is not None
    assert current.wall.slices[CLOSED].after_mm == current.wall.slices[CLOSED].before_mm
    assert current.wall.slices[CLOSED].invented == []
    assert (current.slices[CLOSED].thinnest_after_mm, current.slices[CLOSED].invented_mm) == (0, 0)
    assert current.wall.slices[PRUNED] == wall.slices[PRUNED]
    assert (report.stack.invented_mm > 0, current.stack.invented_mm) == (True, 0)
    thicker = after.copy()
    thicker[0] = ring(after.shape[1:], (20, 22), 6, 12)
    edited = decided(report, {}, stack, thicker)
    assert edited.slices[0].thickness_after_mm > report.slices[0].thickness_after_mm + 1.5
    # Taken back, it is as it was.
    assert decided(report, {}, stack, after) == report
