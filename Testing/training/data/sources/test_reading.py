"""Reading a stack with its label maps: what fits, and which file is named where something does not."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from rncarefine_training.data.sources.entry import Entry
from rncarefine_training.data.sources.reading import read_entry
from training.toy_data import SPACING, failed, toy_case
from training.toy_lab import write_volume

CASE = toy_case("a")


@pytest.fixture
def entry(tmp_path):
    return Entry(
        "line 2",
        "a",
        "ED",
        write_volume(tmp_path / "image.nii.gz", CASE.image),
        write_volume(tmp_path / "label.nrrd", CASE.labels),
        {"ours": write_volume(tmp_path / "made.mha", failed(CASE.labels))},
    )


def test_arrays_and_spacing_are_read_in_the_order_of_the_slices(entry):
    read = read_entry(entry)
    np.testing.assert_array_equal(read.image, CASE.image)
    np.testing.assert_array_equal(read.label, CASE.labels)
    np.testing.assert_array_equal(read.predictions["ours"], failed(CASE.labels))
    assert read.spacing == pytest.approx(SPACING)
    assert read.image.dtype == np.float32


def test_orientation_is_kept_as_it_is_stored(tmp_path, entry):
    for path in (entry.image, entry.label, *entry.predictions.values()):
        picture = sitk.ReadImage(str(path))
        picture.SetDirection((0, 0, 1, -1, 0, 0, 0, -1, 0))
        sitk.WriteImage(picture, str(path))
    np.testing.assert_array_equal(read_entry(entry).image, CASE.image)


@pytest.mark.parametrize("which", ["label", "made"])
@pytest.mark.parametrize(
    "changes", [{"spacing": (8.0, 1.6, 1.7)}, {"origin": (0, 0, 8)}, {"values": CASE.labels[:, :-1]}]
)
def test_a_label_map_on_another_grid_is_named_with_both_grids(tmp_path, entry, which, changes):
    values = {"values": CASE.labels} | changes
    path = write_volume(tmp_path / "moved.nii.gz", values.pop("values"), **values)
    wrong = replace(entry, label=path) if which == "label" else replace(entry, predictions={"ours": path})
    with pytest.raises(ValueError, match=r"moved\.nii\.gz.*image\.nii\.gz"):
        read_entry(wrong)


def test_a_header_that_was_rounded_is_no_other_grid(tmp_path, entry):
    path = write_volume(tmp_path / "rounded.nii.gz", CASE.labels, spacing=(8.0, 1.6, 1.60001))
    assert read_entry(replace(entry, label=path)).label.shape == CASE.labels.shape


def test_a_sequence_is_refused_by_name(tmp_path, entry):
    path = write_volume(tmp_path / "cine.nii.gz", np.stack([CASE.image] * 2), (1.0, *SPACING))
    with pytest.raises(ValueError, match=r"cine\.nii\.gz.*\b4\b"):
        read_entry(replace(entry, image=path))


def test_probabilities_are_no_labels(tmp_path, entry):
    path = write_volume(tmp_path / "soft.nii.gz", CASE.labels * np.float32(0.4))
    with pytest.raises(ValueError, match=r"soft\.nii\.gz"):
        read_entry(replace(entry, label=path))


def test_an_image_with_holes_in_its_grey_values_is_named(tmp_path, entry):
    image = CASE.image.copy()
    image[0, 0, 0] = np.nan
    path = write_volume(tmp_path / "nan.nrrd", image)
    with pytest.raises(ValueError, match=r"nan\.nrrd"):
        read_entry(replace(entry, image=path))


def test_slicers_segmentations_are_refused_with_the_remedy(tmp_path, entry):
    path = write_volume(tmp_path / "s.seg.nrrd", CASE.labels)
    with pytest.raises(ValueError, match=r"s\.seg\.nrrd"):
        read_entry(replace(entry, label=path))
