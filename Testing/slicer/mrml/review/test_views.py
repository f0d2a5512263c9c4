"""Slice views: which slice of a stack they show, and how they get there; on the application's own slice nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from harness.hearts import CENTRE, GEOMETRIES, Heart, draw_heart, transform_node
from RNCARefineLib.mrml.review.views import align_views, show_slice, slice_shown

TURN = np.array([[0.0, -1, 0, 12.5], [1, 0, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1]])
ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}


@pytest.fixture
def views() -> dict[str, Any]:
    """Return three slice views in the orientations of the application."""
    nodes = {}
    for name, orientation in ORIENTATIONS.items():
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        node.SetLayoutName(name)
        node.SetOrientation(orientation)
        nodes[name] = node
    return nodes


def to_world(heart: Heart) -> np.ndarray:
    """Return the matrix from (i, j, k, 1) to mm in the world."""
    matrix, world = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    heart.volume.GetIJKToRASMatrix(matrix)
    if heart.volume.GetParentTransformNode() is not None:
        heart.volume.GetParentTransformNode().GetMatrixTransformToWorld(world)
    return np.array(slicer.util.arrayFromVTKMatrix(world) @ slicer.util.arrayFromVTKMatrix(matrix))


def middle(view: Any) -> np.ndarray:
    """Return the point in the middle of a view, in mm: the pixel between its first and its last."""
    width, height, _ = view.GetDimensions()
    x, y = width / 2, height / 2
    return np.array(view.GetXYToRAS().MultiplyPoint((x, y, 0, 1)))


def look_along(view: Any, heart: Heart, column: np.ndarray, row: np.ndarray) -> None:
    """Turn a view: its horizontal and its vertical axis, in mm in the world."""
    normal = np.cross(column, row)
    view.SetSliceToRASByNTP(*normal, *column, *to_world(heart)[:3, 3], 0)


@pytest.fixture(params=[False, True], ids=["", "transformed"])
def transformed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def drawn(geometry: str, transformed: bool) -> Heart:
    heart = draw_heart(geometry)
    if transformed:
        heart.volume.SetAndObserveTransformNodeID(transform_node(TURN).GetID())
    return heart


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_view_gets_the_middle_of_the_wall_into_its_own(
    views: dict[str, Any], geometry: str, transformed: bool
) -> None:
    heart = drawn(geometry, transformed)
    point = show_slice(heart.volume, 3, heart.ring)
    expected = to_world(heart) @ [CENTRE[1], CENTRE[0], 3, 1]
    assert point == pytest.approx(expected[:3])
    for view in views.values():
        np.testing.assert_allclose(middle(view), expected, atol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("k", range(5))
def test_a_view_that_is_aligned_shows_the_slice_it_was_moved_to(
    views: dict[str, Any], geometry: str, transformed: bool, k: int
) -> None:
    heart = drawn(geometry, transformed)
    align_views(heart.volume)
    show_slice(heart.volume, k, heart.ring)
    shown = [slice_shown(view, heart.volume) for view in views.values()]
    assert set(shown) <= {None, k}
    assert k in shown


def test_a_view_that_is_not_parallel_shows_no_slice(views: dict[str, Any]) -> None:
    heart = draw_heart("oblique")
    assert [slice_shown(view, heart.volume) for view in views.values()] == [None, None, None]


def test_views_are_turned_where_none_would_show_the_slice(views: dict[str, Any]) -> None:
    heart = draw_heart("oblique")
    show_slice(heart.volume, 2)
    assert sorted(str(slice_shown(view, heart.volume)) for view in views.values()) == ["2", "None", "None"]
    before = [slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, :3].copy() for view in views.values()]
    show_slice(heart.volume, 3)
    after = [slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, :3] for view in views.values()]
    np.testing.assert_array_equal(before, after)


def test_the_axial_view_shows_an_axis_aligned_slice_without_rotation(views: dict[str, Any]) -> None:
    heart = draw_heart("axis-aligned")
    before = np.array(slicer.util.arrayFromVTKMatrix(views["Red"].GetSliceToRAS()))[:3, :3]
    show_slice(heart.volume, 4)
    assert {name: slice_shown(view, heart.volume) for name, view in views.items()} == {
        "Red": 4,
        "Yellow": None,
        "Green": None,
    }
    np.testing.assert_array_equal(slicer.util.arrayFromVTKMatrix(views["Red"].GetSliceToRAS())[:3, :3], before)


def test_without_a_wall_the_middle_of_the_image_is_shown(views: dict[str, Any], heart: Heart) -> None:
    expected = to_world(heart) @ [47 / 2, 39 / 2, 1, 1]
    assert show_slice(heart.volume, 1) == pytest.approx(expected[:3])
    assert show_slice(heart.volume, 1, np.zeros((40, 48), np.uint8)) == pytest.approx(expected[:3])


@pytest.mark.parametrize(
    ("offset", "shown"), [(-0.6, None), (-0.4, 0), (0.4, 0), (0.6, 1), (3.6, 4), (4.4, 4), (4.6, None)]
)
def test_a_view_between_slices_shows_the_nearer_one(views: dict[str, Any], offset: float, shown: int | None) -> None:
    heart = draw_heart("sheared")
    matrix = to_world(heart)
    look_along(views["Red"], heart, matrix[:3, 0], matrix[:3, 1])
    views["Red"].JumpSliceByCentering(*(matrix @ [10, 10, offset, 1])[:3])
    assert slice_shown(views["Red"], heart.volume) == shown


@pytest.mark.parametrize(("degrees", "shown"), [(0, 2), (2, 2), (178, 2), (10, None), (90, None)])
def test_a_view_counts_as_parallel_while_it_stays_in_one_slice(
    views: dict[str, Any], degrees: float, shown: int | None
) -> None:
    heart = draw_heart("mirrored")
    matrix = to_world(heart)
    column, row, normal = (axis / np.linalg.norm(axis) for axis in matrix[:3, :3].T)
    angle = np.radians(degrees)
    look_along(views["Red"], heart, column, row)  # so that no view is turned
    look_along(views["Green"], heart, np.cos(angle) * column + np.sin(angle) * normal, row)
    show_slice(heart.volume, 2)
    assert slice_shown(views["Green"], heart.volume) == shown


def test_a_view_may_be_turned_within_its_plane(views: dict[str, Any]) -> None:
    heart = draw_heart("oblique")
    matrix = to_world(heart)
    column, row = (axis / np.linalg.norm(axis) for axis in matrix[:3, :2].T)
    look_along(views["Red"], heart, 0.6 * column + 0.8 * row, 0.6 * row - 0.8 * column)
    show_slice(heart.volume, 1)
    assert slice_shown(views["Red"], heart.volume) == 1


def test_views_in_the_same_wrong_plane_are_aligned(views: dict[str, Any]) -> None:
    heart = draw_heart("oblique")
    matrix = to_world(heart)
    for view in views.values():
        look_along(view, heart, matrix[:3, 0], matrix[:3, 2])
    align_views(heart.volume)
    show_slice(heart.volume, 3)
    assert [slice_shown(view, heart.volume) for view in views.values()].count(3) == 1


def test_the_only_visible_view_shows_the_slices(views: dict[str, Any]) -> None:
    heart = draw_heart("axis-aligned")
    views["Yellow"].SetMappedInLayout(1)
    align_views(heart.volume)
    show_slice(heart.volume, 3)
    assert slice_shown(views["Yellow"], heart.volume) == 3


def test_every_slice_view_of_the_scene_is_moved(views: dict[str, Any], heart: Heart) -> None:
    more = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Slice4")
    more.SetViewGroup(1)
    point = show_slice(heart.volume, 0)
    np.testing.assert_allclose(middle(more)[:3], point, atol=1e-6)


def test_without_views_nothing_happens(heart: Heart) -> None:
    align_views(heart.volume)
    show_slice(heart.volume, 0)


@pytest.mark.parametrize("k", [-1, 5])
def test_a_slice_that_is_not_there_is_refused(views: dict[str, Any], heart: Heart, k: int) -> None:
    before = middle(views["Red"])
    with pytest.raises(ValueError, match=f"'Cine'.*slice {k}"):
        show_slice(heart.volume, k)
    np.testing.assert_array_equal(middle(views["Red"]), before)


def test_under_a_warp_a_slice_can_be_visited_but_no_view_shows_it(views: dict[str, Any], heart: Heart) -> None:
    warp = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in [(0, 0, 0), (100, 0, 0), (0, 100, 0), (0, 0, 100), (100, 100, 100)]:
        source.InsertNextPoint(corner)
        target.InsertNextPoint([value + 5 + 0.001 * value**2 for value in corner])
    warp.SetSourceLandmarks(source)
    warp.SetTargetLandmarks(target)
    warp.SetBasisToR()
    local = show_slice(heart.volume, 2)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "Warp")
    node.SetAndObserveTransformToParent(warp)
    heart.volume.SetAndObserveTransformNodeID(node.GetID())
    expected = [0.0, 0.0, 0.0]
    node.GetTransformToParent().TransformPoint(local, expected)
    assert show_slice(heart.volume, 2) == pytest.approx(expected)
    assert slice_shown(views["Red"], heart.volume) is None
    with pytest.raises(ValueError, match=r"'Cine'.*transform"):
        align_views(heart.volume)
