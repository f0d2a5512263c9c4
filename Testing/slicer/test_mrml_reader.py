"""Nodes become a stack."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from harness.hearts import Heart, add_segment, node_census, segment_voxels, write_voxels
from rncarefine.anatomy.aha import handedness
from rncarefine.reasons import Reason, ReasonCode
from RNCARefineLib.mrml.guards import Selection
from RNCARefineLib.mrml.reader import read
from RNCARefineLib.mrml.review import ADDED, review_segment
from RNCARefineLib.mrml.segments import write_segment
from RNCARefineLib.mrml.volume_grid import VolumeGrid


def test_the_stack_has_image_masks_and_spacing_of_the_nodes(heart: Heart) -> None:
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).stack
    np.testing.assert_array_equal(stack.image, slicer.util.arrayFromVolume(heart.volume))
    np.testing.assert_array_equal(stack.mask, heart.masks["myo"])
    np.testing.assert_array_equal(stack.pool, heart.masks["pool"])
    assert stack.spacing == pytest.approx((8.0, 1.25, 1.4))
    assert stack.name == "Cine"


def test_without_a_pool_there_is_none(heart: Heart) -> None:
    assert read(Selection.create(heart.segmentation, "myo", heart.volume)).stack.pool is None


def test_others_are_all_segments_that_were_not_chosen(heart: Heart) -> None:
    masks = heart.masks
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others, masks["rv"] | masks["scar"])
    others = read(Selection.create(heart.segmentation, "myo", heart.volume)).others
    np.testing.assert_array_equal(others, masks["rv"] | masks["scar"] | masks["pool"])


def test_the_notes_of_an_earlier_repair_are_not_others(heart: Heart) -> None:
    segmentation = heart.segmentation.GetSegmentation()
    review_id = review_segment(segmentation, "myo", ADDED)
    write_segment(heart.segmentation, review_id, 1 - heart.masks["rv"], VolumeGrid.of_volume(heart.volume))
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others, heart.masks["rv"] | heart.masks["scar"])


def test_a_segmentation_of_one_segment_has_no_others(heart: Heart) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    add_segment(node, "wall", heart.masks["myo"], heart.volume)
    assert read(Selection.create(node, "wall", heart.volume)).others is None


def test_others_may_lie_on_another_grid(heart: Heart) -> None:
    fine = np.repeat(np.repeat(heart.masks["rv"], 2, axis=1), 2, axis=2)
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras
    matrix = matrix @ np.array([[0.5, 0, 0, -0.25], [0, 0.5, 0, -0.25], [0, 0, 1, 0], [0, 0, 0, 1]])
    write_voxels(heart.segmentation, "rv", fine, matrix, own_layer=True)
    others = read(Selection.create(heart.segmentation, "myo", heart.volume, "pool")).others
    np.testing.assert_array_equal(others, heart.masks["rv"] | heart.masks["scar"])


def test_a_segmentation_without_reference_geometry_is_read_on_the_volume_s_grid(heart: Heart) -> None:
    # As proxy nodes of a sequence are.
    assert heart.segmentation.GetNodeReferenceID("referenceImageGeometryRef") is None
    assert not heart.segmentation.GetSegmentation().GetConversionParameter("Reference image geometry")
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume)).stack
    np.testing.assert_array_equal(stack.mask, heart.masks["myo"])


def smaller_volume(heart: Heart) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume to the scene that has rows 2..39, columns 1..46 and slices 1..3 of the heart's."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Crop")
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(heart.volume)[1:4, 2:, 1:47].copy())
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [1, 2, 1, 1]
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return node


def test_a_volume_smaller_than_the_segmentation_is_read_where_it_is_and_said(heart: Heart) -> None:
    crop = smaller_volume(heart)
    reading = read(Selection.create(heart.segmentation, "myo", crop, "pool"))
    np.testing.assert_array_equal(reading.stack.mask, heart.masks["myo"][1:4, 2:, 1:47])
    np.testing.assert_array_equal(reading.stack.mask, segment_voxels(heart.segmentation, "myo", crop))
    outside = int(heart.masks["myo"].sum() - reading.stack.mask.sum())
    assert reading.doubts == [Reason(ReasonCode.OUTSIDE_VOLUME, voxels=outside)]


def test_a_volume_that_covers_the_segmentation_gives_no_warning(heart: Heart) -> None:
    assert read(Selection.create(heart.segmentation, "myo", heart.volume)).doubts == []


def test_an_empty_segment_is_refused(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().AddEmptySegment("new", "New wall")
    with pytest.raises(ValueError, match=r"'New wall'.*'Heart'.*empty"):
        read(Selection.create(heart.segmentation, "new", heart.volume))


def test_a_volume_far_from_the_segmentation_is_refused(heart: Heart) -> None:
    matrix = VolumeGrid.of_volume(heart.volume).ijk_to_ras.copy()
    matrix[:, 3] = matrix @ [500, 0, 0, 1]
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    with pytest.raises(ValueError, match=r"'Cine'.*overlap"):
        read(Selection.create(heart.segmentation, "myo", heart.volume))


@pytest.mark.parametrize(("value", "match"), [(np.nan, "Cine: the image has 1 NaN"), (np.inf, "Cine.*infinite")])
def test_an_image_that_is_not_finite_is_refused(heart: Heart, value: float, match: str) -> None:
    image = slicer.util.arrayFromVolume(heart.volume).astype(np.float32)
    image[2, 3, 4] = value
    slicer.util.updateVolumeFromArray(heart.volume, image)
    with pytest.raises(ValueError, match=match):
        read(Selection.create(heart.segmentation, "myo", heart.volume))


def test_a_constant_image_is_refused(heart: Heart) -> None:
    slicer.util.updateVolumeFromArray(heart.volume, np.full(heart.masks["myo"].shape, 7, np.int16))
    with pytest.raises(ValueError, match=r"Cine: .*constant"):
        read(Selection.create(heart.segmentation, "myo", heart.volume))


def test_reading_changes_nothing(heart: Heart) -> None:
    before, time = node_census(), heart.segmentation.GetSegmentation().GetMTime()
    read(Selection.create(heart.segmentation, "myo", heart.volume, "pool"))
    assert node_census() == before
    assert heart.segmentation.GetSegmentation().GetMTime() == time


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
