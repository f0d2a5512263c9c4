"""Suggest the nearest known word, and explain what is wrong in a configuration with the name of the field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


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


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first error; a misspelt field goes before the one that is missing because of it."""
    found = error.errors()
    first = next((item for item in found if item["type"] == "extra_forbidden"), found[0])
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    if first["type"] != "extra_forbidden":
        return f"{field}: {first['msg']}"
    known = _fields(model, first["loc"][:-1])
    return f"{field}: there is no such field{nearest(str(first['loc'][-1]), known)}; there are {', '.join(known)}."


def _fields(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the fields of the section at a place, such as those of ``base.networks.weak``."""
    section: Any = model
    for part in place:
        # The values of a dictionary of sections: its type has the names' type first, the section's last.
        section = section.model_fields[part].annotation if _is_section(section) else get_args(section)[-1]
    return list(section.model_fields) if _is_section(section) else []


def _is_section(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseModel)
