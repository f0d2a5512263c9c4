"""Nodes become a stack."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from harness.hearts import Heart, add_segment, segment_voxels, write_voxels
from rncarefine.anatomy.aha import handedness
from rncarefine.reasons import Reason, ReasonCode
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.reader import read
from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review.kept import ADDED, review_segment


def test_the_stack_has_image_masks_and_spacing_of_the_nodes(heart: Heart) -> None:
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).stack
    np.testing.assert_array_equal(stack.image, slicer.util.arrayFromVolume(heart.volume))
    np.testing.assert_array_equal(stack.mask, heart.masks["myo"])
    np.testing.assert_array_equal(stack.pool, heart.masks["pool"])
    assert stack.spacing == pytest.approx((8.0, 1.25, 1.4))
    assert stack.name == "Cine"


def test_others_are_all_segments_that_were_not_chosen(heart: Heart) -> None:
    masks = heart.masks
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others > 0, masks["rv"] | masks["scar"])
    np.testing.assert_array_equal(others == 1, masks["rv"])
    np.testing.assert_array_equal(others == 2, masks["scar"] & (1 - masks["rv"]))
    others = read(Selection.create(heart.segmentation, "myo", heart.volume)).others
    np.testing.assert_array_equal(others > 0, masks["rv"] | masks["scar"] | masks["pool"])


def test_the_notes_of_an_earlier_repair_are_not_others(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    review_id = review_segment(segmentation, "myo", ADDED)
    write_segment(heart.segmentation, review_id, 1 - heart.masks["rv"], VolumeGrid.of_volume(heart.volume))
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others > 0, heart.masks["rv"] | heart.masks["scar"])


def test_a_segmentation_of_one_segment_has_no_others(heart: Heart) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    add_segment(node, "wall", heart.masks["myo"], heart.volume)
    assert read(Selection.create(node, "wall", heart.volume)).others is None


def test_a_segment_that_covers_the_wall_is_no_other(heart: Heart) -> None:
    add_segment(heart.segmentation, "heart", np.ones_like(heart.masks["myo"]), heart.volume)
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others > 0, heart.masks["rv"] | heart.masks["scar"])


def test_others_may_lie_on_another_grid(heart: Heart) -> None:
    fine = np.repeat(np.repeat(heart.masks["rv"], 2, axis=1), 2, axis=2)
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras
    matrix = matrix @ np.array([[0.5, 0, 0, -0.25], [0, 0.5, 0, -0.25], [0, 0, 1, 0], [0, 0, 0, 1]])
    write_voxels(heart.segmentation, "rv", fine, matrix, own_layer=True)
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others > 0, heart.masks["rv"] | heart.masks["scar"])


def smaller_volume(heart: Heart) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume to the scene that has rows 2..39, columns 1..46 and slices 1..3 of the heart's."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Crop")
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(heart.volume)[1:4, 2:, 1:47].copy())
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [1, 2, 1, 1]
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return node


def test_a_volume_smaller_than_the_segmentation_is_read_with_a_warning(heart: Heart) -> None:
    crop = smaller_volume(heart)
    reading = read(Selection.create(heart.segmentation, "myo", crop, "pool"))
    np.testing.assert_array_equal(reading.stack.mask, heart.masks["myo"][1:4, 2:, 1:47])
    np.testing.assert_array_equal(reading.stack.mask, segment_voxels(heart.segmentation, "myo", crop))
    outside = int(heart.masks["myo"].sum() - reading.stack.mask.sum())
    assert reading.doubts == [Reason(ReasonCode.OUTSIDE_VOLUME, voxels=outside)]


def test_the_right_ventricle_is_read_for_the_report_only(heart: Heart) -> None:
    reading = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool", "rv"))
    assert (reading.stack.right_ventricle == heart.voxels("rv")).all()
    without = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool"))
    assert without.stack.right_ventricle is None
    assert reading.others is not None
    assert (reading.others == without.others).all()


def test_the_stack_knows_how_its_axes_lie_in_the_patient(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume)).stack
    assert stack.right_handed is handedness(grid.ijk_to_ras)


@pytest.mark.parametrize("ends_swapped", [False, True])
def test_the_stack_knows_from_which_end_its_slices_are_stored(heart: Heart, ends_swapped: bool) -> None:
    before = read(Selection.create(heart.segmentation, "myo", heart.volume)).stack
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras
    matrix[:3, 2] *= -1 if ends_swapped else 1
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    add_segment(node, "wall", heart.masks["myo"], heart.volume)
    after = read(Selection.create(node, "wall", heart.volume)).stack
    assert after.reversed == (before.reversed != ends_swapped)
    np.testing.assert_array_equal(after.mask, before.mask)
