"""DICOM: the geometry of a series is exact, and a segmentation keeps everything except the wall."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

highdicom = pytest.importorskip("highdicom")
import pydicom  # noqa: E402

from engine.dicom_samples import write_seg, write_series  # noqa: E402
from engine.file_samples import ijk_to_lps, labels, write_labels, write_wall  # noqa: E402
from engine.report_samples import SPACING, broken_stack  # noqa: E402
from rncarefine.io.choice import StructureChoice  # noqa: E402
from rncarefine.io.dicom_series import read_series  # noqa: E402
from rncarefine.io.files import check_result, read_case  # noqa: E402
from rncarefine.io.grid import stack_turn  # noqa: E402

CHOICE = StructureChoice(segment="Myokard äö 心", pool_segment="blood pool")
EXPECTED = np.round(broken_stack()[0].image) * 2 - 5


@pytest.mark.parametrize("reverse", [False, True])
def test_series_geometry_is_exact(tmp_path, reverse):
    write_series(tmp_path / "dicom", reverse=reverse)
    for path in (tmp_path / "dicom", next((tmp_path / "dicom").iterdir())):
        series = read_series(path)
        assert np.abs(series.grid.ijk_to_lps - ijk_to_lps()).max() < 1e-4
        assert series.grid.size == (44, 40, 4)
        assert np.array_equal(series.values, EXPECTED)


@pytest.mark.parametrize("times", [True, False])
def test_a_phase_of_a_cine_is_chosen_by_number(tmp_path, times):
    write_series(tmp_path / "dicom", phases=3, times=times)
    listed = r"3 phases. Choose one with --phase: 0: 0 ms, 1: 30.5 ms, 2: 61 ms" if times else "3 phases. Choose"
    with pytest.raises(ValueError, match=listed):
        read_series(tmp_path / "dicom")
    for phase in range(3):
        assert np.array_equal(read_series(tmp_path / "dicom", phase).values, EXPECTED + 2 * phase)
    with pytest.raises(ValueError, match=r"phase 3.*0 to 2"):
        read_series(tmp_path / "dicom", 3)


def test_a_series_with_a_label_map(tmp_path):
    write_series(tmp_path / "dicom")
    case = read_case(tmp_path / "dicom", write_labels(tmp_path / "seg.nii.gz"), StructureChoice(label=2, pool_label=3))
    assert np.array_equal(case.stack.mask, stack_turn(case.grid).apply((labels() == 2).astype(np.uint8)))
    assert case.stack.name == "dicom"


def test_segmentation_keeps_all_but_the_wall(tmp_path):
    instances = write_series(tmp_path / "dicom")
    path = write_seg(tmp_path / "seg.dcm", instances)
    case = read_case(tmp_path / "dicom", path, CHOICE)
    assert np.array_equal(case.stack.mask, labels() == 2)
    assert np.array_equal(case.stack.pool, labels() == 3)
    assert np.array_equal(case.others, labels() == 1)
    _, after = broken_stack()
    check_result(path, tmp_path / "out.dcm", (tmp_path / "dicom",))
    write_wall(case, after, tmp_path / "out.dcm")
    before, result = pydicom.dcmread(path), highdicom.seg.segread(tmp_path / "out.dcm")
    expected = np.stack([after == 1, (labels() == 3) & (after == 0), labels() == 1], axis=-1)
    volume = result.get_volume(allow_missing_positions=True)
    matched = volume.match_geometry(_geometry(volume, instances))
    assert np.array_equal(matched.array != 0, expected)
    assert np.abs(matched.affine - _rows_first(ijk_to_lps())).max() < 1e-4
    for old, new in zip(before.SegmentSequence, result.SegmentSequence, strict=True):
        assert old.SegmentLabel == new.SegmentLabel
        assert old.SegmentedPropertyTypeCodeSequence == new.SegmentedPropertyTypeCodeSequence
        assert old.SegmentedPropertyCategoryCodeSequence == new.SegmentedPropertyCategoryCodeSequence
    assert result.FrameOfReferenceUID == instances[0].FrameOfReferenceUID
    (reference,) = result.ReferencedSeriesSequence
    assert reference.SeriesInstanceUID == instances[0].SeriesInstanceUID
    referenced = {item.ReferencedSOPInstanceUID for item in reference.ReferencedInstanceSequence}
    assert referenced == {dataset.SOPInstanceUID for dataset in instances}
    assert result.SeriesDescription == "contours"
    assert result.ContentLabel == "HEART"
    assert result.SOPInstanceUID != before.SOPInstanceUID
    again = read_case(tmp_path / "dicom", tmp_path / "out.dcm", CHOICE)
    assert np.array_equal(again.stack.mask, after)


def test_the_reader_of_slicer_reads_the_result(tmp_path):
    """Slicer reads DICOM SEG with dcmqi, which writes one file per segment, cropped to the slices that it is in."""
    pytest.importorskip("dcmqi")
    case = read_case(tmp_path / "dicom", write_seg(tmp_path / "seg.dcm", write_series(tmp_path / "dicom")), CHOICE)
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.dcm")
    reader = Path(sysconfig.get_path("scripts")) / "segimage2itkimage"
    files = ("--inputDICOM", tmp_path / "out.dcm", "--outputDirectory", tmp_path, "--outputType", "nrrd")
    subprocess.run([reader, *files], check=True, capture_output=True)
    for number, expected in enumerate((after == 1, (labels() == 3) & (after == 0), labels() == 1), start=1):
        segment = sitk.ReadImage(str(tmp_path / f"{number}.nrrd"))
        places = np.argwhere(sitk.GetArrayFromImage(segment))[:, ::-1]
        read = [segment.TransformIndexToPhysicalPoint(place.tolist()) for place in places]
        written = np.argwhere(expected)[:, ::-1] @ ijk_to_lps()[:3, :3].T + ijk_to_lps()[:3, 3]
        assert np.abs(_sorted(read) - _sorted(written)).max() < 1e-3


def _sorted(points):
    """Return points in LPS in an order that does not depend on the order of the voxels."""
    points = np.round(np.array(points), 3)
    return points[np.lexsort(points.T)]


def test_labelmap_segmentation_is_written_as_binary(tmp_path):
    path = write_seg(tmp_path / "seg.dcm", write_series(tmp_path / "dicom"), kind="LABELMAP")
    assert [item.SegmentNumber for item in pydicom.dcmread(path).SegmentSequence] == [0, 1, 2, 3]
    case = read_case(tmp_path / "dicom", path, CHOICE)
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.dcm")
    again = read_case(tmp_path / "dicom", tmp_path / "out.dcm", CHOICE)
    assert np.array_equal(again.stack.mask, after)
    assert [segment.name for segment in again.segmentation.segments] == [CHOICE.segment, CHOICE.pool_segment, "rv"]


def test_segments_may_have_any_numbers(tmp_path):
    path = write_seg(tmp_path / "seg.dcm", write_series(tmp_path / "dicom"))
    dataset = pydicom.dcmread(path)
    dataset.SegmentSequence.pop(2)
    for item in dataset.SegmentSequence:
        item.SegmentNumber += 4
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber += 4
    dataset.save_as(path)
    case = read_case(tmp_path / "dicom", path, CHOICE)
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.dcm")
    assert np.array_equal(read_case(tmp_path / "dicom", tmp_path / "out.dcm", CHOICE).stack.mask, after)


def test_segments_beyond_the_image_are_cropped_unless_they_are_the_wall(tmp_path):
    path = write_seg(tmp_path / "seg.dcm", write_series(tmp_path / "dicom"))
    dataset = pydicom.dcmread(path)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 3:
            position = group.PlanePositionSequence[0].ImagePositionPatient
            group.PlanePositionSequence[0].ImagePositionPatient = [
                float(value) for value in np.array(position, float) + ijk_to_lps()[:3, 2] * 3
            ]
    dataset.save_as(path)
    case = read_case(tmp_path / "dicom", path, CHOICE)
    assert np.array_equal(case.others[3], labels()[0] == 1)
    assert not case.others[:3].any()
    with pytest.raises(ValueError, match="beyond the image"):
        read_case(tmp_path / "dicom", path, StructureChoice(segment="rv"))


def _rows_first(matrix):
    """Return a matrix from (slice, row, column) to LPS."""
    return matrix[:, [2, 1, 0, 3]]


def _geometry(volume, instances):
    return highdicom.VolumeGeometry(
        affine=_rows_first(ijk_to_lps()),
        spatial_shape=(len(instances), instances[0].Rows, instances[0].Columns),
        coordinate_system=volume.coordinate_system,
        frame_of_reference_uid=instances[0].FrameOfReferenceUID,
    )


def test_frames_that_are_missing_are_empty_slices(tmp_path):
    instances = write_series(tmp_path / "dicom")
    values = labels()
    values[[0, 2]] = 0
    case = read_case(tmp_path / "dicom", write_seg(tmp_path / "seg.dcm", instances, values), CHOICE)
    assert case.stack.mask.any(axis=(1, 2)).tolist() == [False, True, False, True]
    assert np.array_equal(case.stack.mask, values == 2)
    assert case.segmentation.grid.spacing == pytest.approx(SPACING[::-1])


def test_invalid_dicom_raises_in_one_line(tmp_path, monkeypatch):
    instances = write_series(tmp_path / "dicom")
    for prefix in "ab":
        write_series(tmp_path / "two", prefix=prefix)
    gap = tmp_path / "gap"
    write_series(gap)
    min(gap.iterdir(), key=lambda file: abs(pydicom.dcmread(file).InstanceNumber - 2)).unlink()
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.txt").write_text("hello")
    broken = tmp_path / "broken"
    write_series(broken)
    for file in broken.iterdir():
        file.write_bytes(file.read_bytes()[:-100])
    seg, image = write_seg(tmp_path / "seg.dcm", instances), tmp_path / "dicom"
    labelled = write_labels(tmp_path / "seg.nii.gz")
    other = write_series(tmp_path / "other")
    foreign = write_seg(tmp_path / "foreign.dcm", other)
    (tmp_path / "text.dcm").write_text("hello")
    tilted = tmp_path / "o"  # a letter of the message
    write_series(tilted)
    for file in tilted.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.ImageOrientationPatient = [1, 0, 0, 1, 0, 0]
        dataset.save_as(file)
    monkeypatch.chdir(tmp_path)
    for first, second, complaint in (
        ("o", labelled, "ImageOrientationPatient.*Copy"),
        (tmp_path / "none", labelled, "no single-frame DICOM image .*Give the folder"),
        (tmp_path / "two", labelled, r"2 series. Give a file of the short-axis series: a.*cine sax, 4 files"),
        (gap, labelled, "not evenly spaced: some are missing.*Copy"),
        (broken, labelled, "pixels cannot be decoded"),
        (tmp_path / "text.dcm", labelled, "cannot be read"),
        (seg, labelled, "Give the folder of the short-axis series"),
        (image, next(image.iterdir()), r"not a DICOM SEG"),
        (image, foreign, "different frames of reference. Choose the series"),
        (image, image, "is a folder"),
    ):
        choice = StructureChoice(label=2) if second == labelled else CHOICE
        with pytest.raises(ValueError, match=complaint) as raised:
            read_case(first, second, choice)
        assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"must end in \.dcm"):
        check_result(seg, tmp_path / "out.nii.gz")


def test_missing_highdicom_raises(tmp_path, monkeypatch):
    write_series(tmp_path / "dicom")
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(ValueError, match=r'highdicom.*\.venv/bin/pip install -c constraints\.txt "\.\[cli,dicom\]"'):
        read_series(tmp_path / "dicom")
