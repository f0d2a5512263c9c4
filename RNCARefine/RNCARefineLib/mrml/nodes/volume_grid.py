"""The voxel lattice of a volume: the geometry of arrays of shape (k, j, i)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from rncarefine.io.grid import Grid
from rncarefine.stack import Mask

Extent = tuple[int, int, int, int, int, int]
"""First and last index along i, j and k, in VTK's order."""

_LATTICE_TOLERANCE = 0.05
"""Tolerance in voxels. Geometry loaded from a file differs by about 1e-6."""


@dataclass(frozen=True, eq=False)
class VolumeGrid:
    """A box of voxels on the lattice of a volume.

    Attributes:
        ijk_to_ras: 4 x 4 matrix from (i, j, k, 1) to mm, without any parent transform; oblique, mirrored or sheared.
        extent: The box, in indices of the volume.
    """

    ijk_to_ras: NDArray[np.float64]
    extent: Extent

    @classmethod
    def of_volume(cls, volume_node: slicer.vtkMRMLScalarVolumeNode) -> VolumeGrid:
        """Return the grid of a volume."""
        matrix = vtk.vtkMatrix4x4()
        volume_node.GetIJKToRASMatrix(matrix)
        return cls(slicer.util.arrayFromVTKMatrix(matrix), tuple(volume_node.GetImageData().GetExtent()))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an array on this grid, axes (k, j, i)."""
        i0, i1, j0, j1, k0, k1 = self.extent
        return k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels in mm along (k, j, i)."""
        i, j, k = np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)
        return float(k), float(j), float(i)

    def as_file_grid(self) -> Grid:
        """Return the grid as in files: axes (i, j, k), mm in left-posterior-superior axes."""
        k, j, i = self.shape
        return Grid((i, j, k), np.diag([-1.0, -1.0, 1.0, 1.0]) @ self.ijk_to_ras)

    def geometry(self) -> slicer.vtkOrientedImageData:
        """Return an image without voxels that has the geometry of this grid."""
        image = slicer.vtkOrientedImageData()
        image.SetExtent(*self.extent)
        image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(self.ijk_to_ras))
        return image

    def image(self, mask: Mask) -> slicer.vtkOrientedImageData:
        """Return ``mask``, of this grid's shape, as an image of unsigned chars."""
        if mask.shape != self.shape:
            raise ValueError(f"A mask of shape {mask.shape} does not fit a grid of shape {self.shape}.")
        image = self.geometry()
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.astype(np.uint8).ravel()
        return image

    def holds(self, labelmap: slicer.vtkOrientedImageData) -> bool:
        """Whether every voxel of ``labelmap`` is on this lattice, inside the box or not."""
        return self._to_lattice(labelmap) is not None

    def covering(self, labelmap: slicer.vtkOrientedImageData) -> VolumeGrid:
        """Return this grid, enlarged so that it covers a label map that it :meth:`holds`."""
        matrix = self._to_lattice(labelmap)
        if matrix is None:
            raise ValueError("The label map lies on another lattice.")
        corners = np.rint(_corners(labelmap) @ matrix.T)[:, :3].astype(int)
        first = np.minimum(corners.min(axis=0), self.extent[0::2])
        last = np.maximum(corners.max(axis=0), self.extent[1::2])
        i0, j0, k0 = (int(value) for value in first)
        i1, j1, k1 = (int(value) for value in last)
        return replace(self, extent=(i0, i1, j0, j1, k0, k1))

    def window(self, inner: VolumeGrid) -> tuple[slice, slice, slice]:
        """Return the slices of an array on this grid that select the box of ``inner``, on the same lattice."""
        k, j, i = (
            slice(inner.extent[axis] - self.extent[axis], inner.extent[axis + 1] - self.extent[axis] + 1)
            for axis in (4, 2, 0)
        )
        return k, j, i

    def _to_lattice(self, labelmap: slicer.vtkOrientedImageData) -> NDArray[np.float64] | None:
        """Return the matrix from the label map's indices to those of this lattice; ``None`` if it is on another one."""
        image_to_world = vtk.vtkMatrix4x4()
        labelmap.GetImageToWorldMatrix(image_to_world)
        matrix: NDArray[np.float64] = np.linalg.solve(self.ijk_to_ras, slicer.util.arrayFromVTKMatrix(image_to_world))
        exact = np.rint(matrix)
        # A signed permutation: the same axes, perhaps in another order or direction.
        permutes = np.array_equal(np.abs(exact[:3, :3]) @ np.ones(3), np.ones(3)) and abs(np.linalg.det(exact)) == 1
        # At the corners, since a small error of spacing grows with the distance from the origin.
        corners = _corners(labelmap)
        error = np.abs(corners @ matrix.T - corners @ exact.T).max()
        return exact if permutes and error <= _LATTICE_TOLERANCE else None


def _corners(labelmap: Any) -> NDArray[np.float64]:
    """Return the eight corner voxels of an image as rows (i, j, k, 1)."""
    i0, i1, j0, j1, k0, k1 = labelmap.GetExtent()
    return np.array([(i, j, k, 1) for i in (i0, i1) for j in (j0, j1) for k in (k0, k1)], dtype=float)
