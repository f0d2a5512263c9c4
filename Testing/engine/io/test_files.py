"""Label maps and .seg.nrrd files are read on the image's grid; invalid input and outputs are refused."""

import os
import re
import sys
from dataclasses import replace

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk

from engine.file_samples import (
    BY_LABEL,
    BY_NAME,
    ENDINGS,
    MYOCARDIUM,
    ORIGIN,
    POOL,
    RV,
    array,
    label_case,
    labels,
    named_segment,
    segment_case,
    volume,
    write_image,
    write_labels,
    write_segmentation,
    write_segments,
    write_wall,
)
from engine.report_samples import SPACING, broken_stack
from rncarefine.io import label_map
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import check_result, read_case, stem_of
from rncarefine.io.sample import sample_files
from rncarefine.reasons import ReasonCode

# Reading


@pytest.mark.parametrize("ending", [*ENDINGS, "mhd", "nhdr"])
def test_every_format_reads_as_the_same_stack(tmp_path, ending):
    image, segmentation = write_image(tmp_path / f"case.{ending}"), write_labels(tmp_path / f"seg.{ending}")
    case = read_case(image, segmentation, BY_LABEL)
    stack, _ = broken_stack()
    assert np.allclose(case.stack.image, stack.image, atol=1e-3)
    assert np.array_equal(case.stack.mask, stack.mask)
    assert np.array_equal(case.stack.pool, labels() == POOL)
    assert np.array_equal(case.others, labels() == RV)
    assert np.allclose(case.stack.spacing, SPACING, atol=1e-5)
    assert case.stack.name == "case"


def test_segments_are_found_by_name_id_and_any_case(tmp_path):
    image, path = write_image(tmp_path / "case.nrrd"), write_segmentation(tmp_path / "s.seg.nrrd")
    for name in ("myocardium", "Segment_2", "MYOCARDIUM"):
        case = read_case(image, path, StructureChoice(segment=name, pool_segment="blood pool"))
        assert np.array_equal(case.stack.mask, broken_stack()[0].mask)
        assert np.array_equal(case.stack.pool, labels() == POOL)
        # The plan covers most of the wall, so it does not compete with it.
        assert np.array_equal(case.others, labels() == RV)
    plan = read_case(image, path, StructureChoice(segment="plan")).stack
    assert plan.mask.sum() == 4 * 20 * 20
    assert plan.pool is None


def test_a_cropped_segmentation_is_put_where_it_belongs(tmp_path):
    stack, _ = broken_stack()
    part = stack.mask[1:, 8:33, 10:36]
    path = write_segments(tmp_path / "s.seg.nrrd", [("wall", 0, 7)], part[None] * 7, first=(10, 8, 1))
    case = read_case(write_image(tmp_path / "case.nrrd"), path)
    expected = np.zeros_like(stack.mask)
    expected[1:, 8:33, 10:36] = part
    assert np.array_equal(case.stack.mask, expected)


def test_a_segmentation_larger_than_the_image_is_read_and_kept(tmp_path):
    stack, after = broken_stack()
    large = np.pad(stack.mask, ((1, 2), (3, 4), (5, 6)))
    large[0, 0, 0] = 2
    names = [("wall", 0, 1), ("mark", 0, 2)]
    path = write_segments(tmp_path / "s.seg.nrrd", names, large[None], first=(-5, -3, -1))
    case = read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(segment="wall"))
    assert np.array_equal(case.stack.mask, stack.mask)
    assert not case.others.any()
    write_wall(case, after, tmp_path / "o.seg.nrrd")
    assert np.array_equal(named_segment(tmp_path / "o.seg.nrrd", "mark"), large == 2)
    assert np.array_equal(named_segment(tmp_path / "o.seg.nrrd", "wall")[1:-2, 3:-4, 5:-6], after)
    large[0, 5, 5] = 1
    write_segments(path, names, large[None], first=(-5, -3, -1))
    with pytest.raises(ValueError, match=r"'wall'.*beyond"):
        read_case(tmp_path / "case.nrrd", path, StructureChoice(segment="wall"))


def test_right_anterior_superior_files_are_understood(tmp_path):
    path = write_segmentation(tmp_path / "s.seg.nrrd")
    voxels, header = nrrd.read(str(path))
    header["space"] = "right-anterior-superior"
    header["space origin"] = header["space origin"] * [-1, -1, 1]
    header["space directions"] = header["space directions"] * [-1, -1, 1]
    nrrd.write(str(path), voxels, header)
    case = read_case(write_image(tmp_path / "case.nrrd"), path, BY_NAME)
    assert np.array_equal(case.stack.mask, broken_stack()[0].mask)
    write_wall(case, broken_stack()[1], tmp_path / "o.seg.nrrd")
    again = read_case(tmp_path / "case.nrrd", tmp_path / "o.seg.nrrd", BY_NAME)
    assert np.array_equal(again.stack.mask, broken_stack()[1])


def test_only_label_or_segment_is_the_default(tmp_path):
    image = write_image(tmp_path / "case.nrrd")
    stack, _ = broken_stack()
    only = write_labels(tmp_path / "only.nrrd", stack.mask * 5)
    assert np.array_equal(read_case(image, only).stack.mask, stack.mask)
    both = write_labels(tmp_path / "both.nrrd", np.where(labels() == RV, 0, labels()))
    assert np.array_equal(read_case(image, both, StructureChoice(pool_label=POOL)).stack.mask, stack.mask)
    layers = np.where(labels() == RV, 0, labels())[None]
    named = write_segments(tmp_path / "n.seg.nrrd", [("a", 0, MYOCARDIUM), ("b", 0, POOL)], layers)
    assert np.array_equal(read_case(image, named, StructureChoice(pool_segment="b")).stack.mask, stack.mask)


# What is refused


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        (StructureChoice(), r"has the labels 1, 2, 3\. Choose the myocardium with --label"),
        (StructureChoice(label=9), r"no label 9 for the myocardium; it has 1, 2, 3\. Change --label"),
        (StructureChoice(label=2, pool_label=2), "both myocardium and blood pool"),
        (StructureChoice(segment="myocardium"), "is a label map. Use --label"),
    ],
)
def test_an_unclear_label_is_refused_with_the_labels_there_are(tmp_path, choice, complaint):
    with pytest.raises(ValueError, match=complaint):
        label_case(tmp_path, choice=choice)


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        (StructureChoice(), "has the segments 'rv', 'myocardium', 'blood pool', 'plan'. Choose the myocardium"),
        (StructureChoice(segment="wall"), "no segment 'wall' for the myocardium; it has 'rv'"),
        (StructureChoice(segment="rv", pool_segment="rv"), "both myocardium and blood pool"),
        (StructureChoice(label=2), "has named segments. Use --segment"),
    ],
)
def test_an_unclear_segment_is_refused_with_the_names_there_are(tmp_path, choice, complaint):
    with pytest.raises(ValueError, match=complaint):
        segment_case(tmp_path, choice)


def test_an_image_in_place_of_the_label_map_is_refused(tmp_path):
    noise = np.random.default_rng(0).normal(100, 20, labels().shape).astype(np.int16)
    path = write_labels(tmp_path / "s.nrrd", noise)
    with pytest.raises(ValueError, match="it is an image") as raised:
        read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(label=100))
    assert str(path) in str(raised.value)


def test_label_map_of_many_structures_is_read(tmp_path):
    values = labels().astype(np.int16)
    values[values == 0] = (
        np.repeat(np.arange(10, 10 + values.shape[1]), values.shape[2])[None]
        .repeat(len(values), axis=0)
        .reshape(values.shape)[values == 0]
    )
    path = write_labels(tmp_path / "s.nrrd", values)
    case = read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(label=2))
    assert case.stack.mask.sum() == (labels() == 2).sum()


def test_segments_of_one_name_are_selected_by_id(tmp_path):
    image = write_image(tmp_path / "case.nrrd")
    path = write_segments(tmp_path / "s.seg.nrrd", [("a", 0, RV), ("a", 0, MYOCARDIUM)], labels()[None])
    with pytest.raises(ValueError, match=r"'a'.*--segment: Segment_1, Segment_2"):
        read_case(image, path, StructureChoice(segment="a"))
    assert (
        read_case(image, path, StructureChoice(segment="Segment_2")).stack.mask.sum() == (labels() == MYOCARDIUM).sum()
    )


@pytest.mark.parametrize("what", ["spacing", "origin", "direction", "size"])
def test_a_label_map_on_another_grid_is_refused_with_both_geometries(tmp_path, what):
    moved = volume(labels())
    if what == "spacing":
        moved.SetSpacing((1.25, 1.5, 8.2))
    elif what == "origin":
        moved.SetOrigin((ORIGIN[0] + 0.7, *ORIGIN[1:]))
    elif what == "direction":
        moved.SetDirection(np.eye(3).ravel())
    else:
        moved = moved[:, :, :3]
    sitk.WriteImage(moved, str(tmp_path / "seg.nrrd"))
    remedy = "Resample" if what == "size" else "copy the image's header to the label map"
    with pytest.raises(ValueError, match=r"seg\.nrrd.*Label map: size.*Image: size \(44, 40, 4\)") as raised:
        read_case(write_image(tmp_path / "case.nrrd"), tmp_path / "seg.nrrd", BY_LABEL)
    assert remedy in str(raised.value)
    assert ("Resample" in str(raised.value)) == (what == "size")


@pytest.mark.parametrize("lost", ["case.nrrd", "seg.nrrd"])
def test_the_file_whose_header_was_lost_is_the_one_to_correct(tmp_path, lost):
    write_image(tmp_path / "case.nrrd")
    write_labels(tmp_path / "seg.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(array(tmp_path / lost)), str(tmp_path / lost))
    remedy = "image.CopyInformation(labels)" if lost == "case.nrrd" else "labels.CopyInformation(image)"
    with pytest.raises(ValueError, match=re.escape(remedy)):
        read_case(tmp_path / "case.nrrd", tmp_path / "seg.nrrd", BY_LABEL)


def test_rounding_in_headers_is_not_another_grid(tmp_path):
    moved = volume(labels())
    moved.SetOrigin(np.array(ORIGIN) + 0.004)
    moved.SetSpacing((1.2501, 1.4999, 8.0))
    sitk.WriteImage(moved, str(tmp_path / "seg.nrrd"))
    case = read_case(write_image(tmp_path / "case.nrrd"), tmp_path / "seg.nrrd", BY_LABEL)
    assert np.array_equal(case.stack.mask, broken_stack()[0].mask)


def test_a_segmentation_between_the_voxels_of_the_image_is_refused(tmp_path):
    path = write_segmentation(tmp_path / "s.seg.nrrd")
    voxels, header = nrrd.read(str(path))
    header["space origin"] = header["space origin"] + 0.4
    nrrd.write(str(path), voxels, header)
    with pytest.raises(ValueError, match=r"(?s)Segmentation: .*Image: "):
        read_case(write_image(tmp_path / "case.nrrd"), path, BY_NAME)


def test_a_sequence_of_slicer_needs_a_phase(tmp_path):
    image = volume(broken_stack()[0].image)
    sitk.WriteImage(sitk.Compose([image, image + 1, image + 2]), str(tmp_path / "case.seq.nrrd"))
    text = (tmp_path / "case.seq.nrrd").read_bytes()
    (tmp_path / "case.seq.nrrd").write_bytes(text.replace(b"kinds: vector", b"kinds: list", 1))
    seg = write_labels(tmp_path / "seg.nrrd")
    with pytest.raises(ValueError, match="3 phases with --phase 0 to --phase 2"):
        read_case(tmp_path / "case.seq.nrrd", seg, BY_LABEL)
    first, last = (
        read_case(tmp_path / "case.seq.nrrd", seg, label=MYOCARDIUM, phase=phase).stack.image for phase in (0, 2)
    )
    assert np.allclose(last - first, 2)


def test_files_of_the_wrong_kind_are_refused(tmp_path):
    image, seg = write_image(tmp_path / "case.nrrd"), write_labels(tmp_path / "seg.nrrd")
    cine = sitk.JoinSeries([volume(broken_stack()[0].image)] * 3)
    sitk.WriteImage(cine, str(tmp_path / "cine.nii.gz"))
    sitk.WriteImage(sitk.Compose([volume(labels())] * 3), str(tmp_path / "vector.nrrd"))
    sitk.WriteImage(volume(labels())[:, :, 0], str(tmp_path / "flat.nrrd"))
    write_labels(tmp_path / "soft.nrrd", labels() * 0.3)
    write_labels(tmp_path / "empty.nrrd", labels() * 0)
    (tmp_path / "text.nrrd").write_text("hello")
    (tmp_path / "text.seg.nrrd").write_text("hello")
    (tmp_path / "image.png").write_text("")
    for first, second, complaint in (
        ("cine.nii.gz", "seg.nrrd", r"the image has 4 dimensions.*single frame"),
        ("flat.nrrd", "seg.nrrd", r"2 spatial axes, a stack has 3.*a volume of one slice"),
        ("vector.nrrd", "seg.nrrd", "3 values per voxel"),
        ("case.nrrd", "cine.nii.gz", r"the label map has 4 dimensions(?!.*--phase)"),
        ("case.nrrd", "soft.nrrd", "not whole numbers.*Threshold"),
        ("case.nrrd", "empty.nrrd", r"empty\.nrrd: the label map is empty.*--label"),
        ("case.nrrd", "missing.nrrd", "there is no such file"),
        ("missing.nii", "seg.nrrd", "there is no such file"),
        ("case.nrrd", "missing.seg.nrrd", "there is no such file"),
        ("text.nrrd", "seg.nrrd", "not an NRRD file"),
        ("case.nrrd", "text.seg.nrrd", "not an NRRD file"),
        ("image.png", "seg.nrrd", "extension must be one of"),
        ("text.seg.nrrd", "seg.nrrd", "Give the image first"),
        ("seg.nrrd", "seg.nrrd", "4 intensities.*label map"),
    ):
        with pytest.raises(ValueError, match=complaint) as raised:
            read_case(tmp_path / first, tmp_path / second, BY_LABEL if "seg.nrrd" == second else StructureChoice())
        assert "\n" not in str(raised.value)
    assert image.exists()
    assert seg.exists()


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_a_label_map_with_many_labels_is_no_image(tmp_path, kind):
    shape = broken_stack()[0].shape
    corners = np.random.default_rng(0).integers(0, 118, (shape[0], 8, 8))
    parcels = np.kron(corners, np.ones((1, 16, 16), int))[:, : shape[1], : shape[2]].astype(kind)
    write_labels(tmp_path / "parcels.nrrd", parcels)
    with pytest.raises(ValueError, match=r"may be a label map\. Give the image first"):
        read_case(tmp_path / "parcels.nrrd", write_labels(tmp_path / "seg.nrrd"), BY_LABEL)


@pytest.mark.parametrize("bits", [6, 8])
def test_an_image_of_few_bits_is_an_image(tmp_path, bits):
    files = sample_files()
    image = sitk.ReadImage(str(files.image))
    values = sitk.GetArrayFromImage(image).astype(float)
    coarse = sitk.GetImageFromArray((values / values.max() * (2**bits - 1)).astype(np.uint8))
    coarse.CopyInformation(image)
    sitk.WriteImage(coarse, str(tmp_path / "coarse.nrrd"))
    case = read_case(tmp_path / "coarse.nrrd", files.broken, StructureChoice(segment="myocardium"))
    assert case.stack.image.max() == 2**bits - 1


def test_a_negative_spacing_is_named_where_it_is_given(tmp_path):
    write_image(tmp_path / "case.mha")
    data = (tmp_path / "case.mha").read_bytes()
    (tmp_path / "case.mha").write_bytes(data.replace(b"ElementSpacing = 1.25", b"ElementSpacing = -1.25"))
    with pytest.raises(ValueError, match=r"case\.mha.*negative spacing"):
        read_case(tmp_path / "case.mha", write_labels(tmp_path / "seg.nrrd"), BY_LABEL)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("name", ["case.nii", "seg.nii", "case.dcm", "seg.dcm"])
def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path, name):
    pytest.importorskip("highdicom")
    files = {"case": write_image(tmp_path / "case.nrrd"), "seg": write_labels(tmp_path / "seg.nrrd")}
    os.mkfifo(tmp_path / name)
    files[name[:-4]] = tmp_path / name
    with pytest.raises(ValueError, match=rf"{name}: there is no such file"):
        read_case(files["case"], files["seg"], StructureChoice())


def test_an_empty_segment_and_a_fractional_segmentation_are_refused(tmp_path):
    image = write_image(tmp_path / "case.nrrd")
    empty = write_segments(tmp_path / "e.seg.nrrd", [("wall", 0, 9)], labels()[None])
    with pytest.raises(ValueError, match="myocardium is empty"):
        read_case(image, empty)
    soft = write_segments(
        tmp_path / "f.seg.nrrd",
        [("wall", 0, 1)],
        labels()[None],
        Segmentation_MasterRepresentation="Fractional labelmap",
    )
    with pytest.raises(ValueError, match="'Fractional labelmap'"):
        read_case(image, soft)
    nrrd.write(str(tmp_path / "none.seg.nrrd"), labels(), {"space": "left-posterior-superior"})
    with pytest.raises(ValueError, match=r"none\.seg\.nrrd"):
        read_case(image, tmp_path / "none.seg.nrrd")


# Outputs


def test_outputs_that_cannot_be_are_refused_before_the_work(tmp_path):
    seg, named = tmp_path / "seg.nii.gz", tmp_path / "s.seg.nrrd"
    image = tmp_path / "case.nrrd"
    for path in (seg, named, image):
        path.write_bytes(b"x")
    (tmp_path / "link.nii.gz").symlink_to(seg)
    for source, output, complaint in (
        (seg, seg, "is never overwritten. Choose another name"),
        (seg, tmp_path / "link.nii.gz", "never overwritten"),
        (seg, image, "never overwritten"),
        (seg, tmp_path / "out.seg.nrrd", r"end in \.nii, \.nii\.gz, \.nrrd or \.mha"),
        (named, tmp_path / "out.nrrd", r"must end in \.seg\.nrrd"),
        (seg, tmp_path / "out.mhd", r"two files. Choose \.nrrd or \.mha"),
        (seg, tmp_path / "out.png", "extension must be one of"),
        (seg, tmp_path / "no" / "out.nii", "does not exist. Create it first"),
    ):
        with pytest.raises(ValueError, match=complaint):
            check_result(source, output, (image,))
    check_result(seg, tmp_path / "out.mha", (image,))


def test_a_path_that_is_no_text_is_refused_before_it_ends_the_process(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("This file system has no such names.")
    image, seg = write_image(tmp_path / "case.nrrd"), write_labels(tmp_path / "seg.nrrd")
    image.rename(f"{folder}/case.nrrd")
    with pytest.raises(ValueError, match=r"M\\udcfcller/case.nrrd'.*UTF-8") as raised:
        read_case(f"{folder}/case.nrrd", seg, BY_LABEL)
    str(raised.value).encode("utf-8")
    with pytest.raises(ValueError, match="UTF-8"):
        check_result(seg, f"{folder}/out.nrrd")


@pytest.mark.parametrize("kind", ["label map", "segments"])
def test_a_full_disk_leaves_the_earlier_result_and_no_trace(tmp_path, monkeypatch, kind):
    case = label_case(tmp_path) if kind == "label map" else segment_case(tmp_path)
    output = tmp_path / ("out.nrrd" if kind == "label map" else "out.seg.nrrd")
    output.write_text("earlier")

    def half(path, data):
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(type(output), "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        write_wall(case, broken_stack()[1], output)
    assert output.read_text() == "earlier"
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", ["out.nrrd", "out.mha"])
def test_a_label_map_that_does_not_read_back_is_not_kept(tmp_path, monkeypatch, name):
    case = label_case(tmp_path)
    write = sitk.WriteImage
    monkeypatch.setattr(label_map.sitk, "WriteImage", lambda image, path, **more: write(image * 0, path, **more))
    monkeypatch.setattr(label_map, "nrrd_bytes", lambda *arguments: b"NRRD0004\n")
    with pytest.raises(OSError, match=rf"^{re.escape(name)} does not read back"):
        write_wall(case, broken_stack()[1], tmp_path / name)
    assert not (tmp_path / name).exists()


def test_names_lose_their_whole_ending(tmp_path):
    assert [stem_of(tmp_path / name) for name in ("a.b.nii.gz", "c.seg.nrrd", "d.MHA")] == ["a.b", "c", "d"]


# The right ventricle, for the segments of the report


def test_the_right_ventricle_is_read_by_label_and_by_name(tmp_path):
    by_label = label_case(tmp_path, choice=replace(BY_LABEL, rv_label=RV)).stack
    by_name = segment_case(tmp_path, choice=replace(BY_NAME, rv_segment="rv")).stack
    for stack in (by_label, by_name):
        assert np.array_equal(stack.right_ventricle, labels() == RV)
        assert stack.notes == ()
    assert label_case(tmp_path).stack.right_ventricle is None


@pytest.mark.parametrize(
    ("case", "choice", "option"),
    [
        (label_case, replace(BY_LABEL, rv_label=MYOCARDIUM), "--rv-label"),
        (label_case, replace(BY_LABEL, rv_label=POOL), "--rv-label"),
        (label_case, replace(BY_LABEL, rv_segment="rv"), "--rv-label"),
        (segment_case, replace(BY_NAME, rv_segment="myocardium"), "--rv-segment"),
        (segment_case, replace(BY_NAME, rv_label=RV), "--rv-segment"),
    ],
    ids=["the wall", "the pool", "a name in a label map", "the wall by name", "a label of named segments"],
)
def test_what_cannot_be_the_right_ventricle_is_refused(tmp_path, case, choice, option):
    with pytest.raises(ValueError, match=option):
        case(tmp_path, choice=choice)


def test_a_right_ventricle_that_is_not_there_is_noted(tmp_path):
    for case in (
        label_case(tmp_path, choice=replace(BY_LABEL, rv_label=77)),
        segment_case(tmp_path, choice=replace(BY_NAME, rv_segment="atrium")),
    ):
        assert case.stack.right_ventricle is None
        assert [note.code for note in case.stack.notes] == [ReasonCode.RV_NOT_FOUND]


@pytest.mark.parametrize("order", ["LPS", "RAS", "LAS", "RPS"])
def test_the_stack_knows_whether_its_axes_are_right_handed(tmp_path, order):
    picture = sitk.DICOMOrient(sitk.ReadImage(str(write_image(tmp_path / "case.nrrd"))), order)
    marked = sitk.DICOMOrient(sitk.ReadImage(str(write_labels(tmp_path / "seg.nrrd"))), order)
    for image, name in ((picture, "turned.nrrd"), (marked, "turned_seg.nrrd")):
        sitk.WriteImage(image, str(tmp_path / name))
    case = read_case(tmp_path / "turned.nrrd", tmp_path / "turned_seg.nrrd", BY_LABEL)
    i, j, k = case.grid.ijk_to_lps[:3, :3].T
    assert case.stack.right_handed is bool(np.dot(np.cross(i, j), k) > 0)
