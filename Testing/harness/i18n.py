"""Stand-in for ``slicer.i18n``: the same two functions; the application that they ask translates nothing."""

from __future__ import annotations

import slicer


def translate(context: str, text: str) -> str:
    """Return ``text`` in the language of the application."""
    # Outside the tests of the application there is none, but what it has set in the engine stays.
    return str(slicer.app.translate(context, text)) if hasattr(slicer, "app") else text


def tr(text: str) -> str:
    """Return ``text`` in the language of the application, with the calling file as context."""
    return translate("", text)
