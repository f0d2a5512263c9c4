"""The Segment Editor effect: its options, and its preview in the slice view beside them."""

from __future__ import annotations

from typing import Any

from harness.effects import NAME, register
from harness.rendering import Pixels, SliceView
from harness.segment_editor import SegmentEditor
from RNCARefineLib.mrml.review.views import show_slice

from .canvas import framed, in_row, padded
from .sample import WALL, Sample, open_sample, show_only
from .widgets import GREY, grab, use_fonts

OPTIONS = (430, 363)
"""Width and least height of the options, in their own pixels, of which the picture has twice as many."""
VIEW = (640, 2 * OPTIONS[1])
SLICE, WIDTH_MM = 6, 95.0


def effect() -> Pixels:
    """Return the options after *Preview*, and the slice view with the preview."""
    with open_sample(desktop=True) as sample, SliceView(size=VIEW) as view:
        use_fonts()
        view.show(sample.volume)
        show_slice(sample.volume, SLICE, sample.heart(SLICE))
        view.zoom(WIDTH_MM)
        editor = open_editor(sample)
        scripted: Any = editor.activeEffect()
        options = scripted.self().options
        options.pool.setCurrentIndex(options.pool.findText("blood pool"))
        options.preview.click()
        show_only(sample.broken, WALL)
        for node in (sample.broken, scripted.nodeReference("Preview")):
            node.GetDisplayNode().SetSliceIntersectionThickness(3)
        panes = [grab(scripted.optionsFrame(), OPTIONS), view.rgb()]
        editor.close()
        height = max(len(pane) for pane in panes)
        return framed(in_row([padded(pane, height, GREY) for pane in panes], GREY), GREY)


def open_editor(sample: Sample) -> SegmentEditor:
    """Open the sample in Segment Editor, with the effect active."""
    register()
    editor = SegmentEditor()
    editor.setSegmentationNode(sample.broken)
    editor.setSourceVolumeNode(sample.volume)
    editor.setCurrentSegmentID(WALL)
    editor.setActiveEffectByName(NAME)
    return editor
