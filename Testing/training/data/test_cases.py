"""Cases: what is written is read."""

import numpy as np
import pytest

from rncarefine_training.data.cases import TrainingCase, load_cases
from training.toy_data import toy_case, write_cases


def assert_same(one, other):
    assert (one.name, one.subject, one.spacing) == (other.name, other.subject, other.spacing)
    for a, b in ((one.image, other.image), (one.labels, other.labels)):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_a_case_comes_back_from_its_file(tmp_path):
    case = toy_case("a")
    path = case.save(tmp_path)
    assert path == tmp_path / "a_ED.npz"
    assert_same(TrainingCase.load(path), case)


def test_cases_are_loaded_in_the_order_of_their_names_and_by_subject(tmp_path):
    write_cases(tmp_path, "cab")
    toy_case("a", "ES").save(tmp_path)
    assert [case.name for case in load_cases(tmp_path)] == ["a_ED", "a_ES", "b_ED", "c_ED"]
    assert [case.name for case in load_cases(tmp_path, ["a", "c"])] == ["a_ED", "a_ES", "c_ED"]


def test_a_subject_whose_name_begins_like_anothers_is_another(tmp_path):
    write_cases(tmp_path, ["p1", "p10"])
    assert [case.subject for case in load_cases(tmp_path, ["p1"])] == ["p1"]


@pytest.mark.parametrize("subjects", [None, ["nobody"]])
def test_missing_cases_raise(tmp_path, subjects):
    if subjects:
        write_cases(tmp_path, "a")
    with pytest.raises(ValueError, match="rncarefine-train prepare"):
        load_cases(tmp_path, subjects)


@pytest.mark.parametrize(("name", "subject"), [("a_b_ED", "a_b"), ("b_ED", "a"), ("a", "a")])
def test_case_name_without_subject_raises(name, subject):
    case = toy_case("a")
    with pytest.raises(ValueError, match="<subject>_<phase>"):
        TrainingCase(name, subject, case.image, case.labels, case.spacing)
