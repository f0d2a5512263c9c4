"""A fresh headless Slicer: a scene, the application logic, the module logics and the data IO manager."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import slicer
import vtk

from .application import Application
from .modules import start_core_modules
from .subject_hierarchy import SubjectHierarchyPlugins


class Session:
    """A running headless Slicer; :meth:`close` it before the next one is started."""

    def __init__(self) -> None:
        self.application = Application()
        self.scene = slicer.vtkMRMLScene()
        slicer.app = self.application
        slicer.mrmlScene = self.scene
        logic = self.application.applicationLogic()
        logic.SetMRMLScene(self.scene)
        logic.SetTemporaryPath(self.application.temporaryPath)
        # The plain colour logic: Slicer's own wants the application's home folder.
        logic.GetColorLogic().SetMRMLScene(self.scene)
        logic.GetColorLogic().AddDefaultColorNodes()
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        self._data_io = _start_data_io(self.scene, logic, self.application.temporaryPath)
        _install_python_modules()
        start_core_modules(self.application.moduleManager(), logic, self.scene)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self._plugins = SubjectHierarchyPlugins(self.scene)

    def close(self) -> None:
        """Empty the scene and remove the temporary folder."""
        self._plugins.close()
        self.scene.Clear(True)
        self.application.shutDown()


def _start_data_io(scene: Any, application_logic: Any, cache_folder: str) -> tuple[Any, Any]:
    """Give the scene a cache and a data IO manager; without them scene bundles cannot be read nor volumes exported."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application_logic)
    remote.GetCacheManager().SetRemoteCacheDirectory(cache_folder)
    manager = slicer.vtkDataIOManagerLogic()
    manager.SetMRMLScene(scene)
    manager.SetMRMLApplicationLogic(application_logic)
    manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return remote, manager


def _install_python_modules() -> None:
    """Put the stand-ins where a scripted module imports them from."""
    for name, stand_in in (("i18n", "i18n"), ("ScriptedLoadableModule", "scripted")):
        module = importlib.import_module(f"{__package__}.{stand_in}")
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
