"""Nothing changes silently that should not: stacks in doubt, other labels, conventions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from engine.shapes import STACK_SPACING, blob, disc, heart, horseshoe, ring
from engine.toy_models import seeing_model
from engine.toy_stacks import broken_stack, gap, grey
from rncarefine.anatomy.topology import fill_holes
from rncarefine.refine.repair import RepairOptions, check, repair
from rncarefine.stack import Stack
from rncarefine.words import REPAIRED, Finding, Verdict


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


def test_changes_in_a_doubtful_stack_are_flagged():
    stack = long_axis_views()
    report = run(stack, close_base=True).report
    assert codes(report)[:2] == ["no_slice_closed", "same_gap"]
    changed = [record for record in report.slices if record.verdict in REPAIRED]
    assert [record.k for record in changed] == list(range(6))
    for record in changed:
        assert record.flagged
        assert record.codes[-1] == "stack_in_doubt"
        assert record.confidence > 0.5


def test_check_and_repair_have_the_same_doubts():
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


def filled(walls, pools):
    return walls | pools


def outlines(walls, pools):
    outer, inner = (part & ~ndimage.binary_erosion(part, np.ones((1, 3, 3))) for part in (walls | pools, pools))
    return outer | inner


def second_wall(walls, pools):
    return walls | ring(8, 12, centre=(35, 8))


@pytest.mark.parametrize(
    ("drawn", "code"), [(filled, "filled_outline"), (outlines, "only_outlines"), (second_wall, "several_walls")]
)
def test_repairs_of_doubtful_conventions_are_flagged(drawn, code):
    walls, pools = heart(rings=8, discs=0)
    stack = Stack.create(grey(walls, pools), drawn(walls, pools), STACK_SPACING)
    report = run(stack).report
    assert codes(report)[0] == codes(check(stack))[0] == code
    repaired = [record for record in report.slices if record.verdict in REPAIRED]
    assert repaired
    assert all(record.flagged for record in repaired)


@pytest.mark.parametrize("structure", ["wall", "pool", "both"])
def test_a_probability_map_as_the_image_is_in_doubt(structure):
    walls, pools = heart(rings=8, discs=0)
    drawn = {"wall": walls, "pool": pools, "both": walls | pools}[structure]
    soft = ndimage.gaussian_filter(drawn.astype(np.float32), (0, 1.5, 1.5))
    stack = Stack.create(soft, walls, STACK_SPACING, pool=pools)
    assert "image_like_mask" in codes(check(stack))
    assert "image_like_mask" not in codes(check(replace(stack, image=np.zeros_like(soft))))
    assert "image_like_mask" not in codes(check(replace(stack, image=100 + 200 * soft)))
    assert "image_like_mask" not in codes(check(replace(stack, image=grey(walls, pools))))


# Other labels


def labelled_right_ventricle(share):
    """Return a stack, and another label beyond its gaps that reaches into them: ``share`` of the gap."""
    stack, (truth, _) = broken_stack(), heart()
    others = np.zeros_like(stack.mask)
    for k in (2, 5):
        missing = np.argwhere((truth[k] > 0) & (stack.mask[k] == 0))
        for j, i in missing[: int(share * len(missing))]:
            others[k, j, i] = 1
        others[k] |= ndimage.binary_dilation((truth[k] > 0) & (stack.mask[k] == 0), iterations=8) & (
            fill_holes(truth[k]) == 0
        )
    return stack, others


def test_taking_much_from_other_labels_is_flagged():
    stack, others = labelled_right_ventricle(1.0)
    result = run(stack, others=others)
    for k in (2, 5):
        record = result.report.slices[k]
        assert (record.verdict, record.flagged) == (Verdict.AUTOMATON, True)
        (reason,) = (reason for reason in record.reasons if reason.code == "taken_from_others")
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


# Conventions


def with_papillary_muscles(broken=(), slices=(2, 3, 4)):
    """Return a heart with two islands in the cavities of some slices, and the islands; some walls have a gap."""
    walls, pools = heart(rings=7)
    islands = np.zeros_like(walls)
    for k in slices:
        islands[k] = blob((33, 36), 2) | blob((38, 44), 2)
    image = grey(walls | islands, pools & (1 - islands))
    for k in broken:
        walls[k] &= gap(70, 20)
    return Stack.create(image, walls | islands, STACK_SPACING, pools & (1 - islands)), islands


def test_papillary_muscles_inside_a_closed_ring_stay():
    stack, _ = with_papillary_muscles()
    result = run(stack)
    np.testing.assert_array_equal(result.wall, stack.mask)
    for record in result.report.slices[2:5]:
        assert (record.verdict, record.finding_before, record.b0_before) == (Verdict.INTACT, Finding.RING, 3)
        assert record.codes == ["islands"]
    assert (result.report.stack.flagged, result.report.stack.changed) == (0, 0)
    assert check(stack).stack.flagged == 0


def test_on_request_papillary_muscles_are_removed_and_nothing_else():
    stack, islands = with_papillary_muscles()
    result = run(stack, remove_islands=True)
    np.testing.assert_array_equal(result.wall, stack.mask & (1 - islands))
    assert [record.verdict for record in result.report.slices[2:5]] == [Verdict.CLEANED] * 3
    assert result.report.run.remove_islands
    assert check(stack, RepairOptions(remove_islands=True)).stack.flagged == 3


@pytest.mark.parametrize(
    ("slices", "add_only", "stay"),
    [((2, 3, 4), False, True), ((3,), False, False), ((3,), True, True)],
    ids=["convention of the stack", "this slice alone", "add only"],
)
def test_islands_of_a_wall_with_a_gap(slices, add_only, stay):
    stack, islands = with_papillary_muscles([3], slices)
    kept = run(stack, add_only=add_only)
    record = kept.report.slices[3]
    assert (record.verdict, record.finding_after, record.flagged) == (Verdict.AUTOMATON, Finding.RING, False)
    assert (kept.wall[3] & islands[3]).sum() == (islands[3].sum() if stay else 0)
    assert not (run(stack, remove_islands=True).wall[3] & islands[3]).any()


@pytest.mark.parametrize("padding", [0, 20])
@pytest.mark.parametrize("rows_lost", [25, 28])
def test_a_wall_that_the_border_of_the_image_cuts_is_left_and_flagged(rows_lost, padding):
    walls, pools = (each[:, rows_lost:] for each in heart())
    around = ((0, 0), (padding, padding), (padding, padding))
    image, walls, pools = (np.pad(each, around) for each in (grey(walls, pools), walls, pools))
    stack = Stack.create(image, walls, STACK_SPACING, pools)
    result = run(stack, close_base=True)
    np.testing.assert_array_equal(result.wall, walls)
    cut = [record for record in result.report.slices if record.finding_before is Finding.OPEN]
    assert len(cut) >= 2
    assert all(record.flagged and record.codes[-1] == "cut_by_border" for record in cut)


def test_large_cap_and_open_wall_are_flagged_unchanged():
    walls, pools = heart(rings=6)
    walls[:6], pools[:6] = ring(22, 30), disc(22)
    walls[6] = disc(21)
    walls[0], pools[0] = horseshoe(90, inner=3, outer=8), 0
    stack = Stack.create(grey(walls, pools), walls, STACK_SPACING, pools)
    result = run(stack)
    np.testing.assert_array_equal(result.wall, walls)
    for report in (result.report, check(stack)):
        assert [record.k for record in report.slices if record.flagged] == [0, 6]
        assert (report.slices[0].codes[-1], report.slices[6].codes[-1]) == ("open_off_contour", "large_disc")
        assert {report.slices[k].verdict for k in (0, 6)} == {Verdict.INTACT}
