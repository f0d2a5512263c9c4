"""From a lab's files to a run's folder: whole or not at all, checked, split, and drawn."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from rncarefine_training.data.cases import TrainingCase, load_cases, load_prediction
from rncarefine_training.data.sources.csv_table import read_csv
from rncarefine_training.data.sources.labels import PRESETS
from rncarefine_training.data.sources.overview import draw_prepared
from rncarefine_training.data.sources.prepare import Shares, prepare
from rncarefine_training.data.sources.split import read_split
from training.cli_calls import call
from training.toy_data import SPACING, failed, toy_case, write_acdc
from training.toy_lab import MNMS_NAMES, TO_MNMS, write_csv_lab, write_nnunet_lab, write_volume

ACDC, MNMS = PRESETS["acdc"], PRESETS["mnms"]
pytestmark = pytest.mark.usefixtures("wide")


@pytest.fixture
def lab(tmp_path):
    """Return the table of a lab with eight subjects and one network."""
    return write_csv_lab(tmp_path / "lab")


def entries_of(table):
    return read_csv(table)[0]


def assert_same_as_drawn(run, subjects="abcdefgh"):
    for number, subject in enumerate(subjects):
        drawn = toy_case(subject, seed=number)
        case = TrainingCase.load(run / "cases" / f"{subject}_ED.npz")
        np.testing.assert_array_equal(case.image, drawn.image)
        np.testing.assert_array_equal(case.labels, drawn.labels)
        assert case.spacing == pytest.approx(SPACING)
        made = load_prediction(run / "predictions" / "ours@1" / f"{subject}_ED.npz")
        np.testing.assert_array_equal(made, failed(drawn.labels))
        assert made.dtype == np.uint8


def test_cases_and_predictions_are_written_as_the_training_reads_them(tmp_path, lab):
    summary = prepare(entries_of(lab), ACDC, {}, tmp_path / "run")
    assert_same_as_drawn(tmp_path / "run")
    assert (summary.cases, summary.slices) == (8, 32)
    assert (summary.networks["ours"].cases, summary.networks["ours"].broken) == (8, 8)
    assert 0.8 < summary.networks["ours"].dice < 1


def test_labels_of_truth_and_predictions_are_mapped_each_by_its_own(tmp_path):
    table = write_csv_lab(tmp_path / "lab", mapping=TO_MNMS)
    prepare(entries_of(table), MNMS, {}, tmp_path / "both")
    assert_same_as_drawn(tmp_path / "both")
    acdc = write_csv_lab(tmp_path / "acdc")
    mixed = [
        replace(entry, predictions=other.predictions)
        for entry, other in zip(entries_of(acdc), entries_of(table), strict=True)
    ]
    prepare(mixed, ACDC, {"ours": MNMS}, tmp_path / "mixed")
    assert_same_as_drawn(tmp_path / "mixed")


def test_the_split_is_drawn_once_and_written(tmp_path, lab):
    run = tmp_path / "run"
    summary = prepare(entries_of(lab), ACDC, {}, run, Shares(0.25, 0.34, 5))
    split = read_split(run / "subjects.csv")
    assert summary.split == split
    assert sorted(split.values()) == ["select"] * 2 + ["test"] * 2 + ["train"] * 4
    again = prepare(entries_of(lab), ACDC, {}, run, Shares(0.5, 0.5, 6))
    assert again.split == split


def test_given_split_is_kept(tmp_path, lab):
    said = [replace(entry, split="test" if entry.subject in "ab" else "train") for entry in entries_of(lab)]
    summary = prepare(said, ACDC, {}, tmp_path / "run")
    assert [subject for subject, side in summary.split.items() if side == "test"] == ["a", "b"]
    (note,) = (note for note in summary.notes if "to select in" in note)
    assert str(tmp_path / "run" / "subjects.csv") in note


def test_a_subject_cannot_change_sides_in_a_run(tmp_path, lab):
    run = tmp_path / "run"
    entries = entries_of(lab)
    prepare(entries, ACDC, {}, run)
    held = next(subject for subject, side in read_split(run / "subjects.csv").items() if side == "test")
    moved = [replace(entry, split="train") for entry in entries if entry.subject == held]
    with pytest.raises(ValueError, match=rf"{held}.*train.*test.*subjects\.csv"):
        prepare(moved, ACDC, {}, run)


def test_the_same_image_under_two_names_is_an_error_that_names_both(tmp_path, lab):
    entries = entries_of(lab)
    twin = replace(entries[0], where="line 99", subject="twin")
    with pytest.raises(ValueError, match="line 2 and line 99"):
        prepare([*entries, twin], ACDC, {}, tmp_path / "run")


@pytest.mark.parametrize("damage", ["grid", "labels", "network", "file"])
def test_nothing_is_written_if_anything_is_wrong(tmp_path, lab, damage):
    run = tmp_path / "run"
    entries = entries_of(lab)
    labels = ACDC
    if damage == "grid":
        write_volume(entries[-1].label, toy_case("h").labels, origin=(5, 0, 0))
    elif damage == "labels":
        labels = MNMS
    elif damage == "network":
        others = entries_of(write_csv_lab(tmp_path / "other", mapping=TO_MNMS))
        entries = [replace(entry, predictions=other.predictions) for entry, other in zip(entries, others, strict=True)]
    else:
        entries[-1].image.write_bytes(entries[-1].image.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"h_ED\.nii\.gz|--label|--prediction-label"):
        prepare(entries, labels, {}, run)
    assert [path for path in run.rglob("*") if path.is_file()] == []
    assert [path.name for path in run.iterdir()] == []


def test_a_second_preparation_adds_to_the_first(tmp_path):
    run = tmp_path / "run"
    prepare(entries_of(write_csv_lab(tmp_path / "one", "abcd")), ACDC, {}, run)
    before = read_split(run / "subjects.csv")
    prepare(entries_of(write_csv_lab(tmp_path / "two", "xy", network="other")), ACDC, {}, run)
    assert [case.subject for case in load_cases(run / "cases")] == list("abcdxy")
    assert sorted(path.name for path in (run / "predictions").iterdir()) == ["other@1", "ours@1"]
    assert read_split(run / "subjects.csv") == before | {"x": "train", "y": "train"}


# The command


def test_command_prepares_a_csv(tmp_path, lab):
    done = call("prepare", lab, "--run", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert_same_as_drawn(tmp_path / "run")
    for sentence in (
        "8 stacks, labels rv=1, myocardium=2, pool=3. Networks: ours.",
        "8 cases, 32 slices in",
        "Subjects: 5 train, 1 select, 2 test",
        "out-of-fold",
        "Check",
    ):
        assert sentence in done.output
    assert sitk.ReadImage(str(tmp_path / "run" / "prepared.png")).GetSize()[0] > 500


def test_command_prepares_nnunet_folders(tmp_path):
    raw, results = tmp_path / "raw", tmp_path / "results"
    write_nnunet_lab(raw, results, names=MNMS_NAMES, mapping=TO_MNMS)
    done = call("prepare", raw, "--prediction", f"nnunet={results}", "--run", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "labels rv=3, myocardium=2, pool=1" in done.output
    made = load_prediction(tmp_path / "run/predictions/nnunet@1/p1_ES.npz")
    np.testing.assert_array_equal(made, failed(toy_case("x", seed=1).labels))
    assert len(read_split(tmp_path / "run/subjects.csv")) == 6


def test_segmentations_of_one_network_in_two_folders_add_up(tmp_path):
    write_nnunet_lab(tmp_path / "raw", tmp_path / "results")
    case = toy_case("x", seed=90)
    write_volume(tmp_path / "raw/imagesTs/q1_ED_0000.nii.gz", case.image)
    write_volume(tmp_path / "predicted/q1_ED.nii.gz", failed(case.labels))
    write_volume(tmp_path / "raw/labelsTs/q1_ED.nii.gz", case.labels)
    for folder in ("results", "predicted"):
        network = f"nnunet={tmp_path / folder}"
        done = call("prepare", tmp_path / "raw", "--run", tmp_path / "run", "--prediction", network)
        assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "run/predictions/nnunet@1").glob("*.npz"))) == 8
    assert read_split(tmp_path / "run/subjects.csv")["q1"] == "test"


def test_command_takes_labels_and_those_of_a_network(tmp_path):
    table = write_csv_lab(tmp_path / "lab", mapping=TO_MNMS)
    for entry in entries_of(table):
        number = "abcdefgh".index(entry.subject)
        write_volume(entry.predictions["ours"], failed(toy_case("a", seed=number).labels))
    options = ["--label", "pool=1", "--label", "myocardium=2", "--label", "rv=3", "--prediction-labels", "ours:acdc"]
    done = call("prepare", table, *options, "--run", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "Labels of ours: rv=1, myocardium=2, pool=3" in done.output
    assert_same_as_drawn(tmp_path / "run")


def test_the_remedy_for_swapped_labels_can_be_pasted(tmp_path):
    table = write_csv_lab(tmp_path / "lab", mapping=TO_MNMS)
    wrong = call("prepare", table, "--run", tmp_path / "run")
    assert isinstance(wrong.exception, ValueError)
    remedy = str(wrong.exception).partition("Try ")[2].split()
    assert call("prepare", table, "--run", tmp_path / "run", *remedy).exit_code == 0
    assert_same_as_drawn(tmp_path / "run")


@pytest.mark.parametrize("inner", ["", "derived_myo_png"])
def test_the_command_prepares_acdc_and_sunnybrook(tmp_path, inner):
    case = toy_case("a")
    for number in range(2):
        write_acdc(tmp_path / "acdc", f"patient00{number}", 1, case.image, case.labels)
    assert "2 cases in" in call("prepare", tmp_path / "acdc", "--run", tmp_path / "run").output
    for what, values in (("images", case.image.clip(0, 255)), ("labels", case.labels)):
        for k, piece in enumerate(values):
            (tmp_path / "sunny" / inner / what).mkdir(parents=True, exist_ok=True)
            picture = sitk.GetImageFromArray(piece.astype(np.uint8))
            sitk.WriteImage(picture, str(tmp_path / "sunny" / inner / what / f"SC-N-01_{k:02d}.png"))
    assert "1 cases in" in call("prepare", tmp_path / "sunny", "--run", tmp_path / "run").output
    assert sorted(path.stem for path in (tmp_path / "run/cases").iterdir()) == [
        "SC-N-01_ED",
        "patient000_frame01",
        "patient001_frame01",
    ]
    assert not (tmp_path / "run/subjects.csv").exists()


def test_the_command_prepares_sunnybrooks_inner_contours_too(tmp_path):
    case = toy_case("a")
    folders = ("derived_myo_png/images/SC-N-01_00.png", "derived_myo_png/labels/SC-N-01_00.png")
    for kind in ("Images", "Labels"):
        folders += (f"segnetcmr/Data/train/{kind}/SC-N-02/SC-N-02-IM-0001-0048.dcm.png",)
    for path in folders:
        values = case.labels[0] if "abels" in path else case.image[0].clip(0, 255)
        (tmp_path / "sunny" / path).parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.uint8)), str(tmp_path / "sunny" / path))
    call("prepare", tmp_path / "sunny", "--run", tmp_path / "run")
    assert sorted(path.stem for path in (tmp_path / "run/cases").iterdir()) == ["ENDO-N-02_08", "SC-N-01_ED"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prediction", "x=y"], "columns"),
        (["--labels", "mnm"], "'mnms'"),
        (["--prediction-label", "other:myocardium=2"], "network 'other'"),
        (["--prediction-labels", "ours:acdc", "--prediction-labels", "ours:mnms"], "one per network"),
        (["--test-share", "1"], "--test-share 1: "),
        (["--subject-pattern", "("], "not a regular expression"),
    ],
)
def test_invalid_options_raise_before_reading(tmp_path, lab, options, message):
    done = call("prepare", lab, "--run", tmp_path / "run", *options)
    assert isinstance(done.exception, ValueError)
    assert message in str(done.exception)
    assert not (tmp_path / "run" / "cases").exists()


@pytest.mark.parametrize(
    ("prediction", "message"), [("results", "--prediction nnunet=results"), ("a-1=results", "name of a network")]
)
def test_a_prediction_needs_a_name(tmp_path, prediction, message):
    write_nnunet_lab(tmp_path / "raw", tmp_path / "results", ("p1_ED",))
    done = call("prepare", tmp_path / "raw", "--prediction", prediction, "--run", tmp_path / "run")
    assert message in str(done.exception)


def test_unknown_folder_raises(tmp_path):
    done = call("prepare", tmp_path, "--run", tmp_path / "run")
    assert "not a known data set" in str(done.exception)
    case = toy_case("a")
    write_acdc(tmp_path, "patient001", 1, case.image, case.labels)
    for options in (("--labels", "acdc"), ("--subject-pattern", "(.+)_")):
        assert "--prediction, --label" in str(call("prepare", tmp_path, *options).exception)


# The picture


def test_overview_picture_has_one_row_per_network(tmp_path, lab):
    run = tmp_path / "run"
    prepare(entries_of(lab), ACDC, {}, run)
    heights = []
    for name in ("ours@1", "second@1"):
        if name != "ours@1":
            shutil.copytree(run / "predictions" / "ours@1", run / "predictions" / name)
        picture = sitk.GetArrayFromImage(sitk.ReadImage(str(draw_prepared(run, run / "prepared.png"))))
        heights.append(picture.shape[0])
        # Outlines in the colours of the legend, in every row.
        for row in np.array_split(picture[30:].astype(int), len(heights) + 1):
            yellow = (row[..., 0] > 200) & (row[..., 1] > 190) & (row[..., 2] < 120)
            assert yellow.sum() > 100
    assert heights[1] == heights[0] * 3 // 2
