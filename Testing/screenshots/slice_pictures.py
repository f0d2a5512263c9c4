"""Slices before and after the repair, as slice views show them."""

from __future__ import annotations

from typing import Any

from harness.rendering import Pixels, SliceView
from rncarefine.report import pictures
from RNCARefineLib.mrml.review.views import show_slice

from .canvas import framed, in_column, in_row, title, written
from .sample import WALL, Sample, open_sample, show_only

PANE = (390, 300)
ROWS = ((2, 195.0, (-22.0, -26.0)), (6, 115.0, (0.0, 0.0)), (8, 115.0, (0.0, 0.0)))
"""Slice, width of the view in mm, and where its middle lies from the heart's, in mm to the patient's right and to the
front. The first has false walls on other organs, the others have gaps."""


def slices() -> Pixels:
    """Return three slices below each other: before, after, and what was added and removed."""
    with open_sample() as sample, SliceView(size=PANE) as view:
        repaired = sample.repaired()
        for node in (sample.broken, repaired):
            outline(node)
        view.show(sample.volume)
        rows = [row(sample, repaired, view, *where) for where in ROWS]
    heads = [
        title(PANE[0], [("before", None)]),
        title(PANE[0], [("after", None)]),
        title(PANE[0], [("added", pictures.ADDED), ("removed", pictures.REMOVED)]),
    ]
    return framed(in_column([in_row(heads), *rows]))


def outline(node: Any) -> None:
    """Draw the wall of a segmentation as a line, and all else filled."""
    display = node.GetDisplayNode()
    display.SetSliceIntersectionThickness(2)
    display.SetOpacity2DFill(0.75)
    display.SetSegmentOpacity2DFill(WALL, 0.0)


def row(sample: Sample, repaired: Any, view: SliceView, k: int, width_mm: float, shift: tuple[float, float]) -> Pixels:
    """Return the three panes of a slice."""
    r, a, s = show_slice(sample.volume, k, sample.mask(repaired)[k])
    view.node.JumpSliceByCentering(r + shift[0], a + shift[1], s)
    view.zoom(width_mm)
    panes = []
    for old, new in (((WALL,), ()), ((), (WALL,)), ((), (WALL, f"{WALL}_added", f"{WALL}_removed"))):
        show_only(sample.broken, *old)
        show_only(repaired, *new)
        panes.append(view.rgb())
    panes[0] = written(panes[0], f"slice {k}", (10, PANE[1] - 8), size=20)
    return in_row(panes)
