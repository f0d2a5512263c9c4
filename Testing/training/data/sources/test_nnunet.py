"""nnU-Net's folders: what is found, what is left out, and what the folds tell about leaks."""

import json
import re
import shutil

import pytest

from rncarefine_training.data.sources.entry import check_entries
from rncarefine_training.data.sources.labels import PRESETS, labels_from_names
from rncarefine_training.data.sources.nnunet import is_nnunet, read_nnunet
from training.toy_lab import write_nnunet_lab

CASES = ("p1_ED", "p1_ES", "p2_ED")


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "nnUNet_raw" / "Dataset501_Toy"


@pytest.fixture
def results(tmp_path, raw):
    """Return the folder of a training, its raw data set beside it."""
    folder = tmp_path / "results" / "nnUNetTrainer__nnUNetPlans__2d"
    write_nnunet_lab(raw, folder, CASES)
    return folder


def move(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def test_cases_labels_and_validation_folds_are_found(raw, results):
    found = read_nnunet(raw, {"ours": results})
    check_entries(found.entries)
    assert [(entry.name, entry.subject, entry.split) for entry in found.entries] == [
        ("p1_ED", "p1", None),
        ("p1_ES", "p1", None),
        ("p2_ED", "p2", None),
    ]
    assert [entry.predictions["ours"].relative_to(results).as_posix() for entry in found.entries] == [
        "fold_0/validation/p1_ED.nii.gz",
        "fold_0/validation/p1_ES.nii.gz",
        "fold_1/validation/p2_ED.nii.gz",
    ]
    assert labels_from_names(found.names, "dataset.json") == (PRESETS["acdc"], [])
    assert found.notes == []


def test_raw_data_set_is_recognised(raw, results):
    assert is_nnunet(raw)
    assert not is_nnunet(results)


def test_an_output_folder_is_matched_by_case_and_may_have_seen_them(tmp_path, raw, results):
    for path in results.glob("fold_*/validation/*"):
        move(path, tmp_path / "out" / path.name)
    found = read_nnunet(raw, {"flat": tmp_path / "out"})
    assert all("flat" in entry.predictions for entry in found.entries)
    (note,) = found.notes
    assert note.startswith("flat: it may have been trained on the 3 training cases that it segmented, such as p1_ED.")


def test_labelled_test_cases_are_for_the_test(raw, results):
    for path, target in (("imagesTr/p2_ED_0000.nii.gz", "imagesTs"), ("labelsTr/p2_ED.nii.gz", "labelsTs")):
        move(raw / path, raw / target / path.split("/")[1])
    found = read_nnunet(raw, {"ours": results, "flat": results / "fold_1" / "validation"})
    assert {entry.name: entry.split for entry in found.entries} == {"p1_ED": None, "p1_ES": None, "p2_ED": "test"}
    # What an output folder holds of test cases is as it should be: only the missing training cases are told.
    (note,) = found.notes
    assert re.fullmatch(r"flat: 2 .*p1_ED\.", note)


def test_a_subject_in_training_and_test_is_an_error(raw, results):
    for path, target in (("imagesTr/p1_ES_0000.nii.gz", "imagesTs"), ("labelsTr/p1_ES.nii.gz", "labelsTs")):
        move(raw / path, raw / target / path.split("/")[1])
    with pytest.raises(ValueError, match=r"p1 .*labelsTr/p1_ED\.nii\.gz.*test in lab"):
        check_entries(read_nnunet(raw, {}).entries)


def test_subject_in_two_folds_is_noted(raw, results):
    move(results / "fold_0/validation/p1_ES.nii.gz", results / "fold_1/validation/p1_ES.nii.gz")
    (note,) = read_nnunet(raw, {"ours": results}).notes
    assert re.match(r"ours: .*\b1\b.*\bp1\b", note)


def test_unmatched_cases_and_segmentations_are_noted(raw, results):
    move(results / "fold_1/validation/p2_ED.nii.gz", results / "fold_1/validation/q9_ED.nii.gz")
    assert read_nnunet(raw, {"ours": results}).notes == [
        "ours: 1 segmentations match no case, such as q9_ED.",
        "ours: 1 cases have no segmentation, such as p2_ED.",
    ]


def test_case_in_two_folds_raises(raw, results):
    shutil.copy(results / "fold_0/validation/p1_ED.nii.gz", results / "fold_1/validation/p1_ED.nii.gz")
    with pytest.raises(ValueError, match=r"p1_ED.*fold_0.*fold_1"):
        read_nnunet(raw, {"ours": results})


def test_the_network_of_fold_all_is_of_no_use(raw, results):
    move(results / "fold_0", results / "fold_all")
    shutil.rmtree(results / "fold_1")
    with pytest.raises(ValueError, match="fold_all"):
        read_nnunet(raw, {"ours": results})


def test_segmentations_of_other_cases_raise(tmp_path, raw, results):
    move(results / "fold_0/validation/p1_ED.nii.gz", tmp_path / "out" / "x.nii.gz")
    with pytest.raises(ValueError, match=r"\bx\b.*p1_ED"):
        read_nnunet(raw, {"ours": tmp_path / "out"})


def test_a_missing_folder_of_segmentations_is_named(tmp_path, raw, results):
    with pytest.raises(ValueError, match="nowhere"):
        read_nnunet(raw, {"ours": tmp_path / "nowhere"})


def test_channel_is_chosen_and_noted(raw, results):
    description = json.loads((raw / "dataset.json").read_text()) | {"channel_names": {"0": "T1", "1": "cine"}}
    (raw / "dataset.json").write_text(json.dumps(description))
    found = read_nnunet(raw, {}, channel=1)
    assert found.entries[0].image.name == "p1_ED_0001.nii.gz"
    (note,) = found.notes
    assert "--channel" in note


def test_cases_without_phase_are_separate_subjects(raw, tmp_path):
    write_nnunet_lab(raw, tmp_path / "results", ("la_003", "la_004"))
    found = read_nnunet(raw, {})
    assert [entry.name for entry in found.entries] == ["la-003_stack", "la-004_stack"]
    assert found.notes == [
        "Every case is treated as a separate subject, such as la-003. If subjects have several cases, set "
        "--subject-pattern."
    ]
    assert read_nnunet(raw, {}, r"_(\d+)").notes == []


@pytest.mark.parametrize("text", ["{", "[]", '{"labels": [1]}'])
def test_a_damaged_description_is_named(raw, results, text):
    (raw / "dataset.json").write_text(text)
    with pytest.raises(ValueError, match=r"dataset\.json"):
        read_nnunet(raw, {})


def test_a_data_set_without_labels_is_an_error(raw, results):
    shutil.rmtree(raw / "labelsTr")
    with pytest.raises(ValueError, match=r"labelsTr.*\.nii\.gz"):
        read_nnunet(raw, {})


def test_the_ending_of_the_files_is_the_data_sets(raw, results):
    for path in [*raw.glob("*/*"), *results.glob("fold_*/validation/*")]:
        move(path, path.with_name(path.name.replace(".nii.gz", ".nrrd")))
    description = json.loads((raw / "dataset.json").read_text()) | {"file_ending": ".nrrd"}
    (raw / "dataset.json").write_text(json.dumps(description))
    assert read_nnunet(raw, {"ours": results}).entries[0].image.name == "p1_ED_0000.nrrd"
