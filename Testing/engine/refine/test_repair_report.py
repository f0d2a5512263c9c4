"""What a repair counts and reports, and what a check says without a repair."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import measure

from engine import report_samples
from engine.repair_runs import assert_stack_is, copies, run, verdicts
from engine.shapes import STACK_SPACING, blob, heart, horseshoe
from engine.toy_models import identity_model, seeing_model
from engine.toy_stacks import broken_stack, gap, grey, ruined_stack
from rncarefine import __version__
from rncarefine.nca.rollout import Runner
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine import repair as flow
from rncarefine.refine.build_report import stack_record
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import check
from rncarefine.stack import Stack
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import Finding, Verdict

AREA = STACK_SPACING[1] * STACK_SPACING[2]


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


def test_open_basal_slice_with_a_pore_keeps_its_pool():
    walls, pools = heart()
    walls[0] = horseshoe(120)
    walls[0] -= blob((35.3, 40.6 - 22 / 1.25), 2.2) & walls[0]
    stack = Stack.create(grey(*heart()), walls, STACK_SPACING, pools)
    result = run(stack, trim_pool=True)
    record = result.report.slices[0]
    assert (record.verdict, record.finding_after, record.b1_after) == (Verdict.INTACT, Finding.OPEN, 1)
    assert pools[0].sum() > 400
    np.testing.assert_array_equal(result.pool[0], pools[0])


def test_refused_or_unselected_slices_keep_their_pool():
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


# The report


def betti_of_volume(mask):
    """Components, tunnels and cavities with scikit-image."""
    padded = np.pad(mask, 1) > 0
    b0 = measure.label(padded, connectivity=3).max()
    b2 = measure.label(~padded, connectivity=1).max() - 1
    return b0, b0 + b2 - measure.euler_number(padded, connectivity=3), b2


@pytest.mark.parametrize(
    ("accepted", "added", "expected"),
    [(None, 0.0, (0, 0)), (True, 0.0, (1, 1)), (False, 0.0, (0, 0)), (True, 5.0, (0, 1))],
)
def test_a_flagged_slice_that_was_left_as_it_was_counts_alike_before_and_after(accepted, added, expected):
    stack, _ = report_samples.broken_stack()
    doubted = report_samples.slice_record(1, flagged=True, accepted=accepted, added_mm2=added)
    totals = stack_record(stack, stack.mask, [report_samples.slice_record(0), doubted])
    assert (totals.right_before - 1, totals.right_after - 1) == expected


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
    # Slice 0 may be open, 8 is a disc; of the seven others 1 and 4 were rings, and 7 is empty and drawn from the image.
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
    assert check(ruined_stack()).summary().startswith("2 of 7 expected rings closed; 5 slices need repair; LV mass ")


def test_report_has_the_options_of_the_run():
    model = seeing_model()
    chosen = {"seed": 4, "samples": 2, "add_only": True, "geometry": True, "max_change_mm2": 900, "trim_pool": True}
    report = run(broken_stack(), model, **chosen).report
    told = report.run
    assert (told.version, told.seed, told.samples, told.device, told.backend) == (__version__, 4, 2, "cpu", "numpy")
    assert (told.close_base, told.add_only, told.geometry, told.apex) == (False, True, True, "last")
    assert (told.max_change_mm2, told.trim_pool) == (900, True)
    assert told.seconds > 0
    assert report.model == model.record()


def test_a_stack_of_thin_slices_is_warned_about():
    stack = broken_stack()
    assert run(stack).report.warnings == []
    thin = Stack.create(stack.image, stack.mask, (1.4, *stack.in_plane), stack.pool)
    assert check(thin).doubts == [Reason(ReasonCode.THIN_SLICES, slice_spacing_mm=1.4)]
    assert "short-axis stack" in check(thin).warnings[0]


def test_a_check_tells_slices_to_repair_from_those_to_review():
    stack = broken_stack()
    mask = stack.mask.copy()
    mask[:2] = 0
    report = check(replace(stack, mask=mask), RepairOptions(apex="last", close_base=True))
    assert [record.k for record in report.slices if record.flagged] == [0, 1, 2, 5]
    assert "; 2 slices need repair; 2 slices need review; " in report.summary()
    assert "; 2 slices need repair; LV mass" in check(stack).summary()


def test_a_stack_without_spacing_is_not_said_to_have_thin_slices():
    stack = broken_stack()
    lost = Stack.create(stack.image, stack.mask, (1.0, 1.0, 1.0), stack.pool)
    assert [doubt.code for doubt in check(lost).doubts] == [ReasonCode.NO_SPACING]


def test_gap_is_measured_at_the_heart():
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


def test_single_slice_is_noted():
    stack = broken_stack()
    one = Stack.create(stack.image[2:3], stack.mask[2:3], stack.spacing)
    result = run(one)
    assert is_ring(result.wall[0])
    assert [doubt.code for doubt in result.report.doubts] == [ReasonCode.WIDE_GAP_OF_FEW, ReasonCode.ONE_SLICE]


def test_a_gpu_that_ran_out_of_memory_is_reported(monkeypatch):
    class Short(Runner):
        def encode(self, channels):
            self.out_of_memory = True
            return super().encode(channels)

    monkeypatch.setattr(flow, "Runner", Short)
    assert [doubt.code for doubt in run(broken_stack()).report.doubts] == [ReasonCode.GPU_OUT_OF_MEMORY]


# Check


def test_check_lists_what_repair_changes():
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


def test_a_ring_drawn_against_the_pool_counts_as_closed():
    """The given blood pool lies beside the wall that the image shows."""
    walls, pools = heart()
    walls[2] &= gap(80, 20)
    pools[2] = blob((60, 40.6), 8)
    found = run(Stack.create(grey(*heart()), walls, STACK_SPACING, pools)).report
    record = found.slices[2]
    assert (record.verdict, record.finding_after) == (Verdict.AUTOMATON, Finding.RING)
    assert ReasonCode.POOL_OUTSIDE in record.codes
    assert record.pool_outside_mm2 == pytest.approx(pools[2].sum() * AREA, abs=0.01)
    assert found.stack.closed_after == found.stack.expected_rings
