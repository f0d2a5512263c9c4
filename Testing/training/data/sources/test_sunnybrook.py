"""Sunnybrook Cardiac Data: stacks with both contours, and stacks of which the inner contour alone is known."""

import numpy as np
import pytest
import SimpleITK as sitk

from rncarefine_training.data.cases import MYOCARDIUM, POOL, RV
from rncarefine_training.data.sources.sunnybrook import (
    INNER,
    INNER_ONLY,
    PHASES,
    SPACING_MM,
    is_sunnybrook,
    read_inner_contours,
    read_sunnybrook,
    write_sample,
)


def write_png(path, values, colour=False):
    """Write a grey PNG, or the same in RGB as some of the data set's pictures are stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(values, np.uint8)
    picture = sitk.GetImageFromArray(np.stack([pixels] * 3, -1) if colour else pixels, isVector=colour)
    sitk.WriteImage(picture, str(path))


def pictures(seed, count, shape=(12, 14)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *shape)), rng.integers(0, 4, (count, *shape))


@pytest.fixture
def labelled(tmp_path):
    """Return a folder with images and labels of two subjects."""
    for seed, subject in enumerate(("SC-HF-I-05", "SC-N-03")):
        images, labels = pictures(seed, 3)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            write_png(tmp_path / INNER / "images" / f"{subject}_{number:02d}.png", image, colour=bool(seed))
            write_png(tmp_path / INNER / "labels" / f"{subject}_{number:02d}.png", label, colour=bool(seed))
    return tmp_path


def write_inner(folder, subject, phase, slices, group="train", seed=7, colour=True):
    """Write pictures of one phase, whose names count 20 phases per slice, and their inner contours."""
    images, _ = pictures(seed, len(slices))
    pools = np.random.default_rng(seed).integers(0, 2, images.shape)
    for k, image, pool in zip(slices, images, pools, strict=True):
        name = f"{subject}-IM-0001-{k * PHASES + phase:04d}.dcm.png"
        write_png(folder / INNER_ONLY / group / "Images" / subject / name, image, colour)
        write_png(folder / INNER_ONLY / group / "Labels" / subject / name, 255 * pool, colour)
    return images, pools


# Both contours


@pytest.mark.parametrize("inside", [True, False])
def test_stacks_with_both_contours_are_read_in_order(labelled, inside):
    folder = labelled / INNER if inside else labelled
    assert is_sunnybrook(folder)
    cases = list(read_sunnybrook(folder))
    assert [(case.name, case.subject) for case in cases] == [("SC-HF-I-05_ED", "SC-HF-I-05"), ("SC-N-03_ED", "SC-N-03")]
    for seed, case in enumerate(cases):
        images, labels = pictures(seed, 3)
        np.testing.assert_array_equal(case.image, images)
        np.testing.assert_array_equal(case.labels, labels)
        assert case.spacing == SPACING_MM
        assert (case.image.dtype, case.labels.dtype) == (np.float32, np.uint8)


def test_a_folder_without_images_is_an_error(tmp_path):
    assert not is_sunnybrook(tmp_path)
    with pytest.raises(ValueError, match="images"):
        list(read_sunnybrook(tmp_path))


def test_an_image_without_labels_is_an_error_that_names_it(labelled):
    (labelled / INNER / "labels" / "SC-N-03_01.png").unlink()
    with pytest.raises(ValueError, match=r"SC-N-03_01\.png"):
        list(read_sunnybrook(labelled))


# The inner contour alone


@pytest.mark.parametrize("colour", [True, False])
def test_an_inner_contour_becomes_a_case_whose_labels_are_pool_alone(labelled, colour):
    images, pools = write_inner(labelled, "SC-HF-I-07", 4, (2, 3, 4), colour=colour)
    (case,) = read_inner_contours(labelled)
    assert (case.name, case.subject) == ("ENDO-HF-I-07_04", "ENDO-HF-I-07")
    np.testing.assert_array_equal(case.image, images)
    np.testing.assert_array_equal(case.labels, pools * POOL)
    assert not np.isin(case.labels, (MYOCARDIUM, RV)).any()
    assert case.spacing == SPACING_MM
    assert (case.image.dtype, case.labels.dtype) == (np.float32, np.uint8)


def test_every_phase_is_a_case_and_slices_come_in_their_order(labelled):
    first, _ = write_inner(labelled, "SC-N-40", 0, (9, 10, 11))
    second, _ = write_inner(labelled, "SC-N-40", 8, (9, 10), group="val", seed=8)
    cases = {case.name: case for case in read_inner_contours(labelled)}
    assert set(cases) == {"ENDO-N-40_00", "ENDO-N-40_08"}
    # Slices 9 and 10 are pictures 180 and 200: their order is that of numbers.
    np.testing.assert_array_equal(cases["ENDO-N-40_00"].image, first)
    np.testing.assert_array_equal(cases["ENDO-N-40_08"].image, second)


def test_subjects_whose_outer_contour_is_known_too_are_left_out(labelled):
    write_inner(labelled, "SC-N-03", 0, (1, 2))
    write_inner(labelled, "SC-N-05", 0, (1, 2))
    assert [case.subject for case in read_inner_contours(labelled)] == ["ENDO-N-05"]


def test_a_stack_with_a_missing_slice_is_left_out(labelled):
    write_inner(labelled, "SC-N-05", 0, (1, 3))
    write_inner(labelled, "SC-N-05", 8, (1, 2))
    assert [case.name for case in read_inner_contours(labelled)] == ["ENDO-N-05_08"]


def test_pictures_of_other_names_are_ignored(labelled):
    assert not list(read_inner_contours(labelled))
    write_png(labelled / INNER_ONLY / "train" / "Images" / "x" / "SC-odd.png", np.zeros((4, 4)))
    assert not list(read_inner_contours(labelled))


# The sample data


def test_the_sample_is_image_broken_segmentation_and_truth(labelled, tmp_path):
    case = next(read_sunnybrook(labelled))
    broken = np.where(case.labels == MYOCARDIUM, 0, case.labels).astype(np.uint8)
    image, segmentation, truth = write_sample(case, broken, tmp_path)
    read = sitk.ReadImage(str(image))
    assert read.GetSpacing() == pytest.approx(SPACING_MM[::-1])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), case.image)
    for path, labels in ((segmentation, broken), (truth, case.labels)):
        kept = np.where(np.isin(labels, (MYOCARDIUM, POOL)), labels, 0)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), kept)
