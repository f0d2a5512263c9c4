"""Several segments, such as wall and scar, form one wall in the logic, the review and the panel."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from harness.hearts import GAP, Heart, Mask, add_segment, draw_heart
from harness.panel_steps import open_on, summary
from rncarefine.refine.repair_masks import RepairMasks
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.reader import read
from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid

WALL = ["myo", "late"]


@pytest.fixture
def scarred() -> tuple[Heart, Mask]:
    """Return a heart whose wall is scar, a segment of its own, in the lower half of every slice, and this scar."""
    heart = draw_heart()
    scar = heart.masks["myo"].copy()
    scar[:, :20] = 0
    add_segment(heart.segmentation, "late", scar, heart.volume, (0.9, 0.1, 0.1))
    write_segment(heart.segmentation, "myo", heart.masks["myo"] & (1 - scar), VolumeGrid.of_volume(heart.volume))
    return heart, scar


def test_the_wall_is_all_of_its_segments(scarred: tuple[Heart, Mask]) -> None:
    heart, _ = scarred
    reading = read(Selection.create(heart.segmentation, WALL, heart.volume, "pool"))
    np.testing.assert_array_equal(reading.stack.mask, heart.masks["myo"])
    assert reading.others is not None
    np.testing.assert_array_equal(reading.others > 0, heart.masks["rv"] | heart.masks["scar"])
    assert not reading.doubts


@pytest.mark.usefixtures("toy_engine")
@pytest.mark.parametrize("in_place", [False, True])
def test_scar_stays_scar_and_new_voxels_go_to_the_first_segment(
    logic: Any, scarred: tuple[Heart, Mask], in_place: bool
) -> None:
    heart, scar = scarred
    logic.process(heart.segmentation, WALL, heart.volume, poolSegmentID="pool", inPlace=in_place)
    node = logic.outputSegmentationNode()
    ring = np.repeat(heart.ring[None], len(scar), axis=0)
    np.testing.assert_array_equal(heart.voxels("late", node), scar & ring)
    np.testing.assert_array_equal(heart.voxels("myo", node), ring & ~scar & 1)
    np.testing.assert_array_equal(heart.voxels("myo_added", node), ring & ~heart.masks["myo"] & 1)
    for other in ("rv", "scar"):
        np.testing.assert_array_equal(heart.voxels(other, node), heart.masks[other])


@pytest.mark.usefixtures("toy_engine")
def test_rejecting_restores_both_segments_and_accepting_their_repair(logic: Any, scarred: tuple[Heart, Mask]) -> None:
    heart, scar = scarred
    write_segment(heart.segmentation, "late", _with_speck(scar), VolumeGrid.of_volume(heart.volume))
    before = {name: heart.voxels(name) for name in (*WALL, "pool")}
    logic.process(heart.segmentation, WALL, heart.volume, poolSegmentID="pool")
    node = logic.outputSegmentationNode()
    after = {name: heart.voxels(name, node) for name in before}
    assert any((before["late"][GAP] != after["late"][GAP]).ravel())
    logic.reject(node, GAP)
    for name, mask in before.items():
        np.testing.assert_array_equal(heart.voxels(name, node)[GAP], mask[GAP])
    review = logic.review(node)
    np.testing.assert_array_equal(review.wall_now()[GAP], (before["myo"] | before["late"])[GAP])
    logic.accept(node, GAP)
    for name, mask in after.items():
        np.testing.assert_array_equal(heart.voxels(name, node), mask)
    assert review.wall_ids == WALL


def _with_speck(scar: Mask) -> Mask:
    changed = scar.copy()
    changed[GAP, 36:38, 4:7] = 1
    return changed


def test_the_parts_come_back_from_the_text_of_a_tag() -> None:
    shape = (2, 3, 4)
    before, after = np.zeros(shape, np.uint8), np.ones(shape, np.uint8)
    before[0] = 1
    parts = {"a|b": before.copy(), "\u00f6": np.zeros(shape, np.uint8)}
    parts["\u00f6"][0, 1] = 1
    masks = RepairMasks(before, after, parts_before=parts)
    text = masks.to_text()
    assert "|" not in text
    assert text.isascii()
    again = RepairMasks.from_text(text)
    assert list(again.parts_before) == list(parts)
    for name, mask in again.parts_before.items():
        np.testing.assert_array_equal(mask, parts[name])
    np.testing.assert_array_equal(again.parts_after["a|b"], after)
    np.testing.assert_array_equal(again.parts_after["\u00f6"], parts["\u00f6"])


# The panel


def ticked(panel: Any) -> dict[str, bool]:
    """Return what the menu of the further segments offers, and whether it is ticked."""
    return {action.text: action.checked for action in panel.ui.moreWallButton.menu().actions()}


def tick(panel: Any, name: str) -> None:
    """Tick or untick a segment in the menu, as a click does."""
    (action,) = (action for action in panel.ui.moreWallButton.menu().actions() if action.text == name)
    action.trigger()


@pytest.mark.usefixtures("toy_engine")
def test_the_panel_repairs_all_ticked_segments(scarred: tuple[Heart, Mask]) -> None:
    heart, scar = scarred
    panel = open_on(heart)
    assert ticked(panel) == {"The rv": False, "The scar": False, "The late": False}
    assert panel.ui.moreWallButton.text == "None"
    tick(panel, "The late")
    assert panel.ui.moreWallButton.text == "The late"
    assert ticked(panel)["The late"]
    panel.ui.checkButton.click()
    assert summary(panel).startswith("3 of 5 expected rings closed")
    panel.ui.repairButton.click()
    node = panel.logic.outputSegmentationNode()
    np.testing.assert_array_equal(heart.voxels("late", node), scar & heart.ring[None])
    tick(panel, "The late")
    assert panel.ui.moreWallButton.text == "None"


def test_segments_that_are_used_or_removed_are_unticked(desktop: Any, scarred: tuple[Heart, Mask]) -> None:
    heart, _ = scarred
    panel = open_on(heart)
    tick(panel, "The late")
    tick(panel, "The rv")
    panel.ui.poolSelector.setCurrentIndex(panel.ui.poolSelector.findText("The rv"))
    assert ticked(panel) == {"The pool": False, "The scar": False, "The late": True}
    heart.segmentation.GetSegmentation().RemoveSegment("late")
    desktop.wait_until(lambda: "The late" not in ticked(panel))
    assert panel.ui.moreWallButton.text == "None"


@pytest.mark.parametrize("stored", ["no JSON", "3", '{"a": 1}', '["late", 7, "gone"]', json.dumps(["late"])])
def test_a_scene_may_hold_anything_in_the_place_of_the_ids(scarred: tuple[Heart, Mask], stored: str) -> None:
    heart, _ = scarred
    panel = open_on(heart)
    panel.logic.getParameterNode().moreWallSegmentIDs = stored
    assert ticked(panel)["The late"] == ("late" in stored)
