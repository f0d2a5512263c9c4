"""Slice and 3D views without a screen: the application's own logics and displayable managers, drawn off screen.

What a view widget of the application does besides, which is to own a render window and to put the slice's image into
it, is done here; everything that is seen comes from the real classes.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

Pixels = NDArray[np.uint8]
"""RGB, shape ``(rows, columns, 3)``."""

Point = Sequence[float] | NDArray[np.float64]
"""Three numbers, in RAS."""

NO_RENDERING = "VTK cannot draw off screen here: install Mesa's EGL (libegl1, libgl1-mesa-dri) or libosmesa6"

_WINDOW = "VTK_DEFAULT_OPENGL_WINDOW"
"""Environment variable that names VTK's class of window; it is read whenever a window is made."""
_TRIAL = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkWindowToImageFilter
window, renderer, reader = vtkRenderWindow(), vtkRenderer(), vtkWindowToImageFilter()
window.OffScreenRenderingOn()
window.SetSize(8, 8)
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
reader.SetInput(window)
reader.Update()
pixel = [reader.GetOutput().GetScalarComponentAsDouble(4, 4, 0, channel) for channel in range(3)]
raise SystemExit(pixel != [255, 0, 0])
"""
_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
)
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)


@functools.cache
def can_render() -> bool:
    """Whether VTK can draw off screen; chooses the class of window that can.

    It is tried in a process of its own, since VTK ends the whole process when there is no way to draw.
    """
    on_linux = sys.platform.startswith("linux")
    classes = ["vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"] if on_linux else [""]
    if _WINDOW in os.environ:
        classes = [os.environ[_WINDOW]]
    for window_class in classes:
        if _draws({**os.environ, _WINDOW: window_class}):
            os.environ[_WINDOW] = window_class
            return True
    return False


def _draws(environment: dict[str, str]) -> bool:
    command = [sys.executable, "-c", _TRIAL]
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=120).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class View:
    """An off-screen window with a renderer and the displayable managers that fill it."""

    def __init__(self, factory: Any, managers: tuple[str, ...], size: tuple[int, int]) -> None:
        if not can_render():
            raise RuntimeError(NO_RENDERING)
        self.size = size
        self.renderer = vtk.vtkRenderer()
        self._window = vtk.vtkRenderWindow()
        self._window.OffScreenRenderingOn()
        self._window.SetSize(*size)
        self._window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()  # managers look for the window through it
        self._interactor.SetRenderWindow(self._window)
        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._managers = factory.InstantiateDisplayableManagers(self.renderer)

    def rgb(self) -> Pixels:
        self._window.Render()
        reader = vtk.vtkWindowToImageFilter()
        reader.SetInput(self._window)
        reader.ReadFrontBufferOff()
        reader.ShouldRerenderOff()
        reader.Update()
        width, height = self.size
        pixels = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)
        return np.ascontiguousarray(pixels[::-1])

    def close(self) -> None:
        """Let go of the scene; a view must not outlive its session."""
        self._managers.SetMRMLDisplayableNode(None)
        self._window.Finalize()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class SliceView(View):
    """A slice view, as the application's red, green and yellow one.

    Attributes:
        node: The ``vtkMRMLSliceNode``.
        logic: The ``vtkMRMLSliceLogic``.
    """

    def __init__(self, name: str = "Red", orientation: str = "Axial", size: tuple[int, int] = (400, 400)) -> None:
        super().__init__(slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance(), _SLICE_MANAGERS, size)
        application = slicer.app.applicationLogic()
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        known = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if known is None:
            self.node = self.logic.AddSliceNode(name)
        else:  # AddSliceNode would give the logic a node that is in no scene
            self.node = known
            self.logic.SetSliceNode(known)
        self.node.SetOrientation(orientation)
        application.GetSliceLogics().AddItem(self.logic)
        self._image = vtk.vtkImageMapper()
        self._image.SetColorWindow(255)
        self._image.SetColorLevel(127.5)
        background = vtk.vtkActor2D()
        background.SetMapper(self._image)
        background.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(background)
        # After the image, or segments that are there already are blended with black in its place.
        self._managers.SetMRMLDisplayableNode(self.node)
        self.logic.ResizeSliceNode(*size)

    def show(self, volume_node: Any) -> None:
        """Put a volume in the background and fit the view to it."""
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume_node.GetID())
        self.logic.FitSliceToBackground(*self.size)

    def lie_on(self, volume_node: Any, k: int) -> None:
        """Show slice ``k`` of a volume as it lies in the array: columns to the right, rows downwards.

        Args:
            volume_node: Under no transform.
            k: The slice; its middle comes to the middle of the view.
        """
        ijk_to_ras = vtk.vtkMatrix4x4()
        volume_node.GetIJKToRASMatrix(ijk_to_ras)
        directions = slicer.util.arrayFromVTKMatrix(ijk_to_ras)
        right = directions[:3, 0] / np.linalg.norm(directions[:3, 0])
        normal = np.cross(right, directions[:3, 1])
        normal /= np.linalg.norm(normal)
        width, height, _ = volume_node.GetImageData().GetDimensions()
        middle = directions @ [(width - 1) / 2, (height - 1) / 2, k, 1]
        plane = np.eye(4)
        plane[:3, :] = np.c_[right, np.cross(right, normal), -normal, middle[:3]]
        self.node.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(plane))
        self.node.UpdateMatrices()

    def zoom(self, width_mm: float) -> None:
        """Make the view ``width_mm`` wide, keeping its centre."""
        width, height = self.size
        self.node.SetFieldOfView(width_mm, width_mm * height / width, self.node.GetFieldOfView()[2])

    def pixels_of(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points lie in the picture.

        Args:
            points: In mm, RAS, shape (n, 3).

        Returns:
            Row and column in pixels, which are whole numbers at the centres of pixels, shape (n, 2).
        """
        to_ras = slicer.util.arrayFromVTKMatrix(self.node.GetXYToRAS())
        xy = np.c_[points, np.ones(len(points))] @ np.linalg.inv(to_ras).T
        return np.c_[self.size[1] - 1 - xy[:, 1], xy[:, 0]]

    def rgb(self) -> Pixels:
        # The logic makes another image whenever its layers change.
        self._image.SetInputConnection(self.logic.GetImageDataConnection())
        return super().rgb()

    def close(self) -> None:
        """Let go of the scene; a view must not outlive its session."""
        slicer.app.applicationLogic().GetSliceLogics().RemoveItem(self.logic)
        super().close()
        self._image.RemoveAllInputConnections(0)
        self.logic.SetMRMLScene(None)


class ThreeDView(View):
    """A 3D view.

    Attributes:
        node: The ``vtkMRMLViewNode``.
    """

    def __init__(self, name: str = "1", size: tuple[int, int] = (400, 400)) -> None:
        super().__init__(slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance(), _THREE_D_MANAGERS, size)
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(slicer.mrmlScene)
        known = slicer.vtkMRMLViewLogic.GetViewNode(slicer.mrmlScene, name)
        self.node = self._logic.AddViewNode(name) if known is None else known
        slicer.app.applicationLogic().GetViewLogics().AddItem(self._logic)
        self._managers.SetMRMLDisplayableNode(self.node)
        self.renderer.GradientBackgroundOn()
        self.renderer.UseDepthPeelingOn()

    def look(self, at: Point, direction: Point, up: Point, distance: float) -> None:
        """Place the camera.

        Args:
            at: The point in the middle of the picture, in mm, RAS.
            direction: From the camera to that point.
            up: What is upwards in the picture.
            distance: Of the camera from the point, in mm.
        """
        camera = self._managers.GetDisplayableManagerByClassName("vtkMRMLCameraDisplayableManager").GetCameraNode()
        camera.SetFocalPoint(*at)
        camera.SetPosition(*(np.asarray(at) - distance * np.asarray(direction) / np.linalg.norm(direction)))
        camera.SetViewUp(*up)
        camera.ResetClippingRange()

    def close(self) -> None:
        """Let go of the scene; a view must not outlive its session."""
        slicer.app.applicationLogic().GetViewLogics().RemoveItem(self._logic)
        super().close()
        self._logic.SetMRMLScene(None)
