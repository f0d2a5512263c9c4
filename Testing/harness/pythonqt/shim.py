"""PythonQt's manners on PySide6: what ``import qt`` gives a module in Slicer, headless and strict.

An object here is a thin wrapper, as in PythonQt, around a real widget of PySide6 (for CTK and qMRML classes, around a
stand-in from :mod:`.widgets` and :mod:`.mrml_widgets`). It has what its row of ``QT_TABLE`` lists and no more::

    import qt, ctk, slicer                       # inside the test session; no PySide6 in what is tested
    button = qt.QPushButton("Repair")
    button.enabled = False                       # properties are attributes, read and written
    button.text                                  # "Repair"; button.text() is an error here as there
    button.setText("Check")                      # slots and functions are called
    button.connect("clicked(bool)", self.onRun)  # exact signature; or button.clicked.connect(self.onRun)
    button.disconnect("clicked(bool)", self.onRun)
    button.name, button.objectName, button.className(), button.findChild(qt.QLabel, "status")
    button.sizePolicy = qt.QSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
    table.rowCount, table.currentRow()           # the first is a property of QTableWidget, the second a function

* Anything else raises ``AttributeError`` with class and name; so do unknown signals (PythonQt prints a warning) and
  setting an attribute that is not a property. A function called with wrong arguments raises ``ValueError``.
* A slot gets as many of the signal's arguments as it has parameters, defaults included. An error in a slot stops
  nothing; the session raises it at its end, unless the test expected it: ``with expect_error(ValueError, "text"):``.
* An object without parent and without a Python variable is deleted, as in PythonQt; using it: ``ValueError``.
* Classes cannot be subclassed; keyword arguments do not exist.

In tests (fixtures of ``Testing/slicer/conftest.py``)::

    def test_x(desktop, module):                 # `desktop`: main window, views, testing mode off: pop-ups are real
        panel = open_panel("RNCARefine")         # harness.panels: representation, setup, enter; panel.ui ...
        desktop.dialogs.answer("Cancel")         # before the question comes; a path for a file dialog
        desktop.dialogs.cancel_progress_at(40)   # cancel when a progress dialog reaches 40
        panel.ui.repairButton.click()
        assert desktop.dialogs.texts == [...]    # everything that was shown
        desktop.wait_until(lambda: ...)          # runs the event loop, timers included
        close_panel(panel)                       # exit and cleanup; the session does it, too

Without ``desktop`` the application is as with ``--no-main-window --testing``: no main window, ``layoutManager()`` is
None, ``slicer.util`` logs what it would show.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from .native import METAS, native_class
from .signals import BoundSignal, connect, disconnect, find_signal, guarded
from .table import QT_TABLE, lineage, properties_of
from .values import PLAIN, EnumValue, from_native, to_native

_wrappers: weakref.WeakValueDictionary[int, ObjectWrapper] = weakref.WeakValueDictionary()
_classes: dict[str, WrapperType] = {}

# PythonQt converts a colour to a brush, but no string to any of these.
_NO_STRINGS = {"setShortcut", "setShortcuts", "setKey", "setIcon", "setWindowIcon", "setCursor", "QShortcut", "QCursor"}


class WrapperType(type):
    """The class of the wrappers' classes: makes objects, and gives enumerators and functions of the class."""

    def __call__(cls, *values: Any) -> Any:
        if cls.__name__.startswith(("ctk", "q")) and not (
            len(values) <= 1 and all(value is None or isinstance(value, wrapper_class("QWidget")) for value in values)
        ):
            raise ValueError(f"{cls.__name__}(...): the application has no constructor but the one with a parent.")
        made = wrap(_call(cls.__name__, native_class(cls.__name__), values))
        if isinstance(made, ObjectWrapper):
            object.__setattr__(made, "_owned", True)
        return made

    def __getattr__(cls, name: str) -> Any:
        for row in lineage(cls.__name__) if cls.__name__ in QT_TABLE else ():
            if name in row.enum_names:
                return EnumValue(getattr(native_class(cls.__name__), name))
            if name in row.static_names:
                return _Function(cls.__name__, name, getattr(native_class(cls.__name__), name))
        raise AttributeError(f"{cls.__name__} has no enumerator or function of the class '{name}' in QT_TABLE")

    def __setattr__(cls, name: str, value: Any) -> None:
        raise AttributeError(f"'{name}' can not be set on the class {cls.__name__}")


class Wrapper(metaclass=WrapperType):
    """An object of Qt, as Python sees it."""

    __slots__ = ("__weakref__", "_native")
    _native: Any

    def __init_subclass__(cls, made_here: bool = False) -> None:
        if not made_here:
            raise TypeError("The stand-ins of Qt's classes can not be subclassed: no virtual function would be called.")

    def __getattr__(self, name: str) -> Any:
        class_name = type(self).__name__
        native = self._alive(name)
        if name in properties_of(class_name):
            return from_native(_read(native, name), wrap)
        signature = find_signal(class_name, name)
        if signature:
            return BoundSignal(self, signature, _wrap_value)
        plain = name[:-1] if name.endswith("_") else name  # exec_
        for row in lineage(class_name):
            if plain in row.method_names:
                # PySide6 writes Python's keywords with an underscore, too.
                found = getattr(native, plain, None) or getattr(native, f"{plain}_")
                return _Function(class_name, plain, found, self)
            if plain in row.enum_names or plain in row.static_names:
                return getattr(type(self), plain)
        raise AttributeError(f"{class_name} has no attribute named '{name}' in QT_TABLE")

    def __setattr__(self, name: str, value: Any) -> None:
        class_name = type(self).__name__
        if name not in properties_of(class_name):
            raise AttributeError(
                f"'{name}' does not exist on {class_name} and creating new attributes on C++ objects is not allowed"
            )
        _write(self._alive(name), class_name, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Wrapper):
            return False
        return self._native is other._native or bool(self._native == other._native)

    def __hash__(self) -> int:
        return hash(self._native)

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self._native!r})"

    def className(self) -> str:
        return type(self).__name__

    def _alive(self, name: str) -> Any:
        if not shiboken6.isValid(self._native):
            raise ValueError(f"Trying to use '{name}' of a destroyed {type(self).__name__} object")
        return self._native


class ObjectWrapper(Wrapper, made_here=True):
    """A ``QObject``, with what PythonQt itself adds to every one."""

    __slots__ = ("_owned",)
    _owned: bool

    def __del__(self) -> None:
        """Delete the object if it was made by Python and has no parent, at once, as PythonQt does."""
        if self._owned and shiboken6.isValid(self._native) and self._native.parent() is None:
            shiboken6.delete(self._native)

    @property
    def name(self) -> str:
        return str(self.objectName)

    def __setattr__(self, name: str, value: Any) -> None:
        known = properties_of(type(self).__name__)
        if name not in known and name != "name" and name.encode() in self._alive(name).dynamicPropertyNames():
            self._native.setProperty(name, to_native(value))
        else:
            super().__setattr__("objectName" if name == "name" else name, value)

    def __getattr__(self, name: str) -> Any:
        if name.encode() in self._alive(name).dynamicPropertyNames():
            return from_native(self._native.property(name), wrap)
        return super().__getattr__(name)

    def connect(self, signal: str, function: Callable[..., Any]) -> bool:
        """Call ``function`` whenever the signal is emitted, ``"clicked(bool)"``."""
        return connect(self, signal, function, _wrap_value)

    def disconnect(self, signal: str, function: Callable[..., Any] | None = None) -> bool:
        """No longer call ``function``, by default none; return whether there was a connection."""
        return disconnect(self, signal, function)

    def property(self, name: str) -> Any:
        """Return a property, a dynamic one included; ``None`` if there is none of this name."""
        native = self._alive(name)
        known = name in METAS[type(self).__name__].properties
        return from_native(_read(native, name) if known else native.property(name), wrap)

    def setProperty(self, name: str, value: Any) -> bool:
        """Set a property; return ``False`` if it is a new, dynamic one."""
        class_name = type(self).__name__
        if name in properties_of(class_name):
            _write(self._alive(name), class_name, name, value)
            return True
        if name in METAS[class_name].properties:
            raise AttributeError(f"{class_name} has no property '{name}' in QT_TABLE")
        self._alive(name).setProperty(name, to_native(value))
        return False

    def inherits(self, class_name: str) -> bool:
        """Return whether the object is of this class or one that is based on it."""
        return bool(self._alive("inherits").inherits(class_name))

    def setParent(self, parent: ObjectWrapper | None) -> None:
        self._alive("setParent").setParent(to_native(parent))

    def children(self) -> list[Any]:
        return [wrap(child) for child in self._alive("children").children()]

    def findChild(self, kind: Any, name: str = "") -> Any:
        """Return the first child, however deep, of a class (or its name) and a name; ``None`` if there is none."""
        return next(iter(self.findChildren(kind, name)), None)

    def findChildren(self, kind: Any, name: str = "") -> list[Any]:
        """Return the children, however deep, of a class (or its name) and a name."""
        class_name = kind if isinstance(kind, str) else kind.__name__
        found = self._alive("findChildren").findChildren(QtCore.QObject)
        return [wrap(child) for child in found if child.inherits(class_name) and name in ("", child.objectName())]

    def delete(self) -> None:
        """Delete the object at once."""
        shiboken6.delete(self._alive("delete"))


class _Function:
    """A function of an object or a class."""

    def __init__(self, class_name: str, name: str, native: Callable[..., Any], owner: Wrapper | None = None) -> None:
        self._class_name = class_name
        self._name = name
        self._native_function = native
        self._owner = owner

    def __call__(self, *values: Any) -> Any:
        return from_native(_call(f"{self._class_name}.{self._name}", self._native_function, values), wrap)


def wrapper_class(class_name: str) -> WrapperType:
    """Return the class of the wrappers of a class in ``QT_TABLE``."""
    if class_name not in _classes:
        base_name = QT_TABLE[class_name].base
        base: type = wrapper_class(base_name) if base_name else ObjectWrapper if class_name == "QObject" else Wrapper
        made = type.__new__(WrapperType, class_name, (base,), {"__slots__": (), "__module__": "qt"}, made_here=True)
        _classes[class_name] = made
    return _classes[class_name]


def wrap(native: Any) -> Any:
    """Return the wrapper of an object of PySide6, the same one as long as it is referenced.

    What is no object of Qt, a node of the scene for one, stays as it is.
    """
    if not isinstance(native, shiboken6.Object):
        return native
    address = shiboken6.getCppPointer(native)[0]
    existing = _wrappers.get(address) if isinstance(native, QtCore.QObject) else None
    if existing is not None and existing._native is native:
        return existing
    made: Wrapper = object.__new__(wrapper_class(_class_name(native)))
    object.__setattr__(made, "_native", native)
    if isinstance(native, QtCore.QObject):
        object.__setattr__(made, "_owned", False)
        _wrappers[address] = made
    return made


def delete_all() -> None:
    """Delete everything that was made and has no parent, timers too, whoever still holds it: the session is over."""
    for wrapper in list(_wrappers.values()):
        if wrapper._owned and shiboken6.isValid(wrapper._native) and wrapper._native.parent() is None:
            shiboken6.delete(wrapper._native)


def _wrap_value(value: Any) -> Any:
    """Return what a slot is given for what a signal carries."""
    return from_native(value, wrap)


def _class_name(native: Any) -> str:
    """Return the nearest class in the table, as PythonQt does with a class that it does not know."""
    for kind in type(native).__mro__:
        if kind.__name__ in QT_TABLE:
            return kind.__name__
    raise TypeError(f"{type(native).__name__} is not in QT_TABLE")


def _call(name: str, native: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    plain = name.rpartition(".")[2]
    if plain in _NO_STRINGS and any(isinstance(value, str) for value in values):
        raise ValueError(f"Called {name} with wrong arguments {values}: PythonQt makes no such object of a string.")
    given = [guarded(value, _wrap_value) if _is_python_function(value) else to_native(value) for value in values]
    try:
        return native(*given)
    except TypeError as error:
        raise ValueError(f"Called {name} with wrong arguments {values}: {error}") from error


def _is_python_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, (Wrapper, WrapperType, shiboken6.Object, type))


def _read(native: Any, name: str) -> Any:
    try:
        return native.property(name)
    except RuntimeError:  # PySide6 has no converter for some flags; their getters have one
        capital = name[0].upper() + name[1:]
        getter = next(getattr(native, found) for found in (name, f"is{capital}") if hasattr(native, found))
        return getter()


def _write(native: Any, class_name: str, name: str, value: Any) -> None:
    found = METAS[class_name].properties[name]
    if not found.writable:
        raise AttributeError(f"Property '{name}' of {class_name} object is not writable")
    kinds: dict[str, tuple[type, ...]] = {
        "QString": (str,),
        "bool": (bool, int),
        "int": (int,),
        "double": (int, float),
        "QStringList": (list, tuple),
    }
    accepted = kinds.get(found.type_name)
    if accepted is None:
        accepted = (int,) if found.is_enum else (Wrapper, EnumValue)
    if isinstance(value, (*PLAIN, list, tuple, Wrapper)) and isinstance(value, accepted):
        # An enumerator of Qt is a number for a property.
        if native.setProperty(name, to_native(value)):
            return
    raise AttributeError(
        f"Property '{name}' of type '{found.type_name}' does not accept an object of type {type(value).__name__} "
        f"({value!r})"
    )
