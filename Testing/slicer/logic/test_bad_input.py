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


def no_segments_at_all(heart: Heart, folder: Path) -> dict[str, Any]:
    return {"segmentationNode": slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Blank")}


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
    return stretched(heart, 0.001, 0.001, 0.001)


def along_rows(heart: Heart, folder: Path) -> dict[str, Any]:
    return stretched(heart, 6.0, 1.0, 0.2)


def stretched(heart: Heart, *factors: float) -> dict[str, Any]:
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras @ np.diag([*factors, 1])
    for name, mask in heart.masks.items():
        write_voxels(heart.segmentation, name, mask, matrix, own_layer=True)
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return {}


def constant(heart: Heart, folder: Path) -> dict[str, Any]:
    slicer.util.updateVolumeFromArray(heart.volume, np.full(SHAPE, 7, np.int16))
    return {}


def frames_as_vector(heart: Heart, folder: Path) -> dict[str, Any]:
    frames = np.random.default_rng(0).integers(0, 99, (*SHAPE, 4)).astype(np.int16)
    node = slicer.util.addVolumeFromArray(frames, name="Frames", nodeClassName="vtkMRMLVectorVolumeNode")
    return {"volumeNode": node}


def corrupt_weights(heart: Heart, folder: Path) -> dict[str, Any]:
    for ending in (".npz", ".json"):
        shutil.copy(MODEL_FOLDERS[0] / f"{DEFAULT_MODEL}{ending}", folder)
    weights = folder / f"{DEFAULT_MODEL}.npz"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 0xFF
    weights.write_bytes(data)
    return {"model": weights}


def truncated_weights(heart: Heart, folder: Path) -> dict[str, Any]:
    options = corrupt_weights(heart, folder)
    options["model"].write_bytes(options["model"].read_bytes()[:1000])
    return options


FAULTS: dict[str, tuple[Fault | dict[str, Any], str]] = {
    "no segment": ({"segmentID": "epicardium"}, r"'Heart'.*'epicardium'.*'myo'"),
    "no segments at all": (no_segments_at_all, "'Blank'.*no segments"),
    "empty segment": (empty_segment, "'The scar'.*'Heart'.*empty"),
    "far apart": (far_apart, "'The myo'.*'Heart'.*'Cine'.*overlap"),
    "one transform": (one_transform, "'Heart'.*'Cine'.*'Table'"),
    "not a number": (not_a_number, "Cine.*1 NaN"),
    "in metres": (in_metres, "Cine.*0.00125.*metres"),
    "slices along the first axis": (along_rows, "'Cine'.*first axis.*Coronal"),
    "constant": (constant, "Cine.*constant"),
    "frames as vector": (frames_as_vector, "'Frames' has 4 values"),
    "mode without model": (
        {"model": DEFAULT_MODEL, "mode": "volumetric"},
        f"'{DEFAULT_MODEL}' is slice-wise.*volumetric",
    ),
    "no such model": ({"model": "sax-cine-9d"}, "'sax-cine-9d'.*sax-cine-2d"),
    "corrupt weights": (corrupt_weights, rf"{DEFAULT_MODEL}.npz"),
    "truncated weights": (truncated_weights, rf"{DEFAULT_MODEL}.npz.*truncated"),
    "no such device": ({"device": "tpu"}, "device.*tpu"),
    "no samples": ({"samples": 0}, "samples"),
    "no pool to trim": ({"trimPool": True, "poolSegmentID": None}, "trimPool needs a blood-pool segment"),
}


@pytest.mark.parametrize("in_place", [False, True], ids=["new", "in place"])
@pytest.mark.parametrize(("fault", "match"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_sentence_and_changes_nothing(
    logic: Any, heart: Heart, tmp_path: Path, fault: Any, match: str, in_place: bool
) -> None:
    choice = {"segmentationNode": heart.segmentation, "segmentID": "myo", "volumeNode": heart.volume}
    choice |= {"poolSegmentID": "pool", "inPlace": in_place}
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


@pytest.mark.parametrize("in_place", [False, True], ids=["new", "in place"])
def test_cancelling_at_every_stage_changes_nothing_and_frees_memory(logic: Any, heart: Heart, in_place: bool) -> None:
    def run(node: Heart, progress: Callable[[float, str], bool]) -> None:
        logic.process(
            node.segmentation, "myo", node.volume, poolSegmentID="pool", inPlace=in_place, progressCallback=progress
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
