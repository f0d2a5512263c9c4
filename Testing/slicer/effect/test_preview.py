"""The effect's preview: what it shows, and that it never outlives what it was made from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from harness.effects import NAME, CountingEngine, EffectBench
from harness.hearts import GAP, SHAPE, SPECK, draw_heart, node_census, segment_voxels, transform_node, write_voxels
from harness.runs import snapshot


def test_a_preview_changes_nothing_else(bench: EffectBench) -> None:
    heart = bench.heart
    before = snapshot(heart)[1:]  # but for the nodes of the preview
    nodes = node_census()
    bench.options.preview.click()
    assert snapshot(heart)[1:] == before
    assert not bench.editor.logic.CanUndo()
    preview = bench.preview
    shown = {name: segment_voxels(preview, name, heart.volume) for name in ("proposed", "added", "removed")}
    np.testing.assert_array_equal(shown["proposed"], bench.rings)
    np.testing.assert_array_equal(shown["added"], bench.rings & ~heart.masks["myo"] & 1)
    np.testing.assert_array_equal(shown["removed"], heart.masks["myo"] & ~bench.rings & 1)
    assert re.search(rf"slices {GAP}, {SPECK}: 35 mm\u00b2", bench.text)
    added = {name: count - nodes.get(name, 0) for name, count in node_census().items() if count != nodes.get(name, 0)}
    assert added == {"vtkMRMLSegmentationNode": 1, "vtkMRMLSegmentationDisplayNode": 1}


def test_a_preview_follows_the_transform_of_its_segmentation(bench: EffectBench) -> None:
    transform = transform_node(np.diag([1.0, 1.0, 2.0, 1.0]))
    for node in (bench.heart.segmentation, bench.heart.volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    bench.options.preview.click()
    assert bench.preview.GetParentTransformNode() is transform


def test_a_preview_is_neither_listed_nor_saved(bench: EffectBench, tmp_path: Path) -> None:
    bench.options.preview.click()
    node = bench.preview
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert hierarchy.GetItemByDataNode(node) == 0
    assert node.GetHideFromEditors()
    assert node.GetDisplayNode().GetHideFromEditors()
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    assert bench.preview is node
    bench.editor.close()
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(path))
    assert [found.GetName() for found in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")] == ["Heart"]


def test_a_node_that_reuses_the_id_of_a_saved_preview_is_kept(bench: EffectBench) -> None:
    bench.editor.setActiveEffectByName("")
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Other")
    bench.scripted.setNodeReference("Preview", other)
    bench.editor.setActiveEffectByName(NAME)
    assert bench.preview is None
    bench.options.preview.click()
    bench.options.cancel.click()
    assert other.GetScene() is slicer.mrmlScene


def test_the_slider_sets_how_strongly_the_preview_covers(bench: EffectBench) -> None:
    assert not bench.options.opacity.enabled
    bench.options.preview.click()
    assert bench.options.opacity.enabled
    assert bench.preview.GetDisplayNode().GetOpacity() == pytest.approx(0.7)
    bench.options.opacity.value = 0.25
    assert bench.preview.GetDisplayNode().GetOpacity() == pytest.approx(0.25)
    bench.options.preview.click()
    assert bench.preview.GetDisplayNode().GetOpacity() == pytest.approx(0.25)


def test_cancel_removes_the_preview_and_leaves_all_as_it_was(bench: EffectBench) -> None:
    before = snapshot(bench.heart)
    assert not bench.options.cancel.enabled
    bench.options.preview.click()
    bench.options.cancel.click()
    assert snapshot(bench.heart) == before
    assert bench.preview is None
    assert bench.text == ""
    assert not bench.options.cancel.enabled


def test_a_second_preview_takes_the_place_of_the_first(bench: EffectBench) -> None:
    bench.options.preview.click()
    census = node_census()
    bench.options.preview.click()
    assert node_census() == census


def test_an_intact_segment_has_no_preview_and_no_undo_step(bench: EffectBench) -> None:
    bench.options.apply.click()
    bench.editor.logic.ClearUndoState()
    for button in (bench.options.preview, bench.options.apply):
        button.click()
        assert bench.text == "The repair would change nothing."
        assert bench.preview is None
    assert not bench.editor.logic.CanUndo()


# The preview goes with what it was made from


def add(kind: str) -> Any:
    return slicer.mrmlScene.AddNewNodeByClass(f"vtkMRML{kind}Node", "Other")


def leave(bench: EffectBench) -> None:
    bench.editor.setActiveEffectByName("")


def painted(bench: EffectBench) -> None:
    image = bench.scripted.defaultModifierLabelmap()
    image.SetScalarComponentFromDouble(1, 1, 1, 0, 1)
    bench.scripted.modifySegmentByLabelmap(bench.heart.segmentation, "myo", image, 1)


def written_by_script(bench: EffectBench) -> None:
    matrix = vtk.vtkMatrix4x4()
    bench.heart.volume.GetIJKToRASMatrix(matrix)
    ones = np.ones(SHAPE, np.uint8)
    write_voxels(bench.heart.segmentation, "myo", ones, slicer.util.arrayFromVTKMatrix(matrix), own_layer=True)


def other_image(bench: EffectBench) -> None:
    slicer.util.arrayFromVolume(bench.heart.volume)[0, 0, 0] = 7
    slicer.util.arrayFromVolumeModified(bench.heart.volume)


def other_scope(bench: EffectBench) -> None:
    bench.show_slice(GAP)
    bench.options.this_slice.click()


CHANGES = {
    "the effect is left": leave,
    "another segment": lambda bench: bench.editor.setCurrentSegmentID("scar"),
    "no segment": lambda bench: bench.editor.setCurrentSegmentID(None),
    "another segmentation": lambda bench: bench.editor.setSegmentationNode(add("Segmentation")),
    "another segmentation, by a script": lambda bench: bench.node.SetAndObserveSegmentationNode(add("Segmentation")),
    "another volume": lambda bench: bench.editor.setSourceVolumeNode(add("ScalarVolume")),
    "painted": painted,
    "written by a script": written_by_script,
    "another image": other_image,
    "another option": lambda bench: bench.options.widgets["AddOnly"].click(),
    "another pool": lambda bench: bench.choose(bench.options.pool, "The pool"),
    "another scope": other_scope,
    "segment removed": lambda bench: bench.heart.segmentation.GetSegmentation().RemoveSegment("myo"),
    "segmentation removed": lambda bench: slicer.mrmlScene.RemoveNode(bench.heart.segmentation),
    "editor closed": lambda bench: bench.editor.close(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_preview_is_removed_when_its_input_changes(bench: EffectBench, change: Any) -> None:
    bench.options.preview.click()
    node = bench.preview
    displays = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationDisplayNode")
    change(bench)
    assert node.GetScene() is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationDisplayNode") <= displays - 1
    assert bench.effect.preview.proposal is None


def test_undo_while_a_preview_is_shown_removes_it(bench: EffectBench) -> None:
    bench.options.apply.click()
    bench.show_slice(GAP)
    painted(bench)
    bench.options.preview.click()
    bench.editor.undo()
    assert bench.preview is None
    assert bench.text.startswith("The preview was removed")


def test_a_preview_that_became_wrong_unseen_is_computed_again(bench: EffectBench, engine: CountingEngine) -> None:
    bench.options.preview.click()
    slicer.util.arrayFromVolume(bench.heart.volume)[0, 0, 0] = 7  # without an event
    bench.options.apply.click()
    assert engine.repairs == 2
    bench.assert_voxels(myo=bench.rings)


def test_leaving_the_effect_leaves_no_observer(bench: EffectBench) -> None:
    bench.options.preview.click()
    assert bench.effect.preview.Observations
    leave(bench)
    assert bench.effect.preview.Observations == []
    bench.editor.setActiveEffectByName(NAME)
    assert bench.effect.preview.Observations
    bench.editor.close()
    assert bench.effect.preview.Observations == []


def test_the_scene_can_be_closed_while_a_preview_is_shown(bench: EffectBench) -> None:
    bench.options.preview.click()
    slicer.mrmlScene.Clear()
    assert bench.editor.activeEffect() is None
    assert bench.effect.preview.proposal is None
    assert bench.effect.preview.Observations == []
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    heart = draw_heart()
    again = EffectBench(heart)
    again.options.apply.click()
    np.testing.assert_array_equal(heart.voxels("myo"), bench.rings)
    again.close()


def test_the_effect_ignores_a_closing_scene(bench: EffectBench) -> None:
    bench.options.preview.click()
    slicer.mrmlScene.StartState(slicer.mrmlScene.CloseState)
    assert bench.effect.preview.Observations == []
    assert bench.effect.preview.proposal is None
    slicer.mrmlScene.EndState(slicer.mrmlScene.CloseState)
