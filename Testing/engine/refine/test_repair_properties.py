"""Whatever the damage and the weights: every slice is right, repaired, or left as it was."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.repair_runs import assert_stack_is, copies, run
from engine.shapes import STACK_SPACING, damage, heart
from engine.toy_models import SMALL, identity_model, random_parameters, seeing_model, toy_model
from engine.toy_stacks import grey, ruined_stack
from rncarefine.anatomy.topology import largest_component
from rncarefine.reasons import ReasonCode
from rncarefine.refine.decide import MIN_CONFIDENCE
from rncarefine.stack import Stack
from rncarefine.tasks.ring.readout import is_ring
from rncarefine.words import REPAIRED, Expectation, Finding, Verdict

FINDING_OF = {
    Expectation.RING: Finding.RING,
    Expectation.DISC: Finding.DISC,
    Expectation.OPEN: Finding.OPEN,
    Expectation.EMPTY: Finding.EMPTY,
}


TO_REVIEW = {"invented", "stack_in_doubt", "thin_closure", "taken_from_others", "reshaped", "ring_shown"}
TO_REVIEW |= {"moved", "pool_outside"}
"""Codes of a repaired slice that needs review whatever its confidence."""
TO_REVIEW_INTACT = {"large_disc", "small_disc", "long_cap", "disc_off_neighbour", "open_off_contour"}
TO_REVIEW_INTACT |= {"wall_missing", "wall_shown", "stack_in_doubt"}
"""Codes of an intact slice that needs review."""


FOREIGN = {"masks_contradicted", "masks_shifted"}
"""Codes of stacks in which walls that were left as they are need review, too."""


def assert_every_slice_is_accounted_for(stack, result, add_only=False):
    """Check that every slice is right and unchanged, repaired, or left as it was; and what the report says of it."""
    codes = [doubt.code for doubt in result.report.doubts]
    unsure = ReasonCode.HEART_UNSURE in codes
    doubted = {"no_slice_closed", "filled_outline", "same_gap", "centre_drifts", "elongated", "not_thickest_axis"}
    doubted |= {"only_outlines", "several_walls", "implausible_size", *FOREIGN}
    for record in result.report.slices:
        old, new = stack.mask[record.k], result.wall[record.k]
        intact, repaired = record.verdict is Verdict.INTACT, record.verdict in REPAIRED
        right = record.finding_before is FINDING_OF[record.expectation] and "off_axis" not in record.codes
        assert intact == right
        closed = intact and record.finding_before is Finding.RING
        assert (record.confidence is not None) == (repaired or closed)
        low = record.confidence is not None and record.confidence < MIN_CONFIDENCE
        assert record.flagged == (
            not (intact or repaired)
            or low
            or (repaired and bool(unsure or (TO_REVIEW | {"between_neighbours"}) & set(record.codes)))
            or (intact and bool(TO_REVIEW_INTACT & set(record.codes)))
        )
        kept = intact and new.any() and not (low or TO_REVIEW_INTACT - {"stack_in_doubt"} & set(record.codes))
        assert ("stack_in_doubt" in record.codes) == (
            (repaired and bool(doubted & {*codes})) or (kept and bool(FOREIGN & {*codes}))
        )
        assert low == bool({"low_confidence", "image_disagrees"} & set(record.codes))
        if repaired:
            ring_shown = "ring_shown" in record.codes
            assert record.finding_after is (Finding.RING if ring_shown else FINDING_OF[record.expectation])
            assert record.expectation is Expectation.DISC or is_ring(largest_component(new))
        else:
            np.testing.assert_array_equal(new, old)
            assert record.finding_after is record.finding_before
        if intact and record.expectation in (Expectation.RING, Expectation.EMPTY):
            remarks = {"islands", "stack_in_doubt", "wall_missing", "wall_shown"}
            assert [code for code in record.codes if code not in remarks] == (["image_disagrees"] if low else [])
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
def test_every_slice_is_correct_repaired_or_unchanged(seed, with_pool, close_base, add_only, geometry, still):
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
def test_correct_slices_are_unchanged_with_any_weights(seed, update):
    stack = ruined_stack()
    kept = copies(stack)
    result = run(stack, toy_model(random_parameters(SMALL, seed, update), SMALL, steps=5))
    assert_every_slice_is_accounted_for(stack, result)
    for k in (0, 1, 4, 8):
        # Random weights may see the heart elsewhere; the slice is then left for review.
        off_axis = "off_axis" in result.report.slices[k].codes
        assert result.report.slices[k].verdict is (Verdict.REFUSED if off_axis else Verdict.INTACT)
        np.testing.assert_array_equal(result.wall[k], stack.mask[k])
    assert_stack_is(stack, kept)
