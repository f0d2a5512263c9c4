"""The PNG encoder, against SimpleITK's decoder (libpng)."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rncarefine.report.png import data_uri, encode_png

shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
)


def decoded(data, folder):
    path = folder / "picture.png"
    path.write_bytes(data)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@given(pixels=arrays.arrays(np.uint8, shapes))
@settings(max_examples=60, deadline=None)
def test_any_picture_decodes_to_the_pixels_it_was_made_of(pixels, tmp_path_factory):
    assert np.array_equal(decoded(encode_png(pixels), tmp_path_factory.mktemp("png")), pixels)


def test_every_row_filter_is_used_and_decodes(tmp_path):
    rng = np.random.default_rng(3)
    ramp = np.add.outer(np.arange(64) * 3, np.arange(64) * 2)
    rows = [
        rng.integers(0, 2, (8, 64)) * 255,  # nothing to predict
        np.repeat(np.arange(64)[None] * 3, 8, axis=0),  # like the pixel above
        np.cumsum(rng.integers(1, 4, (8, 64)), axis=1),  # like the pixel to the left
        ramp[:16] + rng.integers(0, 2, (16, 64)),  # a slope: Paeth
    ]
    pixels = np.concatenate(rows).astype(np.uint8)
    assert np.array_equal(decoded(encode_png(pixels), tmp_path), pixels)


def test_a_smooth_picture_is_much_smaller_than_its_pixels():
    j, i = np.indices((128, 128))
    smooth = (128 + 60 * np.sin(j / 17) + 60 * np.cos(i / 23)).astype(np.uint8)
    assert len(encode_png(smooth)) < smooth.size / 4


def test_the_data_uri_holds_the_png():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    head, body = data_uri(pixels).split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == encode_png(pixels)


@pytest.mark.parametrize("shape", [(0, 4), (4, 4, 4), (4,), (2, 2, 3, 1)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="cannot be a PNG"):
        encode_png(np.zeros(shape, np.uint8))


def test_another_type_is_refused():
    with pytest.raises(ValueError, match="float64"):
        encode_png(np.zeros((4, 4)))
