"""Stand-in for the application's IO manager: it picks the real logic or storage node, which does the work.

The wheel's ITK reads no JPEG and no PNG. SimpleITK's does, with the same size, spacing and orientation, and passes such
a picture to the real logic in a format that it reads.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import slicer
import vtk

PICTURES = (".jpg", ".jpeg", ".png")
READ_EXTENSIONS = {
    "SceneFile": (".mrml", ".mrb"),
    "SegmentationFile": (".seg.nrrd", ".seg.nhdr"),
    "VolumeFile": (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", *PICTURES),
}
"""File type to the endings it is read from; compound endings stand before the simple ones they end in."""

WRITE_TYPES = {
    "vtkMRMLScalarVolumeNode": "VolumeFile",
    "vtkMRMLLabelMapVolumeNode": "VolumeFile",
    "vtkMRMLSegmentationNode": "SegmentationFile",
    "vtkMRMLTableNode": "TableFile",
}
"""Class of a node to the file type it is written as."""


class IOManager:
    """Loads, saves and exports nodes; the arguments are those of the real class."""

    def __init__(self, modules: Any, temporary_path: str) -> None:
        self._modules = modules
        self._temporary_path = temporary_path

    def fileWriterFileType(self, node: Any) -> str:
        """Return the file type that a node is written as."""
        return WRITE_TYPES[node.GetClassName()]

    def fileWriterExtensions(self, node: Any) -> list[str]:
        """Return the formats that a node can be written in, such as ``NRRD (.nrrd)``."""
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        storage.SetScene(slicer.mrmlScene)  # volume formats come from the scene's data IO manager
        types = storage.GetSupportedWriteFileTypes()
        return [types.GetValue(index) for index in range(types.GetNumberOfValues())]

    def extractKnownExtension(self, fileName: str, node: Any) -> str:
        """Return the longest ending of ``fileName`` that the node can be written with."""
        read = slicer.vtkDataFileFormatHelper.GetFileExtensionFromFormatString
        known = [read(text) for text in self.fileWriterExtensions(node)]
        fitting = [ending for ending in known if str(fileName).lower().endswith(ending.lower())]
        return max(fitting, key=len, default="")

    def loadNodes(
        self, fileType: str, properties: dict[str, Any], loadedNodes: Any = None, userMessages: Any = None
    ) -> bool:
        """Load a file into the scene; false, with a message, if that fails."""
        path = Path(properties["fileName"])
        if not path.is_file():
            if userMessages is not None:
                userMessages.AddMessage(vtk.vtkCommand.ErrorEvent, f"File not found: {path}")
            return False
        if fileType == "SceneFile":
            return self._load_scene(path, bool(properties.get("clear", False)), userMessages)
        node = self._load_node(fileType, path, properties, userMessages)
        if node is not None and loadedNodes is not None:
            loadedNodes.AddItem(node)
        return node is not None

    def saveNodes(self, fileType: str, properties: dict[str, Any], userMessages: Any = None) -> bool:
        """Save a node with its own storage node, or the scene."""
        path = str(properties["fileName"])
        if fileType == "SceneFile":
            if not path.endswith(".mrb"):
                raise NotImplementedError("The headless Slicer saves scenes as .mrb only.")
            return bool(slicer.mrmlScene.WriteToMRB(path, None, userMessages))
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        return bool(storage.WriteData(node))

    def exportNodes(
        self,
        nodeIDs: list[str],
        fileNames: list[str],
        properties: dict[str, Any],
        hardenTransform: bool,
        userMessages: Any = None,
    ) -> bool:
        """Write nodes with storage nodes of their own, leaving the scene alone."""
        if hardenTransform:
            raise NotImplementedError("The headless Slicer does not harden transforms on export.")
        written = []
        for node_id, path in zip(nodeIDs, fileNames, strict=True):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            storage = node.CreateDefaultStorageNode()
            storage.UnRegister(None)
            storage.SetFileName(str(path))
            written.append(bool(storage.WriteData(node)))
        return all(written)

    def _load_scene(self, path: Path, clear: bool, messages: Any) -> bool:
        scene = slicer.mrmlScene
        if path.suffix == ".mrb":
            # A folder of its own: the scene is unpacked there and read from it.
            folder = tempfile.mkdtemp(dir=self._temporary_path)
            if clear:
                scene.Clear(False)
            return bool(slicer.app.applicationLogic().OpenSlicerDataBundle(str(path), folder, messages))
        scene.SetURL(str(path))
        return bool(scene.Connect(messages) if clear else scene.Import(messages))

    def _load_node(self, file_type: str, path: Path, properties: dict[str, Any], messages: Any) -> Any:
        # A label map may be read as a segmentation, too.
        known = [ending for endings in READ_EXTENSIONS.values() for ending in endings]
        ending = max((end for end in known if path.name.lower().endswith(end)), key=len)
        name = properties.get("name") or slicer.mrmlScene.GenerateUniqueName(path.name[: -len(ending)])
        if file_type == "VolumeFile":
            options = int(bool(properties.get("labelmap", False))) | (4 if properties.get("singleFile", True) else 0)
            if ending in PICTURES:
                return self._load_picture(path, name, options, properties, messages)
            return self._logic("Volumes").AddArchetypeVolume(str(path), name, options, None, messages)
        if file_type == "SegmentationFile":
            return self._logic("Segmentations").LoadSegmentationFromFile(str(path), True, name, None, messages)
        raise NotImplementedError(f"The headless Slicer does not load a {file_type}.")

    def _load_picture(self, path: Path, name: str, options: int, properties: dict[str, Any], messages: Any) -> Any:
        if not properties.get("singleFile", False) and any(letter.isdigit() for letter in path.stem):
            raise NotImplementedError("The headless Slicer does not look for a series of numbered pictures.")
        try:
            picture = sitk.ReadImage(str(path))
        except RuntimeError:
            if messages is not None:
                messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"Cannot read {path}")
            return None
        with tempfile.TemporaryDirectory() as folder:
            readable = str(Path(folder) / "picture.mha")
            sitk.WriteImage(picture, readable)
            node = self._logic("Volumes").AddArchetypeVolume(readable, name, options, None, messages)
        if node is not None:
            node.GetStorageNode().SetFileName(str(path))
        return node

    def _logic(self, module: str) -> Any:
        return self._modules.module(module).logic()
