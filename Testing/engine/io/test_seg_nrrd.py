"""Segmentations of 3D Slicer: names, layouts and headers are kept."""

import bz2
import gzip

import numpy as np
import pytest

from engine.file_samples import labels, write_image, write_segments, write_wall
from engine.report_samples import broken_stack
from engine.slicer_reader import in_slicer, voxels_in
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import read_case
from rncarefine.io.nrrd_file import read_nrrd
from rncarefine.io.seg_nrrd import read_seg_nrrd

NAMES = ("Miocárdio VE \u2013 Höhle 心肌", 'Cavité & <b>sang</b> "ES"', "back\\slash")


def rewritten(path, change):
    """Change the text of a header; the voxels stay."""
    head, _, voxels = path.read_bytes().partition(b"\n\n")
    path.write_bytes(
        change(head.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape") + b"\n\n" + voxels
    )
    return path


def segmentation(folder, name="s.seg.nrrd", **fields):
    return write_segments(folder / name, [("rv", 0, 1), ("wall", 0, 2), ("pool", 0, 3)], labels()[None], **fields)


def test_review_segments_of_an_earlier_repair_are_no_others(tmp_path):
    path = segmentation(tmp_path, Segment0_Tags="RNCARefine.Review:added|RNCARefine.ReviewOf:Segment_2|")
    assert read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(segment="wall")).others.tolist() == (
        (labels() == 3).astype(int).tolist()
    )


def named(folder):
    """Write a segmentation with names beyond ASCII."""
    path = segmentation(folder)

    def rename(text):
        for before, after in zip(("Name:=rv", "Name:=wall", "Name:=pool"), NAMES, strict=True):
            text = text.replace(before, "Name:=" + after.replace("\\", "\\\\"))
        return text

    return rewritten(path, rename)


def old_layout(folder):
    """Write a segmentation as Slicer 4.10 did: one component per segment, neither layers nor label values."""
    values = labels()
    layers = np.stack([values == 3, values == 2, values == 1]).astype(np.uint8)
    path = write_segments(folder / "old.seg.nrrd", [("pool", 0, 1), ("wall", 1, 1), ("rv", 2, 1)], layers)
    return rewritten(
        path,
        lambda text: "\n".join(line for line in text.split("\n") if "_Layer" not in line and "_LabelV" not in line),
    )


def notes(path):
    return read_nrrd(path).header.notes


def test_names_beyond_ascii_are_found_and_kept_byte_for_byte(tmp_path):
    image, path = write_image(tmp_path / "case.nrrd"), named(tmp_path)
    for wanted in ("Segment_2", NAMES[1], NAMES[1].upper()):
        case = read_case(image, path, StructureChoice(segment=wanted, pool_segment=NAMES[2]))
        assert np.array_equal(case.stack.mask, labels() == 2)
        write_wall(case, broken_stack()[1], tmp_path / "out.seg.nrrd")
        before = {line for line in path.read_bytes().split(b"\n") if b"_Name:=" in line or b"_Tags:=" in line}
        after = {
            line
            for line in (tmp_path / "out.seg.nrrd").read_bytes().split(b"\n")
            if b"_Name:=" in line or b"_Tags:=" in line
        }
        assert before == after
    assert set(in_slicer(tmp_path / "out.seg.nrrd")) == set(NAMES)


def test_bytes_that_are_no_utf_8_stay_as_they_are(tmp_path):
    path = rewritten(segmentation(tmp_path), lambda text: text.replace("Name:=rv", "Name:=H\udcf6hle"))
    case = read_case(write_image(tmp_path / "case.nrrd"), path, StructureChoice(segment="wall"))
    write_wall(case, broken_stack()[1], tmp_path / "out.seg.nrrd")
    assert b"Name:=H\xf6hle\n" in (tmp_path / "out.seg.nrrd").read_bytes()


def test_the_layout_of_slicer_4_10_is_read_and_written_back(tmp_path):
    image, path = write_image(tmp_path / "case.nrrd"), old_layout(tmp_path)
    case = read_case(image, path, StructureChoice(segment="wall", pool_segment="pool"))
    assert np.array_equal(case.stack.mask, labels() == 2)
    assert np.array_equal(case.stack.pool, labels() == 3)
    _, after = broken_stack()
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    assert notes(tmp_path / "out.seg.nrrd").keys() == notes(path).keys()
    again = read_case(image, tmp_path / "out.seg.nrrd", StructureChoice(segment="wall", pool_segment="pool"))
    assert np.array_equal(again.stack.mask, after)
    assert np.array_equal(again.stack.pool, (labels() == 3) & (after == 0))
    found = in_slicer(tmp_path / "out.seg.nrrd")
    assert np.array_equal(voxels_in(found["wall"]["lps"]), after)
    assert np.array_equal(voxels_in(found["rv"]["lps"]), labels() == 1)


def test_a_single_segment_of_slicer_4_10_stays_a_list_of_one(tmp_path):
    wall = (labels() == 2).astype(np.uint8)
    path = write_segments(tmp_path / "s.seg.nrrd", [("wall", 0, 1)], np.stack([wall, wall]))
    one = read_nrrd(path)
    assert one.values.shape == (4, 40, 44, 2)
    case = read_case(write_image(tmp_path / "case.nrrd"), path)
    write_wall(case, broken_stack()[1], tmp_path / "out.seg.nrrd")
    assert read_nrrd(tmp_path / "out.seg.nrrd").header.fields["sizes"] == "2 44 40 4"


def test_segments_that_share_their_voxels_are_refused(tmp_path):
    image, path = write_image(tmp_path / "case.nrrd"), segmentation(tmp_path)
    lines = lambda text: "\n".join(line for line in text.split("\n") if "_LabelValue" not in line)  # noqa: E731
    rewritten(path, lines)
    with pytest.raises(ValueError, match=r"'wall'.*'rv'.*label values"):
        read_case(image, path, StructureChoice(segment="wall"))
    path = write_segments(tmp_path / "t.seg.nrrd", [("a", 0, 2), ("b", 0, 2), ("c", 0, 3)], labels()[None])
    with pytest.raises(ValueError, match=r"'a' and 'b'.*value 2.*layer 0"):
        read_case(image, path, StructureChoice(segment="a"))
    with pytest.raises(ValueError, match="'b' and 'a'"):
        read_case(image, path, StructureChoice(segment="c", pool_segment="b"))
    assert read_case(image, path, StructureChoice(segment="c")).stack.mask.any()


def test_duplicate_pairs_and_fields(tmp_path):
    image = write_image(tmp_path / "case.nrrd")
    twice = rewritten(segmentation(tmp_path), lambda text: text + "\nSegment1_Name:=last\nStudy:=again")
    case = read_case(image, twice, StructureChoice(segment="last"))
    assert np.array_equal(case.stack.mask, labels() == 2)
    assert "last" in in_slicer(twice)
    same = rewritten(segmentation(tmp_path), lambda text: text + "\nencoding: gzip")
    assert read_case(image, same, StructureChoice(segment="wall")).stack.mask.any()
    other = rewritten(segmentation(tmp_path), lambda text: text + "\nspace: RAS")
    with pytest.raises(ValueError, match=r"s\.seg\.nrrd.*'space'.*twice"):
        read_case(image, other, StructureChoice(segment="wall"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda text: text.replace("Segment1_LabelValue:=2", "Segment1_LabelValue:=two"),
            "LabelValue .*not a whole number",
        ),
        (lambda text: text.replace("Segment1_Layer:=0", "Segment1_Layer:=9"), "layer 9, which does not exist"),
        (lambda text: text.replace("sizes: 44 40 4", "sizes: 44 40 9999999999"), "too many for"),
        (lambda text: text.replace("sizes: 44 40 4", "sizes: 44 40 -4"), "44 x 40 x -4|-4 x 40 x 44"),
        (lambda text: text.replace("sizes: 44 40 4", "sizes: 44 40 5"), "the file is truncated"),
        (lambda text: text.replace("encoding: gzip", "encoding: zrl"), "encoding 'zrl' is not supported"),
        (lambda text: text.replace("type: uint8", "type: block"), "type 'block'"),
        (lambda text: text.replace("space directions: (", "space directions: (x"), "are no numbers|header is damaged"),
        (lambda text: text.replace("NRRD0", "nrrd0"), "not an NRRD file"),
    ],
)
def test_a_damaged_header_is_refused_in_one_line(tmp_path, change, complaint):
    path = rewritten(segmentation(tmp_path), change)
    with pytest.raises(ValueError, match=complaint) as raised:
        read_seg_nrrd(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_voxels_that_expand_without_end_are_not_expanded(tmp_path):
    path = segmentation(tmp_path)
    head, _, _ = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head + b"\n\n" + gzip.compress(bytes(1 << 26)))
    assert read_nrrd(path).values.shape == (4, 40, 44)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii", "hex"])
def test_every_encoding_is_read(tmp_path, encoding):
    path = segmentation(tmp_path)
    head, _, voxels = path.read_bytes().partition(b"\n\n")
    plain = gzip.decompress(voxels)
    packed = {
        "raw": plain,
        "gzip": voxels,
        "bzip2": bz2.compress(plain),
        "ascii": " ".join(map(str, plain)).encode(),
        "hex": plain.hex().encode(),
    }[encoding]
    path.write_bytes(head.replace(b"encoding: gzip", f"encoding: {encoding}".encode()) + b"\n\n" + packed)
    assert np.array_equal(read_nrrd(path).values, labels())
