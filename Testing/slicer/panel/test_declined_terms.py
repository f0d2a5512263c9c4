"""If a model's terms are declined, a message names the model that is free for any use, and nothing is repaired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.model_folders import cine_2d, cine_3d, install, open_2d
from harness.effects import EffectBench
from harness.hearts import Heart
from harness.panel_steps import open_on, select
from harness.runs import snapshot
from RNCARefineLib.panel.dialogs import SETTING

DECLINED_2D = "Nothing was repaired: the terms of sax-cine-2d were not accepted."
DECLINED_3D = "Nothing was repaired: the terms of sax-cine-3d were not accepted."
FREE = "sax-open-2d, which is free for any use (Apache-2.0), is selected now."
OTHER_MODE = (
    "No volumetric model is free for any use. To use the slice-wise model sax-open-2d (Apache-2.0), choose this mode "
    "and model."
)
NONE = "No model that is free for any use is installed."


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have three models installed, of which one is free for any use."""
    install(monkeypatch, tmp_path / "models", cine_2d(), cine_3d(), open_2d())


def opened(heart: Heart) -> Any:
    """Open the panel with no accepted terms."""
    import qt

    panel = open_on(heart)
    select(panel.ui.deviceSelector, "numpy")
    select(panel.ui.modeSelector, "slice-wise")
    select(panel.ui.modelSelector, "sax-cine-2d")
    qt.QSettings().remove(SETTING)
    return panel


def test_the_panel_selects_a_free_model_and_waits_for_repair(models: None, desktop: Any, heart: Heart) -> None:
    panel = opened(heart)
    before = snapshot(heart)
    desktop.dialogs.answer("Cancel")
    panel.ui.repairButton.click()
    assert snapshot(heart) == before
    assert panel.ui.noticeLabel.text == f"{DECLINED_2D} {FREE} Press Repair to use it."
    assert panel.ui.modelSelector.currentText == "sax-open-2d"
    assert panel.ui.licenceLabel.text == "Licence: Apache-2.0"
    panel.ui.repairButton.click()  # there is no further question
    output = panel.logic.outputSegmentationNode()
    assert panel.logic.report(output).model.name == "sax-open-2d"
    assert len(desktop.dialogs.texts) == 1


def test_a_declined_model_can_be_chosen_and_is_asked_about_again(models: None, desktop: Any, heart: Heart) -> None:
    panel = opened(heart)
    panel.ui.checkButton.click()
    assert desktop.dialogs.texts == []  # a check uses no model
    desktop.dialogs.answer("Cancel", "Ok")
    panel.ui.repairButton.click()
    select(panel.ui.modelSelector, "sax-cine-2d")
    panel.ui.repairButton.click()
    assert panel.logic.report(panel.logic.outputSegmentationNode()).model.name == "sax-cine-2d"
    panel.ui.repairButton.click()
    assert len(desktop.dialogs.texts) == 2  # who has agreed is asked no more


def test_in_volumetric_mode_the_panel_names_the_slice_wise_model(models: None, desktop: Any, heart: Heart) -> None:
    panel = opened(heart)
    select(panel.ui.modeSelector, "volumetric")
    desktop.dialogs.answer("Cancel")
    panel.ui.repairButton.click()
    assert panel.ui.noticeLabel.text == f"{DECLINED_3D} {OTHER_MODE}"
    assert panel.ui.modelSelector.currentText == "sax-cine-3d"
    assert panel.logic.outputSegmentationNode() is None
    select(panel.ui.modeSelector, "slice-wise")
    select(panel.ui.modelSelector, "sax-open-2d")
    panel.ui.repairButton.click()
    assert panel.logic.report(panel.logic.outputSegmentationNode()).model.name == "sax-open-2d"


def test_without_a_free_model_the_panel_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desktop: Any, heart: Heart
) -> None:
    install(monkeypatch, tmp_path / "models", cine_2d())
    panel = opened(heart)
    desktop.dialogs.answer("Cancel")
    panel.ui.repairButton.click()
    assert panel.ui.noticeLabel.text == f"{DECLINED_2D} {NONE}"


@pytest.mark.parametrize("button", ["preview", "apply"])
def test_the_effect_selects_a_free_model_and_waits_for_a_button(
    models: None, desktop: Any, heart: Heart, button: str
) -> None:
    bench = EffectBench(heart)
    bench.choose(bench.options.modes, "slice-wise")
    bench.choose(bench.options.models, "sax-cine-2d")
    desktop.dialogs.answer("Cancel")
    getattr(bench.options, button).click()
    assert bench.text == f"{DECLINED_2D} {FREE} Press Preview or Apply to use it."
    assert bench.options.models.currentText == "sax-open-2d"
    assert bench.preview is None
    bench.assert_voxels()
    getattr(bench.options, button).click()
    assert len(desktop.dialogs.texts) == 1
    assert bench.text.startswith(("Preview of the repair", "Repaired: "))
    bench.close()


def test_in_volumetric_mode_the_effect_names_the_slice_wise_model(models: None, desktop: Any, heart: Heart) -> None:
    bench = EffectBench(heart)
    bench.choose(bench.options.modes, "volumetric")
    desktop.dialogs.answer("Cancel")
    bench.options.apply.click()
    assert bench.text == f"{DECLINED_3D} {OTHER_MODE}"
    assert bench.options.models.currentText == "sax-cine-3d"
    bench.assert_voxels()
    bench.close()
