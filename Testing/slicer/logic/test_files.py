"""Results that go through files, and inputs that come from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from harness import toy_engine
from harness.hearts import Heart
from harness.runs import RESULT, expected_result, process
from rncarefine.reasons import ReasonCode
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review.kept import tag_of


def test_the_result_is_restored_from_a_seg_nrrd_file(logic: Any, heart: Heart, tmp_path: Path) -> None:
    process(logic, heart)
    path = str(tmp_path / "result.seg.nrrd")
    assert slicer.util.saveNode(logic.outputSegmentationNode(), path, properties={})
    node = slicer.util.loadSegmentation(path)
    segmentation = node.GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == RESULT
    for segment_id, mask in expected_result(heart).items():
        np.testing.assert_array_equal(heart.voxels(segment_id, node), mask, segment_id)
    wall = segmentation.GetSegment("myo")
    assert wall.GetColor() == pytest.approx((0.8, 0.4, 0.3))
    assert wall.GetName() == "The myo"
    assert tag_of(wall, "Site.Reader") == "reader 2"
    states = slicer.vtkSlicerSegmentationsModuleLogic
    assert states.GetSegmentStatus(wall) == states.InProgress
    provenance = tag_of(wall, "RNCARefine.Provenance")
    assert provenance is not None
    assert '"model": "toy"' in provenance
    assert '"summary": "3 of 5 slices closed before, 5 after' in provenance
    assert tag_of(segmentation.GetSegment("myo_added"), "RNCARefine.ReviewOf") == "myo"


def test_a_loaded_result_can_be_repaired_again(logic: Any, heart: Heart, tmp_path: Path) -> None:
    process(logic, heart)
    path = str(tmp_path / "result.seg.nrrd")
    slicer.util.saveNode(logic.outputSegmentationNode(), path, properties={})
    loaded = slicer.util.loadSegmentation(path)
    report = logic.process(loaded, "myo", heart.volume, poolSegmentID="pool")
    assert report.stack.closed_before == 5
    assert list(logic.outputSegmentationNode().GetSegmentation().GetSegmentIDs()) == RESULT


def test_a_volume_smaller_than_the_segmentation(logic: Any, heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    crop = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Crop")
    # Slices 2 and 3, rows from 8 and columns from 4 on: the loose piece of slice 3 lies outside.
    slicer.util.updateVolumeFromArray(crop, slicer.util.arrayFromVolume(heart.volume)[2:4, 8:, 8:].copy())
    matrix = grid.ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [8, 8, 2, 1]
    crop.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    toy_centre = toy_engine.CENTRE
    toy_engine.CENTRE = (toy_centre[0] - 8, toy_centre[1] - 8)
    try:
        report = logic.process(heart.segmentation, "myo", crop, poolSegmentID="pool")
    finally:
        toy_engine.CENTRE = toy_centre
    wall = heart.voxels("myo", logic.outputSegmentationNode())
    np.testing.assert_array_equal(wall[2], heart.ring)
    for k in (0, 1, 3, 4):
        np.testing.assert_array_equal(wall[k], heart.masks["myo"][k])
    assert report.doubts[0].code is ReasonCode.OUTSIDE_VOLUME


def test_the_current_frame_of_a_sequence_is_repaired_in_place(logic: Any, heart: Heart) -> None:
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    sequences = []
    for name, node in (("Volumes", heart.volume), ("Segmentations", heart.segmentation)):
        sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        for frame in range(2):
            sequence.SetDataNodeAtValue(node, str(frame))
        browser.AddSynchronizedSequenceNodeID(sequence.GetID())
        sequences.append(sequence)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    volume, segmentation = (browser.GetProxyNode(sequence) for sequence in sequences)
    assert segmentation.GetNodeReference("referenceImageGeometryRef") is None
    frame = Heart(volume, segmentation, heart.masks, heart.ring)
    process(logic, frame, inPlace=True)
    np.testing.assert_array_equal(frame.voxels("myo"), np.repeat(heart.ring[None], 5, axis=0))
    other = Heart(volume, sequences[1].GetNthDataNode(1), heart.masks, heart.ring)
    np.testing.assert_array_equal(other.voxels("myo"), heart.masks["myo"])
