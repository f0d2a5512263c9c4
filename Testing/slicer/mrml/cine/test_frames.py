"""Cine sequences that cannot be repaired are refused with a sentence that names frames, nodes and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from harness.cine import TIMES, DrawnCine, chosen, draw_cine, repair
from harness.hearts import node_census, transform_node
from RNCARefineLib.mrml.cine.frames import Cine

pytestmark = pytest.mark.usefixtures("toy_engine")


@pytest.fixture
def cine() -> DrawnCine:
    return draw_cine()


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([3], "frame 3.*0 to 2"),
        ([-1], "no frame -1"),
        ([True], "no frame True"),
        ([np.int64(3)], "no frame 3;"),
        ([np.float64(1.5)], r"no frame 1\.5;"),
        (["0"], "no frame '0'"),
        ([], "No frame was"),
    ],
)
def test_frames_that_are_not_there_are_refused(cine: DrawnCine, frames: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        repair(cine, frames=frames)


def test_frames_may_be_numbers_of_numpy(cine: DrawnCine) -> None:
    outcome = repair(cine, frames=np.array([2, 0, 2]))
    assert [*outcome.reports] == [0, 2]
    assert {type(frame) for frame in outcome.reports} == {int}


def test_nodes_that_are_not_of_the_browser_are_refused(cine: DrawnCine) -> None:
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Late enhancement")
    with pytest.raises(ValueError, match=r"'Late enhancement'.*'Cine', 'Heart'"):
        Cine.create(cine.browser, cine.heart.segmentation, "myo", other)
    second = draw_cine()
    with pytest.raises(ValueError, match=r"'Heart'.*not to 'Browser'"):
        Cine.create(cine.browser, second.heart.segmentation, "myo", cine.heart.volume)


@pytest.mark.parametrize("missing", ["browser", "segmentation", "volume"])
def test_a_missing_node_is_refused(cine: DrawnCine, missing: str) -> None:
    nodes = {"browser": cine.browser, "segmentation": cine.heart.segmentation, "volume": cine.heart.volume}
    nodes[missing] = None
    with pytest.raises(ValueError, match=f"A (sequence )?{missing}"):
        Cine.create(nodes["browser"], nodes["segmentation"], "myo", nodes["volume"])


def test_a_browser_without_frames_is_refused(cine: DrawnCine) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Empty")
    with pytest.raises(ValueError, match=r"'Empty'.*frames"):
        Cine.create(empty, cine.heart.segmentation, "myo", cine.heart.volume)


def test_a_browser_that_is_recording_is_refused(cine: DrawnCine) -> None:
    cine.browser.SetRecordingActive(True)
    with pytest.raises(ValueError, match="'Browser' is recording"):
        chosen(cine)


def test_different_transforms_are_refused(cine: DrawnCine) -> None:
    cine.heart.segmentation.SetAndObserveTransformNodeID(transform_node(np.eye(4)).GetID())
    with pytest.raises(ValueError, match="different transforms"):
        chosen(cine)


def test_frames_without_a_segmentation_are_named(cine: DrawnCine) -> None:
    cine.segmentations.RemoveDataNodeAtValue(TIMES[1])
    before = node_census()
    with pytest.raises(ValueError, match=r"frame 2 of 3.*\[0, 2\]"):
        repair(cine)
    assert node_census() == before
    sequence = repair(cine, frames=[0, 2]).sequence_node
    assert [sequence.GetNthIndexValue(n) for n in range(sequence.GetNumberOfDataNodes())] == [TIMES[0], TIMES[2]]


def test_a_frame_that_shows_a_previous_segmentation_has_none(cine: DrawnCine) -> None:
    cine.browser.SetSelectedItemNumber(1)
    cine.segmentations.RemoveDataNodeAtValue(TIMES[1])
    with pytest.raises(ValueError, match="2 of 3"):
        repair(cine)


def test_frames_without_a_volume_are_named(cine: DrawnCine) -> None:
    cine.browser.SetAndObserveMasterSequenceNodeID(cine.segmentations.GetID())
    cine.volumes.RemoveDataNodeAtValue(TIMES[2])
    with pytest.raises(ValueError, match="frame 3"):
        repair(cine)


def test_frames_without_the_segment_are_named(cine: DrawnCine) -> None:
    for frame in (1, 2):
        cine.segmentations.GetNthDataNode(frame).GetSegmentation().RemoveSegment("pool")
    before = node_census()
    with pytest.raises(ValueError, match=r"Frames 2, 3 of 3: .*'pool'"):
        repair(cine)
    assert node_census() == before


def test_frames_with_another_geometry_are_named(cine: DrawnCine) -> None:
    cine.volumes.GetNthDataNode(1).SetSpacing(1.0, 1.0, 3.0)
    with pytest.raises(ValueError, match=r"Frame 2 of 3: .*'myo'"):
        repair(cine)
