"""What the harness types reaches what it reaches in Qt."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import qt
import slicer
from PySide6.QtTest import QTest

from harness.keyboard import press
from harness.qt_values import to_native

CONTEXTS = ("WidgetShortcut", "WidgetWithChildrenShortcut", "WindowShortcut")
FOCUSED = ("QPushButton", "QComboBox", "QLineEdit", "QSpinBox", "QTableWidget")


class Window:
    """A window with a box of widgets in it, and a shortcut."""

    def __init__(self, context: str, holder: str, enabled: bool) -> None:
        self.window = qt.QWidget()
        outer = qt.QVBoxLayout(self.window)
        self.box = qt.QWidget()
        outer.addWidget(self.box)
        inner = qt.QVBoxLayout(self.box)
        self.widgets = {name: getattr(qt, name)() for name in FOCUSED}
        for widget in self.widgets.values():
            inner.addWidget(widget)
        self.widgets["QComboBox"].addItems(["some", "apex", "base"])
        self.beside = qt.QPushButton("beside")
        outer.addWidget(self.beside)
        self.activated = 0
        holders = {"window": self.window, "box": self.box, "beside": self.beside, **self.widgets}
        self.shortcuts = [self.shortcut(holders[holder], context)]
        self.shortcuts[0].enabled = enabled
        self.window.show()

    def shortcut(self, holder: Any, context: str) -> Any:
        made = qt.QShortcut(holder)
        made.setKey(qt.QKeySequence("A"))
        made.setContext(getattr(qt.Qt, context))
        made.connect("activated()", self.count)
        return made

    def count(self) -> None:
        self.activated += 1

    def seen(self) -> tuple[int, str, str]:
        return self.activated, self.widgets["QComboBox"].currentText, self.widgets["QLineEdit"].text


def type_with_qt(widget: Any) -> None:
    widget.window().activateWindow()
    widget.setFocus()
    slicer.app.processEvents()
    QTest.keyClick(to_native(widget), "a")


@pytest.mark.parametrize("focused", FOCUSED)
def test_a_letter_goes_where_qt_sends_it(focused: str) -> None:
    seen = set()
    for context, holder, enabled in product(CONTEXTS, ("window", "box", "beside", focused), (True, False)):
        ours, qts = (Window(context, holder, enabled) for _ in range(2))
        press(ours.widgets[focused], "A")
        type_with_qt(qts.widgets[focused])
        assert ours.seen() == qts.seen(), (context, holder, enabled)
        seen.add(ours.seen())
    editing = focused in ("QLineEdit", "QSpinBox")
    assert {activated for activated, _, _ in seen} == ({0} if editing else {0, 1})


def test_two_shortcuts_for_the_same_letter_get_nothing() -> None:
    ours, qts = (Window("WindowShortcut", "window", True) for _ in range(2))
    for made in (ours, qts):
        made.shortcuts.append(made.shortcut(made.box, "WidgetWithChildrenShortcut"))
    press(ours.widgets["QPushButton"], "A")
    type_with_qt(qts.widgets["QPushButton"])
    assert ours.activated == qts.activated == 0


def test_a_shortcut_of_a_disabled_widget_is_dead() -> None:
    ours, qts = (Window("WindowShortcut", "beside", True) for _ in range(2))
    for made in (ours, qts):
        made.beside.enabled = False
    press(ours.widgets["QPushButton"], "A")
    type_with_qt(qts.widgets["QPushButton"])
    assert ours.activated == qts.activated == 0
