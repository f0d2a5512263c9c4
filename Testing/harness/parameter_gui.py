"""Which widget shows a parameter of which type, as the real wrapper's connectors do it; no others."""

from __future__ import annotations

import enum
import pathlib
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

from .parameter_values import Choice, Maximum, Minimum, WithinRange, annotations_of, first_of, unannotated


@dataclass
class Decimals:
    """How many decimals a widget shows."""

    value: int


@dataclass
class SingleStep:
    """The step of a widget."""

    value: float


class Connector(ABC):
    """A widget that shows a parameter."""

    signal: str = ""

    def __init__(self, widget: Any, kind: Any) -> None:
        self.widget = widget
        self.kind = unannotated(kind)
        self.annotations = annotations_of(kind)
        self._callback: Callable[[], None] | None = None
        self.prepare()

    def prepare(self) -> None:  # noqa: B027 - most widgets need nothing
        """Make the widget ready for the parameter's type."""

    @abstractmethod
    def read(self) -> Any:
        """Return what the widget shows."""

    @abstractmethod
    def write(self, value: Any) -> None:
        """Show a value."""

    def on_changed(self, callback: Callable[[], None] | None) -> None:
        """Call ``callback`` when the person changes the value; ``None``: no longer."""
        if callback is not None:
            self._callback = callback
            self._signal().connect(self.changed)
        elif self._callback is not None:
            self._callback = None
            self._signal().disconnect(self.changed)

    def changed(self) -> None:
        """The person changed the value."""
        if self._callback:
            self._callback()

    def _signal(self) -> Any:
        return getattr(self.widget, self.signal)


class _Attribute(Connector):
    """A widget with a property that holds the value."""

    name = ""

    def read(self) -> Any:
        return getattr(self.widget, self.name)

    def write(self, value: Any) -> None:
        setattr(self.widget, self.name, value)


class _CheckBox(_Attribute):
    signal, name = "stateChanged", "checked"


class _PushButton(_Attribute):
    signal, name = "toggled", "checked"

    def prepare(self) -> None:
        self.widget.checkable = True


class _IntSpinBox(_Attribute):
    signal, name = "valueChanged", "value"

    def prepare(self) -> None:
        step = first_of(SingleStep, self.annotations)
        if step is not None:
            self.widget.singleStep = step.value
        low, high = _bounds(self.annotations)
        self.widget.setRange(-(2**31) if low is None else low, 2**31 - 1 if high is None else high)


class _FloatWidget(_Attribute):
    signal, name = "valueChanged", "value"

    def prepare(self) -> None:
        decimals, step = first_of(Decimals, self.annotations), first_of(SingleStep, self.annotations)
        if self.kind is int:
            self.widget.decimals = 0
        elif decimals is not None:
            self.widget.decimals = decimals.value
        if step is not None:
            self.widget.singleStep = step.value
        low, high = _bounds(self.annotations)
        if "SliderWidget" in self.widget.className() and None in (low, high):
            raise RuntimeError("Cannot have a connection to ctkSliderWidget where the float types is unbounded.")
        self.widget.minimum = float("-inf") if low is None else low
        self.widget.maximum = float("inf") if high is None else high

    def read(self) -> Any:
        return self.kind(self.widget.value)

    def write(self, value: Any) -> None:
        self.widget.value = self.kind(value)


class _ComboBox(Connector):
    signal = "currentIndexChanged"

    def prepare(self) -> None:
        if isinstance(self.kind, type) and issubclass(self.kind, enum.Enum):
            label = getattr(self.kind, "label", lambda member: member.name)
            self._choices = list(self.kind)
            self._fill([label(member) for member in self._choices])
            return
        choice = first_of(Choice, self.annotations)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        self._choices = choice.choices
        self._fill([str(value) for value in self._choices])

    def _fill(self, texts: list[str]) -> None:
        self.widget.clear()
        for text in texts:
            self.widget.addItem(text)

    def read(self) -> Any:
        return self._choices[self.widget.currentIndex]

    def write(self, value: Any) -> None:
        if value not in self._choices:
            raise ValueError(f"Unable to find value {value} in choices {self._choices}")
        self.widget.currentIndex = self._choices.index(value)


class _LineEdit(_Attribute):
    signal, name = "textChanged", "text"

    def write(self, value: Any) -> None:
        if value != self.widget.text:  # writing moves the cursor to the end
            self.widget.text = value


class _Label(_Attribute):
    name = "text"

    def on_changed(self, callback: Callable[[], None] | None) -> None:
        """A person cannot change a label."""


class _Path(_Attribute):
    signal, name = "currentPathChanged", "currentPath"

    def read(self) -> Any:
        return self.kind(self.widget.currentPath)

    def write(self, value: Any) -> None:
        self.widget.currentPath = str(value)


class _NodeComboBox(Connector):
    signal = "currentNodeChanged"

    def prepare(self) -> None:
        parts = typing.get_args(self.kind) or (self.kind,)
        self.widget.nodeTypes = [part().GetClassName() for part in parts if part is not type(None)]

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
    name = widget.className()
    for widgets, fits, connector in _CONNECTORS:
        if name in widgets and fits(plain):
            return connector(widget, kind)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{kind}' to widget type '{type(widget)}'.")


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _is_node(kind: Any) -> bool:
    parts = typing.get_args(kind) or (kind,)
    return all(
        part is type(None) or (isinstance(part, type) and issubclass(part, slicer.vtkMRMLNode)) for part in parts
    )


_CONNECTORS: list[tuple[set[str], Callable[[Any], bool], type[Connector]]] = [
    ({"QCheckBox"}, lambda kind: kind is bool, _CheckBox),
    ({"QPushButton"}, lambda kind: kind is bool, _PushButton),
    ({"QSpinBox"}, lambda kind: kind is int, _IntSpinBox),
    ({"QDoubleSpinBox", "ctkSliderWidget", "qMRMLSliderWidget"}, lambda kind: kind in (float, int), _FloatWidget),
    ({"QComboBox", "ctkComboBox"}, lambda kind: kind in (int, float, str, bool) or _is_enum(kind), _ComboBox),
    ({"QLineEdit"}, lambda kind: kind is str, _LineEdit),
    ({"QLabel"}, lambda kind: kind is str, _Label),
    ({"ctkPathLineEdit"}, lambda kind: isinstance(kind, type) and issubclass(kind, pathlib.PurePath), _Path),
    ({"qMRMLNodeComboBox"}, _is_node, _NodeComboBox),
]


def _bounds(annotations: tuple[Any, ...]) -> tuple[Any, Any]:
    within = first_of(WithinRange, annotations)
    if within is not None:
        return within.minimum, within.maximum
    low, high = first_of(Minimum, annotations), first_of(Maximum, annotations)
    return low.minimum if low else None, high.maximum if high else None
