"""Signals as PythonQt connects them: by signature, with as many arguments as the Python function takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import shiboken6
from PySide6 import QtCore

from . import errors
from .native import METAS
from .table import signals_of


@dataclass
class _Connection:
    signature: str
    function: Callable[..., Any]
    native: Any


_connections: dict[int, list[_Connection]] = {}
"""Address of an object to what is connected to it; the wrappers of an object come and go, its connections stay."""


def forget_all() -> None:
    """Forget all connections; the objects they belong to are gone."""
    _connections.clear()


def guarded(function: Callable[..., Any], wrap: Callable[[Any], Any]) -> Callable[..., None]:
    """Return a function for PySide6 to call: it passes the arguments that ``function`` takes, and keeps its errors."""
    most = _argument_count(function)

    def call(*values: Any) -> None:
        try:
            function(*[wrap(value) for value in values[:most]])
        except Exception as error:  # PythonQt prints it and continues; the session raises it at its end
            errors.record(error)

    return call


class BoundSignal:
    """A signal of an object, ``button.clicked``: what one can do with it in PythonQt."""

    def __init__(self, owner: Any, signature: str, wrap: Callable[[Any], Any]) -> None:
        self._owner = owner
        self._signature = signature
        self._wrap = wrap

    def connect(self, function: Callable[..., Any]) -> bool:
        """Call ``function`` whenever the signal is emitted."""
        return connect(self._owner, self._signature, function, self._wrap)

    def disconnect(self, function: Callable[..., Any] | None = None) -> bool:
        """No longer call ``function``, by default none; return whether there was a connection."""
        return disconnect(self._owner, self._signature, function)

    def emit(self, *values: Any) -> None:
        _native_signal(self._owner, self._signature).emit(*[getattr(value, "_native", value) for value in values])


def find_signal(class_name: str, name: str) -> str | None:
    """Return the signature of the first signal called ``name``, as ``widget.name.connect`` takes it."""
    return next((found for found in signals_of(class_name) if found.partition("(")[0] == name), None)


def connect(owner: Any, signature: str, function: Callable[..., Any], wrap: Callable[[Any], Any]) -> bool:
    """Call ``function`` whenever the object ``owner`` emits the signal with this signature."""
    signature = _checked(owner, signature)
    if not callable(function):
        raise ValueError(f"{type(owner).__name__}.connect('{signature}', ...) was given {function!r}, not a function.")
    native = owner._native
    slot = guarded(function, wrap)
    if signature in METAS[type(owner).__name__].signals:
        made = QtCore.QObject.connect(native, QtCore.SIGNAL(signature), slot)
    else:
        made = getattr(native, signature.partition("(")[0]).connect(slot)
    address = _address(native)
    if address not in _connections:
        _connections[address] = []
        native.destroyed.connect(lambda: _connections.pop(address, None))
    _connections[address].append(_Connection(signature, function, made))
    return True


def disconnect(owner: Any, signature: str, function: Callable[..., Any] | None = None) -> bool:
    """Undo :func:`connect`, for one function or for all; return whether there was a connection."""
    signature = _checked(owner, signature)
    kept: list[_Connection] = []
    gone: list[_Connection] = []
    existing = _connections.get(_address(owner._native), [])
    for connection in existing:
        fits = connection.signature == signature and (function is None or connection.function == function)
        # PythonQt takes away one connection of a function at a time.
        (gone if fits and (function is None or not gone) else kept).append(connection)
    for connection in gone:
        QtCore.QObject.disconnect(connection.native)
    existing[:] = kept
    return bool(gone)


def _checked(owner: Any, signature: str) -> str:
    class_name = type(owner).__name__
    normalized = bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()
    if normalized not in signals_of(class_name):
        raise AttributeError(
            f"{class_name} has no signal '{signature}'. QT_TABLE knows: {' '.join(sorted(signals_of(class_name)))}."
        )
    return normalized


def _native_signal(owner: Any, signature: str) -> Any:
    name, _, types = signature.partition("(")
    signal = getattr(owner._native, name)
    kinds = {"bool)": bool, "int)": int, "double)": float, "QString)": str}
    try:
        return signal[kinds[types]] if types in kinds else signal
    except (IndexError, KeyError):
        return signal


def _address(native: Any) -> int:
    return int(shiboken6.getCppPointer(native)[0])


def _argument_count(function: Callable[..., Any]) -> int | None:
    """Return how many arguments PythonQt passes: those of a Python function or method, else all."""
    plain = function.__func__ if isinstance(function, MethodType) else function
    if not isinstance(plain, FunctionType) or plain.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return plain.__code__.co_argcount - isinstance(function, MethodType)
