"""The pictures of a slice."""

from __future__ import annotations

import numpy as np
import pytest

from engine.report_samples import broken_report, broken_stack
from rncarefine.report.pictures import ADDED, MARGIN_MM, REMOVED, WALL, heart_window, slice_pictures, worth_a_picture
from rncarefine.stack import Stack


def share_like(pixels, colour):
    """Return the share of coloured pixels whose hue is nearest to a colour, of those that are drawn."""
    palette = np.array([WALL, ADDED, REMOVED], dtype=float)
    hues = palette - palette.mean(axis=1, keepdims=True)
    hues /= np.linalg.norm(hues, axis=1, keepdims=True)
    values = pixels.astype(float)
    likeness = (values - values.mean(axis=2, keepdims=True)) @ hues.T
    nearest = likeness.argmax(axis=2) == (WALL, ADDED, REMOVED).index(colour)
    return float((nearest & (likeness.max(axis=2) > 20)).mean())


def test_changed_and_flagged_slices_are_worth_a_picture_and_intact_ones_are_not():
    assert [record.k for record in worth_a_picture(broken_report())] == [1, 2, 3]


def test_the_window_holds_the_heart_and_a_margin_in_mm():
    stack, after = broken_stack()
    # The wall reaches from 10 pixels above its centre (20, 22) to 9 below: a distance of 10 is outside.
    rows, columns = heart_window(stack, after, 1)
    j, i = int(np.ceil(MARGIN_MM / 1.5)), int(np.ceil(MARGIN_MM / 1.25))
    assert (rows.start, rows.stop) == (max(11 - j, 0), min(30 + j, 40))
    assert (columns.start, columns.stop) == (max(13 - i, 0), min(32 + i, 44))


def test_a_stray_piece_widens_the_window_of_its_own_slice_only():
    rng = np.random.default_rng(0)
    mask = np.zeros((2, 100, 100), np.uint8)
    mask[:, 60:80, 60:80] = 1
    after = mask.copy()
    mask[1, 2:4, 2:4] = 1
    stack = Stack.create(rng.normal(size=mask.shape), mask, (8, 1, 1))
    margin = int(MARGIN_MM)
    assert heart_window(stack, after, 0) == (slice(60 - margin, 80 + margin),) * 2
    assert heart_window(stack, after, 1) == (slice(0, 80 + margin),) * 2


def test_an_empty_stack_is_shown_whole():
    image = np.random.default_rng(0).normal(size=(2, 5, 7))
    stack = Stack.create(image, np.zeros((2, 5, 7)), (8, 1, 1))
    assert heart_window(stack, stack.mask, 0) == (slice(0, 5), slice(0, 7))
    assert slice_pictures(stack, stack.mask, 0).change.shape[2] == 3


def test_added_is_blue_removed_is_orange_and_only_there():
    stack, after = broken_stack()
    repaired, pruned, intact = (slice_pictures(stack, after, k).change for k in (1, 3, 0))
    crops = []
    for k in (1, 3):
        rows, columns = heart_window(stack, after, k)
        crops.append((rows.stop - rows.start) * (columns.stop - columns.start))
    assert share_like(repaired, ADDED) == pytest.approx(16 / crops[0], rel=0.2)
    assert share_like(repaired, REMOVED) < 1e-4
    # A sixth of the removed pixels are black stripes.
    assert share_like(pruned, REMOVED) == pytest.approx(5 / crops[1], rel=0.4)
    assert share_like(pruned, ADDED) == 0
    assert share_like(intact, ADDED) == 0


def test_before_and_after_show_the_outline_and_the_image_is_left_grey():
    stack, after = broken_stack()
    pictures = slice_pictures(stack, after, 1)
    assert (pictures.image[..., 0] == pictures.image[..., 1]).all()
    outlined = [(picture == WALL).all(axis=2) for picture in (pictures.before, pictures.after)]
    assert outlined[0].sum() > 200
    assert not np.array_equal(*outlined)
    same = (pictures.before == pictures.image).all(axis=2)
    assert (same | outlined[0]).all()


def test_anisotropic_pixels_are_drawn_true_to_scale():
    image = np.random.default_rng(0).normal(size=(1, 30, 30))
    mask = np.zeros((1, 30, 30))
    mask[0, 10:20, 10:20] = 1
    stack = Stack.create(image, mask, (8, 3.0, 1.0))
    height, width, _ = slice_pictures(stack, stack.mask, 0).image.shape
    rows, columns = heart_window(stack, stack.mask, 0)
    true = 3.0 * (rows.stop - rows.start) / (columns.stop - columns.start)
    assert abs(height / width - true) < 0.05 * true


def test_the_strip_has_the_four_pictures_in_order():
    stack, after = broken_stack()
    pictures = slice_pictures(stack, after, 1)
    strip = pictures.strip()
    width = pictures.image.shape[1]
    assert strip.shape == (pictures.image.shape[0], 4 * width + 18, 3)
    assert np.array_equal(strip[:, :width], pictures.image)
    assert np.array_equal(strip[:, -width:], pictures.change)
