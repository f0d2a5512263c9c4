"""Changes of nodes while they are in use: removed, emptied or painted over."""

from __future__ import annotations

import slicer

from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid

from .hearts import Heart


def segmentation_gone(heart: Heart) -> None:
    slicer.mrmlScene.RemoveNode(heart.segmentation)


def volume_gone(heart: Heart) -> None:
    slicer.mrmlScene.RemoveNode(heart.volume)


def wall_gone(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().RemoveSegment("myo")


def other_gone(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().RemoveSegment("rv")


def painted(heart: Heart) -> None:
    wall = heart.masks["myo"].copy()
    wall[0] = 0
    write_segment(heart.segmentation, "myo", wall, VolumeGrid.of_volume(heart.volume))


def voxels_gone(heart: Heart) -> None:
    heart.volume.SetAndObserveImageData(None)


def labelmap_gone(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().RemoveRepresentation("Binary labelmap")


def scene_closed(heart: Heart) -> None:
    slicer.mrmlScene.Clear()
