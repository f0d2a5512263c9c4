"""Label maps that cannot be right are told from those that can, with a remedy that helps."""

import re

import numpy as np
import pytest

from rncarefine_training.data.cases import MYOCARDIUM
from rncarefine_training.data.sources.checks import PredictionCheck, TruthCheck
from rncarefine_training.data.sources.labels import PRESETS, Labels, parse_labels
from training.toy_data import failed, toy_case
from training.toy_lab import TO_MNMS, relabelled

TRUTHS = [toy_case("a", seed=number).labels for number in range(3)]
ACDC, MNMS = PRESETS["acdc"], PRESETS["mnms"]


def confirm_truth(labels, mapping=None, truths=TRUTHS):
    check = TruthCheck(labels)
    for truth in truths:
        check.add(truth if mapping is None else relabelled(truth, mapping))
    return check.validate()


def confirm_predictions(labels, mapping=None, truths=TRUTHS):
    check = PredictionCheck("ours", labels)
    for truth in truths:
        made = failed(truth) if mapping is None else relabelled(failed(truth), mapping)
        check.add(made, truth)
    check.validate()
    return check


def remedy(error, option):
    """Return the labels that a message proposes."""
    return parse_labels(None, re.findall(rf"{option} (?:ours:)?(\S+=[\d+]+)", str(error.value)))


def test_labels_that_are_right_pass():
    assert confirm_truth(ACDC) == []
    assert confirm_truth(MNMS, TO_MNMS) == []
    confirm_predictions(ACDC)
    confirm_predictions(MNMS, TO_MNMS)


def test_a_pool_or_a_right_ventricle_that_is_not_labelled_passes():
    for mapping, labels in (({2: 2}, ACDC), ({2: 2}, Labels((2,))), ({2: 2, 3: 3}, ACDC), ({2: 2, 1: 1}, ACDC)):
        confirm_truth(labels, mapping)
        confirm_predictions(labels, mapping)


@pytest.mark.parametrize(("called", "mapping"), [(ACDC, TO_MNMS), (MNMS, None)])
def test_swapped_truth_labels_raise_a_valid_remedy(called, mapping):
    with pytest.raises(ValueError, match="--label") as caught:
        confirm_truth(called, mapping)
    right = remedy(caught, "--label")
    assert right == (MNMS if mapping else ACDC)
    assert confirm_truth(right, mapping) == []


def test_pool_of_another_organ_raises():
    with pytest.raises(ValueError, match="--label myocardium=2"):
        confirm_truth(Labels((2,), (1,)), {1: 1, 2: 2})


def test_missing_myocardium_error_lists_the_labels():
    with pytest.raises(ValueError, match=r"3 cases.*1, 2, 3\. .*--label myocardium=N"):
        confirm_truth(Labels((7,)))


@pytest.mark.parametrize("wrong", [1, 3])
def test_a_myocardium_that_is_no_ring_is_an_error(wrong):
    with pytest.raises(ValueError, match=r"9 slices.*--label myocardium=N"):
        confirm_truth(Labels((wrong,)))


def test_a_slice_axis_in_the_wrong_place_is_an_error():
    sideways = [truth.transpose(1, 2, 0) for truth in TRUTHS]
    with pytest.raises(ValueError, match="third axis"):
        confirm_truth(ACDC, truths=sideways)


def test_scar_that_is_a_label_of_its_own_is_pointed_at():
    scarred = [truth.copy() for truth in TRUTHS]
    for truth in scarred[:2]:
        truth[:, 35:, :][truth[:, 35:, :] == MYOCARDIUM] = 4
    notes = confirm_truth(ACDC, truths=scarred)
    assert notes[0].endswith(": 4.")
    assert "3 of 9" in notes[1]
    assert confirm_truth(Labels((2, 4), (3,), (1,)), truths=scarred) == []


@pytest.mark.parametrize(("called", "mapping"), [(ACDC, TO_MNMS), (MNMS, None)])
def test_swapped_prediction_labels_raise_a_valid_remedy(called, mapping):
    with pytest.raises(ValueError, match=r"ours.*--prediction-label") as caught:
        confirm_predictions(called, mapping)
    confirm_predictions(remedy(caught, "--prediction-label"), mapping)


def test_any_order_of_a_networks_labels_is_found_out():
    shuffled = {1: 2, 2: 3, 3: 1}
    with pytest.raises(ValueError, match="of the truth") as caught:
        confirm_predictions(ACDC, shuffled)
    assert remedy(caught, "--prediction-label") == Labels((3,), (1,), (2,))


def test_a_network_without_myocardium_is_an_error():
    with pytest.raises(ValueError, match="3 segmentations of ours"):
        confirm_predictions(ACDC, {1: 1, 3: 3})


def test_segmentations_of_other_images_are_an_error():
    check = PredictionCheck("ours", ACDC)
    elsewhere = np.zeros_like(TRUTHS[0])
    elsewhere[:, :8, :8] = MYOCARDIUM
    check.add(elsewhere, TRUTHS[0])
    with pytest.raises(ValueError, match="ours"):
        check.validate()
