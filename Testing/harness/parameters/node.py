"""Stand-in for ``slicer.parameterNodeWrapper``: typed access to a parameter node, and its connection to widgets.

The part that is used, with the text in the node, the errors and the order of events of the real one; other types and
widgets raise. ``check_against_real.py wrapper`` runs the tests of this file against the real one.
"""

from __future__ import annotations

import typing
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from .gui import Connector, connector_of
from .values import Choice, Serializer, Validator, WithinRange, annotations_of, serializer_of, unannotated

__all__ = ["Choice", "WithinRange", "parameterNodeWrapper"]

SlicerParameterNamePropertyName = "SlicerParameterName"

LEAVES_OBSERVERS = False
"""Whether ``disconnectGui`` leaves its observer on the node, as it does in Slicer 5.10."""


@dataclass(frozen=True)
class _Parameter:
    """Definition of one parameter in a wrapper class."""

    name: str
    kind: Any
    serializer: Serializer
    validators: tuple[Validator, ...]
    default: Any

    def write(self, node: Any, name: str, value: Any) -> None:
        self.serializer.validate(value)
        for validator in self.validators:
            validator.validate(value)
        self.serializer.write(node, name, value)


class _Cell:
    """A parameter in a node, and its value as of the last change of the node."""

    def __init__(self, parameter: _Parameter, node: Any, name: str) -> None:
        self.parameter, self.node, self.name = parameter, node, name
        self._tag = 0  # nothing to remove if the default does not fit
        if not parameter.serializer.is_in(node, name):
            parameter.write(node, name, parameter.default)
        self.value = self._read()
        self._writing = False
        me = weakref.ref(self)
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: me() and me()._on_modified())

    def __del__(self) -> None:
        self.node.RemoveObserver(self._tag)

    def write(self, value: Any) -> None:
        """Write the value; whoever observes the node sees the new one."""
        self._writing = True
        try:
            with slicer.util.NodeModify(self.node):
                self.parameter.write(self.node, self.name, value)
                self.value = self._read()
        finally:
            self._writing = False

    def _read(self) -> Any:
        if not self.parameter.serializer.is_in(self.node, self.name):
            self.parameter.write(self.node, self.name, self.parameter.default)
        return self.parameter.serializer.read(self.node, self.name)

    def _on_modified(self) -> None:
        if not self._writing:
            self.value = self._read()


class _Wrapper:
    """What the decorator adds to a class."""

    allParameters: dict[str, _Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        assert parameterNode is not None
        self.__dict__["parameterNode"] = parameterNode
        self.__dict__["_cells"] = {
            name: _Cell(parameter, parameterNode, f"{prefix or ''}{name}")
            for name, parameter in self.allParameters.items()
        }
        self.__dict__["_guis"] = {}
        self.__dict__["_updating"] = False
        self.__dict__["_next_tag"] = 0

    def __setattr__(self, name: str, value: Any) -> None:
        # A class that is based on the wrapper's may have attributes of its own.
        if name not in self.allParameters and not name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no parameter '{name}'.")
        object.__setattr__(self, name, value)

    def getValue(self, paramName: str) -> Any:
        return self._cell(paramName).value

    def setValue(self, paramName: str, value: Any) -> None:
        self._cell(paramName).write(value)

    def connectGui(self, gui: Any) -> int:
        """Connect the widgets with a property ``SlicerParameterName``: the children or the attributes of ``gui``."""
        import qt

        widgets = gui.findChildren(qt.QWidget) if hasattr(gui, "isWidgetType") else gui.__dict__.values()
        mapping = {}
        for widget in widgets:
            name = widget.property(SlicerParameterNamePropertyName)
            if name:
                mapping[name] = widget
        return self.connectParametersToGui(mapping)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Connect parameters, by name, with widgets; return a tag for :meth:`disconnectGui`."""
        for name in mapping:
            self._cell(name)
        connectors = {name: connector_of(widget, self.allParameters[name].kind) for name, widget in mapping.items()}
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.on_changed(self._on_gui_changed(name, connector))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._update_gui())
        tag: int = self._next_tag
        self.__dict__["_next_tag"] = tag + 1
        self._guis[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, guiTag: int | None) -> None:
        """Undo :meth:`connectGui`."""
        connectors, observer = self._guis.pop(guiTag, ({}, None))
        for connector in connectors.values():
            connector.on_changed(None)
        if observer is not None and not LEAVES_OBSERVERS:
            self.RemoveObserver(observer)

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: Any) -> None:
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Callable[..., None], priority: float = 0.0) -> int:
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        """Say that the node was modified."""
        self.parameterNode.Modified()

    def _cell(self, name: str) -> _Cell:
        _checked(self.allParameters, name)
        cell: _Cell = self._cells[name]
        return cell

    def _on_gui_changed(self, name: str, connector: Connector) -> Callable[[], None]:
        def changed() -> None:
            with slicer.util.NodeModify(self):
                if not self._updating:
                    self.setValue(name, connector.read())

        return changed

    def _update_gui(self) -> None:
        if self._updating:
            return
        self.__dict__["_updating"] = True
        try:
            with slicer.util.NodeModify(self):
                for connectors, _ in list(self._guis.values()):
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self.__dict__["_updating"] = False


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Make a class of typed fields a wrapper of a parameter node; with or without parentheses."""
    return _process if classtype is None else _process(classtype)


def _process(classtype: type) -> type:
    parameters: dict[str, _Parameter] = {}
    for name, kind in typing.get_type_hints(classtype, include_extras=True).items():
        try:
            serializer = serializer_of(unannotated(kind))
        except NotImplementedError as error:
            raise Exception(f"Unable to create serializer for {classtype} member {name}") from error
        annotations = annotations_of(kind)
        for annotation in annotations:
            if not isinstance(annotation, Validator):
                raise NotImplementedError(f"The stand-in knows no annotation like {annotation!r} of {name}.")
        default = getattr(classtype, name, serializer.initial)
        parameters[name] = _Parameter(name, kind, serializer, annotations, default)
        setattr(classtype, name, _property(name))
    members = {
        name: member for name, member in vars(_Wrapper).items() if callable(member) or isinstance(member, classmethod)
    }
    for name, member in {**members, "allParameters": parameters}.items():
        if name not in ("__init__", "__setattr__") and name in vars(classtype):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(classtype, name, member)
    return classtype


def _property(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


def _checked(parameters: dict[str, _Parameter], name: str) -> _Parameter:
    if name not in parameters:
        listed = "".join(f"\n    {known}," for known in parameters)
        raise ValueError(f"Cannot find a param with the given name: {name}\n  Found parameters [{listed}\n  ]")
    return parameters[name]
