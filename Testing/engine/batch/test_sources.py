"""Detection of changed files and settings of a finished case."""

import hashlib
import os
import shutil
from dataclasses import replace

import pytest

from rncarefine.batch.cases import CohortCase
from rncarefine.batch.sources import case_source, difference


@pytest.fixture
def case(tmp_path):
    (tmp_path / "i.nrrd").write_bytes(b"image")
    (tmp_path / "s.nrrd").write_bytes(b"mask")
    return CohortCase("p1", tmp_path / "i.nrrd", tmp_path / "s.nrrd", label="2")


def test_a_case_is_described_by_path_size_time_and_hash_of_its_files(case):
    source = case_source(case)
    assert source["image"] == {
        "path": str(case.image),
        "bytes": 5,
        "modified_ns": case.image.stat().st_mtime_ns,
        "sha256": hashlib.sha256(b"image").hexdigest(),
    }
    assert (source["segment"], source["pool"]) == ("2", None)


def test_the_same_files_make_no_difference(case):
    assert difference(case, case_source(case)) == ""


def test_a_copy_with_another_time_and_place_makes_no_difference(case, tmp_path):
    source = case_source(case)
    (tmp_path / "copy").mkdir()
    copy = (tmp_path / "copy" / "mask.nrrd").resolve()
    copy.write_bytes(b"mask")
    os.utime(copy, (1, 1))
    assert difference(replace(case, segmentation=copy), source) == ""


@pytest.mark.parametrize("content", [b"MASK", b"longer"])
def test_another_content_is_noticed(case, content):
    source = case_source(case)
    case.segmentation.write_bytes(content)
    os.utime(case.segmentation, (1, 1))
    assert difference(case, source) == f"the segmentation {case.segmentation} has changed"


@pytest.mark.parametrize("image", ["series", "series/2.dcm"])
def test_a_change_of_a_dicom_series_is_noticed(case, tmp_path, image):
    (tmp_path / "series").mkdir()
    for name in "123":
        (tmp_path / "series" / f"{name}.dcm").write_bytes(name.encode())
    case = replace(case, image=tmp_path / image)
    source = case_source(case)
    assert difference(case, source) == ""
    shutil.copytree(tmp_path / "series", tmp_path / "copy", copy_function=shutil.copyfile)
    assert difference(replace(case, image=tmp_path / image.replace("series", "copy")), source) == ""
    (tmp_path / "copy" / "3.dcm").write_bytes(b"4")  # of the same size, and older
    os.utime(tmp_path / "copy" / "3.dcm", (1, 1))
    changed = replace(case, image=tmp_path / image.replace("series", "copy"))
    assert difference(changed, source) == f"the image {changed.image} has changed"
    (tmp_path / "series" / "3.dcm").unlink()
    assert difference(case, source) == f"the image {case.image} has changed"


def test_another_segment_is_noticed(case):
    assert difference(replace(case, label="3"), case_source(case)) == "the segment has changed from '2' to '3'"
    assert difference(replace(case, pool="4"), case_source(case)) == "the pool has changed from None to '4'"


def test_a_label_is_the_same_however_a_spreadsheet_writes_it(case):
    assert difference(replace(case, label="2.0"), case_source(case)) == ""
    assert difference(replace(case, label="nan"), case_source(replace(case, label="nan"))) == ""
    assert difference(replace(case, label="myo"), case_source(case)) != ""


def test_a_choice_that_does_not_apply_to_the_file_makes_no_difference(case):
    assert difference(replace(case, segment="myo"), case_source(case)) == ""


def test_what_is_not_known_makes_no_difference(case, tmp_path):
    assert difference(case, {}) == ""
    gone = replace(case, image=tmp_path / "gone.nrrd", segmentation=None)
    assert case_source(gone)["image"] is None
    assert difference(gone, case_source(case)) == ""
    assert difference(case, case_source(gone)) == ""
