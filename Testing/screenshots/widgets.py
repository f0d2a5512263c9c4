"""Widgets as pictures, in a font that is the same on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PySide6 import QtGui, QtWidgets

from harness.pythonqt.values import to_native
from harness.rendering import Pixels

GREY = (239, 239, 239)
"""The ground of widgets."""
FAMILY = "DejaVu Sans"
_FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")


def use_fonts() -> None:
    """Give the application matplotlib's copy of DejaVu Sans; call it before the first widget is made."""
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        if QtGui.QFontDatabase.addApplicationFont(str(_FONTS / name)) < 0:
            raise RuntimeError(f"The font {name} of matplotlib cannot be read.")
    QtWidgets.QApplication.setFont(QtGui.QFont(FAMILY, 9))


def grab(widget: Any, size: tuple[int, int] | None = None) -> Pixels:
    """Return what a widget looks like.

    Args:
        widget: A widget as the module sees it.
        size: Width and height in the widget's own pixels, of which the picture has more (see ``QT_SCALE_FACTOR``); as
            it is laid out if not given.
    """
    native = to_native(widget)
    if size is not None:
        native.resize(*size)
    QtWidgets.QApplication.processEvents()
    image = native.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
