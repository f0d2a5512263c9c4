"""Slice views: the slice of a stack that a view shows, and moving all views to a slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from rncarefine.stack import Mask

from ..nodes.volume_grid import VolumeGrid

_MAX_DRIFT = 0.5
"""Largest distance, in slices, of a view's plane from the slice at the corners of the image."""


def show_slice(
    volume_node: slicer.vtkMRMLScalarVolumeNode, k: int, mask_of_slice: Mask | None = None
) -> tuple[float, float, float]:
    """Move every slice view of the scene to slice ``k`` of a volume.

    Most stacks are oblique: if no view is parallel to the slices, the views are rotated (:func:`align_views`).
    Otherwise they keep their planes.

    Args:
        volume_node: The volume, under any transform.
        k: The slice.
        mask_of_slice: Mask to centre on, shape ``(j, i)``, such as the wall; the centre of the image if empty or
            not given.

    Returns:
        The point in mm (RAS, world) at the centre of all views.

    Raises:
        ValueError: The volume has no such slice.
    """
    slices, rows, columns = VolumeGrid.of_volume(volume_node).shape
    if not 0 <= k < slices:
        raise ValueError(f"Volume {volume_node.GetName()!r} has no slice {k}; its slices are 0 to {slices - 1}.")
    j, i = (rows - 1) / 2, (columns - 1) / 2
    if mask_of_slice is not None and mask_of_slice.any():
        j, i = (float(index.mean()) for index in np.nonzero(mask_of_slice))
    point = _to_world(volume_node, (i, j, float(k)))
    if _in_no_plane(volume_node):
        align_views(volume_node)
    slice_node = slicer.vtkMRMLSliceNode
    slice_node.JumpAllSlices(slicer.mrmlScene, *point, slice_node.CenteredJumpSlice)
    return point


def show_place(volume_node: slicer.vtkMRMLScalarVolumeNode, row: int, column: int) -> tuple[float, float, float]:
    """Centre every slice view of the scene on a pixel of a volume of one slice.

    Args:
        volume_node: The volume, under any transform.
        row: Of the pixel.
        column: Of the pixel.

    Returns:
        The point in mm (RAS, world) at the centre of all views.
    """
    mask = np.zeros(VolumeGrid.of_volume(volume_node).shape[1:], np.uint8)
    mask[row, column] = 1
    return show_slice(volume_node, 0, mask)


def slice_shown(slice_node: slicer.vtkMRMLSliceNode, volume_node: slicer.vtkMRMLScalarVolumeNode) -> int | None:
    """Return the slice of a volume that a view shows.

    Returns:
        ``None`` if the view is not parallel to the slices, so that it would show several, if it lies outside the
        volume, or if the volume is under a transform that is not linear.
    """
    to_world = _matrix_to_world(volume_node)
    if to_world is None:
        return None
    middle = slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())[:, 3]
    k = round(float(np.linalg.inv(to_world)[2] @ middle))
    inside = 0 <= k < VolumeGrid.of_volume(volume_node).shape[0]
    return k if inside and _drift(slice_node, volume_node, to_world) < _MAX_DRIFT else None


def align_views(volume_node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Rotate every slice view to the nearest plane of a volume, at least one of them to the plane of its slices.

    The views keep their centre.

    Raises:
        ValueError: The volume is under a non-linear transform, so its slices are not planes.
    """
    to_world = _matrix_to_world(volume_node)
    if to_world is None:
        raise ValueError(
            f"Volume {volume_node.GetName()!r} is under a non-linear transform, so its slices are not planes. Remove "
            "the transform."
        )
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        view.RotateToVolumePlane(volume_node)
    # All views may have found another plane.
    if _in_no_plane(volume_node):
        nearest = min(_seen(), key=lambda view: _drift(view, volume_node, to_world))
        nearest.RotateToAxes(slicer.util.vtkMatrixFromArray(to_world), 2)


def _seen() -> list[slicer.vtkMRMLSliceNode]:
    """Return the visible slice views, or all if none is visible."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return [view for view in views if view.IsViewVisibleInLayout()] or views


def _in_no_plane(volume_node: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Return whether there are slice views but none is parallel to the slices of a volume."""
    to_world, views = _matrix_to_world(volume_node), _seen()
    if to_world is None or not views:
        return False
    return min(_drift(view, volume_node, to_world) for view in views) >= _MAX_DRIFT


def _drift(view: slicer.vtkMRMLSliceNode, volume_node: Any, to_world: NDArray[np.float64]) -> float:
    """Return the distance, in slices, of a view's plane from the slice at the corners of the image."""
    _, rows, columns = VolumeGrid.of_volume(volume_node).shape
    reach = float(np.linalg.norm(np.linalg.norm(to_world[:3, :2], axis=0) * (columns, rows))) / 2
    plane = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, :2]
    return float(np.linalg.norm(np.linalg.inv(to_world)[2, :3] @ plane)) * reach


def _to_world(volume_node: Any, ijk: tuple[float, float, float]) -> tuple[float, float, float]:
    local = VolumeGrid.of_volume(volume_node).ijk_to_ras @ [*ijk, 1.0]
    world = [0.0, 0.0, 0.0]
    volume_node.TransformPointToWorld(local[:3], world)
    return world[0], world[1], world[2]


def _matrix_to_world(volume_node: slicer.vtkMRMLScalarVolumeNode) -> NDArray[np.float64] | None:
    """Return the matrix from (i, j, k, 1) to mm in the world; ``None`` under a non-linear transform."""
    matrix = VolumeGrid.of_volume(volume_node).ijk_to_ras
    transform = volume_node.GetParentTransformNode()
    if transform is None:
        return matrix
    if not transform.IsTransformToWorldLinear():
        return None
    to_world = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(to_world)
    world: NDArray[np.float64] = slicer.util.arrayFromVTKMatrix(to_world) @ matrix
    return world
