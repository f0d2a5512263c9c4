"""Read nodes into a stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer

from rncarefine.anatomy.aha import handedness
from rncarefine.io.grid import is_reversed, spacing_fault, stack_turn
from rncarefine.io.segmentation_file import is_rival
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.stack import Mask, Stack, numbered

from ..review.kept import anatomy
from .guards import Selection
from .segments import labelmap_of, read_segments
from .volume_grid import VolumeGrid


@dataclass(frozen=True, eq=False)
class Reading:
    """Data read from the scene.

    Attributes:
        stack: Image, myocardium and pool on the volume's grid.
        others: The remaining segments that do not cover most of the wall, numbered from 1, or ``None``; the new wall is
            judged by its overlap with them.
        grid: The volume's grid.
        doubts: Warnings about the input.
    """

    stack: Stack
    others: Mask | None
    grid: VolumeGrid
    doubts: list[Reason]

    def same_voxels(self, other: Reading) -> bool:
        """Return whether another reading of the same nodes is equal."""
        mine, its = self.stack, other.stack
        same_pool = mine.pool is None or its.pool is None or np.array_equal(mine.pool, its.pool)
        same_grid = np.array_equal(self.grid.ijk_to_ras, other.grid.ijk_to_ras)
        same_stack = np.array_equal(mine.mask, its.mask) and np.array_equal(mine.image, its.image)
        if not (same_pool and same_grid and same_stack):
            return False
        # Empty segments do not matter.
        rest, its_rest = (np.uint8(0) if each.others is None else each.others for each in (self, other))
        return not np.any(rest != its_rest)


def read(selection: Selection) -> Reading:
    """Read the selected nodes without changing them.

    Args:
        selection: Checked nodes and segments.

    Raises:
        ValueError: The spacing is not that of a heart, the slices are not along k, the image is constant or not finite,
            or the myocardium has no voxel in it.
    """
    node, volume = selection.segmentation_node, selection.volume_node
    grid = VolumeGrid.of_volume(volume)
    if fault := spacing_fault(grid.spacing):
        raise ValueError(f"Volume {volume.GetName()!r} has {fault} Correct it in the module Volumes.")
    thick = stack_turn(grid.as_file_grid()).axes[2]
    if thick != 2:
        raise ValueError(_along_another_axis(volume.GetName(), thick, grid))
    mask = read_segments(node, selection.wall_ids, grid)
    segment = node.GetSegmentation().GetSegment(selection.segment_id)
    if not mask.any():
        raise ValueError(_nothing_there(selection, segment.GetName(), grid))
    k, j, i = (round(value, 6) for value in grid.spacing)  # as for files, against rounding in headers
    stack = Stack.create(
        image=slicer.util.arrayFromVolume(volume),
        mask=mask,
        spacing=(k, j, i),
        pool=read_segments(node, [selection.pool_id], grid) if selection.pool_id else None,
        name=volume.GetName(),
        reversed=is_reversed(grid.as_file_grid()),
        right_ventricle=read_segments(node, [selection.rv_id], grid) if selection.rv_id else None,
        right_handed=handedness(grid.ijk_to_ras),
    )
    rest = (read_segments(node, [segment_id], grid) for segment_id in _other_segments(selection))
    return Reading(
        stack=stack,
        others=numbered(other for other in rest if is_rival(other, mask)),
        grid=grid,
        doubts=_doubts(selection, grid),
    )


def _along_another_axis(name: str, axis: int, grid: VolumeGrid) -> str:
    """Return the error for slices along another axis, with the module that reorders the axes."""
    orientation = ("Sagittal", "Coronal", "Axial")[int(np.abs(grid.ijk_to_ras[:3, axis]).argmax())]
    return (
        f"The slices of volume {name!r} are stacked along the {('first', 'second')[axis]} axis of its voxels, the "
        "repair needs them along the third. Reorder the axes in the module Orient Scalar Volume (orientation "
        f"{orientation}), and choose its result as the volume; the segmentation can be kept."
    )


def _nothing_there(selection: Selection, name: str, grid: VolumeGrid) -> str:
    """Return the error for a segment without voxels in the volume."""
    node, volume = selection.segmentation_node, selection.volume_node
    which = f"Segment {name!r} of segmentation {node.GetName()!r}"
    # A layer may have the voxels of other segments only.
    if not any(_whole(selection, segment_id, grid).any() for segment_id in selection.wall_ids):
        return f"{which} is empty. Segment the myocardium first, or choose another segment."
    return (
        f"{which} and volume {volume.GetName()!r} do not overlap. Choose the volume it was drawn on, or move both to "
        "the same place."
    )


def _other_segments(selection: Selection) -> list[str]:
    """Return the segments that are neither selected nor review segments."""
    chosen = {*selection.wall_ids, selection.pool_id}
    return [segment_id for segment_id, _ in anatomy(selection.segmentation_node) if segment_id not in chosen]


def _doubts(selection: Selection, grid: VolumeGrid) -> list[Reason]:
    outside = 0
    for segment_id in selection.wall_ids:
        inside = read_segments(selection.segmentation_node, [segment_id], grid)
        outside += int(_whole(selection, segment_id, grid).sum()) - int(inside.sum())
    return [Reason(ReasonCode.OUTSIDE_VOLUME, voxels=outside)] if outside else []


def _whole(selection: Selection, segment_id: str, grid: VolumeGrid) -> Mask:
    """Return all voxels of a segment, also those outside the volume."""
    layer = labelmap_of(selection.segmentation_node, segment_id)
    return read_segments(selection.segmentation_node, [segment_id], grid if layer is None else grid.covering(layer))
