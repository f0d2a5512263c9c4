"""Vessels of one picture in Slicer: from nodes to a repaired segmentation, its table, and decisions about places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from PIL import Image

from engine.vessel_models import saved
from engine.vessels import tree, with_gap
from harness.hearts import add_segment, node_census, segment_voxels
from rncarefine.io.sample import vessel_sample_files
from rncarefine.refine.repair_masks import pack
from rncarefine.words import PlaceVerdict
from RNCARefineLib.mrml.nodes.guards import Selection
from RNCARefineLib.mrml.nodes.segments import write_segment
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid
from RNCARefineLib.mrml.review import vessels
from RNCARefineLib.mrml.review.kept import ADDED, find_review_segment, tag_of
from RNCARefineLib.mrml.review.vessels import VESSELS_TAG, VesselReview
from RNCARefineLib.mrml.sample_data import load
from RNCARefineLib.mrml.vessels import is_picture_volume

WHOLE = tree()
BROKEN = with_gap(WHOLE, 30, 10)


@pytest.fixture(params=["colour", "grey", "flipped, with opacity"])
def photograph(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """Return a volume of one slice, and a segmentation of its broken vessels."""
    noise = np.random.default_rng(3).normal(0, 4, (1, 80, 80, 3))
    pixels = np.clip(150 - 60 * WHOLE[None, ..., None] + noise, 0, 255).astype(np.uint8)
    if request.param != "grey":
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Retina")
    else:
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Retina")
        pixels = pixels[..., 1]
    if request.param == "flipped, with opacity":
        pixels = np.concatenate([pixels, np.full((1, 80, 80, 1), 255, np.uint8)], axis=-1)
        volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        volume.SetOrigin(5.0, -7.0, 3.0)
    slicer.util.updateVolumeFromArray(volume, pixels)
    volume.SetSpacing(0.02, 0.02, 1.0)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Vessels")
    add_segment(segmentation, "vessels", BROKEN[None].astype(np.uint8), volume)
    return volume, segmentation


@pytest.fixture
def repaired(photograph: tuple[Any, Any], module: Any, tmp_path: Path) -> tuple[Any, Any, Any, Any]:
    """Return logic, volume, report and repaired segmentation."""
    volume, segmentation = photograph
    logic = module.RNCARefineLogic()
    report = logic.processPicture(segmentation, "vessels", volume, model=saved(tmp_path), device="numpy")
    return logic, volume, report, logic.outputSegmentationNode()


def bridge_of(report: Any) -> int:
    return next(place.number for place in report.places if place.verdict is PlaceVerdict.BRIDGED)


def voxels(node: Any, volume: Any, segment: str = "vessels") -> Any:
    return segment_voxels(node, segment, volume)[0]


def test_the_vessel_is_joined_in_a_new_segmentation(
    repaired: tuple[Any, Any, Any, Any], photograph: tuple[Any, Any]
) -> None:
    logic, volume, report, node = repaired
    np.testing.assert_array_equal(voxels(photograph[1], volume), BROKEN)
    assert node is not photograph[1]
    after = voxels(node, volume)
    assert after[30, 30:40].all()
    assert report.picture.bridges == 1
    added = find_review_segment(node.GetSegmentation(), "vessels", ADDED)
    np.testing.assert_array_equal(voxels(node, volume, added) > 0, (after > 0) & ~BROKEN)
    table = logic.reportTableNode()
    assert table.GetNumberOfRows() == len(report.places)
    assert table.GetTable().GetValueByName(0, "verdict").ToString() == "bridged"


def test_bridges_only_reaches_the_engine(photograph: tuple[Any, Any], module: Any, tmp_path: Path) -> None:
    volume, segmentation = photograph
    options = {"model": saved(tmp_path), "device": "numpy", "bridgesOnly": True}
    report = module.RNCARefineLogic().processPicture(segmentation, "vessels", volume, **options)
    assert report.run.bridges_only


def test_paint_during_a_repair_is_not_lost(photograph: tuple[Any, Any], module: Any, tmp_path: Path) -> None:
    volume, segmentation = photograph

    def paint(fraction: float, text: str) -> None:
        write_segment(segmentation, "vessels", WHOLE[None].astype(np.uint8), VolumeGrid.of_volume(volume))

    before = node_census()
    options = {"model": saved(tmp_path), "device": "numpy", "progressCallback": paint}
    with pytest.raises(ValueError, match=r"'Vessels'.*changed"):
        module.RNCARefineLogic().processPicture(segmentation, "vessels", volume, **options)
    assert node_census() == before
    np.testing.assert_array_equal(voxels(segmentation, volume), WHOLE)


def test_a_rejected_bridge_is_restored_and_can_be_accepted_again(
    repaired: tuple[Any, Any, Any, Any],
) -> None:
    logic, volume, report, node = repaired
    after, number = voxels(node, volume), bridge_of(report)
    review = logic.pictureReview(node)
    rejected = review.reject(number)
    assert not voxels(node, volume)[30, 31:39].any()
    assert rejected.places[number].accepted is False
    assert VesselReview.of(node).report() == rejected
    np.testing.assert_array_equal(review.mask_now(), voxels(node, volume))
    accepted = review.accept(number)
    np.testing.assert_array_equal(voxels(node, volume), after)
    assert accepted.places[number].accepted is True
    with pytest.raises(ValueError, match="no place 999"):
        review.accept(999)


def test_a_decision_keeps_manual_edits_elsewhere(repaired: tuple[Any, Any, Any, Any]) -> None:
    logic, volume, report, node = repaired
    review, number = logic.pictureReview(node), bridge_of(report)
    edited = voxels(node, volume).copy()
    edited[70:75, 70:75] = 1
    edited[29:32, 5:8] = 0
    write_segment(node, "vessels", edited[None].astype(np.uint8), VolumeGrid.of_volume(volume))
    review.accept(number)
    np.testing.assert_array_equal(voxels(node, volume), edited)
    review.reject(number)
    now = voxels(node, volume)
    assert now[70:75, 70:75].all()
    assert not now[29:32, 5:8].any()
    assert not now[30, 31:39].any()


def test_accepting_keeps_manual_edits_of_the_place(repaired: tuple[Any, Any, Any, Any]) -> None:
    logic, volume, report, node = repaired
    review, number, grid = logic.pictureReview(node), bridge_of(report), VolumeGrid.of_volume(volume)
    after, edited = voxels(node, volume).copy(), voxels(node, volume).copy()
    edited[30, 34:36] = 0
    write_segment(node, "vessels", edited[None], grid)
    review.accept(number)
    np.testing.assert_array_equal(voxels(node, volume), edited)
    review.reject(number)
    redrawn = voxels(node, volume).copy()
    redrawn[30, 30:40] = 1
    write_segment(node, "vessels", redrawn[None], grid)
    assert review.accept(number).places[number].accepted is True
    np.testing.assert_array_equal(voxels(node, volume), redrawn)
    review.reject(number)
    review.accept(number)
    np.testing.assert_array_equal(voxels(node, volume), after)


def test_a_decision_that_fails_half_way_changes_nothing(
    repaired: tuple[Any, Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    logic, volume, report, node = repaired
    review, after = logic.pictureReview(node), voxels(node, volume)
    put_rows, table = vessels.put_rows, logic.reportTableNode()

    def fail_at_the_end(*content: Any) -> None:
        put_rows(*content)
        raise RuntimeError("no memory left")

    def decisions() -> list[str]:
        column = table.GetTable().GetColumnByName("accepted")
        return [column.GetValue(row) for row in range(table.GetNumberOfRows())]

    before = decisions()
    monkeypatch.setattr(vessels, "put_rows", fail_at_the_end)
    with pytest.raises(RuntimeError, match="no memory"):
        review.reject(bridge_of(report))
    assert review.report().places == report.places
    np.testing.assert_array_equal(voxels(node, volume), after)
    assert decisions() == before


def test_objects_joined_by_a_bridge_follow_its_decision(repaired: tuple[Any, Any, Any, Any]) -> None:
    logic, volume, report, node = repaired
    review, number = logic.pictureReview(node), bridge_of(report)
    # A branch that the repair has added, from the middle of the bridge upwards.
    segment = node.GetSegmentation().GetSegment("vessels")
    values = json.loads(tag_of(segment, VESSELS_TAG))
    after = voxels(node, volume).copy()
    column = 35
    assert after[30, column] > BROKEN[30, column]
    after[22:30, column] = 1
    assert not BROKEN[21:31, column - 1 : column + 2].any()
    values["after"] = [*after.shape, pack(after)]
    segment.SetTag(VESSELS_TAG, json.dumps(values))
    write_segment(node, "vessels", after[None].astype(np.uint8), VolumeGrid.of_volume(volume))
    review.reject(number)
    assert not voxels(node, volume)[22:31, column].any()
    np.testing.assert_array_equal(voxels(node, volume) & BROKEN, BROKEN & after)
    review.accept(number)
    np.testing.assert_array_equal(voxels(node, volume), after)


def test_a_place_that_was_left_cannot_be_rejected(photograph: tuple[Any, Any], module: Any, tmp_path: Path) -> None:
    volume, segmentation = photograph
    logic, strict = module.RNCARefineLogic(), saved(tmp_path, least_confidence=0.999)
    report = logic.processPicture(segmentation, "vessels", volume, model=strict, device="numpy")
    left = [place.number for place in report.places if place.verdict is PlaceVerdict.LEFT]
    assert left
    with pytest.raises(ValueError, match="did not change"):
        logic.pictureReview(logic.outputSegmentationNode()).reject(left[0])


def test_showing_a_place_centres_the_views_on_it(repaired: tuple[Any, Any, Any, Any], desktop: Any) -> None:
    logic, volume, report, node = repaired
    place = report.places[bridge_of(report)]
    logic.pictureReview(node).show(place.number)
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    assert views
    origin = slicer.util.arrayFromVTKMatrix(views[0].GetSliceToRAS())[:3, 3]
    wanted = VolumeGrid.of_volume(volume).ijk_to_ras @ [place.column, place.row, 0, 1]
    np.testing.assert_allclose(origin, wanted[:3], atol=1e-3)


@pytest.mark.parametrize("ending", [".html", ".csv", ".json"])
def test_the_report_is_written_with_the_decisions(
    repaired: tuple[Any, Any, Any, Any], tmp_path: Path, ending: str
) -> None:
    logic, _, report, node = repaired
    review = logic.pictureReview(node)
    review.reject(bridge_of(report))
    review.export(tmp_path / f"report{ending}")
    text = (tmp_path / f"report{ending}").read_text(encoding="utf-8")
    assert {".html": "rejected", ".csv": ",no,", ".json": '"accepted": false'}[ending] in text


def test_a_check_changes_nothing(photograph: tuple[Any, Any], module: Any) -> None:
    volume, segmentation = photograph
    before = node_census()
    report = module.RNCARefineLogic().checkPicture(segmentation, "vessels", volume)
    assert report.picture.b0_before == 2
    assert node_census() == before


def test_a_png_mask_converted_from_a_label_map_is_that_of_the_photograph(module: Any) -> None:
    # docs/slicer.md, "Places": Slicer's segmentation reader reads no PNG.
    files, logic = vessel_sample_files(), module.RNCARefineLogic()
    volume, vessels = load("ChaseBroken")
    labelmap = slicer.util.loadVolume(str(files.broken), {"labelmap": True, "singleFile": True})
    assert labelmap.GetClassName() == "vtkMRMLLabelMapVolumeNode"
    converted = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labelmap, converted)
    (segment_id,) = converted.GetSegmentation().GetSegmentIDs()
    np.testing.assert_array_equal(voxels(converted, volume, segment_id), voxels(vessels, volume))
    report = logic.checkPicture(converted, segment_id, volume)
    assert report.places == logic.checkPicture(vessels, "vessels", volume).places


def test_a_jpeg_that_states_a_resolution_must_be_saved_as_png(module: Any, tmp_path: Path) -> None:
    files, logic = vessel_sample_files(), module.RNCARefineLogic()
    _, vessels = load("ChaseBroken")
    for ending in ("jpg", "png"):
        with Image.open(files.image) as photograph:
            photograph.save(tmp_path / f"photograph.{ending}", dpi=(72, 72))
    jpeg, png = (slicer.util.loadVolume(str(tmp_path / f"photograph.{ending}")) for ending in ("jpg", "png"))
    assert jpeg.GetSpacing() == pytest.approx((25.4 / 72, 25.4 / 72, 1))
    assert png.GetSpacing() == (1, 1, 1)
    with pytest.raises(ValueError, match="another voxel grid"):
        logic.checkPicture(vessels, "vessels", jpeg)
    assert logic.checkPicture(vessels, "vessels", png).places


def test_stacks_and_ring_models_are_refused(photograph: tuple[Any, Any], heart: Any, module: Any) -> None:
    volume, segmentation = photograph
    logic, before = module.RNCARefineLogic(), node_census()
    with pytest.raises(ValueError, match="5 slices"):
        logic.processPicture(heart.segmentation, "myo", heart.volume)
    with pytest.raises(ValueError, match="short-axis stack"):
        logic.processPicture(segmentation, "vessels", volume, model="sax-open-2d", device="numpy")
    assert node_census() == before


def test_colour_volumes_are_pictures_and_grey_ones_need_the_model(photograph: tuple[Any, Any], heart: Any) -> None:
    volume, segmentation = photograph
    colour = volume.GetImageData().GetNumberOfScalarComponents() > 1
    assert is_picture_volume(volume) == colour
    assert not is_picture_volume(heart.volume)
    assert not is_picture_volume(None)
    if colour:
        with pytest.raises(ValueError, match=r"[34] values"):
            Selection.create(segmentation, "vessels", volume)
    assert Selection.create(segmentation, "vessels", volume, picture=True).segment_id == "vessels"


def test_each_repaired_segment_has_its_own_review(
    repaired: tuple[Any, Any, Any, Any], module: Any, tmp_path: Path
) -> None:
    logic, volume, first_report, first = repaired
    add_segment(first, "veins", BROKEN[None].astype(np.uint8), volume)
    logic.processPicture(first, "veins", volume, model=saved(tmp_path), device="numpy")
    second = logic.outputSegmentationNode()
    assert logic.pictureReview(second, "veins").segment_id == "veins"
    assert logic.pictureReview(second, "vessels").report() == first_report
    for wrong in (None, "scar"):
        with pytest.raises(ValueError, match=r"'vessels', 'veins'"):
            logic.pictureReview(second, wrong)
    found = [(review.segmentation_node, review.segment_id) for review in VesselReview.all_of(volume)]
    assert found == [(second, "vessels"), (second, "veins"), (first, "vessels")]


def test_a_review_is_resumed_from_a_segmentation_file(repaired: tuple[Any, Any, Any, Any], tmp_path: Path) -> None:
    logic, volume, report, node = repaired
    number, path = bridge_of(report), str(tmp_path / "result.seg.nrrd")
    decided = logic.pictureReview(node).accept(number)
    assert slicer.util.saveNode(node, path, properties={})
    slicer.mrmlScene.RemoveNode(node)
    node = slicer.util.loadSegmentation(path)
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Other")
    slicer.util.updateVolumeFromArray(other, np.zeros((1, 40, 40), np.uint8))
    other.CopyOrientation(volume)
    assert VesselReview.all_of(other) == []
    with pytest.raises(ValueError, match=r"'Other'.*40 x 40"):
        VesselReview.of(node, volume_node=other)
    (found,) = VesselReview.all_of(volume)
    with pytest.raises(ValueError, match="not in the scene"):
        found.reject(number)
    review = VesselReview.of(node, volume_node=volume)
    assert review.report() == decided
    review.reject(number)
    assert not voxels(node, volume)[30, 31:39].any()


def test_a_segmentation_without_a_repair_has_no_review(photograph: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="Repair them first"):
        VesselReview.of(photograph[1])
