"""The plug-in of Segment Statistics: definitions one can check by hand, in Slicer's own loop and table."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer

from harness.hearts import GEOMETRIES, Heart, add_segment, draw_heart, node_census, transform_node, write_voxels
from harness.segment_statistics import SegmentStatisticsLogic, installed

PLUGIN = "RNCARefineSegmentStatisticsPlugin"
DEFAULT = [
    "Slices",
    "Expected ring slices",
    "Ring slices",
    "Open slices",
    "Fragmented slices",
    "Largest gap deg",
    "Largest gap mm",
    "b0 max",
    "b1 max",
    "Myocardial mass g",
]
OPTIONAL = ["Porous slices", "Disc slices", "Empty slices", "b0 3D", "b1 3D", "b2 3D"]
FINDINGS = ("ring_slices", "open_slices", "fragmented_slices", "porous_slices", "disc_slices")


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Register the plug-in with Segment Statistics, as the module does when Slicer has started."""
    with installed():
        from RNCARefineLib.mrml.statistics_plugin import register

        register()
        yield


def statistics(segmentation: Any, volume: Any = None, **switches: bool) -> SegmentStatisticsLogic:
    """Compute every measurement of every segment, shown or not, except those switched off by their key."""
    logic = SegmentStatisticsLogic()
    parameters = logic.getParameterNode()
    parameters.SetParameter("visibleSegmentsOnly", "False")
    parameters.SetParameter("Segmentation", segmentation.GetID())
    if volume is not None:
        parameters.SetParameter("ScalarVolume", volume.GetID())
    parameters.SetParameter(f"{PLUGIN}.enabled", "True")
    (plugin,) = logic.plugins
    plugin.requestAll()
    for key, value in switches.items():
        parameters.SetParameter(f"{PLUGIN}.{key}.enabled", str(value))
    logic.computeStatistics()
    return logic


def row(logic: SegmentStatisticsLogic, segment_id: str) -> dict[str, Any]:
    """Return the measurements of a segment by their keys in the plug-in."""
    (plugin,) = logic.plugins
    values = logic.getStatistics()
    found = {plugin.toShortKey(key[1]): values[key] for key in values if key[0] == segment_id}
    assert found.pop("")  # the name of the segment
    return found


def columns(logic: SegmentStatisticsLogic) -> list[str]:
    """Write the table and return its headings."""
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    logic.exportToTable(table)
    return [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]


def test_numbers_of_the_drawn_wall_match_a_hand_count() -> None:
    heart = draw_heart("axis-aligned")
    found = row(statistics(heart.segmentation), "myo")
    # The ends of the gap are the corners, 2.5 pixels up and down and 9.5 across, of the rows above and below it.
    angle = 2 * math.degrees(math.atan2(2.5, 9.5))
    assert found.pop("largest_gap_deg") == pytest.approx(angle, abs=0.5)
    # The ends are 6 to 10 pixels of 1.25 mm from the centre.
    assert found.pop("largest_gap_mm") == pytest.approx(2 * 10 * math.sin(math.radians(angle / 2)), abs=1)
    assert found.pop("mass_g") == pytest.approx(heart.masks["myo"].sum() * 1.25 * 1.25 * 8 / 1000 * 1.05)
    assert found == {
        "slices": 5,
        "expected_ring_slices": 5,
        "ring_slices": 3,
        "open_slices": 1,
        "fragmented_slices": 1,
        "porous_slices": 0,
        "disc_slices": 0,
        "empty_slices": 0,
        "b0_max": 2,
        "b1_max": 1,
        "b0_3d": 2,
        "b1_3d": 2,  # the cavity, and the gap: a window in the wall of the tube
        "b2_3d": 0,
    }


def test_segments_that_share_a_label_map_are_measured_separately(heart: Heart) -> None:
    found = row(statistics(heart.segmentation), "pool")
    assert (found["slices"], found["disc_slices"], found["ring_slices"]) == (5, 5, 0)
    assert found["mass_g"] == pytest.approx(heart.masks["pool"].sum() * 1.4 * 1.25 * 8 / 1000 * 1.05)


def test_an_open_base_does_not_count_as_a_gap(heart: Heart) -> None:
    wall = heart.masks["myo"].copy()
    wall[2] = wall[3] = heart.ring
    wall[0, :, 24:] = 0  # the base: without a taper it is the first slice
    wall[4, :, 24:] = 0
    add_segment(heart.segmentation, "open", wall, heart.volume)
    found = row(statistics(heart.segmentation), "open")
    assert found["open_slices"] == 2
    assert found["expected_ring_slices"] == 4
    assert found["largest_gap_deg"] > 120  # of the other end
    add_segment(heart.segmentation, "whole", np.concatenate([wall[:4], heart.ring[None]]), heart.volume)
    found = row(statistics(heart.segmentation), "whole")
    assert (found["open_slices"], found["largest_gap_deg"], found["largest_gap_mm"]) == (1, 0, 0)


def test_an_empty_slice_in_between_is_counted_and_leaves_no_gap(heart: Heart) -> None:
    wall = np.repeat(heart.ring[None], 5, axis=0)
    wall[2] = 0
    add_segment(heart.segmentation, "torn", wall, heart.volume)
    found = row(statistics(heart.segmentation), "torn")
    assert (found["slices"], found["empty_slices"], found["expected_ring_slices"]) == (4, 1, 5)
    assert found["largest_gap_deg"] == 0


def test_a_segment_of_too_many_slices_is_counted_but_not_judged(heart: Heart) -> None:
    from RNCARefineLib.mrml.statistics_plugin import MAX_SLICES, measurements, wall_statistics

    rings = np.repeat(heart.ring[None], MAX_SLICES + 1, axis=0)
    rings[3] = 0
    keys = [item.key for item in measurements()]
    values = wall_statistics(rings, (1.0, 1.5, 1.25), keys)
    assert (values["slices"], values["empty_slices"]) == (MAX_SLICES, 1)
    assert (values["b0_max"], values["b1_max"]) == (1, 1)
    assert (values["expected_ring_slices"], values["ring_slices"]) == (0, MAX_SLICES)
    assert "largest_gap_deg" not in values
    assert values["mass_g"] == pytest.approx(wall_statistics(rings[:4], (1.0, 1.5, 1.25), keys)["mass_g"] * 20)
    assert wall_statistics(rings[:MAX_SLICES], (1.0, 1.5, 1.25), keys)["ring_slices"] == MAX_SLICES - 1


def is_judged(mask: Any, in_plane: float = 1.0) -> bool:
    from RNCARefineLib.mrml.statistics_plugin import measurements, wall_statistics

    return (
        wall_statistics(mask, (8.0, in_plane, in_plane), [item.key for item in measurements()])["expected_ring_slices"]
        > 0
    )


def test_a_segment_too_large_or_ragged_is_not_judged(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    from RNCARefineLib.mrml import statistics_plugin

    rings = np.repeat(heart.ring[None], 3, axis=0)
    pixels = int(heart.ring.sum())
    assert is_judged(rings, math.sqrt(9999 / pixels))
    assert not is_judged(rings, math.sqrt(10001 / pixels))
    ragged = np.pad(rings, ((0, 0), (0, 40), (0, 0)))
    specks = np.argwhere(np.indices(ragged.shape[1:]).sum(axis=0) % 4 == 0)
    for j, i in specks[(specks[:, 0] > 42) & (specks[:, 0] % 2 == 0)][:98]:
        ragged[1, j, i] = 1
    assert is_judged(ragged)  # 99 pieces and the cavity
    ragged[1, 0, 0] = 1
    assert not is_judged(ragged)
    assert is_judged(rings)
    monkeypatch.setattr(statistics_plugin, "MAX_VOXELS", 3 * pixels - 1)
    assert not is_judged(rings)


def test_the_slices_of_a_large_segment_are_counted_as_those_of_a_wall(heart: Heart) -> None:
    from RNCARefineLib.mrml.statistics_plugin import MAX_SLICES, measurements, wall_statistics

    ring = heart.ring > 0
    gap, speck = ring.copy(), ring.copy()
    gap[: ring.shape[0] // 2, ring.shape[1] // 2 - 2 : ring.shape[1] // 2 + 2] = False
    speck[0, 0] = True
    solid = ring | (heart.masks["pool"].max(axis=0) > 0)
    pores = solid.copy()
    for j, i in np.argwhere(solid)[[solid.sum() // 3, 2 * solid.sum() // 3]]:
        pores[j, i] = False
    kinds = np.stack([ring, gap, speck, pores, solid])
    keys = ["ring_slices", "open_slices", "fragmented_slices", "porous_slices", "disc_slices"]
    small, large = (wall_statistics(mask, (1.0, 1.5, 1.25), keys) for mask in (kinds, np.tile(kinds, (20, 1, 1))))
    assert len(kinds) * 20 > MAX_SLICES
    assert small == dict.fromkeys(keys, 1)
    assert large == dict.fromkeys(keys, 20)
    # Slices of 400 cm2 are only counted by their components and holes.
    huge = wall_statistics(kinds, (1.0, 15.0, 12.5), [item.key for item in measurements()])
    assert (huge["slices"], huge["fragmented_slices"], huge["porous_slices"]) == (5, 1, 1)
    assert (huge["ring_slices"], huge["open_slices"], huge["disc_slices"]) == (0, 0, 0)


@pytest.mark.parametrize("density", [0.1, 0.5])
def test_a_large_ragged_segment_takes_a_few_seconds_at_most(density: float) -> None:
    from RNCARefineLib.mrml.statistics_plugin import measurements, wall_statistics

    mask = np.random.default_rng(0).random((50, 400, 400)) < density
    started = time.process_time()
    wall_statistics(mask, (8.0, 1.0, 1.0), [item.key for item in measurements()])
    assert time.process_time() - started < 3


def test_false_walls_on_other_organs_are_no_gap() -> None:
    from RNCARefineLib.mrml.sample_data import load

    volume, segmentation = load()
    found = row(statistics(segmentation, volume), "myocardium")
    assert (found["slices"], found["expected_ring_slices"], found["ring_slices"]) == (9, 9, 0)
    assert 20 < found["largest_gap_deg"] < 60
    assert 5 < found["largest_gap_mm"] < 20


def test_rings_and_expected_rings_equal_a_check_without_pool(module: Any, heart: Heart) -> None:
    stack = module.RNCARefineLogic().check(heart.segmentation, "myo", heart.volume).stack
    found = row(statistics(heart.segmentation), "myo")
    assert (found["ring_slices"], found["expected_ring_slices"]) == (stack.closed_before, stack.expected_rings)
    assert [found["b0_3d"], found["b1_3d"]] == [stack.b0_3d_before, stack.b1_3d_before]
    assert round(found["mass_g"], 2) == stack.lv_mass_before_g


# The grid


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_volume_that_was_segmented_changes_nothing(geometry: str) -> None:
    heart = draw_heart(geometry)
    alone, on_volume = statistics(heart.segmentation), statistics(heart.segmentation, heart.volume)
    for segment_id in heart.masks:
        assert row(on_volume, segment_id) == pytest.approx(row(alone, segment_id), rel=1e-6)


def test_the_slices_are_those_of_the_chosen_volume(heart: Heart) -> None:
    # The same wall in a label map whose first axis runs from slice to slice.
    matrix = np.eye(4)
    matrix[:3, 3] = (12.3, -45.6, 78.9)
    matrix[:3, :3] = GEOMETRIES["oblique"][:, ::-1]
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.GetSegmentation().AddEmptySegment("myo")
    write_voxels(segmentation, "myo", np.ascontiguousarray(heart.masks["myo"].transpose(2, 1, 0)), matrix)
    assert row(statistics(segmentation), "myo")["slices"] == 22  # columns: 19 of the wall, 3 of the piece
    expected = row(statistics(heart.segmentation), "myo")
    assert row(statistics(segmentation, heart.volume), "myo") == pytest.approx(expected, rel=1e-6)


def test_voxels_outside_the_chosen_volume_are_left_out(heart: Heart) -> None:
    upper = slicer.util.arrayFromVolume(heart.volume)[:3].copy()
    slicer.util.updateVolumeFromArray(heart.volume, upper)
    found = row(statistics(heart.segmentation, heart.volume), "myo")
    assert (found["slices"], found["ring_slices"], found["open_slices"]) == (3, 2, 1)


def test_a_transform_of_both_changes_nothing(heart: Heart) -> None:
    before = row(statistics(heart.segmentation, heart.volume), "myo")
    matrix = np.eye(4)
    matrix[:3, :3] = GEOMETRIES["oblique"] / np.linalg.norm(GEOMETRIES["oblique"], axis=0)
    matrix[:3, 3] = (30, -20, 10)
    node = transform_node(matrix)
    for moved in (heart.segmentation, heart.volume):
        moved.SetAndObserveTransformNodeID(node.GetID())
    for volume in (None, heart.volume):
        assert row(statistics(heart.segmentation, volume), "myo") == pytest.approx(before, rel=1e-6)


def test_a_volume_without_voxels_is_ignored(heart: Heart) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert row(statistics(heart.segmentation, empty), "myo") == row(statistics(heart.segmentation), "myo")


# Slicer's table


def test_nothing_is_computed_until_the_plug_in_is_enabled(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    from RNCARefineLib.mrml import statistics_plugin

    logic = SegmentStatisticsLogic()
    logic.getParameterNode().SetParameter("Segmentation", heart.segmentation.GetID())
    logic.plugins[0].requestDefault()
    monkeypatch.setattr(statistics_plugin, "segment_voxels", None)
    logic.computeStatistics()
    assert columns(logic) == ["Segment"]


def test_the_plug_in_stays_on_once_it_was_chosen(heart: Heart) -> None:
    parameters = SegmentStatisticsLogic().getParameterNode()
    parameters.SetParameter(f"{PLUGIN}.enabled", "True")
    for plugin in SegmentStatisticsLogic().plugins:
        plugin.setParameterNode(parameters)
        plugin.requestDefault()
        assert plugin.pluginCheckbox.checked
    assert parameters.GetParameter(f"{PLUGIN}.enabled") == "True"


def test_the_table_has_the_default_columns_and_a_row_per_segment(heart: Heart) -> None:
    logic = SegmentStatisticsLogic()
    logic.getParameterNode().SetParameter("Segmentation", heart.segmentation.GetID())
    logic.plugins[0].pluginCheckbox.checked = True
    logic.computeStatistics()
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    logic.exportToTable(table)
    assert [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())] == ["Segment", *DEFAULT]
    assert table.GetNumberOfRows() == len(heart.masks)


@pytest.mark.parametrize(("key", "name"), [("ring_slices", "Ring slices"), ("b1_3d", "b1 3D")])
def test_a_measurement_that_is_switched_off_has_no_column(heart: Heart, key: str, name: str) -> None:
    found = columns(statistics(heart.segmentation, **{key: False}))
    assert name not in found
    assert set(found) == {"Segment", *DEFAULT, *OPTIONAL} - {name}


def test_with_no_measurement_requested_nothing_is_computed(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    from RNCARefineLib.mrml import statistics_plugin

    logic = statistics(heart.segmentation)
    logic.plugins[0].requestNone()
    monkeypatch.setattr(statistics_plugin, "segment_voxels", None)
    logic.computeStatistics()
    assert columns(logic) == ["Segment"]


def test_each_measurement_has_a_check_box(heart: Heart) -> None:
    logic = SegmentStatisticsLogic()
    logic.getParameterNode().SetParameter("Segmentation", heart.segmentation.GetID())
    logic.plugins[0].pluginCheckbox.checked = True
    boxes = logic.plugins[0].requestedKeysCheckboxes
    assert {box.text for box in boxes.values()} == {*DEFAULT, *OPTIONAL}
    assert {box.text for box in boxes.values() if box.checked} == set(DEFAULT)
    boxes["b0_3d"].checked = True
    boxes["slices"].checked = False
    logic.computeStatistics()
    assert set(columns(logic)) == {"Segment", "b0 3D", *DEFAULT} - {"Slices"}


def test_an_empty_segment_has_a_row_of_zeros_and_no_gap(heart: Heart) -> None:
    heart.segmentation.GetSegmentation().AddEmptySegment("nothing")
    logic = statistics(heart.segmentation)
    found = row(logic, "nothing")
    assert "largest_gap_deg" not in found
    assert set(found.values()) == {0}
    assert len(found) == len(DEFAULT) + len(OPTIONAL) - 2
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    logic.exportToTable(table)  # raises where a whole number is missing
    assert math.isnan(table.GetTable().GetColumnByName("Largest gap deg").GetValue(4))


def test_a_segmentation_without_any_voxel_is_measured_too() -> None:
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.GetSegmentation().AddEmptySegment("nothing")
    found = row(statistics(segmentation), "nothing")
    assert set(found.values()) == {0}


def test_numbers_have_python_types(heart: Heart) -> None:
    # NumPy's whole numbers are text to Slicer's table.
    found = row(statistics(heart.segmentation), "myo")
    decimal = {"largest_gap_deg", "largest_gap_mm", "mass_g"}
    for key, value in found.items():
        assert type(value) is (float if key in decimal else int), key


def test_a_segmentation_without_label_maps_has_no_columns(heart: Heart) -> None:
    heart.segmentation.CreateClosedSurfaceRepresentation()
    heart.segmentation.SetSourceRepresentationToClosedSurface()
    heart.segmentation.GetSegmentation().RemoveRepresentation("Binary labelmap")
    assert columns(statistics(heart.segmentation)) == ["Segment"]


def test_nothing_in_the_scene_is_changed(heart: Heart) -> None:
    logic = statistics(heart.segmentation, heart.volume)
    segmentation = heart.segmentation.GetSegmentation()
    watched = [heart.volume, heart.segmentation, segmentation, heart.segmentation.GetDisplayNode()]
    watched += [segmentation.GetSegment(segment_id) for segment_id in segmentation.GetSegmentIDs()]
    watched += [segment.GetRepresentation("Binary labelmap") for segment in watched[4:]]
    before = node_census(), [item.GetMTime() for item in watched]
    logic.computeStatistics()
    assert (node_census(), [item.GetMTime() for item in watched]) == before


def test_every_measurement_has_a_description(heart: Heart) -> None:
    (plugin,) = SegmentStatisticsLogic().plugins
    infos = [plugin.getMeasurementInfo(key) for key in plugin.keys]
    assert len({info["name"] for info in infos}) == len(infos)
    for info in infos:
        assert info["description"].endswith(".")
        assert "{" not in info["description"]
        assert info["title"]
        assert "CodingSchemeDesignator:UCUM" in info["DICOM.UnitsCode"]
        assert info["units"] == (info["name"].split()[-1] if info["name"].endswith((" g", " deg", " mm")) else "")
    coded = {info["name"] for info in infos if "DICOM.QuantityCode" in info}
    assert coded == {"Largest gap deg", "Largest gap mm", "Myocardial mass g"}
    assert plugin.getMeasurementInfo("voxel_count") is None


def test_any_segment_at_all_is_measured_and_its_slices_add_up(heart: Heart) -> None:
    random = np.random.default_rng(7)
    shapes = []
    for density in (0.001, 0.01, 0.1, 0.5, 0.9, 1.0):
        shapes += [(random.random(heart.ring.shape) < density)[None] for _ in range(5)]
    line, dot = np.zeros((2, 5, *heart.ring.shape), bool)
    line[:, 3, :], dot[2, 0, 0] = True, True
    everything = [np.concatenate(shapes[at : at + 5]) for at in range(0, len(shapes), 5)] + [line, dot]
    for number, mask in enumerate(everything):
        add_segment(heart.segmentation, f"odd {number}", mask.astype(np.uint8), heart.volume)
    logic = statistics(heart.segmentation)
    for number, mask in enumerate(everything):
        found = row(logic, f"odd {number}")
        assert found["slices"] == mask.any(axis=(1, 2)).sum()
        assert sum(found[key] for key in FINDINGS) == found["slices"], number
    columns(logic)
