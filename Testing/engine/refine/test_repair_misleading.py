"""Repairs where masks or images mislead: the heart elsewhere, contradicted masks, slices without any wall."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.repair_runs import elsewhere, run, verdicts
from engine.shapes import STACK_SPACING, disc, heart, horseshoe, ring
from engine.toy_models import SEEING, identity_model, spreading_parameters, toy_model
from engine.toy_stacks import broken_stack, dice, gap, grey, ruined_stack
from rncarefine.reasons import ReasonCode
from rncarefine.refine.canonical import flipped_stack
from rncarefine.refine.decide import MIN_SHOWN, wall_is_shown
from rncarefine.refine.locate import MIN_CERTAINTY
from rncarefine.refine.repair import check, shifted_masks
from rncarefine.stack import Stack
from rncarefine.words import REPAIRED, Verdict

WIDE = {"shape": (110, 130), "centre": (35.3, 40.6)}
AWAY = {"shape": (110, 130), "centre": (85, 100)}


def wide_heart():
    """Return walls of six slices, with much room beside the heart, and the image that shows them."""
    walls, pools = (np.stack([part] * 6) for part in (ring(**WIDE), disc(18, **WIDE)))
    return walls, grey(walls, pools)


def tapering():
    """Return walls and blood pools of ten slices that become smaller by 2 mm from one to the next."""
    radii = [25.0 - 2 * k for k in range(10)]
    return tuple(np.stack(parts) for parts in zip(*((ring(r - 7, r), disc(r - 7)) for r in radii), strict=True))


def test_shifted_masks_are_contradicted():
    stack = broken_stack()
    truth, _ = heart()
    moved = Stack.create(stack.image, np.roll(stack.mask, 10, axis=1), STACK_SPACING, np.roll(stack.pool, 10, axis=1))
    result = run(moved)
    assert [doubt.code for doubt in result.report.doubts] == [ReasonCode.MASKS_CONTRADICTED]
    for record in result.report.slices[:8]:
        if record.k in (2, 5):
            assert (record.verdict, record.flagged) == (Verdict.AUTOMATON, True)
            assert record.codes == ["gap", "mask_disregarded", "stack_in_doubt"]
            assert dice(result.wall[record.k], truth[record.k]) > 0.95
        else:
            assert (record.verdict, record.codes, record.flagged) == (Verdict.INTACT, ["image_disagrees"], True)
            np.testing.assert_array_equal(result.wall[record.k], moved.mask[record.k])


def test_right_walls_among_contradicted_ones_are_flagged_too():
    walls, pools = heart(rings=9)
    moved = walls.copy()
    moved[:6] = np.roll(walls[:6], 10, axis=1)
    result = run(Stack.create(grey(walls, pools), moved, STACK_SPACING))
    assert [doubt.code for doubt in result.report.doubts] == [ReasonCode.MASKS_CONTRADICTED]
    right = result.report.slices[6:9]
    assert [(record.verdict, record.codes[-1], record.flagged) for record in right] == [
        (Verdict.INTACT, "stack_in_doubt", True)
    ] * 3
    np.testing.assert_array_equal(result.wall, moved)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_masks_of_the_next_slices_are_doubted(offset):
    walls, pools = tapering()
    image = grey(walls, pools)
    mask = np.zeros_like(walls)
    mask[1:9] = walls[1 + offset : 9 + offset]
    result = run(Stack.create(image, mask, STACK_SPACING), close_base=True, apex="last")
    shifted = [doubt for doubt in result.report.doubts if doubt.code is ReasonCode.MASKS_SHIFTED]
    assert [doubt.values["slices"] for doubt in shifted] == ([] if offset == 0 else [offset])
    # Empty slices are not flagged: nothing is in the wrong place there.
    flagged = [record.k for record in result.report.slices if record.flagged]
    assert flagged == ([] if offset == 0 else list(range(1, 9)))
    np.testing.assert_array_equal(result.wall, mask)


def test_the_offset_of_masks_follows_the_order_of_the_file():
    walls, pools = tapering()
    mask = np.zeros_like(walls)
    mask[1:9] = walls[2:10]
    stack = Stack.create(grey(walls, pools), mask, STACK_SPACING)
    for file, offset in ((stack, 1), (replace(stack, reversed=True), 1), (flipped_stack(stack), -1)):
        shifted = [doubt for doubt in run(file).report.doubts if doubt.code is ReasonCode.MASKS_SHIFTED]
        assert [doubt.values["slices"] for doubt in shifted] == [offset]


@pytest.mark.parametrize(
    ("margin", "level", "count", "raised"),
    [(0.05, 0.8, 8, False), (0.07, 0.8, 8, True), (0.3, 0.62, 8, True), (0.3, 0.58, 8, False), (0.3, 0.8, 4, False)],
)
def test_limits_of_the_offset(margin, level, count, raised, monkeypatch):
    # Mask and wall of slice k have the value k + 1; pairs of 4 slices with an offset are 3.
    fits = {-1: 0.0, 0: level - margin, 1: level}
    monkeypatch.setattr("rncarefine.refine.repair.dice", lambda given, shown: fits[int(shown.max()) - int(given.max())])
    mask = np.arange(1, count + 1, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    examined = SimpleNamespace(focused=SimpleNamespace(mask=mask))
    evidence = SimpleNamespace(walls=dict(enumerate(mask)))
    assert bool(shifted_masks(examined, evidence)) == raised


@pytest.mark.parametrize(("level", "shown"), [(MIN_SHOWN + 0.01, True), (MIN_SHOWN - 0.01, False)])
def test_limit_of_a_wall_that_the_image_shows(level, shown):
    walls = np.stack([ring()] * 2)
    likelihood = walls * (level / (2 - level))
    examined = SimpleNamespace(stack=SimpleNamespace(mask=np.zeros_like(walls)))
    evidence = SimpleNamespace(walls=dict(enumerate(walls)), image_likelihood=likelihood)
    assert wall_is_shown(examined, evidence, 0) == shown


def test_two_empty_slices_at_an_end_that_show_a_wall_are_flagged():
    walls, pools = heart(rings=9, discs=0)
    image = grey(walls, pools)
    for emptied, flagged in (([0], []), ([0, 1], [0, 1]), ([7, 8], [7, 8])):
        mask = walls.copy()
        mask[emptied] = 0
        result = run(Stack.create(image, mask, STACK_SPACING), close_base=True, apex="last")
        assert [record.k for record in result.report.slices if record.flagged] == flagged
        assert all(result.report.slices[k].codes == ["wall_shown"] for k in flagged)
        assert all(result.report.slices[k].verdict is Verdict.INTACT for k in emptied)
        np.testing.assert_array_equal(result.wall, mask)


def test_contradicted_broken_walls_are_flagged():
    walls, pools = heart()
    moved = np.roll(np.stack([wall & gap(40, 60 * k) for k, wall in enumerate(walls)]), 10, axis=1)
    result = run(Stack.create(grey(walls, pools), moved, STACK_SPACING), close_base=True)
    changed = [record for record in result.report.slices if record.verdict is Verdict.AUTOMATON]
    assert len(changed) > 4
    (doubt,) = result.report.doubts
    assert (doubt.code, doubt.values["slices"]) == (ReasonCode.MASKS_CONTRADICTED, len(changed))
    assert all(record.flagged for record in changed)


def test_images_of_other_slices_contradict_masks_with_components_elsewhere():
    walls, pools = heart()
    loose = disc(5, centre=(66, 6))
    broken = np.stack([wall & gap(40, 60 * k) | loose for k, wall in enumerate(walls)])
    image = grey(walls, pools)
    apart = run(Stack.create(np.roll(image, 10, axis=1), broken, STACK_SPACING), close_base=True).report
    assert [doubt.code for doubt in apart.doubts] == [ReasonCode.MASKS_CONTRADICTED]
    assert all(record.flagged for record in apart.slices if record.verdict in REPAIRED)
    assert run(Stack.create(image, broken, STACK_SPACING), close_base=True).report.doubts == []


def test_two_contradicted_walls_raise_no_doubt():
    walls, pools = heart()
    given = np.stack([wall & gap(40, 60 * k) | disc(5, centre=(66, 6)) for k, wall in enumerate(walls)])
    given[3:5] = np.roll(walls[3:5], 10, axis=1)
    result = run(Stack.create(grey(walls, pools), given, STACK_SPACING), close_base=True)
    against = [record.k for record in result.report.slices if "image_disagrees" in record.codes]
    assert against == [3, 4]
    assert sum(record.verdict is Verdict.INTACT for record in result.report.slices) == 2
    assert result.report.doubts == []


def test_of_several_places_the_one_that_the_image_shows_is_the_heart():
    stack, truth = elsewhere(with_heart=True)
    assert (stack.mask[:, :, 110:].sum()) > 1.2 * stack.mask[:, :, :110].sum()
    result = run(stack)
    assert result.report.doubts == []
    assert verdicts(result.report) == {k: Verdict.AUTOMATON if k in (2, 5) else Verdict.CLEANED for k in range(8)}
    assert not any(record.flagged for record in result.report.slices)
    assert min(dice(result.wall[k], truth[k]) for k in range(8)) > 0.95


def test_heart_without_masks_is_drawn_and_flagged():
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


def test_uncertain_heart_flags_every_change():
    # The discs of this automaton are certain, but its ring channel is not: walls have an expected Dice of 0.62.
    model = toy_model(spreading_parameters(), SEEING, steps=80)
    result = run(ruined_stack(), model)
    (doubt,) = result.report.doubts
    assert doubt.code is ReasonCode.HEART_UNSURE
    assert doubt.values["sureness"] < doubt.values["least"] == MIN_CERTAINTY
    changed = [record for record in result.report.slices if record.verdict in REPAIRED]
    assert [record.k for record in changed] == [2, 3, 5, 6, 7]
    assert all(record.flagged and record.confidence > 0.5 for record in changed)
    assert not any(record.flagged for record in result.report.slices if record.verdict is Verdict.INTACT)
    assert run(ruined_stack()).report.doubts == []


def test_false_wall_on_another_organ_is_dropped():
    truth, image = wide_heart()
    walls = truth.copy()
    walls[2] = horseshoe(80, 20, **WIDE) | horseshoe(60, inner=14, outer=30, **AWAY)
    assert walls[2].sum() > 2 * truth[2].sum()
    result = run(Stack.create(image, walls, STACK_SPACING))
    assert verdicts(result.report) == {2: Verdict.AUTOMATON}
    assert dice(result.wall[2], truth[2]) > 0.95


def test_slice_with_a_wall_elsewhere_is_flagged():
    walls, image = wide_heart()
    truth = walls[2].copy()
    walls[2] = horseshoe(60, **AWAY)
    stack = Stack.create(image, walls, STACK_SPACING)
    drawn = run(stack)
    assert verdicts(drawn.report) == {2: Verdict.AUTOMATON}
    assert drawn.report.slices[2].flagged
    assert dice(drawn.wall[2], truth) > 0.95
    left = run(stack, identity_model())
    assert verdicts(left.report) == {2: Verdict.REFUSED}
    for report in (drawn.report, left.report):
        assert "off_axis" in report.slices[2].codes
    np.testing.assert_array_equal(left.wall, walls)


def test_closed_wall_off_the_axis_is_refused():
    walls, image = wide_heart()
    walls[2] = ring(14, 24, **AWAY)
    stack = Stack.create(image, walls, STACK_SPACING)
    result = run(stack)
    assert verdicts(result.report) == {2: Verdict.REFUSED}
    assert verdicts(check(stack)) == {2: Verdict.TO_REPAIR}
    for report in (result.report, check(stack)):
        assert report.slices[2].codes == ["closed", "off_axis"]
    np.testing.assert_array_equal(result.wall, walls)


def test_closed_walls_away_from_the_heart_contradict_the_image():
    _, image = wide_heart()
    away = np.stack([ring(14, 24, **AWAY)] * 6)
    result = run(Stack.create(image, away, STACK_SPACING))
    (doubt,) = result.report.doubts
    assert (doubt.code, doubt.values["slices"]) == (ReasonCode.MASKS_CONTRADICTED, 6)
    assert all(record.codes == ["closed", "off_axis"] for record in result.report.slices)
    np.testing.assert_array_equal(result.wall, away)


@pytest.mark.parametrize("away", [70, 130])
def test_single_slice_with_a_distant_pool(away):
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


def test_both_backends_repair_alike():
    one, other = (run(ruined_stack(), device=device) for device in ("numpy", "cpu"))
    np.testing.assert_array_equal(one.wall, other.wall)
    assert (one.report.run.backend, other.report.run.backend) == ("numpy", "torch")
    assert [replace(record, confidence=None) for record in one.report.slices] == [
        replace(record, confidence=None) for record in other.report.slices
    ]


def test_images_show_the_apex_where_the_masks_do_not():
    walls, pools = heart(discs=0)
    image = grey(walls, pools)
    given = np.stack([wall & gap(60, 50 * k) for k, wall in enumerate(walls)])
    given[:5] &= horseshoe(200, inner=0, outer=1e3)  # only parts of the larger walls
    stack = Stack.create(image, given, STACK_SPACING)
    assert check(stack).run.apex == "first"
    assert run(stack).report.run.apex == "last"
    assert run(stack, apex="first").report.run.apex == "first"
