"""Values in the types of strict JSON."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any


def strict_values(value: Any) -> Any:
    """Return a value in the types of strict JSON: plain text, numbers, lists and dictionaries.

    A number that is not finite becomes ``None``, an enumeration's member its value, a NumPy number Python's own.
    """
    if isinstance(value, Enum):
        return strict_values(value.value)
    if isinstance(value, dict):
        return {str(key): strict_values(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict_values(entry) for entry in value]
    if hasattr(value, "item"):  # a NumPy number
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
