"""What a repair means for the wall: thickness per slice and segment, before and after."""

from dataclasses import replace

import numpy as np
import pytest

from engine.report_samples import SPACING, broken_report, broken_stack, ring, slice_record
from rncarefine.anatomy.aha import SEGMENTS
from rncarefine.refine.canonical import flipped_stack
from rncarefine.refine.metrics import lv_mass_g
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import check
from rncarefine.refine.wall import measure, measure_slice, with_segments
from rncarefine.stack import Stack
from rncarefine.words import Apex, Expectation, Finding

THICK_MM = 4 * (1.5 + 1.25) / 2
"""The walls of the sample are four pixels thick: between 5 and 6 mm, as the pixels are not square."""


def measured(stack=None, after=None, records=None, apex=Apex.LAST):
    sample, repaired = broken_stack()
    return measure(stack or sample, repaired if after is None else after, records or broken_report().slices, apex)


def test_every_slice_has_its_thickness_before_and_after():
    records, wall = measured()
    assert [one.k for one in wall.slices] == [0, 1, 2, 3]
    assert all(len(one.after_mm) == len(one.before_mm) == 36 for one in wall.slices)
    for record in records:
        assert record.thickness_after_mm == pytest.approx(THICK_MM, abs=0.5)
    assert records[0].thickness_before_mm == records[0].thickness_after_mm


def test_a_closed_gap_is_0_before_and_the_wall_there_is_invented():
    records, wall = measured()
    closed = wall.slices[1]
    assert records[1].thinnest_before_mm == 0
    assert records[1].thinnest_after_mm == pytest.approx(THICK_MM, abs=1)
    assert closed.invented == [n for n in range(36) if closed.before_mm[n] == 0]
    assert 0 < len(closed.invented) < 6
    # Four rows of 1.5 mm, at the middle of the wall.
    assert records[1].invented_mm == pytest.approx(4 * 1.5, abs=1.5)


def test_masses_of_the_slices_sum_to_that_of_the_stack():
    stack, after = broken_stack()
    records, _ = measured()
    assert sum(record.mass_before_g for record in records) == pytest.approx(lv_mass_g(stack.mask, SPACING), abs=0.01)
    assert sum(record.mass_after_g for record in records) == pytest.approx(lv_mass_g(after, SPACING), abs=0.01)
    assert records[1].mass_after_g - records[1].mass_before_g > 0


def test_a_solid_apex_is_not_measured():
    disc = [slice_record(k, expectation=Expectation.DISC, finding_after=Finding.DISC) for k in range(4)]
    records, wall = measured(records=disc)
    assert all(one.before_mm == one.after_mm == [] for one in wall.slices)
    assert all(record.thickness_after_mm is None is record.thinnest_after_mm for record in records)


def test_a_slice_whose_wall_was_missing_had_none_in_any_direction():
    stack, after = broken_stack()
    mask = stack.mask.copy()
    mask[1] = 0
    records, wall = measured(replace(stack, mask=mask), after)
    assert wall.slices[1].before_mm == [0.0] * 36
    assert records[1].thickness_before_mm is None
    assert wall.slices[1].invented == list(range(36))
    assert records[1].invented_mm == pytest.approx(2 * np.pi * 8 * 1.375, rel=0.1)


def test_without_a_right_ventricle_there_are_no_segments():
    _, wall = measured()
    assert (wall.septum_deg, wall.segments) == (None, [])


def with_right_ventricle(**changes):
    """Return the sample with a right ventricle on the left side of the image."""
    stack, after = broken_stack()
    rv = np.zeros(stack.shape, np.uint8)
    rv[:, 12:28, 4:13] = 1
    rv[:] &= 1 - ring(stack.shape[1:], (20, 22), 0, 10)
    made = Stack.create(stack.image, stack.mask, SPACING, pool=stack.pool, right_ventricle=rv, **changes)
    return made, after


@pytest.mark.parametrize(
    ("apex", "right_handed", "turn"),
    [
        (Apex.LAST, True, 1),
        (Apex.FIRST, True, -1),
        (Apex.LAST, False, -1),
        (Apex.FIRST, False, 1),
        # Taken as usual: seen from the apex.
        (Apex.LAST, None, -1),
        (Apex.FIRST, None, -1),
    ],
)
def test_segments_are_numbered_from_the_septum(apex, right_handed, turn):
    stack, after = with_right_ventricle(right_handed=right_handed)
    _, wall = measured(stack, after, apex=apex)
    assert wall.septum_deg == pytest.approx(180, abs=5)
    assert wall.turn == turn
    assert wall.view_assumed is (right_handed is None)
    assert [segment.segment for segment in wall.segments] == list(range(1, 17))
    assert [segment.name for segment in wall.segments] == list(SEGMENTS)


def test_gaps_do_not_thin_their_segment():
    stack, after = with_right_ventricle()
    _, wall = measured(stack, after)
    assert all(segment.after_mm == pytest.approx(THICK_MM, abs=0.6) for segment in wall.segments)
    assert all(segment.before_mm == pytest.approx(THICK_MM, abs=0.6) for segment in wall.segments)


def test_the_apex_turns_basal_slices_into_apical_ones():
    stack, after = with_right_ventricle()
    thick = after.copy()
    thick[0] = ring(stack.shape[1:], (20, 22), 6, 12)
    for apex, level in ((Apex.LAST, "basal"), (Apex.FIRST, "apical")):
        _, wall = measured(stack, thick, apex=apex)
        means = {name: [] for name in ("basal", "mid", "apical")}
        for segment in wall.segments:
            means[segment.name.split()[0]].append(segment.after_mm)
        assert max(means, key=lambda name: np.mean(means[name])) == level


def test_segments_are_those_of_the_directions_again():
    stack, after = with_right_ventricle()
    records, wall = measured(stack, after)
    assert with_segments(replace(wall, segments=[]), records, Apex.LAST) == wall


def test_one_slice_is_measured_as_in_the_stack():
    stack, after = broken_stack()
    records, wall = measured()
    assert measure_slice(stack, after[1], broken_report().slices[1]) == (records[1], wall.slices[1])


def test_a_stack_that_is_stored_from_the_other_end_has_the_same_wall():
    stack, _ = with_right_ventricle(right_handed=True)
    there = check(stack, RepairOptions(apex=Apex.LAST))
    back = check(flipped_stack(stack), RepairOptions(apex=Apex.FIRST))
    assert back.wall.turn == there.wall.turn
    assert back.wall.segments == there.wall.segments
    assert [one.k for one in back.wall.slices] == [0, 1, 2, 3]
    assert [one.after_mm for one in back.wall.slices] == [one.after_mm for one in there.wall.slices][::-1]
    assert [record.thickness_after_mm for record in back.slices] == [
        record.thickness_after_mm for record in there.slices
    ][::-1]
