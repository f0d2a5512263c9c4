"""The frame around the heart: where it lies, what it takes, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.shapes import SPACING, heart, horseshoe, ring
from rncarefine.anatomy.topology import betti_2d
from rncarefine.nca.crop import LARGEST, MARGIN_MM, SMALLEST, Frame, fit_frame

SPACINGS = {"even": (1.6, 1.6), "uneven": (1.9, 1.2), "finer": (0.8, 0.8), "coarser": (2.3, 2.6)}


def wave(shape, spacing, start=(0.0, 0.0)):
    """Return a smooth field: waves of 60 mm."""
    j, i = np.indices(shape)
    y, x = (j + start[0]) * spacing[0], (i + start[1]) * spacing[1]
    return (0.5 + 0.25 * np.sin(y / 60 * 2 * np.pi) + 0.25 * np.cos(x / 60 * 2 * np.pi)).astype(np.float32)


def frame_of(spacing, shape=(120, 110), spacing_mm=1.6):
    """Return the frame about a ring in the middle of a slice that is 200 mm wide or so."""
    grid = {"shape": shape, "spacing": spacing, "centre": (shape[0] / 2, shape[1] / 2)}
    return fit_frame(ring(20, 28, **grid)[None], spacing, spacing_mm)


def seen_pixels(frame):
    """Return which pixels of the slice lie inside the frame, a pixel from its border."""
    inside = np.ones(frame.shape, bool)
    for axis, (start, size, ratio, pixels) in enumerate(
        zip(frame.start, frame.size, frame.ratio, frame.shape, strict=True)
    ):
        place = (np.arange(pixels) - start) / ratio
        inside &= np.expand_dims((place >= 1) & (place <= size - 2), 1 - axis)
    return inside


# Where it lies


def test_the_frame_holds_the_heart_with_its_margin():
    walls, _ = heart()
    frame = fit_frame(walls, SPACING, 1.6)
    j, i = np.nonzero(walls.any(axis=0))
    for places, start, size, ratio, mm in zip((j, i), frame.start, frame.size, frame.ratio, SPACING, strict=True):
        assert (places.min() - start) * mm >= MARGIN_MM - 1.6
        assert (start + (size - 1) * ratio - places.max()) * mm >= MARGIN_MM - 1.6


@pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)
def test_the_heart_lies_in_the_middle_of_the_frame(spacing):
    mask = np.zeros((3, 120, 110), np.uint8)
    mask[:, 40:71, 50:73] = 1
    frame = fit_frame(mask, spacing, 1.6)
    for start, size, ratio, middle in zip(frame.start, frame.size, frame.ratio, (55, 61), strict=True):
        assert start + (size - 1) / 2 * ratio == pytest.approx(middle)


@settings(max_examples=50)
@given(
    radius=st.floats(4, 70),
    spacing=st.tuples(st.floats(0.7, 2.5), st.floats(0.7, 2.5)),
    spacing_mm=st.floats(1, 2.5),
    stride=st.sampled_from([1, 2, 8, 16]),
)
def test_the_sides_are_multiples_of_the_stride_and_within_bounds(radius, spacing, spacing_mm, stride):
    mask = ring(radius / 2, radius, shape=(70, 80), spacing=spacing, centre=(35, 40))
    assume(mask.any())
    frame = fit_frame(mask[None], spacing, spacing_mm, stride)
    for size in frame.size:
        assert size % stride == 0
        assert SMALLEST <= size <= LARGEST
    assert frame.ratio == pytest.approx((spacing_mm / spacing[0], spacing_mm / spacing[1]))


def test_far_stray_pieces_do_not_move_the_frame():
    walls, _ = heart()
    stray = walls.copy()
    stray[2, :3, :3] = 1
    stray[5, -2:, 4:9] = 1
    assert fit_frame(stray, SPACING, 1.6) == fit_frame(walls, SPACING, 1.6)


def test_a_slice_with_nothing_but_a_far_piece_does_not_move_the_frame():
    grid = {"shape": (260, 260), "spacing": (1.0, 1.0), "centre": (60.0, 60.0)}
    walls = np.stack([ring(18, 26, **grid)] * 5)
    stray = walls.copy()
    stray[4] = 0
    stray[4, 240:250, 240:250] = 1
    assert fit_frame(stray, (1.0, 1.0), 1.6) == fit_frame(walls, (1.0, 1.0), 1.6)


def test_the_frame_of_a_broken_heart_is_that_of_the_whole_one():
    walls, _ = heart()
    broken = walls.copy()
    broken[3] = horseshoe(70, towards=90)
    assert fit_frame(broken, SPACING, 1.6) == fit_frame(walls, SPACING, 1.6)


def test_the_frame_moves_with_the_heart():
    spacing = (1.5, 1.25)
    one = fit_frame(ring(shape=(150, 150), centre=(60, 70))[None], spacing, 1.6)
    other = fit_frame(ring(shape=(150, 150), centre=(72, 65))[None], spacing, 1.6)
    assert other.size == one.size
    assert np.subtract(other.start, one.start) == pytest.approx([12, -5])


def test_an_empty_mask_is_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"mask is empty.*Choose the segment with the wall"):
        fit_frame(np.zeros((4, 20, 20), np.uint8), (1.5, 1.5), 1.6)


# There and back


@pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)
def test_smooth_fields_come_back_as_they_were(spacing):
    frame = frame_of(spacing)
    field = wave(frame.shape, spacing)
    back = frame.put_back(frame.take(field[None], outside="nearest"))[0]
    assert back.shape == field.shape
    inside = seen_pixels(frame)
    assert inside.sum() > 1000
    assert np.abs(back - field)[inside].max() < 0.02


@pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)
def test_what_is_taken_lies_where_the_frame_says(spacing):
    frame = frame_of(spacing)
    taken = frame.take(wave(frame.shape, spacing)[None], outside="nearest")[0]
    start = (frame.start[0] * spacing[0] / 1.6, frame.start[1] * spacing[1] / 1.6)
    expected = wave(frame.size, (1.6, 1.6), start)
    j, i = np.indices(frame.size)
    y, x = frame.start[0] + j * frame.ratio[0], frame.start[1] + i * frame.ratio[1]
    inside = (y >= 2) & (y <= frame.shape[0] - 3) & (x >= 2) & (x <= frame.shape[1] - 3)
    assert inside.sum() > 1000
    assert np.abs(taken - expected)[inside].max() < 0.02


def test_a_frame_on_the_pixels_of_the_slice_is_exact():
    frame = Frame((5.0, -3.0), (64, 72), 1.6, (1.6, 1.6), (60, 80))
    slices = np.random.default_rng(0).random((2, 60, 80)).astype(np.float32)
    taken = frame.take(slices)
    np.testing.assert_allclose(taken[:, :55, 3:], slices[:, 5:, :69], atol=1e-6)
    assert not taken[:, 55:].any()
    assert not taken[:, :, :3].any()
    back = frame.put_back(taken)
    np.testing.assert_allclose(back[:, 5:, :69], slices[:, 5:, :69], atol=1e-6)
    assert not back[:, :5].any()


def test_beyond_the_slice_lies_nothing_for_masks_and_the_border_for_images():
    frame = Frame((-10.0, -10.0), (64, 64), 1.6, (1.6, 1.6), (44, 44))
    slices = np.full((1, 44, 44), 3, np.uint8)
    masks, images = frame.take(slices)[0], frame.take(slices, outside="nearest")[0]
    np.testing.assert_array_equal(images, 3)
    assert masks[0, 0] == 0
    assert masks[32, 32] == 3


def test_beyond_the_frame_lies_what_is_asked_for():
    frame = Frame((20.0, 20.0), (64, 64), 1.0, (1.0, 1.0), (120, 120))
    back = frame.put_back(np.ones((1, 64, 64), np.float32), outside=-2.0)[0]
    assert back[10, 10] == -2
    assert back[50, 50] == 1


def test_a_coarser_frame_sees_the_mean_and_not_every_other_pixel():
    stripes = np.tile([0, 1], (1, 200, 100)).astype(np.uint8)
    frame = Frame((40.0, 40.0), (64, 64), 2.0, (1.0, 1.0), (200, 200))
    assert np.abs(frame.take(stripes) - 0.5).max() < 0.35


@pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)
def test_a_ring_comes_back_as_a_ring(spacing):
    shape = (int(180 / spacing[0]), int(180 / spacing[1]))
    wall = ring(18, 26, shape=shape, spacing=spacing, centre=(shape[0] / 2 + 0.3, shape[1] / 2 - 0.2))
    frame = fit_frame(wall[None], spacing, 1.6)
    back = frame.put_back(frame.take(wall[None]))[0] > 0.5
    assert betti_2d(back) == (1, 1)
    assert 2 * (back & (wall > 0)).sum() / (back.sum() + wall.sum()) > 0.93


def test_a_heart_at_the_border_of_the_slice_keeps_its_place():
    wall = ring(18, 26, shape=(60, 60), spacing=(1.5, 1.5), centre=(20, 18))
    frame = fit_frame(wall[None], (1.5, 1.5), 1.5)
    assert min(frame.start) < 0
    back = frame.put_back(frame.take(wall[None]))[0] > 0.5
    assert 2 * (back & (wall > 0)).sum() / (back.sum() + wall.sum()) > 0.93


def test_slices_are_left_as_they_were():
    slices = np.random.default_rng(0).random((2, 80, 80)).astype(np.float32)
    kept = slices.copy()
    frame = frame_of((1.1, 1.1), (80, 80))
    frame.put_back(frame.take(slices))
    np.testing.assert_array_equal(slices, kept)
