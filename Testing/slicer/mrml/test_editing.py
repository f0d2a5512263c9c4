"""Writing a proposal by Segment Editor's rules, on the real ``vtkSlicerSegmentEditorLogic``, without any widget."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from harness.hearts import GAP, GEOMETRIES, SHAPE, SPECK, Heart, add_segment, draw_heart, transform_node, write_voxels
from harness.scripted_effect import ScriptedEffect
from harness.segment_editor import SegmentEditor, install_segment_editor
from rncarefine.progress import Cancelled
from rncarefine.refine.options import RepairOptions
from RNCARefineLib.mrml.editing import (
    Request,
    compute_proposal,
    held_back,
    possible_pools,
    selection_of,
    slices_shown,
    write,
)

pytestmark = pytest.mark.usefixtures("toy_engine")

NODE = slicer.vtkMRMLSegmentEditorNode
OVERWRITE = {"all": NODE.OverwriteAllSegments, "visible": NODE.OverwriteVisibleSegments, "none": NODE.OverwriteNone}
MASKS = {
    "everywhere": slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere,
    "inside this": slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment,
    "inside pool": slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment,
    "inside all": slicer.vtkMRMLSegmentationNode.EditAllowedInsideAllSegments,
    "inside visible": slicer.vtkMRMLSegmentationNode.EditAllowedInsideVisibleSegments,
    "outside all": slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments,
    "outside visible": slicer.vtkMRMLSegmentationNode.EditAllowedOutsideVisibleSegments,
}
HIDDEN = "scar"
INTENSITIES = (39.0, 90.0)
"""Intensities that about half of the gap and of the speck have."""


class Bench:
    """A heart in an editor, and an effect that writes into it."""

    def __init__(self, heart: Heart) -> None:
        install_segment_editor()
        self.heart = heart
        self.editor = SegmentEditor()
        self.editor.setSegmentationNode(heart.segmentation)
        self.editor.setSourceVolumeNode(heart.volume)
        self.editor.setCurrentSegmentID("myo")
        self.node = self.editor.mrmlSegmentEditorNode()
        self.effect = ScriptedEffect(None)
        self.effect.attach(self.editor)
        self.effect.setParameterSetNode(self.node)

    def propose(self, pool: str | None = None, k: int | None = None, **options: Any) -> Any:
        return compute_proposal(Request(selection_of(self.node, pool), RepairOptions(**options), k), None)

    def write(self, pool: str | None = None, k: int | None = None, keep_neighbours: bool = True) -> Any:
        proposal = self.propose(pool, k)
        write(proposal, self.effect, keep_neighbours=keep_neighbours)
        return proposal

    def voxels(self) -> dict[str, np.ndarray]:
        return {segment_id: self.heart.voxels(segment_id) for segment_id in self.heart.masks}

    def assert_voxels(self, **expected: np.ndarray) -> None:
        for segment_id, found in self.voxels().items():
            np.testing.assert_array_equal(found, expected.get(segment_id, self.heart.masks[segment_id]), segment_id)


@pytest.fixture
def bench(heart: Heart) -> Iterator[Bench]:
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(heart.volume)
    bench = Bench(heart)
    yield bench
    bench.editor.close()


def repair_of(heart: Heart) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxels that the repair adds and removes, from how the heart was drawn."""
    added, removed = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    added[GAP] = (heart.ring > 0) & (heart.masks["myo"][GAP] == 0)
    removed[SPECK] = (heart.masks["myo"][SPECK] > 0) & (heart.ring == 0)
    assert added.sum() == 20
    assert removed.sum() == 6
    return added, removed


def editable(heart: Heart, mask: str, with_intensities: bool) -> np.ndarray:
    """Return the editable area, by the words of Segment Editor's menu."""
    drawn = {segment_id: voxels > 0 for segment_id, voxels in heart.masks.items()}
    others = [voxels for segment_id, voxels in drawn.items() if segment_id != "myo"]
    visible = [voxels for segment_id, voxels in drawn.items() if segment_id not in ("myo", HIDDEN)]
    area = {
        "everywhere": np.ones(SHAPE, bool),
        "inside this": drawn["myo"],
        "inside pool": drawn["pool"],
        "inside all": np.logical_or.reduce([drawn["myo"], *others]),
        "inside visible": np.logical_or.reduce([drawn["myo"], *visible]),
        "outside all": ~np.logical_or.reduce(others),
        "outside visible": ~np.logical_or.reduce(visible),
    }[mask]
    if with_intensities:
        image = slicer.util.arrayFromVolume(heart.volume)
        area = area & (image >= INTENSITIES[0]) & (image <= INTENSITIES[1])
    return area


@pytest.mark.parametrize(
    ("overwrite", "mask", "with_intensities", "pool", "keep"),
    list(product(OVERWRITE, MASKS, (False, True), (None, "pool"), (True, False))),
)
def test_allowed_voxels_are_written_and_one_undo_reverts_them(
    bench: Bench, overwrite: str, mask: str, with_intensities: bool, pool: str | None, keep: bool
) -> None:
    heart, node = bench.heart, bench.node
    heart.segmentation.GetDisplayNode().SetSegmentVisibility(HIDDEN, False)
    node.SetOverwriteMode(OVERWRITE[overwrite])
    node.SetMaskMode(MASKS[mask])
    node.SetMaskSegmentID({"inside this": "myo", "inside pool": "pool"}.get(mask, ""))
    node.SetSourceVolumeIntensityMask(with_intensities)
    node.SetSourceVolumeIntensityMaskRange(*INTENSITIES)

    area = editable(heart, mask, with_intensities)
    added, removed = (voxels & area for voxels in repair_of(heart))
    expected = {"myo": ((heart.masks["myo"] > 0) | added) & ~removed}
    overwritten = {"all": ["pool", "rv", "scar"], "visible": ["pool", "rv"], "none": []}[overwrite]
    for segment_id in ("pool", "rv", "scar"):
        gives = segment_id == pool or (not keep and segment_id in overwritten)
        expected[segment_id] = (heart.masks[segment_id] > 0) & ~(added & gives)

    bench.write(pool, keep_neighbours=keep)
    bench.assert_voxels(**expected)
    assert node.GetOverwriteMode() == OVERWRITE[overwrite]
    assert node.GetMaskMode() == MASKS[mask]

    bench.editor.undo()
    bench.assert_voxels()
    assert not bench.editor.logic.CanUndo()
    bench.editor.redo()
    bench.assert_voxels(**expected)


def test_intensities_separate_the_gap_from_the_speck(bench: Bench) -> None:
    inside = editable(bench.heart, "everywhere", with_intensities=True)
    for voxels in repair_of(bench.heart):
        assert 0 < (voxels & inside).sum() < voxels.sum()


def test_only_the_requested_slice_changes(bench: Bench) -> None:
    proposal = bench.write(k=SPECK)
    expected = bench.heart.masks["myo"].copy()
    expected[SPECK] = bench.heart.ring
    bench.assert_voxels(myo=expected)
    assert proposal.changed == [SPECK]
    assert [record.k for record in proposal.records] == [SPECK]


def test_a_slice_outside_the_stack_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(ValueError, match=r"'Cine'.*slice 5"):
        bench.propose(k=5)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("transformed", [False, True])
def test_the_wall_lands_where_it_belongs_in_any_geometry(geometry: str, transformed: bool) -> None:
    heart = draw_heart(geometry)
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(heart.volume)
    if transformed:
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = GEOMETRIES["oblique"] / 8, (5, -7, 11)
        transform = transform_node(matrix)
        for node in (heart.segmentation, heart.volume):
            node.SetAndObserveTransformNodeID(transform.GetID())
    bench = Bench(heart)
    bench.write("pool")
    added, _ = repair_of(heart)
    bench.assert_voxels(myo=np.repeat(heart.ring[None], SHAPE[0], axis=0), pool=(heart.masks["pool"] > 0) & ~added)
    bench.editor.close()


def volume_like(heart: Heart, axes: np.ndarray, first: tuple[int, int, int], size: tuple[int, int, int]) -> Any:
    """Add a volume placed by the indices (i, j, k) of the heart's: its axes (columns), first voxel and size."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, first
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Geometry")
    slicer.util.updateVolumeFromArray(volume, np.zeros(size[::-1], np.int16))
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(heart.volume))
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras @ matrix))
    return volume


def _ijk_to_ras(volume: Any) -> Any:
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


SAME = np.eye(3)
TURNED = np.array([[0, -1, 0], [1, 0, 0], [0, 0, -1]])
"""Columns of the new axes in old indices: i along j, j against i, k against k."""


@pytest.mark.parametrize(
    ("axes", "first", "size"),
    [
        (SAME, (-4, -3, -2), (60, 50, 9)),  # larger than the source volume
        (SAME, (6, 6, 1), (36, 30, 3)),  # smaller; the editor enlarges it to the segments
        (TURNED, (47, 0, 4), (40, 48, 5)),  # the same voxels along other axes
    ],
)
@pytest.mark.parametrize("with_intensities", [False, True])
def test_source_volume_and_reference_geometry_may_differ(
    heart: Heart, axes: np.ndarray, first: Any, size: Any, with_intensities: bool
) -> None:
    reference = volume_like(heart, axes, first, size)
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    bench = Bench(heart)
    bench.node.SetSourceVolumeIntensityMask(with_intensities)
    bench.node.SetSourceVolumeIntensityMaskRange(*INTENSITIES)
    area = editable(heart, "everywhere", with_intensities)
    added, removed = (voxels & area for voxels in repair_of(heart))
    bench.write("pool")
    bench.assert_voxels(myo=((heart.masks["myo"] > 0) | added) & ~removed, pool=(heart.masks["pool"] > 0) & ~added)
    bench.editor.undo()
    bench.assert_voxels()
    bench.editor.close()


def test_a_repair_beyond_the_editor_geometry_is_refused(heart: Heart) -> None:
    for segment_id in ("pool", "rv", "scar"):
        heart.segmentation.GetSegmentation().RemoveSegment(segment_id)
        del heart.masks[segment_id]
    heart.masks["myo"][:, :, 26:] = 0  # the repair must go where the editor does not reach
    heart.masks["myo"][0] = heart.masks["myo"][4] = 0
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(heart.volume))
    write_voxels(heart.segmentation, "myo", heart.masks["myo"], ijk_to_ras)
    narrow = volume_like(heart, SAME, (0, 0, 0), (26, 40, 5))
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(narrow)
    bench = Bench(heart)
    with pytest.raises(ValueError, match=r"slices 1, 2, 3.*'Heart'.*'Cine'"):
        bench.write()
    bench.assert_voxels()
    assert not bench.editor.logic.CanUndo()
    bench.editor.close()


def test_an_editor_on_another_voxel_grid_is_refused(heart: Heart) -> None:
    coarse = volume_like(heart, np.diag([2, 2, 1]), (0, 0, 0), (24, 20, 5))
    heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
    bench = Bench(heart)
    with pytest.raises(ValueError, match=r"'Heart'.*'Cine'.*geometry"):
        bench.write()
    bench.assert_voxels()
    bench.editor.close()


def test_only_slices_that_masking_keeps_open_are_reported(bench: Bench) -> None:
    bench.node.SetMaskMode(MASKS["outside all"])
    proposal = bench.write()
    # The gap lies in the pool; the speck is outside every other segment and could be removed.
    assert proposal.changed == [GAP, SPECK]
    assert held_back(proposal) == [GAP]


def test_a_slice_closed_despite_masking_is_not_reported(bench: Bench) -> None:
    allowed = np.ones(SHAPE, np.uint8)
    added, _ = repair_of(bench.heart)
    outermost = (GAP, 20, 33)
    assert added[outermost]
    allowed[outermost] = 0
    bench.heart.masks["allowed"] = allowed
    add_segment(bench.heart.segmentation, "allowed", allowed, bench.heart.volume)
    bench.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    bench.node.SetMaskSegmentID("allowed")
    proposal = bench.write()
    assert not bench.heart.voxels("myo")[outermost]
    assert held_back(proposal) == []


def test_a_proposal_is_current_until_nodes_options_or_voxels_change(bench: Bench) -> None:
    heart, selection = bench.heart, selection_of(bench.node, "pool")
    proposal = bench.propose("pool")

    def current(pool: str | None = "pool", k: int | None = None, **options: Any) -> bool:
        return proposal.is_current(Request(selection_of(bench.node, pool), RepairOptions(**options), k))

    assert current()
    assert not current(pool=None)
    assert not current(pool="rv")
    assert not current(k=GAP)
    assert not current(model="another")
    assert not current(add_only=True)
    bench.editor.setCurrentSegmentID("scar")
    assert not current()
    bench.editor.setCurrentSegmentID("myo")
    image = slicer.util.arrayFromVolume(heart.volume)
    image[0, 0, 0] += 1
    assert not current()
    image[0, 0, 0] -= 1
    assert current()
    write(proposal, bench.effect, keep_neighbours=True)
    assert not current()
    bench.editor.undo()
    assert proposal.is_current(Request(selection, RepairOptions()))


def test_a_proposal_is_outdated_when_both_nodes_have_moved(bench: Bench) -> None:
    proposal = bench.propose()
    assert proposal.is_current(proposal.request)
    transform = transform_node(np.diag([1.0, 2.0, 1.0, 1.0]))
    for node in (bench.heart.volume, bench.heart.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
        node.HardenTransform()
    assert not proposal.is_current(Request(selection_of(bench.node), RepairOptions()))


def test_cancelling_raises_and_leaves_no_trace(bench: Bench) -> None:
    with pytest.raises(Cancelled):
        compute_proposal(Request(selection_of(bench.node), RepairOptions()), None, lambda fraction, text: False)
    bench.assert_voxels()


def test_a_missing_selection_is_named(session: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    with pytest.raises(ValueError, match="No segmentation"):
        selection_of(node)
    heart = draw_heart()
    node.SetAndObserveSegmentationNode(heart.segmentation)
    with pytest.raises(ValueError, match="No source volume"):
        selection_of(node)
    node.SetAndObserveSourceVolumeNode(heart.volume)
    with pytest.raises(ValueError, match="No segment "):
        selection_of(node)
    node.SetSelectedSegmentID("myo")
    assert selection_of(node).segment_id == "myo"


def test_pools_exclude_the_selected_segment_and_review_segments(bench: Bench, module: Any, toy_engine: None) -> None:
    assert possible_pools(bench.node) == [("pool", "The pool"), ("rv", "The rv"), ("scar", "The scar")]
    module.RNCARefineLogic().process(bench.heart.segmentation, "myo", bench.heart.volume, inPlace=True)
    assert bench.heart.segmentation.GetSegmentation().GetNumberOfSegments() > 4
    assert [segment_id for segment_id, _ in possible_pools(bench.node)] == ["pool", "rv", "scar"]


def test_the_slice_is_that_of_a_visible_parallel_view(bench: Bench) -> None:
    views = {}
    for name in ("Red", "Green"):
        view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        view.SetLayoutName(name)
        view.SetMappedInLayout(True)
        views[name] = view
    assert slices_shown(bench.node) == []
    views["Green"].SetOrientation("Sagittal")  # of the three, the nearest to the stack's slices
    views["Green"].RotateToVolumePlane(bench.heart.volume)
    point = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(bench.heart.volume)) @ [20, 20, 3, 1]
    views["Green"].JumpSlice(*point[:3])
    assert slices_shown(bench.node) == [(3, "Green")]
    views["Green"].SetMappedInLayout(False)
    assert slices_shown(bench.node) == []
