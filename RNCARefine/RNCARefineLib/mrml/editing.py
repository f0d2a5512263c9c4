"""Nodes of the Segment Editor effect: read the editor's selection, propose a wall, and write it.

Masking, editable intensity range, overwrite mode and undo steps are those of Segment Editor. The proposal is therefore
written through the effect, as label maps of voxels to add and to remove.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from rncarefine.nca.model import Model
from rncarefine.progress import Progress
from rncarefine.refine.records import SliceRecord
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.result import Repaired
from rncarefine.stack import Mask
from rncarefine.words import Verdict

from . import orientation as engine
from .nodes.guards import Selection
from .nodes.reader import Reading, read
from .nodes.segments import read_segments
from .nodes.volume_grid import VolumeGrid
from .review.kept import anatomy
from .review.views import slice_shown


@dataclass(frozen=True, eq=False)
class Request:
    """A request to the effect.

    Attributes:
        selection: The segment, its volume, and the pool if one was given.
        options: How to repair.
        k: The only slice that may change; ``None`` for the whole segment.
    """

    selection: Selection
    options: RepairOptions
    k: int | None = None


@dataclass(frozen=True, eq=False)
class Proposal:
    """A proposed wall, to preview and to accept.

    Attributes:
        request: The request.
        reading: The input data.
        repaired: The engine's result for the whole stack.
    """

    request: Request
    reading: Reading
    repaired: Repaired

    @property
    def records(self) -> list[SliceRecord]:
        """The records of the requested slices."""
        k = self.request.k
        return [record for record in self.repaired.report.slices if k is None or record.k == k]

    @property
    def changed(self) -> list[int]:
        """The slices whose wall the proposal changes."""
        return _slices(self.repaired.added | self.repaired.removed)

    @property
    def trimmed(self) -> list[int]:
        """The slices in which blood pool outside the ring is removed."""
        return _slices(self.repaired.trimmed)

    @property
    def refused(self) -> list[SliceRecord]:
        """The refused slices, which need a manual repair."""
        return [record for record in self.records if record.verdict is Verdict.REFUSED]

    @property
    def doubtful(self) -> list[SliceRecord]:
        """The flagged slices that were not refused: a doubtful repair, or a closed wall that the image contradicts."""
        return [record for record in self.records if record.flagged and record.verdict is not Verdict.REFUSED]

    def is_current(self, request: Request) -> bool:
        """Whether the same proposal would be made for ``request`` now: same nodes, options and voxels."""
        return self.asks_the_same(request) and self.reading.same_voxels(read(request.selection))

    def asks_the_same(self, request: Request) -> bool:
        """Whether nodes, segments, slice and options, including the model, are the same."""
        mine, its = self.request.selection, request.selection
        return (
            (mine.segmentation_node, mine.volume_node) == (its.segmentation_node, its.volume_node)
            and (mine.segment_id, mine.pool_id) == (its.segment_id, its.pool_id)
            and (self.request.options, self.request.k) == (request.options, request.k)
        )


def selection_of(editor_node: slicer.vtkMRMLSegmentEditorNode, pool_id: str | None = None) -> Selection:
    """Return what is selected in Segment Editor.

    Args:
        editor_node: Has the segmentation, the source volume and the segment.
        pool_id: The blood pool selected in the effect.

    Raises:
        ValueError: The selection is incomplete or invalid; the message states the remedy.
    """
    segmentation_node, volume_node = editor_node.GetSegmentationNode(), editor_node.GetSourceVolumeNode()
    segment_id = editor_node.GetSelectedSegmentID()
    if segmentation_node is None:
        raise ValueError("No segmentation is selected. Select one at the top of Segment Editor.")
    if volume_node is None:
        raise ValueError("No source volume is selected. Select the short-axis image at the top of Segment Editor.")
    if not segment_id:
        raise ValueError("No segment is selected. Select the myocardium in the table of Segment Editor.")
    return Selection.create(segmentation_node, segment_id, volume_node, pool_id)


def possible_pools(editor_node: slicer.vtkMRMLSegmentEditorNode) -> list[tuple[str, str]]:
    """Return ID and name of each segment that may be the blood pool: all but the selected one and review segments."""
    selected = editor_node.GetSelectedSegmentID()
    return [(key, name) for key, name in anatomy(editor_node.GetSegmentationNode()) if key != selected]


def slices_shown(editor_node: slicer.vtkMRMLSegmentEditorNode) -> list[tuple[int, str]]:
    """Return the slice of the source volume and the view's name for each visible view that shows a single slice."""
    volume_node = editor_node.GetSourceVolumeNode()
    if volume_node is None or volume_node.GetImageData() is None:
        return []
    views = [view for view in slicer.util.getNodesByClass("vtkMRMLSliceNode") if view.IsViewVisibleInLayout()]
    shown = [(slice_shown(view, volume_node), view.GetLayoutName()) for view in views]
    return [(k, name) for k, name in shown if k is not None]


def compute_proposal(request: Request, model: Model, progress: Progress | None = None) -> Proposal:
    """Compute a wall; nothing is changed.

    The whole stack is examined even for one slice, to find the apex; a wall is computed for that slice only.

    Args:
        request: The request.
        model: The weights.
        progress: Called with the progress; may cancel.

    Raises:
        ValueError: The nodes cannot be read, or the slice is not in the stack.
        Cancelled: ``progress`` returned ``False``.
    """
    reading = read(request.selection)
    stack = reading.stack
    if request.k is not None and not 0 <= request.k < len(stack.mask):
        raise ValueError(f"Volume {stack.name!r} has no slice {request.k}; its slices are 0 to {len(stack.mask) - 1}.")
    only = None if request.k is None else {request.k}
    repaired = engine.repair(reading, model, request.options, progress, only)
    return Proposal(request, reading, repaired)


def write(proposal: Proposal, effect: Any, *, keep_neighbours: bool) -> None:
    """Write a proposal into the segment that is selected in Segment Editor, as one undo step.

    Voxels excluded by masking or the editable intensity range do not change. The blood pool of the request loses the
    voxels that the wall has taken, and those to trim in slices whose wall could be written completely.

    Args:
        proposal: A current proposal with changes.
        effect: The ``qSlicerSegmentEditorScriptedEffect``.
        keep_neighbours: Do not change other segments, whatever the overwrite mode; the wall may overlap them.

    Raises:
        ValueError: The voxels do not fit the editor's geometry; nothing was changed.
    """
    selection, grid, repaired = proposal.request.selection, proposal.reading.grid, proposal.repaired
    node, modes = selection.segmentation_node, slicer.qSlicerSegmentEditorAbstractEffect
    geometry = _editor_geometry(selection, grid, effect)
    added, removed = (_placed(mask, grid, geometry, selection) for mask in (repaired.added, repaired.removed))
    _exclude_masked(removed, selection, effect)
    effect.saveStateForUndo()
    if _has_voxels(added):
        with _overwrite_disabled(effect.parameterSetNode(), keep_neighbours):
            effect.modifySegmentByLabelmap(node, selection.segment_id, added, modes.ModificationModeAdd)
    if _has_voxels(removed):
        effect.modifySegmentByLabelmap(node, selection.segment_id, removed, modes.ModificationModeRemove)
    if selection.pool_id is not None:
        wall, pool = wall_now(proposal), read_segments(node, [selection.pool_id], grid)
        complete = (wall == repaired.wall).all(axis=(1, 2), keepdims=True)
        taken = _placed(repaired.added & wall & pool, grid, geometry, selection)
        trimmed = _placed(repaired.trimmed * complete & pool, grid, geometry, selection)
        _exclude_masked(trimmed, selection, effect)
        for image in filter(_has_voxels, (taken, trimmed)):
            effect.modifySegmentByLabelmap(node, selection.pool_id, image, modes.ModificationModeRemove)


def wall_now(proposal: Proposal) -> Mask:
    """Return the present voxels of the proposal's segment, shape of the stack."""
    selection = proposal.request.selection
    return read_segments(selection.segmentation_node, [selection.segment_id], proposal.reading.grid)


def untrimmed(proposal: Proposal) -> list[int]:
    """Return the slices that still have blood pool to trim."""
    selection = proposal.request.selection
    if not proposal.trimmed or selection.pool_id is None:
        return []
    pool = read_segments(selection.segmentation_node, [selection.pool_id], proposal.reading.grid)
    return _slices(pool & proposal.repaired.trimmed)


def held_back(proposal: Proposal) -> list[int]:
    """Return the slices that are still broken because masking excluded part of the proposal."""
    now = wall_now(proposal)
    short = [k for k in proposal.changed if not np.array_equal(now[k], proposal.repaired.wall[k])]
    if not short or not now.any():
        return short
    selection, reading = proposal.request.selection, proposal.reading
    node = selection.segmentation_node
    pool = read_segments(node, [selection.pool_id], reading.grid) if selection.pool_id else None
    present = replace(reading, stack=replace(reading.stack, mask=now, pool=pool))
    report = engine.check(present, proposal.request.options)
    broken = {record.k for record in report.slices if record.verdict is Verdict.TO_REPAIR}
    return [k for k in short if k in broken]


def _editor_geometry(selection: Selection, grid: VolumeGrid, effect: Any) -> slicer.vtkOrientedImageData:
    """Return the image with the geometry in which Segment Editor edits."""
    geometry = effect.defaultModifierLabelmap()
    if geometry is None or not grid.holds(geometry):
        raise ValueError(
            f"Segment Editor edits segmentation {selection.segmentation_node.GetName()!r} on another voxel grid than "
            f"that of volume {selection.volume_node.GetName()!r}. Set the geometry of the segmentation to this volume, "
            "with the button next to the source volume."
        )
    return geometry


def _placed(mask: Mask, grid: VolumeGrid, geometry: Any, selection: Selection) -> slicer.vtkOrientedImageData:
    """Return a mask as a label map in Segment Editor's geometry, which may have other axes and another extent."""
    image = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(grid.image(mask), geometry, image)
    if int(_voxels(image).sum()) != int(mask.sum()):
        slices = ", ".join(str(k) for k in _slices(mask))
        raise ValueError(
            f"The repair of slices {slices} reaches beyond the geometry of segmentation "
            f"{selection.segmentation_node.GetName()!r}, outside of which Segment Editor cannot write. Set the "
            f"geometry of the segmentation to volume {selection.volume_node.GetName()!r}, with the button next to "
            "the source volume."
        )
    return image


def _exclude_masked(removed: slicer.vtkOrientedImageData, selection: Selection, effect: Any) -> None:
    """Exclude voxels outside the editable area and intensity range from those to remove, in place.

    Segment Editor does so itself except in one mode: inside a single segment it erases everywhere, whatever the
    intensities, and assigns the voxels to that segment.
    """
    editor_node = effect.parameterSetNode()
    by_intensity = editor_node.GetSourceVolumeIntensityMask()
    masked = slicer.vtkOrientedImageData()
    selection.segmentation_node.GenerateEditMask(
        masked,
        editor_node.GetMaskMode(),
        removed,
        selection.segment_id,
        editor_node.GetMaskSegmentID() or "",
        effect.sourceVolumeImageData() if by_intensity else None,
        editor_node.GetSourceVolumeIntensityMaskRange() if by_intensity else None,
    )
    slicer.vtkOrientedImageDataResample.ApplyImageMask(removed, masked, 0, True)


@contextmanager
def _overwrite_disabled(editor_node: Any, wanted: bool) -> Iterator[None]:
    """Let new voxels overlap other segments inside the block if ``wanted``; the overwrite mode is restored."""
    if not wanted:
        yield
        return
    mode = editor_node.GetOverwriteMode()
    was_modifying = editor_node.StartModify()
    editor_node.SetOverwriteMode(editor_node.OverwriteNone)
    try:
        yield
    finally:
        editor_node.SetOverwriteMode(mode)
        editor_node.EndModify(was_modifying)


def _slices(mask: Mask) -> list[int]:
    """Return the slices in which a mask has voxels."""
    return [int(k) for k in np.flatnonzero(mask.any(axis=(1, 2)))]


def _has_voxels(image: slicer.vtkOrientedImageData) -> bool:
    return bool(_voxels(image).any())


def _voxels(image: vtk.vtkImageData) -> Mask:
    """Return the values of a label map, without its shape."""
    return np.asarray(vtk_to_numpy(image.GetPointData().GetScalars()))
