"""NIfTI files are read exactly, and invalid ones are rejected in one line with a remedy."""

import gzip
import math
import re
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.nifti_samples import SROW, nifti_bytes, write_nifti
from rncarefine.io.label_map import read_label_map, read_volume
from rncarefine.io.nifti import read_nifti

RNG = np.random.default_rng(0)
VALUES = RNG.integers(0, 200, (3, 4, 5)).astype(np.int16)
LABELS = RNG.integers(0, 4, (3, 4, 5)).astype(np.uint8)


def volume(path, **options):
    return read_volume(path, "image", **options)[0]


def refused(path, what="image"):
    """Return the message, which names the file and is one line."""
    with pytest.raises(ValueError) as raised:
        read_volume(path, what) if what == "image" else read_label_map(path)
    message = str(raised.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_every_type_order_and_version_is_read(tmp_path, order, version, dtype):
    values = VALUES.astype(dtype)
    path = write_nifti(tmp_path / "a.nii.gz", values, order=order, version=version)
    assert np.array_equal(volume(path), values)
    assert read_volume(path, "image")[1].spacing == (1.25, 1.25, 8.0)


@pytest.mark.parametrize("name", ["plain.nii.gz", "packed.nii"])
def test_compression_is_detected_from_the_content(tmp_path, name):
    data = nifti_bytes(VALUES)
    (tmp_path / name).write_bytes(data if name == "plain.nii.gz" else gzip.compress(data))
    assert np.array_equal(volume(tmp_path / name), VALUES)


@settings(max_examples=60)
@given(
    codes=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    units=st.sampled_from([0, 1, 2, 3, 10]),
    qfac=st.sampled_from([-1.0, 0.0, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_the_place_in_space_is_the_one_that_itk_and_slicer_read(tmp_path_factory, codes, units, qfac, seed):
    rng = np.random.default_rng(seed)
    spacing = rng.uniform(0.5, 9, 3)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0] * spacing
    path = write_nifti(
        tmp_path_factory.mktemp("place") / "a.nii",
        VALUES,
        codes=codes,
        units=units,
        pixdim=(qfac, *spacing),
        quaternion=(*(rng.normal(size=3) * 0.4), *rng.normal(size=3) * 50),
        srow=np.column_stack([axes, rng.normal(size=3) * 50]),
    )
    header, _ = read_nifti(path, "image")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    matrix = np.reshape(reader.GetDirection(), (3, 3)) * reader.GetSpacing()
    assert np.allclose(header.affine[:3, :3], matrix, rtol=1e-5, atol=1e-5 * np.abs(matrix).max())
    assert np.allclose(header.affine[:3, 3], reader.GetOrigin(), rtol=1e-5)


def test_scaling_is_applied(tmp_path):
    path = write_nifti(tmp_path / "a.nii", VALUES, slope=0.5, intercept=-3)
    assert np.allclose(volume(path), VALUES * 0.5 - 3)
    for slope in (0, math.nan, math.inf):
        assert np.array_equal(volume(write_nifti(tmp_path / "a.nii", VALUES, slope=slope)), VALUES)


def test_one_frame_of_a_series_is_a_stack_and_others_are_chosen(tmp_path):
    one = write_nifti(tmp_path / "one.nii", VALUES[None])
    assert np.array_equal(volume(one), VALUES)
    series = np.stack([VALUES + n for n in range(4)])
    for name in ("a.nii", "a.nii.gz"):
        path = write_nifti(tmp_path / name, series)
        assert "--phase 0 to --phase 3" in (refused(path))
        for phase in range(4):
            assert np.array_equal(volume(path, phase=phase), series[phase])
        with pytest.raises(ValueError, match=r"phase 4.*--phase 0 to --phase 3"):
            read_volume(path, "image", phase=4)


def test_sform_of_unit_vectors_takes_pixdim_spacing(tmp_path):
    rows = ((-1, 0, 0, 0), (0, -1, 0, 0), (0, 0, 1, 0))
    path = write_nifti(tmp_path / "a.nii.gz", VALUES, srow=rows, codes=(0, 2), pixdim=(0, 1.5625, 1.5625, 10), units=0)
    found = read_volume(path, "image")[1].spacing
    assert found == pytest.approx((1.5625, 1.5625, 10))
    assert sitk.ReadImage(str(path)).GetSpacing() == pytest.approx(found)


def test_trailing_bytes_are_ignored_and_checksums_verified(tmp_path):
    path = write_nifti(tmp_path / "a.nii.gz", VALUES)
    whole = path.read_bytes()
    for rest in (b"\0\0\0", b"garbage", whole):
        path.write_bytes(whole + rest)
        assert np.array_equal(volume(path), VALUES)
    path.write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:] + b"garbage")
    assert "damaged" in refused(path)


# What is refused


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"vox_offset": 0}, "vox_offset is 0, the minimum is 352"),
        ({"vox_offset": math.inf}, "vox_offset is inf"),
        ({"vox_offset": math.nan}, "vox_offset is nan"),
        ({"vox_offset": -1e30}, "vox_offset"),
        ({"srow": np.full((3, 4), math.nan)}, "no valid geometry .*Copy the header"),
        ({"srow": np.full((3, 4), math.inf)}, "no valid geometry"),
        ({"pixdim": (1, math.nan, 1, 1), "codes": (0, 0)}, "no valid geometry"),
        ({"pixdim": (1, 1.25, 1.25, 0), "srow": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0))}, "no slice direction"),
        ({"pixdim": (0, 0, 0, 0), "srow": np.zeros((3, 4))}, "axes of zero length"),
        ({"srow": np.full((3, 4), math.nan)}, "the header of another file of the same stack"),
        ({"pixdim": (0, 0, 0, 0), "codes": (0, 0)}, "has no spacing .*set the spacing in mm"),
        ({"pixdim": (1, -1.25, 1.25, 8), "codes": (1, 0)}, "negative spacing"),
        ({"pixdim": (1, 1, 1, 1)}, r"two spacings: 1 x 1 x 1 mm \(pixdim\) and 1.25 x 1.25 x 8 mm \(sform\)"),
        (
            {"srow": ((-1.25, 0, 1.2, 0), (0, -1.25, -0.8, 0), (0, 0, 8, 0)), "pixdim": (1, 0, 0, 0)},
            "sheared by 8.* deg",
        ),
        (
            {"srow": np.diag([0.00125, 0.00125, 0.008, 1])[:3], "pixdim": (1, 0.00125, 0.00125, 0.008)},
            "in metres, or marked as micrometres",
        ),
        ({"units": 3}, "spacing of 0.00125 x 0.00125 x 0.008 mm, possibly in metres, or marked as micrometres"),
        ({"units": 1}, "spacing of 1250 x 1250 x 8000 mm, possibly in micrometres, or marked as metres"),
        ({"srow": np.diag([1e-6, 1e-6, 1e-6, 1])[:3], "pixdim": (1, 1e-6, 1e-6, 1e-6)}, "0.05 to 20 mm in plane"),
        ({"pixdim": (1, 1.25, 1.25, 1e30), "codes": (1, 0)}, "spacing of 1.25 x 1.25 x 1e.30 mm"),
        ({"pixdim": (1, 25, 25, 25), "codes": (1, 0)}, "spacing of 25 x 25 x 25 mm"),
        ({"magic": b"ni1\0"}, r"separate file \(.img\)"),
        ({"magic": b"abc\0"}, "not a NIfTI file"),
        ({"datatype": 1536}, "numbers of 128 bits"),
        ({"datatype": 7}, "unknown type"),
        ({"datatype": 16}, "datatype 16 with 16 bits"),
        ({"dim": (5, 4, -3)}, "the header is damaged"),
        ({"dim": (30000, 30000, 3000)}, "too many for a short-axis stack"),
        ({"dim": (5, 4, 30)}, "the file is truncated: 472 of 1552 bytes"),
        ({"dim": (5, 4, 1, 1, 3)}, "3 values per voxel"),
        ({"dim": (5, 12)}, "2 dimensions, a stack has 3"),
    ],
)
def test_a_damaged_or_implausible_header_is_refused(tmp_path, options, complaint):
    path = write_nifti(tmp_path / "a.nii.gz", VALUES, **options)
    assert re.search(complaint, refused(path)), refused(path)


def test_complex_numbers_and_colours_are_refused(tmp_path):
    path = write_nifti(tmp_path / "a.nii", VALUES.astype(np.complex64))
    assert "complex" in refused(path)
    rgb = np.zeros((3, 4, 15), np.uint8)
    path = write_nifti(tmp_path / "a.nii", rgb, dim=(5, 4, 3), datatype=128)
    assert "contains colours" in refused(path)


def test_small_shear_is_accepted(tmp_path):
    srow = np.array(SROW, float)
    srow[0, 2] = 0.08
    path = write_nifti(tmp_path / "a.nii", VALUES, srow=srow, codes=(0, 2), pixdim=(1, 1.25, 1.25, math.hypot(8, 0.08)))
    header, _ = read_nifti(path, "image")
    assert np.allclose(header.affine[:3], [[1.25, 0, -0.08, -10], [0, 1.25, 0, -20], [0, 0, 8, 30]], atol=1e-5)
    assert np.array_equal(volume(path), VALUES)


@pytest.mark.parametrize("lost", [1, 50, 100])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_that_was_cut_off_is_refused(tmp_path, name, lost):
    path = write_nifti(tmp_path / name, VALUES)
    data = path.read_bytes()
    path.write_bytes(data[:-lost])
    assert "truncated" in refused(path)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(nifti_bytes(VALUES)[:-lost]))
    assert "truncated" in refused(tmp_path / "b.nii.gz")


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", b"hello world" * 100, gzip.compress(b"", mtime=0), gzip.compress(b"x" * 999, mtime=0)],
    ids=["empty", "short", "text", "packed nothing", "packed text"],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_what_is_no_image_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path / name)
    assert "download" in message
    assert ("0 bytes" in message) == (content == b"")


def test_a_link_to_itself_is_no_file(tmp_path):
    (tmp_path / "loop.nii.gz").symlink_to("loop.nii.gz")
    with pytest.raises(ValueError, match=r"loop\.nii\.gz"):
        read_volume(tmp_path / "loop.nii.gz", "image")


# Labels


def test_labels_that_scaling_has_moved_a_little_are_labels(tmp_path):
    path = write_nifti(tmp_path / "a.nii.gz", (LABELS * 85).astype(np.uint8), slope=0.0117647)
    found = read_label_map(path)
    assert np.array_equal(found.values, LABELS)
    values = found.values.copy()
    values[0] = 3
    found = type(found)(found.path, found.stored, values, found.grid)
    found.write(tmp_path / "b.nii.gz")
    before, after = (gzip.decompress((tmp_path / name).read_bytes()) for name in ("a.nii.gz", "b.nii.gz"))
    assert before[:352] == after[:352]
    assert set(after[352:372]) == {255}
    assert before[372:] == after[372:]
    soft = write_nifti(tmp_path / "soft.nii.gz", (LABELS * 0.34).astype(np.float32))
    assert "whole numbers" in refused(soft, "label map")


def test_nan_in_labels_is_refused(tmp_path):
    values = LABELS.astype(np.float32)
    values[0, 0, 0] = math.nan
    assert "1 NaN" in refused(write_nifti(tmp_path / "a.nii", values), "label map")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_label_map_keeps_its_header_byte_for_byte(tmp_path, version, order):
    path = write_nifti(tmp_path / "a.nii", LABELS.astype(np.int16), version=version, order=order, codes=(1, 4))
    found = read_label_map(path)
    found.write(tmp_path / "b.nii")
    assert (tmp_path / "b.nii").read_bytes() == path.read_bytes()
    found.write(tmp_path / "c.nii.gz")
    assert gzip.decompress((tmp_path / "c.nii.gz").read_bytes()) == path.read_bytes()
    (size,) = struct.unpack(f"{order}i", path.read_bytes()[:4])
    assert size == (348 if version == 1 else 540)
