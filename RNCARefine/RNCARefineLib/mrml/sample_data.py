"""The samples of the module Sample Data: a stack with a broken wall, and a photograph with broken vessels.

Slicer imports this file when it starts: the files are registered, and loaded on request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

CATEGORY = "RNCA Refine"
"""The name of the extension: the same in every language."""

_RESOURCES = Path(__file__).resolve().parents[2] / "Resources"


@dataclass(frozen=True)
class Sample:
    """An image and its broken segmentation.

    Attributes:
        name: The text of its button in Sample Data; its thumbnail is named after it.
        volume_name: Name of the volume in the scene.
        segmentation_name: Name of the segmentation in the scene.
        checksums: SHA-256 of the file of the image, then of that of the segmentation, by file name.
    """

    name: str
    volume_name: str
    segmentation_name: str
    checksums: dict[str, str]


HEART = Sample(
    "SunnybrookBroken",
    "Sunnybrook short axis",
    "Sunnybrook broken wall",
    {
        "SunnybrookBroken-image.nrrd": "fb3b69aed900344dd69763acb77c275ec89aea22a4a2ee6706c368d71ddcea9f",
        "SunnybrookBroken-segmentation.seg.nrrd": "ae903946cc099c8e7836a486a631d9165a4911c6391c834ca8cd574ce5cbd0a5",
    },
)
VESSELS = Sample(
    "ChaseBroken",
    "Chase photograph",
    "Chase broken vessels",
    {
        "ChaseBroken-photograph.jpg": "be0fad1dc97c11139b5c573bbc8b922c3fd650ca61512653b350f1d0ef68b1fe",
        "ChaseBroken-segmentation.seg.nrrd": "b3d84b6706f52c70e282af7bfd78abcbf9da0f5077e2d9d28204431fe8d59c70",
    },
)
SAMPLES = {sample.name: sample for sample in (HEART, VESSELS)}


def register(on_click: Callable[[Any], None]) -> None:
    """Add the samples to Sample Data, in a category of their own.

    Their buttons call ``on_click``, which should :func:`load` the sample. For ``SampleData.downloadSamples``, Slicer
    copies the files to its cache, checks and loads them; no connection is needed.

    Args:
        on_click: Called with Sample Data's description of the sample, which has its ``sampleName``.

    Raises:
        ModuleNotFoundError: This Slicer has no Sample Data.
    """
    from SampleData import SampleDataLogic

    # New in Slicer 5.12: without it, the name of the category is its title.
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    for sample in SAMPLES.values():
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            thumbnailFileName=str(_RESOURCES / "Icons" / f"RNCARefine{sample.name}.png"),
            uris=[_file(name).as_uri() for name in sample.checksums],
            fileNames=list(sample.checksums),
            nodeNames=[sample.volume_name, sample.segmentation_name],
            checksums=[f"SHA256:{digest}" for digest in sample.checksums.values()],
            loadFileTypes=["VolumeFile", "SegmentationFile"],
            customDownloader=on_click,
        )


def load(name: str = HEART.name) -> tuple[Any, Any]:
    """Load an installed sample and show the image in the slice views.

    Args:
        name: One of :data:`SAMPLES`.

    Returns:
        The volume, and the segmentation with the volume as its reference geometry. They have no storage nodes, so that
        saving cannot overwrite the installed files.

    Raises:
        KeyError: There is no such sample.
        ValueError: A file is missing or damaged. As after any error, the scene is restored.
    """
    from .nodes.scene import unchanged_on_failure

    sample = SAMPLES[name]
    image, segmentation = (_checked(file_name, digest) for file_name, digest in sample.checksums.items())
    with unchanged_on_failure():
        volume_node = slicer.util.loadVolume(str(image), {"name": sample.volume_name, "show": False})
        # Slicer numbers volumes of the same name, but not segmentations.
        unique = slicer.mrmlScene.GenerateUniqueName(sample.segmentation_name)
        segmentation_node = slicer.util.loadSegmentation(str(segmentation), {"name": unique})
        for node in (volume_node, segmentation_node):
            slicer.mrmlScene.RemoveNode(node.GetStorageNode())
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    slicer.util.setSliceViewerLayers(background=volume_node, fit=True)
    return volume_node, segmentation_node


def _file(name: str) -> Path:
    return _RESOURCES / "SampleData" / name


def _checked(name: str, digest: str) -> Path:
    """Return the path of a file of a sample and check its SHA-256: Slicer crashes on some damaged files."""
    path = _file(name)
    if not path.is_file():
        raise ValueError(f"The sample data {str(path)!r} is missing. Install the extension again.")
    if slicer.util.computeChecksum("SHA256", str(path)) != digest:
        raise ValueError(
            f"The sample data {str(path)!r} is damaged: its checksum differs. Install the extension again."
        )
    return path
