"""Doubts about a stack: other views, other structures and other conventions raise them, hearts and damage do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from engine.shapes import CENTRE, SHAPE, SPACING, STACK_SPACING, damage, disc, heart, horseshoe, ring
from rncarefine.anatomy.features import SliceFeatures, WallFeatures
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.tasks.ring import stack_check
from rncarefine.tasks.ring.stack_check import confirmed_doubts, several_walls, stack_doubts


def doubts(walls, pools=None, spacing=STACK_SPACING):
    bloods = [None] * len(walls) if pools is None else pools
    found = [SliceFeatures.of(wall, blood, spacing[1:]) for wall, blood in zip(walls, bloods, strict=True)]
    return {str(reason.code): reason.values for reason in stack_doubts(found, spacing)}


def cut(walls, towards, gap=70.0):
    """Return walls with a gap in each slice."""
    return np.stack([wall & horseshoe(gap, angle, 0, 60) for wall, angle in zip(walls, towards, strict=True)])


def test_a_heart_raises_no_doubt():
    walls, pools = heart()
    assert doubts(walls, pools) == doubts(walls) == {}


@given(seed=st.integers(0, 2**32 - 1))
def test_a_heart_of_which_less_than_a_third_is_damaged_raises_no_doubt(seed):
    walls, pools = heart(rings=9)
    broken = walls.copy()
    broken[1:7:2] = damage(walls, np.random.default_rng(seed))[1:7:2]
    assert doubts(broken, pools) == {}


def test_same_gap_in_many_slices_is_doubted():
    walls, _ = heart(discs=0)
    same, around = cut(walls[:5], [10, 0, -10, 5, 0]), cut(walls[:5], [0, 72, 144, 216, 288])
    assert doubts(np.concatenate([same, walls[5:]])) == {"same_gap": {"slices": 5}}
    assert doubts(np.concatenate([around, walls[5:]])) == {}


@pytest.mark.parametrize("gap", [30.0, 40.0, 70.0])
def test_a_narrow_gap_in_all_slices_is_doubted_also_beside_a_fragment(gap):
    walls, _ = heart(rings=9, discs=0)
    same = cut(walls, [90] * 9, gap)
    assert doubts(same)["same_gap"] == {"slices": 9}
    same[0] = walls[0] & horseshoe(200, 240, 0, 60)
    assert doubts(same)["same_gap"] == {"slices": 8}


def test_a_gap_on_the_same_side_in_few_slices_is_not_doubted():
    walls, _ = heart(rings=12, discs=0)
    broken = walls.copy()
    broken[2:5] = cut(walls[2:5], [0, 0, 0])
    assert doubts(broken) == {}
    assert set(doubts(broken[1:10])) == {"same_gap"}
    broken[2:7] = cut(walls[2:7], [0] * 5)
    assert set(doubts(broken)) == {"same_gap"}


def test_a_long_axis_view_is_doubted():
    # A horseshoe that is open towards the atria, the same in all rotated slices.
    radial = np.stack([horseshoe(80, towards=-90)] * 6)
    assert set(doubts(radial)) == {"no_slice_closed", "same_gap"}


def test_a_filled_outer_contour_is_recognised():
    filled = np.stack([disc(radius) for radius in (28, 27, 25, 22, 18, 12)])
    assert doubts(filled) == {"filled_outline": {"slices": 6}}
    assert doubts(filled[:1]) == {"filled_outline": {"slices": 1}}


def test_outlines_are_recognised():
    outer, inner = (disc(radius) & ~ndimage.binary_erosion(disc(radius)) for radius in (26, 18))
    for lines in (outer | inner, outer):
        assert doubts([lines])["only_outlines"] == {"share": pytest.approx(0, abs=0.2), "least": 0.5}
        assert "only_outlines" not in doubts([lines], spacing=(8.0, 4.0, 4.0))


def test_the_wall_of_a_right_ventricle_is_doubted():
    crescent = [ring(22, 26) * (np.arange(SHAPE[1])[None] > CENTRE[1] + 10) for _ in range(6)]
    found = doubts(np.stack(crescent).astype(np.uint8))
    assert {"no_slice_closed", "same_gap", "elongated"} <= set(found)
    assert found["elongated"]["roundness"] < stack_check.MIN_OUTLINE_ROUNDNESS


@pytest.mark.parametrize(("cut", "doubted"), [(0, True), (4, True), (6, False)])
def test_two_walls_are_doubted_also_if_some_slices_are_open(cut, doubted):
    two = ring(12, 20, centre=(CENTRE[0], 22)) | ring(12, 20, centre=(CENTRE[0], 53))
    open_wall = two.copy()
    open_wall[int(CENTRE[0]) :] = 0
    walls = [WallFeatures(open_wall if k < cut else two, SPACING) for k in range(8)]
    assert bool(several_walls(walls)) == doubted


@pytest.mark.parametrize(("tilt_deg", "doubted"), [(0, False), (22, False), (36, True)])
def test_steep_axis_is_doubted(tilt_deg, doubted):
    step = np.tan(np.radians(tilt_deg)) * STACK_SPACING[0]
    grid = {"shape": (120, 80)}
    walls = np.stack([ring(centre=(30 + k * step / SPACING[0], 40), **grid) for k in range(8)])
    found = doubts(walls)
    assert set(found) == ({"centre_drifts"} if doubted else set())
    if doubted:
        assert found["centre_drifts"]["angle_deg"] == pytest.approx(tilt_deg, abs=1.5)


def test_thin_slices_are_doubted_unless_upsampled():
    walls, pools = heart()
    found = doubts(walls, pools, (1.5, 8.0, 1.5))
    assert found["not_thickest_axis"] == {"slice_spacing_mm": 1.5, "in_plane_mm": 8.0}
    repeated, spacing = np.repeat(walls, 4, axis=0), (2.0, *SPACING)
    assert doubts(repeated, np.repeat(pools, 4, axis=0), spacing) == {}


def test_two_cavities_are_doubted_and_pores_are_not():
    beside = ring(8, 12, centre=(35, 16))
    two, pores = ring() | beside, ring() & (ring(20, 24, centre=(35, 16)) == 0)
    pores[30:33, 55:57] = pores[36:39, 55:57] = 0
    walls = [[WallFeatures(wall, SPACING) for wall in part] for part in ([two, ring()] * 3, [two, ring(), ring()] * 3)]
    assert [(reason.code, reason.values) for reason in several_walls(walls[0])] == [("several_walls", {"slices": 3})]
    assert several_walls(walls[1]) == several_walls([WallFeatures(pores, SPACING)] * 6) == ()


def test_few_slices_are_doubted_for_a_wide_gap_only():
    for walls in ([horseshoe(80)], [horseshoe(40), horseshoe(80)]):
        found = doubts(np.stack(walls))
        assert set(found) == {"wide_gap_of_few"}
        assert found["wide_gap_of_few"]["slices"] == len(walls)
        assert found["wide_gap_of_few"]["angle_deg"] == pytest.approx(78, abs=4)
    assert doubts(np.stack([horseshoe(50), horseshoe(50)])) == {}
    assert doubts(np.stack([horseshoe(80), ring()])) == {}
    assert doubts(np.zeros((4, *SHAPE), np.uint8)) == {}


def test_image_evidence_overrides_doubts_about_masks():
    walls, _ = heart()
    broken = walls.copy()
    broken[:, :, 40:] = 0
    masks, seen = ([SliceFeatures.of(wall, None, SPACING) for wall in part] for part in (broken, walls))
    raised = [Reason(ReasonCode.NO_SLICE_CLOSED, slices=9), Reason(ReasonCode.ELONGATED, roundness=0.5, least=0.6)]
    assert confirmed_doubts(raised, seen, STACK_SPACING) == ()
    assert confirmed_doubts(raised[:1], masks, STACK_SPACING) == tuple(raised[:1])
    few = [Reason(ReasonCode.WIDE_GAP_OF_FEW, slices=1, angle_deg=115, most_deg=60)]
    assert confirmed_doubts(few, seen[:1], STACK_SPACING) == tuple(few)
    same = [*raised, Reason(ReasonCode.SAME_GAP, slices=9)]
    assert confirmed_doubts(same, seen, STACK_SPACING) == tuple(same)


@pytest.mark.parametrize(("scale", "raised"), [(0.3, True), (0.8, False), (1.5, False), (4.0, True)])
def test_a_heart_of_impossible_size_is_in_doubt(scale, raised):
    wall = np.stack([ring()] * 4)
    spacing = tuple(scale * mm for mm in SPACING)
    features = [SliceFeatures(WallFeatures(part, spacing), None) for part in wall]
    codes = [reason.code for reason in stack_doubts(features, (8.0, *spacing))]
    assert ("implausible_size" in codes) == raised


@pytest.mark.parametrize(
    ("spacing", "count", "raised"),
    [
        ((1.0, 1.0, 1.0), 29, True),
        ((1.0, 1.0, 1.0), 30, False),
        ((8.0, 1.0, 1.0), 9, False),
        ((1.1, 1.1, 1.1), 9, False),
    ],
)
def test_a_header_without_spacing_is_in_doubt(spacing, count, raised):
    walls = np.stack([ring(17, 25)] * count)
    assert ("no_spacing" in doubts(walls, spacing=spacing)) == raised
