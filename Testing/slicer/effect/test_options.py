"""What is chosen in the effect, the terms of the model, faults, and cancelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from harness.effects import NAME, CountingEngine, EffectBench
from harness.hearts import GAP, transform_node
from harness.panel_steps import MODULE_FILE
from harness.runs import snapshot
from harness.segment_editor import SegmentEditor

GUIDE = MODULE_FILE.parents[1] / "docs" / "slicer.md"

# What is chosen


def test_choices_are_stored_in_the_editor_node(bench: EffectBench) -> None:
    bench.show_slice(GAP)
    for button in (bench.options.this_slice, bench.options.widgets["CloseBase"], bench.options.widgets["Geometry"]):
        button.click()
    bench.choose(bench.options.pool, "The rv")
    bench.choose(bench.options.neighbours, "As set under Masking")
    bench.choose(bench.options.widgets["Device"], "numpy")
    bench.options.widgets["Seed"].value = 4
    kept = {name: bench.node.GetAttribute(name) for name in bench.node.GetAttributeNames()}
    assert kept == {
        f"{NAME}.Scope": "slice",
        f"{NAME}.CloseBase": "1",
        f"{NAME}.AddOnly": "0",
        f"{NAME}.Geometry": "1",
        f"{NAME}.RemoveIslands": "0",
        f"{NAME}.TrimPool": "0",
        f"{NAME}.Seed": "4",
        f"{NAME}.Samples": "1",
        f"{NAME}.Steps": "0",
        f"{NAME}.MaxChangeMm2": "0",
        f"{NAME}.Device": "numpy",
        f"{NAME}.Apex": "auto",
        f"{NAME}.Neighbours": "masking",
        f"{NAME}.PreviewOpacity": "0.7",
        f"{NAME}.BloodPool": "rv",
    }
    bench.choose(bench.options.pool, "None")
    assert bench.effect.options.pool_id is None


def test_parameters_set_by_a_script_are_shown(bench: EffectBench) -> None:
    bench.scripted.setParameter("BloodPool", "pool")
    bench.scripted.setParameter("AddOnly", 1)
    bench.scripted.setParameter("Neighbours", "masking")
    bench.scripted.setParameter("Samples", 3)
    bench.scripted.setParameter("Apex", "last")
    assert bench.options.pool.currentText == "The pool"
    assert bench.options.widgets["AddOnly"].checked
    assert (bench.options.widgets["Samples"].value, bench.options.widgets["Apex"].currentText) == (3, "last")
    assert bench.options.neighbours.currentText == "As set under Masking"


def test_the_pools_to_choose_from_follow_the_segmentation(bench: EffectBench) -> None:
    def offered() -> list[str]:
        return [bench.options.pool.itemText(index) for index in range(bench.options.pool.count)]

    assert offered() == ["None", "The pool", "The rv", "The scar"]
    bench.heart.segmentation.GetSegmentation().GetSegment("rv").SetName("Right ventricle")
    bench.heart.segmentation.GetSegmentation().AddEmptySegment("new", "New")
    assert offered() == ["None", "The pool", "Right ventricle", "The scar", "New"]
    bench.choose(bench.options.pool, "The scar")
    bench.editor.setCurrentSegmentID("scar")
    assert offered() == ["None", "The myo", "The pool", "Right ventricle", "New"]
    assert bench.options.pool.currentText == "None"


def test_the_pool_is_trimmed_only_if_one_is_chosen(bench: EffectBench) -> None:
    box = bench.options.widgets["TrimPool"]
    bench.scripted.setParameter("TrimPool", 1)
    assert (box.checked, box.enabled) == (True, False)
    assert not bench.options.repair_options.trim_pool
    bench.choose(bench.options.pool, "The pool")
    assert box.enabled
    assert bench.options.repair_options.trim_pool
    box.click()
    assert not bench.options.repair_options.trim_pool


def test_two_editors_have_options_and_previews_of_their_own(bench: EffectBench) -> None:
    bench.options.preview.click()
    other = SegmentEditor("AnotherModule")
    other.setSegmentationNode(bench.heart.segmentation)
    other.setSourceVolumeNode(bench.heart.volume)
    other.setCurrentSegmentID("myo")
    other.setActiveEffectByName(NAME)
    effect = other.activeEffect()
    assert effect is not None
    effect.self().options.preview.click()
    assert effect.nodeReference("Preview") is not bench.preview
    other.close()
    assert bench.preview.GetScene() is slicer.mrmlScene


# Terms, faults and cancelling


def cursor_is_normal() -> bool:
    return slicer.app.overrideCursor() is None


def test_terms_are_asked_once_before_preview_or_repair_only(
    bench: EffectBench, engine: CountingEngine, desktop: Any
) -> None:
    engine.licence = "CC BY-NC-SA 4.0"
    bench.options.check.click()
    assert desktop.dialogs.texts == []
    desktop.dialogs.answer("Cancel")
    bench.options.apply.click()
    assert engine.repairs == 0
    bench.assert_voxels()
    desktop.dialogs.answer("Ok")
    bench.options.preview.click()
    bench.options.apply.click()
    assert len(desktop.dialogs.texts) == 2
    assert all("CC BY-NC-SA 4.0" in text for text in desktop.dialogs.texts)
    bench.assert_voxels(myo=bench.rings)


@pytest.mark.parametrize("button", ["check", "preview", "apply"])
def test_an_error_is_shown_once_and_changes_nothing(bench: EffectBench, desktop: Any, button: str) -> None:
    bench.heart.volume.SetAndObserveTransformNodeID(transform_node(np.eye(4), "Table").GetID())
    before = snapshot(bench.heart)
    getattr(bench.options, button).click()
    assert len(desktop.dialogs.texts) == 1
    assert "are under different transforms" in desktop.dialogs.texts[0]
    assert snapshot(bench.heart) == before
    assert not bench.editor.logic.CanUndo()
    assert cursor_is_normal()


def test_a_repair_that_cannot_be_written_keeps_the_preview(bench: EffectBench, desktop: Any) -> None:
    bench.options.preview.click()
    coarse = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Coarse")
    slicer.util.updateVolumeFromArray(coarse, np.zeros((4, 4, 4), np.int16))
    bench.heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
    bench.options.apply.click()
    assert len(desktop.dialogs.texts) == 1
    assert "'Heart'" in desktop.dialogs.texts[0]
    bench.assert_voxels()
    assert bench.preview is not None
    assert not bench.editor.logic.CanUndo()
    assert cursor_is_normal()


@pytest.mark.parametrize("button", ["preview", "apply"])
def test_a_repair_can_be_cancelled_while_it_is_computed(bench: EffectBench, desktop: Any, button: str) -> None:
    before = snapshot(bench.heart)
    desktop.dialogs.cancel_progress_at(20)
    getattr(bench.options, button).click()
    assert bench.text == "Cancelled. Nothing was changed."
    assert snapshot(bench.heart) == before
    assert bench.preview is None
    assert not bench.editor.logic.CanUndo()
    assert desktop.dialogs.texts == []


def test_the_cursor_is_normal_after_every_button(bench: EffectBench) -> None:
    for button in (bench.options.check, bench.options.preview, bench.options.cancel, bench.options.apply):
        button.click()
        assert cursor_is_normal()


def test_no_letter_is_a_shortcut_in_the_effect(bench: EffectBench) -> None:
    import qt

    frame = bench.scripted.optionsFrame()
    assert frame.findChildren(qt.QComboBox)
    assert frame.findChildren(qt.QShortcut) == []
    assert [action for action in frame.findChildren(qt.QAction) if not action.shortcut.isEmpty()] == []


def test_the_guide_explains_every_control_of_the_effect(bench: EffectBench) -> None:
    import qt

    frame = bench.scripted.optionsFrame()
    section = GUIDE.read_text(encoding="utf-8").partition("## The effect")[2].partition("## Cine")[0]
    names = {button.text for button in frame.findChildren(qt.QAbstractButton)}
    names |= {label.text for label in frame.findChildren(qt.QLabel) if label.text.endswith(":")}
    # The two radio buttons are explained in the row Scope.
    names -= {bench.options.this_slice.text, bench.options.whole_segment.text}
    assert len(names) >= 12
    assert {name for name in names if f"**{name.rstrip(':')}**" not in section} == {"Repair:"}
