"""The logic of the module, run unmodified on real MRML nodes; the engine is the toy of the harness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

import rncarefine.refine.repair
from harness import toy_engine
from harness.hearts import GAP, GEOMETRIES, Heart, draw_heart, node_census, transform_node
from harness.runs import RESULT, expected_result, process, snapshot
from rncarefine.words import Apex
from RNCARefineLib.mrml import editing as editing_module
from RNCARefineLib.mrml import orientation
from RNCARefineLib.mrml import process as process_module
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review.kept import tag_of


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_result_is_exact_on_every_geometry(logic: Any, geometry: str, in_place: bool) -> None:
    heart = draw_heart(geometry)
    report = process(logic, heart, inPlace=in_place)
    node = logic.outputSegmentationNode()
    assert (node == heart.segmentation) == in_place
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == (1 if in_place else 2)
    assert list(node.GetSegmentation().GetSegmentIDs()) == RESULT
    for segment_id, mask in expected_result(heart).items():
        np.testing.assert_array_equal(heart.voxels(segment_id, node), mask, segment_id)
    assert (report.stack.closed_before, report.stack.closed_after) == (3, 5)


def test_the_input_is_not_changed(logic: Any, heart: Heart) -> None:
    before = snapshot(heart)
    process(logic, heart)
    assert snapshot(heart)[2:] == before[2:]


def test_segments_keep_colours_names_and_tags(logic: Any, heart: Heart) -> None:
    terminology = "Segmentation category and type~SCT^1^a~SCT^2^b~^^~Anatomic codes~^^~^^"
    source = heart.segmentation.GetSegmentation()
    source.GetSegment("rv").SetTag(source.GetSegment("rv").GetTerminologyEntryTagName(), terminology)
    process(logic, heart)
    result = logic.outputSegmentationNode().GetSegmentation()
    for segment_id in heart.masks:
        assert result.GetSegment(segment_id).GetColor() == source.GetSegment(segment_id).GetColor()
        assert result.GetSegment(segment_id).GetName() == source.GetSegment(segment_id).GetName()
    assert tag_of(result.GetSegment("myo"), "Site.Reader") == "reader 2"
    assert tag_of(result.GetSegment("rv"), result.GetSegment("rv").GetTerminologyEntryTagName()) == terminology


def test_result_report_and_plot_are_next_to_the_input(logic: Any, heart: Heart) -> None:
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = tree.CreateStudyItem(tree.CreateSubjectItem(tree.GetSceneItemID(), "Patient"), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(heart.segmentation), study)
    process(logic, heart)
    chart = logic.plotReport(logic.outputSegmentationNode())
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    for node in (logic.outputSegmentationNode(), logic.reportTableNode(), chart, *series):
        assert tree.GetItemParent(tree.GetItemByDataNode(node)) == study


def test_a_shown_closed_surface_is_shown_of_the_result(logic: Any, heart: Heart) -> None:
    heart.segmentation.CreateClosedSurfaceRepresentation()
    process(logic, heart)
    segmentation = logic.outputSegmentationNode().GetSegmentation()
    surfaces = {name: segmentation.GetSegment(name).GetRepresentation("Closed surface") for name in RESULT}
    source = heart.segmentation.GetSegmentation().GetSegment("myo").GetRepresentation("Closed surface")
    assert all(surface is not None for surface in surfaces.values())
    assert surfaces["myo"].GetNumberOfPoints() != source.GetNumberOfPoints()
    assert surfaces["myo_added"].GetNumberOfPoints() > 0


# Where the result goes


def test_a_repair_in_place_is_one_exact_undo_step(logic: Any, heart: Heart) -> None:
    before = snapshot(heart)
    process(logic, heart, inPlace=True)
    repaired = heart.voxels("myo")
    assert logic.undo(heart.segmentation)
    assert snapshot(heart) == before
    assert not logic.undo(heart.segmentation)
    assert logic.redo(heart.segmentation)
    np.testing.assert_array_equal(heart.voxels("myo"), repaired)


def test_undoing_a_repair_removes_table_and_plot(logic: Any, heart: Heart) -> None:
    before = node_census()
    report = process(logic, heart, inPlace=True)
    logic.plotReport(heart.segmentation)
    logic.plotThickness(heart.segmentation)
    assert logic.undo(heart.segmentation)
    assert node_census() == before
    assert logic.reportTableNode() is None
    with pytest.raises(ValueError, match="no repair"):
        logic.report(heart.segmentation)
    assert logic.redo(heart.segmentation)
    assert logic.reportTableNode().GetDescription() == report.summary()


def test_there_is_nothing_to_undo_after_a_repair_into_a_new_node(logic: Any, heart: Heart) -> None:
    process(logic, heart)
    assert not logic.undo(heart.segmentation)
    assert not logic.undo(logic.outputSegmentationNode())


def test_results_that_were_deleted_are_not_returned(logic: Any, heart: Heart) -> None:
    assert logic.outputSegmentationNode() is None
    assert logic.reportTableNode() is None
    process(logic, heart)
    for node in (logic.outputSegmentationNode(), logic.reportTableNode()):
        slicer.mrmlScene.RemoveNode(node)
    assert logic.outputSegmentationNode() is None
    assert logic.reportTableNode() is None


# Pool


def test_pool_outside_the_ring_is_reported_and_trimmed_on_request(logic: Any, heart: Heart) -> None:
    from RNCARefineLib.mrml.nodes.segments import write_segment

    spilt = heart.masks["pool"].copy()
    spilt[1, 36:38, 4:8] = 1
    write_segment(heart.segmentation, "pool", spilt, VolumeGrid.of_volume(heart.volume))
    report = process(logic, heart)
    assert report.slices[1].pool_outside_mm2 == pytest.approx(8 * 1.4 * 1.25)
    assert heart.voxels("pool", logic.outputSegmentationNode())[1, 36, 4] == 1
    process(logic, heart, trimPool=True)
    ring = np.repeat(heart.ring[None], 5, axis=0)
    trimmed = heart.voxels("pool", logic.outputSegmentationNode())
    np.testing.assert_array_equal(trimmed, heart.masks["pool"] & ~ring & 1)


# Guards: the details are in mrml/nodes/test_guards.py


def test_the_input_as_output_is_refused(logic: Any, heart: Heart) -> None:
    before = snapshot(heart)
    with pytest.raises(ValueError, match="input and output"):
        process(logic, heart, outputSegmentationNode=heart.segmentation)
    assert snapshot(heart) == before


def test_both_nodes_under_the_same_transform_are_exact(logic: Any, heart: Heart) -> None:
    turn = np.array([[0.0, -1, 0, 12.5], [1, 0, 0, -7], [0, 0, 1, 3], [0, 0, 0, 1]])
    transform = transform_node(turn)
    for node in (heart.volume, heart.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    process(logic, heart)
    node = logic.outputSegmentationNode()
    assert node.GetParentTransformNode() == transform
    np.testing.assert_array_equal(heart.voxels("myo", node), np.repeat(heart.ring[None], 5, axis=0))


# Check


def test_check_reports_and_changes_nothing(logic: Any, heart: Heart) -> None:
    before, time = snapshot(heart), heart.segmentation.GetSegmentation().GetMTime()
    report = logic.check(heart.segmentation, "myo", heart.volume, "pool")
    assert [str(record.verdict) for record in report.slices] == [
        "intact",
        "intact",
        "to repair",
        "to repair",
        "intact",
    ]
    assert snapshot(heart) == before
    assert heart.segmentation.GetSegmentation().GetMTime() == time


# Options


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the engine was called with."""
    seen: dict[str, Any] = {}

    def repair(stack: Any, model: Any, options: Any, **more: Any) -> Any:
        seen.update(model=model, options=options)
        return toy_engine.repair(stack, model, options, **more)

    monkeypatch.setattr(rncarefine.refine.repair, "repair", repair)
    return seen


def test_every_option_reaches_the_engine(logic: Any, heart: Heart, seen: dict[str, Any]) -> None:
    process(
        logic,
        heart,
        model="mine",
        device="numpy",
        seed=3,
        samples=4,
        steps=50,
        closeBase=True,
        addOnly=True,
        geometry=False,
        apex="last",
        maxChangeMm2=250.0,
        removeIslands=True,
        trimPool=True,
    )
    assert seen["model"] == "mine"  # the toy's load_model returns the name
    assert seen["options"] == rncarefine.refine.repair.RepairOptions(
        device="numpy",
        seed=3,
        samples=4,
        steps=50,
        close_base=True,
        add_only=True,
        geometry=False,
        apex=Apex.LAST,
        max_change_mm2=250.0,
        remove_islands=True,
        trim_pool=True,
        model="mine",
    )


def test_the_default_options_are_the_engine_s(logic: Any, heart: Heart, seen: dict[str, Any]) -> None:
    process(logic, heart)
    assert seen["model"] == "sax-open-2d"
    assert seen["options"] == rncarefine.refine.repair.RepairOptions()


def test_all_callers_reach_the_engine_through_one_file() -> None:
    # It turns the stacks. The tests above replace the engine where that file looks for it.
    assert process_module.engine is editing_module.engine is orientation
    assert orientation.engine is rncarefine.refine.repair


def test_of_several_repaired_segments_one_is_named(logic: Any, heart: Heart) -> None:
    logic.process(heart.segmentation, "myo", heart.volume, inPlace=True)
    logic.process(heart.segmentation, "rv", heart.volume, inPlace=True)
    with pytest.raises(ValueError, match=r"'myo', 'rv'"):
        logic.report(heart.segmentation)
    repaired_rv = heart.voxels("rv")
    report = logic.reject(heart.segmentation, GAP, "myo")
    assert report.slices[GAP].accepted is False
    assert logic.report(heart.segmentation, "rv").slices[GAP].accepted is None
    np.testing.assert_array_equal(heart.voxels("myo")[GAP], heart.masks["myo"][GAP])
    np.testing.assert_array_equal(heart.voxels("rv"), repaired_rv)
