"""Pictures of a slice."""

from dataclasses import replace

import numpy as np
import pytest

from engine.report_samples import broken_stack, ring
from rncarefine.report.pictures import ADDED, MARGIN_MM, REMOVED, WALL, HeartView, slice_pictures
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


def square_walls():
    """Return a stack of two slices with the same square wall at (70, 70), the second one with a false wall far away."""
    image = np.random.default_rng(0).normal(size=(2, 140, 140))
    mask = np.zeros((2, 140, 140), np.uint8)
    mask[:, 52:89, 52:89] = 1
    mask[:, 60:81, 60:81] = 0
    after = mask.copy()
    mask[1, 2:20, 2:20] = 1
    return Stack.create(image, mask, (8, 1, 1)), after


def test_the_heart_fills_the_pictures_whatever_was_marked_elsewhere():
    stack, after = square_walls()
    view = HeartView.of(stack, after)
    assert np.abs(view.centres - 70).max() < 1
    assert view.half_mm == pytest.approx(18.5 + MARGIN_MM, abs=2)
    clean = HeartView.of(replace(stack, mask=after), after)
    assert (view.half_mm, view.black, view.white) == (clean.half_mm, clean.black, clean.white)
    assert view.hidden_mm2(stack, stack.mask, 1) == 18 * 18
    assert view.hidden_mm2(stack, stack.mask, 0) == 0


def test_the_view_follows_a_tilted_axis():
    image = np.random.default_rng(0).normal(size=(6, 120, 120))
    mask = np.stack([ring((120, 120), (50 + 3 * k, 60), 12, 18) for k in range(6)])
    stack = Stack.create(image, mask, (8, 1, 1))
    view = HeartView.of(stack, mask)
    assert np.abs(view.centres - [(50 + 3 * k, 60) for k in range(6)]).max() < 1
    assert view.half_mm == pytest.approx(18 + MARGIN_MM, abs=2)


def test_an_empty_stack_is_shown_whole():
    image = np.random.default_rng(0).normal(size=(2, 5, 7))
    stack = Stack.create(image, np.zeros((2, 5, 7)), (8, 1, 1))
    view = HeartView.of(stack, stack.mask)
    assert view.half_mm == 3.5
    assert view.centres.tolist() == [[2, 3], [2, 3]]
    assert slice_pictures(stack, stack.mask, 0).change.shape[2] == 3


def test_added_is_blue_removed_is_orange_and_only_there():
    stack, after = broken_stack()
    stack.mask[3, 2:4, 3:6] = 0
    stack.mask[3, 8:10, 15:18] = 1  # the loose piece, where the picture shows it
    repaired, pruned, intact = (slice_pictures(stack, after, k).change for k in (1, 3, 0))
    shown = (2 * HeartView.of(stack, after).half_mm) ** 2 / stack.pixel_area
    assert share_like(repaired, ADDED) == pytest.approx(16 / shown, rel=0.2)
    assert share_like(repaired, REMOVED) < 1e-4
    # A sixth of the removed pixels are black stripes.
    assert share_like(pruned, REMOVED) == pytest.approx(5 / shown, rel=0.4)
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
    image = np.random.default_rng(0).normal(size=(1, 40, 120))
    j, i = np.indices((40, 120))
    wall = np.abs(np.hypot(3.0 * (j - 20), i - 60) - 25) < 4  # a circle in mm
    stack = Stack.create(image, wall[None], (8, 3.0, 1.0))
    rows, columns = np.nonzero((slice_pictures(stack, stack.mask, 0).before == WALL).all(axis=2))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.06)
