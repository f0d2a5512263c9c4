"""The sample of the module Sample Data: a real stack and its broken wall.

Slicer imports this file when it starts: the files are registered, and loaded on request.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

CATEGORY = "RNCA Refine"
"""The name of the extension: the same in every language."""
SAMPLE = "SunnybrookBroken"
VOLUME_NAME, SEGMENTATION_NAME = "Sunnybrook short axis", "Sunnybrook broken wall"
FILES = {
    "SunnybrookBroken-image.nrrd": "fb3b69aed900344dd69763acb77c275ec89aea22a4a2ee6706c368d71ddcea9f",
    "SunnybrookBroken-segmentation.seg.nrrd": "ae903946cc099c8e7836a486a631d9165a4911c6391c834ca8cd574ce5cbd0a5",
}
"""The image and the segmentation, with their SHA-256."""

_RESOURCES = Path(__file__).resolve().parents[2] / "Resources"


def register(on_click: Callable[[Any], None]) -> None:
    """Add the sample to Sample Data, in a category of its own.

    Its button calls ``on_click``, which should :func:`load` the sample. For ``SampleData.downloadSamples``, Slicer
    copies the files to its cache, checks and loads them; no connection is needed.

    Args:
        on_click: Called with Sample Data's description of the sample.

    Raises:
        ModuleNotFoundError: This Slicer has no Sample Data.
    """
    from SampleData import SampleDataLogic

    # New in Slicer 5.12: without it, the name of the category is its title.
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        thumbnailFileName=str(_RESOURCES / "Icons" / f"RNCARefine{SAMPLE}.png"),
        uris=[_file(name).as_uri() for name in FILES],
        fileNames=list(FILES),
        nodeNames=[VOLUME_NAME, SEGMENTATION_NAME],
        checksums=[f"SHA256:{digest}" for digest in FILES.values()],
        loadFileTypes=["VolumeFile", "SegmentationFile"],
        customDownloader=on_click,
    )


def load() -> tuple[Any, Any]:
    """Load the installed sample and show the image in the slice views.

    Returns:
        The volume, and the segmentation with the volume as its reference geometry. They have no storage nodes, so that
        saving cannot overwrite the installed files.

    Raises:
        ValueError: A file is missing or damaged. As after any error, the scene is restored.
    """
    from .nodes.scene import unchanged_on_failure

    image, segmentation = (_checked(name) for name in FILES)
    with unchanged_on_failure():
        volume_node = slicer.util.loadVolume(str(image), {"name": VOLUME_NAME, "show": False})
        # Slicer numbers volumes of the same name, but not segmentations.
        name = slicer.mrmlScene.GenerateUniqueName(SEGMENTATION_NAME)
        segmentation_node = slicer.util.loadSegmentation(str(segmentation), {"name": name})
        for node in (volume_node, segmentation_node):
            slicer.mrmlScene.RemoveNode(node.GetStorageNode())
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    slicer.util.setSliceViewerLayers(background=volume_node, fit=True)
    return volume_node, segmentation_node


def _file(name: str) -> Path:
    return _RESOURCES / "SampleData" / name


def _checked(name: str) -> Path:
    """Return the path of a file of the sample and check its checksum: Slicer crashes on some damaged files."""
    path = _file(name)
    if not path.is_file():
        raise ValueError(f"The sample data {str(path)!r} is missing. Install the extension again.")
    if slicer.util.computeChecksum("SHA256", str(path)) != FILES[name]:
        raise ValueError(
            f"The sample data {str(path)!r} is damaged: its checksum differs. Install the extension again."
        )
    return path
