"""Reading and writing segments: exact on every geometry, and other segments do not change."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from harness.hearts import GEOMETRIES, SHAPE, Heart, draw_heart, segment_voxels, write_voxels
from rncarefine.io.grid import Turn
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.segments import read_segments, write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid


def random_mask(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(SHAPE) < 0.3).astype(np.uint8)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_writing_is_exact_and_leaves_all_other_segments_alone(geometry: str) -> None:
    heart = draw_heart(geometry)
    mask = random_mask(3)  # over all other segments, those of the same layer included
    write_segment(heart.segmentation, "myo", mask, VolumeGrid.of_volume(heart.volume))
    np.testing.assert_array_equal(heart.voxels("myo"), mask)
    for segment_id in ("pool", "rv", "scar"):
        np.testing.assert_array_equal(heart.voxels(segment_id), heart.masks[segment_id])


def test_a_segment_that_takes_no_voxel_of_its_layer_stays_in_it(heart: Heart) -> None:
    mask = heart.masks["myo"].copy()
    mask[0] = 0
    mask[0, :3, :3] = 1
    write_segment(heart.segmentation, "myo", mask, VolumeGrid.of_volume(heart.volume))
    segmentation = heart.segmentation.GetSegmentation()
    assert segmentation.GetLayerIndex("myo") == segmentation.GetLayerIndex("pool")
    np.testing.assert_array_equal(heart.voxels("myo"), mask)
    np.testing.assert_array_equal(heart.voxels("pool"), heart.masks["pool"])


def test_a_segment_can_be_emptied_and_filled_again(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    write_segment(heart.segmentation, "rv", np.zeros(SHAPE, np.uint8), grid)
    assert not read_segments(heart.segmentation, ["rv"], grid).any()
    write_segment(heart.segmentation, "rv", heart.masks["rv"], grid)
    np.testing.assert_array_equal(heart.voxels("rv"), heart.masks["rv"])


def test_no_segments_are_an_empty_mask_and_not_all_of_them(heart: Heart) -> None:
    assert not read_segments(heart.segmentation, [], VolumeGrid.of_volume(heart.volume)).any()


def test_arrays_that_were_read_are_copies(heart: Heart) -> None:
    mask = read_segments(heart.segmentation, ["myo"], VolumeGrid.of_volume(heart.volume))
    mask[:] = 1
    np.testing.assert_array_equal(heart.voxels("myo"), heart.masks["myo"])


IN_PLANE = [
    Turn((*axes, 2), (*flips, ends)) for axes in ((0, 1), (1, 0)) for *flips, ends in product((False, True), repeat=3)
]
OUT_OF_PLANE = [Turn(axes) for axes in permutations(range(3)) if axes[2] != 2]


@pytest.mark.parametrize(
    ("turn", "own_layer"), [*product(IN_PLANE, (True, False)), *product(OUT_OF_PLANE, (True,))], ids=str
)
def test_segments_stored_with_other_axes_are_read_and_written_exactly(turn: Turn, own_layer: bool) -> None:
    heart = draw_heart("sheared" if own_layer else "oblique")
    grid = VolumeGrid.of_volume(heart.volume)
    stored = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.as_file_grid().turned(turn).ijk_to_lps
    # Without a layer of its own, its neighbours in the layer are turned, too.
    write_voxels(heart.segmentation, "myo", turn.apply(random_mask(3)), stored, own_layer=own_layer)
    Selection.create(heart.segmentation, "myo", heart.volume, "pool", "rv")
    np.testing.assert_array_equal(read_segments(heart.segmentation, ["myo"], grid), random_mask(3))
    write_segment(heart.segmentation, "myo", random_mask(4), grid)
    np.testing.assert_array_equal(heart.voxels("myo"), random_mask(4))
    for other in ("pool", "rv", "scar"):
        np.testing.assert_array_equal(heart.voxels(other), heart.masks[other])


def geometry_of(heart: Heart, segment_id: str) -> tuple[tuple[int, ...], list[float]]:
    labelmap = heart.segmentation.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    return labelmap.GetExtent(), slicer.util.arrayFromVTKMatrix(matrix).ravel().tolist()


def test_writing_a_segment_does_not_resample_its_layer(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    fine = np.repeat(np.repeat(heart.masks["rv"], 2, axis=1), 2, axis=2)
    fine[:, ::2, ::2] = 0  # holes that no coarser grid can hold
    for segment_id in ("pool", "rv"):
        write_voxels(heart.segmentation, segment_id, fine, grid.ijk_to_ras @ np.diag([0.5, 0.5, 1, 1]), own_layer=True)
    segmentation = heart.segmentation.GetSegmentation()
    segmentation.ReorderSegments(["rv"], "myo")
    # As Slicer does it: a new segment shares the layer of the first one.
    segmentation.AddEmptySegment("new")
    assert segmentation.GetLayerIndex("new") == segmentation.GetLayerIndex("rv")
    layer = segmentation.GetSegment("rv").GetRepresentation("Binary labelmap")
    before = vtk_to_numpy(layer.GetPointData().GetScalars()).copy(), geometry_of(heart, "rv")
    write_segment(heart.segmentation, "new", heart.masks["myo"], grid)
    layer = segmentation.GetSegment("rv").GetRepresentation("Binary labelmap")
    np.testing.assert_array_equal(vtk_to_numpy(layer.GetPointData().GetScalars()), before[0])
    assert geometry_of(heart, "rv") == before[1]
    np.testing.assert_array_equal(heart.voxels("new"), heart.masks["myo"])


def test_a_node_outside_the_scene_can_be_written(heart: Heart) -> None:
    node = slicer.vtkMRMLSegmentationNode()
    node.SetAndObserveSegmentation(slicer.vtkSegmentation())
    node.GetSegmentation().DeepCopy(heart.segmentation.GetSegmentation())
    write_segment(node, "myo", random_mask(6), VolumeGrid.of_volume(heart.volume))
    np.testing.assert_array_equal(segment_voxels(node, "myo", heart.volume), random_mask(6))
    np.testing.assert_array_equal(heart.voxels("myo"), heart.masks["myo"])


def test_an_unknown_segment_is_not_written_and_not_created(heart: Heart) -> None:
    with pytest.raises(RuntimeError, match="missing"):
        write_segment(heart.segmentation, "missing", heart.masks["myo"], VolumeGrid.of_volume(heart.volume))
    assert heart.segmentation.GetSegmentation().GetNumberOfSegments() == 4
