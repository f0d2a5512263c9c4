"""PNG encoding is lossless."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rncarefine.report.pictures import encode_png

shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))
)


def decoded(data, folder):
    path = folder / "picture.png"
    path.write_bytes(data)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@given(pixels=arrays.arrays(np.uint8, shapes))
@settings(max_examples=60, deadline=None)
def test_any_picture_decodes_to_the_pixels_it_was_made_of(pixels, tmp_path_factory):
    assert np.array_equal(decoded(encode_png(pixels), tmp_path_factory.mktemp("png")), pixels)


@pytest.mark.parametrize(
    "pixels", [np.zeros(shape, np.uint8) for shape in ((0, 4), (4, 4, 4), (4,), (2, 2, 3, 1))] + [np.zeros((4, 4))]
)
def test_other_shapes_and_types_raise(pixels):
    with pytest.raises(ValueError):
        encode_png(pixels)
