"""The sample data in a headless Slicer, repaired by the module's own logic with the shipped weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness.modules import load_scripted_module
from harness.session import Session
from rncarefine.anatomy.topology import largest_component
from rncarefine.report import pictures
from rncarefine.stack import Mask
from RNCARefineLib.mrml import sample_data
from RNCARefineLib.mrml.nodes.segments import read_segments, write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_DATA = ROOT / "RNCARefine" / "Resources" / "SampleData"
WALL, POOL = "myocardium", "bloodpool"
GREY_LEVELS = (0.0, 110.0)
"""What is black and what is white: the heart's blood is bright and not saturated."""
HEART_PIXELS = 36
"""No wall of the heart is further from its centre."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The sample in the scene of a headless Slicer.

    Attributes:
        session: The headless Slicer.
        module: The module's file, loaded.
        volume: The stack.
        broken: The segmentation that the network left.
    """

    session: Session
    module: ModuleType
    volume: Any
    broken: Any

    def repaired(self) -> Any:
        """Repair the wall as the panel does by default; return the new segmentation."""
        logic = self.module.RNCARefineLogic()
        logic.process(self.broken, WALL, self.volume, poolSegmentID=POOL)
        return logic.outputSegmentationNode()

    def mask(self, node: Any, segment_id: str = WALL) -> Mask:
        """Return a segment's voxels, axes (k, j, i)."""
        return read_segments(node, [segment_id], VolumeGrid.of_volume(self.volume))

    def middle(self, mask: Mask) -> tuple[float, float, float]:
        """Return the centre of a mask of the whole stack, in mm (RAS)."""
        k, j, i = np.argwhere(mask).mean(axis=0)
        r, a, s, _ = VolumeGrid.of_volume(self.volume).ijk_to_ras @ [i, j, k, 1.0]
        return float(r), float(a), float(s)

    def heart(self, k: int) -> Mask:
        """Return the largest piece of the broken wall of a slice, which is that of the heart."""
        return largest_component(self.mask(self.broken)[k])

    def miss_the_heart_in(self, k: int) -> None:
        """Take the wall around the heart out of a slice, as if the network had missed it; its false walls stay."""
        mask = self.mask(self.broken)
        centre = np.argwhere(self.heart(k - 1)).mean(axis=0)
        j, i = np.indices(mask[k].shape)
        mask[k][np.hypot(j - centre[0], i - centre[1]) < HEART_PIXELS] = 0
        write_segment(self.broken, WALL, mask, VolumeGrid.of_volume(self.volume))


@contextmanager
def open_sample(*, desktop: bool = False) -> Iterator[Sample]:
    """Start a headless Slicer with the sample in its scene.

    Args:
        desktop: With a main window, so that panels show their messages.
    """
    session = Session()
    try:
        if desktop:
            session.open_desktop()
        module = load_scripted_module(ROOT / "RNCARefine" / "RNCARefine.py")
        volume, broken = sample_data.load()
        volume.GetDisplayNode().SetAutoWindowLevel(False)
        volume.GetDisplayNode().SetWindowLevelMinMax(*GREY_LEVELS)
        # The report's yellow: the sample's own colour of the wall is hard to tell from that of removed voxels.
        broken.GetSegmentation().GetSegment(WALL).SetColor(*(value / 255 for value in pictures.WALL))
        yield Sample(session, module, volume, broken)
    finally:
        session.close()


def show_only(node: Any, *segment_ids: str) -> None:
    """Show these segments of a segmentation, in slices and in 3D, and no others."""
    display = node.GetDisplayNode()
    display.SetVisibility(bool(segment_ids))
    display.SetAllSegmentsVisibility(False)
    for segment_id in segment_ids:
        display.SetSegmentVisibility(segment_id, True)
