"""Every picture by its name."""

from __future__ import annotations

from collections.abc import Callable

from harness.rendering import Pixels

from .effect_picture import effect
from .overview_picture import overview
from .panel_pictures import advanced, checked, flagged, repaired
from .report_picture import report
from .slice_pictures import slices
from .wall_pictures import wall

PICTURES: dict[str, Callable[[], Pixels]] = {
    "overview": overview,
    "slices": slices,
    "wall-3d": wall,
    "panel-checked": checked,
    "panel-repaired": repaired,
    "panel-flagged": flagged,
    "panel-advanced": advanced,
    "effect": effect,
    "report": report,
}
"""Name of a picture, which is that of its file, to the function that draws it."""
