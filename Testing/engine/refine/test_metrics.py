"""Metrics on masks whose distances can be counted by hand, and against SimpleITK and distances between all points."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import cdist
from skimage.morphology import thin

from engine.shapes import STACK_SPACING, heart, horseshoe, picture, ring
from rncarefine.refine.metrics import (
    SurfaceDistances,
    betti_error,
    cldice,
    dice,
    evaluate,
    lv_mass_g,
    surface_distances,
)

spacings = st.tuples(*[st.floats(0.4, 9.0)] * 3)
pairs_2d = st.tuples(st.integers(1, 10), st.integers(1, 10)).flatmap(
    lambda shape: st.tuples(*[arrays.arrays(np.uint8, shape, elements=st.integers(0, 1))] * 2)
)
pairs_3d = st.tuples(*[st.integers(1, 5)] * 3).flatmap(
    lambda shape: st.tuples(*[arrays.arrays(np.uint8, shape, elements=st.integers(0, 1))] * 2)
)


def border(mask):
    """Cells with background at a side, found cell by cell."""
    padded = np.pad(mask, 1)
    edge = np.zeros_like(padded)
    for axis in range(mask.ndim):
        for step in (1, -1):
            edge |= padded & (1 - np.roll(padded, step, axis))
    return edge[(slice(1, -1),) * mask.ndim]


def all_distances(a, b, spacing):
    """Distances from each border to the other by comparing all pairs of points."""
    one, other = (np.argwhere(border(mask)) * spacing for mask in (a, b))
    table = cdist(one, other)
    return table.min(axis=1), table.min(axis=0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (picture("##.."), picture("##.."), 1.0),
        (picture("##.."), picture("..##"), 0.0),
        (picture("##.."), picture(".##."), 0.5),
        (picture("###."), picture("#..."), 0.5),
        (picture("...."), picture("...."), 1.0),
        (picture("...."), picture("#..."), 0.0),
    ],
)
def test_dice_of_small_pictures(a, b, expected):
    assert dice(a, b) == dice(b, a) == expected


def test_distances_are_in_mm():
    one, other = picture("#...", "....", "...."), picture("....", "....", "...#")
    assert surface_distances(one, other, (2.0, 1.0)) == SurfaceDistances(5.0, 5.0, 5.0)
    assert surface_distances(one, other, (1.0, 1.0)).hd_mm == pytest.approx(np.sqrt(13))


def test_hd95_leaves_out_the_farthest_twentieth_of_the_border():
    line = np.zeros((40, 102), np.uint8)
    line[0, :100] = 1
    spurred = line.copy()
    spurred[30, 50] = 1
    found = surface_distances(line, spurred, (1.0, 1.0))
    assert (found.hd_mm, found.hd95_mm) == (30.0, 0.0)
    assert found.assd_mm == pytest.approx(30 / 201)


def test_distances_of_empty_masks():
    empty, pixel = picture("..", ".."), picture("#.", "..")
    assert surface_distances(empty, empty, (1.0, 1.0)) == SurfaceDistances(0.0, 0.0, 0.0)
    for pair in ((empty, pixel), (pixel, empty)):
        found = surface_distances(*pair, (1.0, 1.0))
        assert np.isnan([found.assd_mm, found.hd_mm, found.hd95_mm]).all()


@given(st.one_of(pairs_2d, pairs_3d), spacings)
def test_distances_agree_with_comparing_all_pairs_of_border_points(pair, spacing):
    a, b = pair
    assume(a.any() and b.any())
    spacing = spacing[: a.ndim]
    there, back = all_distances(a, b, spacing)
    found = surface_distances(a, b, spacing)
    assert found.hd_mm == pytest.approx(max(there.max(), back.max()))
    assert found.assd_mm == pytest.approx(np.concatenate([there, back]).mean())
    assert found.hd95_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert surface_distances(b, a, spacing) == found


@given(pairs_3d, spacings)
def test_the_hausdorff_distance_agrees_with_simpleitk_on_the_borders(pair, spacing):
    assume(pair[0].any() and pair[1].any())
    borders = []
    for mask in pair:
        # SimpleITK compares whole regions, so it is given the borders.
        borders.append(sitk.GetImageFromArray(border(mask)))
        borders[-1].SetSpacing(spacing[::-1])
    reference = sitk.HausdorffDistanceImageFilter()
    reference.Execute(*borders)
    assert surface_distances(*pair, spacing).hd_mm == pytest.approx(reference.GetHausdorffDistance(), rel=1e-4)


def test_betti_errors_count_components_and_holes_apart():
    assert betti_error(ring(), ring()) == (0, 0)
    assert betti_error(horseshoe(), ring()) == (0, 1)
    assert betti_error(picture("#.#.#", "....."), picture("####.", "##.#.")) == (2, 0)
    assert betti_error(picture("#.#.#", ".....", "....."), picture("###..", "#.#..", "###..")) == (2, 1)
    assert betti_error(picture("..."), picture("#.#")) == (2, 0)


def test_a_millilitre_of_myocardium_weighs_a_gramme_and_a_twentieth():
    assert lv_mass_g(np.ones((1, 10, 10)), (10.0, 1.0, 1.0)) == pytest.approx(1.05)
    assert lv_mass_g(np.ones((2, 3, 4)), (8.0, 1.5, 1.25)) == pytest.approx(24 * 15.0 / 1000 * 1.05)
    assert lv_mass_g(np.zeros((2, 3, 4)), (8.0, 1.5, 1.25)) == 0


def test_a_stack_is_compared_slice_by_slice_and_as_a_whole():
    truth, _ = heart(6, 1)
    truth = np.concatenate([np.zeros((1, *truth.shape[1:]), np.uint8), truth])
    prediction = truth.copy()
    prediction[1] = 0
    prediction[2] *= horseshoe(60, inner=0.0, outer=99.0)
    prediction[7] *= ring(3.0, 99.0)
    slices, stack = evaluate(prediction, truth, STACK_SPACING)
    assert [each.k for each in slices] == list(range(8))
    assert [each.empty for each in slices] == [True] + [False] * 7
    assert [each.ring for each in slices] == [False, False, False, True, True, True, True, True]
    assert [each.truth_ring for each in slices] == [False] + [True] * 6 + [False]
    assert (slices[0].dice, slices[0].assd_mm) == (1.0, 0.0)
    assert (slices[1].dice, slices[1].b0_error, slices[1].b1_error) == (0.0, 1, 1)
    assert np.isnan(slices[1].hd_mm)
    assert (slices[2].b0_error, slices[2].b1_error) == (0, 1)
    assert slices[2].dice == dice(prediction[2], truth[2])
    assert slices[2].hd95_mm == surface_distances(prediction[2], truth[2], STACK_SPACING[1:]).hd95_mm
    assert (slices[3].dice, slices[3].hd_mm, slices[3].hd95_mm) == (1.0, 0.0, 0.0)

    assert (stack.slices, stack.truth_rings, stack.rings) == (7, 6, 4)
    assert stack.dice == dice(prediction, truth)
    assert stack.mean_slice_dice == pytest.approx((0 + slices[2].dice + 4 + slices[7].dice) / 7)
    assert stack.mean_b0_error == pytest.approx(1 / 7)
    assert stack.mean_b1_error == pytest.approx(3 / 7)
    whole = surface_distances(prediction, truth, STACK_SPACING)
    assert (stack.assd_mm, stack.hd_mm, stack.hd95_mm) == (whole.assd_mm, whole.hd_mm, whole.hd95_mm)
    assert stack.hd_mm > 8.0  # the lost slice is a slice spacing away from the next, and more from its walls
    assert stack.lv_mass_g == lv_mass_g(prediction, STACK_SPACING)
    assert stack.truth_lv_mass_g == lv_mass_g(truth, STACK_SPACING)
    lost = 100 * (prediction.sum() / truth.sum() - 1)
    assert stack.lv_mass_error_percent == pytest.approx(lost)


def test_empty_stacks_have_defined_metrics():
    empty, full = np.zeros((2, 3, 3)), np.ones((2, 3, 3))
    _, both = evaluate(empty, empty, (8.0, 1.0, 1.0))
    assert (both.slices, both.dice, both.mean_slice_dice, both.hd_mm, both.lv_mass_error_percent) == (0, 1, 1, 0, 0)
    _, invented = evaluate(full, empty, (8.0, 1.0, 1.0))
    assert invented.dice == 0
    assert np.isnan(invented.lv_mass_error_percent)
    _, lost = evaluate(empty, full, (8.0, 1.0, 1.0))
    assert lost.lv_mass_error_percent == -100


def test_masks_that_do_not_fit_are_errors():
    for function in (dice, betti_error):
        with pytest.raises(ValueError, match="Resample"):
            function(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="has 3 numbers"):
        surface_distances(np.ones((2, 2)), np.ones((2, 2)), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"\b3\b"):
        evaluate(np.ones((2, 2)), np.ones((2, 2)), (1.0, 1.0, 1.0))


# clDice


def line(row, start, stop, side=16):
    mask = np.zeros((side, side), bool)
    mask[row, start:stop] = True
    return mask


@given(pairs_2d)
def test_cldice_is_symmetric_and_between_0_and_1(pair):
    one, other = pair
    assert cldice(one, other) == cldice(other, one)
    assert 0 <= cldice(one, other) <= 1
    assert cldice(one, one) == 1


@given(pairs_2d)
def test_cldice_is_that_of_the_skeletons_of_another_library(pair):
    one, other = (mask > 0 for mask in pair)
    assume(one.any() and other.any())
    lines = thin(one), thin(other)
    shares = (lines[0] & other).sum() / lines[0].sum(), (lines[1] & one).sum() / lines[1].sum()
    expected = 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0
    assert cldice(one, other) == pytest.approx(expected)


def test_cldice_of_half_a_line_is_two_thirds():
    assert cldice(line(4, 0, 8), line(4, 0, 16)) == pytest.approx(2 * 1 * 0.5 / 1.5)


def test_cldice_of_lines_apart_and_of_nothing():
    nothing = np.zeros((16, 16))
    assert cldice(line(4, 0, 16), line(8, 0, 16)) == 0
    assert cldice(nothing, line(8, 0, 16)) == 0
    assert cldice(nothing, nothing) == 1


def test_cldice_takes_two_slices_of_one_shape():
    with pytest.raises(ValueError, match="shapes"):
        cldice(np.ones((3, 3)), np.ones((4, 4)))
    with pytest.raises(ValueError, match="dimensions"):
        cldice(np.ones((2, 3, 3)), np.ones((2, 3, 3)))
