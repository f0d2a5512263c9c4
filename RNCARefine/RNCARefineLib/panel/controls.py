"""Controls that say why they cannot be used."""

from __future__ import annotations

from typing import Any


def enable(control: Any, tip: str, unless: str = "") -> None:
    """Enable a control, or say in its tooltip why it cannot be used now.

    Args:
        control: A button or another widget.
        tip: What it does; the tooltip of the enabled control.
        unless: What is missing; empty if nothing is.
    """
    control.enabled = not unless
    control.toolTip = unless or tip


def make_small(widget: Any, factor: float) -> None:
    """Make the letters of a widget smaller, in proportion: a size in points would be another one on each system."""
    font = widget.font
    if font.pointSizeF() > 0:  # it may be given in pixels
        font.setPointSizeF(factor * font.pointSizeF())
        widget.font = font


def say(label: Any, text: str) -> None:
    """Show a text in a label; without one the label takes no room."""
    label.text = text
    label.visible = bool(text)
