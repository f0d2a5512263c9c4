"""The report as a file, in the format of its ending."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..frames import Frame
from .findings import Findings


def export(findings: Findings, parent: Any, choose: Callable[[Any, str], str] | None = None) -> str:
    """Ask for a file and write the report.

    Args:
        findings: What to report.
        parent: The widget that the window belongs to.
        choose: Shows a save dialog over a widget with a suggested path and returns the chosen one, empty if none was.

    Returns:
        The path that was written, empty if the user wants none.

    Raises:
        ValueError: The ending is that of no report format.
        OSError: The file cannot be written; what was there before is still there.
    """
    path = (choose or ask_for_file)(parent, suggested_path(findings.segmentation_node.GetName(), findings.frame))
    if path:
        findings.export(path)
    return path


def suggested_path(name: str, frame: Frame | None = None) -> str:
    """Return where a report would go: next to the scene, named after the segmentation and the frame, from 1."""
    folder = Path(slicer.mrmlScene.GetRootDirectory() or ".")
    stem = re.sub(r'[\\/:*?"<>|\s]+', " ", name).strip()
    of_frame = "" if frame is None else f"_frame-{frame.number + 1}"
    return str(folder / f"{stem or 'RNCARefine'}{of_frame}.html")


def ask_for_file(parent: Any, suggestion: str) -> str:
    """Show a save dialog over a widget; return the chosen path, empty if the person wants none."""
    import qt

    return str(
        qt.QFileDialog.getSaveFileName(parent, _("Export the report"), suggestion, _("Reports (*.html *.csv *.json)"))
        or ""
    )
