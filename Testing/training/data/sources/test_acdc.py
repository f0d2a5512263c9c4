"""ACDC's training folder: what is read, and what is none."""

import numpy as np
import pytest

from rncarefine_training.data.sources.acdc import is_acdc, read_acdc
from training.toy_data import toy_case, write_acdc


def test_acdc_is_read_with_its_axes_labels_and_subjects(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 500, (3, 8, 9)).astype(np.int16)
    labels = rng.integers(0, 4, (3, 8, 9)).astype(np.uint8)
    write_acdc(tmp_path, "patient002", 1, image, labels)
    write_acdc(tmp_path, "patient001", 12, image + 1, labels)
    cases = list(read_acdc(tmp_path))
    assert [(case.name, case.subject) for case in cases] == [
        ("patient001_frame12", "patient001"),
        ("patient002_frame01", "patient002"),
    ]
    np.testing.assert_array_equal(cases[1].image, image)
    np.testing.assert_array_equal(cases[1].labels, labels)
    assert (cases[1].image.dtype, cases[1].labels.dtype) == (np.float32, np.uint8)
    assert cases[1].spacing == pytest.approx((10.0, 1.5, 1.4))


def test_folder_without_acdc_raises(tmp_path):
    with pytest.raises(ValueError, match="ACDC"):
        list(read_acdc(tmp_path))


def test_labels_of_another_size_are_an_error_that_names_the_frame(tmp_path):
    write_acdc(tmp_path, "patient001", 1, np.zeros((3, 8, 9), np.int16), np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"patient001_frame01.*\(9, 8, 3\).*\(8, 8, 3\)"):
        list(read_acdc(tmp_path))


def test_acdc_folder_is_recognised(tmp_path):
    assert not is_acdc(tmp_path)
    case = toy_case("a")
    write_acdc(tmp_path, "patient001", 1, case.image, case.labels)
    assert is_acdc(tmp_path)
