"""The module's panel: after a check, after a repair, and with a slice that needs review."""

from __future__ import annotations

from typing import Any

from harness.panels import open_panel
from harness.rendering import Pixels

from .sample import ROOT, Sample, open_sample
from .widgets import grab, use_fonts

SIZE = (520, 790)
MISSED = 8
"""The slice at the apex, in which the network misses the heart for the picture with a flag."""


def checked() -> Pixels:
    """Return the panel after *Check*."""
    with open_sample(desktop=True) as sample:
        panel = open_filled(sample)
        panel.ui.checkButton.click()
        return grab(panel.parent, SIZE)


def repaired() -> Pixels:
    """Return the panel after *Repair*, with the first slice accepted."""
    with open_sample(desktop=True) as sample:
        panel = open_filled(sample)
        panel.ui.repairButton.click()
        choose(panel, 0)
        panel.ui.acceptButton.click()
        choose(panel, 6)
        return grab(panel.parent, SIZE)


def flagged() -> Pixels:
    """Return the panel after the repair of a stack in which the network has missed the heart in one slice."""
    with open_sample(desktop=True) as sample:
        sample.miss_the_heart_in(MISSED)
        panel = open_filled(sample)
        panel.ui.repairButton.click()
        choose(panel, MISSED)
        return grab(panel.parent, SIZE)


def advanced() -> Pixels:
    """Return the section *Advanced* of the panel."""
    with open_sample(desktop=True) as sample:
        section = open_filled(sample).ui.advancedCollapsibleButton
        section.collapsed = False
        return grab(section)


def open_filled(sample: Sample) -> Any:
    """Open the panel and choose wall and pool, which nobody can guess."""
    use_fonts()
    panel = open_panel(ROOT / "RNCARefine" / "RNCARefine.py")
    for selector, name in ((panel.ui.myocardiumSelector, "myocardium"), (panel.ui.poolSelector, "blood pool")):
        selector.setCurrentIndex(selector.findText(name))
    return panel


def choose(panel: Any, k: int) -> None:
    """Click on the row of a slice."""
    panel.ui.sliceTable.setCurrentCell(k, 0)
