"""Checks of the stand-ins against the real thing, to run after changing them; not part of the test suite.

Each takes something that the test environment does not have::

    python Testing/harness/check_against_real.py wrapper SLICER    # Slicer's sources: the real parameterNodeWrapper
    python Testing/harness/check_against_real.py pythonqt PYTHONQT # PythonQt's sources: what it shows of Qt's classes
    python Testing/harness/check_against_real.py qt5               # with a Python that has PyQt5: is it in Qt 5.15?

``wrapper`` runs ``Testing/slicer/harness/test_parameter_node.py`` with Slicer's own wrapper in place of the stand-in.
The others print the entries of ``QT_TABLE`` that are not there, and how many they looked at.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TESTING = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_TESTING))

from harness.pythonqt.table import QT_TABLE, Row  # noqa: E402

QT_ROWS: dict[str, Row] = {name: row for name, row in QT_TABLE.items() if name.startswith("Q")}

_NOT_IN_PYQT = {"QUiLoader"}
_NOT_GENERATED = {"setObjectName", "singleShot", "scrollToItem", "sortByColumn"}
"""Added by PythonQt itself, or slots (with a blank in the signature); not in the generated wrappers."""


def qt5() -> list[str]:
    """Return the entries of the table that Qt 5.15 does not have."""
    # Not declared anywhere: it is only for whoever runs this by hand.
    QtCore, QtGui, QtWidgets = (importlib.import_module(f"PyQt5.{name}") for name in ("QtCore", "QtGui", "QtWidgets"))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    _application = QtWidgets.QApplication([])
    missing = []
    for name, row in QT_ROWS.items():
        kind = next((getattr(module, name) for module in (QtWidgets, QtGui, QtCore) if hasattr(module, name)), None)
        if kind is None:
            missing += [] if name in _NOT_IN_PYQT else [name]
            continue
        members = [*row.method_names, *row.static_names, *row.enum_names]
        # PyQt writes Python's keywords with an underscore.
        missing += [f"{name}.{member}" for member in members if not hasattr(kind, member.replace("raise", "raise_"))]
        if hasattr(kind, "staticMetaObject"):
            meta = kind.staticMetaObject
            missing += [f"{name}.{found}" for found in row.property_names if meta.indexOfProperty(found) < 0]
            missing += [f"{name}.{found}" for found in row.signal_signatures if meta.indexOfSignal(found) < 0]
            missing += [f"{name}.{found}" for found in row.slot_signatures if meta.indexOfSlot(found) < 0]
    assert QtCore.QT_VERSION_STR.startswith("5.15"), QtCore.QT_VERSION_STR
    return missing


def pythonqt(sources: Path) -> list[str]:
    """Return the functions of the table that PythonQt does not show, of the classes that it wraps."""
    shown = _wrapped_functions(sources)
    missing = []
    for name, row in QT_ROWS.items():
        if name not in shown:
            missing += [f"{name} (the whole class)"] if row.methods or row.statics else []
            continue
        known = _of_bases(name, shown) | _NOT_GENERATED
        # Slots with their signature come from Qt's meta object, not from the wrapper.
        plain = row.method_names - {slot.partition("(")[0] for slot in row.slot_signatures}
        missing += [f"{name}.{function}" for function in sorted(plain | row.static_names) if function not in known]
    return missing


def wrapper(sources: Path) -> int:
    """Run the tests of the parameter node against the real wrapper; return the exit status of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "real_parameter_node"
        shutil.copytree(sources / "Base" / "Python" / "slicer" / "parameterNodeWrapper", package)
        test = _TESTING / "slicer" / "harness" / "test_parameter_node.py"
        environment = {**os.environ, "REAL_PARAMETER_NODE": folder}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test], env=environment
        ).returncode


def load_real_wrapper(folder: str) -> Any:
    """Return the real package, which ``wrapper`` has put into ``folder``, on the stand-ins of Qt."""
    import ctk
    import qt
    import slicer

    # Names that it mentions when it is imported; none of them is used in what is compared.
    for name in "CheckBox CheckablePushButton RangeWidget DoubleRangeSlider DoubleSlider DoubleSpinBox".split():
        setattr(ctk, f"ctk{name}", type(name, (), {}))
    for name in ("DirectoryButton", "ColorPickerButton"):
        setattr(ctk, f"ctk{name}", type(name, (), {}))
    for name in ("qMRMLSpinBox", "qMRMLRangeWidget"):
        setattr(slicer, name, type(name, (), {}))
    colour, qt.QColor = qt.QColor, type("QColor", (), {})
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("real_parameter_node")
    finally:
        sys.path.remove(folder)
        qt.QColor = colour


def _wrapped_functions(sources: Path) -> dict[str, set[str]]:
    shown: dict[str, set[str]] = {}
    newest = sorted(sources.glob("generated_cpp_5*"), key=lambda path: int(path.name.rpartition("_5")[2]))[-1]
    for header in newest.rglob("*.h"):
        for name, body in _classes(header.read_text(encoding="utf-8", errors="replace")):
            functions = shown.setdefault(name, set())
            functions.update(re.findall(r"\b(?:static_\w+?_)?(\w+)\(", body))
    return shown


def _classes(text: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r"class PythonQtWrapper_(\w+) : public QObject\n\{(.*?)\n\};", text, re.DOTALL):
        yield found[1], found[2]


def _of_bases(name: str, shown: dict[str, set[str]]) -> set[str]:
    known: set[str] = set()
    while name:
        known |= shown.get(name, set())
        name = QT_ROWS[name].base
    return known


def main(arguments: list[str]) -> int:
    """Run one of the checks."""
    checks: dict[str, Any] = {"qt5": qt5, "pythonqt": pythonqt, "wrapper": wrapper}
    if not arguments or arguments[0] not in checks:
        print(__doc__)
        return 2
    result = checks[arguments[0]](*map(Path, arguments[1:]))
    if isinstance(result, int):
        return result
    print("\n".join(result) or "All there.")
    return bool(result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
