"""NIfTI files that end too early are told from whole ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from rncarefine.io.truncation import check_whole

RNG = np.random.default_rng(0)


def write(path: Path, dtype: type = np.int16) -> Path:
    """Write an image that does not compress to nothing."""
    sitk.WriteImage(sitk.GetImageFromArray(RNG.integers(0, 200, (5, 40, 48)).astype(dtype)), str(path))
    return path


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_a_whole_file_passes(tmp_path, ending, dtype):
    check_whole(write(tmp_path / f"image.{ending}", dtype))


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("lost", [1, 100, 5000])
def test_a_file_that_was_cut_off_does_not(tmp_path, ending, lost):
    path = write(tmp_path / f"image.{ending}")
    path.write_bytes(path.read_bytes()[:-lost])
    sitk.ReadImage(str(path))  # it is read without a word
    with pytest.raises(ValueError, match=r"image.nii.*: the file is cut off.*Copy or download it again"):
        check_whole(path)


def test_the_missing_bytes_are_counted(tmp_path):
    path = write(tmp_path / "image.nii", np.uint8)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=f"has {352 + 9600 - 10} bytes of the {352 + 9600} that its header promises"):
        check_whole(path)


def test_a_file_that_was_compressed_after_it_was_cut_off_does_not_pass(tmp_path):
    whole = write(tmp_path / "image.nii").read_bytes()
    path = tmp_path / "image.nii.gz"
    path.write_bytes(gzip.compress(whole[:-500]))
    with pytest.raises(ValueError, match="the file is cut off, it has"):
        check_whole(path)


def test_damage_inside_a_compressed_file_is_told(tmp_path):
    path = write(tmp_path / "image.nii.gz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cut off or damaged"):
        check_whole(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_headers_of_nifti_2_and_of_either_byte_order_are_read(tmp_path, order):
    header = bytearray(544)
    struct.pack_into(f"{order}i", header, 0, 540)
    struct.pack_into(f"{order}h", header, 14, 16)
    struct.pack_into(f"{order}8q", header, 16, 3, 4, 5, 6, 1, 1, 1, 1)
    struct.pack_into(f"{order}q", header, 168, 544)
    path = tmp_path / "image.nii"
    path.write_bytes(bytes(header) + bytes(4 * 5 * 6 * 2))
    check_whole(path)
    path.write_bytes(bytes(header) + bytes(4 * 5 * 6 * 2 - 1))
    with pytest.raises(ValueError, match="783 bytes of the 784"):
        check_whole(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"hello world" * 100])
def test_what_is_no_nifti_file_is_left_to_its_reader(tmp_path, content):
    path = tmp_path / "image.nii"
    path.write_bytes(content)
    check_whole(path)


def test_other_formats_are_left_to_their_readers(tmp_path):
    check_whole(tmp_path / "not even there.nrrd")


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_whole(tmp_path / "none.nii")
