"""The crop around the heart: where it lies, what it takes, and what comes back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from rncarefine.nca.crop import Crop, crop_around

SPACINGS = {"even": (1.6, 1.6), "uneven": (1.9, 1.2), "finer": (0.8, 0.8), "coarser": (2.3, 2.6)}


def wave(shape, spacing, start=(0.0, 0.0)):
    """Return a smooth field: waves of 60 mm."""
    j, i = np.indices(shape)
    y, x = (j + start[0]) * spacing[0], (i + start[1]) * spacing[1]
    return (0.5 + 0.25 * np.sin(y / 60 * 2 * np.pi) + 0.25 * np.cos(x / 60 * 2 * np.pi)).astype(np.float32)


def crop_of(spacing, shape=(120, 110), size=(64, 64), spacing_mm=1.6):
    """Return the crop about the middle of a slice."""
    return crop_around(((shape[0] - 1) / 2, (shape[1] - 1) / 2), size, spacing_mm, spacing, shape)


def positions(crop):
    """Return the places of the crop's pixels in the slice, ``(j, i)``."""
    j, i = np.indices(crop.size)
    return crop.start[0] + j * crop.ratio[0], crop.start[1] + i * crop.ratio[1]


def seen_pixels(crop):
    """Return which pixels of the slice lie inside the crop, a pixel from its border."""
    inside = np.ones(crop.shape, bool)
    for axis, (start, size, ratio, pixels) in enumerate(
        zip(crop.start, crop.size, crop.ratio, crop.shape, strict=True)
    ):
        place = (np.arange(pixels) - start) / ratio
        inside &= np.expand_dims((place >= 1) & (place <= size - 2), 1 - axis)
    return inside


# Where it lies


@given(
    middle=st.tuples(st.floats(-40, 200), st.floats(-40, 200)),
    size=st.tuples(st.integers(1, 128), st.integers(1, 128)),
    spacing_mm=st.floats(0.5, 3),
    spacing=st.tuples(st.floats(0.5, 3), st.floats(0.5, 3)),
)
def test_the_point_lies_in_the_middle_of_the_crop(middle, size, spacing_mm, spacing):
    crop = crop_around(middle, size, spacing_mm, spacing, (120, 110))
    assert (crop.size, crop.shape, crop.in_plane) == (size, (120, 110), spacing)
    assert crop.middle == pytest.approx(middle, abs=1e-6)
    assert crop.ratio == pytest.approx((spacing_mm / spacing[0], spacing_mm / spacing[1]))
    for place, start, pixels, ratio in zip(middle, crop.start, size, crop.ratio, strict=True):
        assert start + (pixels - 1) / 2 * ratio == pytest.approx(place, abs=1e-6)


# There and back


@pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)
def test_smooth_fields_come_back_as_they_were(spacing):
    crop = crop_of(spacing)
    field = wave(crop.shape, spacing)
    back = crop.put_back(crop.take(field[None], outside="nearest"))[0]
    assert back.shape == field.shape
    inside = seen_pixels(crop)
    assert inside.sum() > 1000
    assert np.abs(back - field)[inside].max() < 0.02


@settings(max_examples=30)
@given(
    middle=st.tuples(st.floats(20, 80), st.floats(20, 80)),
    spacing=st.tuples(st.floats(0.8, 2.5), st.floats(0.8, 2.5)),
    spacing_mm=st.floats(1, 2.5),
)
def test_crop_has_the_stated_geometry(middle, spacing, spacing_mm):
    crop = crop_around(middle, (32, 40), spacing_mm, spacing, (100, 100))
    taken = crop.take(wave(crop.shape, spacing)[None], outside="nearest")[0]
    start = (crop.start[0] * spacing[0] / spacing_mm, crop.start[1] * spacing[1] / spacing_mm)
    expected = wave(crop.size, (spacing_mm, spacing_mm), start)
    y, x = positions(crop)
    inside = (y >= 4) & (y <= crop.shape[0] - 5) & (x >= 4) & (x <= crop.shape[1] - 5)
    assert inside.any()
    assert np.abs(taken - expected)[inside].max() < 0.03


def test_a_crop_on_the_pixels_of_the_slice_is_exact():
    crop = Crop((5.0, -3.0), (64, 72), 1.6, (1.6, 1.6), (60, 80))
    slices = np.random.default_rng(0).random((2, 60, 80)).astype(np.float32)
    taken = crop.take(slices)
    np.testing.assert_allclose(taken[:, :55, 3:], slices[:, 5:, :69], atol=1e-6)
    assert not taken[:, 55:].any()
    assert not taken[:, :, :3].any()
    back = crop.put_back(taken)
    np.testing.assert_allclose(back[:, 5:, :69], slices[:, 5:, :69], atol=1e-6)
    assert not back[:, :5].any()


def test_beyond_the_slice_masks_are_zero_and_images_repeat_the_border():
    crop = Crop((-10.0, -10.0), (64, 64), 1.6, (1.6, 1.6), (44, 44))
    slices = np.full((1, 44, 44), 3, np.uint8)
    masks, images = crop.take(slices)[0], crop.take(slices, outside="nearest")[0]
    np.testing.assert_array_equal(images, 3)
    assert masks[0, 0] == 0
    assert masks[32, 32] == 3


def test_value_beyond_the_crop():
    crop = Crop((20.0, 20.0), (64, 64), 1.0, (1.0, 1.0), (120, 120))
    back = crop.put_back(np.ones((1, 64, 64), np.float32), outside=-2.0)[0]
    assert back[10, 10] == -2
    assert back[50, 50] == 1


@pytest.mark.parametrize("start", [(-90.0, 20.0), (150.0, 20.0), (20.0, -90.0), (20.0, 150.0)])
def test_a_crop_beyond_the_slice_has_the_value_everywhere(start):
    crop = Crop(start, (64, 64), 1.0, (1.0, 1.0), (120, 130))
    assert np.isnan(crop.put_back(np.ones((2, 64, 64), np.float32), outside=np.nan)).all()


@settings(max_examples=40)
@given(
    start=st.tuples(st.floats(-30, 50), st.floats(-30, 50)),
    size=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    spacing=st.tuples(st.floats(0.7, 2.2), st.floats(0.7, 2.2)),
)
def test_fields_come_back_by_bilinear_interpolation(start, size, spacing):
    crop = Crop(start, size, 1.6, spacing, (44, 52))
    field = np.random.default_rng(0).random((1, *size)).astype(np.float32)
    back = crop.put_back(field, outside=np.nan)[0]
    j, i = (
        np.expand_dims((np.arange(pixels) - first) / ratio, 1 - axis)
        for axis, (pixels, first, ratio) in enumerate(zip(crop.shape, start, crop.ratio, strict=True))
    )
    inside = (j > 1e-6) & (j < size[0] - 1 - 1e-6) & (i > 1e-6) & (i < size[1] - 1 - 1e-6)
    beyond = (j < -1e-6) | (j > size[0] - 1 + 1e-6) | (i < -1e-6) | (i > size[1] - 1 + 1e-6)
    expected = map_coordinates(field[0], np.broadcast_arrays(j, i), order=1)
    np.testing.assert_allclose(back[inside], expected[inside], atol=1e-4)
    assert np.isnan(back[beyond]).all()


def test_a_coarser_crop_takes_the_mean_and_not_every_other_pixel():
    stripes = np.tile([0, 1], (1, 200, 100)).astype(np.uint8)
    crop = Crop((40.0, 40.0), (64, 64), 2.0, (1.0, 1.0), (200, 200))
    assert np.abs(crop.take(stripes) - 0.5).max() < 0.35
