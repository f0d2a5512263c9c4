"""RNCARefine.py as the application meets it: quick to import, described, reloadable (self-test: test_self_test.py)."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import slicer

from rncarefine.refine.options import camel_case, option_infos

ROOT = Path(__file__).resolve().parents[2]
MODULE_FILE = ROOT / "RNCARefine" / "RNCARefine.py"


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


def test_the_module_file_imports_only_the_self_test_within_50_ms() -> None:
    code = IMPORT_ALONE.format(testing=str(ROOT / "Testing"), module=str(MODULE_FILE.parent))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    seconds, imported = done.stdout.splitlines()[-2:]
    assert float(seconds) < 0.05
    assert imported.split() == ["RNCARefine", "RNCARefineLib", "RNCARefineLib.self_test"]


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


def test_the_documentation_url_is_that_of_the_extension(module: ModuleType) -> None:
    assert f'"{module.DOCUMENTATION}"' in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert module.DOCUMENTATION in slicer.modules.rncarefine.helpText


@pytest.mark.parametrize("method", ["check", "process"])
def test_every_argument_of_the_logic_is_explained(module: ModuleType, method: str) -> None:
    function = getattr(module.RNCARefineLogic, method)
    options = {camel_case(name) for name in option_infos()}
    names = [name for name in list(inspect.signature(function).parameters)[1:] if name not in options]
    explained = [line.strip().partition(":")[0] for line in function.__doc__.splitlines()]
    assert [name for name in names if name not in explained] == []
    assert "RepairOptions" in function.__doc__


@pytest.fixture
def panel(session: Any) -> Any:
    from harness.panels import open_panel

    return open_panel(MODULE_FILE)


def test_reload_unloads_the_library(panel: Any, monkeypatch: pytest.MonkeyPatch, kept_modules: None) -> None:
    import rncarefine.nca.model  # noqa: F401  (it is there to be forgotten)

    remembered: list[list[str]] = []

    def reload(name: str) -> None:
        assert name == "RNCARefine"
        ours = ("RNCARefineLib", "RNCARefineLibrary", "rncarefine")
        remembered.append([key for key in sys.modules if key.partition(".")[0] in ours])

    monkeypatch.setattr(slicer.util, "reloadScriptedModule", reload)
    monkeypatch.setitem(sys.modules, "RNCARefineLibrary", ModuleType("RNCARefineLibrary"))  # of another extension
    training = ModuleType("rncarefine_training")  # a package of its own
    monkeypatch.setitem(sys.modules, "rncarefine_training", training)
    assert "rncarefine.nca.model" in sys.modules
    assert "RNCARefineLib.panel.panel" in sys.modules
    panel.onReload()
    assert remembered == [["RNCARefineLibrary"]]
    assert sys.modules["rncarefine_training"] is training
