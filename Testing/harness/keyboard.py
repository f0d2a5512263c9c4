"""Typing into a widget, by Qt's public interface alone: the same on the stand-ins and on real PythonQt.

Python sees neither QTest nor Qt's map of shortcuts there, so Qt's rules for a key are written out here.
``Testing/slicer/test_harness_keyboard.py`` compares them with Qt itself.
"""

from __future__ import annotations

from typing import Any

import slicer


def press(widget: Any, letter: str) -> None:
    """Give a widget the focus and type a letter.

    A widget that edits text claims the letter. Else the shortcut whose context has the focus gets it, nobody if there
    are several, and the widget if there is none.

    Args:
        widget: A widget that is shown.
        letter: A capital letter.
    """
    import qt

    widget.window().activateWindow()
    widget.setFocus()
    slicer.app.processEvents()
    if not _send(widget, qt.QEvent.ShortcutOverride, letter):
        reached = [shortcut for shortcut in widget.window().findChildren(qt.QShortcut) if _reaches(shortcut, widget)]
        reached = [shortcut for shortcut in reached if shortcut.key.toString() == letter]
        if len(reached) == 1:
            reached[0].activated.emit()
        if reached:
            return
    for kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
        _send(widget, kind, letter)


def _send(widget: Any, kind: int, letter: str) -> bool:
    """Send a key event to a widget; return whether it, or a parent of it, has accepted it."""
    import qt

    event = qt.QKeyEvent(kind, ord(letter), qt.Qt.NoModifier, letter.lower())
    event.ignore()
    qt.QCoreApplication.sendEvent(widget, event)
    return bool(event.isAccepted())


def _reaches(shortcut: Any, focus: Any) -> bool:
    """Whether a shortcut can be used while a widget of its window has the focus."""
    import qt

    holder = shortcut.parent()
    if not (shortcut.enabled and holder.visible and holder.enabled):
        return False
    if shortcut.context == qt.Qt.WidgetShortcut:
        return bool(holder == focus)
    if shortcut.context == qt.Qt.WidgetWithChildrenShortcut:
        return bool(holder == focus or holder.isAncestorOf(focus))
    return bool(shortcut.context == qt.Qt.WindowShortcut)
