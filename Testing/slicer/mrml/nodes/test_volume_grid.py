"""The voxel lattice of a volume."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk

from harness.hearts import GEOMETRIES, SHAPE, Heart, draw_heart
from RNCARefineLib.mrml.nodes.volume_grid import VolumeGrid


def oriented_image(ijk_to_ras: np.ndarray, extent: tuple[int, ...]) -> slicer.vtkOrientedImageData:
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*extent)
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    return image


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_shape_and_spacing_are_those_of_the_volume(geometry: str) -> None:
    grid = VolumeGrid.of_volume(draw_heart(geometry).volume)
    assert grid.shape == SHAPE
    i, j, k = np.linalg.norm(GEOMETRIES[geometry], axis=0)
    assert grid.spacing == pytest.approx((k, j, i))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_an_image_of_the_grid_lies_where_the_volume_lies(geometry: str) -> None:
    heart = draw_heart(geometry)
    image = VolumeGrid.of_volume(heart.volume).image(heart.masks["myo"])
    theirs, ours = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    heart.volume.GetIJKToRASMatrix(theirs)
    image.GetImageToWorldMatrix(ours)
    assert slicer.util.arrayFromVTKMatrix(ours) == pytest.approx(slicer.util.arrayFromVTKMatrix(theirs), abs=1e-9)
    assert image.GetScalarType() == vtk.VTK_UNSIGNED_CHAR
    assert image.GetScalarComponentAsDouble(24, 11, 0, 0) == heart.masks["myo"][0, 11, 24] == 1


def test_a_mask_of_another_shape_has_no_image(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    with pytest.raises(ValueError, match=r"\(4, 40, 48\).*\(5, 40, 48\)"):
        grid.image(heart.masks["myo"][1:])


def test_a_part_of_the_lattice_is_held_wherever_it_lies(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    assert grid.holds(oriented_image(grid.ijk_to_ras, (3, 9, 2, 4, 1, 1)))
    assert grid.holds(oriented_image(grid.ijk_to_ras, (-30, -20, 60, 70, -3, 9)))


def test_flipped_or_permuted_axes_give_the_same_lattice(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    flip = np.array([[-1, 0, 0, 47], [0, 1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1]])
    exchange = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert grid.holds(oriented_image(grid.ijk_to_ras @ flip, (0, 47, 0, 39, 0, 4)))
    assert grid.holds(oriented_image(grid.ijk_to_ras @ exchange, (0, 39, 0, 47, 0, 4)))


@pytest.mark.parametrize(
    "change",
    [
        np.diag([0.5, 0.5, 1, 1]),  # twice as fine
        np.array([[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),  # half a voxel off
        np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),  # turned
        np.diag([1.002, 1, 1, 1]),  # a spacing that agrees at the origin and not at the other end
        np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]),  # sheared by whole voxels
        np.diag([2, 1, 1, 1]),  # every other voxel
    ],
)
def test_another_lattice_is_not_held(heart: Heart, change: np.ndarray) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    assert not grid.holds(oriented_image(grid.ijk_to_ras @ change, (0, 47, 0, 39, 0, 4)))


def test_rounding_of_a_file_header_does_not_make_another_lattice(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    rounded = np.round(grid.ijk_to_ras, 5)
    assert not np.array_equal(rounded, grid.ijk_to_ras)
    assert grid.holds(oriented_image(rounded, (0, 47, 0, 39, 0, 4)))


def test_covering_takes_in_volume_and_label_map(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    flip = np.array([[-1, 0, 0, 47], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    # Flipped columns 50..52 are columns -5..-3 of the volume.
    wider = grid.covering(oriented_image(grid.ijk_to_ras @ flip, (50, 52, 10, 12, 3, 7)))
    assert wider.extent == (-5, 47, 0, 39, 0, 7)
    assert wider.shape == (8, 40, 53)


def test_the_window_cuts_the_smaller_grid_out_of_the_larger(heart: Heart) -> None:
    grid = VolumeGrid.of_volume(heart.volume)
    wider = grid.covering(oriented_image(grid.ijk_to_ras, (-5, 50, -2, 3, -1, 7)))
    values = np.zeros(wider.shape)
    values[wider.window(grid)] = 1
    assert values.sum() == np.prod(SHAPE)
    assert values[1, 2, 5] == 1
    assert values[0].sum() == values[:, :2].sum() == values[:, :, :5].sum() == 0
