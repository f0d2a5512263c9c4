"""Label maps and .seg.nrrd files: read on the image's grid, and written with everything else unchanged."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk

from engine.file_samples import (
    MYOCARDIUM,
    ORIGIN,
    POOL,
    RV,
    ijk_to_lps,
    labels,
    named_segment,
    right_ventricle,
    volume,
    write_image,
    write_labels,
    write_segmentation,
    write_segments,
    write_wall,
)
from engine.report_samples import SHAPE, SPACING, broken_stack
from rncarefine.io import label_map
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import check_result, read_case, stem_of
from rncarefine.reasons import ReasonCode

ENDINGS = ["nii", "nii.gz", "nrrd", "mha"]
BY_LABEL = StructureChoice(label=MYOCARDIUM, pool_label=POOL)
BY_NAME = StructureChoice(segment="myocardium", pool_segment="blood pool")


def array(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def label_case(folder, ending="nrrd", values=None, choice=BY_LABEL):
    return read_case(write_image(folder / "case.nrrd"), write_labels(folder / f"seg.{ending}", values), choice)


def segment_case(folder, choice=BY_NAME):
    return read_case(write_image(folder / "case.nii.gz"), write_segmentation(folder / "s.seg.nrrd"), choice)


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


def test_a_segmentation_with_layers_reads_by_name_id_and_careless_case(tmp_path):
    image, path = write_image(tmp_path / "case.nrrd"), write_segmentation(tmp_path / "s.seg.nrrd")
    for name in ("myocardium", "Segment_2", "MYOCARDIUM"):
        case = read_case(image, path, StructureChoice(segment=name, pool_segment="blood pool"))
        assert np.array_equal(case.stack.mask, broken_stack()[0].mask)
        assert np.array_equal(case.stack.pool, labels() == POOL)
        assert case.others is None
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


def test_the_only_label_or_segment_is_the_default_and_the_pool_does_not_count(tmp_path):
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


def test_a_label_map_of_many_structures_is_none(tmp_path):
    values = labels().astype(np.int16)
    values[values == 0] = (
        np.repeat(np.arange(10, 10 + values.shape[1]), values.shape[2])[None]
        .repeat(len(values), axis=0)
        .reshape(values.shape)[values == 0]
    )
    path = write_labels(tmp_path / "s.nrrd", values)
    case = read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(label=2))
    assert case.stack.mask.sum() == (labels() == 2).sum()


def test_segments_of_one_name_are_told_apart_by_id(tmp_path):
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


# Writing label maps


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_label_map_keeps_its_place_type_and_every_other_label(tmp_path, ending, dtype):
    case = label_case(tmp_path, ending, labels().astype(dtype))
    stack, after = broken_stack()
    assert set(labels()[(after == 1) & (stack.mask == 0)]) == {0, RV, POOL}  # what the wall takes voxels from
    write_wall(case, after, tmp_path / f"out.{ending}")
    before, result = (sitk.ReadImage(str(tmp_path / f"{name}.{ending}")) for name in ("seg", "out"))
    assert result.GetPixelID() == before.GetPixelID()
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(result, get)(), getattr(before, get)(), atol=1e-6)
    expected = labels()
    expected[3, 2:4, 3:6] = 0
    expected[after == 1] = MYOCARDIUM
    assert np.array_equal(array(tmp_path / f"out.{ending}"), expected)


@pytest.mark.parametrize(("background", "wall"), [(-1, 0), (-1, MYOCARDIUM), (7, MYOCARDIUM)])
def test_a_background_of_another_number_than_0_stays_the_background(tmp_path, background, wall):
    values, (stack, after) = labels().astype(np.int16), broken_stack()
    plain = label_case(tmp_path, "nii.gz", values)
    other = np.where(values == 0, background, np.where(values == MYOCARDIUM, wall, values))
    case = label_case(tmp_path, "nii.gz", other, StructureChoice(label=wall, pool_label=POOL))
    assert np.array_equal(case.others, plain.others)
    write_wall(case, after, tmp_path / "out.nii.gz")
    result = array(tmp_path / "out.nii.gz")
    assert (result[(stack.mask == 1) & (after == 0)] == background).all()
    assert np.array_equal(result == wall, after)


def test_without_background_no_label_of_a_tight_crop_is_taken_for_one(tmp_path):
    # Of 3 labels in 100 voxels none prevails; the wall is the most frequent.
    values = np.repeat([1, MYOCARDIUM, POOL], (30, 40, 30)).reshape(1, 10, 10)
    assert label_map.LabelMap(tmp_path, None, values, None).labels() == sorted({1, MYOCARDIUM, POOL})


@pytest.mark.parametrize("ending", ENDINGS)
def test_most_of_a_wall_may_go_and_the_rest_keeps_its_label(tmp_path, ending):
    case = label_case(tmp_path, ending)
    stack, _ = broken_stack()
    after = stack.mask.copy()
    after[1:3] = 0
    after[:, :, : stack.shape[2] // 2] = 0
    after[0, 0, -3:] = 1
    assert 0 < (after & stack.mask).sum() < 0.5 * stack.mask.sum()
    write_wall(case, after, tmp_path / f"out.{ending}")
    assert np.array_equal(array(tmp_path / f"out.{ending}") == MYOCARDIUM, after)


def test_metadata_of_the_same_format_is_kept(tmp_path):
    sitk.WriteImage(volume(labels(), patient_note="7 of 9"), str(tmp_path / "seg.nrrd"))
    case = read_case(write_image(tmp_path / "case.nrrd"), tmp_path / "seg.nrrd", BY_LABEL)
    write_wall(case, broken_stack()[1], tmp_path / "out.nrrd")
    assert sitk.ReadImage(str(tmp_path / "out.nrrd")).GetMetaData("patient_note") == "7 of 9"


def test_the_trimmed_pool_becomes_background(tmp_path):
    values = labels()
    values[0:3, 1:4, 1:3] = POOL
    case = label_case(tmp_path, values=values)
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "kept.nrrd")
    assert (array(tmp_path / "kept.nrrd")[0:3, 1:4, 1:3] == POOL).all()
    write_wall(case, after, tmp_path / "cut.nrrd", trim_slices=[0, 1])
    result = array(tmp_path / "cut.nrrd")
    assert (result[0:2, 1:4, 1:3] == 0).all()
    assert (result[2, 1:4, 1:3] == POOL).all()
    assert np.array_equal(result[:, 10:30, 12:28], array(tmp_path / "kept.nrrd")[:, 10:30, 12:28])


# Writing .seg.nrrd


def test_a_repaired_segmentation_keeps_every_header_field_and_every_other_segment(tmp_path):
    case = segment_case(tmp_path)
    stack, after = broken_stack()
    # The gap is part RV in the same layer; without that part the wall can stay in its layer.
    after = after & ~(right_ventricle(stack) & (stack.mask == 0))
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    (old, before), (new, header) = (nrrd.read(str(tmp_path / f"{name}.seg.nrrd")) for name in ("s", "out"))
    assert {key: str(value) for key, value in header.items()} == {
        key: str(np.array(value) if key == "sizes" else value) for key, value in before.items()
    }
    assert new.dtype == old.dtype
    out = tmp_path / "out.seg.nrrd"
    assert np.array_equal(named_segment(out, "myocardium"), after)
    assert np.array_equal(named_segment(out, "rv"), labels() == RV)
    assert np.array_equal(named_segment(out, "blood pool"), (labels() == POOL) & (after == 0))
    assert np.array_equal(named_segment(out, "plan"), named_segment(tmp_path / "s.seg.nrrd", "plan"))


def test_a_wall_that_overlaps_another_segment_moves_to_a_layer_of_its_own(tmp_path):
    case = segment_case(tmp_path)
    _, after = broken_stack()
    assert (after * (labels() == RV)).any()
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    out, before = (dict(nrrd.read_header(str(tmp_path / f"{name}.seg.nrrd"))) for name in ("out", "s"))
    assert list(out["sizes"]) == [3, 44, 40, 4]
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "myocardium"), after)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "rv"), labels() == RV)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "blood pool"), (labels() == POOL) & (after == 0))
    changed = {key for key in before if str(np.array(before[key])) != str(np.array(out[key]))}
    assert changed == {"sizes", "Segment1_Layer"}


def test_a_single_layer_becomes_two_where_it_must(tmp_path):
    image = write_image(tmp_path / "case.nrrd")
    path = write_segments(
        tmp_path / "s.seg.nrrd",
        [("rv", 0, RV), ("wall", 0, MYOCARDIUM)],
        np.where(labels() == POOL, 0, labels())[None],
        thicknesses=[1.0, 1.0, 8.0],
    )
    case = read_case(image, path, StructureChoice(segment="wall"))
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "wall"), after)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "rv"), labels() == RV)
    again = read_case(image, tmp_path / "out.seg.nrrd", StructureChoice(segment="wall"))
    assert np.array_equal(again.stack.mask, after)


def test_a_pool_that_was_not_given_is_another_segment(tmp_path):
    case = segment_case(tmp_path, StructureChoice(segment="myocardium"))
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "blood pool"), labels() == POOL)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "myocardium"), after)


def test_a_cropped_segmentation_grows_when_the_wall_does(tmp_path):
    stack, after = broken_stack()
    part = stack.mask[:, 8:33, 12:30]
    path = write_segments(tmp_path / "s.seg.nrrd", [("wall", 0, 1)], part[None], first=(12, 8, 0))
    image = write_image(tmp_path / "case.nrrd")
    case = read_case(image, path)
    assert after[1, 18:22, 30:].any()
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    again = read_case(image, tmp_path / "out.seg.nrrd")
    assert np.array_equal(again.stack.mask, after)
    header = nrrd.read_header(str(tmp_path / "out.seg.nrrd"))
    assert header["Segmentation_ReferenceImageExtentOffset"] == "0 0 0"
    write_wall(case, stack.mask * case.stack.mask, tmp_path / "same.seg.nrrd")
    assert list(nrrd.read_header(str(tmp_path / "same.seg.nrrd"))["sizes"]) == [18, 25, 4]


def test_when_a_file_grows_every_segment_stays_where_it_was(tmp_path):
    stack, after = broken_stack()
    wall = stack.mask[:, 8:33, 12:30].copy()
    wall[0, 0, 0] = 2
    other = np.zeros_like(wall)
    other[1:3, 4:9, 3:7] = 1
    names = [("mark", 0, 2), ("wall", 0, 1), ("other", 1, 1)]
    extents = {"Segment0_Extent": "0 0 0 0 0 0", "Segment2_Extent": "3 6 4 8 1 2"}
    path = write_segments(tmp_path / "s.seg.nrrd", names, np.stack([wall, other]), first=(12, 8, 0), **extents)
    case = read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(segment="wall"))
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    header = nrrd.read_header(str(tmp_path / "out.seg.nrrd"))
    # Slicer may read a layer by the extent of its first segment, so the whole layer has the one the wall needs.
    assert header["Segment0_Extent"] == header["Segment1_Extent"] == "0 43 0 39 0 3"
    assert header["Segment2_Extent"] == "15 18 12 16 1 2"
    found = in_slicer(tmp_path / "out.seg.nrrd")
    assert np.array_equal(voxels_in(found["wall"]["lps"]), after)
    assert np.argwhere(voxels_in(found["mark"]["lps"])).tolist() == [[0, 8, 12]]
    assert voxels_in(found["other"]["lps"])[1:3, 12:17, 15:19].all()
    assert len(found["other"]["lps"]) == 2 * 5 * 4


SLICER = """
import json, sys
import numpy as np, slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
logic = slicer.vtkSlicerSegmentationsModuleLogic()
logic.SetMRMLScene(scene)
node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node)
found = {}
for index in range(node.GetSegmentation().GetNumberOfSegments()):
    segment = node.GetSegmentation().GetNthSegment(index)
    image = segment.GetRepresentation("Binary labelmap")
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    to_ras = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    extent = image.GetExtent()
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    kji = np.argwhere(values == segment.GetLabelValue()) + [extent[4], extent[2], extent[0]]
    ijk1 = np.column_stack([kji[:, ::-1], np.ones(len(kji))])
    lps = (ijk1 @ to_ras.T)[:, :3] * [-1, -1, 1]
    status = vtk.reference("")
    segment.GetTag("Segmentation.Status", status)
    found[segment.GetName()] = {"lps": lps.tolist(), "color": segment.GetColor(), "status": str(status)}
print(json.dumps(found))
"""


def in_slicer(path):
    """Return the segments as Slicer's own reader places them in space; skip where its libraries are missing."""
    done = subprocess.run([sys.executable, "-c", SLICER, str(path)], capture_output=True, text=True, check=False)
    if "No module named 'slicer'" in done.stderr:
        pytest.skip("slicer-core is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def voxels_in(points):
    """Return points (LPS) as voxels of the stack, shape (k, j, i)."""
    mask = np.zeros(SHAPE, np.uint8)
    ijk = np.column_stack([np.reshape(points, (-1, 3)), np.ones(len(points))]) @ np.linalg.inv(ijk_to_lps()).T
    assert np.abs(ijk - ijk.round()).max() < 1e-3
    i, j, k = ijk.round().astype(int)[:, :3].T
    mask[k, j, i] = 1
    return mask


def test_slicer_reads_the_layered_result_in_place(tmp_path):
    case = segment_case(tmp_path)
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    found = in_slicer(tmp_path / "out.seg.nrrd")
    assert list(found) == ["rv", "myocardium", "blood pool", "plan"]
    assert np.array_equal(voxels_in(found["myocardium"]["lps"]), after)
    assert np.array_equal(voxels_in(found["rv"]["lps"]), labels() == RV)
    assert np.allclose(found["blood pool"]["color"], (0.5, 1, 0.811765), atol=1e-5)
    assert found["myocardium"]["status"] == "inprogress"


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


def test_it_is_another_label_as_before(tmp_path):
    without, given = (label_case(tmp_path, choice=replace(BY_LABEL, rv_label=rv)).others for rv in (None, RV))
    assert np.array_equal(without, given)


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
