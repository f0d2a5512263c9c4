"""The table of widgets: true of PySide6 and of the stand-ins, without contradictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.qt_mrml_widgets import SceneWidget
from harness.qt_native import METAS, Meta, native_class
from harness.qt_table import QT_TABLE, Row, lineage, properties_of


def rows() -> Iterator[tuple[str, Row, Any, Meta]]:
    """Yield name, row, class and what Qt knows of it for everything in the table."""
    for name, row in QT_TABLE.items():
        yield name, row, native_class(name), METAS.get(name, Meta({}, frozenset(), frozenset()))


def test_every_row_says_what_it_was_checked_against_and_is_based_on_another() -> None:
    for name, row in QT_TABLE.items():
        assert row.header.endswith(".h"), name
        assert row.base == "" or row.base in QT_TABLE, name


def test_what_is_a_property_is_not_called_as_a_function_too() -> None:
    for name in QT_TABLE:
        functions = set().union(*(row.method_names | row.static_names for row in lineage(name)))
        assert not functions & properties_of(name), name


def test_every_property_exists() -> None:
    missing = [
        f"{name}.{found}"
        for name, row, _, meta in rows()
        for found in row.property_names
        if found not in meta.properties
    ]
    assert missing == []


def test_every_function_and_enumerator_exists() -> None:
    missing = [
        f"{name}.{found}"
        for name, row, native, _ in rows()
        for found in row.method_names | row.static_names | row.enum_names
        if not hasattr(native, found) and not hasattr(native, f"{found}_")  # raise_
    ]
    assert missing == []


def test_every_signal_exists() -> None:
    missing = []
    for name, row, native, meta in rows():
        for signature in row.signal_signatures:
            # PySide6 has other names for these types; a stand-in's signal carries any object.
            known = "vtkMRML" in signature or "QStringList" in signature
            exists = hasattr(native, signature.partition("(")[0]) if known else signature in meta.signals
            missing += [] if exists else [f"{name}.{signature}"]
    assert missing == []


def test_every_slot_of_qt_exists_with_its_signature() -> None:
    missing = [
        f"{name}.{signature}"
        for name, row, _, meta in rows()
        for signature in row.slot_signatures
        if name.startswith("Q") and signature not in meta.slots
    ]
    assert missing == []


def test_a_stand_in_has_the_base_class_of_the_real_one() -> None:
    for name, row, native, _ in rows():
        if name.startswith(("ctk", "qMRML")):
            base = SceneWidget if row.base == "qMRMLWidget" else native_class(row.base)
            assert issubclass(native, base), name
