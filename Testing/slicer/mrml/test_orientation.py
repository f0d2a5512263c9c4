"""A heart has the same wall however it is stored, by the real engine: module, effect and a frame of a cine."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import slicer

from harness.effects import EffectBench
from harness.hearts import GAP, GEOMETRIES, SPECK, Heart, add_segment, draw_heart, write_voxels
from rncarefine.io.grid import Turn
from rncarefine.nca.model import DEFAULT_MODEL, Model, load_model
from rncarefine.reasons import ReasonCode
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.records import Report
from RNCARefineLib.mrml.cine.frames import Cine
from RNCARefineLib.mrml.cine.repair import process_sequence
from RNCARefineLib.mrml.editing import Request, compute_proposal, held_back, selection_of, write
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.orientation import screen_turn
from RNCARefineLib.mrml.preview import Preview

Mask = np.ndarray
TURNS = [Turn(axes, flips) for axes in ((0, 1, 2), (1, 0, 2)) for flips in product((False, True), repeat=3)]
FEW = [Turn((0, 1, 2), (True, False, False)), Turn((1, 0, 2)), Turn((1, 0, 2), (False, True, True))]
OPTIONS = RepairOptions(device="numpy")


@pytest.fixture
def model() -> Model:
    return load_model(DEFAULT_MODEL)


def in_ras(grid: VolumeGrid, turn: Turn) -> Mask:
    """Return the matrix of a grid that is stored otherwise."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.as_file_grid().turned(turn).ijk_to_lps


def store(heart: Heart, turn: Turn) -> Heart:
    """Store volume and segments of a heart in another order of their voxels, each of which stays where it is."""
    matrix = in_ras(VolumeGrid.of_volume(heart.volume), turn)
    image = turn.apply(slicer.util.arrayFromVolume(heart.volume))
    slicer.util.updateVolumeFromArray(heart.volume, image)
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Stored")
    masks = {segment_id: turn.apply(mask) for segment_id, mask in heart.masks.items()}
    for segment_id, mask in masks.items():
        add_segment(node, segment_id, mask, heart.volume)
    heart.segmentation.Copy(node)
    slicer.mrmlScene.RemoveNode(node)
    return replace(heart, masks=masks)


def by_slice(report: Report, turn: Turn) -> list[Any]:
    """Return slices and directions of a report, counted from the same end of the heart."""
    step = -1 if turn.flips[2] else 1
    records = [replace(record, k=0) for record in report.slices][::step]
    assert report.wall is not None
    return [records, [replace(one, k=0) for one in report.wall.slices][::step], report.wall.septum_deg]


def run(logic: Any, heart: Heart, **options: Any) -> Any:
    return logic.process(heart.segmentation, "myo", heart.volume, poolSegmentID="pool", device="numpy", **options)


_known: dict[str, Any] = {}


@pytest.fixture
def known(module: Any) -> dict[str, Any]:
    """Return the report and the segments of a heart that is repaired as it was drawn, computed once."""
    if not _known:
        heart, logic = draw_heart(), module.RNCARefineLogic()
        _known["report"] = run(logic, heart, rvSegmentID="rv")
        node = logic.outputSegmentationNode()
        _known["masks"] = {name: heart.voxels(name, node) for name in ("myo", "pool", "myo_added", "myo_removed")}
        slicer.mrmlScene.Clear()
    assert all(mask.any() for mask in _known["masks"].values())
    return _known


@pytest.fixture
def plain(known: dict[str, Any]) -> dict[str, Mask]:
    """Return the segments alone."""
    masks: dict[str, Mask] = known["masks"]
    return masks


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_all_ways_to_store_a_volume_are_turned_to_one(session: Any, geometry: str) -> None:
    heart = draw_heart(geometry)
    grid = VolumeGrid.of_volume(heart.volume)
    image = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    own = screen_turn(grid).apply(image)
    for turn in TURNS:
        k, j, i = turn.apply(image).shape
        other = VolumeGrid(in_ras(grid, turn), (0, i - 1, 0, j - 1, 0, k - 1))
        found = screen_turn(other).apply(turn.apply(image))
        np.testing.assert_array_equal(found[::-1] if turn.flips[2] else found, own)


def test_slices_along_another_axis_are_refused_until_reordered(module: Any, plain: dict[str, Mask]) -> None:
    logic, heart = module.RNCARefineLogic(), draw_heart()
    image, grid = slicer.util.arrayFromVolume(heart.volume).copy(), VolumeGrid.of_volume(heart.volume)
    store(heart, Turn((2, 0, 1), (True, False, False)))
    with pytest.raises(ValueError, match=r"'Cine'.*first axis.*(Sagittal|Coronal|Axial)"):
        run(logic, heart)
    slicer.util.updateVolumeFromArray(heart.volume, image)
    heart.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(grid.ijk_to_ras))
    run(logic, heart)
    for segment_id, mask in plain.items():
        np.testing.assert_array_equal(heart.voxels(segment_id, logic.outputSegmentationNode()), mask)


@pytest.mark.parametrize("turn", TURNS[1::3])
def test_the_module_repairs_the_same_voxels_and_reports_the_same(
    module: Any, known: dict[str, Any], turn: Turn
) -> None:
    plain, logic, heart = known["masks"], module.RNCARefineLogic(), store(draw_heart(), turn)
    checked = logic.check(heart.segmentation, "myo", heart.volume, "pool")
    report = run(logic, heart, rvSegmentID="rv")
    node = logic.outputSegmentationNode()
    for segment_id, mask in plain.items():
        np.testing.assert_array_equal(heart.voxels(segment_id, node), turn.apply(mask))
    assert by_slice(report, turn) == by_slice(known["report"], Turn())
    assert report.stack.spacing_mm == pytest.approx(VolumeGrid.of_volume(heart.volume).spacing)
    broken = [record.k for record in checked.slices if record.verdict == "to repair"]
    assert broken == [record.k for record in report.slices if record.verdict != "intact"]
    changed = [k for k, mask in enumerate(turn.apply(plain["myo_added"] | plain["myo_removed"])) if mask.any()]
    assert broken == changed
    table = logic.reportTableNode().GetTable()
    areas = [table.GetColumnByName("added_mm2").GetValue(row) for row in range(table.GetNumberOfRows())]
    assert [k for k, area in enumerate(areas) if area] == [
        k for k, mask in enumerate(turn.apply(plain["myo_added"])) if mask.any()
    ]


@pytest.mark.parametrize("turn", FEW)
def test_the_result_is_on_the_grid_of_the_volume(module: Any, turn: Turn) -> None:
    logic, heart = module.RNCARefineLogic(), store(draw_heart(), turn)
    run(logic, heart)
    segmentation = logic.outputSegmentationNode().GetSegmentation()
    grid = VolumeGrid.of_volume(heart.volume).geometry()
    for segment_id in ("myo", "pool", "myo_added", "myo_removed"):
        labelmap = segmentation.GetSegment(segment_id).GetRepresentation("Binary labelmap")
        assert slicer.vtkOrientedImageDataResample.DoGeometriesMatchIgnoreOrigin(labelmap, grid)


@pytest.mark.parametrize("turn", FEW)
def test_reject_edit_and_undo_work_in_every_orientation(module: Any, plain: dict[str, Mask], turn: Turn) -> None:
    logic, heart = module.RNCARefineLogic(), store(draw_heart(), turn)
    k = len(heart.masks["myo"]) - 1 - GAP if turn.flips[2] else GAP
    report = run(logic, heart, inPlace=True)
    node = heart.segmentation
    assert logic.report(node) == report
    rejected = logic.reject(node, k)
    wall = turn.apply(plain["myo"])
    wall[k] = heart.masks["myo"][k]
    np.testing.assert_array_equal(heart.voxels("myo"), wall)
    assert rejected.slices[k].finding_after == report.slices[k].finding_before
    assert logic.undo(node)
    assert logic.undo(node)
    for segment_id, mask in heart.masks.items():
        np.testing.assert_array_equal(heart.voxels(segment_id), mask)


def test_an_edited_slice_is_measured_in_the_directions_of_the_report(module: Any) -> None:
    found = []
    for turn in (Turn(), *FEW):
        logic, heart = module.RNCARefineLogic(), store(draw_heart(), turn)
        run(logic, heart, inPlace=True)
        wall = turn.inverse.apply(heart.voxels("myo"))
        wall[1] |= np.roll(wall[1], 3, axis=1)  # thicker on one side
        write_voxels(heart.segmentation, "myo", turn.apply(wall), VolumeGrid.of_volume(heart.volume).ijk_to_ras)
        report = logic.report(heart.segmentation)
        assert ReasonCode.SLICE_EDITED in [doubt.code for doubt in report.doubts]
        found.append(by_slice(report, turn))
    thickness = found[0][1][1].after_mm
    assert max(thickness) > 1.2 * min(thickness)
    for each in found[1:]:
        assert each == found[0]


@pytest.mark.parametrize("turn", FEW)
def test_the_effect_writes_the_same_voxels_and_undo_reverts_them(
    desktop: Any, model: Model, plain: dict[str, Mask], turn: Turn
) -> None:
    bench = EffectBench(store(draw_heart(), turn))
    heart = bench.heart
    proposal = compute_proposal(Request(selection_of(bench.node, "pool"), OPTIONS), model)
    preview = Preview(bench.scripted, lambda: None, lambda: None)
    preview.show(proposal, 1.0)
    for segment_id, name in (("proposed", "myo"), ("added", "myo_added"), ("removed", "myo_removed")):
        np.testing.assert_array_equal(heart.voxels(segment_id, preview.node), turn.apply(plain[name]))
    preview.close()
    write(proposal, bench.scripted, keep_neighbours=True)
    assert held_back(proposal) == []
    for name in ("myo", "pool"):
        np.testing.assert_array_equal(heart.voxels(name), turn.apply(plain[name]))
    bench.editor.undo()
    bench.assert_voxels()
    bench.close()


@pytest.mark.parametrize("turn", FEW)
def test_only_the_requested_slice_is_proposed(session: Any, model: Model, plain: dict[str, Mask], turn: Turn) -> None:
    heart = store(draw_heart(), turn)
    k = len(heart.masks["myo"]) - 1 - SPECK if turn.flips[2] else SPECK
    selection = Selection.create(heart.segmentation, "myo", heart.volume, "pool")
    proposal = compute_proposal(Request(selection, OPTIONS, k), model)
    assert proposal.changed == [k]
    np.testing.assert_array_equal(proposal.repaired.wall[k], turn.apply(plain["myo"])[k])


@pytest.mark.parametrize("turn", FEW)
def test_a_frame_of_a_cine_is_repaired_to_the_same_voxels(
    session: Any, model: Model, plain: dict[str, Mask], turn: Turn
) -> None:
    heart = store(draw_heart(), turn)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    sequences = {
        node: slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode") for node in (heart.volume, heart.segmentation)
    }
    for node, sequence in sequences.items():
        for time in ("0", "30"):
            sequence.SetDataNodeAtValue(node, time)
        browser.AddSynchronizedSequenceNodeID(sequence.GetID())
        browser.AddProxyNode(node, sequence, False)
    cine = Cine.create(browser, heart.segmentation, "myo", heart.volume, "pool")
    outcome = process_sequence(cine, model, OPTIONS, frames=[1])
    frame = outcome.sequence_node.GetNthDataNode(1)
    for segment_id, mask in plain.items():
        np.testing.assert_array_equal(heart.voxels(segment_id, frame), turn.apply(mask))
