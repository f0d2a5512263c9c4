"""Write a repaired stack as segments: into a new segmentation, a given one, or the input itself."""

from __future__ import annotations

from typing import Any

import slicer

from rncarefine.refine.repair_masks import RepairMasks
from rncarefine.refine.result import Repaired
from rncarefine.stack import Mask

from ..review.kept import ADDED, REMOVED, review_segment, store_review
from .guards import Selection
from .scene import place_next_to
from .segments import copied, labelmap_of, read_segments, write_segment
from .volume_grid import VolumeGrid

VOLUME_ROLE = "RNCARefine.Volume"
"""Role of the reference from a repaired segmentation to the volume that it was repaired with."""


def draft(selection: Selection, repaired: Repaired, grid: VolumeGrid) -> slicer.vtkMRMLSegmentationNode:
    """Return the result as a segmentation node that is not in any scene.

    It has every segment of the input with its ID, colour, terminology and tags, in the same layers if possible.
    """
    node = copied(selection.segmentation_node, " repaired")
    write_repaired(node, selection, repaired, grid)
    return node


def write_repaired(node: Any, selection: Selection, repaired: Repaired, grid: VolumeGrid) -> None:
    """Write a repair into a segmentation node that has the input's segments; no other segment changes."""
    segmentation = node.GetSegmentation()
    # The pool first because it only loses voxels: Slicer separates overlapping segments into two layers.
    if selection.pool_id is not None and repaired.pool is not None and repaired.pool_changed:
        write_inside(node, selection.pool_id, repaired.pool, grid)
    # New voxels go to the first segment; all others keep their segment.
    parts = {segment_id: read_segments(node, [segment_id], grid) for segment_id in selection.wall_ids[1:]}
    if parts:
        parts = {selection.segment_id: read_segments(node, [selection.segment_id], grid), **parts}
    masks = RepairMasks.of(repaired, parts)
    after = masks.parts_after or {selection.segment_id: repaired.wall}
    for segment_id in reversed(selection.wall_ids):
        write_inside(node, segment_id, after[segment_id], grid)
    write_notes(node, selection.segment_id, repaired.added, repaired.removed, grid)
    store_review(segmentation, selection.segment_id, selection.pool_id, repaired.report, masks)


def write_notes(node: Any, segment_id: str, added: Mask, removed: Mask, grid: VolumeGrid) -> None:
    """Write the added and the removed voxels of a segment into two review segments."""
    segmentation = node.GetSegmentation()
    for kind, mask in ((ADDED, added), (REMOVED, removed)):
        note = review_segment(segmentation, segment_id, kind)
        # A separate layer, so that a restored slice never overlaps a review segment and changes its layer.
        segmentation.SeparateSegmentLabelmap(note)
        write_segment(node, note, mask, grid)


def add_to_scene(node: Any, selection: Selection) -> Any:
    """Add a draft to the scene as a new node and return it."""
    node.SetName(slicer.mrmlScene.GenerateUniqueName(node.GetName()))
    slicer.mrmlScene.AddNode(node)
    _format_result(node, selection)
    return node


def copy_into(output_node: Any, draft_node: Any, selection: Selection) -> Any:
    """Replace the content of ``output_node`` in the scene by that of the draft and return it; its name is kept."""
    output_node.GetSegmentation().DeepCopy(draft_node.GetSegmentation())
    _format_result(output_node, selection)
    return output_node


def write_inside(node: Any, segment_id: str, mask: Mask, grid: VolumeGrid) -> None:
    """Write a segment inside the volume; its voxels outside the volume are kept."""
    labelmap = labelmap_of(node, segment_id)
    whole_grid = grid if labelmap is None else grid.covering(labelmap)
    whole = read_segments(node, [segment_id], whole_grid)
    whole[whole_grid.window(grid)] = mask
    write_segment(node, segment_id, whole, whole_grid)


def _format_result(node: Any, selection: Selection) -> None:
    """Copy place, geometry and display of the input to a result, and show it even if the input is hidden."""
    source, volume = selection.segmentation_node, selection.volume_node
    node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.CreateDefaultDisplayNodes()
    if source.GetDisplayNode() is not None:
        node.GetDisplayNode().CopyContent(source.GetDisplayNode())
    # The panel hides an input that was repaired, which would hide the result of repairing it again.
    node.SetDisplayVisibility(True)
    for segment_id in selection.wall_ids:
        node.GetDisplayNode().SetSegmentVisibility(segment_id, True)
    place_next_to(node, source, volume)
    refer_to_volume(node, volume)


def refer_to_volume(node: Any, volume_node: Any) -> None:
    """Store a reference from a repaired segmentation in the scene to its volume."""
    if node.GetNodeReference(VOLUME_ROLE) != volume_node:
        node.SetNodeReferenceID(VOLUME_ROLE, volume_node.GetID())
