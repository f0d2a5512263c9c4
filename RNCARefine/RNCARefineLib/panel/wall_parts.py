"""Further segments of the wall, such as scar: a button with a menu of segments to tick."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _


class WallParts:
    """The segments that form one wall with the myocardium.

    Args:
        button: The ``QPushButton``; it opens the menu and shows what is ticked.
        on_chosen: Called with the IDs that are ticked when the user ticks or unticks one; not called by :meth:`fill`.
    """

    def __init__(self, button: Any, on_chosen: Callable[[list[str]], None]) -> None:
        self._button, self._on_chosen = button, on_chosen
        self._menu = qt.QMenu(button)
        button.setMenu(self._menu)
        self._offered: list[tuple[str, str]] = []
        self._actions: list[Any] = []
        self._filling = False

    def fill(self, segments: Sequence[tuple[str, str]], ticked: Sequence[str]) -> None:
        """Offer segments, given as ID and name, and tick some of them."""
        self._filling = True
        if list(segments) != self._offered:  # an open menu is not pulled from under the mouse
            self._offered = list(segments)
            self._menu.clear()
            self._actions = []
            for _key, name in self._offered:
                action = self._menu.addAction(name.replace("&", "&&"))
                action.checkable = True
                action.connect("toggled(bool)", self._on_toggled)
                self._actions.append(action)
        for (key, _name), action in zip(self._offered, self._actions, strict=True):
            action.checked = key in ticked
        self._filling = False
        names = [name for key, name in self._offered if key in ticked]
        self._button.text = ", ".join(names).replace("&", "&&") or _("None")
        self._button.enabled = bool(self._offered)

    def _on_toggled(self, _checked: bool) -> None:
        if not self._filling:
            pairs = zip(self._offered, self._actions, strict=True)
            self._on_chosen([key for (key, _name), action in pairs if action.checked])


def wall_ids(parameters: Any) -> list[str]:
    """Return the IDs of all segments of the wall that are chosen, the myocardium first."""
    return [parameters.myocardiumSegmentID, *more_ids(parameters)]


def more_ids(parameters: Any) -> list[str]:
    """Return the IDs of the further segments of the wall; a scene may hold anything in their place."""
    try:
        found = json.loads(parameters.moreWallSegmentIDs or "[]")
    except ValueError:
        return []
    return [key for key in found if isinstance(key, str)] if isinstance(found, list) else []


def store_more_ids(parameters: Any, ids: Sequence[str]) -> None:
    """Write the IDs of the further segments of the wall into the parameter node."""
    text = json.dumps(list(ids)) if ids else ""
    if parameters.moreWallSegmentIDs != text:
        parameters.moreWallSegmentIDs = text
