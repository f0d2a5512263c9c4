"""Opening and closing a module's panel the way the application does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import slicer

from .modules import load_scripted_module
from .pythonqt import mrml_widgets
from .pythonqt.shim import wrap


def open_panel(module_file: str | Path) -> Any:
    """Show the panel of a module and return it, an object of its widget class.

    The module is loaded unless it already is. The first time its panel is made and set up, then it is entered.

    Args:
        module_file: The module's file, or the name of a module that is loaded.
    """
    path = Path(module_file)
    name = path.stem
    if slicer.app.moduleManager().module(name) is None:
        load_scripted_module(path)
    module = slicer.app.moduleManager().module(name)
    if module.widgetRepresentation() is None:
        representation = mrml_widgets.qSlicerScriptedLoadableModuleWidget()
        module.setWidgetRepresentation(wrap(representation))
        wrap(representation).setMRMLScene(slicer.mrmlScene)
        widget_class = f"{name}Widget"
        representation.start(name, lambda: getattr(sys.modules[name], widget_class)(wrap(representation)))
    representation = module.widgetRepresentation()
    if not representation.isEntered:
        representation.enter()
        representation.show()
    return representation.self()


def leave_panel(panel: Any) -> None:
    """Show another module's panel instead; this one is kept, as it is in the application."""
    panel.parent.exit()
    panel.parent.hide()


def close_panel(panel: Any) -> None:
    """Leave the panel and destroy it, as the application does when it ends."""
    name = panel.moduleName
    if panel.parent.isEntered:
        leave_panel(panel)
    slicer.app.moduleManager().unload(name)
    module = slicer.app.moduleManager().module(name)
    module.widgetRepresentation().delete()
    module.setWidgetRepresentation(None)
    if hasattr(slicer.modules, f"{name}Widget"):
        delattr(slicer.modules, f"{name}Widget")


def close_panels() -> None:
    """Close every panel that was made."""
    for name in list(slicer.app.moduleManager().names()):
        module = slicer.app.moduleManager().module(name)
        representation = getattr(module, "widgetRepresentation", lambda: None)()
        if representation is not None:
            close_panel(representation.self())
