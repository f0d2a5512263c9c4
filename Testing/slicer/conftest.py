"""A fresh headless Slicer for every test here; without the ``slicer-core`` wheel all of them are skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.wheel import MISSING, import_slicer

MODULE_FILE = Path(__file__).resolve().parents[2] / "RNCARefine" / "RNCARefine.py"
LIBRARY = ("RNCARefineLib", "rncarefine")
_installed = import_slicer()
if _installed:
    from harness.session import install_python_modules

    install_python_modules()  # before a test file imports what imports them


def pytest_pycollect_makemodule() -> None:
    """Skip the whole folder, with the reason, before a test file imports what is not there."""
    if not _installed:
        pytest.skip(MISSING)


@pytest.fixture(autouse=True)
def session() -> Iterator[Any]:
    """Start a headless Slicer with an empty scene."""
    from harness.session import Session

    session = Session()
    yield session
    session.close()


@pytest.fixture
def heart() -> Any:
    """Return a drawn heart, oblique and anisotropic."""
    from harness.hearts import draw_heart

    return draw_heart()


@pytest.fixture
def module() -> ModuleType:
    """Return the module's file, loaded as the application loads it."""
    from harness.modules import load_scripted_module

    return load_scripted_module(MODULE_FILE)


@pytest.fixture
def kept_modules() -> Iterator[None]:
    """Give the other tests their modules back: the same classes, not equal ones."""
    kept = {name: value for name, value in sys.modules.items() if name.partition(".")[0] in LIBRARY}
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in LIBRARY]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.fixture
def toy_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the toy engine, which needs no weights, in the place of the real one."""
    import rncarefine.nca.model
    import rncarefine.refine.repair
    from harness import toy_engine

    monkeypatch.setattr(rncarefine.refine.repair, "repair", toy_engine.repair)
    monkeypatch.setattr(rncarefine.refine.repair, "check", toy_engine.check)
    monkeypatch.setattr(rncarefine.nca.model, "load_model", toy_engine.ToyModel)


@pytest.fixture
def logic(module: ModuleType, toy_engine: None) -> Any:
    """Return the module's logic on the toy engine."""
    return module.RNCARefineLogic()


@pytest.fixture
def desktop(session: Any) -> Any:
    """Return a main window with views; pop-ups are shown, and the test answers them: ``desktop.dialogs``."""
    return session.open_desktop()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the real engine by a toy engine that counts; the licence of its model is permissive."""
    from harness.effects import CountingEngine

    engine = CountingEngine()
    engine.install(monkeypatch)
    return engine


@pytest.fixture
def bench(desktop: Any, heart: Any, engine: Any) -> Iterator[Any]:
    """Return a heart in Segment Editor with the effect active, on the counting engine."""
    from harness.effects import EffectBench

    bench = EffectBench(heart)
    yield bench
    bench.close()
