"""Suggest the nearest known word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return `` (did you mean 'x'?)`` where a known word is near, else nothing.

    Args:
        word: What was written.
        known: What could have been written.
        likeness: 1 for equal words only, 0 for any two.
    """
    spelt = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), spelt, n=1, cutoff=likeness)
    return f" (did you mean {spelt[close[0]]!r}?)" if close else ""
