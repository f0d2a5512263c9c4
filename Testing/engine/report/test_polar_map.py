"""Positions of slices and segments in the polar map."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.report_samples import broken_report, broken_stack, slice_record
from rncarefine.refine.records import SegmentRecord, ThicknessRecord, WallRecord
from rncarefine.refine.wall import measure
from rncarefine.report.polar_map import MIDDLE, RADIUS, polar_maps
from rncarefine.words import Apex, Expectation, Finding


def measured(report=None, **changes):
    """Return the report of the sample with its wall measured."""
    report = report or broken_report()
    stack, after = broken_stack()
    slices, wall = measure(stack, after, report.slices, Apex(report.run.apex))
    return replace(report, slices=slices, wall=replace(wall, **changes))


def drawings(report):
    """Return the maps as trees of XML."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", polar_maps(report), re.S)]


def sectors(drawing, kind=None):
    """Return the sectors of a map: kind, text, and the radius and angle of a point of its outer border."""
    found = []
    for path in drawing.iter("path"):
        title = path.find("title")
        if title is not None and (kind is None or path.get("class") == kind):
            x, y = map(float, re.match(r"M([-\d.]+) ([-\d.]+)", path.get("d")).groups())
            found.append((path.get("class"), title.text, np.hypot(x, y), np.rad2deg(np.arctan2(y, x)) % 360))
    return found


def test_a_stack_that_was_not_changed_has_one_map():
    report = measured()
    same = [replace(one, before_mm=one.after_mm, invented=[]) for one in report.wall.slices]
    assert len(drawings(replace(report, wall=replace(report.wall, slices=same)))) == 1


def test_nothing_is_drawn_where_nothing_was_measured():
    assert polar_maps(broken_report()) == ""
    assert polar_maps(broken_report(wall=WallRecord([ThicknessRecord(k) for k in range(4)]))) == ""


@pytest.mark.parametrize(("apex", "outermost"), [("last", 0), ("first", 3)])
def test_the_base_lies_outside_and_the_apex_inside(apex, outermost):
    report = broken_report()
    report = measured(replace(report, run=replace(report.run, apex=apex)))
    radii = {
        int(re.match(r"slice (\d+)", text).group(1)): radius for _, text, radius, _ in sectors(drawings(report)[1])
    }
    assert max(radii, key=radii.get) == outermost
    assert radii[outermost] == pytest.approx(RADIUS, abs=0.1)
    assert sorted(radii.values()) == sorted(radii[k] for k in (range(4) if apex == "first" else range(3, -1, -1)))


def test_gaps_are_drawn_before_and_left_where_they_were_not_closed():
    before, after = drawings(measured())
    assert [text.split(",")[0] for _, text, *_ in sectors(before, "gap")] == ["slice 1", "slice 2"]
    assert [text.split(",")[0] for _, text, *_ in sectors(after, "gap")] == ["slice 2"]
    assert len([path for path in after.iter("path") if path.get("class") == "new"]) > 0
    assert not [path for path in before.iter("path") if path.get("class") == "new"]


def one_slice(values, **changes):
    wall = WallRecord([ThicknessRecord(0, [], values)], **changes)
    return broken_report(slices=[slice_record(0)], wall=wall)


def test_without_a_septum_the_map_lies_as_the_picture_does():
    values = [8.0] * 36
    values[9:12] = [2.0] * 3  # 90 to 120 degrees: downwards, as rows grow
    ((kind, text, _, angle),) = sectors(drawings(one_slice(values))[1], "t0")
    assert kind == "t0"
    assert "90 to 120 degrees: 2.0 mm" in text
    assert angle == pytest.approx(90, abs=0.1)


# Counter-clockwise from the left is downwards: 150 to 120 on the page. The other way round it is 210 to 240.
@pytest.mark.parametrize(("turn", "first"), [(1, 120.0), (-1, 210.0)])
def test_septum_lies_to_the_left(turn, first):
    values = [8.0] * 36
    values[3:6] = [2.0] * 3  # 30 to 60 degrees from a septum at 0 on
    ((_, _, _, angle),) = sectors(drawings(one_slice(values, septum_deg=0.0, turn=turn))[1], "t0")
    assert angle == pytest.approx(first, abs=0.1)


def test_a_solid_apex_is_drawn_as_not_measured():
    disc = slice_record(3, expectation=Expectation.DISC, finding_after=Finding.DISC)
    report = broken_report(slices=[*broken_report().slices[:3], disc])
    assert [text for _, text, *_ in sectors(drawings(measured(report))[1], "none")] == ["slice 3: solid"]


def test_the_means_stand_in_their_segments():
    segments = [SegmentRecord(n, "some wall", None, float(n)) for n in range(1, 17)]
    report = measured(broken_report(), septum_deg=180.0, turn=1, segments=segments)
    texts = {
        node.text: (float(node.get("x")), float(node.get("y")))
        for node in drawings(report)[1].iter("text")
        if node.find("title") is not None
    }
    assert set(texts) == {f"{n}.0" for n in range(1, 17)}
    assert texts["1.0"][1] < -MIDDLE  # basal anterior: above
    assert texts["4.0"][1] > MIDDLE  # basal inferior: below
    assert texts["14.0"][0] < -MIDDLE  # apical septal: to the left
    assert texts["16.0"][0] > MIDDLE  # apical lateral: to the right
    lengths = [np.hypot(*texts[f"{n}.0"]) for n in (1, 7, 13)]
    assert lengths == sorted(lengths, reverse=True)
    # Before, nothing was measured.
    assert not [node for node in drawings(report)[0].iter("text") if node.find("title") is not None]
