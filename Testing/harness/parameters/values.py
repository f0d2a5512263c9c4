"""How a parameter of each type is written into a parameter node: the same text as the real wrapper writes."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any

import slicer


class Validator(ABC):
    """Says which values a parameter takes."""

    @abstractmethod
    def validate(self, value: Any) -> None:
        """Raise an error if the parameter does not take ``value``."""


class WithinRange(Validator):
    """Values from ``minimum`` to ``maximum``, both included."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a value outside."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


class Choice(Validator):
    """One of ``choices``."""

    def __init__(self, choices: list[Any]) -> None:
        self.choices = choices

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a value that is not among them."""
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


class Serializer:
    """Writes and reads the parameters of one plain type, given the node and the parameter's name."""

    def __init__(self, kind: type, *also: type, none_allowed: bool = False) -> None:
        self.kind, self.kinds, self.none_allowed = kind, (kind, *also), none_allowed
        # As there, a float is the whole number 0 at first.
        self.initial: Any = None if none_allowed else 0 if kind is float else kind()

    def validate(self, value: Any) -> None:
        """Raise an error for a value of another type."""
        if value is None and not self.none_allowed:
            raise ValueError("Value must not be None")
        if value is not None and not isinstance(value, self.kinds):
            raise TypeError(f"Value must be of type '{self.kind}', is type '{type(value)}' value '{value}'")

    def is_in(self, node: Any, name: str) -> bool:
        """Return whether the node has the parameter."""
        return bool(node.HasParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, str(value))

    def read(self, node: Any, name: str) -> Any:
        text = node.GetParameter(name)
        return text == "True" if self.kind is bool else self.kind(text)


class _Node(Serializer):
    """A reference to another node."""

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "")  # that None was written, and not nothing
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)


def serializer_of(kind: Any) -> Serializer:
    """Return what writes and reads parameters of a type.

    Raises:
        NotImplementedError: The real wrapper may know the type, this one does not.
    """
    if kind is float:
        return Serializer(float, int)
    if kind in (int, bool, str):
        return Serializer(kind)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return _Node(kind, none_allowed=True)
    raise NotImplementedError(f"The stand-in knows no parameters of type {kind}.")


def unannotated(kind: Any) -> Any:
    """Return the type without its annotations."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind


def annotations_of(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind)[1:] if typing.get_origin(kind) is Annotated else ()


def first_of(kind: type, annotations: Iterable[Any]) -> Any:
    """Return the first annotation of a class, or ``None``."""
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)
