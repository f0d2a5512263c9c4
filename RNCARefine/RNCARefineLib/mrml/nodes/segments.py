"""Segments as arrays on a grid, read and written without temporary nodes in the scene.

The helpers of ``slicer.util`` use a temporary label map node: each call leaves a display node behind, and writing
applies a parent transform twice if segmentation and volume disagree. The functions here change one segment only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from rncarefine.stack import Mask

from .volume_grid import VolumeGrid

_BINARY_LABELMAP = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()


def labelmap_of(
    segmentation_node: slicer.vtkMRMLSegmentationNode, segment_id: str
) -> slicer.vtkOrientedImageData | None:
    """Return the label map of a segment (shared with others of its layer), or ``None`` if it has no voxels."""
    labelmap = segmentation_node.GetSegmentation().GetSegment(segment_id).GetRepresentation(_BINARY_LABELMAP)
    return None if labelmap is None or labelmap.IsEmpty() else labelmap


def copied(segmentation_node: slicer.vtkMRMLSegmentationNode, suffix: str = "") -> slicer.vtkMRMLSegmentationNode:
    """Return a copy of a segmentation, under no transform and not in any scene, with a suffix to its name."""
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(f"{segmentation_node.GetName()}{suffix}")
    node.SetAndObserveSegmentation(slicer.vtkSegmentation())
    node.GetSegmentation().DeepCopy(segmentation_node.GetSegmentation())
    return node


def read_segments(
    segmentation_node: slicer.vtkMRMLSegmentationNode, segment_ids: Sequence[str], grid: VolumeGrid
) -> Mask:
    """Return the union of segments on a grid.

    Args:
        segmentation_node: Its source representation is a binary label map.
        segment_ids: Existing segments; an empty list gives an empty mask.
        grid: The sampling grid, nearest neighbour.

    Returns:
        Values 0 and 1, shape of the grid; a copy.

    Raises:
        RuntimeError: Slicer could not merge the segments; see the log.
    """
    if not segment_ids:  # Slicer takes an empty list for all segments
        return np.zeros(grid.shape, np.uint8)
    ids = vtk.vtkStringArray()
    for segment_id in segment_ids:
        ids.InsertNextValue(segment_id)
    merged = slicer.vtkOrientedImageData()
    mode = slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
    if not segmentation_node.GenerateMergedLabelmapForAllSegments(merged, mode, grid.geometry(), ids):
        raise RuntimeError(f"The segments {list(segment_ids)} of {segmentation_node.GetName()!r} could not be read.")
    voxels = vtk_to_numpy(merged.GetPointData().GetScalars()).reshape(grid.shape)
    return (voxels > 0).astype(np.uint8)


def write_segment(
    segmentation_node: slicer.vtkMRMLSegmentationNode, segment_id: str, mask: Mask, grid: VolumeGrid
) -> None:
    """Replace the voxels of one segment.

    Other segments do not change: this one moves to a separate layer if it would overlap a segment of its layer, or if
    Slicer would resample the layer to the grid.

    Args:
        segmentation_node: In a scene or not; its source representation is a binary label map.
        segment_id: An existing segment.
        mask: Shape of the grid; the segment has no voxels outside the grid afterwards.
        grid: The grid of the mask.

    Raises:
        RuntimeError: Slicer could not write the segment; see the log.
    """
    image = grid.image(mask)
    _leave_foreign_layer(segmentation_node.GetSegmentation(), segment_id, image)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if not logic.SetBinaryLabelmapToSegment(image, segmentation_node, segment_id, logic.MODE_REPLACE):
        raise RuntimeError(f"Segment {segment_id!r} of {segmentation_node.GetName()!r} could not be written.")


def _leave_foreign_layer(segmentation: Any, segment_id: str, image: Any) -> None:
    """Move a segment to a separate layer if its layer is shared and has another geometry than ``image``.

    This includes new segments: Slicer adds them to the layer of the first segment, whatever its grid.
    """
    segment = segmentation.GetSegment(segment_id)
    layer = None if segment is None else segment.GetRepresentation(_BINARY_LABELMAP)
    if layer is None or layer.IsEmpty():
        return
    if not slicer.vtkOrientedImageDataResample.DoGeometriesMatch(layer, image):
        # Does nothing to a layer that is not shared. IsSharedBinaryLabelmap cannot be asked: its answer is inverted.
        segmentation.SeparateSegmentLabelmap(segment_id)
