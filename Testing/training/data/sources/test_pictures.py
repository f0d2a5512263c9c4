"""Pictures from folders and tables become cases with the right subjects, masks and scale."""

from dataclasses import replace

import numpy as np
import pytest

from rncarefine_training.data.cases import VESSEL, TrainingCase, load_prediction
from rncarefine_training.data.sources.csv_table import read_csv
from rncarefine_training.data.sources.pictures import (
    EYE,
    prepare_pictures,
    read_folders,
    read_mask,
    write_picture_table,
)
from training.toy_vessels import NETWORK, broken, field_of_view, vessels, write_pictures


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("source"))


def test_left_and_right_eye_are_one_subject(source):
    entries = read_folders(source)
    assert [(entry.subject, entry.phase) for entry in entries] == [
        ("eyes01", "L"),
        ("eyes01", "R"),
        ("eyes02h", "eye"),
        ("eyes03h", "eye"),
    ]
    assert all(entry.field_of_view is not None and set(entry.predictions) == {NETWORK} for entry in entries)


def test_eyes_of_a_table_are_one_subject(source, tmp_path):
    table = tmp_path / "eyes.csv"
    folder = source / "eyes"
    lines = [
        f"{folder}/images/01{side}.png,{folder}/masks_1st/01{side}.png,{folder}/masks_1st/01{side}.png" for side in "LR"
    ]
    table.write_text("\n".join(["image,mask,prediction", *lines]))
    entries, _ = read_csv(table, EYE)
    assert [(entry.subject, entry.phase, *entry.predictions) for entry in entries] == [
        ("01", "L", "given"),
        ("01", "R", "given"),
    ]


def test_split_of_pictures_is_refused(source, tmp_path):
    entries = [replace(entry, split="test") for entry in read_folders(source)]
    with pytest.raises(ValueError, match="split"):
        prepare_pictures(entries, tmp_path / "cases", tmp_path / "predictions")
    assert not (tmp_path / "cases").exists()


def test_cases_hold_bright_vessels_at_the_scale_of_the_field_of_view(source, tmp_path):
    networks = prepare_pictures(read_folders(source), tmp_path / "cases", tmp_path / "predictions")
    assert networks == {NETWORK: 4}
    case = TrainingCase.load(tmp_path / "cases" / "eyes01_L.npz")
    mask, seen = vessels(0), field_of_view()
    np.testing.assert_array_equal(case.labels[0] == VESSEL, mask)
    assert case.spacing[1] == case.spacing[2] == pytest.approx(1000 / 112)
    assert not case.image[0][~seen].any()
    assert case.image[0][mask].mean() > 1.5 + case.image[0][seen & ~mask].mean()
    made = load_prediction(tmp_path / "predictions" / f"{NETWORK}@1" / "eyes01_L.npz")
    np.testing.assert_array_equal(made[0] == VESSEL, broken(mask, 0) & seen)


def test_a_table_written_from_folders_is_read_back(source, tmp_path):
    entries = read_folders(source)
    write_picture_table(entries, tmp_path / "pictures.csv")
    again, notes = read_csv(tmp_path / "pictures.csv")
    assert not notes
    for one, other in zip(entries, again, strict=True):
        assert (one.name, [path.resolve() for path in one.files]) == (other.name, other.files)


def test_a_probability_map_is_cut_at_one_half_and_a_mask_above_zero(source):
    path = source / "predictions" / "eyes" / NETWORK / "01L.png"
    np.testing.assert_array_equal(read_mask(path, least=0.5), broken(vessels(0), 0))
    assert read_mask(path).all()


def test_a_picture_without_a_mask_is_named(tmp_path):
    folder = write_pictures(tmp_path, ("01L", "02_h"))
    (folder / "eyes" / "masks_1st" / "02_h.png").unlink()
    with pytest.raises(ValueError, match=r"02_h\.png: there is no mask"):
        read_folders(folder)


def test_a_folder_without_pictures_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="has no pictures"):
        read_folders(tmp_path)


def test_a_file_that_is_no_picture_is_named(source, tmp_path):
    folder = write_pictures(tmp_path, ("01L",))
    (folder / "eyes" / "images" / "01L.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"01L\.png: the picture cannot be read"):
        prepare_pictures(read_folders(folder), tmp_path / "cases", tmp_path / "predictions")
