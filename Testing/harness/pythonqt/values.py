"""Values that cross the border between the wrappers and PySide6: enumerators, lists, objects that need a wrapper."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any


class EnumValue(int):
    """An enumerator as PythonQt gives it: an ``int``, so that it can be compared with one and combined with ``|``."""

    native: Any

    def __new__(cls, native: Any) -> EnumValue:
        """Wrap an enumerator of PySide6, or a plain number of a stand-in."""
        value = super().__new__(cls, native.value if isinstance(native, enum.Enum) else int(native))
        value.native = native
        return value

    def __or__(self, other: int) -> int:
        return EnumValue(self.native | other.native) if isinstance(other, EnumValue) else int(self) | other

    def __and__(self, other: int) -> int:
        return EnumValue(self.native & other.native) if isinstance(other, EnumValue) else int(self) & other


PLAIN = (str, bytes, bool, int, float, type(None))
"""Types that are the same on both sides."""


def to_native(value: Any) -> Any:
    """Return what PySide6 is given for ``value``: objects without their wrappers."""
    if isinstance(value, EnumValue):
        return value.native
    if isinstance(value, (list, tuple)):
        return [to_native(item) for item in value]
    if isinstance(value, dict):
        return {key: to_native(item) for key, item in value.items()}
    return getattr(value, "_native", value)


def from_native(value: Any, wrap: Callable[[Any], Any]) -> Any:
    """Return what PythonQt would give for a value of PySide6; ``wrap`` makes the wrappers of objects."""
    if isinstance(value, (enum.Enum, enum.Flag)):
        return EnumValue(value)
    if isinstance(value, PLAIN):
        return value
    if type(value).__name__ == "QOverrideCursorGuard":  # of PySide6 only; in Qt, setOverrideCursor returns nothing
        return None
    if isinstance(value, (list, tuple)):
        return type(value)(from_native(item, wrap) for item in value)
    if isinstance(value, dict):
        return {key: from_native(item, wrap) for key, item in value.items()}
    return wrap(value)
