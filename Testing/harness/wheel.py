"""Import of the ``slicer-core`` wheel, guarded against the two ways in which it goes wrong in a test run."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

MISSING = "slicer-core is not installed: pip install slicer-core==5.12.4.0"
_TESTING = Path(__file__).resolve().parents[1]


def import_slicer() -> bool:
    """Import ``slicer`` for everybody after, and return whether the wheel is installed.

    The wheel's ``slicer/__init__.py`` imports every module of every folder named ``slicer`` next to an entry of
    ``sys.path``, and Python takes such a folder for the package itself when the wheel is missing. ``Testing/slicer``
    must therefore not be seen while ``slicer`` is imported.
    """
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if Path(entry or ".").resolve() != _TESTING]
    try:
        importlib.import_module("slicer.util")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "slicer":
            raise
        return False
    finally:
        sys.path[:] = path
    return True
