"""A row of the table in :mod:`.qt_table`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Row:
    """What one class adds to its base class; names in a string, separated by white space.

    Attributes:
        base: Name of the base class, empty for a class without one in the table.
        header: The header that the row was checked against.
        properties: Properties. An attribute in PythonQt: ``w.text``, never ``w.text()``.
        signals: Signals with their full signature, in the order of the header.
        methods: Functions of an instance. Slots with their full signature can be connected to in a .ui file.
        statics: Functions of the class.
        enums: Enumerators of the class, ``QSizePolicy.Expanding``.
    """

    base: str
    header: str
    properties: str = ""
    signals: str = ""
    methods: str = ""
    statics: str = ""
    enums: str = ""

    @cached_property
    def property_names(self) -> frozenset[str]:
        """The properties, one by one."""
        return frozenset(self.properties.split())

    @cached_property
    def signal_signatures(self) -> tuple[str, ...]:
        """The signals, one by one, in the order of the header."""
        return tuple(self.signals.split())

    @cached_property
    def method_names(self) -> frozenset[str]:
        """The functions, without their signatures."""
        return frozenset(name.partition("(")[0] for name in self.methods.split())

    @cached_property
    def slot_signatures(self) -> frozenset[str]:
        """The functions that a .ui file can connect to."""
        return frozenset(name for name in self.methods.split() if "(" in name)

    @cached_property
    def static_names(self) -> frozenset[str]:
        """The functions of the class, one by one."""
        return frozenset(self.statics.split())

    @cached_property
    def enum_names(self) -> frozenset[str]:
        """The enumerators, one by one."""
        return frozenset(self.enums.split())
