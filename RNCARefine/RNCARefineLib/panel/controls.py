"""Helpers for widgets: enabled state with the reason, texts, and a combo box with keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from slicer.i18n import tr as _

if TYPE_CHECKING:
    from rncarefine.refine.options import OptionInfo


class Option(NamedTuple):
    """An entry: its key, its text, and the tooltip of the box while it is selected."""

    key: str
    text: str
    tip: str = ""


class ChoiceBox:
    """A combo box whose entries have keys, for content that no Slicer widget can list.

    Args:
        combo: The ``QComboBox``.
        on_chosen: Called with the key when the user (or a script, through the combo box) chooses another entry;
            not called by :meth:`fill`.
    """

    def __init__(self, combo: Any, on_chosen: Callable[[str], None]) -> None:
        self._combo = combo
        self._tip = str(combo.toolTip)
        self._options: list[Option] = []
        self._on_chosen = on_chosen
        combo.connect("currentIndexChanged(int)", self._on_index)

    def fill(self, options: Sequence[Option], key: str) -> None:
        """Replace the entries and select one; an unknown key selects none."""
        if list(options) != self._options:  # an open list is not replaced by an equal one
            blocked = self._combo.blockSignals(True)
            self._options = list(options)
            self._combo.clear()
            for option in self._options:
                self._combo.addItem(option.text)
            self._combo.blockSignals(blocked)
        self.select(key)

    def select(self, key: str) -> None:
        """Select an entry; an unknown key selects none."""
        keys = [option.key for option in self._options]
        blocked = self._combo.blockSignals(True)
        self._combo.currentIndex = keys.index(key) if key in keys else -1
        self._combo.blockSignals(blocked)
        self._show_tip()

    def _on_index(self, index: int) -> None:
        self._show_tip()
        if 0 <= index < len(self._options):
            self._on_chosen(self._options[index].key)

    def _show_tip(self) -> None:
        index = self._combo.currentIndex
        tip = self._options[index].tip if 0 <= index < len(self._options) else ""
        self._combo.toolTip = f"{self._tip}\n{tip}" if tip else self._tip


def enable(control: Any, tip: str, unless: str = "") -> None:
    """Enable a control, or disable it and state the reason in its tooltip.

    Args:
        control: A button or another widget.
        tip: Tooltip of the enabled control.
        unless: Reason for disabling; empty to enable.
    """
    control.enabled = not unless
    control.toolTip = unless or tip


def describe(widget: Any, info: OptionInfo, label: Any = None) -> None:
    """Set label, tooltip and text for "not set" of the widget of an option.

    Args:
        widget: A check box, spin box or combo box.
        info: Description of the option.
        label: The label next to the widget; not needed for a check box, which has the text itself.
    """
    if label is None:
        widget.text = _(info.label)
    else:
        label.text = f"{_(info.label)}:"
    widget.toolTip = _(info.help)
    if info.unset:
        widget.specialValueText = _(info.unset)


def make_small(widget: Any, factor: float) -> None:
    """Reduce the font size of a widget in proportion: a size in points would differ between systems."""
    font = widget.font
    if font.pointSizeF() > 0:  # it may be given in pixels
        font.setPointSizeF(factor * font.pointSizeF())
        widget.font = font


def set_text(label: Any, text: str) -> None:
    """Show a text in a label; an empty text hides the label."""
    label.text = text
    label.visible = bool(text)
