"""Nothing changes silently that should not: stacks in doubt, other labels, conventions."""

from __future__ import annotations

import numpy as np
import pytest

from engine.shapes import SHAPE, STACK_SPACING, disc, heart, horseshoe
from engine.toy_models import seeing_model
from engine.toy_stacks import broken_stack, grey
from rncarefine.refine.repair import RepairOptions, check, repair
from rncarefine.stack import Stack
from rncarefine.words import REPAIRED, Verdict


def run(stack, model=None, *, others=None, **options):
    return repair(stack, model or seeing_model(), RepairOptions(**{"device": "numpy", **options}), others=others)


def codes(report):
    return [str(doubt.code) for doubt in report.doubts]


# A stack in doubt


def long_axis_views():
    """Return six rotated views whose wall is open towards the atria, and whose image shows a closed ring."""
    walls, pools = heart(rings=6, discs=0)
    views = np.stack([wall & horseshoe(80, -90, 0, 60) for wall in walls])
    return Stack.create(grey(walls, pools), views, STACK_SPACING, pools)


def test_in_a_stack_in_doubt_every_change_is_flagged_and_the_doubt_comes_first():
    stack = long_axis_views()
    report = run(stack, close_base=True).report
    assert codes(report)[:2] == ["no_slice_closed", "same_gap"]
    changed = [record for record in report.slices if record.verdict in REPAIRED]
    assert [record.k for record in changed] == list(range(6))
    for record in changed:
        assert record.flagged
        assert record.codes[-1] == "stack_in_doubt"
        assert record.confidence > 0.5


def test_a_check_says_the_same_of_a_stack_as_a_repair():
    stack = long_axis_views()
    assert check(stack).doubts == run(stack).report.doubts
    assert codes(check(broken_stack())) == codes(run(broken_stack()).report) == []


def test_intact_slices_of_a_stack_in_doubt_are_not_flagged_for_it():
    stack = long_axis_views()
    walls = stack.mask.copy()
    walls[0] = heart()[0][0]
    report = run(Stack.create(stack.image, walls, STACK_SPACING, stack.pool)).report
    assert codes(report) == ["same_gap"]
    assert (report.slices[0].verdict, report.slices[0].flagged) == (Verdict.INTACT, False)
    assert all(record.flagged for record in report.slices[1:])


def test_of_a_filled_outer_contour_nothing_is_hollowed_unflagged():
    walls, pools = heart(rings=8, discs=0)
    filled = walls | pools
    report = run(Stack.create(grey(walls, pools), filled, STACK_SPACING)).report
    assert codes(report) == ["filled_outline"]
    assert all(record.flagged for record in report.slices if record.verdict in REPAIRED)
    assert any(record.verdict in REPAIRED for record in report.slices)


# Other labels


def labelled_right_ventricle(share):
    """Return a stack whose missing wall has another label: ``share`` of the gap, and that label."""
    stack, (truth, _) = broken_stack(), heart()
    others = np.zeros_like(stack.mask)
    for k in (2, 5):
        missing = np.argwhere((truth[k] > 0) & (stack.mask[k] == 0))
        for j, i in missing[: int(share * len(missing))]:
            others[k, j, i] = 1
    return stack, others


def test_a_repair_that_takes_much_from_other_labels_is_flagged_with_area_and_share():
    stack, others = labelled_right_ventricle(1.0)
    result = run(stack, others=others)
    for k in (2, 5):
        record = result.report.slices[k]
        assert (record.verdict, record.flagged) == (Verdict.AUTOMATON, True)
        reason = record.reasons[-1]
        assert reason.code == "taken_from_others"
        assert reason.values["area_mm2"] == pytest.approx(record.taken_from_others_mm2, abs=0.01)
        assert reason.values["share"] == pytest.approx(
            (result.taken_from_others[k].sum() / result.wall[k].sum()), abs=1e-4
        )


def test_a_repair_that_takes_little_from_other_labels_is_not_flagged():
    stack, others = labelled_right_ventricle(0.1)
    result = run(stack, others=others)
    assert result.taken_from_others.any()
    assert result.report.stack.flagged == 0
    np.testing.assert_array_equal(result.wall, run(stack).wall)


def test_a_repair_that_would_mostly_be_another_label_is_refused():
    walls, pools = heart()
    image = grey(walls, pools)
    arc = walls.copy()
    for k in range(7):
        arc[k] &= horseshoe(250, 40 * k, 0, 60)
    others = walls & (1 - arc)
    stack = Stack.create(image, arc, STACK_SPACING, pools)
    result = run(stack, others=others, close_base=True)
    np.testing.assert_array_equal(result.wall, arc)
    for record in result.report.slices[:7]:
        assert (record.verdict, record.flagged) == (Verdict.REFUSED, True)
        assert "mostly_other_label" in record.codes
    assert not any("mostly_other_label" in record.codes for record in run(stack, close_base=True).report.slices)


def test_a_solid_disc_of_another_label_at_the_apex_is_no_fault():
    walls, pools = heart()
    stack = Stack.create(grey(walls, pools), walls, STACK_SPACING, pools)
    others = np.zeros((9, *SHAPE), np.uint8)
    others[8] = disc(20) & (1 - walls[8])
    assert run(stack, others=others).report.stack.flagged == 0
