"""The wall in 3D before and after the repair, and as an expert drew it, as a 3D view shows it."""

from __future__ import annotations

from typing import Any

import slicer

from harness.rendering import Pixels, ThreeDView

from .canvas import framed, in_column, in_row, title
from .sample import SAMPLE_DATA, WALL, open_sample, show_only

PANE = (390, 370)
DIRECTION = (-0.5, -0.45, -1.0)
"""From the camera to the heart: from the apex, a little from the front and the right, where the gap is."""
DISTANCE_MM = 210.0
SMOOTHING = 0.2
"""Slicer's slider of the closed surface, 0 to 1. Its default, 0.5, melts slices that lie 8 mm apart into each other and
hides what is broken; this takes the stairs of the voxels away and leaves the slices to be seen."""
EXPERT_COLOUR = (0.8, 0.8, 0.8)


def wall() -> Pixels:
    """Return the closed surface of the wall before and after, and that of the expert's wall."""
    with open_sample() as sample, ThreeDView(size=PANE) as view:
        repaired = sample.repaired()
        expert = slicer.util.loadSegmentation(str(SAMPLE_DATA / "SunnybrookBroken-truth.seg.nrrd"), properties={})
        expert.GetSegmentation().GetSegment(WALL).SetColor(*EXPERT_COLOUR)
        clear(view)
        view.look(sample.middle(sample.mask(repaired)), DIRECTION, up=(0.0, 1.0, 0.0), distance=DISTANCE_MM)
        nodes = {"before": sample.broken, "after": repaired, "expert": expert}
        panes = []
        for node in nodes.values():
            for other in nodes.values():
                show_only(other)
            show_only(node, WALL)
            surface(node)
            panes.append(view.rgb())
    heads = [title(PANE[0], [(text, None)]) for text in nodes]
    return framed(in_column([in_row(heads), in_row(panes)]))


def clear(view: ThreeDView) -> None:
    """Take the box and the letters out of a 3D view."""
    view.node.SetBoxVisible(False)
    view.node.SetAxisLabelsVisible(False)


def surface(node: Any) -> None:
    """Make the closed surfaces of a segmentation, as the button *Show 3D* does."""
    node.GetSegmentation().SetConversionParameter("Smoothing factor", str(SMOOTHING))
    node.CreateClosedSurfaceRepresentation()
    node.GetDisplayNode().SetVisibility3D(True)
