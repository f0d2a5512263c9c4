"""What a stack on disk is called, and what is wrong with a list of them before any is read."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine_training.data.cases import TrainingCase
from rncarefine_training.data.sources.entry import (
    Entry,
    check_entries,
    check_network,
    network_of,
    prediction_folder,
    subject_and_phase,
)
from training.toy_data import toy_case


@pytest.fixture
def entry(tmp_path):
    """Return an entry whose files are there."""
    for name in ("image.nii", "label.nii"):
        (tmp_path / name).touch()
    return Entry("line 2", "a", "ED", tmp_path / "image.nii", tmp_path / "label.nii")


@pytest.mark.parametrize(
    ("identifier", "subject", "phase"),
    [
        ("patient001_frame01", "patient001", "frame01"),
        ("p017_ED", "p017", "ED"),
        ("p017_es", "p017", "es"),
        ("A0S9V9_sa_ED", "A0S9V9-sa", "ED"),
        ("la_003", "la-003", "stack"),
        ("scan-7-t12", "scan-7", "t12"),
        ("subject", "subject", "stack"),
        ("speed", "speed", "stack"),
    ],
)
def test_subject_and_phase_from_common_endings(identifier, subject, phase):
    assert subject_and_phase(identifier) == (subject, phase)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(p\d+)_", ("p7", "visit2-x")),
        (r"^([^_]+)_(?P<phase>visit\d)", ("p7", "visit2")),
        (r"(?P<phase>p)(?P<subject>7)", ("7", "p")),
        (r"(p7_visit2_x)", ("p7-visit2-x", "stack")),
    ],
)
def test_subject_from_a_pattern(pattern, expected):
    assert subject_and_phase("p7_visit2_x", pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "regular expression"), ("p7", "has no group"), (r"(q\d)", "does not match 'p7_ED'")]
)
def test_invalid_subject_pattern_raises(pattern, message):
    with pytest.raises(ValueError, match=message):
        subject_and_phase("p7_ED", pattern)


@given(st.text(max_size=20), st.text(max_size=20))
def test_every_identifier_makes_a_case_or_an_error(subject, phase):
    name = f"{subject}_{phase}"
    if not re.search("[A-Za-z0-9]", name):
        with pytest.raises(ValueError, match="letter or digit"):
            subject_and_phase(name)
        return
    told = subject_and_phase(name)
    drawn = toy_case("a")
    case = TrainingCase("_".join(told), told[0], drawn.image, drawn.labels, drawn.spacing)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*_[A-Za-z0-9.-]+", case.name)


def test_two_entries_of_one_name_are_an_error_that_names_both(entry):
    with pytest.raises(ValueError, match=r"line 2.*line 9.*A_ED"):
        check_entries([entry, replace(entry, where="line 9", subject="A")])


def test_a_subject_on_two_sides_is_an_error_that_names_both_sides(entry):
    train, test = replace(entry, split="train"), replace(entry, where="line 3", phase="ES", split="test")
    with pytest.raises(ValueError, match=r"train in line 2.*test in line 3"):
        check_entries([train, test])
    with pytest.raises(ValueError, match=r"train in line 2.*line 3"):
        check_entries([train, replace(test, split=None)])


def test_every_missing_file_is_named_up_to_ten(entry):
    missing = [replace(entry, subject=f"s{n}", image=Path(f"no-{n}.nii")) for n in range(13)]
    with pytest.raises(ValueError, match=r"no-0\.nii") as caught:
        check_entries(missing)
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "... and 3 more."


def test_a_missing_segmentation_is_named(entry):
    with pytest.raises(ValueError, match=r"line 2.*gone\.nii"):
        check_entries([replace(entry, predictions={"ours": Path("gone.nii")})])


@pytest.mark.parametrize("name", ["nnunet", "nnU-Net_2d", "v1.2", "net2"])
def test_a_networks_name_comes_back_from_its_folder(name):
    assert network_of(prediction_folder(check_network(name))) == name


@pytest.mark.parametrize("name", ["weak-0", "a/b", "..", "a@b", "", "-x"])
def test_a_network_cannot_be_called_like_a_path_or_a_base_network(name):
    with pytest.raises(ValueError, match="name of a network"):
        check_network(name)


@pytest.mark.parametrize(("source", "network"), [("weak-0@1", "weak"), ("late-12@0.3", "late"), ("a-b-1@1", "a-b")])
def test_the_members_of_a_base_network_are_one_network(source, network):
    assert network_of(source) == network
