"""Runs of the module's logic on a drawn heart, and all that a run must not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from RNCARefineLib.mrml.review.kept import tag_of

from .hearts import Heart, Mask, node_census

RESULT = ["myo", "pool", "rv", "scar", "myo_added", "myo_removed"]
"""The segments of a repaired heart, in their order."""


def snapshot(heart: Heart) -> tuple[Any, ...]:
    """Return all that a run must not change: nodes, hierarchy, and the input with its voxels, tags and references."""
    segmentation = heart.segmentation.GetSegmentation()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    ids = list(segmentation.GetSegmentIDs())
    segments = [segmentation.GetSegment(segment_id) for segment_id in ids]
    return (
        node_census(),
        hierarchy.GetNumberOfItems(),
        ids,
        [heart.voxels(segment_id).tobytes() for segment_id in ids],
        [segmentation.GetLayerIndex(segment_id) for segment_id in ids],
        [(segment.GetName(), segment.GetColor(), segment.GetLabelValue()) for segment in segments],
        [tag_of(segment, "Segmentation.Status") for segment in segments],
        [tag_of(segment, "RNCARefine.Provenance") for segment in segments],
        heart.segmentation.GetName(),
        heart.segmentation.GetNodeReferenceID("RNCARefine.Report"),
        heart.segmentation.GetNodeReferenceID("referenceImageGeometryRef"),
    )


def expected_result(heart: Heart) -> dict[str, Mask]:
    """Return the voxels of each segment of a repaired heart."""
    ring, masks = np.repeat(heart.ring[None], len(heart.masks["myo"]), axis=0), heart.masks
    wall, changes = {"myo": ring}, {"myo_added": ring & ~masks["myo"] & 1, "myo_removed": masks["myo"] & ~ring & 1}
    return wall | {"pool": masks["pool"] & ~ring & 1, "rv": masks["rv"], "scar": masks["scar"]} | changes


def process(logic: Any, heart: Heart, **options: Any) -> Any:
    """Repair the wall of a heart, with its pool unless the options say otherwise, and return the report."""
    return logic.process(heart.segmentation, "myo", heart.volume, **{"poolSegmentID": "pool", **options})


def destinations() -> list[dict[str, Any]]:
    """Return the options for a result in a new node, in a given node that has a segment ``old``, and in place."""
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    output.GetSegmentation().AddEmptySegment("old")
    return [{}, {"outputSegmentationNode": output}, {"inPlace": True}]
