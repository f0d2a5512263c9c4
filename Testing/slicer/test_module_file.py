"""RNCARefine.py as the application meets it: quick to import, described, reloadable, with a self-test."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import slicer

import RNCARefineLib.model
from engine.model_samples import still_model

ROOT = Path(__file__).resolve().parents[2]
MODULE_FILE = ROOT / "RNCARefine" / "RNCARefine.py"


def test_only_the_standard_library_and_slicer_are_imported_at_file_scope() -> None:
    roots = set()
    for node in ast.parse(MODULE_FILE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).partition(".")[0])
    assert roots <= {*sys.stdlib_module_names, "slicer"}


IMPORT_ALONE = """
import sys, time
sys.path.insert(0, {testing!r})
from harness.wheel import import_slicer
assert import_slicer()
from harness.session import Session
Session()
sys.path.insert(0, {module!r})
before = set(sys.modules)
started = time.process_time()
import RNCARefine
print(time.process_time() - started)
print(*sorted(set(sys.modules) - before))
"""


def test_the_file_is_imported_within_50_ms_and_brings_nothing_along() -> None:
    code = IMPORT_ALONE.format(testing=str(ROOT / "Testing"), module=str(MODULE_FILE.parent))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    seconds, imported = done.stdout.splitlines()[-2:]
    assert float(seconds) < 0.05
    assert imported.split() == ["RNCARefine"]


def test_the_application_can_show_the_module(module: ModuleType) -> None:
    shown = slicer.modules.rncarefine
    assert shown.title
    assert shown.categories == ["Segmentation"]
    assert shown.contributors
    assert "research use" in shown.helpText
    assert "2512.13397" in shown.acknowledgementText
    assert not shown.hidden
    for name in shown.dependencies:
        assert slicer.app.moduleManager().module(name) is not None, name


def test_the_documentation_is_where_the_extension_says(module: ModuleType) -> None:
    assert f'"{module.DOCUMENTATION}"' in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert module.DOCUMENTATION in slicer.modules.rncarefine.helpText


@pytest.mark.parametrize("method", ["check", "process"])
def test_every_argument_of_the_logic_is_explained(module: ModuleType, method: str) -> None:
    function = getattr(module.RNCARefineLogic, method)
    names = list(inspect.signature(function).parameters)[1:]
    explained = [line.strip().partition(":")[0] for line in function.__doc__.splitlines()]
    assert [name for name in names if name not in explained] == []


class Label:
    """The part of QLabel that the widget uses."""

    __slots__ = ("flags", "text", "wordWrap")

    def __init__(self, text: str) -> None:
        self.text = text

    def setTextInteractionFlags(self, flags: Any) -> None:
        self.flags = flags


class Layout:
    """The part of QVBoxLayout that the widget uses."""

    def __init__(self) -> None:
        self.widgets: list[Any] = []

    def addWidget(self, widget: Any) -> None:
        self.widgets.append(widget)

    def addStretch(self, stretch: int) -> None:
        assert stretch == 1


@pytest.fixture
def panel(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    qt = ModuleType("qt")
    qt.QLabel, qt.Qt = Label, SimpleNamespace(TextSelectableByMouse=1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "qt", qt)
    layout = Layout()
    widget = module.RNCARefineWidget(SimpleNamespace(layout=lambda: layout))
    widget.setup()
    return widget


def test_the_panel_says_how_the_logic_is_called(panel: Any, module: ModuleType) -> None:
    (label,) = panel.layout.widgets
    assert "RNCARefineLogic().process(segmentationNode, segmentID, volumeNode)" in label.text
    assert module.DOCUMENTATION in label.text
    assert label.wordWrap


@pytest.fixture
def kept_modules() -> Iterator[None]:
    """Give the other tests their modules back: the same classes, not equal ones."""
    kept = {name: value for name, value in sys.modules.items() if name.partition(".")[0] == "RNCARefineLib"}
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "RNCARefineLib"]:
        del sys.modules[name]
    sys.modules.update(kept)


def test_reload_forgets_the_library_before_the_file_is_loaded_again(
    panel: Any, monkeypatch: pytest.MonkeyPatch, kept_modules: None
) -> None:
    remembered: list[list[str]] = []

    def reload(name: str) -> None:
        assert name == "RNCARefine"
        remembered.append([key for key in sys.modules if key.startswith("RNCARefineLib")])

    monkeypatch.setattr(slicer.util, "reloadScriptedModule", reload)
    monkeypatch.setitem(sys.modules, "RNCARefineLibrary", ModuleType("RNCARefineLibrary"))  # somebody else's
    assert "RNCARefineLib.model" in sys.modules
    panel.onReload()
    assert remembered == [["RNCARefineLibrary"]]


def test_the_self_test_passes(module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = RNCARefineLib.model.load_model(still_model(tmp_path))
    monkeypatch.setattr(RNCARefineLib.model, "load_model", lambda name: model)
    slicer.selfTests["RNCARefine"]()


@pytest.mark.skipif(not RNCARefineLib.model.available_models(), reason="the weights are not in Resources/Models")
def test_the_self_test_passes_with_the_weights_that_are_shipped(module: ModuleType) -> None:
    slicer.selfTests["RNCARefine"]()
