"""Exceptions at base and apex: limits in mm, caps that are small, and open walls on their neighbours' contour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.shapes import CENTRE, SHAPE, SPACING, STACK_SPACING, blob, disc, heart, horseshoe, ring
from rncarefine.anatomy.features import MIN_ISLAND_MM2
from rncarefine.refine.examine import Examined
from rncarefine.refine.options import RepairOptions
from rncarefine.stack import Stack
from rncarefine.tasks.ring.diagnosis import diagnose_mask
from rncarefine.tasks.ring.expectation import LARGE_DISC_MM, MIN_BELOW_NEIGHBOUR, MIN_ON_CONTOUR, SMALL_DISC_MM
from rncarefine.words import Apex, Expectation, Finding


def diagnosed(walls, pools=None, slice_mm=8.0, **options):
    return diagnose_mask(walls, pools, (slice_mm, *SPACING), **options)


def base_and_apex():
    """Return a heart with two open slices at the base and two discs at the apex."""
    walls, pools = heart(rings=8, discs=2)
    for k in (0, 1):
        walls[k] &= horseshoe(90, inner=0, outer=60)
    return walls, pools


def test_no_open_slice_below_an_empty_one():
    walls, pools = base_and_apex()
    walls[2] &= horseshoe(90, inner=0, outer=60)
    walls[1] = pools[1] = 0
    found = [entry.expectation for entry in diagnosed(walls, pools).slices[:3]]
    assert found == [Expectation.OPEN, Expectation.RING, Expectation.RING]


@given(times=st.integers(1, 6), closed=st.booleans())
def test_a_stack_upsampled_along_its_axis_has_the_same_expectations(times, closed):
    walls, pools = base_and_apex()
    once = diagnosed(walls, pools, 10.0, close_base=closed)
    many = diagnosed(np.repeat(walls, times, 0), np.repeat(pools, times, 0), 10.0 / times, close_base=closed)
    assert [entry.expectation for entry in many.slices] == [
        entry.expectation for entry in once.slices for _ in range(times)
    ]
    assert [entry.expectation for entry in once.slices][-2:] == [Expectation.DISC] * 2
    assert [entry.right for entry in many.slices] == [entry.right for entry in once.slices for _ in range(times)]


@given(seed=st.integers(0, 2**32 - 1))
def test_expectations_do_not_depend_on_slice_order(seed):
    walls, pools = base_and_apex()
    kept = np.random.default_rng(seed).random(len(walls)) > 0.2
    walls = walls * kept[:, None, None]
    if not walls.any():
        return
    there = diagnosed(walls, pools, apex=Apex.LAST).slices
    back = diagnosed(walls[::-1], pools[::-1], apex=Apex.FIRST).slices
    assert [entry.expectation for entry in back] == [entry.expectation for entry in reversed(there)]


@pytest.mark.parametrize(
    ("discs", "slice_mm", "long"), [(0, 8, False), (1, 8, False), (1, 14, False), (2, 8, True), (2, 5.9, False)]
)
def test_several_discs_that_form_a_long_cap_need_review(discs, slice_mm, long):
    walls, pools = heart(rings=8, discs=discs)
    slices = diagnose_mask(walls, pools, (slice_mm, *SPACING)).slices
    assert [entry.k for entry in slices if entry.doubtful] == ([8, 9] if long else [])
    for entry in slices[8:]:
        assert [str(reason.code) for reason in entry.reasons[2:]] == (["long_cap"] if long else [])


def test_where_the_slice_above_the_end_is_solid_too_no_disc_is_a_cap():
    walls, pools = heart(rings=7, discs=0)
    filled = walls | pools
    found = diagnosed(filled, slice_mm=10.0)
    assert {entry.expectation for entry in found.slices[2:]} == {Expectation.RING}
    capped = np.concatenate([walls[:5], filled[5:]])
    assert [entry.expectation for entry in diagnosed(capped, slice_mm=10.0).slices[5:]] == [Expectation.DISC] * 2


@pytest.mark.parametrize(("diameter_mm", "large"), [(20, False), (36, False), (42, True)])
def test_a_large_disc_at_the_apex_needs_review(diameter_mm, large):
    walls = np.stack([*[ring(22, 30)] * 5, disc(diameter_mm / 2)])
    entry = diagnosed(walls).slices[5]
    assert (entry.finding, entry.expectation, entry.right) == (Finding.DISC, Expectation.DISC, True)
    assert entry.doubtful == large
    codes = [str(reason.code) for reason in entry.reasons]
    assert codes == ["solid", "disc_expected", *(["large_disc"] if large else [])]
    if large:
        assert entry.reasons[-1].values["diameter_mm"] == pytest.approx(diameter_mm, abs=1.5)
        assert entry.reasons[-1].values["most_mm"] == LARGE_DISC_MM


def capped(cap, above=None):
    """Return the diagnosis of a cap below four rings and another slice."""
    return diagnosed(np.stack([*[ring(22, 30)] * 4, ring(12, 20) if above is None else above, cap])).slices[5]


@pytest.mark.parametrize(("diameter_mm", "small"), [(9, True), (10, True), (16, False)])
def test_a_small_disc_at_the_apex_needs_review(diameter_mm, small):
    entry = capped(disc(diameter_mm / 2))
    assert (entry.expectation, entry.right, entry.doubtful) == (Expectation.DISC, True, small)
    assert [str(reason.code) for reason in entry.reasons[2:]] == (["small_disc"] if small else [])
    if small:
        assert entry.reasons[-1].values["least_mm"] == SMALL_DISC_MM


@pytest.mark.parametrize("above", [None, horseshoe(200, inner=12, outer=20)], ids=["closed", "broken"])
@pytest.mark.parametrize(("away_mm", "off"), [(0, False), (10, False), (40, True)])
def test_a_disc_outside_its_neighbour_needs_review(above, away_mm, off):
    entry = capped(blob((CENTRE[0], CENTRE[1] - away_mm / SPACING[1]), 9), above)
    assert (entry.expectation, entry.right, entry.doubtful) == (Expectation.DISC, True, off)
    assert [str(reason.code) for reason in entry.reasons[2:]] == (["disc_off_neighbour"] if off else [])
    if off:
        assert entry.reasons[-1].values["share"] < MIN_BELOW_NEIGHBOUR


def test_a_single_pixel_at_the_apex_needs_review():
    speck = np.zeros(SHAPE, np.uint8)
    speck[35, 40] = 1
    assert capped(speck).doubtful


def test_open_basal_wall_off_the_contour_needs_review():
    walls, pools = base_and_apex()
    entry = diagnosed(walls, pools).slices[0]
    assert (entry.right, entry.doubtful) == (True, False)
    walls[0] = horseshoe(90, inner=3, outer=8)
    entry = diagnosed(walls).slices[0]
    assert (entry.finding, entry.expectation, entry.doubtful) == (Finding.OPEN, Expectation.OPEN, True)
    assert entry.reasons[-1].code == "open_off_contour"
    assert entry.reasons[-1].values["share"] < MIN_ON_CONTOUR


def test_apex_ignores_components_off_the_heart():
    walls, pools = (np.pad(each, ((0, 0), (20, 140), (20, 140))) for each in heart(rings=7))
    grid = {"shape": walls.shape[1:], "spacing": SPACING}
    for k in range(8):
        walls[k] |= blob((150, 160), 8 + 5 * k, **grid)
    image = 1.0 * np.indices(walls.shape).sum(axis=0)
    stack = Stack.create(image, walls, STACK_SPACING, pools)
    assert Examined.of(stack, RepairOptions()).diagnosis.apex is Apex.LAST
    assert diagnose_mask(walls, pools, STACK_SPACING).apex is Apex.FIRST


# Papillary muscles


def with_islands(places=((33, 36), (38, 44)), radius=2.0):
    walls, pools = heart(rings=6)
    for k in (1, 2, 3):
        for place in places:
            walls[k] |= blob(place, radius)
        pools[k] &= 1 - walls[k]
    return walls, pools


def test_islands_in_the_cavity_of_a_closed_ring_are_right_and_named():
    walls, pools = with_islands()
    for blood in (pools, None):
        entry = diagnosed(walls, blood).slices[2]
        assert (entry.finding, entry.right, entry.doubtful, entry.b0) == (Finding.RING, True, False, 3)
        assert [reason.to_dict() for reason in entry.reasons] == [{"code": "islands", "values": {"components": 2.0}}]


def test_specks_in_the_cavity_are_no_islands():
    walls, pools = with_islands()
    walls[2, 35, 50] = 1
    assert walls[2, 35, 50] * SPACING[0] * SPACING[1] < MIN_ISLAND_MM2
    assert diagnosed(walls, pools).slices[2].finding is Finding.FRAGMENTED


def test_on_request_islands_make_a_slice_fragmented():
    walls, pools = with_islands()
    entry = diagnosed(walls, pools, remove_islands=True).slices[2]
    assert (entry.finding, entry.right, [str(reason.code) for reason in entry.reasons]) == (
        Finding.FRAGMENTED,
        False,
        ["fragmented"],
    )


@pytest.mark.parametrize(
    "fault", [blob((6, 6), 4), blob((35.3, 40.6 + 40 / 1.25), 2)], ids=["outside", "beside the wall"]
)
def test_a_component_outside_the_cavity_is_no_island(fault):
    walls, pools = with_islands()
    walls[2] |= fault
    assert diagnosed(walls, pools).slices[2].finding is Finding.FRAGMENTED


def test_islands_do_not_make_up_for_a_gap_or_a_pore():
    walls, pools = with_islands()
    walls[1] &= horseshoe(40, inner=0, outer=60)
    walls[3] &= 1 - blob((35.3, 40.6 + 19 / 1.25), 1.6)
    found = diagnosed(walls, pools).slices
    assert [found[k].right for k in (1, 2, 3)] == [False, True, False]
