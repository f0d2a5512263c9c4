"""Stand-ins for ``slicer.modules`` and the module manager; loading a scripted module from its file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer

LOGICS = {
    "Colors": "vtkMRMLColorLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Sequences": "vtkSlicerSequencesLogic",
}
"""Module name to the class of its logic. Segmentations registers the converter rules: without, segments are empty."""


class CoreModule:
    """An entry of ``slicer.modules`` for a module written in C++: its logic."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> Any:
        """Return the real module logic."""
        return self._logic


class ScriptedModule:
    """An entry of ``slicer.modules`` for a module written in Python; its description fills in the fields."""

    __slots__ = (
        "_widget",
        "acknowledgementText",
        "categories",
        "contributors",
        "dependencies",
        "helpText",
        "hidden",
        "icon",
        "name",
        "path",
        "title",
    )

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = str(path)
        self.title = name
        self.hidden = False
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.helpText = ""
        self.acknowledgementText = ""
        self.icon: Any = None
        self._widget: Any = None

    def setWidgetRepresentation(self, widget: Any) -> None:
        """Give the module the widget that its panel lives in. Not in the real class, which makes it by itself."""
        self._widget = widget

    def widgetRepresentation(self) -> Any:
        """Return the widget that the module's panel lives in."""
        return self._widget


class ModuleManager:
    """The modules by their names."""

    def __init__(self) -> None:
        self._modules: dict[str, CoreModule | ScriptedModule] = {}
        self._before_unload: list[Callable[[str], None]] = []

    def add(self, module: CoreModule | ScriptedModule) -> None:
        """Register ``module`` here and as ``slicer.modules.<name in lower case>``."""
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)

    def module(self, name: str) -> CoreModule | ScriptedModule | None:
        """Return a module, or ``None``."""
        return self._modules.get(name)

    def names(self) -> list[str]:
        """Return the names of all modules. Not in the real class."""
        return list(self._modules)

    def connect(self, signal: str, slot: Callable[[str], None]) -> bool:
        """Call ``slot`` before a module is unloaded; no other signal is known here."""
        if signal != "moduleAboutToBeUnloaded(QString)":
            raise ValueError(f"The module manager has no signal {signal} here.")
        self._before_unload.append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable[[str], None]) -> bool:
        """No longer call ``slot``; return whether it was connected."""
        if signal != "moduleAboutToBeUnloaded(QString)" or slot not in self._before_unload:
            return False
        self._before_unload.remove(slot)
        return True

    def unload(self, name: str) -> None:
        """Say that a module is about to be unloaded, as when the application ends. Not in the real class."""
        for slot in list(self._before_unload):
            slot(name)


def start_core_modules(manager: ModuleManager, application_logic: Any, scene: Any) -> None:
    """Make the logic of each core module and give it the scene."""
    slicer.modules = sys.modules["slicer.modules"] = ModuleType("slicer.modules")
    forget_converter_rules()
    for name, class_name in LOGICS.items():
        logic = getattr(slicer, class_name)()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.SetModuleLogic(name, logic)
        manager.add(CoreModule(name, logic))


def forget_converter_rules() -> None:
    """Leave no rule for the conversion of segments, as in an application that has just been started.

    Each logic of Segmentations registers its rules again for the whole process, and every copy of a segmentation copies
    all of them: after a thousand sessions that takes seconds.
    """
    factory = slicer.vtkSegmentationConverterFactory.GetInstance()
    for rule in factory.GetConverterRules():
        factory.UnregisterConverterRule(rule)


def load_scripted_module(path: Path) -> ModuleType:
    """Load a scripted module the way the application does, and return its Python module.

    Args:
        path: The module's file, ``<Name>.py`` with a class ``<Name>`` in it.
    """
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent = ScriptedModule(name, path)
    getattr(module, name)(parent)
    slicer.app.moduleManager().add(parent)
    return module
