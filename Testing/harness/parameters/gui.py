"""Which widget shows a parameter of which type, as the real wrapper's connectors do it; no others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import slicer

from .values import Choice, WithinRange, annotations_of, first_of, unannotated


class Connector(ABC):
    """A widget that shows a parameter."""

    signal: str = ""

    def __init__(self, widget: Any, kind: Any) -> None:
        self.widget = widget
        self.kind = unannotated(kind)
        self.annotations = annotations_of(kind)
        self._callback: Callable[[], None] | None = None
        self.prepare()

    def prepare(self) -> None:  # noqa: B027 - some widgets need nothing
        """Make the widget ready for the parameter's type."""

    @abstractmethod
    def read(self) -> Any:
        """Return what the widget shows."""

    @abstractmethod
    def write(self, value: Any) -> None:
        """Show a value."""

    def on_changed(self, callback: Callable[[], None] | None) -> None:
        """Call ``callback`` when the user changes the value; ``None``: no longer."""
        if callback is not None:
            self._callback = callback
            getattr(self.widget, self.signal).connect(self.changed)
        elif self._callback is not None:
            self._callback = None
            getattr(self.widget, self.signal).disconnect(self.changed)

    def changed(self) -> None:
        if self._callback:
            self._callback()


class _Attribute(Connector):
    """A widget with a property that holds the value."""

    name = ""

    def read(self) -> Any:
        return getattr(self.widget, self.name)

    def write(self, value: Any) -> None:
        setattr(self.widget, self.name, value)


class _CheckBox(_Attribute):
    signal, name = "stateChanged", "checked"


class _IntSpinBox(_Attribute):
    signal, name = "valueChanged", "value"

    def prepare(self) -> None:
        within = first_of(WithinRange, self.annotations)
        self.widget.setRange(*((-(2**31), 2**31 - 1) if within is None else (within.minimum, within.maximum)))


class _DoubleSpinBox(_Attribute):
    signal, name = "valueChanged", "value"

    def prepare(self) -> None:
        within = first_of(WithinRange, self.annotations)
        self.widget.minimum = float("-inf") if within is None else within.minimum
        self.widget.maximum = float("inf") if within is None else within.maximum


class _ComboBox(Connector):
    signal = "currentIndexChanged"

    def prepare(self) -> None:
        choice = first_of(Choice, self.annotations)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        self._choices = choice.choices
        self.widget.clear()
        for value in self._choices:
            self.widget.addItem(str(value))

    def read(self) -> Any:
        return self._choices[self.widget.currentIndex]

    def write(self, value: Any) -> None:
        if value not in self._choices:
            raise ValueError(f"Unable to find value {value} in choices {self._choices}")
        self.widget.currentIndex = self._choices.index(value)


class _NodeComboBox(Connector):
    signal = "currentNodeChanged"

    def prepare(self) -> None:
        self.widget.nodeTypes = [self.kind().GetClassName()]

    def read(self) -> Any:
        return self.widget.currentNode()

    def write(self, value: Any) -> None:
        self.widget.setCurrentNode(value)


def connector_of(widget: Any, kind: Any) -> Connector:
    """Return what connects a widget with a parameter of a type, annotations included.

    Raises:
        RuntimeError: The widget cannot show such a parameter.
    """
    plain = unannotated(kind)
    shown = slicer.vtkMRMLNode if issubclass(plain, slicer.vtkMRMLNode) else plain
    known: dict[tuple[str, type], type[Connector]] = {
        ("QCheckBox", bool): _CheckBox,
        ("QSpinBox", int): _IntSpinBox,
        ("QDoubleSpinBox", float): _DoubleSpinBox,
        ("QComboBox", str): _ComboBox,
        ("qMRMLNodeComboBox", slicer.vtkMRMLNode): _NodeComboBox,
    }
    connector = known.get((widget.className(), shown))
    if connector is None:
        raise RuntimeError(f"Unable to create GUI connector from datatype '{kind}' to widget type '{type(widget)}'.")
    return connector(widget, kind)
