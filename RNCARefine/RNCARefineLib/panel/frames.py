"""Cine sequences: the browser of the selected nodes, its shown frame, and the selector of frames.

Frames are numbered from 0, like the items of the browser; messages count from 1 ("frame 3 of 30").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..mrml.cine.repair import CineOutcome
from ..mrml.cine.report import FRAMES_ROLE, refresh_frames_table
from ..mrml.review.kept import reviewed_segments
from .controls import enable
from .messages import number_ranges

ALL_FRAMES = "all frames"
"""Value of the parameter ``frames`` that repairs the whole sequence; any other repairs the shown frame."""


@dataclass(frozen=True)
class Frame:
    """A frame of a sequence.

    Attributes:
        number: Its number, from 0.
        count: Number of frames.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return _("frame {number} of {count}").format(number=self.number + 1, count=self.count)


class FramesChoice:
    """The row of the frames selector, which is bound to the parameter node.

    Args:
        ui: The widgets of the panel.
    """

    def __init__(self, ui: Any) -> None:
        self._label, self._selector = ui.framesLabel, ui.framesSelector
        self._tip = str(self._selector.toolTip)

    def update(self, parameters: Any) -> None:
        """Show the row if a sequence browser shows the selected volume."""
        played = parameters is not None and player_of(parameters.inputVolume) is not None
        for widget in (self._label, self._selector):
            widget.visible = played
        node = None if parameters is None else parameters.inputSegmentation
        alone = ""
        if played and node is not None and player_of(node) is None:
            alone = _("{name} is not part of the sequence; it belongs to the shown frame only.")
            alone = alone.format(name=node.GetName())
        enable(self._selector, self._tip, alone)


def player_of(node: Any) -> Any:
    """Return the sequence browser that shows a node; ``None`` if there is none or no module Sequences."""
    module = getattr(slicer.modules, "sequences", None)
    if node is None or module is None:
        return None
    browser = module.logic().GetFirstBrowserNodeForProxyNode(node)
    return browser if browser is not None and browser.GetNumberOfItems() > 0 else None


def browser_of(segmentation_node: Any, volume_node: Any) -> Any:
    """Return the browser that shows a volume, preferably one that also shows the segmentation."""
    browser = player_of(segmentation_node)
    if browser is not None and volume_node is not None and browser.GetSequenceNode(volume_node) is not None:
        return browser
    return player_of(volume_node)


def frame_of(browser: Any) -> Frame | None:
    """Return the frame that a browser shows; ``None`` for no browser."""
    return None if browser is None else Frame(browser.GetSelectedItemNumber(), browser.GetNumberOfItems())


def has_repaired_frame(segmentation_node: Any) -> bool:
    """Whether a segmentation is shown by a browser, and any of its frames was repaired."""
    browser = player_of(segmentation_node)
    sequence = None if browser is None else browser.GetSequenceNode(segmentation_node)
    if sequence is None:
        return False
    items = [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]
    return any(reviewed_segments(item.GetSegmentation()) for item in items if item is not None)


def summary_of_frames(segmentation_node: Any) -> str:
    """Return the summary line of the repaired sequence of a segmentation; empty if there is none."""
    table = segmentation_node.GetNodeReference(FRAMES_ROLE)
    return "" if table is None or player_of(segmentation_node) is None else str(table.GetDescription() or "")


def refresh_frames(segmentation_node: Any, segment_id: str, volume_node: Any) -> None:
    """Update the table of all frames with the decisions, if there is one."""
    browser = player_of(segmentation_node)
    if browser is None or segmentation_node.GetNodeReference(FRAMES_ROLE) is None:
        return
    if browser.GetSequenceNode(volume_node) is not None:
        refresh_frames_table(browser, segmentation_node, segment_id, volume_node)


def warnings_of(outcome: CineOutcome) -> str:
    """Return the warnings about the repair of a sequence, one per line."""
    lines = []
    if outcome.cancelled:
        text = _("Cancelled. Finished frames are kept. {frames}: not reached, copied unchanged.")
        lines.append(text.format(frames=_frames(outcome.not_reached)))
    text = _("{frames}: could not be repaired. {reason}")
    lines += [text.format(frames=frames, reason=reason) for reason, frames in _grouped(outcome.failed).items()]
    warnings: dict[int, str] = {}
    for frame, report in outcome.reports.items():
        if report.warnings:
            warnings[frame] = " ".join(report.warnings)
    lines += [f"{frames}: {warning}" for warning, frames in _grouped(warnings).items()]
    return "\n".join(lines)


def _grouped(texts: Mapping[int, str]) -> dict[str, str]:
    """Return each text with its frames; usually it is one text for all of them."""
    frames: dict[str, list[int]] = {}
    for frame, text in texts.items():
        frames.setdefault(text, []).append(frame)
    return {text: _frames(concerned) for text, concerned in frames.items()}


def _frames(frames: list[int]) -> str:
    one_or_more = _("Frame {numbers}") if len(frames) == 1 else _("Frames {numbers}")
    return one_or_more.format(numbers=number_ranges(frame + 1 for frame in frames))
