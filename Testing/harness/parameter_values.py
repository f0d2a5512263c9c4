"""How a parameter of each type is written into a parameter node: the same text as the real wrapper writes."""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
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


class Minimum(Validator):
    """Values from ``minimum`` on."""

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a smaller value."""
        if value < self.minimum:
            raise ValueError(f"Value must be greater than {self.minimum}, is {value}")


class Maximum(Validator):
    """Values up to ``maximum``."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a larger value."""
        if value > self.maximum:
            raise ValueError(f"Value must be greater than {self.maximum}, is {value}")


class Choice(Validator):
    """One of ``choices``."""

    def __init__(self, choices: list[Any]) -> None:
        self.choices = choices

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for a value that is not among them."""
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


class NotNone(Validator):
    """Anything but ``None``."""

    def validate(self, value: Any) -> None:
        """Raise ``ValueError`` for ``None``."""
        if value is None:
            raise ValueError("Value must not be None")


class Default:
    """The value of a parameter at first; ``generator`` makes a new one each time."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        """The value."""
        return self._generator() if self._generator else self._value


class Serializer(ABC):
    """Writes and reads the parameters of one type, given the node and the parameter's name."""

    initial: Any = None

    def __init__(self, *kinds: type, none_allowed: bool = False) -> None:
        self.kinds = kinds
        self.none_allowed = none_allowed

    def validate(self, value: Any) -> None:
        """Raise an error for a value of another type."""
        if value is None and not self.none_allowed:
            raise ValueError("Value must not be None")
        if value is not None and not isinstance(value, self.kinds):
            kind = self.kinds if len(self.kinds) > 1 else self.kinds[0]
            raise TypeError(f"Value must be of type '{kind}', is type '{type(value)}' value '{value}'")

    def is_in(self, node: Any, name: str) -> bool:
        """Return whether the node has the parameter."""
        return bool(node.HasParameter(name))

    def remove(self, node: Any, name: str) -> None:
        """Take the parameter out of the node."""
        node.UnsetParameter(name)

    def write(self, node: Any, name: str, value: Any) -> None:
        """Write a valid value."""
        node.SetParameter(name, str(value))

    @abstractmethod
    def read(self, node: Any, name: str) -> Any:
        """Return the value."""


class _Number(Serializer):
    initial = 0

    def __init__(self, kind: type) -> None:
        super().__init__(*((int, float) if kind is float else (int,)))
        self.kind = kind

    def read(self, node: Any, name: str) -> Any:
        return self.kind(node.GetParameter(name))


class _Text(Serializer):
    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.kind, self.initial = kind, kind()

    def read(self, node: Any, name: str) -> Any:
        return self.kind(node.GetParameter(name))


class _Bool(Serializer):
    initial = False

    def __init__(self) -> None:
        super().__init__(bool)

    def read(self, node: Any, name: str) -> bool:
        return bool(node.GetParameter(name) == "True")


class _Enum(Serializer):
    def __init__(self, kind: type[enum.Enum]) -> None:
        super().__init__(kind, none_allowed=True)  # as there; it fails when it is written
        self.kind, self.initial = kind, next(iter(kind))

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, value.name)

    def read(self, node: Any, name: str) -> enum.Enum:
        key = node.GetParameter(name)
        try:
            return self.kind[key]
        except KeyError as error:
            raise ValueError(f"Found {key!r} in parameter node but it is not a name in {self.kind!r}") from error


class _Node(Serializer):
    def __init__(self, kind: type) -> None:
        super().__init__(kind, none_allowed=True)

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "")  # that None was written, and not nothing
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)

    def remove(self, node: Any, name: str) -> None:
        super().remove(node, name)
        node.RemoveNodeReferenceIDs(name)


class _Nothing(Serializer):
    def __init__(self) -> None:
        super().__init__(type(None), none_allowed=True)

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "True")

    def read(self, node: Any, name: str) -> None:
        return None


class _Optional(Serializer):
    """``X | None``: X under the name with ".0", or that it is ``None`` with ".1"."""

    def __init__(self, parts: list[Serializer]) -> None:
        super().__init__(object, none_allowed=True)
        self.parts = parts

    def validate(self, value: Any) -> None:
        self._part(value)[1].validate(value)

    def is_in(self, node: Any, name: str) -> bool:
        return any(part.is_in(node, f"{name}.{index}") for index, part in enumerate(self.parts))

    def remove(self, node: Any, name: str) -> None:
        with slicer.util.NodeModify(node):
            for index, part in enumerate(self.parts):
                part.remove(node, f"{name}.{index}")

    def write(self, node: Any, name: str, value: Any) -> None:
        index, part = self._part(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            part.write(node, f"{name}.{index}", value)

    def read(self, node: Any, name: str) -> Any:
        for index, part in enumerate(self.parts):
            if part.is_in(node, f"{name}.{index}"):
                return part.read(node, f"{name}.{index}")
        raise KeyError(f"Unable to find value for name: {name}")

    def _part(self, value: Any) -> tuple[int, Serializer]:
        wanted = [isinstance(part, _Nothing) == (value is None) for part in self.parts]
        index = wanted.index(True)
        return index, self.parts[index]


_PATHS = (pathlib.Path, pathlib.PurePath, pathlib.PosixPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)


def serializer_of(kind: Any) -> Serializer:
    """Return what writes and reads parameters of a type.

    Raises:
        NotImplementedError: The real wrapper may know the type, this one does not.
    """
    if kind in (int, float):
        return _Number(kind)
    if kind is bool:
        return _Bool()
    if kind is str or kind in _PATHS:
        return _Text(kind)
    if kind is type(None):
        return _Nothing()
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [serializer_of(unannotated(part)) for part in typing.get_args(kind)]
        if len(parts) != 2 or not isinstance(parts[1], _Nothing):
            raise NotImplementedError(f"The stand-in knows no unions but 'X | None', not {kind}.")
        return _Optional(parts)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _Enum(kind)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return _Node(kind)
    raise NotImplementedError(f"The stand-in knows no parameters of type {kind}.")


def unannotated(kind: Any) -> Any:
    """Return the type without its annotations."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind


def annotations_of(kind: Any) -> tuple[Any, ...]:
    """Return the annotations of a type."""
    return typing.get_args(kind)[1:] if typing.get_origin(kind) is Annotated else ()


def first_of(kind: type, annotations: Iterable[Any]) -> Any:
    """Return the first annotation of a class, or ``None``."""
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)
