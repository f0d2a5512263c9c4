"""Check and Apply in the effect, for the whole segment and for one slice, on the toy engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import slicer

from engine.toy_stacks import broken_stack
from harness import toy_engine as toy
from harness.effects import NAME, CountingEngine, EffectBench
from harness.hearts import GAP, SHAPE, SPECK, Mask, add_segment, node_census, segment_voxels
from harness.runs import snapshot
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import check
from rncarefine.sentences import sentence
from rncarefine.words import Verdict
from RNCARefineLib.panel.effect.texts import checked

# Check


def test_nothing_is_computed_before_a_button_is_pressed(bench: EffectBench, engine: CountingEngine) -> None:
    bench.options.widgets["CloseBase"].click()
    bench.choose(bench.options.pool, "The pool")
    bench.editor.setCurrentSegmentID("scar")
    bench.editor.setCurrentSegmentID("myo")
    assert (engine.repairs, engine.checks) == (0, 0)


def test_check_lists_the_slices_to_repair_and_changes_nothing(bench: EffectBench) -> None:
    before = snapshot(bench.heart)
    bench.options.check.click()
    first, *others = bench.text.split("\n")
    assert first.startswith("2 of 5 slices")
    assert [line.partition(".")[0] for line in others] == [f"Slice {GAP}: open", f"Slice {SPECK}: fragmented"]
    assert snapshot(bench.heart) == before
    assert not bench.editor.logic.CanUndo()


def test_check_of_one_slice_speaks_of_that_slice(bench: EffectBench) -> None:
    bench.show_slice(0)
    bench.options.this_slice.click()
    bench.options.check.click()
    assert bench.text.startswith("Slice 0 ")
    bench.show_slice(GAP)
    bench.options.check.click()
    assert bench.text.startswith(f"To repair:\nSlice {GAP}: open.")


def test_check_lists_slices_to_review_that_are_not_repaired() -> None:
    stack = broken_stack()
    mask = stack.mask.copy()
    mask[0] = 0
    report = check(replace(stack, mask=mask), RepairOptions(apex="last", close_base=True))
    *_, review = checked(report).split("\n")
    assert review == f"Review slice 0: {report.slices[0].reason}"
    assert checked(report, 1).count("\n") == 0


# Apply


def test_apply_writes_the_preview_without_computing_again(bench: EffectBench, engine: CountingEngine) -> None:
    census = node_census()
    bench.options.preview.click()
    assert engine.repairs == 1
    bench.options.apply.click()
    assert engine.repairs == 1
    bench.assert_voxels(myo=bench.rings)
    assert node_census() == census
    repaired, overlap = bench.text.split("\n")
    assert repaired == f"Repaired: slices {GAP}, {SPECK}. Undo reverts the repair."
    assert "35 mm\u00b2" in overlap


def test_apply_computes_where_there_is_no_preview(bench: EffectBench, engine: CountingEngine) -> None:
    bench.options.apply.click()
    assert engine.repairs == 1
    bench.assert_voxels(myo=bench.rings)


def test_neighbours_may_be_overwritten_as_set_under_masking(bench: EffectBench) -> None:
    heart = bench.heart
    heart.segmentation.GetDisplayNode().SetSegmentVisibility("scar", False)
    bench.node.SetOverwriteMode(bench.node.OverwriteVisibleSegments)
    bench.choose(bench.options.neighbours, "As set under Masking")
    bench.options.apply.click()
    added = bench.rings & ~heart.masks["myo"] & 1
    assert (added & heart.masks["scar"]).any()
    bench.assert_voxels(myo=bench.rings, pool=heart.masks["pool"] & ~added & 1)


def test_a_repair_excluded_by_masking_is_reported(bench: EffectBench) -> None:
    bench.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    bench.options.apply.click()
    repaired, held_back = bench.text.split("\n")
    assert repaired == f"Repaired: slice {SPECK}. Undo reverts the repair."
    assert held_back.startswith("1 of 2 slices")
    assert " 2." in held_back
    expected = bench.heart.masks["myo"].copy()
    expected[SPECK] = bench.heart.ring
    bench.assert_voxels(myo=expected)


def test_a_fully_masked_preview_is_removed_by_apply(bench: EffectBench) -> None:
    bench.options.preview.click()
    bench.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    bench.node.SetMaskSegmentID("rv")
    bench.options.apply.click()
    bench.assert_voxels()
    assert bench.preview is None
    assert bench.text.startswith("2 of 2 slices")


def trim(bench: EffectBench) -> Mask:
    """Draw pool outside the rings of slices 0 and GAP, choose to trim it, and return the pool without it."""
    trimmed = bench.heart.masks["pool"] * (1 - bench.rings)
    for k in (0, GAP):
        bench.heart.masks["pool"][k, 33:35, 20:24] = 1
    written = slicer.util.arrayFromSegmentBinaryLabelmap(bench.heart.segmentation, "pool", bench.heart.volume) > 0
    written |= bench.heart.masks["pool"] > 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        written.astype(np.uint8), bench.heart.segmentation, "pool", bench.heart.volume
    )
    bench.assert_voxels()
    bench.choose(bench.options.pool, "The pool")
    bench.options.widgets["TrimPool"].click()
    return trimmed


def test_the_pool_is_trimmed_to_the_rings_in_one_undo_step(bench: EffectBench) -> None:
    trimmed = trim(bench)
    bench.options.preview.click()
    gone = segment_voxels(bench.preview, "removed", bench.heart.volume)
    assert (gone[0].sum(), gone[GAP].sum(), gone[SPECK].sum()) == (8, 8, 6)
    bench.assert_voxels()
    bench.options.apply.click()
    bench.assert_voxels(myo=bench.rings, pool=trimmed)
    assert f"slices 0, {GAP}." in bench.text.split("\n")[1]
    bench.editor.undo()
    bench.assert_voxels()
    assert not bench.editor.logic.CanUndo()


def test_a_correct_wall_is_kept_while_its_pool_is_trimmed(bench: EffectBench) -> None:
    trimmed = trim(bench)
    bench.show_slice(0)
    bench.options.this_slice.click()
    bench.options.preview.click()
    assert bench.preview is not None
    bench.options.apply.click()
    expected = bench.heart.masks["pool"].copy()
    expected[0] = trimmed[0]
    bench.assert_voxels(pool=expected)
    bench.editor.undo()
    bench.assert_voxels()


def test_a_masked_pool_is_not_trimmed_and_reported(bench: EffectBench) -> None:
    trim(bench)
    bench.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    bench.node.SetMaskSegmentID("rv")
    bench.options.apply.click()
    bench.assert_voxels()
    assert bench.text.split("\n")[1].endswith(f"slices 0, {GAP}.")


def test_a_pool_is_not_trimmed_where_the_wall_could_not_be_written(bench: EffectBench) -> None:
    trimmed = trim(bench)
    bench.heart.masks["allowed"] = np.ones(SHAPE, np.uint8)
    bench.heart.masks["allowed"][GAP, :30] = 0
    add_segment(bench.heart.segmentation, "allowed", bench.heart.masks["allowed"], bench.heart.volume)
    bench.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    bench.node.SetMaskSegmentID("allowed")
    bench.options.apply.click()
    wall, pool = bench.heart.masks["myo"].copy(), bench.heart.masks["pool"].copy()
    wall[SPECK], pool[0] = bench.heart.ring, trimmed[0]
    bench.assert_voxels(myo=wall, pool=pool)


def test_a_hidden_segment_is_edited_only_after_confirmation(bench: EffectBench, engine: CountingEngine) -> None:
    bench.heart.segmentation.GetDisplayNode().SetSegmentVisibility("myo", False)
    bench.options.apply.click()
    assert engine.repairs == 0
    bench.assert_voxels()


def test_the_options_reach_the_engine(bench: EffectBench, monkeypatch: pytest.MonkeyPatch) -> None:
    import rncarefine.refine.repair

    asked = []

    def repair(stack: Any, model: Any, options: Any, *others: Any, **more: Any) -> Any:
        chosen = (options.close_base, options.add_only, options.steps, options.max_change_mm2)
        asked.append((*chosen, stack.pool is not None))
        return toy.repair(stack, model, options, *others, **more)

    monkeypatch.setattr(rncarefine.refine.repair, "repair", repair)
    bench.options.preview.click()
    for name in ("CloseBase", "AddOnly"):
        bench.options.widgets[name].click()
    bench.options.widgets["Steps"].value = 12
    bench.options.widgets["MaxChangeMm2"].value = 300
    bench.choose(bench.options.pool, "The pool")
    bench.options.preview.click()
    assert asked == [(False, False, None, None, False), (True, True, 12, 300, True)]


def test_flagged_repairs_and_refused_slices_have_different_messages(
    bench: EffectBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rncarefine.refine.repair

    disagrees = Reason(ReasonCode.IMAGE_DISAGREES, confidence=0.2)

    def repair(stack: Any, *others: Any, **more: Any) -> Any:
        result = toy.repair(stack, *others, **more)
        slices = list(result.report.slices)
        slices[0] = replace(slices[0], flagged=True, verdict=Verdict.REFUSED, reasons=[Reason(ReasonCode.NO_RING)])
        slices[1] = replace(slices[1], flagged=True, reasons=[disagrees])
        slices[GAP] = replace(slices[GAP], flagged=True, reasons=[Reason(ReasonCode.LOW_CONFIDENCE, confidence=0.3)])
        return replace(result, report=replace(result.report, slices=slices))

    monkeypatch.setattr(rncarefine.refine.repair, "repair", repair)
    left, doubtful = "Slice 0 was refused: No closed ring", f"Review the repair of slice {GAP}: "
    for button in (bench.options.preview, bench.options.apply):
        button.click()
        lines = bench.text.split("\n")[-3:]
        assert lines[0].startswith(left)
        assert f"slice 1: {sentence(disagrees)}" in lines[1]
        assert lines[2].startswith(doubtful)
        assert "Low confidence (0.30)" in lines[2]
    bench.editor.undo()
    bench.show_slice(SPECK)
    bench.options.this_slice.click()
    bench.options.apply.click()
    assert not set(lines) & set(bench.text.split("\n"))


# One slice


def test_the_scope_names_the_shown_slice_and_view(bench: EffectBench) -> None:
    # The heart lies oblique: no view is parallel to it.
    assert bench.options.this_slice.text == "This slice"
    assert not bench.options.this_slice.enabled
    assert "parallel" in bench.options.this_slice.toolTip
    bench.show_slice(3)
    assert bench.options.this_slice.text == "Slice 3 (Yellow)"
    assert bench.options.this_slice.enabled
    bench.show_slice(1)
    assert bench.options.this_slice.text == "Slice 1 (Yellow)"


def test_the_previewed_slice_is_applied_after_the_view_moved(bench: EffectBench, engine: CountingEngine) -> None:
    bench.show_slice(GAP)
    bench.options.this_slice.click()
    bench.options.preview.click()
    bench.show_slice(0)
    assert bench.preview is not None
    bench.options.apply.click()
    assert engine.repairs == 1
    expected = bench.heart.masks["myo"].copy()
    expected[GAP] = bench.heart.ring
    bench.assert_voxels(myo=expected)


def test_without_a_parallel_view_slice_buttons_are_disabled(bench: EffectBench) -> None:
    bench.show_slice(GAP)
    bench.options.this_slice.click()
    slicer.app.layoutManager().sliceWidget("Yellow").mrmlSliceNode().SetOrientation("Axial")
    for button in (bench.options.check, bench.options.preview, bench.options.apply):
        assert not button.enabled
        assert "Rotate one" in button.toolTip
    bench.options.whole_segment.click()
    assert bench.options.apply.enabled


def test_changes_of_the_node_are_shown_and_not_overwritten(bench: EffectBench) -> None:
    bench.show_slice(GAP)
    bench.options.this_slice.checked = True
    was_modifying = bench.node.StartModify()
    for name, value in (("Scope", "segment"), ("CloseBase", "1"), ("AddOnly", "1"), ("Geometry", "1")):
        assert bench.node.GetAttribute(f"{NAME}.{name}") is not None
        bench.node.SetAttribute(f"{NAME}.{name}", value)
    bench.node.EndModify(was_modifying)
    bench.effect.updateGUIFromMRML()
    options = bench.options
    assert (options.whole_segment.checked, options.this_slice.checked) == (True, False)
    assert all(options.widgets[name].checked for name in ("CloseBase", "AddOnly", "Geometry"))
    assert [bench.node.GetAttribute(f"{NAME}.{name}") for name in ("CloseBase", "AddOnly", "Geometry")] == [
        "1",
        "1",
        "1",
    ]
