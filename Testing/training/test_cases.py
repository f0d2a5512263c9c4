"""Cases: what is written is read, and a data set is told from what is none."""

from __future__ import annotations

import numpy as np
import pytest

from rncarefine_training.cases import BACKGROUND, MYOCARDIUM, POOL, RV, Case, load_cases, read_acdc
from training.toy_data import toy_case, write_acdc, write_cases


def assert_same(one, other):
    assert (one.name, one.subject, one.spacing) == (other.name, other.subject, other.spacing)
    for a, b in ((one.image, other.image), (one.labels, other.labels)):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_a_case_comes_back_from_its_file(tmp_path):
    case = toy_case("a")
    path = case.save(tmp_path)
    assert path == tmp_path / "a_ED.npz"
    assert_same(Case.load(path), case)


def test_cases_are_loaded_in_the_order_of_their_names_and_by_subject(tmp_path):
    write_cases(tmp_path, "cab")
    toy_case("a", "ES").save(tmp_path)
    assert [case.name for case in load_cases(tmp_path)] == ["a_ED", "a_ES", "b_ED", "c_ED"]
    assert [case.name for case in load_cases(tmp_path, ["a", "c"])] == ["a_ED", "a_ES", "c_ED"]


def test_a_subject_whose_name_begins_like_anothers_is_another(tmp_path):
    write_cases(tmp_path, ["p1", "p10"])
    assert [case.subject for case in load_cases(tmp_path, ["p1"])] == ["p1"]


@pytest.mark.parametrize("subjects", [None, ["nobody"]])
def test_no_cases_are_an_error_that_says_what_to_run(tmp_path, subjects):
    if subjects:
        write_cases(tmp_path, "a")
    with pytest.raises(ValueError, match=r"No cases in .*Run `rncarefine-train prepare` first"):
        load_cases(tmp_path, subjects)


@pytest.mark.parametrize(("name", "subject"), [("a_b_ED", "a_b"), ("b_ED", "a"), ("a", "a")])
def test_a_name_that_does_not_tell_the_subject_is_an_error(name, subject):
    case = toy_case("a")
    with pytest.raises(ValueError, match="<subject>_<phase>"):
        Case(name, subject, case.image, case.labels, case.spacing)


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


def test_the_labels_are_in_acdcs_order():
    assert (BACKGROUND, RV, MYOCARDIUM, POOL) == (0, 1, 2, 3)


def test_a_folder_without_acdc_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ValueError, match="Is it ACDC's training folder"):
        list(read_acdc(tmp_path))


def test_labels_of_another_size_are_an_error_that_names_the_frame(tmp_path):
    write_acdc(tmp_path, "patient001", 1, np.zeros((3, 8, 9), np.int16), np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"patient001_frame01: image \(9, 8, 3\) and labels \(8, 8, 3\)"):
        list(read_acdc(tmp_path))
