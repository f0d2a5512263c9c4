"""The file of the panel's widgets has only classes, properties and signals that the application has."""

from __future__ import annotations

import slicer

from harness.panel_steps import MODULE_FILE
from harness.pythonqt.loader import check_ui


def test_everything_in_the_file_of_the_panel_exists_in_the_application() -> None:
    path = MODULE_FILE.parent / "Resources" / "UI" / "RNCARefine.ui"
    check_ui(path)
    assert slicer.util.loadUI(str(path)).className() == "qMRMLWidget"
