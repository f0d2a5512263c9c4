"""Label maps and .seg.nrrd files are written with everything but wall and pool unchanged."""

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk

from engine.file_samples import (
    BY_LABEL,
    ENDINGS,
    MYOCARDIUM,
    POOL,
    RV,
    array,
    label_case,
    labels,
    named_segment,
    right_ventricle,
    segment_case,
    volume,
    write_image,
    write_segments,
    write_wall,
)
from engine.report_samples import broken_stack
from engine.slicer_reader import in_slicer, voxels_in
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import read_case

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


def test_header_fields_and_other_segments_are_kept(tmp_path):
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


def test_overlapping_wall_gets_its_own_layer(tmp_path):
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
