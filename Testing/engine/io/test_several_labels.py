"""Several labels or segments, such as wall and scar, form one wall, and each keeps its voxels."""

import numpy as np
import pytest

from engine.file_samples import MYOCARDIUM, POOL, labels, named_segment, write_image, write_segments, write_wall
from engine.file_samples import write_labels as write_label_map
from engine.report_samples import broken_stack
from rncarefine.io.choice import StructureChoice, parse_label_list
from rncarefine.io.files import read_case
from rncarefine.io.label_map import read_label_map

SCAR = 7
BY_LABEL = StructureChoice(label=(MYOCARDIUM, SCAR), pool_label=POOL)


def scarred():
    """Return the label map of the broken stack with scar in the lower half of its wall and in the loose piece."""
    values = labels()
    below = np.zeros(values.shape, bool)
    below[:, 20:] = True
    below[3, :6, :10] = True
    values[(values == MYOCARDIUM) & below] = SCAR
    return values


@pytest.fixture
def by_label(tmp_path):
    image, path = write_image(tmp_path / "case.nrrd"), write_label_map(tmp_path / "seg.nrrd", scarred())
    return read_case(image, path, BY_LABEL)


def test_wall_is_the_union_of_its_labels(by_label):
    assert np.array_equal(by_label.stack.mask, broken_stack()[0].mask)
    assert not by_label.others[scarred() == SCAR].any()
    assert by_label.others[labels() == 1].all()


def test_scar_stays_scar_and_added_voxels_get_the_first_label(by_label, tmp_path):
    after = broken_stack()[1]
    write_wall(by_label, after, tmp_path / "out.nrrd")
    result, before = read_label_map(tmp_path / "out.nrrd").values, scarred()
    kept = (before == SCAR) & (after == 1)
    assert kept.sum() > 300
    assert np.array_equal(result == SCAR, kept)
    assert np.array_equal(result == MYOCARDIUM, (after == 1) & ~kept)
    assert (result[(before == SCAR) & (after == 0)] == 0).all()


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("wanted", [("wall", "scar, old"), ("wall,b",), ("wall; b",), ("Segment_1", "b")])
def test_segment_names_with_and_without_commas(tmp_path, layers, wanted):
    values = scarred()
    place = 0 if layers == 1 else 1
    planes = [values] if layers == 1 else [np.where(values == SCAR, 0, values), np.where(values == SCAR, SCAR, 0)]
    scar = "scar, old" if wanted[-1] == "scar, old" else "b"
    segments = [("wall", 0, MYOCARDIUM), ("pool", 0, POOL), (scar, place, SCAR), ("rv", 0, 1)]
    path = write_segments(tmp_path / "s.seg.nrrd", segments, planes)
    case = read_case(write_image(tmp_path / "case.nrrd"), path, segment=wanted, pool_segment="pool")
    after = broken_stack()[1]
    assert np.array_equal(case.stack.mask, broken_stack()[0].mask)
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    kept = (values == SCAR) & (after == 1)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", scar) != 0, kept)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "wall") != 0, (after == 1) & ~kept)
    assert np.array_equal(named_segment(tmp_path / "out.seg.nrrd", "rv") != 0, labels() == 1)


def test_a_dicom_segmentation_keeps_the_scar(tmp_path):
    highdicom = pytest.importorskip("highdicom")
    from engine.dicom_samples import write_seg, write_series

    instances = write_series(tmp_path / "dicom")
    path = write_seg(tmp_path / "seg.dcm", instances)
    case = read_case(tmp_path / "dicom", path, segment=("Myokard äö 心", "3"), pool_segment="blood pool")
    third = labels() == 1
    before = (labels() == MYOCARDIUM) | third
    assert np.array_equal(case.stack.mask, before)
    after = np.maximum(broken_stack()[1], third).astype(np.uint8)
    after[:, :, 36:] = 0
    write_wall(case, after, tmp_path / "out.dcm")
    result = read_case(tmp_path / "dicom", tmp_path / "out.dcm", segment="3", pool_segment="blood pool")
    assert np.array_equal(result.stack.mask, third & (after == 1))
    wall = read_case(tmp_path / "dicom", tmp_path / "out.dcm", segment="Myokard äö 心", pool_segment="blood pool")
    assert np.array_equal(wall.stack.mask, (after == 1) & ~third)
    assert len(highdicom.seg.segread(tmp_path / "out.dcm").SegmentSequence) == 3


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (StructureChoice(label=(MYOCARDIUM, 9)), "no label 9"),
        (StructureChoice(label=(MYOCARDIUM, POOL), pool_label=POOL), "cannot be both"),
        (StructureChoice(label=(MYOCARDIUM, 0)), "no label 0"),
    ],
)
def test_a_label_that_cannot_be_part_of_the_wall_is_refused(tmp_path, choice, said):
    image, path = write_image(tmp_path / "case.nrrd"), write_label_map(tmp_path / "seg.nrrd", scarred())
    with pytest.raises(ValueError, match=said):
        read_case(image, path, choice)


def test_choices_are_equal_whichever_way_one_label_is_given():
    assert StructureChoice(label=[2]) == StructureChoice(label=2) == StructureChoice(label=(2, 2))
    assert StructureChoice(segment=["a"]) == StructureChoice(segment="a")
    assert StructureChoice(label=(2, 4)).labels == (2, 4)
    assert StructureChoice().labels == StructureChoice(label=()).labels == ()
    assert parse_label_list("2; 4") == parse_label_list("2,4") == parse_label_list(" 2 4 ") == (2, 4)


@pytest.mark.parametrize("text", ["", "two", "2,x", "2.5", "nan", "2,-,4"])
def test_what_is_no_list_of_labels_is_refused(text):
    with pytest.raises(ValueError, match="whole number"):
        parse_label_list(text)


def test_labels_as_text_are_the_same_as_numbers(by_label, tmp_path):
    image, path = tmp_path / "case.nrrd", tmp_path / "seg.nrrd"
    texts = {"label": [f"{MYOCARDIUM}", np.int64(SCAR)], "pool_label": f"{POOL}", "rv_label": "1.0"}
    assert np.array_equal(read_case(image, path, **texts).stack.mask, by_label.stack.mask)
    assert StructureChoice(f"{MYOCARDIUM},{SCAR}", pool_label=f"{POOL}") == BY_LABEL


@pytest.mark.parametrize("given", [{"label": "wall"}, {"pool_label": "1,2"}, {"rv_label": "right"}])
def test_a_text_that_is_no_label_is_named(given):
    with pytest.raises(ValueError, match=next(iter(given.values()))):
        StructureChoice(**given)
