"""A drawn cine sequence in the scene: a browser that plays a heart, and its segmentation, over three frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk

from rncarefine.refine.options import RepairOptions
from RNCARefineLib.mrml.cine.frames import Cine
from RNCARefineLib.mrml.cine.repair import CineOutcome, process_sequence
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid

from .hearts import GAP, SPECK, Heart, Mask, draw_heart, node_census, segment_voxels, write_voxels

TIMES = ("0", "30.5", "61")
"""Index values of the frames, in ms."""
INTACT_FRAME = 1
"""The frame in which every slice is a ring; in the others GAP and SPECK are broken, in the last slice 0, too."""


@dataclass
class DrawnCine:
    """A browser and what it plays.

    Attributes:
        browser: Its master is the sequence of volumes; it shows frame 0.
        heart: The volume and the segmentation that the browser shows, named ``Cine`` and ``Heart``.
        volumes: The sequence of volumes; the image is the same in each but for an offset of 10 a frame.
        segmentations: The sequence of segmentations.
        walls: The myocardium of each frame, as it was drawn.
    """

    browser: Any
    heart: Heart
    volumes: Any
    segmentations: Any
    walls: list[Mask]

    def voxels(self, frame: int, segment_id: str = "myo", sequence: Any = None) -> Mask:
        """Return the voxels of a segment in a frame of a sequence, by default the drawn one."""
        return segment_voxels((sequence or self.segmentations).GetNthDataNode(frame), segment_id, self.heart.volume)

    def shown(self, segment_id: str = "myo", node: Any = None) -> Mask:
        """Return the voxels of a segment as the browser shows it."""
        return self.heart.voxels(segment_id, node)

    def write(self, frame: int, segment_id: str, mask: Mask) -> None:
        """Replace the voxels of a segment in a frame of the sequence."""
        lattice = VolumeGrid.of_volume(self.heart.volume).ijk_to_ras
        write_voxels(self.segmentations.GetNthDataNode(frame), segment_id, mask, lattice)
        self.segmentations.Modified()

    def set_image(self, frame: int, image: Any) -> None:
        """Replace the voxels of the image in a frame of the sequence."""
        slicer.util.updateVolumeFromArray(self.volumes.GetNthDataNode(frame), image)
        self.volumes.Modified()

    def snapshot(self) -> tuple[Any, ...]:
        """Return all that a repair into a sequence of its own must not change."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        browser, sequence = self.browser, self.segmentations
        frames = range(sequence.GetNumberOfDataNodes())
        items = [sequence.GetNthDataNode(frame).GetSegmentation() for frame in frames]
        return (
            node_census(),
            hierarchy.GetNumberOfItems(),
            len(sequences_of(browser)),
            browser.GetSelectedItemNumber(),
            browser.GetSaveChanges(sequence),
            self.heart.segmentation.GetNodeReferenceID("RNCARefine.Volume"),
            [list(item.GetSegmentIDs()) for item in items],
            [self.voxels(frame, "myo").tobytes() for frame in frames],
            [self.voxels(frame, "pool").tobytes() for frame in frames],
            [item.GetSegment("myo").HasTag("RNCARefine.Report") for item in items],
            self.shown().tobytes(),
        )


def draw_cine(geometry: str = "oblique") -> DrawnCine:
    heart = draw_heart(geometry)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    volumes, segmentations = (_sequence(f"{node.GetName()} sequence") for node in (heart.volume, heart.segmentation))
    image = slicer.util.arrayFromVolume(heart.volume).copy()
    intact = np.repeat(heart.ring[None], len(image), axis=0)
    last = heart.masks["myo"].copy()
    last[0] = last[GAP]
    walls = [heart.masks["myo"], intact, last]
    lattice = VolumeGrid.of_volume(heart.volume).ijk_to_ras
    for frame, time in enumerate(TIMES):
        slicer.util.updateVolumeFromArray(heart.volume, image + 10 * frame)
        write_voxels(heart.segmentation, "pool", heart.masks["pool"] & (1 - walls[frame]), lattice)
        write_voxels(heart.segmentation, "myo", walls[frame], lattice)
        volumes.SetDataNodeAtValue(heart.volume, time)
        segmentations.SetDataNodeAtValue(heart.segmentation, time)
    browser.SetAndObserveMasterSequenceNodeID(volumes.GetID())
    browser.AddSynchronizedSequenceNodeID(segmentations.GetID())
    browser.AddProxyNode(heart.volume, volumes, False)
    browser.AddProxyNode(heart.segmentation, segmentations, False)
    return DrawnCine(browser, heart, volumes, segmentations, walls)


def chosen(cine: DrawnCine, pool: str | None = "pool") -> Cine:
    """Return the wall of a cine sequence, chosen to be repaired."""
    return Cine.create(cine.browser, cine.heart.segmentation, "myo", cine.heart.volume, pool)


def repair(cine: DrawnCine, pool: str | None = "pool", trim_pool: bool = False, **arguments: Any) -> CineOutcome:
    """Repair a cine sequence with the toy engine, which must be in place."""
    model: Any = "toy"
    return process_sequence(chosen(cine, pool), model, RepairOptions(trim_pool=trim_pool), **arguments)


def segment_ids(sequence: Any) -> list[list[str]]:
    """Return the segments of each frame of a sequence."""
    frames = range(sequence.GetNumberOfDataNodes())
    return [list(sequence.GetNthDataNode(frame).GetSegmentation().GetSegmentIDs()) for frame in frames]


def column(table_node: Any, name: str) -> list[Any]:
    """Return the values of a column of a table."""
    values = table_node.GetTable().GetColumnByName(name)
    return [values.GetValue(row) for row in range(values.GetNumberOfValues())]


def sequences_of(browser: Any) -> list[Any]:
    collection = vtk.vtkCollection()
    browser.GetSynchronizedSequenceNodes(collection, True)
    return [collection.GetItemAsObject(index) for index in range(collection.GetNumberOfItems())]


def repaired_walls(cine: DrawnCine) -> list[Mask]:
    """Return the walls as the toy engine repairs them: rings wherever the frame has a wall."""
    ring = np.repeat(cine.heart.ring[None], len(cine.walls[0]), axis=0)
    assert all(not np.array_equal(cine.walls[0][k], ring[k]) for k in (GAP, SPECK))
    return [ring] * len(cine.walls)


def _sequence(name: str) -> Any:
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("trigger time")
    sequence.SetIndexUnit("ms")
    return sequence
