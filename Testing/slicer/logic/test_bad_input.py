"""Bad input, by the real engine: one sentence with input and remedy, nothing changed, memory given back."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from harness.hearts import SHAPE, Heart, draw_heart, node_census, segment_voxels, transform_node, write_voxels
from harness.runs import snapshot
from rncarefine.nca.model import DEFAULT_MODEL, MODEL_FOLDERS
from rncarefine.progress import Cancelled
from rncarefine.reasons import ReasonCode
from rncarefine.stack import Stack
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid

Fault = Callable[[Heart, Path], dict[str, Any]]


@pytest.fixture
def logic(module: Any) -> Any:
    """Return the module's logic on the real engine."""
    return module.RNCARefineLogic()


def empty_segment(heart: Heart, folder: Path) -> dict[str, Any]:
    write_voxels(heart.segmentation, "scar", np.zeros(SHAPE, np.uint8), VolumeGrid.of_volume(heart.volume).ijk_to_ras)
    return {"segmentID": "scar"}


def far_apart(heart: Heart, folder: Path) -> dict[str, Any]:
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [400, 0, 0, 1]
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return {}


def one_transform(heart: Heart, folder: Path) -> dict[str, Any]:
    heart.volume.SetAndObserveTransformNodeID(transform_node(np.eye(4), "Table").GetID())
    return {}


def not_a_number(heart: Heart, folder: Path) -> dict[str, Any]:
    image = slicer.util.arrayFromVolume(heart.volume).astype(np.float32)
    image[2, 3, 4] = np.nan
    slicer.util.updateVolumeFromArray(heart.volume, image)
    return {}


def in_metres(heart: Heart, folder: Path) -> dict[str, Any]:
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras @ np.diag([0.001, 0.001, 0.001, 1])
    for name, mask in heart.masks.items():
        write_voxels(heart.segmentation, name, mask, matrix, own_layer=True)
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return {}


def constant(heart: Heart, folder: Path) -> dict[str, Any]:
    slicer.util.updateVolumeFromArray(heart.volume, np.full(SHAPE, 7, np.int16))
    return {}


def corrupt_weights(heart: Heart, folder: Path) -> dict[str, Any]:
    for ending in (".npz", ".json"):
        shutil.copy(MODEL_FOLDERS[0] / f"{DEFAULT_MODEL}{ending}", folder)
    weights = folder / f"{DEFAULT_MODEL}.npz"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 0xFF
    weights.write_bytes(data)
    return {"model": weights}


# One fault of each kind that the guards, the options and the model refuse; all those of the reader.
FAULTS: dict[str, tuple[Fault | dict[str, Any], str]] = {
    "empty segment": (empty_segment, "'The scar'.*'Heart'.*empty"),
    "far apart": (far_apart, "'The myo'.*'Heart'.*'Cine'.*overlap"),
    "one transform": (one_transform, "'Heart'.*'Cine'.*'Table'"),
    "not a number": (not_a_number, "Cine.*1 NaN"),
    "in metres": (in_metres, "Cine.*0.00125.*metres"),
    "constant": (constant, "Cine.*constant"),
    "corrupt weights": (corrupt_weights, rf"{DEFAULT_MODEL}.npz"),
    "no such device": ({"device": "tpu"}, "device.*tpu"),
    "no pool to trim": ({"trimPool": True, "poolSegmentID": None}, "trimPool needs a blood-pool segment"),
}


@pytest.mark.parametrize(("fault", "match"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_sentence_and_changes_nothing(
    logic: Any, heart: Heart, tmp_path: Path, fault: Any, match: str
) -> None:
    choice = {"segmentationNode": heart.segmentation, "segmentID": "myo", "volumeNode": heart.volume}
    choice |= {"poolSegmentID": "pool", "inPlace": True}
    choice |= fault(heart, tmp_path) if callable(fault) else fault
    before, nodes = snapshot(heart), node_census()
    with pytest.raises(ValueError, match=match) as caught:
        logic.process(**choice)
    assert "\n" not in str(caught.value)
    assert (snapshot(heart), node_census()) == (before, nodes)
    assert logic.outputSegmentationNode() is None
    del caught
    assert stacks_in_memory() == 0


def stacks_in_memory() -> int:
    gc.collect()
    return sum(type(thing) is Stack for thing in gc.get_objects())


def test_cancelling_at_every_stage_changes_nothing_and_frees_memory(logic: Any, heart: Heart) -> None:
    def run(node: Heart, progress: Callable[[float, str], bool]) -> None:
        logic.process(
            node.segmentation, "myo", node.volume, poolSegmentID="pool", inPlace=True, progressCallback=progress
        )

    stages: list[str] = []
    run(draw_heart(), lambda fraction, text: stages.append(text) is None)
    before = snapshot(heart)
    assert len(stages) > 10  # reading, looking, every step of the rollout, verifying, writing, done
    for moment in range(len(stages)):
        calls: list[int] = []

        def stop(fraction: float, text: str, calls: list[int] = calls, moment: int = moment) -> bool:
            calls.append(1)
            return len(calls) <= moment

        with pytest.raises(Cancelled):
            run(heart, stop)
        assert snapshot(heart) == before
    assert stacks_in_memory() == 0


def test_a_single_slice_is_repaired_with_a_warning(logic: Any) -> None:
    stack = draw_heart()
    image = slicer.util.arrayFromVolume(stack.volume)[2:3].copy()
    volume = slicer.util.addVolumeFromArray(image, name="One slice")
    volume.SetSpacing(1.25, 1.25, 8.0)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "One slice")
    segmentation.GetSegmentation().AddEmptySegment("myo")
    write_voxels(segmentation, "myo", stack.masks["myo"][2:3], VolumeGrid.of_volume(volume).ijk_to_ras)
    report = logic.process(segmentation, "myo", volume)
    assert [doubt.code for doubt in report.doubts] == [ReasonCode.ONE_SLICE]
    assert report.stack.closed_after == 1
    assert segment_voxels(logic.outputSegmentationNode(), "myo", volume).sum() > stack.masks["myo"][2].sum()
