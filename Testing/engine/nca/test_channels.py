"""What the encoder sees of a slice: each channel against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.nca.architecture import CHANNELS, PICTURE_CHANNELS
from rncarefine.nca.channels import BRIGHTEST, intensity_range, picture_channels, scale_intensities, stacked

PLACE = {name: number for number, name in enumerate(CHANNELS)}
RNG = np.random.default_rng(0)
IMAGES, WALLS, POOLS = (RNG.random((4, 6, 8)).astype(np.float32) for _ in range(3))
NOTHING = np.zeros((6, 8), np.float32)


def of(k, walls=WALLS, pools=POOLS):
    """Return the channels of slice k by name."""
    values = stacked(IMAGES, walls, pools, k)
    assert values.shape == (6, 8, len(CHANNELS))
    assert values.dtype == np.float32
    return {name: values[..., number] for name, number in PLACE.items()}


@pytest.mark.parametrize("k", range(4))
def test_slice_channels_have_neighbours_or_zeros(k):
    seen = of(k)
    for name, values in (("image", IMAGES), ("mask", WALLS)):
        np.testing.assert_array_equal(seen[name], values[k])
        np.testing.assert_array_equal(seen[f"{name} below"], values[k - 1] if k else NOTHING)
        np.testing.assert_array_equal(seen[f"{name} above"], values[k + 1] if k < 3 else NOTHING)
    np.testing.assert_array_equal(seen["pool"], POOLS[k])


def test_without_a_pool_its_channel_is_empty():
    assert not of(1, pools=None)["pool"].any()


def test_where_masks_are_withheld_the_images_alone_are_seen():
    seen, whole = of(2, walls=np.zeros_like(WALLS), pools=None), of(2)
    for name in CHANNELS:
        np.testing.assert_array_equal(seen[name], whole[name] if name.startswith("image") else NOTHING)


# Intensities


def test_the_range_is_the_1st_and_99th_percentile():
    assert intensity_range(np.arange(1001, dtype=np.float32)) == pytest.approx((10, 990))


def test_a_constant_image_has_a_range_to_divide_by_and_scales_to_zero():
    constant = np.full((2, 4, 4), 7, np.float32)
    low, high = intensity_range(constant)
    assert high > low == 7
    assert not scale_intensities(constant).any()


def test_intensities_are_scaled_to_the_range_and_clipped_far_outside():
    images = np.concatenate([np.linspace(0, 1, 999), [-50, 50]]).astype(np.float32).reshape(1, 7, 143)
    low, high = intensity_range(images)
    result = scale_intensities(images)
    assert result.dtype == np.float32
    inside = (images > -0.4) & (images < 1.9)
    np.testing.assert_allclose(result[inside], (images[inside] - low) / (high - low), atol=1e-6)
    assert (result.min(), result.max()) == (-0.5, 2)


@given(st.floats(0.01, 100), st.floats(-1000, 1000))
def test_neither_gain_nor_offset_changes_scaled_intensities(gain, offset):
    np.testing.assert_allclose(
        scale_intensities(IMAGES * np.float32(gain) + np.float32(offset)), scale_intensities(IMAGES), atol=0.02
    )


@pytest.mark.parametrize("gain", [1e-12, 1e-7, 1e6])
def test_intensities_may_be_of_any_size(gain):
    np.testing.assert_allclose(scale_intensities(IMAGES * np.float32(gain)), scale_intensities(IMAGES), atol=1e-4)


def test_a_picture_is_clipped_and_black_outside_the_field_of_view():
    grey = np.array([[-9.0, -1.0], [0.5, 9.0]], np.float32)
    mask = np.array([[0.0, 1.0], [0.25, 0.0]], np.float32)
    seen = np.array([[1.0, 1.0], [1.0, 0.0]], np.float32)
    result = picture_channels(grey, mask, seen)
    assert result.shape == (2, 2, len(PICTURE_CHANNELS))
    by_name = {name: result[..., number] for number, name in enumerate(PICTURE_CHANNELS)}
    np.testing.assert_array_equal(by_name["image"], [[-BRIGHTEST, -1], [0.5, 0]])
    np.testing.assert_array_equal(by_name["mask"], mask)
    np.testing.assert_array_equal(by_name["field of view"], seen)
