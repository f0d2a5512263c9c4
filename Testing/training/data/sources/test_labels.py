"""Which label is what: presets, the command line, nnU-Net's names, and every way to get it wrong."""

import numpy as np
import pytest

from rncarefine_training.data.sources.labels import PRESETS, Labels, labels_from_names, parse_labels, structure_of
from training.toy_data import toy_case
from training.toy_lab import ACDC_NAMES, MNMS_NAMES, TO_MNMS, relabelled


def test_acdcs_labels_are_those_of_a_case():
    labels = toy_case("a").labels
    np.testing.assert_array_equal(PRESETS["acdc"].apply(labels), labels)


def test_mnms_begin_with_the_left_ventricle():
    labels = toy_case("a").labels
    np.testing.assert_array_equal(PRESETS["mnms"].apply(relabelled(labels, TO_MNMS)), labels)


def test_labels_are_combined_or_become_background():
    values = np.array([[0, 1, 2, 3, 4, 5, 300]])
    assert Labels((2, 4), (1,)).apply(values).tolist() == [[0, 3, 2, 0, 2, 0, 0]]
    assert Labels((2, 4), (1,)).apply(values).dtype == np.uint8


@pytest.mark.parametrize(
    ("preset", "assignments", "expected"),
    [
        (None, [], None),
        ("mnms", [], PRESETS["mnms"]),
        (None, ["myocardium=2"], Labels((2,))),
        (None, ["pool=1", "myocardium=2+3+4", "rv=7"], Labels((2, 3, 4), (1,), (7,))),
        (None, ["LV cavity=3", "MYO=2"], Labels((2,), (3,))),
    ],
)
def test_labels_are_read_from_the_command_line(preset, assignments, expected):
    assert parse_labels(preset, assignments) == expected


@pytest.mark.parametrize(
    ("preset", "assignments", "message"),
    [
        ("mnm", [], r"'mnm' .*'mnms'"),
        ("acdc", ["rv=1"], "--label rv=1"),
        (None, ["myocardum=2"], r"'myocardum' .*'myocardium'"),
        (None, ["liver=2"], "'liver'.*rv, myocardium, pool"),
        (None, ["myocardium"], "use an integer"),
        (None, ["myocardium=2,4"], "use an integer"),
        (None, ["myocardium=2", "myo=4"], r"Combine them: myocardium=2\+4"),
        (None, ["pool=3"], "defined as myocardium"),
        (None, ["myocardium=2", "pool=2"], "label 2 belongs to two structures"),
        (None, ["myocardium=0"], "0 is the background"),
    ],
)
def test_invalid_label_assignments_raise_with_a_remedy(preset, assignments, message):
    with pytest.raises(ValueError, match=message):
        parse_labels(preset, assignments)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (ACDC_NAMES, PRESETS["acdc"]),
        (MNMS_NAMES, PRESETS["mnms"]),
        ({"0": "background", "1": "LV", "2": "Myo", "3": "right ventricle"}, PRESETS["mnms"]),
        ({"background": 0, "LV_myocardium": [1], "ignore": 2}, Labels((1,))),
    ],
)
def test_labels_from_nnunet_names(names, expected):
    assert labels_from_names(names, "dataset.json") == (expected, [])


def test_names_that_mean_nothing_are_handed_back():
    labels, unknown = labels_from_names({"background": 0, "myo": 1, "scar": 2}, "dataset.json")
    assert labels == Labels((1,))
    assert unknown == ["scar (2)"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"background": 0, "heart": 1}, r"background \(0\), heart \(1\)"),
        ({"background": 0, "LV": [1, 2], "myo": 2}, "'LV'.*pool"),
        ({"myo": 1, "myocardium": 2}, "'myocardium'"),
        ({}, "myocardium"),
    ],
)
def test_names_without_myocardium_raise(names, message):
    with pytest.raises(ValueError, match=message):
        labels_from_names(names, "dataset.json")


@pytest.mark.parametrize(
    ("name", "structure"), [("LV", "pool"), ("lv-Myo", "myocardium"), ("RVC", "rv"), ("scar", None)]
)
def test_spelling_does_not_matter(name, structure):
    assert structure_of(name) == structure


def test_labels_are_written_as_the_command_line_takes_them():
    text = str(Labels((2, 4), (3,), (1,)))
    assert text == "rv=1, myocardium=2+4, pool=3"
    assert parse_labels(None, text.split(", ")) == Labels((2, 4), (3,), (1,))
