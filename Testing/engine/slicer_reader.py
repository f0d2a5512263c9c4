"""Segmentations as 3D Slicer's own reader places them in space."""

import json
import subprocess
import sys

import numpy as np
import pytest

from engine.file_samples import ijk_to_lps
from engine.report_samples import SHAPE

SLICER = """
import json, sys
import numpy as np, slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
logic = slicer.vtkSlicerSegmentationsModuleLogic()
logic.SetMRMLScene(scene)
node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node)
found = {}
for index in range(node.GetSegmentation().GetNumberOfSegments()):
    segment = node.GetSegmentation().GetNthSegment(index)
    image = segment.GetRepresentation("Binary labelmap")
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    to_ras = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    extent = image.GetExtent()
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    kji = np.argwhere(values == segment.GetLabelValue()) + [extent[4], extent[2], extent[0]]
    ijk1 = np.column_stack([kji[:, ::-1], np.ones(len(kji))])
    lps = (ijk1 @ to_ras.T)[:, :3] * [-1, -1, 1]
    status = vtk.reference("")
    segment.GetTag("Segmentation.Status", status)
    found[segment.GetName()] = {"lps": lps.tolist(), "color": segment.GetColor(), "status": str(status)}
print(json.dumps(found))
"""


def in_slicer(path):
    """Return the segments as Slicer's own reader places them in space; skip where its libraries are missing."""
    done = subprocess.run([sys.executable, "-c", SLICER, str(path)], capture_output=True, text=True, check=False)
    if "No module named 'slicer'" in done.stderr:
        pytest.skip("slicer-core is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def voxels_in(points):
    """Return points (LPS) as voxels of the stack, shape (k, j, i)."""
    mask = np.zeros(SHAPE, np.uint8)
    ijk = np.column_stack([np.reshape(points, (-1, 3)), np.ones(len(points))]) @ np.linalg.inv(ijk_to_lps()).T
    assert np.abs(ijk - ijk.round()).max() < 1e-3
    i, j, k = ijk.round().astype(int)[:, :3].T
    mask[k, j, i] = 1
    return mask
