"""Panel, slice view and 3D view beside each other, as they are in Slicer's window.

Put together from the three: it is no picture of a window, which the test harness does not have.
"""

from __future__ import annotations

from typing import Any

import slicer

from harness.rendering import Pixels, SliceView, ThreeDView

from .canvas import GAP, framed, in_column, in_row, shrunk
from .panel_pictures import choose, open_filled
from .sample import POOL, WALL, open_sample
from .wall_pictures import DIRECTION, clear, surface
from .widgets import GREY, grab

PANEL = (520, 790)
VIEW_WIDTH = 780
SLICE, WIDTH_MM = 8, 95.0
DISTANCE_MM = 190.0


def overview() -> Pixels:
    """Return the panel after a repair, with a slice chosen, and what the views show then."""
    with open_sample(desktop=True) as sample:
        panel = open_filled(sample)
        panel.ui.repairButton.click()
        repaired = slicer.util.getNode(f"{sample.broken.GetName()} repaired")
        dress(repaired)
        height = grab(panel.parent, PANEL).shape[0]
        size = VIEW_WIDTH, (height - GAP) // 2
        with SliceView("Red", size=size) as red, ThreeDView("2", size) as three_d:
            red.show(sample.volume)
            choose(panel, SLICE)
            red.zoom(WIDTH_MM)
            clear(three_d)
            middle = sample.middle(sample.mask(repaired))
            three_d.look(middle, DIRECTION, up=(0.0, 1.0, 0.0), distance=DISTANCE_MM)
            views = in_column([red.rgb(), three_d.rgb()], GREY)
        return shrunk(framed(in_row([grab(panel.parent, PANEL), views], GREY), GREY), 0.75)


def dress(node: Any) -> None:
    """Show wall and changes in the slice views, and the wall alone in 3D."""
    display = node.GetDisplayNode()
    display.SetSegmentVisibility(POOL, False)
    display.SetSliceIntersectionThickness(3)
    for segment_id in node.GetSegmentation().GetSegmentIDs():
        display.SetSegmentVisibility3D(segment_id, segment_id == WALL)
    surface(node)
