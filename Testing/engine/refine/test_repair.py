"""The main job: what is broken is repaired, verified and reported; what is right is not touched."""

import numpy as np
import pytest

from engine.repair_runs import assert_stack_is, copies, run, verdicts
from engine.shapes import SHAPE, STACK_SPACING, heart
from engine.toy_models import volumetric_seeing_model
from engine.toy_stacks import broken_stack, dice, grey, ruined_stack
from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.progress import Cancelled
from rncarefine.refine.repair import check
from rncarefine.stack import Stack
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import Finding, Verdict

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
    assert record.codes == ["gap", "gap_closed"]
    assert record.reasons[0].values["angle_deg"] == pytest.approx(record.gap_deg_before, abs=0.05)
    assert record.reason.startswith("Before the repair: ")


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


def test_only_selected_slices_are_repaired():
    stack = broken_stack()
    whole, one = run(stack), run(stack, only={5})
    assert verdicts(one.report) == {2: Verdict.TO_REPAIR, 5: Verdict.AUTOMATON}
    np.testing.assert_array_equal(one.wall[5], whole.wall[5])
    np.testing.assert_array_equal(np.delete(one.wall, 5, 0), np.delete(stack.mask, 5, 0))
    assert one.report.slices[5] == whole.report.slices[5]
    assert one.report.slices[2].reasons == check(stack).slices[2].reasons


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


# Options


def wavering_model():
    """Return an automaton whose ring falls a little wherever a cell fires, so that seeds matter."""
    return volumetric_seeing_model(across=-0.05)


def test_the_same_seed_repeats_a_repair():
    one, again, other = (run(broken_stack(), wavering_model(), seed=seed, steps=4) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.wall, again.wall)
    assert one.report.slices == again.report.slices
    assert one.report.slices[2].confidence != other.report.slices[2].confidence
    assert (one.report.run.seed, other.report.run.seed) == (1, 2)


# Cancel


def test_repair_can_be_cancelled_at_every_report():
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


# Bad input


@pytest.mark.parametrize("work", [lambda stack: run(stack), check], ids=["repair", "check"])
def test_empty_mask_raises(work):
    stack = Stack.create(grey(*heart()), np.zeros_like(heart()[0]), STACK_SPACING, name="patient 7")
    with pytest.raises(ValueError, match=r"patient 7: .*empty"):
        work(stack)


@pytest.mark.parametrize("others", [np.zeros((3, *SHAPE)), np.full((9, *SHAPE), 0.5)], ids=["shape", "values"])
def test_other_labels_that_are_no_numbers_on_the_grid_of_the_stack_are_an_error(others):
    with pytest.raises(ValueError, match="other labels"):
        run(broken_stack(), others=others)
