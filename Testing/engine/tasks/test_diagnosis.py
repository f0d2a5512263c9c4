"""Findings of single slices, and what the place between base and apex makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.shapes import (
    SHAPE,
    SPACING,
    STACK_SPACING,
    blob,
    damage,
    disc,
    heart,
    horseshoe,
    picture,
    polar_grid,
    random_masks,
    ring,
    turned,
)
from rncarefine.anatomy.topology import betti_2d
from rncarefine.reasons import Reason, ReasonCode, codes_of
from rncarefine.tasks.ring.diagnosis import apex_end, cavity, diagnose_mask, find
from rncarefine.words import Apex, Expectation, Finding


def cracked(width=1):
    """Return a ring with a crack of some rows."""
    wall = ring()
    wall[35 : 35 + width, 41:] = 0
    return wall


def horseshoe_with_a_pore():
    wall = horseshoe(60)
    wall[34:37, 22:25] = 0
    return wall


def fragments():
    return horseshoe(50) * (turned(polar_grid()[1], 150) >= 15)


def with_pinhole(mask, pixels=1):
    mask = mask.copy()
    mask[35, 40 : 40 + pixels] = 0
    return mask


def speck_beside(mask, pixels):
    row = int(np.nonzero(mask.any(axis=1))[0][0]) - 1
    pool = np.zeros_like(mask)
    pool[row, 40 : 40 + pixels] = 1
    return pool


def bar():
    mask = np.zeros(SHAPE, np.uint8)
    mask[30:34, 20:40] = 1
    return mask


def dented():
    radius, angle = polar_grid()
    return (ring(1.8, 12.0) * ((radius < 9) | (turned(angle, 0) > 20))).astype(np.uint8)


FINDINGS = {
    "nothing": (np.zeros(SHAPE), None, Finding.EMPTY),
    "a ring": (ring(), None, Finding.RING),
    "a ring round its pool": (ring(), disc(18.0), Finding.RING),
    "an apical ring round a small cavity": (ring(2.0, 8.0), None, Finding.RING),
    "a disc": (disc(10.0), None, Finding.DISC),
    "a disc where the pool is given but not here": (disc(10.0), np.zeros(SHAPE), Finding.DISC),
    "a disc with a speck of pool elsewhere": (disc(10.0), blob((4, 4), 3.0), Finding.DISC),
    "two pixels of pool beside a disc are noise": (disc(10.0), speck_beside(disc(10.0), 2), Finding.DISC),
    "a disc with pool at its side is an open wall": (disc(10.0), disc(13.0) - disc(10.0), Finding.OPEN),
    "a solid bar is a piece of wall and no disc": (bar(), None, Finding.OPEN),
    "a ring with a dent deeper than its cavity is wide": (dented(), None, Finding.RING),
    "a crack of one pixel is a gap": (cracked(), None, Finding.OPEN),
    "a horseshoe round pool": (horseshoe(60), disc(18.0), Finding.OPEN),
    "half a wall": (horseshoe(180), None, Finding.OPEN),
    "less than a quarter of a wall": (horseshoe(280), None, Finding.OPEN),
    "pieces of a wall": (fragments(), None, Finding.FRAGMENTED),
    "a ring and a loose piece": (ring() | blob((66, 72), 3.0), None, Finding.FRAGMENTED),
    "a ring with a pore": (ring() * (1 - blob((35.3, 23.0), 3.0)), None, Finding.POROUS),
    "a horseshoe with a pore is not a ring although b0 = b1 = 1": (horseshoe_with_a_pore(), None, Finding.OPEN),
    "a hole of two pixels is not a cavity": (with_pinhole(disc(10.0), 2), None, Finding.POROUS),
    "a hole that holds none of the pool is not a cavity": (ring(2.0, 8.0), blob((12, 12), 8.0), Finding.POROUS),
}


@pytest.mark.parametrize(("mask", "pool", "finding"), FINDINGS.values(), ids=FINDINGS)
def test_findings(mask, pool, finding):
    assert find(mask, pool, SPACING) is finding


def test_cavity_of_a_porous_ring():
    wall = ring() * (1 - blob((35.3, 23.0), 3.0))
    assert betti_2d(wall) == (1, 2)
    assert np.array_equal(cavity(wall, None, SPACING), disc(18.0) > 0)
    two = picture("#########", "#...#...#", "#...#...#", "#...#...#", "#########")
    pool = picture(".........", "......#..", ".....###.", "......#..", ".........")
    assert np.argwhere(cavity(two, pool, (1.0, 1.0)))[:, 1].min() == 5
    assert cavity(horseshoe_with_a_pore(), None, SPACING) is None


def codes(entry):
    return codes_of(entry.reasons)


def diagnosed(mask, pool=None, **options):
    return diagnose_mask(mask, pool, STACK_SPACING, **options)


def expectations(mask, pool=None, **options):
    return [entry.expectation for entry in diagnosed(mask, pool, **options).slices]


RING, DISC, OPEN, EMPTY = Expectation.RING, Expectation.DISC, Expectation.OPEN, Expectation.EMPTY


@pytest.mark.parametrize("given_pool", [False, True])
def test_a_whole_heart_is_right_from_base_to_apex(given_pool):
    wall, pool = heart(8, 2)
    diagnosis = diagnosed(wall, pool if given_pool else None)
    assert [entry.expectation for entry in diagnosis.slices] == [RING] * 8 + [DISC] * 2
    assert all(entry.right for entry in diagnosis.slices)
    assert diagnosis.apex is Apex.LAST
    assert diagnosis.base_to_apex == list(range(10))
    assert [entry.k for entry in diagnosis.slices] == list(range(10))
    assert all(entry.gap.angle_deg == 0 for entry in diagnosis.slices)


def test_broken_middle_slices_have_their_code():
    wall, _ = heart()
    wall[3], wall[4], wall[5] = horseshoe(60), fragments(), wall[5] * (1 - blob((35.3, 26.0), 2.5))
    slices = diagnosed(wall).slices
    assert [entry.right for entry in slices] == [True] * 3 + [False] * 3 + [True] * 3
    assert all(slices[k].expectation is RING for k in (3, 4, 5))
    gap = slices[3].gap
    assert slices[3].reasons == (Reason(ReasonCode.GAP, angle_deg=gap.angle_deg, width_mm=gap.width_mm),)
    assert slices[4].reasons == (Reason(ReasonCode.FRAGMENTED, components=2),)
    assert slices[5].reasons == (Reason(ReasonCode.POROUS, holes=2),)
    assert slices[2].reasons == ()


def test_open_basal_slice_is_allowed():
    wall, pool = heart()
    wall[0] = horseshoe(90)
    for blood in (None, pool):
        assert expectations(wall, blood)[:3] == [OPEN, RING, RING]
        assert diagnosed(wall, blood).slices[0].right
        assert codes(diagnosed(wall, blood).slices[0]) == ["gap", "open_allowed"]
        assert expectations(wall, blood, close_base=True)[0] is RING
        assert not diagnosed(wall, blood, close_base=True).slices[0].right


def test_at_most_two_basal_slices_may_be_open():
    wall, _ = heart()
    wall[1] = horseshoe(90)
    assert expectations(wall)[:3] == [RING, RING, RING]
    wall[0] = wall[2] = horseshoe(90)
    assert expectations(wall)[:4] == [OPEN, OPEN, RING, RING]


@pytest.mark.parametrize("flaw", ["a loose piece", "a pore"])
def test_closed_basal_slice_is_expected_to_be_a_ring(flaw):
    wall, _ = heart()
    if flaw == "a loose piece":
        wall[0] |= blob((66, 72), 3.0)
    else:
        wall[0] *= 1 - blob((35.3, 22.0), 2.5)
    entry = diagnosed(wall).slices[0]
    assert entry.expectation is RING
    assert not entry.right


def test_discs_are_small_apical_and_without_pool():
    wall, pool = heart(8, 1)
    middle = wall.copy()
    middle[4] = disc(20.0)
    assert expectations(middle)[4] is RING
    bloody = pool.copy()
    bloody[8] = blob((6, 6), 3.0)
    assert expectations(wall, bloody)[8] is RING
    assert codes(diagnosed(wall, bloody).slices[8]) == ["solid_with_pool"]
    as_large_as_its_neighbours = wall.copy()
    as_large_as_its_neighbours[8] = disc(18.5)
    assert expectations(as_large_as_its_neighbours)[8] is RING
    much_of_the_largest = np.stack([ring()] * 7 + [disc(21.0)])
    assert expectations(much_of_the_largest, apex=Apex.LAST)[7] is RING
    assert expectations(np.stack([ring()] * 7 + [disc(19.0)]), apex=Apex.LAST)[7] is DISC


def test_no_disc_is_expected_above_a_slice_with_a_cavity():
    wall, _ = heart(8, 1)
    wall[7], wall[8] = disc(10.0), ring(3.0, 9.0)
    assert expectations(wall)[7:] == [RING, RING]


def test_at_most_two_discs_are_expected():
    wall, _ = heart(7, 3)
    assert expectations(wall)[6:] == [RING, RING, DISC, DISC]


def test_flawed_disc_is_expected_to_be_a_disc():
    wall, _ = heart(8, 1)
    speck, pinhole = wall.copy(), wall.copy()
    speck[8] |= blob((10, 10), 2.0)
    pinhole[8] = with_pinhole(wall[8])
    for flawed in (speck, pinhole):
        assert expectations(flawed)[8] is DISC
        assert not diagnosed(flawed).slices[8].right


def test_empty_slices_between_walls_are_expected_rings():
    wall, _ = heart(8, 1)
    wall = np.concatenate([np.zeros((2, *SHAPE), np.uint8), wall, np.zeros((1, *SHAPE), np.uint8)])
    wall[6] = 0
    diagnosis = diagnosed(wall)
    assert [entry.expectation for entry in diagnosis.slices] == [EMPTY, EMPTY] + [RING] * 8 + [DISC, EMPTY]
    assert not diagnosis.slices[6].right
    assert codes(diagnosis.slices[6]) == ["empty"]
    assert diagnosis.slices[0].right
    assert diagnosis.slices[0].gap.angle_deg == 360
    assert diagnosis.base_to_apex == [2, 3, 4, 5, 7, 8, 9, 10]


@pytest.mark.parametrize("slices", [1, 2])
def test_one_or_two_slices_have_no_exceptions(slices):
    for wall in (horseshoe(90), disc(10.0)):
        stack = np.stack([ring(), wall])[-slices:]
        assert expectations(stack) == [RING] * slices


def test_with_three_slices_only_the_outermost_can_be_exceptions():
    assert expectations(np.stack([horseshoe(90), ring(), disc(10.0)])) == [OPEN, RING, DISC]
    assert expectations(np.stack([horseshoe(90), horseshoe(90), disc(10.0)])) == [OPEN, RING, DISC]


def test_the_apex_that_is_given_is_believed():
    wall, _ = heart(8, 1)
    wall[0] = horseshoe(90)
    diagnosis = diagnosed(wall, apex=Apex.FIRST)
    assert diagnosis.apex is Apex.FIRST
    assert diagnosis.slices[0].expectation is RING
    assert diagnosis.slices[8].expectation is OPEN
    assert not diagnosis.slices[8].right
    assert diagnose_mask(wall, None, STACK_SPACING, apex="first") == diagnosis


def test_apex_of_damaged_hearts():
    rng = np.random.default_rng(11)
    wall, _ = heart(9, 1)
    ends = [diagnosed(damage(wall, rng)).apex for _ in range(20)]
    assert ends.count(Apex.LAST) == 20


def test_apex_end_by_taper():
    assert apex_end([5, 4, 3, 2, 1]) is Apex.LAST
    assert apex_end([1, 2, 3, 4, 5]) is Apex.FIRST
    assert apex_end([0, 0, 6, 5, 4, 0, 3, 2, 90]) is Apex.LAST
    assert apex_end([90, 3, 4, 5, 6, 7]) is Apex.FIRST
    for without_taper in ([], [0, 0], [3], [2, 2, 2]):
        assert apex_end(without_taper) is Apex.LAST


def test_blood_pool_beyond_the_walls_needs_review():
    wall, pool = heart(8, 1)
    for emptied in ([0, 1], [7, 8]):
        cut = wall.copy()
        cut[emptied] = 0
        slices = diagnosed(cut, pool, apex=Apex.LAST).slices
        flagged = [k for k in emptied if pool[k].any()]
        assert [entry.k for entry in slices if entry.doubtful] == flagged
        assert flagged
        for k in flagged:
            assert (slices[k].right, codes(slices[k])) == (True, ["wall_missing"])
        assert not any(entry.doubtful for entry in diagnosed(cut, apex=Apex.LAST).slices)


def test_an_empty_stack_is_empty_and_right():
    diagnosis = diagnosed(np.zeros((3, 5, 5)))
    assert all(entry.finding is Finding.EMPTY and entry.right and not entry.reasons for entry in diagnosis.slices)
    assert diagnosis.base_to_apex == []


@given(random_masks(14, 14), random_masks(14, 14), st.tuples(st.floats(0.4, 3.0), st.floats(0.4, 3.0)))
def test_any_slice_has_a_finding_that_fits_its_betti_numbers(mask, pool, spacing):
    fitting = pool.shape == mask.shape
    finding = find(mask, pool if fitting else None, spacing)
    b0, b1 = betti_2d(mask)
    allowed = {
        Finding.EMPTY: b0 == 0,
        Finding.FRAGMENTED: b0 > 1,
        Finding.RING: (b0, b1) == (1, 1),
        Finding.DISC: (b0, b1) == (1, 0),
        Finding.OPEN: b0 == 1 and b1 <= 1,
        Finding.POROUS: b0 == 1 and b1 >= 1,
    }
    assert allowed[finding]


@given(arrays.arrays(np.uint8, (4, 7, 6), elements=st.integers(0, 1)), st.booleans(), st.sampled_from(Apex))
def test_any_stack_is_diagnosed_slice_by_slice(mask, close_base, apex):
    diagnosis = diagnosed(mask, mask[::-1] * (1 - mask), close_base=close_base, apex=apex)
    assert len(diagnosis.slices) == 4
    assert sorted(diagnosis.base_to_apex) == [k for k in range(4) if mask[k].any()]
    for entry in diagnosis.slices:
        assert (entry.b0, entry.b1) == betti_2d(mask[entry.k])
        assert entry.right or entry.reasons
        assert not (close_base and entry.expectation is OPEN)


def test_masks_of_another_shape_are_errors():
    with pytest.raises(ValueError, match=r"\b3\b"):
        diagnosed(ring())
    with pytest.raises(ValueError, match="Resample the pool"):
        diagnosed(np.ones((2, 5, 5)), np.ones((2, 5, 6)))
    with pytest.raises(ValueError, match="Resample the pool"):
        find(np.ones((5, 5)), np.ones((5, 6)), SPACING)
