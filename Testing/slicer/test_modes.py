"""Mode and model in every place of Slicer that has them: the weights that were chosen make the result, and no others.

The real engine on real MRML, with toy automata whose walls differ in thickness.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import slicer

from engine.model_folders import cine_2d, cine_3d, install, open_2d
from harness.cine import draw_cine
from harness.cohort import write_cases
from harness.effects import EffectBench
from harness.hearts import GAP, Heart, Mask, draw_heart
from harness.panel_steps import open_on, select
from rncarefine.nca.model import DEFAULT_MODEL, load_model
from rncarefine.refine.repair import RepairOptions, repair
from RNCARefineLib.mrml import process
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.reader import read

CHOICES = [
    ({}, DEFAULT_MODEL),
    ({"mode": "slice-wise"}, "sax-open-2d"),
    ({"mode": "volumetric"}, "sax-cine-3d"),
    ({"model": "sax-cine-3d"}, "sax-cine-3d"),
    ({"model": "sax-cine-2d"}, "sax-cine-2d"),
]
VOLUMETRIC = {"mode": "volumetric", "device": "numpy"}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have three models installed, two of them slice-wise."""
    install(monkeypatch, tmp_path / "models", cine_2d(), cine_3d(), open_2d())


@pytest.fixture
def real_logic(module: ModuleType) -> Any:
    """Return the module's logic on the real engine."""
    return module.RNCARefineLogic()


def by_the_engine(heart: Heart, name: str = "sax-cine-3d", pool: str | None = "pool", **options: Any) -> Mask:
    """Return the wall that the engine makes of a heart with a model; no other model makes the same."""
    stack = read(Selection.create(heart.segmentation, "myo", heart.volume, pool)).stack
    walls = {
        other: repair(stack, load_model(other), RepairOptions(device="numpy", **options)).wall
        for other in ("sax-cine-2d", "sax-cine-3d", "sax-open-2d")
    }
    assert (walls[name][GAP] != stack.mask[GAP]).any()
    assert all((walls[name][GAP] != wall[GAP]).any() for other, wall in walls.items() if other != name)
    return walls[name]


# Logic


@pytest.mark.parametrize(("chosen", "name"), CHOICES)
def test_the_logic_repairs_with_the_model_that_was_chosen(
    real_logic: Any, heart: Heart, chosen: dict[str, str], name: str
) -> None:
    report = real_logic.process(heart.segmentation, "myo", heart.volume, poolSegmentID="pool", device="numpy", **chosen)
    assert report.model.name == name
    output = real_logic.outputSegmentationNode()
    np.testing.assert_array_equal(heart.voxels("myo", output), by_the_engine(heart, name))


def test_every_frame_of_a_sequence_is_repaired_with_it(real_logic: Any) -> None:
    cine = draw_cine()
    heart = cine.heart
    outcome = real_logic.processSequence(cine.browser, heart.segmentation, "myo", heart.volume, "pool", **VOLUMETRIC)
    assert {report.model.name for report in outcome.reports.values()} == {"sax-cine-3d"}
    np.testing.assert_array_equal(heart.voxels("myo", outcome.segmentation_node), by_the_engine(heart))


def test_every_case_of_a_folder_is_repaired_with_it(real_logic: Any, tmp_path: Path) -> None:
    write_cases(tmp_path / "in", ["anna"])
    expected = by_the_engine(draw_heart())
    slicer.mrmlScene.Clear()
    real_logic.processBatch(tmp_path / "in", tmp_path / "out", segment="myo", pool="pool", **VOLUMETRIC)
    assert_case(tmp_path / "out", expected)


def assert_case(folder: Path, expected: Mask) -> None:
    """Fail unless a batch has repaired its only case with the volumetric model, to this wall."""
    written = json.loads((folder / "reports" / "anna.json").read_text(encoding="utf-8"))
    assert written["report"]["model"]["name"] == "sax-cine-3d"
    node = slicer.util.loadSegmentation(str(folder / "anna.seg.nrrd"), properties={})
    np.testing.assert_array_equal(draw_heart().voxels("myo", node), expected)


def test_the_logic_logs_the_terms_once_without_a_question(
    real_logic: Any,
    heart: Heart,
    desktop: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_logged_licences", set())

    def logged() -> list[str]:
        return [line for line in caplog.messages if "terms of the weights" in line]

    caplog.set_level(logging.INFO)
    repair_with = {"poolSegmentID": "pool", "device": "numpy"}
    real_logic.process(heart.segmentation, "myo", heart.volume, model="sax-open-2d", **repair_with)
    assert logged() == []
    for mode in ("volumetric", "slice-wise"):  # the same licence
        real_logic.process(heart.segmentation, "myo", heart.volume, mode=mode, **repair_with)
    assert logged() == [
        "RNCARefine, terms of the weights: sax-cine-3d may be used under CC BY-NC-SA 4.0, which does not allow "
        "commercial use."
    ]
    assert desktop.dialogs.texts == []


# Panel and effect


def test_the_panel_uses_the_model_of_the_chosen_mode(desktop: Any, heart: Heart) -> None:
    panel = open_on(heart)
    select(panel.ui.modeSelector, "slice-wise")
    assert panel.ui.modelSelector.currentText == "sax-open-2d"
    select(panel.ui.deviceSelector, "numpy")
    select(panel.ui.modeSelector, "volumetric")
    assert panel.ui.modelSelector.currentText == "sax-cine-3d"
    panel.ui.repairButton.click()
    output = panel.logic.outputSegmentationNode()
    assert panel.logic.report(output).model.name == "sax-cine-3d"
    np.testing.assert_array_equal(heart.voxels("myo", output), by_the_engine(heart))


@pytest.fixture
def editor(desktop: Any, heart: Heart) -> Any:
    """Return the heart in Segment Editor with the effect active, on the real engine."""
    bench = EffectBench(heart)
    yield bench
    bench.close()


def test_the_effect_uses_the_model_of_the_chosen_mode(editor: EffectBench, desktop: Any) -> None:
    heart, options = editor.heart, editor.options
    assert (options.modes.currentText, options.models.currentText) == (load_model().card.mode, DEFAULT_MODEL)
    editor.choose(options.modes, "volumetric")
    assert options.models.currentText == "sax-cine-3d"
    expected = by_the_engine(heart, pool=None)
    desktop.dialogs.answer("Ok")  # the terms
    options.apply.click()
    np.testing.assert_array_equal(heart.voxels("myo"), expected)


def test_a_preview_is_removed_when_its_model_is_deselected(editor: EffectBench, desktop: Any) -> None:
    options = editor.options
    editor.choose(options.modes, "slice-wise")
    options.preview.click()
    assert editor.preview is not None
    editor.choose(options.models, "sax-cine-2d")
    assert editor.preview is None
    assert editor.text == "The preview was removed: the selection or the options have changed."
    expected = by_the_engine(editor.heart, "sax-cine-2d", pool=None)
    desktop.dialogs.answer("Ok")  # the terms
    options.apply.click()
    np.testing.assert_array_equal(editor.heart.voxels("myo"), expected)


def test_the_effect_shows_the_licence_and_stores_the_choice(editor: EffectBench) -> None:
    options = editor.options
    editor.choose(options.modes, "slice-wise")
    assert options.licence.text == "Licence: Apache-2.0"
    editor.choose(options.models, "sax-cine-2d")
    assert options.licence.text == "Licence: CC BY-NC-SA 4.0"
    assert editor.scripted.parameter("Model") == "sax-cine-2d"
    editor.scripted.setParameter("Mode", "volumetric")  # by a script
    assert (options.modes.currentText, options.models.currentText) == ("volumetric", "sax-cine-3d")
    editor.scripted.setParameter("Mode", "slice-wise")
    assert options.models.currentText == "sax-cine-2d"


def test_without_a_model_of_the_mode_the_effect_can_only_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desktop: Any, heart: Heart
) -> None:
    install(monkeypatch, tmp_path / "flat", cine_2d())
    bench = EffectBench(heart)
    bench.choose(bench.options.modes, "volumetric")
    for button in (bench.options.preview, bench.options.apply):
        assert not button.enabled
        assert button.toolTip == "No volumetric model is installed. Choose another mode."
    assert bench.options.licence.text == bench.options.apply.toolTip
    bench.options.check.click()
    assert "slices to repair" in bench.text
    bench.close()


# The default


def test_the_panel_starts_with_the_mode_of_the_default_model(desktop: Any, heart: Heart) -> None:
    assert open_on(heart).ui.modeSelector.currentText == load_model().card.mode
