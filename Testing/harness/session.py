"""A fresh headless Slicer: a scene, the application logic, the module logics and the data IO manager."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import slicer
import vtk

from .application import Application
from .desktop import Desktop
from .modules import start_core_modules
from .panels import close_panels
from .pythonqt import modules as qt_modules
from .pythonqt.errors import take_all
from .subject_hierarchy import SubjectHierarchyPlugins

STAND_INS = {"i18n": "i18n", "ScriptedLoadableModule": "scripted", "parameterNodeWrapper": "parameters.node"}
"""Modules of ``slicer`` to the files here that stand in for them."""


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
        install_python_modules()
        start_core_modules(self.application.moduleManager(), logic, self.scene)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self._plugins = SubjectHierarchyPlugins(self.scene)
        self._desktop: Desktop | None = None

    def open_desktop(self) -> Desktop:
        """Open a main window with views; from now on pop-ups are shown, and the test answers them."""
        self._desktop = self._desktop or Desktop(self.application.dialogs)
        return self._desktop

    def close(self) -> None:
        """Close panels and windows, empty the scene and remove the temporary folder.

        Raises:
            BaseException: What a slot or an observer raised and no test expected, or an ``AssertionError`` for an
                unused answer.
        """
        unused = self.application.dialogs.unused_answers()
        try:
            close_panels()
        finally:
            self._plugins.close()
            self.scene.Clear(True)
            if self._desktop is not None:
                self._desktop.close()
            self.application.shutDown()
        self.application.dialogs.reset()
        errors = take_all()
        if errors:
            raise errors[0]
        assert not unused, f"Nobody asked for these answers: {unused}"


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


def install_python_modules() -> None:
    """Put the stand-ins where a scripted module imports them from."""
    qt_modules.install()
    for name, stand_in in STAND_INS.items():
        module = importlib.import_module(f"{__package__}.{stand_in}")
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
