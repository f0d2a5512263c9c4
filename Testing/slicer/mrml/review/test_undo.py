"""Undo steps of repairs in place."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from harness.hearts import Heart, draw_heart
from RNCARefineLib.mrml.nodes.scene import unchanged_on_failure
from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review.undo import UndoSteps


@pytest.fixture
def steps() -> UndoSteps:
    return UndoSteps()


def change(heart: Heart, steps: UndoSteps, mask: np.ndarray) -> None:
    """Write the wall over its neighbours, with a further segment and a tag, as one step."""
    segmentation = heart.segmentation.GetSegmentation()
    with steps.step(heart.segmentation):
        write_segment(heart.segmentation, "myo", mask, VolumeGrid.of_volume(heart.volume))
        segmentation.AddEmptySegment("note")
        segmentation.GetSegment("myo").SetTag("Segmentation.Status", "flagged")


def fail(heart: Heart, steps: UndoSteps) -> None:
    with steps.step(heart.segmentation), unchanged_on_failure(heart.segmentation):
        write_segment(heart.segmentation, "myo", heart.masks["rv"], VolumeGrid.of_volume(heart.volume))
        raise RuntimeError


def test_after_a_failed_change_undo_reverts_the_one_before(heart: Heart, steps: UndoSteps) -> None:
    first = heart.masks["myo"].copy()
    first[0] = 0
    change(heart, steps, first)
    with pytest.raises(RuntimeError):
        fail(heart, steps)
    np.testing.assert_array_equal(heart.voxels("myo"), first)
    assert steps.undo(heart.segmentation)
    np.testing.assert_array_equal(heart.voxels("myo"), heart.masks["myo"])


def test_a_change_after_one_that_failed_is_one_step(heart: Heart, steps: UndoSteps) -> None:
    with pytest.raises(RuntimeError):
        fail(heart, steps)
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    assert steps.undo(heart.segmentation)
    np.testing.assert_array_equal(heart.voxels("myo"), heart.masks["myo"])
    assert not steps.undo(heart.segmentation)


def test_a_failed_change_leaves_nothing_to_undo_or_redo(heart: Heart, steps: UndoSteps) -> None:
    with pytest.raises(RuntimeError):
        fail(heart, steps)
    assert not steps.can_redo(heart.segmentation)
    edit(heart)
    assert not steps.can_undo(heart.segmentation)


def test_after_a_failed_change_only_what_was_undone_can_be_redone(heart: Heart, steps: UndoSteps) -> None:
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    with pytest.raises(RuntimeError):
        fail(heart, steps)
    assert not steps.can_redo(heart.segmentation)
    assert steps.undo(heart.segmentation)
    assert not steps.can_undo(heart.segmentation)
    assert steps.redo(heart.segmentation)
    assert not heart.voxels("myo").any()
    assert not steps.redo(heart.segmentation)


def test_each_segmentation_has_its_own_steps(heart: Heart, steps: UndoSteps) -> None:
    other = draw_heart("axis-aligned")
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    assert not steps.undo(other.segmentation)
    assert steps.undo(heart.segmentation)


def test_a_new_scene_does_not_inherit_the_steps_of_the_old_one(heart: Heart, steps: UndoSteps) -> None:
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    node_id = heart.segmentation.GetID()
    slicer.mrmlScene.Clear(False)
    again = draw_heart()
    assert again.segmentation.GetID() == node_id
    assert not steps.undo(again.segmentation)
    np.testing.assert_array_equal(again.voxels("myo"), again.masks["myo"])


def edit(heart: Heart) -> None:
    """Add a voxel to the scar, like an edit elsewhere."""
    mask = heart.voxels("scar")
    mask[tuple(np.argwhere(mask == 0)[0])] = 1
    write_segment(heart.segmentation, "scar", mask, VolumeGrid.of_volume(heart.volume))


def test_steps_alone_are_no_edits(heart: Heart, steps: UndoSteps) -> None:
    assert not steps.edited_since(heart.segmentation)
    first = heart.masks["myo"].copy()
    first[0] = 0
    for mask in (first, np.zeros_like(first)):
        change(heart, steps, mask)
        assert not steps.edited_since(heart.segmentation)
    for step in (steps.undo, steps.undo, steps.redo, steps.redo):
        assert step(heart.segmentation)
        assert not steps.edited_since(heart.segmentation)
    with pytest.raises(RuntimeError):
        fail(heart, steps)
    assert not steps.edited_since(heart.segmentation)


def test_tags_names_and_visibility_are_no_edits(heart: Heart, steps: UndoSteps) -> None:
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    segment = heart.segmentation.GetSegmentation().GetSegment("myo")
    segment.SetTag("Segmentation.Status", "completed")
    segment.SetName("Wall")
    heart.segmentation.CreateDefaultDisplayNodes()
    heart.segmentation.GetDisplayNode().SetSegmentVisibility("myo", False)
    assert not steps.edited_since(heart.segmentation)


@pytest.mark.parametrize("undone", [False, True])
def test_one_voxel_or_a_new_segment_since_a_step_is_an_edit(heart: Heart, steps: UndoSteps, undone: bool) -> None:
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    if undone:
        steps.undo(heart.segmentation)
    heart.segmentation.GetSegmentation().AddEmptySegment("other")
    assert steps.edited_since(heart.segmentation)
    heart.segmentation.GetSegmentation().RemoveSegment("other")
    assert not steps.edited_since(heart.segmentation)
    edit(heart)
    assert steps.edited_since(heart.segmentation)


def test_an_edit_between_steps_counts_after_undoing_the_second(heart: Heart, steps: UndoSteps) -> None:
    first = heart.masks["myo"].copy()
    first[0] = 0
    change(heart, steps, first)
    edit(heart)
    change(heart, steps, np.zeros_like(first))
    assert not steps.edited_since(heart.segmentation)  # to undo the second keeps it
    steps.undo(heart.segmentation)
    assert steps.edited_since(heart.segmentation)  # to undo the first does not


def test_an_edit_before_the_first_step_is_none(heart: Heart, steps: UndoSteps) -> None:
    edit(heart)
    change(heart, steps, np.zeros_like(heart.masks["myo"]))
    steps.undo(heart.segmentation)
    assert not steps.edited_since(heart.segmentation)
