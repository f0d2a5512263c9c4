"""The logic with the real engine, on an automaton that proposes the wall that the image shows."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import slicer

from engine.model_folders import seeing_weights
from engine.toy_models import seeing_model
from harness.hearts import GAP, GEOMETRIES, SPECK, Heart, draw_heart, is_a_ring, write_voxels
from rncarefine.nca.model import save_model
from rncarefine.reasons import ReasonCode
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid


@pytest.fixture
def weights(tmp_path: Path) -> str:
    return str(seeing_weights(tmp_path))


@pytest.fixture
def run(module: ModuleType, weights: str) -> Any:
    """Return a function that repairs a heart with the real engine and gives the logic and the report."""

    def repair(heart: Heart, **options: Any) -> Any:
        logic = module.RNCARefineLogic()
        options = {"poolSegmentID": "pool", "model": weights, "device": "numpy", **options}
        return logic, logic.process(heart.segmentation, "myo", heart.volume, **options)

    return repair


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_broken_slices_become_rings_and_others_are_bit_identical(run: Any, geometry: str) -> None:
    heart = draw_heart(geometry)
    logic, report = run(heart)
    node = logic.outputSegmentationNode()
    wall = heart.voxels("myo", node)
    assert not is_a_ring(heart.masks["myo"][GAP])
    assert not is_a_ring(heart.masks["myo"][SPECK])
    assert all(is_a_ring(slice_) for slice_ in wall)
    for k in {0, 1, 4}:
        np.testing.assert_array_equal(wall[k], heart.masks["myo"][k])
    assert {record.k for record in report.slices if record.verdict != "intact"} == {GAP, SPECK}
    np.testing.assert_array_equal(heart.voxels("myo_added", node), wall & ~heart.masks["myo"] & 1)
    np.testing.assert_array_equal(heart.voxels("pool", node), heart.masks["pool"] & ~heart.voxels("myo_added", node))
    for other in ("rv", "scar"):
        np.testing.assert_array_equal(heart.voxels(other, node), heart.masks[other])


def test_refused_slices_are_unchanged_and_flagged(run: Any, heart: Heart) -> None:
    logic, report = run(heart, addOnly=True)
    refused = [record.k for record in report.slices if record.verdict == "refused"]
    assert refused == [SPECK]  # a loose component cannot go by adding
    wall = heart.voxels("myo", logic.outputSegmentationNode())
    for k in refused:
        np.testing.assert_array_equal(wall[k], heart.masks["myo"][k])
    segment = logic.outputSegmentationNode().GetSegmentation().GetSegment("myo")
    states = slicer.vtkSlicerSegmentationsModuleLogic
    assert states.GetSegmentStatus(segment) == states.Flagged


def test_a_slice_without_wall_is_drawn_flagged_and_can_be_rejected(
    module: ModuleType, heart: Heart, tmp_path: Path
) -> None:
    save_model(seeing_model(name="seeing"), tmp_path)
    lost = heart.masks["myo"].copy()
    lost[GAP] = 0
    write_voxels(heart.segmentation, "myo", lost, VolumeGrid.of_volume(heart.volume).ijk_to_ras)
    logic = module.RNCARefineLogic()
    options = {"poolSegmentID": "pool", "model": tmp_path / "seeing.npz", "device": "numpy"}
    record = logic.process(heart.segmentation, "myo", heart.volume, **options).slices[GAP]
    assert (str(record.verdict), record.flagged) == ("repaired by the automaton", True)
    assert ReasonCode.INVENTED in record.codes
    output = logic.outputSegmentationNode()
    assert is_a_ring(heart.voxels("myo", output)[GAP])
    logic.reject(output, GAP)
    assert not heart.voxels("myo", output)[GAP].any()
    np.testing.assert_array_equal(heart.voxels("pool", output)[GAP], heart.masks["pool"][GAP])
