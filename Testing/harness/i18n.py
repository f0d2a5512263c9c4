"""Stand-in for ``slicer.i18n``: the same two functions; the application that they ask translates nothing."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from pathlib import Path

import slicer


def translate(context: str, text: str) -> str:
    """Return ``text`` in the language of the application."""
    # Outside the tests of the application there is none, but what it has set in the engine stays.
    return str(slicer.app.translate(context, text)) if hasattr(slicer, "app") else text


def tr(text: str) -> str:
    """Return ``text`` in the language of the application, with the calling file as context."""
    return translate(_context(inspect.getfile(sys._getframe(1))), text)


@cache
def _context(source: str) -> str:
    """Return what a file's texts are filed under: the package it is in, if it is in one, and the file."""
    path = Path(source)
    package = f"{path.parent.name}." if (path.parent / "__init__.py").is_file() else ""
    return f"{package}{path.stem}"
