"""A drawn heart in the scene: a volume, and a segmentation whose wall is broken in a known way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from scipy import ndimage
from vtk.util.numpy_support import vtk_to_numpy

Mask = NDArray[np.uint8]

SHAPE = (5, 40, 48)
CENTRE = (20.0, 24.0)
"""Row and column of the heart's centre, in pixels."""
INNER, OUTER = 6.0, 10.0
"""Radii of the wall in pixels: inner <= distance < outer."""
GAP, SPECK = 2, 3
"""The slice with a gap in the wall, and the slice with a loose piece; the others are closed rings."""

_OBLIQUE = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
GEOMETRIES = {
    "axis-aligned": np.diag([-1.25, -1.25, 8.0]),
    "oblique": _OBLIQUE @ np.diag([1.4, 1.25, 8.0]),
    "mirrored": _OBLIQUE @ np.diag([1.4, 1.25, -8.0]),
    "sheared": _OBLIQUE @ np.array([[1.4, 0.2, 0.0], [0.0, 1.25, 0.0], [0.0, 0.0, 8.0]]),
}
"""Directions times spacing, 3 x 3, from (i, j, k) to mm in RAS."""


@dataclass
class Heart:
    """Nodes in the scene, and what was drawn into them.

    Attributes:
        volume: 5 slices of 40 x 48 pixels, the cavity brighter than the wall.
        segmentation: Segments ``myo`` (broken), ``pool`` (fills the gap of the wall) and ``rv`` (next to the wall) in
            one layer, and ``scar``, which overlaps all three, in a layer of its own.
        masks: The voxels of each segment, shape (k, j, i).
        ring: The wall as it should be in every slice, shape (j, i).
    """

    volume: Any
    segmentation: Any
    masks: dict[str, Mask]
    ring: Mask

    def voxels(self, segment_id: str, node: Any = None) -> Mask:
        """Return the voxels of a segment of ``node``, by default the input, on the volume's grid."""
        return segment_voxels(node or self.segmentation, segment_id, self.volume)


def draw_heart(geometry: str = "oblique", origin: tuple[float, float, float] = (12.3, -45.6, 78.9)) -> Heart:
    masks, ring = _masks()
    image = 40.0 + 50.0 * ring + 100.0 * (_distance() < INNER) + np.random.default_rng(1).normal(0, 3, SHAPE)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Cine")
    slicer.util.updateVolumeFromArray(volume, image.astype(np.int16))
    matrix = np.eye(4)
    matrix[:3, :3] = GEOMETRIES[geometry]
    matrix[:3, 3] = origin
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Heart")
    segmentation.CreateDefaultDisplayNodes()
    colours = {"myo": (0.8, 0.4, 0.3), "pool": (0.9, 0.8, 0.2), "rv": (0.2, 0.4, 0.9), "scar": (0.7, 0.1, 0.7)}
    for segment_id, colour in colours.items():
        add_segment(segmentation, segment_id, masks[segment_id], volume, colour)
    segmentation.GetSegmentation().GetSegment("myo").SetTag("Site.Reader", "reader 2")
    return Heart(volume, segmentation, masks, ring)


def add_segment(
    segmentation_node: Any,
    segment_id: str,
    mask: Mask,
    volume_node: Any,
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> None:
    """Add a segment with the voxels of ``mask``, which lies on the volume's grid."""
    segmentation_node.GetSegmentation().AddEmptySegment(segment_id, f"The {segment_id}", colour)
    write_voxels(segmentation_node, segment_id, mask, _ijk_to_ras(volume_node))


def write_voxels(
    segmentation_node: Any, segment_id: str, mask: Mask, ijk_to_ras: NDArray[np.float64], *, own_layer: bool = False
) -> None:
    """Replace the voxels of a segment.

    Args:
        segmentation_node: The segmentation.
        segment_id: An existing segment.
        mask: Its voxels, shape (k, j, i).
        ijk_to_ras: Where the first voxel of the mask lies, and the others.
        own_layer: Move it to a layer of its own first; without, Slicer resamples its whole layer to the mask's grid.
    """
    if own_layer:
        segmentation_node.GetSegmentation().SeparateSegmentLabelmap(segment_id)
    image = slicer.vtkOrientedImageData()
    k, j, i = mask.shape
    image.SetExtent(0, i - 1, 0, j - 1, 0, k - 1)
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.ravel()
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(image, segmentation_node, segment_id, logic.MODE_REPLACE)


def segment_voxels(segmentation_node: Any, segment_id: str, volume_node: Any) -> Mask:
    """Return the voxels of a segment by looking up each voxel of the volume in the segment's own label map.

    Neither the code under test nor Slicer's resampling has a part in it, so that it can judge both.
    """
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    labelmap = segment.GetRepresentation("Binary labelmap")
    k, j, i = slicer.util.arrayFromVolume(volume_node).shape[:3]
    result = np.zeros((k, j, i), np.uint8)
    if labelmap.IsEmpty():
        return result
    world = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(world)
    extent = labelmap.GetExtent()
    labels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(
        extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1
    )
    indices = np.stack([*reversed(np.meshgrid(range(k), range(j), range(i), indexing="ij")), np.ones((k, j, i))], -1)
    matrix = np.linalg.inv(slicer.util.arrayFromVTKMatrix(world)) @ _ijk_to_ras(volume_node)
    there = indices @ matrix.T
    nearest = np.rint(there[..., :3])
    assert np.abs(there[..., :3] - nearest).max() < 1e-3, "the label map lies on another lattice"
    nearest = nearest.astype(int) - np.array(extent[0::2])
    inside = ((nearest >= 0) & (nearest < labels.shape[::-1])).all(axis=-1)
    found = nearest[inside]
    result[inside] = labels[found[:, 2], found[:, 1], found[:, 0]] == segment.GetLabelValue()
    return result


def transform_node(matrix: NDArray[np.float64], name: str = "Transform") -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def node_census() -> dict[str, int]:
    """Return how many nodes of each class the scene has."""
    scene = slicer.mrmlScene
    census: dict[str, int] = {}
    for index in range(scene.GetNumberOfNodes()):
        name = scene.GetNthNode(index).GetClassName()
        census[name] = census.get(name, 0) + 1
    return census


def is_a_ring(wall: Mask) -> bool:
    """Whether a slice is one component with one hole, judged without the engine."""
    components = ndimage.label(wall, np.ones((3, 3)))[1]
    background = ndimage.label(np.pad(wall == 0, 1, constant_values=True))[1]
    return bool(components == 1 and background == 2)


def _ijk_to_ras(volume_node: Any) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return np.array(slicer.util.arrayFromVTKMatrix(matrix))


def _distance() -> NDArray[np.float64]:
    j, i = np.indices(SHAPE[1:])
    return np.hypot(j - CENTRE[0], i - CENTRE[1])


def _masks() -> tuple[dict[str, Mask], Mask]:
    distance = _distance()
    ring = ((distance >= INNER) & (distance < OUTER)).astype(np.uint8)
    myo = np.repeat(ring[None], SHAPE[0], axis=0)
    pool = np.repeat((distance < INNER).astype(np.uint8)[None], SHAPE[0], axis=0)
    gap = np.zeros(SHAPE[1:], np.uint8)
    gap[18:23, 24:] = ring[18:23, 24:]
    myo[GAP] -= gap
    pool[GAP] += gap
    myo[SPECK, 2:4, 3:6] = 1
    rv = np.zeros(SHAPE, np.uint8)
    rv[:, 12:28, 36:44] = 1
    scar = np.zeros(SHAPE, np.uint8)
    scar[1:4, 19:22, 14:40] = 1
    return {"myo": myo, "pool": pool, "rv": rv, "scar": scar}, ring
