"""Suggest the nearest known word, and explain configuration errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `` (did you mean 'x'?)`` if a known word is similar, else an empty string.

    Args:
        word: Unknown word.
        known: Known words.
        cutoff: Minimum similarity, 0 to 1.
    """
    spelt = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), spelt, n=1, cutoff=cutoff)
    return f" (did you mean {spelt[close[0]]!r}?)" if close else ""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first error as text; unknown fields first, since a misspelt field is also reported as missing."""
    found = error.errors()
    first = next((item for item in found if item["type"] == "extra_forbidden"), found[0])
    field = ".".join(str(part) for part in first["loc"]) or "configuration"
    if first["type"] != "extra_forbidden":
        return f"{field}: {first['msg']}"
    known = _fields(model, first["loc"][:-1])
    return f"{field}: there is no such field{nearest(str(first['loc'][-1]), known)}; there are {', '.join(known)}."


def _fields(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the fields of a section, such as ``base.networks.weak``."""
    section: Any = model
    for part in place:
        # Dictionary of sections: the value type is the last type argument.
        section = section.model_fields[part].annotation if _is_section(section) else get_args(section)[-1]
    return list(section.model_fields) if _is_section(section) else []


def _is_section(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseModel)
