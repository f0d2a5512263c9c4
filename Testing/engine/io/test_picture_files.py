"""Reading and writing of pictures and masks in all formats."""

import struct

import numpy as np
import pytest
import SimpleITK as sitk

from engine.vessels import tree, with_gap
from rncarefine import read_picture, write_picture
from rncarefine.io.picture_files import check_picture_result, is_picture, read_mask
from rncarefine.io.sample import vessel_sample_files
from rncarefine.nca.card import TUBULAR

MASK = with_gap(tree(), 30, 10).astype(np.uint8)


def written(path, values, colour=False):
    sitk.WriteImage(sitk.GetImageFromArray(values, isVector=colour), str(path))
    return path


@pytest.fixture
def photo(tmp_path):
    noise = np.random.default_rng(0).normal(0, 4, (80, 80, 3))
    return written(tmp_path / "photo.png", np.clip(150 - 60 * MASK[..., None] + noise, 0, 255).astype(np.uint8), True)


@pytest.mark.parametrize("ending", [".png", ".tif", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("on", [1, 255])
def test_a_mask_comes_back_as_it_was_with_the_value_that_vessels_had(photo, tmp_path, ending, on):
    case = read_picture(photo, written(tmp_path / f"mask{ending}", MASK * np.uint8(on)))
    np.testing.assert_array_equal(case.picture.mask, MASK)
    assert case.picture.channels == 3
    write_picture(case, case.picture.mask, tmp_path / f"out{ending}")
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"out{ending}")))
    assert np.unique(back).tolist() == [0, on]
    np.testing.assert_array_equal(read_mask(tmp_path / f"out{ending}"), MASK)


def test_a_volume_of_one_slice_keeps_its_geometry(photo, tmp_path):
    image = sitk.GetImageFromArray(MASK[None] * np.uint8(3))
    image.SetSpacing((0.02, 0.02, 1.0))
    image.SetOrigin((5.0, 6.0, 7.0))
    sitk.WriteImage(image, str(tmp_path / "mask.nii.gz"))
    case = read_picture(photo, tmp_path / "mask.nii.gz", label=3)
    write_picture(case, case.picture.mask, tmp_path / "out.nii.gz")
    back = sitk.ReadImage(str(tmp_path / "out.nii.gz"))
    np.testing.assert_allclose(back.GetSpacing(), (0.02, 0.02, 1.0), atol=1e-6)
    np.testing.assert_allclose(back.GetOrigin(), (5.0, 6.0, 7.0))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back)[0], MASK * 3)


def test_a_probability_map_is_thresholded_at_a_half_and_kept(photo, tmp_path):
    soft = np.where(MASK > 0, 200, 60).astype(np.uint8)
    case = read_picture(photo, written(tmp_path / "soft.png", soft))
    np.testing.assert_array_equal(case.picture.mask, MASK)
    assert case.picture.probability[0, 0] == pytest.approx(60 / 255)
    values = np.where(MASK > 0, 0.7, 0.2).astype(np.float32)
    case = read_picture(photo, written(tmp_path / "soft.nii.gz", values))
    np.testing.assert_array_equal(case.picture.mask, MASK)
    assert case.picture.probability.max() == pytest.approx(0.7)


def test_one_of_several_labels_is_selected(photo, tmp_path):
    two = MASK.copy()
    two[60:70, 60:70] = 2
    path = written(tmp_path / "labels.nii.gz", two)
    with pytest.raises(ValueError, match="--label"):
        read_picture(photo, path)
    np.testing.assert_array_equal(read_picture(photo, path, label=2).picture.mask, two == 2)
    with pytest.raises(ValueError, match="no label 7"):
        read_picture(photo, path, label=7)


@pytest.mark.parametrize("ending", [".png", ".nii.gz"])
def test_other_labels_stay_as_they_are(photo, tmp_path, ending):
    two = MASK.copy()
    two[60:70, 30:40] = 2
    case = read_picture(photo, written(tmp_path / f"labels{ending}", two), label=1)
    np.testing.assert_array_equal(case.picture.others, two == 2)
    wider = case.picture.mask.copy()
    wider[58:65, 35:50], wider[29:32, 5:10] = 1, 0
    write_picture(case, wider, tmp_path / f"out{ending}")
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"out{ending}")))
    np.testing.assert_array_equal(back, np.where(two == 2, 2, wider))


def test_large_values_are_kept_where_the_format_has_them(photo, tmp_path):
    case = read_picture(photo, written(tmp_path / "mask.nrrd", MASK * np.int32(100_000)))
    write_picture(case, case.picture.mask, tmp_path / "out.nrrd")
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nrrd")))
    assert np.unique(back).tolist() == [0, 100_000]
    with pytest.raises(ValueError, match="100000"):
        write_picture(case, case.picture.mask, tmp_path / "out.png")


@pytest.mark.parametrize(
    ("ending", "values"),
    [
        (".png", MASK * np.uint8(60) + np.uint8(5)),
        (".png", MASK * np.uint16(290) + np.uint16(10)),
        (".tif", MASK * np.float32(0.3)),
        (".nii.gz", MASK * np.float32(0.2) + np.float32(0.05)),
    ],
)
def test_a_probability_map_that_never_reaches_a_half_is_no_empty_mask(photo, tmp_path, ending, values):
    path = written(tmp_path / f"low{ending}", values)
    for read in (read_mask, lambda path: read_picture(photo, path)):
        with pytest.raises(ValueError, match="probability map without vessels"):
            read(path)


@pytest.mark.parametrize("ink", [0, 255])
def test_a_mask_drawn_on_a_transparent_layer_is_its_opacity(tmp_path, ink):
    layer = np.stack([MASK * np.uint8(ink)] * 3 + [MASK * np.uint8(255)], axis=-1)
    np.testing.assert_array_equal(read_mask(written(tmp_path / "layer.png", layer, True)), MASK)
    layer[:40, :, :3] = 7
    layer[:40, :, 3] = 255
    with pytest.raises(ValueError, match="transparent"):
        read_mask(written(tmp_path / "part.png", layer, True))


def test_a_photograph_that_is_cut_off_is_refused(photo, tmp_path):
    whole = written(tmp_path / "whole.jpg", sitk.GetArrayFromImage(sitk.ReadImage(str(photo))), True)
    mask = written(tmp_path / "mask.png", MASK)
    assert read_picture(whole, mask).picture.shape == MASK.shape
    for share in (0.3, 0.6, 0.99):
        (tmp_path / "part.jpg").write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        with pytest.raises(ValueError, match="truncated"):
            read_picture(tmp_path / "part.jpg", mask)


def test_mislabelled_files_raise(photo, tmp_path):
    mask = written(tmp_path / "mask.png", MASK)
    jpeg = written(tmp_path / "whole.jpg", sitk.GetArrayFromImage(sitk.ReadImage(str(photo))), True)
    (tmp_path / "renamed.png").write_bytes(jpeg.read_bytes())
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "part.png").write_bytes(photo.read_bytes()[:-200])
    written(tmp_path / "black.png", np.zeros((80, 80, 3), np.uint8), True)
    for name, said in (
        ("renamed", "JPG file"),
        ("empty", "0 bytes"),
        ("folder", "is a folder"),
        ("part", "truncated"),
        ("black", "constant"),
    ):
        with pytest.raises(ValueError, match=rf"{name}\.png.*{said}"):
            read_picture(tmp_path / f"{name}.png", mask)


def tiff_file(path, grey, fields, order="<"):
    """Write a TIFF file by hand, as neither ITK nor Pillow writes grey with transparency and inverted grey."""
    rows, columns = grey.shape[:2]
    entries = {256: columns, 257: rows, 259: 1, 273: 8, 277: 1, 278: rows, 279: grey.size, 258: 8, 262: 1, **fields}
    listed = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in sorted(entries.items()))
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + grey.size)
    path.write_bytes(head + grey.tobytes() + struct.pack(f"{order}H", len(entries)) + listed + bytes(4))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_photographs_that_itk_misreads_are_refused(photo, tmp_path, order):
    mask = written(tmp_path / "mask.png", MASK)
    grey = np.random.default_rng(0).integers(1, 255, MASK.shape, dtype=np.uint8)
    plain = tiff_file(tmp_path / "plain.tif", grey, {}, order)
    np.testing.assert_array_equal(read_picture(plain, mask).picture.image[..., 0], grey)
    both = tiff_file(tmp_path / "alpha.tif", np.stack([grey, grey * 0 + 255], -1), {277: 2, 338: 2}, order)
    inverted = tiff_file(tmp_path / "inverted.tif", grey, {262: 0}, order)
    for path, said in ((both, "transparency"), (inverted, "inverted")):
        with pytest.raises(ValueError, match=f"{path.name}.*{said}.*PNG"):
            read_picture(path, mask)
    np.testing.assert_array_equal(read_mask(tiff_file(tmp_path / "m.tif", MASK * np.uint8(255), {262: 0}, order)), MASK)


@pytest.mark.parametrize("order", ["little", "big"])
def test_a_photograph_stored_on_its_side_is_named_as_such(tmp_path, order):
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    data = written(tmp_path / "photo.jpg", pixels, True).read_bytes()
    mask = written(tmp_path / "mask.png", np.eye(80, 60, dtype=np.uint8))
    for turned, said in ((6, "EXIF"), (1, "Resample")):
        parts = [(42, 2), (8, 4), (2, 2), (0x10F, 2), (2, 2), (1, 4), (0, 4), (0x112, 2), (3, 2), (1, 4), (turned, 2)]
        tiff = (b"II" if order == "little" else b"MM") + b"".join(value.to_bytes(size, order) for value, size in parts)
        exif = b"Exif\0\0" + tiff + bytes(6)
        (tmp_path / "turned.jpg").write_bytes(
            data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
        )
        with pytest.raises(ValueError, match=said):
            read_picture(tmp_path / "turned.jpg", mask)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_small_values_of_a_photograph_may_be_labels_or_no_vessel(photo, tmp_path, ending):
    with pytest.raises(ValueError, match="--label"):
        read_picture(photo, written(tmp_path / f"labels{ending}", MASK * np.uint8(1) + np.roll(MASK, 9)))


def test_what_cannot_be_a_picture_is_refused_with_the_remedy(photo, tmp_path):
    stack = written(tmp_path / "stack.nii.gz", np.zeros((3, 80, 80), np.uint8))
    small = written(tmp_path / "small.png", MASK[:40])
    colour = written(tmp_path / "colour.png", np.stack([MASK * 200, MASK, MASK], axis=-1).astype(np.uint8), True)
    for image, mask, said in (
        (stack, small, "3 slices"),
        (photo, stack, "3 slices"),
        (photo, small, "80 x 40"),
        (photo, colour, "in colour"),
        (photo, tmp_path / "none.png", "no such file"),
        (photo, tmp_path / "mask.seg.nrrd", "label map"),
    ):
        with pytest.raises(ValueError, match=said):
            read_picture(image, mask)


def test_outputs_that_would_lose_something_are_refused(photo, tmp_path):
    for output, said in (
        (tmp_path / "out.jpg", "JPEG"),
        (photo, "never overwritten"),
        (tmp_path / "none" / "out.png", "does not exist"),
        (tmp_path / "out.bmp", "extension"),
        (tmp_path / "out.seg.nrrd", "Choose .png"),
    ):
        with pytest.raises(ValueError, match=said):
            check_picture_result(output, (photo,))
    check_picture_result(tmp_path / "out.png", (photo,))


def test_picture_or_stack_by_file_and_model(photo, tmp_path):
    class Card:
        task = TUBULAR

    slice_ = written(tmp_path / "slice.nii.gz", np.zeros((1, 8, 8), np.float32))
    stack = written(tmp_path / "stack.nii.gz", np.zeros((3, 8, 8), np.float32))
    flat = written(tmp_path / "flat.mha", np.zeros((8, 8), np.float32))
    assert is_picture(photo)
    assert is_picture(flat)
    assert not is_picture(slice_)
    assert is_picture(slice_, Card())
    assert not is_picture(stack, Card())
    assert not is_picture(tmp_path / "none.nii.gz")
    # In a batch, such a case must fail alone.
    (tmp_path / "loop.nii").symlink_to("loop.nii")
    assert not is_picture(tmp_path / "loop.nii")
    assert not is_picture(tmp_path / f"{'n' * 300}.nii")


def test_the_sample_is_a_photograph_with_a_broken_mask_and_small():
    files = vessel_sample_files()
    case = read_picture(files.image, files.broken)
    assert case.picture.shape == (960, 999)
    assert case.picture.probability is None
    assert read_mask(files.truth).sum() > 50_000
    assert sum(path.stat().st_size for path in files) < 700_000
    assert "CC BY 4.0" in (files.image.parent / "ChaseBroken-README.txt").read_text(encoding="utf-8")
