"""The panel with the shipped weights on the shipped sample data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import slicer

from harness.panel_steps import choose_slice, open_module, rows, select, summary
from rncarefine.nca.model import available_models
from rncarefine.words import Mode

SAMPLE = Path(__file__).resolve().parents[3] / "RNCARefine" / "Resources" / "SampleData"

pytestmark = pytest.mark.skipif(
    not any(card.mode == Mode.SLICE_WISE for card in available_models()),
    reason="the weights are not in Resources/Models",
)


def test_the_sample_is_checked_repaired_reviewed_and_exported(desktop: Any, tmp_path: Path) -> None:
    volume = slicer.util.loadVolume(str(SAMPLE / "SunnybrookBroken-image.nrrd"))
    segmentation = slicer.util.loadSegmentation(str(SAMPLE / "SunnybrookBroken-segmentation.seg.nrrd"))
    panel = open_module()
    assert panel.ui.segmentationSelector.currentNode() is segmentation
    assert panel.ui.volumeSelector.currentNode() is volume
    select(panel.ui.myocardiumSelector, "myocardium")
    select(panel.ui.poolSelector, "blood pool")
    select(panel.ui.deviceSelector, "numpy")

    panel.ui.checkButton.click()
    broken = [k for k, row in rows(panel).items() if row["Verdict"] == "to repair"]
    assert broken

    desktop.dialogs.cancel_progress_at(50)
    panel.ui.repairButton.click()
    assert panel.ui.noticeLabel.text == "Cancelled. Nothing was changed."
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    desktop.dialogs.cancel_progress_at(None)

    panel.ui.repairButton.click()
    changed = [k for k, row in rows(panel).items() if row["Verdict"] == "automaton"]
    assert changed
    assert set(changed) <= set(broken)
    assert panel.ui.computingLabel.text == "CPU (NumPy)"
    panel.ui.nextButton.click()
    panel.ui.acceptButton.click()
    choose_slice(panel, changed[-1])
    panel.ui.rejectButton.click()
    after = rows(panel)
    assert after[changed[-1]]["After"] == after[changed[-1]]["Before"]
    assert [row["Accepted"] for row in after.values()].count("yes") == 1

    desktop.dialogs.answer(str(tmp_path / "report.html"))
    panel.ui.exportButton.click()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert summary(panel).replace("->", "-&gt;") in page
