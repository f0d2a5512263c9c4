from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from numpy.typing import NDArray

from harness import rendering
from harness.hearts import CENTRE, GAP, SPECK, Heart, draw_heart
from harness.rendering import Pixels, SliceView, ThreeDView
from harness.runs import process
from RNCARefineLib.mrml.review.kept import ADDED, REMOVED
from RNCARefineLib.mrml.review.views import show_slice

Marks = NDArray[np.bool_]
"""Where a colour is in a picture, shape ``(rows, columns)``."""

WIDTH_MM = 45.0
"""Of a view in which the drawn heart's wall, 25 mm across, is about half of the picture."""
MAGENTA = (1.0, 0.0, 1.0)


@pytest.fixture(autouse=True)
def drawing() -> None:
    if not rendering.can_render():
        pytest.skip(rendering.NO_RENDERING)


@pytest.fixture
def view() -> Iterator[SliceView]:
    with SliceView(size=(360, 320)) as view:
        yield view


def look(view: SliceView, heart: Heart, k: int) -> None:
    view.lie_on(heart.volume, k)
    view.zoom(WIDTH_MM)


def paint(node: Any, *segment_ids: str, fill: float = 1.0, outline: bool = False) -> None:
    """Show these segments of a node and no others, by default as flat colour."""
    display = node.GetDisplayNode()
    display.SetVisibility(bool(segment_ids))
    display.SetOpacity2DFill(fill)
    display.SetVisibility2DOutline(outline)
    display.SetAllSegmentsVisibility(False)
    for segment_id in segment_ids:
        display.SetSegmentVisibility(segment_id, True)
        display.SetSegmentOpacity2DFill(segment_id, 1.0)


def has_colour(picture: Pixels, colour: tuple[float, float, float]) -> Marks:
    expected = np.rint(255 * np.array(colour))
    return np.asarray((np.abs(picture - expected) <= 1).all(axis=2))


def ijk_to_ras(heart: Heart) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    heart.volume.GetIJKToRASMatrix(matrix)
    return np.asarray(slicer.util.arrayFromVTKMatrix(matrix))


def voxels_under_pixels(view: SliceView, heart: Heart) -> tuple[NDArray[np.int_], Marks]:
    """Return the voxel (k, j, i) under the centre of each pixel, and which pixels lie well inside of their voxel."""
    width, height = view.size
    columns, rows = np.meshgrid(np.arange(width), height - 1 - np.arange(height))
    xy_to_ras = slicer.util.arrayFromVTKMatrix(view.node.GetXYToRAS())
    xy_to_ijk = np.linalg.inv(ijk_to_ras(heart)) @ xy_to_ras
    ijk = (np.stack([columns, rows, np.zeros_like(rows), np.ones_like(rows)], -1) @ xy_to_ijk.T)[..., :3]
    nearest = np.rint(ijk)
    return nearest[..., ::-1].astype(int), np.asarray((np.abs(ijk - nearest) < 0.4).all(axis=-1))


def drawn(view: SliceView, heart: Heart, mask: NDArray[np.uint8]) -> tuple[Marks, Marks]:
    """Return which pixels a mask covers, and which pixels are sure."""
    index, sure = voxels_under_pixels(view, heart)
    k, j, i = np.moveaxis(index, -1, 0)
    inside = (j >= 0) & (j < mask.shape[1]) & (i >= 0) & (i < mask.shape[2])
    found = np.zeros(k.shape, bool)
    found[inside] = mask[k[inside], j[inside], i[inside]] > 0
    return found, sure


@pytest.mark.parametrize("geometry", ["axis-aligned", "oblique", "mirrored", "sheared"])
def test_added_voxels_are_drawn_in_their_colour_and_place(logic: Any, view: SliceView, geometry: str) -> None:
    heart = draw_heart(geometry)
    process(logic, heart)
    node = logic.outputSegmentationNode()
    paint(heart.segmentation)
    paint(node, "myo_added", "myo_removed")
    look(view, heart, GAP)
    picture = view.rgb()
    added = heart.voxels("myo", node) & ~heart.masks["myo"] & 1
    expected, sure = drawn(view, heart, added)
    assert expected.sum() > 1000
    np.testing.assert_array_equal(has_colour(picture, ADDED.colour)[sure], expected[sure])
    assert not has_colour(picture, REMOVED.colour).any()


def test_removed_voxels_are_drawn_in_their_colour_and_slice(logic: Any, view: SliceView, heart: Heart) -> None:
    process(logic, heart)
    node = logic.outputSegmentationNode()
    paint(heart.segmentation)
    paint(node, "myo_removed")
    found = []
    for k in range(5):
        view.lie_on(heart.volume, k)
        view.zoom(2 * WIDTH_MM)
        picture = has_colour(view.rgb(), REMOVED.colour)
        expected, sure = drawn(view, heart, heart.masks["myo"] & ~heart.voxels("myo", node) & 1)
        np.testing.assert_array_equal(picture[sure], expected[sure])
        found.append(bool(picture.any()))
    assert found == [False, False, False, True, False]


def test_axial_pictures_are_in_radiological_orientation(view: SliceView) -> None:
    heart = draw_heart("axis-aligned", origin=(30.0, 25.0, 0.0))
    view.show(heart.volume)
    paint(heart.segmentation, "rv")
    colour = heart.segmentation.GetSegmentation().GetSegment("rv").GetColor()
    view.node.JumpSliceByCentering(0.0, 0.0, 16.0)
    rows, columns = np.nonzero(has_colour(view.rgb(), colour))
    # The segment rv lies at columns 36 to 43 of 48, and columns run to the patient's left here.
    assert columns.min() > view.size[0] / 2
    # Its rows, 12 to 27 of 40, run to the back: a bit more of it lies in front of the middle.
    assert rows.mean() < view.size[1] / 2
    corners = view.pixels_of(np.array([[10.0, 0.0, 16.0], [-10.0, 0.0, 16.0], [0.0, 10.0, 16.0]]))
    assert corners[0, 1] < corners[1, 1]
    assert corners[2, 0] < corners[0, 0]


@pytest.mark.parametrize("geometry", ["axis-aligned", "oblique"])
def test_showing_a_slice_centres_the_picture_on_the_heart(view: SliceView, geometry: str) -> None:
    heart = draw_heart(geometry)
    paint(heart.segmentation, "myo")
    colour = heart.segmentation.GetSegmentation().GetSegment("myo").GetColor()
    look(view, heart, 0)
    for k in (GAP, SPECK, 4):
        show_slice(heart.volume, k, heart.ring)
        expected, sure = drawn(view, heart, heart.masks["myo"][[k] * 5])
        np.testing.assert_array_equal(has_colour(view.rgb(), colour)[sure], expected[sure])
        centre = (ijk_to_ras(heart) @ [CENTRE[1], CENTRE[0], k, 1])[:3]
        middle = [(view.size[1] - 1) / 2, (view.size[0] - 1) / 2]
        np.testing.assert_allclose(view.pixels_of(centre[None])[0], middle, atol=1.0)


def test_the_pool_is_visible_in_3d_until_the_gap_is_closed(logic: Any, heart: Heart) -> None:
    heart.segmentation.GetSegmentation().GetSegment("pool").SetColor(*MAGENTA)
    process(logic, heart)
    shares = []
    with ThreeDView(size=(200, 200)) as view:
        view.node.SetBoxVisible(False)
        view.node.SetAxisLabelsVisible(False)
        for node in (heart.segmentation, logic.outputSegmentationNode()):
            for other in (heart.segmentation, logic.outputSegmentationNode()):
                other.GetDisplayNode().SetVisibility(other is node)
            paint(node, "myo", "pool")
            node.GetSegmentation().SetConversionParameter("Smoothing factor", "0.0")
            node.CreateClosedSurfaceRepresentation()
            # From the side of the gap, which is where i is large, straight at the broken slice.
            matrix = ijk_to_ras(heart)
            middle = (matrix @ [CENTRE[1], CENTRE[0], GAP, 1])[:3]
            view.look(middle, direction=-matrix[:3, 0], up=-matrix[:3, 1], distance=120.0)
            red, green, blue = np.moveaxis(view.rgb().astype(int), -1, 0)
            shares.append(int(((red > 60) & (blue > 60) & (green < 30)).sum()))
    assert shares[0] > 200
    assert shares[1] == 0
