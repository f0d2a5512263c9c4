"""The module's self-test, headless: with all that an application has, and with what it may lack; and the start-up."""

from __future__ import annotations

import logging
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import slicer

import rncarefine.nca.model
from harness import sample_data, segment_statistics
from harness.modules import load_scripted_module
from harness.panels import open_panel
from harness.segment_editor import install_segment_editor

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "RNCARefine"
TESTS = [
    "test_CheckFindsTheBrokenSlice",
    "test_EffectIsRegistered",
    "test_PanelRepairs",
    "test_ProcessClosesIt",
    "test_SampleIsRepairedAndReviewed",
    "test_SamplesAreOffered",
    "test_StatisticsCountRings",
    "test_VesselSampleIsRepaired",
]

pytestmark = pytest.mark.skipif(
    not rncarefine.nca.model.available_models(), reason="the weights are not in Resources/Models"
)


@pytest.fixture
def whole(module: ModuleType) -> Iterator[ModuleType]:
    """Return the module's file in an application with all of Slicer's modules that it works with, and a panel."""
    install_segment_editor()
    with sample_data.installed(), segment_statistics.installed():
        load_scripted_module(MODULE / "SegmentEditorRNCARefine.py")
        slicer.app.completeStartup()
        open_panel("RNCARefine")
        yield module


def run_alone(module: ModuleType, name: str) -> None:
    """Run one test of the self-test, as ctest does."""
    result = unittest.TestResult()
    module.RNCARefineTest(name).run(result)
    for _, trace in result.errors + result.failures:
        raise AssertionError(trace)
    assert result.testsRun == 1
    assert not result.skipped


def test_these_are_all_tests(module: ModuleType) -> None:
    assert unittest.TestLoader().getTestCaseNames(module.RNCARefineTest) == TESTS


@pytest.mark.parametrize("name", TESTS)
def test_each_test_passes_alone_and_restores_the_settings(whole: ModuleType, name: str) -> None:
    before = list(slicer.app.userSettings().allKeys())
    run_alone(whole, name)
    assert list(slicer.app.userSettings().allKeys()) == before


@pytest.fixture
def ran(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of what was called, with the tests that repair something left out for their time."""
    called: list[str] = []
    for name in ("setUp", *TESTS):
        own = getattr(module.RNCARefineTest, name)

        def run(case: Any, name: str = name, own: Any = own) -> None:
            called.append(name)
            if name in ("setUp", "test_EffectIsRegistered", "test_SamplesAreOffered", "test_StatisticsCountRings"):
                own(case)
            elif name == "test_PanelRepairs" and slicer.modules.rncarefine.widgetRepresentation() is None:
                own(case)

        monkeypatch.setattr(module.RNCARefineTest, name, run)
    return called


def test_run_test_runs_them_all_each_in_an_empty_scene(
    whole: ModuleType, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        slicer.selfTests["RNCARefine"]()
    assert sorted(ran) == sorted([*TESTS, *["setUp"] * len(TESTS)])
    assert ran[::2] == ["setUp"] * len(TESTS)
    assert "Skipped" not in caplog.text
    assert caplog.messages[-1] == "Test passed"


def test_tests_of_missing_modules_are_skipped_with_the_reason(
    module: ModuleType, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    slicer.app.completeStartup()
    with caplog.at_level(logging.INFO):
        slicer.selfTests["RNCARefine"]()
    assert [text for text in caplog.messages if text.startswith("Skipped")] == [
        "Skipped: this application has no SampleData",
        "Skipped: this application has no SegmentStatistics",
        "Skipped: the module that registers the effect is not loaded",
        "Skipped: there is no panel",
    ]
    assert caplog.messages[-1] == "Test passed"


# The tests must be able to fail


def test_it_fails_when_a_rejected_slice_is_not_restored(whole: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from RNCARefineLib.mrml.review.decisions import Review

    monkeypatch.setattr(Review, "_write_slice", lambda *args: None)
    with pytest.raises(AssertionError):
        run_alone(whole, "test_SampleIsRepairedAndReviewed")


def test_it_fails_when_a_ring_stays_open(whole: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    process = whole.RNCARefineLogic.process
    monkeypatch.setattr(
        whole.RNCARefineLogic, "process", lambda *args, **options: process(*args, **{**options, "maxChangeMm2": 0.1})
    )
    for name in ("test_ProcessClosesIt", "test_PanelRepairs"):
        with pytest.raises(AssertionError):
            run_alone(whole, name)


def test_it_fails_when_a_repair_paints_away_from_bridges(whole: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from RNCARefineLib.mrml import vessels

    write = vessels.write_segment

    def paint(node: Any, segment_id: str, mask: Any, grid: Any) -> None:
        mask = mask.copy()
        mask[0, :3, :3] = 1
        write(node, segment_id, mask, grid)

    monkeypatch.setattr(vessels, "write_segment", paint)
    with pytest.raises(AssertionError):
        run_alone(whole, "test_VesselSampleIsRepaired")


@pytest.mark.parametrize("name", ["test_SamplesAreOffered", "test_StatisticsCountRings", "test_EffectIsRegistered"])
def test_it_fails_when_nothing_was_registered_at_start_up(module: ModuleType, name: str) -> None:
    install_segment_editor()
    with sample_data.installed(), segment_statistics.installed():
        load_scripted_module(MODULE / "SegmentEditorRNCARefine.py")
        with pytest.raises(AssertionError):
            run_alone(module, name)


# Start-up

STARTUP = """
import sys, time
sys.path.insert(0, {testing!r})
from harness.wheel import import_slicer
assert import_slicer()
from harness.session import Session
Session()
import slicer
from harness import sample_data, segment_statistics
sys.path.insert(0, {module!r})
with sample_data.installed(), segment_statistics.installed():
    for name in [name for name in sys.modules if name.partition(".")[0] in ("numpy", "scipy", "torch")]:
        sys.modules[name] = None  # importing it from now on is an error
    before = set(sys.modules)
    from harness.modules import load_scripted_module
    from pathlib import Path
    load_scripted_module(Path({module!r}) / "RNCARefine.py")
    started = time.process_time()
    slicer.app.completeStartup()
    print(time.process_time() - started)
    print(*sorted(name for name in set(sys.modules) - before if not name.startswith("harness")))
    print(len(segment_statistics.SegmentStatisticsLogic.registeredPlugins), *slicer.modules.sampleDataSources)
"""


def test_registration_is_quick_and_imports_little() -> None:
    code = STARTUP.format(testing=str(ROOT / "Testing"), module=str(MODULE))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    seconds, imported, registered = done.stdout.splitlines()[-3:]
    assert registered == "1 RNCA Refine"
    assert imported.split() == [
        "RNCARefine",
        "RNCARefineLib",
        "RNCARefineLib.mrml",
        "RNCARefineLib.mrml.sample_data",
        "RNCARefineLib.mrml.start_up",
        "RNCARefineLib.mrml.statistics_plugin",
        "RNCARefineLib.self_test",
    ]
    assert float(seconds) < 0.05
