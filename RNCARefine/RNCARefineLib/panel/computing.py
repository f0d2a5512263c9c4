"""Compute-device status, and the button that installs PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from rncarefine.refine.records import RunRecord

from .controls import enable
from .pytorch import PyTorch

_BACKENDS = {"numpy": "NumPy", "torch": "PyTorch"}


class ComputingLine:
    """Looks for PyTorch only when it is needed: when the section Advanced is opened.

    Args:
        ui: The widgets of the panel.
        notice: Shows a sentence to the user.
        pytorch: Looks for PyTorch and installs it.
    """

    def __init__(self, ui: Any, notice: Callable[[str], None], pytorch: PyTorch | None = None) -> None:
        self._ui = ui
        self._notice = notice
        self._pytorch = pytorch or PyTorch()
        self._known = False
        ui.advancedCollapsibleButton.connect("contentsCollapsed(bool)", self._on_collapsed)
        ui.installPyTorchButton.connect("clicked()", self._install)

    def refresh(self) -> None:
        """Detect the device and show it."""
        with slicer.util.WaitCursor():
            found = self._pytorch.computing()
        self._known = True
        self._ui.computingLabel.text = found.text
        self._ui.computingLabel.toolTip = found.trouble or _("What the device auto stands for on this computer.")
        enable(
            self._ui.installPyTorchButton,
            _("Install PyTorch through the PyTorch extension. It is optional: repairs run without it."),
            "" if not found.installed else found.trouble or _("PyTorch is installed."),
        )

    def show_run(self, run: RunRecord) -> None:
        """Show the device of the last repair."""
        device = _("CPU") if run.device == "cpu" else run.device.upper()
        self._ui.computingLabel.text = f"{device} ({_BACKENDS.get(run.backend, run.backend)})"

    def _on_collapsed(self, collapsed: bool) -> None:
        if not collapsed and not self._known:
            self.refresh()

    def _install(self) -> None:
        self._notice(self._pytorch.install())
        self.refresh()
